"""What a study at a desk settles before it imports Prefect, which reads its settings at that moment."""

import io
import os
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import NoReturn

from charrec.machine.calm import calm

TERMINATED = threading.Event()  # set where it was SIGTERM that interrupts the study
INTERRUPTS: list[Callable[[], object]] = []


def prepare() -> None:
    """For the whole process, before anything else."""
    calm()
    for stream in (sys.stdout, sys.stderr):  # a path that a terminal cannot show is escaped
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    await_sigterm()
    _drop_useless_certificates()


def import_prefect() -> None:
    """Import Prefect, 1.5 s of a core, or end with one line that says what hinders it."""
    try:
        import prefect.context  # noqa: F401
    except ModuleNotFoundError as error:
        end(2, f"{sys.executable} has no {error.name}; expected the environment of `make install`. "
               "Run `make study`, or .venv/bin/python in place of this Python.")  # fmt: skip
    except EOFError as error:  # of marshal
        end(2, f"some bytecode in {sys.prefix} is cut off ({error}), as a full disk leaves it; expected it whole. "
               "Delete that folder and run `make install`.")  # fmt: skip
    except Exception as error:  # of TOML, of pydantic, of the file system
        file = profiles()
        places = "the variables that begin with PREFECT_" + (f" and {file}" if file.exists() else "")
        why = " ".join(str(error).split()).partition(" For further")[0][:300]
        end(2, f"Prefect cannot start with its settings ({type(error).__name__}: {why}); expected what this version of "
               f"Prefect reads. Correct {places}; PREFECT_PROFILES_PATH=/dev/null does without the file.")  # fmt: skip


@contextmanager
def sigterm_calls(interrupt: Callable[[], object]) -> Iterator[None]:
    """Have SIGTERM call this, in a thread of its own; elsewhere it ends the process."""
    INTERRUPTS.append(interrupt)
    try:
        yield
    finally:
        INTERRUPTS.remove(interrupt)


def await_sigterm() -> None:
    """Have a thread wait for SIGTERM: Prefect's handler would raise an exception wherever the program is just then.

    Blocked, the signal reaches nobody but the thread that waits for it. Child processes inherit that: tasks/devices.py.
    """

    def wait() -> None:
        signal.sigwait({signal.SIGTERM})
        TERMINATED.set()
        interrupts = list(INTERRUPTS)
        for interrupt in interrupts:
            interrupt()
        if not interrupts:  # nothing of the study has begun, or all of it has ended
            print("error: terminated; the same command resumes it", file=sys.stderr, flush=True)
            os._exit(128 + signal.SIGTERM)

    resource_tracker.ensure_running()  # multiprocessing's, which unblocks the signal when it starts
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=wait, daemon=True, name="SIGTERM").start()


def _drop_useless_certificates() -> None:
    """Unset SSL_CERT_FILE where it names no certificates: Prefect opens it at import, here and in child processes."""
    if file := os.environ.get("SSL_CERT_FILE"):
        try:
            ssl.create_default_context(cafile=file)
        except OSError as error:  # ssl.SSLError too
            del os.environ["SSL_CERT_FILE"]
            print(f"SSL_CERT_FILE is ignored: {file} holds no certificates ({error.strerror})", file=sys.stderr)


def home() -> Path:
    """PREFECT_HOME, as Prefect looks for it."""
    return Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()


def profiles() -> Path:
    """The file of Prefect's profiles, as Prefect looks for it."""
    path = os.environ.get("PREFECT_PROFILES_PATH")
    return Path(path) if path else home() / "profiles.toml"


def end(status: int, why: str) -> NoReturn:
    """End the program with a line that says why."""
    print(f"error: {why}", file=sys.stderr, flush=True)
    sys.exit(status)
