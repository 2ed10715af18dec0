"""The reports in a store, and their results."""

from charrec.errors import InputError
from charrec.results import StudyResult
from charrec.storage import NotFound, Store
from charrec.storage.absence import absent
from charrec.storage.document import document

PAGE = "report.html"  # stored last, so its presence means that the report is complete
AGAIN = "Run the study again (seconds if its steps are stored), or use the version of charrec that wrote it."


def reports(store: Store) -> list[str]:
    """The keys of all reports, latest first. Raises InputError if there are none."""
    pages = [entry for entry in store.list("reports/") if entry.key.endswith(f"/{PAGE}")]
    if not pages:
        raise absent(store, "report")
    latest = sorted(pages, key=lambda entry: entry.modified, reverse=True)
    return [entry.key.removesuffix(f"/{PAGE}") for entry in latest]


def result_of(store: Store, report: str) -> StudyResult:
    """A report's study result. Raises InputError if it is gone, or an incompatible version of charrec wrote it."""
    key = f"{report}/study.json"
    try:
        return document(StudyResult, store.get(key), f"{store.url}/{key}", AGAIN)
    except NotFound:
        raise InputError(f"{store.url}/{report} has {PAGE}, but no study.json", "both of them", AGAIN) from None
