"""Where whole studies are harmed: a deployed charrec on this machine whose parts can be reached one by one.

Its store lies on a small disk, and studies reach it through a network that can be cut.
"""

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from charrec.storage import Store
from charrec.storage.backoff import retried, waits
from infra.local.process import Process, kill, with_environment
from infra.local.stack import KEYS, MARK, ROOT, Stack
from tasks.patience import passing
from tests.fault_proxy import FaultProxy
from tests.processes import descendants
from tests.production.driver import Production
from tests.small_disk import SmallDisk, small_disk

Answer = TypeVar("Answer")

ROOM = "1g"  # of the store's disk
GPUS, CPU_RUNS = 2, 4  # of `make up`
OUTAGE = 300.0  # seconds that the harness waits for Prefect's server
STARTED = re.compile(r"(\S+) does not run; it is started")  # as the supervisor logs it


class Living(NamedTuple):
    """A living process of the stack."""

    pid: int
    flow: str  # "" for none
    run: str


class Ground(NamedTuple):
    stack: Stack
    client: SyncPrefectClient
    disk: SmallDisk
    network: FaultProxy

    @property
    def production(self) -> Production:
        return Production(self.stack, self.client, {})

    def store(self, prefix: str) -> Store:
        return self.production.store(prefix)

    def begin(self, study: dict[str, Any], prefix: str) -> FlowRun:
        """A study whose store lies under this prefix, behind the network that can be cut."""
        runtime = self.production.runtime(prefix) | {"endpoint": self.network.url}
        return asked(lambda: self.production.begin("charrec/full-study", study=study, runtime=runtime))

    def state(self, run: FlowRun) -> str:
        return asked(lambda: self.production.state(run))

    @property
    def parts(self) -> dict[str, Process]:
        """What `make up` starts, and the supervisor."""
        return {part.name: part for part in (*self.stack.parts, self.stack.supervisor)}

    def pids(self) -> dict[str, int]:
        """Of the parts that run."""
        return {name: pid for name, part in self.parts.items() if (pid := part.pid)}

    def runs(self, *flows: str) -> dict[str, list[int]]:
        """Run -> its processes, of these flows or of all. Asks no server, which may be away."""
        found: dict[str, list[int]] = {}
        for process in self.processes():
            if process.flow and (not flows or process.flow in flows):
                found.setdefault(process.run, []).append(process.pid)
        return found

    def processes(self) -> list[Living]:
        """All that was started in this stack, from whatever parent, and lives."""
        return [living(pid) for pid in with_environment(f"{MARK}={self.stack.folder}")]

    def owned(self) -> set[int]:
        """The parts' processes and their descendants."""
        return {pid for part in self.pids().values() for pid in self.below(part)}

    @staticmethod
    def below(pid: int) -> list[int]:
        """A part's process and its descendants."""
        return [pid, *descendants(pid)]

    def power_cut(self) -> None:
        """kill -9 of every process there is."""
        kill(with_environment(f"{MARK}={self.stack.folder}"), signal.SIGKILL)

    def up(self) -> None:
        self.stack.up(GPUS, CPU_RUNS)

    def started_again(self) -> Counter[str]:
        """How often the supervisor found each part ended."""
        log = self.stack.supervisor.log
        return Counter(STARTED.findall(log.read_text())) if log.exists() else Counter()


def living(pid: int) -> Living:
    try:
        lines = Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
    except OSError:  # it has just ended
        lines = []
    own = dict(line.partition("=")[::2] for line in lines)
    return Living(pid, own.get("PREFECT__FLOW_NAME", ""), own.get("PREFECT__FLOW_RUN_ID", ""))


def asked(call: Callable[[], Answer]) -> Answer:
    """The answer of Prefect's server, which may be away for a while."""

    def away(error: Exception) -> bool:
        return isinstance(error, httpx.HTTPError) and passing(error)

    return retried(call, away, waits(0.5, 4, total=OUTAGE))


@contextmanager
def ground(folder: Path, seed: int) -> Iterator[Ground]:
    """`make up` and `make deploy` in this folder, which other users must be able to enter; all is gone at the end."""
    with ExitStack() as opened:
        stack = Stack(folder, durable=False)
        disk = opened.enter_context(small_disk(stack.store.files, ROOM))
        opened.callback(stack.down)
        os.environ |= KEYS
        stack.up(GPUS, CPU_RUNS)
        subprocess.run(
            ["make", "-o", "install", "deploy"], cwd=ROOT, env=stack.environment(), check=True, capture_output=True
        )
        network = opened.enter_context(FaultProxy(stack.endpoint, seed, {}))
        opened.enter_context(temporary_settings({PREFECT_API_URL: stack.api_url}))
        client = opened.enter_context(get_client(sync_client=True))
        weekly = client.read_deployment_by_name("charrec-retraining/weekly")
        client.pause_deployment(weekly.id)  # it may be Monday, and there is no Kaggle here
        yield Ground(stack, client, disk, network)
