"""README and docs are true: the map, commands, options, links, and figures."""

import re
import subprocess
from itertools import takewhile
from pathlib import Path
from statistics import median

import pytest

from charrec.reference import MODELS
from charrec.results import StudyResult
from charrec.study import Data, Runtime, Search, Study

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
}
README = PAGES["README.md"]
RESULT = ROOT / "docs" / "chars74k.json"


def tracked() -> list[str]:
    return subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip


def on_the_map() -> set[str]:
    """The places that its lines begin with; those of indented lines lie in charrec/."""
    places = set()
    for line in README.split("## Map")[1].split("```")[1].splitlines():
        here = "charrec/" if line.startswith(" ") else ""
        names = takewhile(lambda word: word.endswith(("/", ".py")), line.split())
        places |= {here + name for name in names}
    return places


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
    assert rooms - on_the_map() == set()


def named(pattern: str) -> list[tuple[str, str]]:
    """Page, what it names; each once."""
    return sorted({(page, found) for page, text in PAGES.items() for found in re.findall(pattern, text)})


@pytest.mark.parametrize(("page", "target"), named(r"(?m)(?:^|`)make ([a-z][a-z-]*)"))
def test_every_make_command_is_a_target(page: str, target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/results.md", "docs/settings.md", "docs/using.md"])
def test_every_option_exists(page: str) -> None:
    known = {name for model in (Study, Runtime) for name in model.model_fields} | {"size", "help"}
    known |= {f"data.{name}" for name in Data.model_fields} | {f"search.{name}" for name in Search.model_fields}
    used = set(re.findall(r"--([a-z][a-z0-9.-]+)", PAGES[page]))
    assert {option for option in used if option.replace("-", "_") not in known} == set()


@pytest.mark.parametrize(("page", "module"), named(r"`?(?:charrec|tasks|flows|tests|deployments|infra)/[\w/.-]+\.py"))
def test_every_file_of_the_code_that_a_page_names_exists(page: str, module: str) -> None:
    if "NAME" not in module and "model_5" not in module:  # what is to be added
        assert (ROOT / module.lstrip("`")).is_file()


@pytest.mark.parametrize(("page", "link"), named(r"\]\((?!http)([^)#]+)\)"))
def test_every_link_leads_somewhere(page: str, link: str) -> None:
    assert (ROOT / page).parent.joinpath(link).is_file()


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


def test_the_tables_are_those_of_the_stored_result() -> None:
    rows = table(StudyResult.model_validate_json(RESULT.read_text(encoding="utf-8")))
    assert [row for row in rows if row not in PAGES["docs/results.md"]] == []
    short = ["|".join(row.split("|")[:5]) + "|" for row in rows]
    assert [row for row in short if row not in README] == []
