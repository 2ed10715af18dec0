"""Why a store lacks what was looked for: it is not there, it is nobody's, or its study has not come so far."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from charrec.errors import InputError
from charrec.storage.interface import Store

OURS = ("reports/", "trainings/", "sweeps/")  # what the role of a reader may list, too
REMEDY = "Correct the store's address, or run a study there: make study."


def absent(store: Store, what: str) -> InputError:
    """The error where a store has no `what`, such as "report"."""
    if error := no_study(store):
        return error
    return InputError(
        f"{store.url} has no {what} yet, only other steps of a study",
        f"one with a {what}",
        "Run its study to the end; the same command resumes it.",
    )


def no_study(store: Store) -> InputError | None:
    """The error for a store in which no study ran; None where one did."""
    parts = urlsplit(store.url)
    if parts.scheme == "file" and not Path(url2pathname(parts.path)).exists():
        return InputError(f"there is no store at {store.url}", "one in which a study ran", REMEDY)
    if not any(store.list(prefix) for prefix in OURS):
        return InputError(f"{store.url} holds nothing of a study", "a store in which one ran", REMEDY)
    return None
