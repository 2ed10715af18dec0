"""Processes in the background that a later command finds again, port and all (Linux)."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

LAST_LINES = 15  # of a log, where its process did not start

_STARTED: list["subprocess.Popen[bytes]"] = []  # kept: Python warns of each that outlives its object


class NotStarted(RuntimeError):
    """A process ended, or said nothing, while it was awaited; its log's last lines say why."""


class Process:
    """One process in a session of its own, with a log and a file that says which process it is."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / "logs" / f"{name}.log"
        self.note = folder / "processes" / name
        self._known_port = folder / "ports" / name
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """None while it does not run; another process that was given its number since is not it."""
        if self._child:
            self._child.poll()  # or it would stay a zombie
        try:
            number, began = self.note.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(number) if _began(int(number)) == began else None

    @property
    def port(self) -> int:
        """For it to listen on: the one that it had before, unless another program has taken that."""
        known = self._known_port
        if known.exists() and (self.pid or _free(int(known.read_text()))):
            return int(known.read_text())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_text(str(port))
        return port

    def start(
        self, command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path, user: str | None = None
    ) -> None:
        """Start it if it does not run, as another user if one is given."""
        if self.pid:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.note.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                command, env=dict(environment), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, user=user, group=user, extra_groups=[] if user else None,
            )  # fmt: skip
        _STARTED.append(self._child)
        self.note.write_text(f"{self._child.pid} {_began(self._child.pid)}")

    def wait(self, ready: Callable[[], object], seconds: float) -> None:
        """Until it is ready. Raises NotStarted."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.pid:
                raise NotStarted(f"{self.name} ended while it was starting; {self._said()}")
            if time.monotonic() > deadline:
                raise NotStarted(f"{self.name} was not ready after {seconds:.0f} s; {self._said()}")
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        """A signal, if it runs."""
        if pid := self.pid:
            os.kill(pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 10) -> None:
        """Ask it to end; in the end, end it and whatever is in its session."""
        pid = self.pid
        if not pid:
            return
        self.send(number)
        if not eventually(lambda: not self.pid, seconds):
            os.killpg(pid, signal.SIGKILL)
            eventually(lambda: not self.pid, seconds)

    def _said(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n    ".join([f"the end of {self.log}:", *lines])


def eventually(holds: Callable[[], object], seconds: float) -> bool:
    """Whether it comes to hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def children(pid: int) -> list[int]:
    """The living processes that it started itself."""
    return [other for other in _all() if (stat := _stat(other)) and stat[1] == str(pid) and stat[0] not in "ZX"]


def with_environment(line: str) -> list[int]:
    """The living processes, other than this one, that were started with NAME=value; only those one may look into."""
    found = []
    for pid in _all():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if pid != os.getpid() and line.encode() in environment.split(b"\0"):
            found.append(pid)
    return found


def kill(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _all() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def _began(pid: int) -> str | None:
    """When, in ticks since the machine's start, and which start; None for a process that has ended."""
    stat = _stat(pid)
    if not stat or stat[0] in "ZX":
        return None
    return f"{stat[19]}@{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"


def _stat(pid: int) -> list[str] | None:
    """State, parent, ... (see proc(5)); the name before them may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
