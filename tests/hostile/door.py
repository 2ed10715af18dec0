"""A door is where bytes of unknown origin come in. Each is tried with thousands of mutations of a valid sample."""

import logging
import os
import random
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from charrec.errors import InputError

MIB = 1 << 20
ENDLESS = 60.0  # seconds of CPU after which a case counts as endless, on any machine
LONGEST = 2000  # characters of an error, which goes to logs and terminals
KEPT = Path(__file__).parents[2] / "ci-output" / "hostile"  # failing cases

Mutate = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Door:
    """`read(data, folder)` reads the bytes as charrec does; whatever it raises but `allowed` is a defect."""

    name: str
    kind: str  # archive, image, table, array, document or weights
    sample: Callable[[], bytes]
    read: Callable[[bytes, Path], object]
    mutate: Mutate
    allowed: tuple[type[Exception], ...] = (InputError,)
    memory: int = 64 * MIB  # that one case may add to the process


@dataclass
class Figures:
    """What became of the cases of one door."""

    cases: int = 0
    ends: dict[str, int] = field(default_factory=dict)  # "accepted", or the error's name
    memory: int = 0  # bytes that the hungriest case added
    slowest: float = 0.0  # seconds of CPU
    slowest_case: int = -1
    failures: list[str] = field(default_factory=list)


class Endless(BaseException):
    """A case that has taken ENDLESS seconds of CPU."""


def case(door: Door, seed: int, number: int) -> bytes:
    """The bytes of one case: the same for the same door, seed and number."""
    rng = random.Random(f"{door.name} {seed} {number}")
    return door.mutate(_sample(door), rng)


def tried(door: Door, seed: int, numbers: Iterable[int], folder: Path) -> Figures:
    """Try the cases one after another; `folder` is empty, and the door's own."""
    found = Figures()
    with _quiet():
        assert _end(door, _sample(door), folder)[0] == "accepted", f"{door.name} refuses its own sample"
        for number in numbers:
            data = case(door, seed, number)
            before, clock = _resident(reset=True), time.process_time()
            end, defect = _end(door, data, folder)
            seconds, memory = time.process_time() - clock, _peak() - before
            found.cases += 1
            found.ends[end] = found.ends.get(end, 0) + 1
            if seconds > found.slowest:
                found.slowest, found.slowest_case = seconds, number
            found.memory = max(found.memory, memory)
            if memory > door.memory:
                defect = f"took {memory / MIB:.0f} MiB; expected {door.memory / MIB:.0f} at most"
            if defect:
                found.failures.append(_kept(door, seed, number, data, defect))
    return found


def measured(action: Callable[[], object]) -> int:
    """Bytes of memory that the action added to the process at most."""
    before = _resident(reset=True)
    action()
    return _peak() - before


def _end(door: Door, data: bytes, folder: Path) -> tuple[str, str | None]:
    """How a case ends, in a word; and the defect, if that is no way to end."""
    try:
        with _bounded():
            door.read(data, folder)
    except door.allowed as error:
        return type(error).__name__, _indecent(error)
    except (Exception, Endless) as error:
        return type(error).__name__, "".join(traceback.format_exception(error)[-6:])
    return "accepted", None


def _indecent(error: Exception) -> str | None:
    """What is wrong with an allowed error, if anything is."""
    said = str(error)
    if isinstance(error, InputError) and not (error.found and error.expected and error.remedy):
        return f"says not all of found, expected, remedy: {said[:300]!r}"
    if len(said) > LONGEST or " object at 0x" in said:
        return f"says {len(said):,} characters: {said[:300]!r}"
    try:
        said.encode()
    except UnicodeEncodeError:
        return f"cannot be printed: {said[:300]!r}"
    return None


def _kept(door: Door, seed: int, number: int, data: bytes, defect: str) -> str:
    KEPT.mkdir(parents=True, exist_ok=True)
    file = KEPT / f"{door.name.replace(' ', '-').replace('/', '-')}-{seed}-{number}"
    file.write_bytes(data)
    again = f'python -m tests.hostile.campaign --door "{door.name}" --seed {seed} --case {number}'
    return f"{door.name}, case {number} of seed {seed}, {len(data):,} bytes, kept as {file.name}: {defect}\n{again}"


def _sample(door: Door) -> bytes:
    if door.name not in _SAMPLES:
        _SAMPLES[door.name] = door.sample()
    return _SAMPLES[door.name]


_SAMPLES: dict[str, bytes] = {}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the log, which says thousands of times that something is computed again."""
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def _bounded() -> Iterator[None]:
    """Raises Endless in the case's own code. CPU time, not the clock: a busy machine fails no case."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Endless(f"{ENDLESS:.0f} s of CPU")

    former = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, ENDLESS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, former)


def _resident(reset: bool) -> int:
    """Bytes of this process in memory; `reset` makes the kernel forget the former peak (proc(5), clear_refs)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def _peak() -> int:
    """Bytes of this process in memory, at most since the last reset."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10
