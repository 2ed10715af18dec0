"""What a run may end with that explains itself: a traceback would only bury it."""

import logging
from concurrent.futures import CancelledError

from charrec.errors import InputError
from charrec.machine.termination import Terminated
from charrec.sweep.outcome import SearchFailed
from charrec.training.epoch import TrainingDiverged
from tasks.errors import ChildFailed, DeviceLost

EXPLAINED = (
    InputError, TrainingDiverged, SearchFailed, DeviceLost, ChildFailed, Terminated, ConnectionError, TimeoutError,
)  # fmt: skip


def hide_tracebacks() -> None:
    """Leave out Prefect's account of such an error: the state of the run, its next line, repeats it."""
    for runs in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(runs).addFilter(_unexplained)


def hide_links() -> None:
    """Leave out the addresses of runs: the server of a local study has no pages, and a child's are its parent's."""
    for source in ("prefect.engine", "prefect.flow_runs"):
        logging.getLogger(source).addFilter(_no_link)


def _no_link(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("View at ")


def _unexplained(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (*EXPLAINED, CancelledError))
