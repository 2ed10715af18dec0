"""prefect.yaml means flows that exist, parameters that they take, pools that are set up."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import validate

from charrec.study import EMBEDDED, QUICK, Study
from deployments.automations import CHILDREN, FLOWS
from deployments.setup import POOLS

ROOT = Path(__file__).parents[2]
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())["deployments"]
each_deployment = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: each["entrypoint"])


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def flow_of(deployment: dict[str, Any]) -> Flow[..., Any]:
    return load_flow_from_entrypoint(deployment["entrypoint"])


@each_deployment
def test_its_parameters_are_the_flows(deployment: dict[str, Any]) -> None:
    given = deployment.get("parameters", {})
    schema = parameter_schema(flow_of(deployment)).model_dump_for_openapi()
    assert set(given) <= set(schema["properties"])
    validate(given, schema, raise_on_error=True, ignore_required=True)


@each_deployment
def test_its_pool_is_set_up(deployment: dict[str, Any]) -> None:
    assert deployment["work_pool"]["name"] in POOLS


def test_the_automations_watch_every_flow_that_is_deployed() -> None:
    assert {flow_of(each).name for each in DEPLOYMENTS} == set(FLOWS)


def test_what_a_study_begins_is_deployed_where_it_looks_for_it() -> None:
    found = {flow_of(each).name: (each["name"], each["work_pool"]["name"]) for each in DEPLOYMENTS}
    assert {name: found[name] for name in CHILDREN} == {name: (name, "gpu") for name in CHILDREN}


def test_no_two_deployments_bear_one_name() -> None:
    names = [each["name"] for each in DEPLOYMENTS]
    assert sorted(set(names)) == sorted(names)


def test_the_quick_study_is_the_command_lines_without_credentials() -> None:
    (quick,) = [each for each in DEPLOYMENTS if each["name"] == "quick-study"]
    embedded = QUICK.data.model_copy(update=EMBEDDED)
    assert Study.model_validate(quick["parameters"]["study"]) == QUICK.model_copy(update={"data": embedded})
