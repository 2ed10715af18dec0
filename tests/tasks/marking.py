"""A flow for the tests, in a module that a device's process imports."""

from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run

from charrec.errors import InputError


@flow(name="leave-a-mark", persist_result=False)
def leave_a_mark(path: str) -> None:
    if not path:
        raise InputError("no path", "one", "Name it.")
    Path(path).write_text(str(flow_run.get_name()))
