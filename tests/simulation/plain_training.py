"""One training of a study, no search around it: runs of several studies come to it, suffer, take it over and go."""

import random
from functools import cache, partial
from typing import Any

from charrec.storage.s3 import S3Store
from charrec.training.checkpoints import TakenOver, read_progress, sweep_up
from charrec.training.interruption import Interrupted
from charrec.training.train import train
from tests.simulation.bucket import Bucket, Weather
from tests.simulation.invariants import Histories, Invariants, check, plain
from tests.simulation.lives import Lives
from tests.simulation.searching import QUIET, Run, drawn
from tests.simulation.stage import staged
from tests.simulation.training import Trainer
from tests.simulation.world import Process, Violation, World
from tests.toy import RECIPE

KEY, EPOCHS = "training", 3
REST = 60.0  # mean seconds after which a study whose training was taken over is started again
EXPECTED = (ConnectionError, TimeoutError, TakenOver, Interrupted)  # a run may end with; the next one goes on


def simulate(seed: int) -> Run:
    """The run of one seed, compared with the undisturbed one."""
    rng = random.Random(f"{seed} fate")
    return run(seed, drawn(rng), rng.choice((1, 2, 2, 3)), undisturbed())


@cache
def undisturbed() -> Run:
    calm = run(0, Weather(), 1, None)
    if calm.violation:
        raise RuntimeError(str(calm)) from calm.violation
    return calm


def run(seed: int, weather: Weather, studies: int, expected: Run | None) -> Run:
    world = World(seed)
    watch = Invariants(expected.histories if expected else None)
    bucket = Bucket(world, weather, watch)
    made = Run(seed, f"{studies} studies, weather: {weather}", world.trace)
    with staged(world, bucket, Trainer(world, {})):
        try:
            _Training(world, bucket, watch).go(studies)
            made.found, made.histories = outcome(bucket)
            if expected:
                check(plain(made.found) == plain(expected.found), "the training ended otherwise than undisturbed")
        except Violation as violation:
            made.violation = violation
    return made


class _Training:
    def __init__(self, world: World, bucket: Bucket, watch: Invariants) -> None:
        self.world, self.bucket, self.watch = world, bucket, watch
        self.lives = Lives(world, bucket, lasting=("last",))

    def go(self, studies: int) -> None:
        """Until every study has its training; then what killed runs left is swept up, in a clear sky."""
        places = [
            self.world.thread(self.world.main.process, partial(self.place, f"study-{number}"), f"place-{number}")
            for number in range(studies)
        ]
        self.lives.begin(places)
        self.world.sleep(max(self.bucket.weather.until - self.world.now, 0) + QUIET)
        while self.lives.live("last", self.swept, EXPECTED) != "done":
            pass
        progress = self.watch.trainings[KEY]
        orphans = set(self.bucket.objects) - progress.needed() - {f"{KEY}/progress.json"}
        check(not orphans, f"left over: {sorted(orphans)}")

    def place(self, name: str) -> None:
        """One run of a study after the other, each begun when the one before has ended."""
        self.world.sleep(self.world.rng.choice((0.0, 5.0, 60.0)))
        while self.lives.live(name, self.train, EXPECTED) != "done":
            self.world.sleep(self.world.rng.expovariate(1 / REST))

    def train(self, process: Process) -> str:
        nothing: Any = None  # the trainer looks at no images
        store = S3Store("s3://bucket")
        told = train(RECIPE, nothing, EPOCHS, store, KEY, interrupt=lambda: process.asked_to_stop)
        check(len(told.epochs) == EPOCHS, f"a study was told of {len(told.epochs)} epochs")
        check(self.watch.trainings[KEY].epochs == told.epochs, "a study was told of a training that is not stored")
        return "done"

    def swept(self, _process: Process) -> str:
        store = S3Store("s3://bucket")
        sweep_up(store, KEY, read_progress(store, KEY).owner)
        return "done"


def outcome(bucket: Bucket) -> tuple[dict[str, Any], Histories]:
    """The history, and the digests of the weights."""
    bucket.weather = Weather()
    progress = read_progress(S3Store("s3://bucket"), KEY)
    weights = [one.sha256 for one in (progress.best, progress.last) if one]
    return {"weights": weights, "epochs": [row.model_dump() for row in progress.epochs]}, {KEY: progress.epochs}
