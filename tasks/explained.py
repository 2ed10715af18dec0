"""Errors that explain themselves; a traceback would only bury them."""

import logging
from concurrent.futures import CancelledError

from charrec.errors import InputError
from charrec.machine.termination import Terminated
from charrec.storage import DiskError
from charrec.sweep.blame import MachineAtFault
from charrec.sweep.outcome import SearchFailed
from charrec.training.epoch import TrainingDiverged
from tasks.errors import ChildFailed, DeviceLost

EXPLAINED = (
    InputError, TrainingDiverged, SearchFailed, MachineAtFault, DeviceLost, ChildFailed, Terminated, ConnectionError,
    TimeoutError, DiskError,
)  # fmt: skip


def hide_tracebacks() -> None:
    """Drop Prefect's log record of such an error: the next line, the run's state, repeats it."""
    for runs in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(runs).addFilter(_unexplained)


def hide_links() -> None:
    """Drop the links to runs: a local study's server has no pages, and the parent prints its own link."""
    for source in ("prefect.engine", "prefect.flow_runs"):
        logging.getLogger(source).addFilter(_no_link)


def _no_link(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("View at ")


def _unexplained(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (*EXPLAINED, CancelledError))
