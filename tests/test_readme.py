"""The README says what is so: its map, its commands, its links, and its figures."""

import re
import subprocess
from pathlib import Path
from statistics import median

import pytest

from charrec.reference import MODELS
from charrec.results import StudyResult
from charrec.study import Data, Runtime, Search, Study

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULT = ROOT / "docs" / "chars74k.json"


def tracked() -> list[str]:
    return subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip


def on_the_map() -> list[str]:
    block = README.split("## Map")[1].split("```")[1]
    return [line.split()[0] for line in block.strip().splitlines()]


def test_every_place_on_the_map_exists() -> None:
    assert [place for place in on_the_map() if not (ROOT / place).exists()] == []


def test_every_room_and_folder_is_on_the_map() -> None:
    rooms = set()
    for name in tracked():
        parts = name.split("/")
        if parts[0] == "charrec" and parts[1] != "__init__.py":
            rooms.add(f"charrec/{parts[1]}" + ("/" if len(parts) > 2 else ""))
        elif len(parts) > 1 and parts[0] not in (".ci", "charrec"):
            rooms.add(f"{parts[0]}/")
    assert rooms - set(on_the_map()) == set()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?m)(?:^|`)make ([a-z]+)", README))))
def test_every_make_command_is_a_target(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_option_exists() -> None:
    known = {name for model in (Study, Runtime) for name in model.model_fields} | {"size", "help"}
    known |= {f"data.{name}" for name in Data.model_fields} | {f"search.{name}" for name in Search.model_fields}
    ours = "\n".join(line for line in README.splitlines() if "bin/prefect " not in line)
    used = set(re.findall(r"--([a-z][a-z0-9.-]+)", ours))
    assert {option for option in used if option.replace("-", "_") not in known} == set()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).is_file()


def table(result: StudyResult) -> list[str]:
    """The README's rows, from the stored result of the run it tells of."""
    rows = []
    for training, evaluation in zip(result.trainings, result.evaluations, strict=True):
        known, best = MODELS[training.model], evaluation.accuracy
        seconds = median(epoch.seconds for epoch in training.epochs)
        rows.append(
            f"| {training.model.removeprefix('model_')}"
            f" | {100 * best.value:.2f} ({100 * best.low:.1f}-{100 * best.high:.1f})"
            f" | {100 * known.val_accuracy:.2f} | {100 * evaluation.folded_accuracy.value:.2f}"
            f" | {100 * evaluation.without_twin_accuracy.value:.2f} | {training.best_epoch} of {len(training.epochs)}"
            f" | {known.val_accuracy_epoch} | {seconds:.0f} | {known.epoch_seconds[0]}-{known.epoch_seconds[1]} |"
        )
    return rows


def test_the_table_is_that_of_the_stored_result() -> None:
    result = StudyResult.model_validate_json(RESULT.read_text(encoding="utf-8"))
    assert [row for row in table(result) if row not in README] == []
