"""The image: what its Dockerfile promises, that its uv commands work, and what its containers begin with."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_WORKER_WEBSERVER_PORT

from infra.docker.bucket import ensure
from infra.docker.bucket import main as ask_for_bucket
from infra.docker.entry import FAREWELL, WORKER, read_secrets
from infra.docker.health import PORT, healthy
from infra.docker.slim import SERVICES, UNUSED, slim
from infra.docker.tools import tools
from infra.local.process import Process, kill
from infra.local.stack import ROOT, Stack
from tests.harmed import harmed
from tests.infra.dockerfile import instructions, sent, stages, whole
from tests.processes import alive, descendants, eventually
from tests.production.canaries import refusing
from tests.thorough import THOROUGH, drawn
from tests.toy import HEAVY

FOLDER = ROOT / "infra" / "docker"
TEXT = (FOLDER / "Dockerfile").read_text()
IGNORED = (FOLDER / "Dockerfile.dockerignore").read_text()
STAGES = stages(TEXT)
TARGETS = {
    "cpu": "infra/requirements-cpu.lock", "cuda": "infra/requirements-gpu.lock",
    "server": "infra/requirements-server.lock", "store": "infra/requirements-store.lock",
}  # fmt: skip
HEALTH = {"server": ["4200", "/api/health"], "store": ["9000", "/healthz"]}  # others ask the worker
WITHOUT_CHARREC = set(HEALTH)  # but for what reads secrets
UV = Path(sys.executable).parent / "uv"
SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIAL|AUTH", re.IGNORECASE)


def tracked(*folders: str) -> list[str]:
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    return subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


def sources(stage: str) -> list[str]:
    """What its COPY instructions take from the repository."""
    taken = [rest.split() for rest in STAGES[stage].all("COPY")]
    return [word for words in taken if not words[0].startswith("--from=") for word in words[:-1]]


def test_every_base_is_pinned_by_digest_or_a_stage_of_ours() -> None:
    arguments = dict(each.rest.split("=", 1) for each in instructions(TEXT) if each.word == "ARG" and "=" in each.rest)
    bases = {re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], stage.base) for stage in STAGES.values()}
    bases |= set(re.findall(r"--from=(\S+)", TEXT))
    assert {
        base for base in bases - set(STAGES) - {"scratch"} if not re.fullmatch(r"\S+:\S+@sha256:[0-9a-f]{64}", base)
    } == set()


@pytest.mark.parametrize("target", TARGETS)
class TestTarget:
    def test_runs_as_an_unprivileged_user_of_a_fixed_number(self, target: str) -> None:
        users = [each.rest for each in whole(target, STAGES) if each.word == "USER"]
        assert users[-1:] == ["10001:10001"]

    def test_has_a_healthcheck_and_an_entry_that_exist(self, target: str) -> None:
        words = {each.word: each.rest for each in whole(target, STAGES)}
        health = json.dumps(["python", "-m", "infra.docker.health", *HEALTH.get(target, [])])
        assert words["HEALTHCHECK"].endswith(f"CMD {health}")
        assert words["ENTRYPOINT"] == '["python", "-m", "infra.docker.entry"]'

    def test_says_what_it_is(self, target: str) -> None:
        labels = " ".join(each.rest for each in whole(target, STAGES) if each.word == "LABEL")
        assert 'image.version="${VERSION}"' in labels and 'image.revision="${COMMIT}"' in labels
        given = [each.rest for each in whole(target, STAGES) if each.word in ("ARG", "ENV")]
        assert "CHARREC_COMMIT=${COMMIT}" in given
        assert f"VERSION={tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['version']}" in given

    def test_another_commit_is_another_image_from_its_end_on(self, target: str) -> None:
        """To podman 4.3, an ENV or LABEL with another COMMIT is the same layer; a RUN is not, nor what follows it."""
        last = [f"{each.word} {each.rest}" for each in STAGES[target].instructions]
        named = last.index('RUN : "${COMMIT}"')
        assert [line for line in last[:named] if "COMMIT" in line] == ['ARG COMMIT=""']
        assert [line for line in last[named:] if line.startswith(("COPY", "RUN"))] == ['RUN : "${COMMIT}"']

    def test_prefects_server_may_unpack_its_ui(self, target: str) -> None:
        """By default into the environment, which is root's: the server would go on without."""
        told = " ".join(each.rest for each in whole(target, STAGES) if each.word in ("ENV", "RUN"))
        (folder,) = re.findall(r"PREFECT_UI_STATIC_DIRECTORY=(\S+)", told)
        assert re.search(rf"install -d -o charrec -g charrec [^&]*{folder}", told)

    def test_holds_what_its_lock_file_names_before_any_code(self, target: str) -> None:
        copied = [each.rest for each in STAGES[target].instructions if each.word == "COPY"]
        code = "--from=code /infra /opt/charrec/infra" if target in WITHOUT_CHARREC else "--from=code / /opt/charrec/"
        assert copied == [f"--from=packages-{target} /opt/venv /opt/venv", code]
        before = [each.rest for each in whole(f"packages-{target}", STAGES) if each.word == "COPY"]
        assert {word for rest in before for word in rest.split()[:-1]} == {
            "requirements.lock",
            TARGETS[target],
            "pyproject.toml",
            "infra/docker/tools.py",
            "infra/docker/slim.py",
        }

    def test_its_uv_commands_work(self, target: str, tmp_path: Path) -> None:
        """As they stand there, but dry: the first two on an empty folder, the others on this environment."""
        workdir(target, tmp_path)
        venv, sync, *charrec = commands(target)
        uv(venv, tmp_path, tmp_path / "venv")
        locked = len(re.findall(r"(?m)^[\w.-]+==", (ROOT / TARGETS[target]).read_text()))
        assert "--require-hashes" in sync
        installed = dry(sync, tmp_path, tmp_path / "venv").count("\n + ")
        assert locked * 0.9 < installed <= locked  # some are for other systems
        if target in WITHOUT_CHARREC:
            assert charrec == []
            return
        install, uninstall = charrec
        assert "\n + charrec" in dry(install, tmp_path, Path(sys.prefix))
        assert dry(uninstall, tmp_path, Path(sys.prefix)).count("\n - ") == len(tools(ROOT / "pyproject.toml"))


def workdir(target: str, folder: Path) -> None:
    """What the stage of the packages finds where it works."""
    shutil.copy(ROOT / TARGETS[target], folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "tools.txt").write_text("\n".join(tools(ROOT / "pyproject.toml")))
    (folder / "README.md").touch()
    for package in ("charrec", "flows", "tasks"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()


def commands(target: str) -> list[str]:
    (steps,) = [rest for rest in STAGES[f"packages-{target}"].all("RUN") if "uv " in rest]
    return re.findall(r"uv (?:venv|pip) [^&]+", steps)


def uv(command: str, folder: Path, environment: Path) -> str:
    """What it says, in the folder, of the environment."""
    words = shlex.split(command.replace("/opt/venv", str(environment)))
    ended = subprocess.run([UV, *words[1:]], cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def dry(command: str, folder: Path, environment: Path) -> str:
    """What it says that it would do."""
    return uv(re.sub(r"^uv pip \w+", r"\g<0> --dry-run", command), folder, environment)


@drawn("as the image is installed", HEAVY)
def test_the_environment_that_the_cpu_image_has_runs_charrec_from_anywhere(tmp_path: Path) -> None:
    """Made by the image's uv commands in an empty folder; the code comes afterwards, as there."""
    home, venv = tmp_path / "charrec", tmp_path / "venv"
    home.mkdir()
    workdir("cpu", home)
    for command in commands("cpu"):
        uv(command, home, venv)
    for source in sources("code"):
        kept = shutil.ignore_patterns("__pycache__")
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, home / source, ignore=kept, dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / source, home)
    uv(f"uv pip check --python {venv}", home, venv)
    programs = {path.name for path in (venv / "bin").iterdir()}
    assert {"charrec", "prefect"} <= programs and not {"pytest", "ruff", "uv", "hadolint"} & programs
    keras = ", keras" if THOROUGH else ""  # with TensorFlow, all of it uncompiled: half of this test
    imports = f"import charrec, flows.full_study, flows.retrain, deployments.setup{keras}; print(charrec.__file__)"
    environment = {"PATH": f"{venv / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(
        [venv / "bin" / "python", "-m", "infra.docker.entry", "python", "-c", imports], cwd=tmp_path, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [str(home / "charrec" / "__init__.py")]


def test_what_no_container_runs_is_taken_away(tmp_path: Path) -> None:
    for file in (
        "pandas/core/frame.py",
        "pandas/tests/io/tests/test_x.py",
        "tensorflow/include/tests/a.h",
        "clang/c.so",
        "pyarrow/libarrow_flight.so.2600",
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "botocore/data/endpoints.json",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    slim(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    needed = {"pandas/core/frame.py", "botocore/data/endpoints.json", "botocore/data/s3/2006-03-01/service-2.json.gz"}
    assert left == needed


def test_what_it_takes_away_is_named_as_the_packages_name_it() -> None:
    """Lest a pattern stands for nothing after an upgrade, and the image grows unseen."""
    packages = Path(sysconfig.get_path("purelib"))
    assert [pattern for pattern in UNUSED if not any(packages.glob(pattern))] == []
    assert {name for name in SERVICES if not (packages / "botocore" / "data" / name).is_dir()} == set()


def test_what_it_keeps_no_tool_of_is_named_by_the_extras() -> None:
    assert {"pytest", "mypy", "ruff", "uv", "hatchling"} <= set(tools(ROOT / "pyproject.toml"))
    assert not {"charrec", "prefect", "jax"} & set(tools(ROOT / "pyproject.toml"))


def test_nothing_is_fetched_from_an_address() -> None:
    assert [each for each in instructions(TEXT) if each.word == "ADD"] == []
    assert [
        each for each in instructions(TEXT) if each.word == "RUN" and re.search(r"https?://|curl|wget", each.rest)
    ] == []


def test_no_secret_is_built_in() -> None:
    given = [each.rest for each in instructions(TEXT) if each.word in ("ARG", "ENV")]
    names = {word.partition("=")[0] for rest in given for word in rest.split()}
    assert {name for name in names if SECRET.search(name)} == set()


def test_what_it_copies_exists_and_reaches_the_builder() -> None:
    files = {source: tracked(source) for stage in STAGES for source in sources(stage)}
    assert {source for source, found in files.items() if not any(sent(file, IGNORED) for file in found)} == set()


def test_the_builder_gets_all_code_and_nothing_else() -> None:
    files = [file for file in tracked() if sent(file, IGNORED)]
    assert set(tracked("charrec", "flows", "tasks", "deployments")) <= set(files)
    assert {file.split("/")[0] for file in files} - {"charrec", "flows", "tasks", "deployments", "infra"} == {
        "LICENSE", "pyproject.toml", "requirements.lock"}  # fmt: skip
    assert not sent("infra/compose/secrets/store-secret", IGNORED)
    assert not sent(".git/config", IGNORED) and not sent("charrec/__pycache__/study.pyc", IGNORED)


def test_a_secret_is_the_variable_that_its_file_is_named_after(tmp_path: Path) -> None:
    for name, value in {"KAGGLE_API_TOKEN": "abc\n", "TAKEN": "file", "EMPTY": "", "..data": "kubernetes'"}.items():
        (tmp_path / name).write_text(value)
    environment = {"TAKEN": "as it was", "CHARREC_ENDPOINT": "", "CHARREC_STORE": "s3://bucket"}
    read_secrets(tmp_path, environment)
    assert environment == {"TAKEN": "as it was", "CHARREC_STORE": "s3://bucket", "KAGGLE_API_TOKEN": "abc"}
    read_secrets(tmp_path / "none", environment)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_secrets_that_may_not_be_read_end_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    steps = f"from infra.docker.entry import *; os.setuid(10001); read_secrets(Path({str(tmp_path)!r}), {{}})"
    ended = subprocess.run([sys.executable, "-c", steps], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1 and "PermissionError" in ended.stderr


def entry(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "infra.docker.entry", *arguments], cwd=ROOT, env={**os.environ, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_a_bucket_is_made_where_there_is_none_in_whatever_region(
    s3_server: str, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    store = "s3://made-by-the-image/results"
    assert [ensure(store, s3_server) for _ in range(2)] == [
        "Bucket made-by-the-image: created", "Bucket made-by-the-image: there"]  # fmt: skip


def test_a_key_that_may_not_look_at_the_bucket_is_no_reason_to_end(s3_url: str) -> None:
    with refusing(403, repeats=False) as server:
        assert ensure("s3://somebodys/prefix", server.url) == "Bucket somebodys: not looked at, since this key may not"
        assert {request.split(b"\n")[0] for request in server.heard} == {b"/somebodys"}


@pytest.mark.parametrize(
    ("endpoint", "why"), [("http://me:secret@127.0.0.1:1", "EndpointConnectionError"), ("secret:1", "ValueError")]
)
def test_a_store_that_cannot_be_asked_is_told_in_a_line(
    endpoint: str, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CHARREC_STORE"):
        monkeypatch.setenv(name, "s3://charrec/results")
    monkeypatch.setenv("CHARREC_ENDPOINT", endpoint)
    assert ask_for_bucket() == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"error: the bucket of CHARREC_STORE cannot be looked at ({why}); expected an S3 server at ")
    assert "secret" not in told


def test_a_command_takes_the_place_of_the_entry() -> None:
    begun = entry("sh", "-c", "echo $$; exit 3")
    said, _ = begun.communicate(timeout=300)
    assert (begun.returncode, said.strip()) == (3, str(begun.pid))


def test_health_asks_at_the_port_that_prefect_serves(tmp_path: Path) -> None:
    assert PREFECT_WORKER_WEBSERVER_PORT.default() == PORT
    assert not healthy(Process("nobody", tmp_path).port)


WAITS = """
import signal, sys, time
from pathlib import Path
from prefect import flow

@flow
def waits(folder: str) -> None:
    try:
        Path(folder, "begun").touch()
        for _ in range(600):  # not one sleep: Linux may give the signal to another thread, which does not end it
            time.sleep(0.1)
    finally:
        Path(folder, "stored").touch()
"""


@harmed("a container's time")
def test_a_container_that_is_stopped_lets_its_runs_store_what_they_have(
    stack: Stack, prefect_api: str, tmp_path: Path
) -> None:
    """Prefect's own worker, as the image starts it: healthy while it works; on SIGTERM its run ends in order."""
    (tmp_path / "waits.py").write_text(WAITS)
    step = {"prefect.deployments.steps.set_working_directory": {"directory": str(tmp_path)}}
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow_from_name("waits"), "contained", work_pool_name="cpu", entrypoint="waits.py:waits",
            pull_steps=[step],
        )  # fmt: skip
        port = Process("health", tmp_path).port
        settings = stack.environment({"PREFECT_WORKER_QUERY_SECONDS": "2", "PREFECT_WORKER_WEBSERVER_PORT": str(port)})
        container = entry("worker", "--pool", "cpu", "--name", "contained", "--limit", "1", **settings)
        try:
            run = client.create_flow_run_from_deployment(deployment, parameters={"folder": str(tmp_path)})
            assert eventually((tmp_path / "begun").exists, 300)
            assert healthy(port)
            container.send_signal(signal.SIGTERM)
            assert container.wait(FAREWELL) == 0
        finally:
            kill(descendants(container.pid), signal.SIGKILL)  # or a worker that is left keeps the pipe open
            container.kill()
            container.communicate()
        state = client.read_flow_run(run.id).state
    assert (tmp_path / "stored").exists() and not alive(container.pid)
    assert not healthy(port)
    assert state and state.is_crashed(), state


def test_the_worker_is_the_local_stacks_with_a_health_of_its_own(stack_worker: list[str]) -> None:
    assert set(WORKER) - set(stack_worker) == {"--with-healthcheck"}


@pytest.fixture
def stack_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The command of a worker of infra/local."""
    begun: list[list[str]] = []
    monkeypatch.setattr(Process, "start", lambda self, command, *others: begun.append(list(command)))
    Stack(tmp_path).start_worker("cpu", "cpu0")
    return begun[0]
