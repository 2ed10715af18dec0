"""What a person sees of a study in Prefect's UI, in a real browser. The pictures stay in ci-output/."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun

from tests.desk import MODELS, ROOT
from tests.production.driver import TRAINED, Production, of
from tests.thorough import drawn

PICTURES = ROOT / "ci-output"
PAGES = ("a run", "the report", "the search", "the form")  # `make test` looks at one
BROWSER = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--virtual-time-budget=20000",
)  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium")
    assert found, "found no chromium; expected Debian's: apt-get install chromium"
    return found


def seen(chromium: str, url: str, name: str, height: int, profile: Path, *awaited: str) -> str:
    """The page as the browser has it once its scripts have run; its picture as ci-output/NAME.png.

    A busy server may answer after the browser's patience ends, so it looks again until the awaited texts are there.
    """
    PICTURES.mkdir(exist_ok=True)
    picture = PICTURES / f"{name}.png"
    picture.unlink(missing_ok=True)
    command = [chromium, *BROWSER, f"--window-size=1400,{height}", f"--user-data-dir={profile}"]
    shown = [*command, f"--screenshot={picture}", "--dump-dom", url]
    page = ""
    for _ in range(5):
        page = subprocess.run(shown, check=True, capture_output=True, text=True, timeout=300).stdout
        if all(text in page for text in awaited):
            break
    assert picture.stat().st_size > 20_000  # more than an empty page
    return page


def artifact_of(production: Production, run: FlowRun, what: str) -> str:
    """The address of its page."""
    key = f"study-{of(run)}-{what}"
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]), key=ArtifactFilterKey(any_=[key]))
    (artifact,) = production.client.read_artifacts(artifact_filter=wanted)
    return f"{production.stack.ui_url}/artifacts/artifact/{artifact.id}"


@drawn(PAGES[0], PAGES)
def test_the_page_of_a_run_names_what_ran(
    production: Production, undisturbed: FlowRun, chromium: str, tmp_path: Path
) -> None:
    page = seen(
        chromium, f"{production.stack.ui_url}/runs/flow-run/{undisturbed.id}", "run", 1200, tmp_path, undisturbed.name
    )
    assert undisturbed.name in page
    study = of(undisturbed)
    names = [*(f"train {model}, study {study}" for model in TRAINED), f"sweep worker 1, study {study}"]
    listed = seen(chromium, f"{production.stack.ui_url}/runs?limit=50", "runs", 4000, tmp_path, *names)
    assert [name for name in names if name not in listed] == []


@drawn(PAGES[1], PAGES)
def test_the_report_shows_its_tables_and_pictures(
    production: Production, undisturbed: FlowRun, chromium: str, tmp_path: Path
) -> None:
    page = seen(chromium, artifact_of(production, undisturbed, "report"), "study-report", 2200, tmp_path, "Model 4")
    assert len(re.findall(r"<table", page)) == 2  # leaderboard, texts
    assert len(re.findall(r"<img[^>]+data:image/png;base64,", page)) == 3
    for model in MODELS:
        assert re.search(rf"<td[^>]*>\s*Model {model[-1]}\s*</td>", page), model


@drawn(PAGES[2], PAGES)
def test_the_search_shows_its_rungs(
    production: Production, undisturbed: FlowRun, chromium: str, tmp_path: Path
) -> None:
    page = seen(chromium, artifact_of(production, undisturbed, "search"), "sweep-status", 900, tmp_path, "5 of 5")
    assert "5 of 5 trials" in page
    assert len(re.findall(r"<table", page)) >= 1


@drawn(PAGES[3], PAGES)
def test_the_form_of_a_run_asks_for_the_study(production: Production, chromium: str, tmp_path: Path) -> None:
    deployment = production.client.read_deployment_by_name("charrec/full-study")
    page = seen(
        chromium,
        f"{production.stack.ui_url}/deployments/deployment/{deployment.id}/run",
        "form",
        1600,
        tmp_path,
        "Texts",
    )
    for field in ("Seed", "Image Size", "Epochs Model 1", "Texts"):
        assert field in page, field
