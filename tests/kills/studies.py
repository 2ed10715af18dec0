"""Whole studies under faults at seeded random moments, each compared with the same study undisturbed.

`python -m tests.kills.studies FOLDER --studies 50` plays rounds and prints the table: a small deployed study, most of
whose steps lie in its store already, suffers three to six faults. Then every result is compared, and whatever is left
behind is looked for. Every round is a line of docs/kills-studies.jsonl (or of `--notes`), so the same command goes on
where it was stopped; `--seed N` repeats one, `--faults 0` plays rounds without any.
"""

import argparse
import hashlib
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect.client.schemas.objects import FlowRun

from charrec.machine.provenance import commit
from charrec.markdown import table
from charrec.storage import open_store
from charrec.study import Frozen
from infra.local.process import NotStarted
from infra.local.stack import ROOT, Stack
from tests.desk import TINY
from tests.kills import notes
from tests.kills.ground import Ground, asked, ground
from tests.kills.left_behind import at_work, ended_late, left_behind
from tests.kills.meter import Meter
from tests.kills.study_faults import StudyFaults
from tests.kills.study_losses import Told, differences, orphans, told
from tests.processes import eventually
from tests.production.driver import copy, study_of
from tests.stack import stack_folder

FAULTS = (3, 6)  # a round, if the study is not over before
UNDONE = (  # what a round's study computes beside its report, by parts of keys
    ("trainings/model_2-",),
    ("trainings/model_2-", "sweeps/"),
    ("sweeps/",),
    ("trainings/model_1-", "trainings/model_3-"),
    ("sweeps/", "trainings/model_4-"),
    ("trainings/model_2-", "predictions/model_2-", "glyphs/"),
)
WATCH = 120.0  # seconds without any process of a run, after which charrec-watch looks; by itself, each half hour
PATIENCE = 1800.0  # seconds after the last fault in which a study must end
SETTLING = 300.0  # seconds until nothing of it is at work
FINAL = ("Completed", "Failed", "Cancelled")  # a Crashed one is revived
ROUNDS = 10  # on one stack; its disk fills up


class Round(Frozen):
    """One study and what it lost."""

    seed: int
    undone: tuple[str, ...]
    faults: dict[str, int]
    state: str
    watches: int  # that were begun before their time
    ended_late: int  # task runs and flow runs that only charrec-watch marks
    died: dict[str, int]  # parts that ended by themselves
    losses: tuple[str, ...]
    seconds: float
    cpu: float  # seconds
    commit: str


def play(seed: int, field: Ground, reference: Path, undisturbed: Told, faults: int | None = None) -> Round:
    """The round of this seed. What its faults hit is random beyond the seed, as processes are."""
    rng, began, prefix = random.Random(seed), time.monotonic(), f"round-{seed}-{time.time():.0f}"
    undone, count = rng.choice(UNDONE), rng.randint(*FAULTS)
    store, before = field.store(prefix), field.started_again()
    copy(open_store(str(reference)), store, *undone, "reports/")
    watches, late, lost = 0, 0, list[str]()
    with Meter(field) as meter, StudyFaults(field, rng) as blows:
        run = field.begin(study_of(TINY), prefix)
        try:
            for _ in range(count if faults is None else faults):
                if field.state(run) in FINAL:
                    break
                blows.one()
            watches = until_over(field, run)
        except NotStarted as error:
            lost.append(f"make up: {error}")
        state = field.state(run)
        late = ended_late(field)
        lost += left_behind(field)
    if state == "Completed":
        lost += [*differences(told(store), undisturbed), *orphans(store)]
    else:
        lost += [f"the study is {state}", *asked(lambda: field.production.said(run))[-3:]]
    died = field.started_again() - before - blows.killed
    return Round(
        seed=seed, undone=undone, faults=dict(blows.counts), state=state, watches=watches, ended_late=late,
        died=dict(died), losses=tuple(lost), seconds=round(time.monotonic() - began, 1), cpu=round(meter.seconds, 1),
        commit=commit(),
    )  # fmt: skip


def until_over(field: Ground, run: FlowRun) -> int:
    """Wait for the study's end and for all that works for it; returns how often charrec-watch was begun for it."""
    began = alive = time.monotonic()
    watches = 0
    while (now := time.monotonic()) < began + PATIENCE and field.state(run) not in FINAL:
        if field.runs():
            alive = now
        if now > alive + WATCH:
            asked(lambda: field.production.begin("charrec-watch/watch"))
            watches, alive = watches + 1, now
        time.sleep(2)
    eventually(lambda: not at_work(field), SETTLING, 2)
    return watches


def study_undisturbed(field: Ground, folder: Path) -> None:
    """The whole study, deployed; its store is copied into the folder."""
    run = field.begin(study_of(TINY), "undisturbed")
    assert eventually(lambda: field.state(run) in (*FINAL, "Crashed"), PATIENCE, 2), field.state(run)
    assert field.state(run) == "Completed", field.production.said(run)
    unfinished = folder.with_name(f"{folder.name}-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    copy(field.store("undisturbed"), open_store(str(unfinished)))
    unfinished.rename(folder)


def code() -> str:
    """A name of what charrec consists of: a study of other code has other keys."""
    files = [path for path in (ROOT / "charrec").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(files))).hexdigest()[:12]


@contextmanager
def new_ground(folder: Path, seed: int) -> Iterator[Ground]:
    """Notes where it lies, so that the next call can end what this one leaves if it is killed."""
    note = folder / "stack"
    if note.exists():
        former = Stack(Path(note.read_text()))
        former.down()
        if former.store.files.is_mount():
            subprocess.run(["umount", "--lazy", former.store.files], check=True)
        shutil.rmtree(former.folder, ignore_errors=True)
    with stack_folder() as place:
        note.write_text(str(place))
        try:
            with ground(place, seed) as made:
                yield made
        finally:
            note.unlink()


def keep_logs(field: Ground, folder: Path) -> None:
    shutil.copytree(field.stack.folder / "logs", folder, dirs_exist_ok=True)


@contextmanager
def logs_of_a_failure(field: Ground, folder: Path) -> Iterator[None]:
    """Of the harness itself, as where Prefect's server does not come back."""
    try:
        yield
    except Exception:
        keep_logs(field, folder)
        raise


def _left(rounds: list[Round], studies: int) -> list[int]:
    """The seeds that nobody has played."""
    return sorted(set(range(studies)) - {each.seed for each in rounds})


def told_of(rounds: list[Round]) -> str:
    """The table of the page."""
    faults = sum((Counter(each.faults) for each in rounds), Counter[str]())
    rows = [[name, f"{count:,}"] for name, count in faults.most_common()]
    counts = {
        "studies": len(rounds), "faults": faults.total(), "studies with a loss": sum(bool(r.losses) for r in rounds),
        "watches before their time": sum(r.watches for r in rounds), "runs that only the watch marked":
        sum(r.ended_late for r in rounds), "parts that ended by themselves": sum(sum(r.died.values()) for r in rounds),
    }  # fmt: skip
    each = [sum(r.seconds for r in rounds) / len(rounds), sum(r.cpu for r in rounds) / len(rounds)] if rounds else []
    cost = " and ".join(f"{seconds:.0f} s of {what}" for seconds, what in zip(each, ("time", "CPU"), strict=False))
    summary = table(["what", "how often"], [[name, f"{count:,}"] for name, count in counts.items()])
    return f"{summary}\n\n{table(['fault', 'times'], rows)}\n\nA study took {cost}."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.kills.studies", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--studies", type=int, default=50)
    parser.add_argument("--seed", type=int, help="play this one round")
    parser.add_argument("--faults", type=int, help="of each round; drawn unless given")
    parser.add_argument("--notes", type=Path, help="where each round is noted; with --faults, in FOLDER")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the stack ends, too
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.notes or (notes.STUDIES if options.faults is None else options.folder / "rounds.jsonl")
    rounds = notes.read(Round, path)
    reference = options.folder / f"undisturbed-{code()}"
    seeds = [options.seed] if options.seed is not None else _left(rounds, options.studies)
    while seeds:
        with new_ground(options.folder, seeds[0]) as field:
            if not reference.exists():
                study_undisturbed(field, reference)
            undisturbed = told(open_store(str(reference)))
            for _ in range(min(ROUNDS, len(seeds))):
                with logs_of_a_failure(field, options.folder / f"round-{seeds[0]}"):
                    rounds.append(play(seeds.pop(0), field, reference, undisturbed, options.faults))
                print(rounds[-1].model_dump_json(), flush=True)
                if options.seed is None:
                    notes.add(rounds[-1], path)
                if rounds[-1].losses:  # on with a new stack, lest one loss brings the next
                    keep_logs(field, options.folder / f"round-{rounds[-1].seed}")
                    break
    if options.seed is not None:
        sys.exit(1 if rounds[-1].losses else 0)
    print(told_of(rounds))


if __name__ == "__main__":
    main()
