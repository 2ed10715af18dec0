"""A deployed charrec with workers, and one study that ran on it undisturbed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from charrec.storage import open_store
from infra.local.stack import KEYS, ROOT, Stack
from tests.desk import TINY
from tests.production.canaries import Canaries, planted
from tests.production.driver import TRAINED, Production, copy, study_of
from tests.stack import working
from tests.thorough import THOROUGH


@pytest.fixture(scope="package")
def canaries() -> Iterator[Canaries]:
    """In every variable that holds a credential, of `make deploy` and of the workers; test_secrets looks for them."""
    with planted() as made:
        yield made


@pytest.fixture(scope="package")
def production(stack: Stack, canaries: Canaries) -> Iterator[Production]:
    """Deployed, with a worker of the pool cpu and two of the pool gpu."""
    deploying = os.environ | stack.settings | canaries.environment
    ended = subprocess.run(
        ["make", "-o", "install", "deploy"], cwd=ROOT, check=True, capture_output=True, env=deploying, timeout=300
    )
    canaries.said.append(ended.stdout + ended.stderr)
    cpu, gpus = ("cpu", "cpu0"), [("gpu", "gpu0"), ("gpu", "gpu1")]
    hidden = {"CUDA_VISIBLE_DEVICES": "", **canaries.environment}
    with (
        pytest.MonkeyPatch.context() as patch,
        temporary_settings({PREFECT_API_URL: stack.api_url}),
        get_client(sync_client=True) as client,
        working(stack, cpu, limit=4, environment=hidden) as studies,
        working(stack, *gpus, environment=hidden) as devices,
    ):
        for name, value in KEYS.items():
            patch.setenv(name, value)
        yield Production(stack, client, dict(zip(("cpu0", "gpu0", "gpu1"), [*studies, *devices], strict=True)))


@pytest.fixture(scope="package")
def undisturbed(production: Production, whole_store: Path) -> FlowRun:
    """A study that ran from the command line, watched to its end."""
    if not THOROUGH:
        done, undone = open_store(str(whole_store)), [f"/{model}-" for model in TRAINED]
        copy(done, production.store("undisturbed"), "sweeps/", "reports/", *undone)
    parameters = json.dumps({"study": study_of(TINY), "runtime": production.runtime("undisturbed", sweep_workers=1)})
    watched = subprocess.run(
        [sys.executable, "-m", "prefect", "deployment", "run", "charrec/full-study", "--params", parameters, "--watch"],
        env=os.environ | production.stack.settings, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert watched.returncode == 0, watched.stdout[-3000:] + watched.stderr[-3000:]
    assert "Completed" in watched.stdout
    deployment = production.client.read_deployment_by_name("charrec/full-study")
    runs = [run for run in production.client.read_flow_runs(limit=200) if run.deployment_id == deployment.id]
    return max(runs, key=lambda run: str(run.created))
