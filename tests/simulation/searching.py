"""A whole search in a simulated world: workers come, suffer and go until none is left to do, whatever happens."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import product
from typing import Any

from charrec.storage.s3 import S3Store
from charrec.study import Search
from charrec.sweep.blame import MachineAtFault
from charrec.sweep.heartbeat import Terms
from charrec.sweep.oracle import Assignment
from charrec.sweep.schedules import Asha, Random
from charrec.sweep.trial import trial_seed
from charrec.sweep.worker import Ended
from charrec.training.checkpoints import read_progress
from charrec.tuning.outcome import result
from charrec.tuning.plan import Sweep
from charrec.tuning.work import work
from tests.simulation.bucket import Bucket, Weather
from tests.simulation.invariants import Histories, Invariants, check, plain
from tests.simulation.lives import Lives
from tests.simulation.stage import staged
from tests.simulation.training import Trainer
from tests.simulation.world import Line, Process, Violation, World
from tests.sweep.scheduled import Named, Scheduled, check_whole
from tests.toy import SEARCH_RECIPE

SMALL = Search(max_epochs=2, factor=2)  # 5 trials of 4 configurations, one of them promoted
LARGER = Search(max_epochs=4, factor=2)
TERMS = Terms(losses=1000, poll=15)
RATES = (0.0, 0.0, 0.01, 0.05, 0.2)
PROVEN = 0.02  # of the seeds: their workers prove the store first, which doubles the calls
QUIET = 700.0  # seconds after which no request is under way, and every lease over


@dataclass
class Run:
    """What one seed did."""

    seed: int
    about: str
    trace: list[Line]
    violation: Violation | None = None
    found: dict[str, Any] = field(default_factory=dict)
    histories: Histories = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)  # of the bucket, after the search

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {self.about}", *map(str, self.trace)]
        return "\n".join([*lines, f"VIOLATED: {self.violation}" if self.violation else "nothing was violated"])

    def counts(self) -> Counter[str]:
        """What went wrong, from the trace."""
        words = {
            "killed": " is killed ", "frozen": " is frozen ", "late": ", late", "unanswered": ": no reply",
            "500": ", told as 500", "409": " -> 409", "412": " -> 412", "jumps": "clock jumps",
            "stopped": "asked to stop",
            "calls": " -> ",
        }  # fmt: skip
        return Counter(name for line in self.trace for name, word in words.items() if word in line.what)


def simulate(seed: int, by: Named = None, executions: int = 1, short: bool = False) -> Run:
    """The run of one seed, compared with the undisturbed one; by ASHA epoch by epoch: its trials may be others.

    `short`: memory ends in one configuration, and it ends as one that diverges.
    """
    rng = random.Random(f"{seed} fate")
    search = LARGER if rng.random() < 0.03 or by else SMALL
    hopeless = (rng.randrange(3), rng.choice((1, 2))) if rng.random() < 0.1 or short else None
    return run(
        seed,
        search,
        hopeless,
        drawn(rng),
        rng.choice((1, 2, 2, 3)),
        undisturbed(search, hopeless, Random(trials=by.trials) if isinstance(by, Asha) else by, executions),
        rng.random() < PROVEN,
        by,
        executions,
        short,
    )


@cache
def undisturbed(search: Search, hopeless: tuple[int, int] | None, by: Named = None, executions: int = 1) -> Run:
    calm = run(0, search, hopeless, Weather(), 1, None, by=by, executions=executions)
    if calm.violation:
        raise RuntimeError(str(calm)) from calm.violation
    return calm


def drawn(rng: random.Random) -> Weather:
    """Each kind of weather on its own: what happens all the time hides what needs a quiet moment."""
    rates = {name: rng.choice(RATES) for name in ("lost", "unanswered", "late", "refused")}
    return Weather(
        **rates,
        in_flight=rng.choice((0.0, 0.5, 0.95)),
        killed=rng.choice((0.0, 0.003, 0.01)),
        frozen=rng.choice((0.0, 0.005, 0.02)),
        until=rng.uniform(60, 900),
        page=rng.choice((2, 1000)),
    )


def run(
    seed: int, search: Search, hopeless: tuple[int, int] | None, weather: Weather, workers: int, expected: Run | None,
    proven: bool = False, by: Named = None, executions: int = 1, short: bool = False,
) -> Run:  # fmt: skip
    """`hopeless`: a configuration, and the epoch in which its last execution diverges, or memory ends (`short`)."""
    world = World(seed)
    given = {"key": "sweep", "search": search, "recipe": SEARCH_RECIPE}
    other = {"by": by, "repeats": executions}
    sweep = Scheduled.model_validate(given | other) if by or executions > 1 else Sweep.model_validate(given)
    watch = Invariants(expected.histories if expected else None)
    bucket = Bucket(world, weather, watch)
    diverging = {trial_seed(sweep.recipe.seed, hopeless[0], executions - 1): hopeless[1]} if hopeless else {}
    about = f"{workers} workers, {search.max_epochs} epochs, hopeless {hopeless}{short * ', short'}, weather: {weather}"
    made = Run(seed, about, world.trace)
    with staged(world, bucket, Trainer(world, diverging, short), proven):
        try:
            _Search(world, bucket, sweep, watch).go(workers)
            made.objects = {key: stored.data for key, stored in bucket.objects.items()}
            made.found, made.histories = outcome(bucket, sweep)
            if by and watch.document:
                check_whole(sweep, watch.document)
            if expected and not isinstance(by, Asha):
                check(plain(made.found) == plain(expected.found), "the search found another result than undisturbed")
        except Violation as violation:
            made.violation = violation
    return made


class _Search:
    def __init__(self, world: World, bucket: Bucket, sweep: Sweep, watch: Invariants) -> None:
        self.world, self.bucket, self.sweep, self.watch = world, bucket, sweep, watch
        self.lives = Lives(world, bucket, lasting=("last",))

    def go(self, workers: int) -> None:
        """Until every place's worker came to the search's end; then one more in a clear sky, which cleans up."""
        places = [
            self.world.thread(self.world.main.process, partial(self.place, n), f"place-{n}") for n in range(workers)
        ]
        self.lives.begin(places)
        self.world.sleep(max(self.bucket.weather.until - self.world.now, 0) + QUIET)
        while self.worker("last") != "finished":
            pass
        self.world.sleep(QUIET)
        orphans = set(self.bucket.objects) - self.owed()
        check(not orphans, f"left over: {sorted(orphans)}")

    def place(self, number: int) -> None:
        """One worker after the other, as whoever starts workers sees to."""
        self.world.sleep(self.world.rng.choice((0.0, 5.0, 60.0)))
        while self.worker(f"w{number}") != "finished":
            self.world.sleep(self.world.rng.expovariate(1 / 10))

    def worker(self, name: str) -> str:
        """How a worker's process ended."""
        return self.lives.live(name, self.work, (ConnectionError, TimeoutError, MachineAtFault))

    def work(self, process: Process) -> str:
        def trial(given: Assignment, attempt: Callable[[], Ended]) -> None:
            self.watch.given(self.holder(given), given)
            self.world.note(f"has trial {given.trial}, token {given.token}, configuration {given.configuration}")
            ended = attempt()
            self.world.note(f"trial {given.trial}: {ended.how}, {ended.message}")
            self.watch.ended(given, ended.how)

        nothing: Any = None  # the trainer looks at no images
        return work(
            S3Store("s3://bucket"), self.sweep, nothing, stop=lambda: process.asked_to_stop, terms=TERMS, trial=trial
        )

    def holder(self, given: Assignment) -> str:
        """The worker's name, if the process at hand has this lease."""
        name = self.watch.leases.get(given.token, ("nobody", ""))[0]
        process = self.world.current.process
        return name if name.startswith(f"{process.name}-{process.number}-") else f"{process.name}-{process.number}"

    def owed(self) -> set[str]:
        """What may be there after a search."""
        needed = set().union(*(progress.needed() for progress in self.watch.trainings.values()))
        trainings = {f"{training}/progress.json" for training in self.watch.trainings}
        return needed | trainings | {f"{self.sweep.key}/sweep.json", self.sweep.oracle}


def outcome(bucket: Bucket, sweep: Sweep) -> tuple[dict[str, Any], Histories]:
    """All that a search finds, but for what may differ: names of trials, and seconds."""
    bucket.weather = Weather()
    store = S3Store("s3://bucket")
    what = result(store, sweep, images=1)
    told = what.model_dump(exclude={"seconds": True, "trials": {"__all__": {"trial", "seconds"}}})  # type: ignore[arg-type]
    numbers = dict.fromkeys(row.configuration for row in what.trials)
    failed = {row.configuration for row in what.trials if row.state == "FAILED"}  # may leave an epoch half done
    weights: dict[int, list[str]] = {number: [] for number in numbers}
    histories: Histories = {}
    for number, execution in product(numbers, range(sweep.executions)):
        progress = read_progress(store, key := sweep.training(number, execution))
        kept = (progress.best, progress.last if number not in failed else None)
        weights[number] += [one.sha256 for one in kept if one]
        histories[key] = progress.epochs
    rows = {key: [row.model_dump() for row in epochs] for key, epochs in histories.items()}
    return told | {"histories": rows, "weights": weights}, histories
