"""The reports in a store, and their results."""

from pydantic import ValidationError

from charrec.errors import InputError
from charrec.results import StudyResult
from charrec.storage import Store

PAGE = "report.html"  # the last of a report's files to be stored


def reports(store: Store) -> list[str]:
    """The keys of all reports, latest first. Raises InputError if there is none."""
    found = [entry for entry in store.list("reports/") if entry.key.endswith(f"/{PAGE}")]
    if not found:
        raise InputError(f"{store.url} has no report", "one that a study wrote", "Run a study, or correct the store.")
    latest = sorted(found, key=lambda entry: entry.modified, reverse=True)
    return [entry.key.removesuffix(f"/{PAGE}") for entry in latest]


def result_of(store: Store, report: str) -> StudyResult:
    """The result behind a report. Raises InputError if another version of charrec wrote it."""
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
