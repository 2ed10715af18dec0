"""The reports in a store, and their results."""

from pydantic import ValidationError

from charrec.errors import InputError
from charrec.results import StudyResult
from charrec.storage import Store
from charrec.storage.absence import absent

PAGE = "report.html"  # stored last, so its presence means that the report is complete


def reports(store: Store) -> list[str]:
    """The keys of all reports, latest first. Raises InputError if there are none."""
    pages = [entry for entry in store.list("reports/") if entry.key.endswith(f"/{PAGE}")]
    if not pages:
        raise absent(store, "report")
    latest = sorted(pages, key=lambda entry: entry.modified, reverse=True)
    return [entry.key.removesuffix(f"/{PAGE}") for entry in latest]


def result_of(store: Store, report: str) -> StudyResult:
    """A report's study result. Raises InputError if an incompatible version of charrec wrote it."""
    key = f"{report}/study.json"
    try:
        return StudyResult.model_validate_json(store.get(key))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{store.url}/{key} holds {'.'.join(map(str, first['loc']))}: {first['msg']}"[:300],
            "a result in this version's format",
            "Run the study again (seconds if its steps are stored), or use the version of charrec that wrote it.",
        ) from None
