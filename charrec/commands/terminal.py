"""What a command shows, and the status that it ends with."""

import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from charrec.errors import InputError
from charrec.storage import Conflict, NotFound

FIRST_BYTE = 0xDC00  # how Python keeps a byte that is not UTF-8, PEP 383


def shown(text: str) -> str:
    """One line that cannot move the cursor: what is not printable is escaped."""
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    place = ord(character) - FIRST_BYTE
    return f"\\x{place:02x}" if 0x80 <= place <= 0xFF else character.encode("unicode_escape").decode()


def complain(what: object, kind: str = "error") -> None:
    """A line on standard error."""
    print(f"{kind}: {shown(str(what))}", file=sys.stderr, flush=True)


class _Notes(logging.Handler):
    """What charrec's log warns of, as notes, each once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if (said := record.getMessage()) not in self._said:
            self._said.add(said)
            complain(said, "note")


@contextmanager
def noted() -> Iterator[None]:
    """For commands without a log of their own."""
    log, notes = logging.getLogger("charrec"), _Notes()
    log.addHandler(notes)
    try:
        yield
    finally:
        log.removeHandler(notes)


def status_of(command: Callable[[], int], *failures: type[Exception]) -> int:
    """Run a command; its status: 2 for wrong input, 1 for another failure, as a signal's where one ended it."""
    others: tuple[type[Exception], ...] = (NotFound, Conflict, *failures)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started it, as by `>&-`
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever a terminal cannot show is escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        status = command()
        sys.stdout.flush()
    except InputError as error:
        complain(error)
        return 2
    except BrokenPipeError:  # its reader has seen enough; stores tell their lost connections otherwise
        _drop_the_rest()
        return 128 + signal.SIGPIPE
    except OSError as error:
        complain(_words(error))
        _drop_the_rest()
        return 1
    except others as error:
        complain(error)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return status


def _words(error: OSError) -> str:
    """Without its number, and with the file it is about."""
    if not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _drop_the_rest() -> None:
    """Or Python would try to write it once more at its end, and say that it could not."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
