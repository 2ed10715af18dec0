"""Background processes that later commands can find again, with their ports (Linux)."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

LAST_LINES = 15  # of the log of a process that did not start
ENDING = 60.0  # seconds in which a killed process gives up its sockets and files, on a busy machine
EXITING = 0x4  # the kernel's flag of a thread that ends

_STARTED: list["subprocess.Popen[bytes]"] = []  # kept: Python warns if a running one is deleted


class NotStarted(RuntimeError):
    """A process exited or did not become ready in time; the error quotes the end of its log."""


class Process:
    """A process in its own session, with a log and a PID file."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / "logs" / f"{name}.log"
        self.note = folder / "processes" / name
        self._known_port = folder / "ports" / name
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """None if it is not running, or was killed; a later process with the same number does not count."""
        number, started = self._noted()
        return number if number and _started(number) == started and not _ending(number) else None

    def leaving(self) -> bool:
        """Whether it was killed and still holds its sockets and files."""
        number, started = self._noted()
        stat = _stat(number) if number else None
        return stat is not None and _born(stat) == started and _ending(number)

    def await_end(self) -> None:
        """Wait until it holds nothing any more, if it was killed."""
        eventually(lambda: not self.leaving(), ENDING)

    def collected(self) -> bool:
        """Whether nothing is left of it: a process that ended stays a zombie until its parent asks for it."""
        number, started = self._noted()
        stat = _stat(number) if number else None
        return not stat or _born(stat) != started

    def _noted(self) -> tuple[int, str]:
        """The number and start time of the last one, collected if it is our child; 0 if there was none."""
        if self._child:
            self._child.poll()
        try:
            number, started = self.note.read_text().split()
        except (FileNotFoundError, ValueError):
            return 0, ""
        return int(number), started

    @property
    def port(self) -> int:
        """The port to listen on: the previous one, unless another program has taken it."""
        port_file = self._known_port
        if port_file.exists():
            known = int(port_file.read_text())
            if self.pid or self.leaving() or _free(known):
                return known
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        port_file.parent.mkdir(parents=True, exist_ok=True)
        port_file.write_text(str(port))
        return port

    def start(
        self, command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path, user: str | None = None
    ) -> None:
        """Start it if it is not running, as `user` if set."""
        if self.pid:
            return
        self.await_end()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.note.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                command, env=dict(environment), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, user=user, group=user, extra_groups=[] if user else None,
            )  # fmt: skip
        _STARTED.append(self._child)
        self.note.write_text(f"{self._child.pid} {_started(self._child.pid)}")

    def wait(self, ready: Callable[[], object], seconds: float, every: float = 0.05) -> None:
        """Wait until it is ready, asking every so many seconds. Raises NotStarted."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.pid:
                raise NotStarted(f"{self.name} ended while it was starting; {self._log_end()}")
            if time.monotonic() > deadline:
                raise NotStarted(f"{self.name} was not ready after {seconds:.0f} s; {self._log_end()}")
            time.sleep(every)

    def send(self, number: signal.Signals) -> None:
        """Send a signal if it is running."""
        if pid := self.pid:
            os.kill(pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 10) -> None:
        """Send a signal and wait; after `seconds`, kill its whole session."""
        pid = self.pid
        if not pid:
            return
        self.send(number)
        if not eventually(lambda: not self.pid, seconds):
            os.killpg(pid, signal.SIGKILL)
        self.await_end()

    def _log_end(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n    ".join([f"the end of {self.log}:", *lines])


def eventually(condition: Callable[[], object], seconds: float) -> bool:
    """Whether the condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def children(pid: int) -> list[int]:
    """Its live direct child processes."""
    return [other for other in _all() if (stat := _stat(other)) and stat[1] == str(pid) and stat[0] not in "ZX"]


def with_environment(line: str) -> list[int]:
    """The other live processes started with NAME=value in their environment, as far as it is readable."""
    pids = []
    for pid in _all():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if pid != os.getpid() and line.encode() in environment.split(b"\0"):
            pids.append(pid)
    return pids


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


def _started(pid: int) -> str | None:
    """Its start time, in ticks since boot, with the boot's id; None if it has exited."""
    stat = _stat(pid)
    if not stat or stat[0] in "ZX":
        return None
    return _born(stat)


def _ending(pid: int) -> bool:
    """Whether SIGKILL has reached it, or its first thread has ended and others have not yet."""
    try:
        status, threads = Path(f"/proc/{pid}/status").read_text(), list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return False
    stat = _stat(pid)
    if not stat or stat[0] in "ZX":
        return bool(stat) and len(threads) > 1
    pending = [line.split()[1] for line in status.splitlines() if line.startswith(("SigPnd:", "ShdPnd:"))]
    return any(int(mask, 16) >> (signal.SIGKILL - 1) & 1 for mask in pending) or bool(int(stat[6]) & EXITING)


def _born(stat: list[str]) -> str:
    return f"{stat[19]}@{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"


def _stat(pid: int) -> list[str] | None:
    """State, parent, ... (see proc(5)), after the process name, which may contain anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
