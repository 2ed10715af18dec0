"""Every page is true: the map, commands, options, deployments, links, and figures."""

import re
import subprocess
from itertools import pairwise, takewhile
from pathlib import Path

import pytest
import yaml

from charrec.study import Choices, Data, Kinds, Runtime, Search, Study
from tests.benchmarks.publish import PAGES as MADE_PAGES
from tests.benchmarks.publish import PART, written
from tests.test_imports import FLOOR

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("infra/**/*.md"))
}
README = PAGES["README.md"]
STUDY_ONLY = ("README.md", "CONTRIBUTING.md", "docs/results.md", "docs/settings.md")  # no other program's options
OTHER_PROGRAMS = {
    "dereference": "tar",
    "flow-name": "prefect flow-run ls",
    "state": "prefect flow-run ls",
    "state-type": "prefect flow-run ls",
    "stat": "git diff",
    "build": "docker compose up",
    "watch": "prefect deployment run",
    "limit": "prefect worker start",
    "durations": "pytest",
}


def tracked() -> list[str]:
    return subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip


def on_the_map() -> list[str]:
    """The places that its lines begin with; those of indented lines lie in charrec/."""
    places = []
    for line in README.split("## Map")[1].split("```")[1].splitlines():
        here = "charrec/" if line.startswith(" ") else ""
        names = takewhile(lambda word: word.endswith(("/", ".py")), line.split())
        places += [here + name for name in names]
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
    assert rooms - set(on_the_map()) == set()


def test_rooms_stand_on_the_map_above_what_they_import() -> None:
    rooms = [place.removeprefix("charrec/").strip("/").removesuffix(".py") for place in on_the_map()]
    floors = [FLOOR[room] for room in rooms if room in FLOOR]
    assert len(floors) == len(FLOOR)
    assert all(upper >= lower for upper, lower in pairwise(floors))


def named(pattern: str) -> list[tuple[str, str]]:
    """Page, what it names; each once."""
    return sorted({(page, found) for page, text in PAGES.items() for found in re.findall(pattern, text)})


MADE = named(r"(?m)(?:^|`)make ([a-z][a-z-]*)")
TARGETS = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8")))


@pytest.mark.parametrize(("page", "target"), MADE)
def test_every_make_command_is_a_target(page: str, target: str) -> None:
    assert target in TARGETS


def test_every_target_is_on_a_page() -> None:
    assert TARGETS - {target for _, target in MADE} == set()


def words_of_the_study() -> set[str]:
    """Options of flows/full_study.py."""
    known = {name for model in (Study, Runtime) for name in model.model_fields} | {"size", "help"}
    for group, model in (("data", Data), ("search", Search), ("search.space", Choices), ("kinds", Kinds)):
        known |= {f"{group}.{name}" for name in model.model_fields}
    return {name.replace("_", "-") for name in known}


def words_of_programs() -> set[str]:
    """Options of `charrec`, of the benchmarks and of the campaigns, by their source."""
    programs = [
        ROOT / "charrec" / "__main__.py",
        *ROOT.glob("charrec/commands/*.py"),
        ROOT / "charrec" / "report" / "__main__.py",
        *ROOT.glob("tests/benchmarks/*.py"),
        *ROOT.glob("tests/kills/*.py"),
        *ROOT.glob("infra/local/*.py"),
        ROOT / "tests" / "hostile" / "campaign.py",
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in programs)
    named = set(re.findall(r'add_argument\("--([a-z-]+)"', text))
    return named | {"epoch"}  # simulate.py makes one of each number of its fleet


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("infra/")])
def test_every_option_exists(page: str) -> None:
    used = set(re.findall(r"(?<![\w-])--([a-z][a-z0-9.-]+)", PAGES[page]))
    ours = words_of_the_study() | (words_of_programs() | OTHER_PROGRAMS.keys() if page not in STUDY_ONLY else set())
    assert used - ours == set()


@pytest.mark.parametrize(
    ("page", "module"), named(r"(?<![\w./-])(?:charrec|tasks|flows|tests|deployments|infra|docs)/[\w./-]*\w\.\w+")
)
def test_every_file_that_a_page_names_exists(page: str, module: str) -> None:
    if "NAME" not in module and "model_6" not in module:  # what is to be added
        assert any((folder / module).is_file() for folder in (ROOT, (ROOT / page).parent))


RUN = [each for each in named(r"python -m\s+((?:tests|charrec)[\w.]*)") if each[0] != "CHANGELOG.md"]  # former ones


@pytest.mark.parametrize(("page", "module"), RUN)
def test_every_module_that_a_page_runs_exists(page: str, module: str) -> None:
    path = ROOT.joinpath(*module.split("."))
    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


DEPLOYMENTS = [
    each["name"] for each in yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())["deployments"]
]


@pytest.mark.parametrize(("page", "deployment"), named(r"deployment run (?:--\S+ )*([\w/-]+)"))
def test_every_deployment_that_a_page_runs_exists(page: str, deployment: str) -> None:
    assert deployment.partition("/")[2] in DEPLOYMENTS


def test_every_deployment_is_described() -> None:
    table = PAGES["docs/production.md"].split("## Deployments")[1].split("##")[0]
    described = re.findall(r"`[\w-]+/([\w-]+)`", "\n".join(row for row in table.splitlines() if row.startswith("|")))
    assert sorted(described) == sorted(DEPLOYMENTS)


@pytest.mark.parametrize(("page", "link"), named(r"\]\((?!http)([^)#]+)\)"))
def test_every_link_leads_somewhere(page: str, link: str) -> None:
    assert (ROOT / page).parent.joinpath(link).is_file()


@pytest.mark.parametrize(("page", "command"), named(r"bin/charrec ([a-z]+)"))
def test_every_command_is_one_that_docs_using_explains(page: str, command: str) -> None:
    """tests/commands parses those."""
    assert f".venv/bin/charrec {command} " in PAGES["docs/using.md"]


@pytest.mark.parametrize("page", MADE_PAGES)
def test_the_tables_are_those_of_the_stored_result(page: str) -> None:
    assert written(PAGES[page]) == PAGES[page]
    assert len(PART.findall(PAGES[page])) == PAGES[page].count("<!-- begin")
    assert PART.search(PAGES[page])
