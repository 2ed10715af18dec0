"""infra/compose: closed to the outside, without a secret in it, in order, and the same stack as infra/local."""

import json
import re
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.docker.entry import FAREWELL
from infra.local.process import Process
from infra.local.s3 import KEYS
from infra.local.stack import MARK, ROOT, Stack
from tests.infra.dockerfile import stages

FOLDER = ROOT / "infra" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = {name: each for name, each in SERVICES.items() if name.startswith("worker-")}
OURS = {name: each for name, each in SERVICES.items() if each["image"].startswith("charrec:")}
EXAMPLE = dict(
    line.split("=", 1) for line in (FOLDER / ".env.example").read_text().splitlines() if line and line[0] != "#"
)
VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")
SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIAL|AUTH|NOTIFY", re.IGNORECASE)


def filled(text: str, given: dict[str, str]) -> str:
    """As Compose fills in variables."""
    return VARIABLE.sub(lambda found: given.get(found[1], found[2] or ""), text)


def secrets(service: dict[str, Any]) -> dict[str, str]:
    """The name of its file in the container -> the secret."""
    mounted = [
        {"source": each, "target": each} if isinstance(each, str) else each for each in service.get("secrets", [])
    ]
    return {each["target"]: each["source"] for each in mounted}


def each_service() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


@each_service()
def test_it_listens_on_this_machine_alone_unless_told_otherwise(service: dict[str, Any]) -> None:
    assert [port for port in service.get("ports", []) if not filled(port, {}).startswith("127.0.0.1:")] == []
    elsewhere = {"CHARREC_BIND": "192.0.2.1"}
    assert [port for port in service.get("ports", []) if not filled(port, elsewhere).startswith("192.0.2.1:")] == []
    assert "network_mode" not in service and "privileged" not in service


@each_service()
def test_its_secrets_come_from_files(service: dict[str, Any]) -> None:
    named = {name for name in service.get("environment", {}) if SECRET.search(name)}
    assert {name for name in named if not name.endswith("_FILE")} == set()
    files = {service["environment"][name] for name in named}
    assert files <= {f"/run/secrets/{target}" for target in secrets(service)}
    assert set(secrets(service).values()) <= set(COMPOSE["secrets"])


def test_no_file_of_secrets_is_in_the_repository() -> None:
    files = [each["file"] for each in COMPOSE["secrets"].values()]
    ended = subprocess.run(["git", "check-ignore", ".env", *files], cwd=FOLDER, capture_output=True, text=True)
    assert ended.stdout.split() == [".env", *files]


@each_service()
def test_its_image_is_pinned_or_ours(service: dict[str, Any]) -> None:
    targets = {f"charrec:{target}" for target in stages((ROOT / "infra/docker/Dockerfile").read_text())}
    assert service["image"] in targets or re.fullmatch(r"\S+:\S+@sha256:[0-9a-f]{64}", service["image"])


@pytest.mark.parametrize("image", sorted({each["image"] for each in OURS.values()}))
def test_each_image_of_ours_is_built_by_one_service_and_pulled_by_none(image: str) -> None:
    users = [each for each in OURS.values() if each["image"] == image]
    (builder,) = [each for each in users if "build" in each]
    assert image == f"charrec:{builder['build']['target']}"
    assert (FOLDER / builder["build"]["context"]).resolve() == ROOT
    assert sorted(each["pull_policy"] for each in users) == ["build", *["never"] * (len(users) - 1)]


@each_service()
def test_it_waits_for_what_says_that_it_is_ready(service: dict[str, Any]) -> None:
    for name, how in service.get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
        else:
            assert (how["condition"], SERVICES[name]["restart"]) == ("service_completed_successfully", "no")


@each_service()
def test_its_volumes_are_declared(service: dict[str, Any]) -> None:
    assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])


@pytest.mark.parametrize("service", OURS.values(), ids=OURS)
def test_ours_have_no_privileges(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize(("profile", "devices"), [("no-gpu", [None]), ("one-gpu", ["0"]), ("two-gpus", ["0", "1"])])
def test_a_profile_has_a_worker_of_the_pool_gpu_for_each_device(profile: str, devices: list[str | None]) -> None:
    found: list[str | None] = []
    for worker in WORKERS.values():
        if option(worker["command"], "--pool") == "gpu" and profile in worker["profiles"]:
            reserved = worker.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
            assert worker["image"] == ("charrec:cuda" if reserved else "charrec:cpu")
            assert all(each["driver"] == "nvidia" and each["capabilities"] == ["gpu"] for each in reserved)
            assert option(worker["command"], "--limit") == "1"
            found += [each["device_ids"][0] for each in reserved] or [None]
    assert found == devices
    assert profile in (FOLDER / ".env.example").read_text()


def test_a_worker_may_take_longer_to_stop_than_its_runs() -> None:
    assert {each["stop_grace_period"] for each in WORKERS.values()} == {f"{FAREWELL + 20:.0f}s"}


def test_every_variable_is_explained_with_its_default() -> None:
    used = dict(VARIABLE.findall((FOLDER / "compose.yaml").read_text()))
    assert {**used, "COMPOSE_PROFILES": "no-gpu"} == EXAMPLE


def test_what_make_secrets_writes_is_what_is_mounted(tmp_path: Path) -> None:
    def write() -> dict[str, str]:
        subprocess.run([FOLDER / "make-secrets", tmp_path], check=True)
        return {f"secrets/{file.name}": file.read_text().strip() for file in (tmp_path / "secrets").iterdir()}

    written = write()
    assert set(written) == {each["file"] for each in COMPOSE["secrets"].values()}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "secrets").iterdir()} == {0o644}
    assert len(written["secrets/store-secret"]) == 48 != len(set(written.values()))
    assert write() == written


# What infra/local starts, without starting it: name -> (command, environment)
Begun = dict[str, tuple[list[str], dict[str, str]]]


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Begun:
    begun: Begun = {}

    def start(process: Process, command: list[str], environment: dict[str, str], *others: object) -> None:
        begun[process.name] = [str(word) for word in command], environment

    monkeypatch.setattr(Process, "start", start)
    stack = Stack(tmp_path)
    inherited = set(stack.environment()) - set(stack.settings)
    stack.server.start("postgresql://", {})
    stack.start_worker("cpu", "cpu0", limit=4)
    for number in (0, 1):
        stack.start_worker("gpu", f"gpu{number}", environment={"CUDA_VISIBLE_DEVICES": str(number)})
    return {name: (command, {key: value for key, value in environment.items() if key not in inherited})
            for name, (command, environment) in begun.items()}  # fmt: skip


# What a container has from its image (infra/docker/Dockerfile) or is given as a device.
OF_THE_IMAGE = {"CHARREC_HOME", "PREFECT_HOME"}
OF_THE_MACHINE = {"CUDA_VISIBLE_DEVICES", MARK}
MORE = {"PREFECT_API_AUTH_STRING"}  # local processes have the person's own, on sockets of their own


@pytest.mark.parametrize("name", ["cpu-cpu0", "gpu-gpu0", "gpu-gpu1"])
def test_a_worker_has_the_variables_and_arguments_of_the_local_one(name: str, local: Begun) -> None:
    service = WORKERS["worker-cpu" if name == "cpu-cpu0" else f"worker-{name[:3]}-{name[-1]}"]
    command, environment = local[f"worker-{name}"]
    more = MORE | ({"KAGGLE_API_TOKEN"} if name == "cpu-cpu0" else set())  # studies alone fetch the data
    assert set(service["environment"]) | set(secrets(service)) == (
        set(environment) - OF_THE_IMAGE - OF_THE_MACHINE | more
    )
    assert str(service["environment"]["PREFECT_WORKER_QUERY_SECONDS"]) == environment["PREFECT_WORKER_QUERY_SECONDS"]
    assert [option(service["command"], word) for word in ("--pool", "--name", "--limit")] == [
        option(command, word) for word in ("--pool", "--name", "--limit")
    ]
    assert filled(service["environment"]["CHARREC_STORE"], {}) == environment["CHARREC_STORE"]
    assert filled(service["environment"]["AWS_DEFAULT_REGION"], {}) == KEYS["AWS_DEFAULT_REGION"]


def test_every_client_is_given_the_same() -> None:
    clients = [each for name, each in OURS.items() if name not in ("prefect", "store")]
    shared = {"PREFECT_API_URL", "CHARREC_STORE", "CHARREC_ENDPOINT", "AWS_DEFAULT_REGION"}
    given = {json.dumps({name: each["environment"][name] for name in sorted(shared)}) for each in clients}
    mounted = [secrets(each) for each in clients]
    assert len(given) == 1
    assert all(each["PREFECT_API_AUTH_STRING"] == "prefect-auth" for each in mounted)
    assert all(each["AWS_SECRET_ACCESS_KEY"] == "store-secret" for each in mounted)


def test_the_server_has_the_variables_of_the_local_one_but_for_its_doors(local: Begun) -> None:
    service, (command, environment) = SERVICES["prefect"], local["prefect-server"]
    ours = {**service["environment"], **secrets(service)}
    database = {name for name in ours if name.startswith("PREFECT_SERVER_DATABASE_")}
    assert database == {f"PREFECT_SERVER_DATABASE_{part}" for part in ("DRIVER", "HOST", "USER", "NAME", "PASSWORD")}
    assert set(ours) - database - {"PREFECT_SERVER_API_AUTH_STRING", "PREFECT_UI_API_URL"} == (
        set(environment) - {"PREFECT_SERVER_DATABASE_CONNECTION_URL"}
    )
    assert {name: ours[name] for name in environment if name in ours} == {
        name: value for name, value in environment.items() if name in ours
    }
    assert command[-6:-3] == [*service["command"][1:3], "--host"]


def test_the_server_and_the_store_share_their_secrets_with_whom_they_serve() -> None:
    prefect, postgres, store = (secrets(SERVICES[name]) for name in ("prefect", "postgres", "store"))
    assert prefect["PREFECT_SERVER_DATABASE_PASSWORD"] in postgres.values()
    assert prefect["PREFECT_SERVER_API_AUTH_STRING"] == "prefect-auth"
    assert set(store.values()) == {"store-key", "store-secret"}


def test_deploy_does_what_make_deploy_does() -> None:
    recipe = (ROOT / "Makefile").read_text().split("\ndeploy: install\n")[1].split("\n\n")[0]
    steps = [shlex.split(step) for step in re.split(r"(?:&&|;) *\\?\n", recipe)]
    make = [[word.removeprefix(".venv/bin/") for word in step] for step in steps][-3:]
    compose = [shlex.split(line) for line in SERVICES["deploy"]["command"][-1].splitlines()]
    assert compose == [["python", "-m", "infra.docker.bucket"], *make]


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]
