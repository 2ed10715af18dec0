"""infra/compose in containers: all of it up, a study to its end, stopped and upgraded in the middle."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.desk import TINY
from tests.images.base import base
from tests.images.composed import PATIENCE, SERVICES, Composed
from tests.images.conftest import COMMIT
from tests.images.engine import CACHE, Engine
from tests.images.stand_ins.postgres import postgres
from tests.processes import eventually
from tests.production.driver import study_of

EPOCHS = 200  # of model 2, a minute: the study is stopped among them
LATER = COMMIT[::-1]  # the commit of an image that is newer, with the same code
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]  # of which building is a good part
WORKERS = [service for service in SERVICES if service.startswith("worker-")]


@pytest.fixture(scope="module")
def composed(engine: Engine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    postgres(engine)
    with Composed(engine, tmp_path_factory.mktemp("compose"), "charrec-compose").there() as project:
        project.up(*SERVICES)
        yield project
    engine.build("cpu", images["cpu"], base(engine, CACHE), COMMIT=COMMIT)  # again, for other tests


def test_the_server_asks_for_its_password_and_shows_its_ui(composed: Composed) -> None:
    assert httpx.post(composed.ui + "/api/flows/filter", json={}).status_code == 401
    assert {flow["name"] for flow in composed.api("flows/filter")} >= {"charrec", "charrec-retraining", "charrec-watch"}
    assert "Prefect" in httpx.get(composed.ui).text


def test_every_service_is_healthy_by_its_own_check(composed: Composed) -> None:
    for service in set(SERVICES) - {"deploy"}:
        composed.wait(service)


def test_no_secret_is_shown_by_inspecting_a_container(composed: Composed) -> None:
    shown = composed.engine("inspect", *map(composed.container, SERVICES)) + "".join(map(composed.logs, SERVICES))
    values = [file.read_text().strip() for file in (composed.folder / "secrets").iterdir()]
    assert [value for value in values if len(value) > 20 and value in shown] == []


def test_a_study_goes_on_after_a_stop_and_an_upgrade(composed: Composed) -> None:
    parameters = {"study": {**study_of(TINY), "epochs_model_2": EPOCHS}}
    composed.ask("prefect", "deployment", "run", "charrec/full-study", "--params", json.dumps(parameters))

    def trains() -> bool:  # for some epochs
        return any(len(composed.epochs("model_2", child["id"])) > 2 for child in composed.runs("train model_2"))

    assert eventually(trains, PATIENCE, 1), composed.logs("worker-cpu")
    composed("stop", *WORKERS)
    assert {service: composed.engine.exit_code(composed.container(service)) for service in WORKERS} == dict.fromkeys(
        WORKERS, 0
    )  # not killed at the end of their time
    composed("down")

    composed.engine.build("cpu", "charrec:cpu", base(composed.engine, CACHE), COMMIT=LATER)
    composed.up(*SERVICES)
    assert composed.ask("printenv", "CHARREC_COMMIT").strip() == LATER
    (study,) = composed.runs("study ")
    over = ("COMPLETED", "FAILED", "CANCELLED")
    assert eventually(lambda: composed.run(study["id"])["state_type"] in over, PATIENCE, 2), composed.logs("worker-cpu")
    assert composed.run(study["id"])["state_type"] == "COMPLETED", composed.logs("worker-cpu")

    children = [child["id"] for child in composed.runs("train model_2")]
    after = composed.went_on(*children)
    print(f"stopped in epoch {after + 1} of {EPOCHS}")
    assert after > 1 and sorted(composed.epochs("model_2", *children)) == list(range(1, EPOCHS + 1))  # none twice
    assert "/report.html" in composed.ask("charrec", "report")
