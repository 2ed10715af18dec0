"""Processes as the operating system sees them (Linux)."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether it runs; a zombie that nobody has collected does not."""
    try:
        return _stat(pid)[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid: int) -> list[int]:
    """The living children of a process and theirs, and so on."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(_stat(int(folder.name))[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [pid]
    for parent in found:
        found.extend(child for child, its in parents.items() if its == parent)
    return [child for child in found[1:] if alive(child)]


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def gone(pids: Iterable[int]) -> bool:
    """Whether all of them end."""
    return eventually(lambda: not any(alive(pid) for pid in pids), 300)


def eventually(holds: Callable[[], object], seconds: float, every: float = 0.005) -> bool:
    """Whether it comes to hold in time, looked at again and again; a server is not to be asked 100 times a second."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(every)
    return False


def _stat(pid: int) -> list[str]:
    """State, parent, ... (see proc(5)); the name before them may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
