"""`charrec report`: where the latest report is, and its files."""

from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from charrec.errors import InputError
from charrec.results import StudyResult
from charrec.storage import Store

PAGE = "report.html"  # the last of a report's files to be stored


def show(store: Store, to: Path | None) -> None:
    """Print where the latest report is; with `to`, fetch its files into that folder."""
    key = reports(store)[0]
    if to is None:
        print(f"{store.url}/{key}/{PAGE}")
    else:
        fetch(store, key, to)
        print(to / PAGE)


def reports(store: Store) -> list[str]:
    """The keys of all reports, the latest first. Raises InputError where there is none."""
    found = [entry for entry in store.list("reports/") if entry.key.endswith(f"/{PAGE}")]
    if not found:
        raise InputError(f"{store.url} has no report", "one that a study wrote", "Run a study, or correct the store.")
    latest = sorted(found, key=lambda entry: entry.modified, reverse=True)
    return [entry.key.removesuffix(f"/{PAGE}") for entry in latest]


def result_of(store: Store, report: str) -> StudyResult:
    """What a report tells, as values. Raises InputError where another charrec wrote it."""
    key = f"{report}/study.json"
    try:
        return StudyResult.model_validate_json(store.get(key))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{store.url}/{key} holds {'.'.join(map(str, first['loc']))}: {first['msg']}"[:300],
            "a result as this charrec writes it",
            "Run the study again, which takes seconds where its steps are stored, or use the charrec that wrote it.",
        ) from None


def fetch(store: Store, report: str, folder: Path) -> None:
    """A report's files in a folder that is there whole or not at all. Raises InputError where it holds others."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists", "a folder to be made, or an empty one", "Name another, or remove it.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as near:  # a rename stays on one disk
        whole = Path(near, "whole")
        for entry in store.list(f"{report}/"):
            name = entry.key.removeprefix(f"{report}/")
            if not name.startswith("result-"):  # how the step remembers that it is done
                store.download(entry.key, whole / name)
        whole.replace(folder)
