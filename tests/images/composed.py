"""infra/compose, brought up by podman's compose: a copy of its folder, with one file over it (stand_ins)."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from infra.local.stack import ROOT
from tests.images.engine import Engine
from tests.processes import eventually
from tests.s3_server import free_ports

COMPOSE = "podman-compose==1.6.0"
OVER = Path(__file__).parent / "stand_ins" / "compose.yaml"
SERVICES = ("postgres", "store", "prefect", "deploy", "worker-cpu", "worker-gpu-0", "worker-gpu-1")
PATIENCE = 900.0  # seconds, of a loaded machine


class Composed:
    """A project of its own name, at ports that nobody else has."""

    def __init__(self, engine: Engine, folder: Path, name: str) -> None:
        self.engine, self.name, self.folder = engine, name, folder / "infra" / "compose"
        shutil.copytree(ROOT / "infra" / "compose", self.folder, ignore=shutil.ignore_patterns("secrets", ".env"))
        subprocess.run([self.folder / "make-secrets"], check=True)
        ui, store = free_ports(2)
        text = (self.folder / ".env.example").read_text().replace("no-gpu\n", "two-gpus\n")
        text = text.replace("UI_PORT=4200", f"UI_PORT={ui}").replace("STORE_PORT=9000", f"STORE_PORT={store}")
        (self.folder / ".env").write_text(text)
        self.ui = f"http://127.0.0.1:{ui}"
        self.services: dict[str, Any] = yaml.safe_load((self.folder / "compose.yaml").read_text())["services"]

    @contextmanager
    def there(self) -> "Iterator[Composed]":
        self("down", "--volumes")  # what tests left that were killed
        try:
            yield self
        finally:
            self("down", "--volumes")

    def __call__(self, *words: str) -> str:
        uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
        ended = subprocess.run(
            [uv, "tool", "run", "--quiet", "--from", COMPOSE, "podman-compose", "--in-pod=false", "-p", self.name,
             "-f", "compose.yaml", "-f", str(OVER), "--profile", "two-gpus", *words],
            cwd=self.folder, env=self.engine.environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
        return ended.stdout

    def up(self, *services: str) -> None:
        """Each of these when those that it depends on are as it asks.

        `up` alone would do, but Debian's podman is too old to wait, and runs no health checks without systemd.
        """
        for service in services:
            for other, how in self.services[service].get("depends_on", {}).items():
                self.wait(other, how["condition"])
            self("up", "--detach", "--no-build", "--no-deps", service)

    def wait(self, service: str, condition: str = "service_healthy") -> None:
        if condition == "service_completed_successfully":
            ended = self.engine("wait", self.container(service), timeout=PATIENCE)
            assert ended == "0", self.logs(service)
        else:
            assert eventually(lambda: self.healthy(service), PATIENCE, 1), self.logs(service)

    def healthy(self, service: str) -> bool:
        """Whether its own check says so, run now."""
        return self.engine.succeeds("healthcheck", "run", self.container(service))

    def container(self, service: str) -> str:
        return f"{self.name}_{service}_1"

    def logs(self, service: str) -> str:
        return self.engine("logs", self.container(service), stderr=subprocess.STDOUT, stdout=subprocess.PIPE)[-5000:]

    def ask(self, *command: str) -> str:
        """What a command says in the container of the pool cpu's worker, with its variables."""
        entry = ("python", "-m", "infra.docker.entry")
        return self.engine("exec", self.container("worker-cpu"), *entry, *command, timeout=PATIENCE)

    @property
    def secrets(self) -> dict[str, str]:
        """As the containers of studies have them: variable -> value."""
        named = {each["target"]: each["source"] for each in self.services["worker-cpu"]["secrets"]}
        return {name: (self.folder / "secrets" / source).read_text().strip() for name, source in named.items()}

    @property
    def environment(self) -> dict[str, str]:
        """Of a client of its server on this machine."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHARREC_", "PREFECT_"))}
        home = {"PREFECT_HOME": str(self.folder / "prefect")}
        return {**kept, **home, "PREFECT_API_URL": f"{self.ui}/api",
                "PREFECT_API_AUTH_STRING": self.secrets["PREFECT_API_AUTH_STRING"]}  # fmt: skip

    def api(self, path: str, **filters: Any) -> Any:
        """What Prefect's server answers to who has the password."""
        user, _, password = self.secrets["PREFECT_API_AUTH_STRING"].partition(":")
        answer = httpx.post(f"{self.ui}/api/{path}", json=filters, auth=(user, password), timeout=300)
        return answer.raise_for_status().json()

    def run(self, number: str) -> dict[str, Any]:
        (found,) = self.api("flow_runs/filter", flow_runs={"id": {"any_": [number]}})
        return dict(found)

    def runs(self, name: str) -> list[dict[str, Any]]:
        """Those whose name begins so; a child's ends with its study's."""
        found = self.api("flow_runs/filter", flow_runs={"name": {"like_": name}})
        return [run for run in found if run["name"].startswith(name)]

    def said(self, *numbers: str) -> str:
        """What these runs logged, page by page."""
        lines: list[str] = []
        while page := self.api("logs/filter", logs={"flow_run_id": {"any_": numbers}}, sort="TIMESTAMP_ASC",
                               offset=len(lines)):  # fmt: skip
            lines += [line["message"] for line in page]
        return "\n".join(lines)

    def epochs(self, model: str, *numbers: str) -> list[int]:
        """Those that these runs finished, in their order."""
        return [int(number) for number in re.findall(rf"{model} epoch (\d+)/", self.said(*numbers))]

    def went_on(self, *numbers: str) -> int:
        """After which epoch the one run of these that did not begin at the first one."""
        (after,) = re.findall(r"goes on after epoch (\d+)", self.said(*numbers))
        return int(after)
