"""The control: Keras Tuner's own Hyperband, a chief and two workers, whose processes are killed and started again.

`python -m tests.kills.stock FOLDER --rounds 20` prints what each search lost, a line of docs/kills-stock.jsonl (or of
`--notes`), and the table; it goes on where it was stopped. `--kills 0` leaves the search undisturbed. The searches are
those of tests/kills/searches.py. In half of the rounds each process that is killed is started again under its own name,
as a batch system might; in the others a worker's place is taken by one of another name, as by another spot machine.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from charrec.machine.provenance import commit
from charrec.markdown import table
from charrec.study import Frozen
from charrec.sweep.schedule import schedule
from tests.benchmarks.sweep import stock_worker
from tests.kills import notes
from tests.kills.searches import SWEEP
from tests.sweep.swarm import small_arrays

KILLS = 5  # a round, if the search is not over before
CHIEF = "chief"
WORKERS = 2
CHIEFS_SHARE = 1 / 9  # of the kills
PAUSES = (2.0, 6.0)  # seconds between two kills; a process needs some to begin
PACE = 0.1  # seconds after each step
SILENCE = 150.0  # seconds in which no trial ends, after which the search counts as hung; a loaded machine is slow
TRIALS = sum(rung.trials for rung in schedule(SWEEP.search))


class Round(Frozen):
    seed: int
    renamed: bool  # whether a worker's successor has another name
    kills: dict[str, int]
    completed: int
    losses: tuple[str, ...]
    seconds: float
    commit: str


class Search:
    """A chief and two workers at one search."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.workers = 0  # named so far
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])

    def start(self, role: str) -> None:
        theirs = {"KERASTUNER_TUNER_ID": role, "KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": self.port}
        command = [sys.executable, "-m", "tests.kills.stock", "worker", self.folder]
        with (self.folder / f"{role}.log").open("ab") as log:
            self.processes[role] = subprocess.Popen(command, env=os.environ | theirs, stdout=log, stderr=log)

    def start_worker(self) -> None:
        """One that nobody knows yet."""
        self.start(f"worker{self.workers}")
        self.workers += 1

    def kill(self, role: str) -> None:
        self.processes[role].send_signal(signal.SIGKILL)
        self.processes[role].wait()
        del self.processes[role]

    def trials(self) -> dict[str, str]:
        """Status by trial. A file that is being written is looked at again."""
        found = {}
        for path in self.folder.rglob("trial.json"):
            try:
                found[path.parent.name] = json.loads(path.read_text())["status"]
            except (ValueError, FileNotFoundError):
                found[path.parent.name] = "RUNNING"
        return found

    def over(self) -> bool:
        return all(process.poll() is not None for process in self.processes.values())


def play(seed: int, folder: Path, kills: int = KILLS) -> Round:
    rng, began, search = random.Random(seed), time.monotonic(), Search(folder)
    renamed, counts = rng.random() < 0.5, Counter[str]()
    try:
        search.start(CHIEF)
        for _ in range(WORKERS):
            search.start_worker()
        while counts.total() < kills and not search.over():
            time.sleep(rng.uniform(*PAUSES))
            workers = sorted(search.processes.keys() - {CHIEF})
            role = CHIEF if rng.random() < CHIEFS_SHARE else rng.choice(workers)
            if search.processes[role].poll() is None:
                search.kill(role)
                if renamed and role != CHIEF:
                    search.start_worker()
                else:
                    search.start(role)
                counts["chief" if role == CHIEF else "worker"] += 1
        hung = not wait(search)
        exits = {role: process.poll() for role, process in search.processes.items()}
    finally:
        for role in [*search.processes]:
            search.kill(role)
    trials = search.trials()
    completed = sum(status == "COMPLETED" for status in trials.values())
    lost = ["it hung"] if hung else [f"{role} ended with {code}" for role, code in exits.items() if code]
    if completed != TRIALS:
        lost.append(f"{completed} trials of {TRIALS} completed")
    lost += [f"trial {name} is {status}" for name, status in sorted(trials.items()) if status != "COMPLETED"]
    return Round(
        seed=seed, renamed=renamed, kills=dict(counts), completed=completed, losses=tuple(lost),
        seconds=round(time.monotonic() - began, 1), commit=commit(),
    )  # fmt: skip


def wait(search: Search) -> bool:
    """Whether all end by themselves, as long as trials still end."""
    before, since = search.trials(), time.monotonic()
    while not search.over():
        if search.trials() != before:
            before, since = search.trials(), time.monotonic()
        if time.monotonic() - since > SILENCE:
            return False
        time.sleep(0.5)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.kills.stock", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--kills", type=int, help=f"of each round; {KILLS} unless given")
    parser.add_argument("--notes", type=Path, help="where each round is noted; with --kills, in FOLDER")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that chief and workers end, too
    path = options.notes or (notes.STOCK if options.kills is None else options.folder / "rounds.jsonl")
    rounds = notes.read(Round, path)
    for seed in range(len(rounds), options.rounds):
        folder = options.folder / f"stock-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        rounds.append(play(seed, folder, KILLS if options.kills is None else options.kills))
        print(rounds[-1].model_dump_json(), flush=True)
        notes.add(rounds[-1], path)
    print(told(rounds))


def told(rounds: list[Round]) -> str:
    """The table of the page."""
    rows = []
    for renamed, name in ((False, "its own name"), (True, "another name")):
        mine = [each for each in rounds if each.renamed is renamed]
        kills = sum(sum(each.kills.values()) for each in mine)
        hung, lost = sum("it hung" in each.losses for each in mine), sum(bool(each.losses) for each in mine)
        rows.append([name, *(str(number) for number in (len(mine), kills, hung, lost))])
    return table(["a killed worker comes back under", "searches", "kills", "hung", "with a loss"], rows)


def worker(folder: Path) -> None:
    import keras

    pause = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep(PACE))
    stock_worker(folder, SWEEP.search, small_arrays(), [pause])


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    worker(Path(sys.argv[2])) if sys.argv[1:2] == ["worker"] else main()
