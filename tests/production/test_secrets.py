"""No credential is left anywhere: studies run with a canary in every variable that holds one, then all is searched."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.schemas.objects import FlowRun

from charrec.errors import InputError
from charrec.storage import open_store
from infra.local.postgres import DATABASE, SUPERUSER
from infra.local.stack import ROOT
from tests.desk import TINY
from tests.production.canaries import DATASET, Canaries, database_url, shapes
from tests.production.driver import Production, of, study_of, until

FINAL = ("Completed", "Failed", "Crashed")


@pytest.fixture(scope="module")
def failed(production: Production, canaries: Canaries) -> list[FlowRun]:
    """Two studies that were refused: by Kaggle, and by a store that repeats in its answer what it was sent."""
    from_kaggle = study_of(TINY | {"--data.glyphs": f"kaggle:{DATASET}"})
    refused = production.runtime("refused") | {"endpoint": canaries.s3.url}
    runs = [
        production.begin("charrec/full-study", study=from_kaggle, runtime=production.runtime("wrong-token")),
        production.begin("charrec/full-study", study=study_of(TINY), runtime=refused),
    ]
    until(lambda: all(production.state(run) in FINAL for run in runs))
    until(lambda: len(canaries.webhook.heard) >= 2, 300)
    return runs


def messages(production: Production, runs: list[FlowRun]) -> list[str]:
    states = [production.again(run).state for run in runs]
    return [state.message or "" for state in states if state]


def test_the_canaries_were_in_use(production: Production, canaries: Canaries, failed: list[FlowRun]) -> None:
    for name in ("cpu0", "gpu0"):
        pid = production.workers[name].pid
        assert pid
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert {f"{name}={value}".encode() for name, value in canaries.environment.items()} <= set(environment)
    sent = {name for request in canaries.s3.heard for name in canaries.found(request)}
    assert sent == {"AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"}
    asked = " ".join(str((request.body, request.headers)) for request in canaries.kaggle.requests).encode()
    assert {"KAGGLE_API_TOKEN", "proxy"} <= set(canaries.found(asked))
    assert "webhook" in canaries.found(b"".join(canaries.webhook.heard))
    said = messages(production, failed)
    assert "Kaggle does not accept the credentials" in said[0]
    assert "answers 403" in said[1]


def test_the_store_holds_none(production: Production, canaries: Canaries, undisturbed: FlowRun) -> None:
    store = production.store("undisturbed")
    objects = {entry.key: store.get(entry.key) for entry in store.list()}
    assert any(key.endswith("report.html") for key in objects) and any(key.endswith("study.json") for key in objects)
    assert {key: found for key, data in objects.items() if (found := canaries.found(data))} == {}


def test_prefects_database_holds_none(
    production: Production, canaries: Canaries, undisturbed: FlowRun, failed: list[FlowRun]
) -> None:
    tables = dict(dumped(production))
    assert undisturbed.name.encode() in tables["flow_run"]
    assert f"study-{of(undisturbed)}-report".encode() in tables["artifact"]
    assert b"Kaggle does not accept the credentials" in tables["flow_run_state"] and b"model_2 epoch" in tables["log"]
    assert {table: found for table, rows in tables.items() if (found := canaries.found(rows))} == {}


def dumped(production: Production) -> Iterator[tuple[str, bytes]]:
    """Each table and its rows as text."""
    sockets = production.stack.database.sockets
    psql = ["psql", "-h", str(sockets), "-U", SUPERUSER, "-d", DATABASE, "-At", "-c"]
    user = production.stack.database.user
    run = {"user": user, "group": user, "extra_groups": []} if user else {}

    def ask(query: str) -> bytes:
        return subprocess.run([*psql, query], check=True, capture_output=True, cwd="/", **run).stdout  # type: ignore[call-overload]

    tables = ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").decode().split()
    for table in tables:
        yield table, ask(f'COPY "{table}" TO STDOUT')


def test_no_file_of_the_stack_holds_one(
    production: Production, canaries: Canaries, undisturbed: FlowRun, failed: list[FlowRun]
) -> None:
    files = {path.relative_to(production.stack.folder): path.read_bytes()
             for path in production.stack.folder.rglob("*") if path.is_file()}  # fmt: skip
    assert b"Kaggle does not accept" in files[Path("logs/worker-cpu-cpu0.log")]
    assert {path: found for path, data in files.items() if (found := canaries.found(data))} == {}


def test_make_deploy_says_none(canaries: Canaries, production: Production) -> None:
    assert b"charrec: failures" in canaries.said[0]
    assert canaries.found(b"".join(canaries.said)) == []


@pytest.mark.parametrize("given", ["argument", "AWS_ENDPOINT_URL_S3", "store"])
def test_an_address_with_a_password_is_not_repeated(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "http://somebody:canary0123@127.0.0.1:9"
    monkeypatch.setattr("charrec.storage.conditional.ATTEMPTS", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    if given == "AWS_ENDPOINT_URL_S3":
        monkeypatch.setenv(given, address)
    url = "s3://somebody:canary0123@bucket/prefix" if given == "store" else "s3://bucket/prefix"
    with pytest.raises((InputError, ConnectionError)) as raised:
        open_store(url, endpoint=address if given == "argument" else None).get("key")
    assert "canary0123" not in f"{raised.value!r} {raised.value} {raised.value.__cause__!r}"


def test_a_server_that_cannot_reach_its_database_does_not_say_its_password(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url("canary0123"),
        "PREFECT_HOME": str(tmp_path),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", "0"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=300)
    said = ended.stdout + ended.stderr
    assert ended.returncode and b"refused" in said.lower(), said[-2000:]
    assert b"canary0123" not in said


@pytest.mark.parametrize("before", ["", "x", "xy", "somebody:"])
def test_a_canary_is_recognised_in_base64(before: str) -> None:
    word = "canary0123456789abcdef"
    coded = base64.b64encode(f"{before}{word}".encode())
    assert any(shape in coded for shape in shapes(word))
