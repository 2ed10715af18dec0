"""A user at a desk, who runs the whole study, tiny: real processes, Prefect and Keras, three fonts of 32 px."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from charrec.results import StudyResult
from charrec.storage import open_store
from tests.processes import alive, descendants

ROOT = Path(__file__).parents[1]
EPOCHS = 10  # of model 2, long enough to be ended in the middle, twice
TINY = {
    "--data.glyphs": "fonts", "--data.letters": "fonts", "--data.digits": "sklearn", "--data.fonts": "3",
    "--data.letters-per-class": "2", "--image-size": "32", "--precision": "float32", "--epochs-model-1": "2",
    "--epochs-model-2": str(EPOCHS), "--epochs-model-3": "1", "--epochs-model-4": "1", "--epochs-model-5": "0",
    "--search.max-epochs": "2", "--search.factor": "2", "--search.images": "64",
}  # fmt: skip
MODELS = ("model_1", "model_2", "model_3", "model_4")
SHORT = ("pack glyphs", "pack letters", "pack digits", "precision", "search", "augment", "report")
CHILDREN = {"sweep worker 1", *(f"train {model}" for model in MODELS)}
TRIALS = {f"trial 000{n}, epochs {epochs}" for n, epochs in enumerate(("1-1", "1-1", "2-2", "1-2", "1-2"))}
STEPS = {*SHORT, *(f"{step} {model}" for step in ("train", "predict", "evaluate") for model in MODELS)}


@dataclass(frozen=True)
class Ran:
    """How a run ended and what it said."""

    status: int
    said: str

    @property
    def lines(self) -> list[str]:
        return self.said.splitlines()

    @property
    def states(self) -> dict[str, str]:
        """Step -> the state that it ended in."""
        ended = re.findall(r"Task run '([^']+)' - Finished in state (\w+)\(", self.said)
        return {name: state for name, state in ended if not name.startswith(("trial ", "fetch "))}

    @property
    def children(self) -> dict[str, str]:
        """Child or trial -> the state that its run ended in."""
        ended = re.findall(r"Flow run '([^']+)' - Finished in state (\w+)\(", self.said)
        return {name: state for name, state in ended if not name.startswith("study ")}

    @property
    def redone(self) -> set[str]:
        return {step for step, state in self.states.items() if state != "Cached"}

    def result(self, endpoint: str | None = None) -> StudyResult:
        """The study.json beside the report that the last line names."""
        assert self.status == 0, self.said
        url, _, report = self.lines[-1].removeprefix("Report: ").partition("/reports/")
        key = f"reports/{report.removesuffix('report.html')}study.json"
        return StudyResult.model_validate_json(open_store(url, endpoint=endpoint).get(key))


@dataclass(frozen=True)
class Desk:
    """A user with a home and a checkout; nothing is configured."""

    home: Path
    root: Path = ROOT

    @contextmanager
    def started(self, store: Path | str, options: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
        """A run in a session of its own, its output in home/said; whatever is left of it is killed at the end."""
        private = ("CHARREC_", "KAGGLE_", "PREFECT_", "CUDA_", "PYTHONPATH")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(private)}
        environment |= {
            "HOME": str(self.home),
            "PYTHONPATH": str(self.root),
            "PREFECT_HOME": str(self.home / "prefect"),
        }
        given = TINY | {"--store": str(store), "--cache": str(self.home / "cache")} | options
        words = [word for option in given.items() for word in option]
        with (self.home / "said").open("wb") as output:
            run = subprocess.Popen(
                [sys.executable, "flows/full_study.py", *words], cwd=self.root, env=environment,
                stdout=output, stderr=output, start_new_session=True, preexec_fn=hear_interrupts,
            )  # fmt: skip
        family: list[int] = []
        try:
            yield run
        finally:
            if run.poll() is None:
                family = descendants(run.pid)
                run.kill()
                run.wait()
            for pid in family:
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)

    def finished(self, run: "subprocess.Popen[bytes]", seconds: float = 300) -> Ran:
        return Ran(run.wait(seconds), (self.home / "said").read_text())

    def run(self, store: Path | str, **options: str) -> Ran:
        with self.started(store, {f"--{name.replace('_', '-')}": value for name, value in options.items()}) as run:
            return self.finished(run)


def hear_interrupts() -> None:
    """A shell's background jobs, and so perhaps these tests, are deaf to Ctrl-C; a user's terminal is not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("home"))


def histories(result: StudyResult) -> dict[str, Any]:
    """All numbers of all trainings, but for the time that they took."""
    return {
        training.model: [(row.epoch, row.loss, row.accuracy, row.val_loss, row.val_accuracy) for row in training.epochs]
        for training in result.trainings
    }
