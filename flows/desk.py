"""A study at a desk: the flow on Prefect's server, and how it ends."""

import asyncio
import logging
from signal import SIGINT, SIGTERM

from prefect.settings import PREFECT_API_URL

from charrec.commands.invitation import invitation
from charrec.errors import InputError
from charrec.storage import open_store
from charrec.study import Runtime, Study
from flows.full_study import full_study
from flows.local_server import LocalServer
from flows.prefect_server import address
from flows.surroundings import TERMINATED, end, sigterm_calls
from tasks.explained import EXPLAINED, hide_links, hide_tracebacks
from tasks.loopback import prefect_at


def run(study: Study, runtime: Runtime, server: LocalServer | None) -> None:
    """Run the study and print the path of its report; `server`: one that was begun early."""
    logging.basicConfig(level=logging.WARNING)  # after Prefect's own, which leaves its loggers to an earlier one
    hide_tracebacks()
    if not PREFECT_API_URL.value():
        hide_links()
    logging.getLogger("EventsWorker").setLevel(logging.ERROR)  # or it counts what it still sends, after our last line
    try:
        with prefect_at(address(server)):
            key = asyncio.run(_finished(study, runtime))
        print(*invitation(runtime.store, runtime.endpoint), sep="\n")
        print(f"Report: {open_store(runtime.store, endpoint=runtime.endpoint).url}/{key}")
    except InputError as error:
        end(2, str(error))
    except EXPLAINED as error:
        end(1, str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        how, number = ("terminated", SIGTERM) if TERMINATED.is_set() else ("interrupted", SIGINT)
        end(128 + number, f"{how}; the same command resumes it")


async def _finished(study: Study, runtime: Runtime) -> str:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task
    with sigterm_calls(lambda: loop.call_soon_threadsafe(task.cancel)):
        return await full_study(study, runtime)
