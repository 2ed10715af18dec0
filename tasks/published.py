"""The study's report as an artifact of its run."""

import asyncio

from prefect.artifacts import acreate_markdown_artifact

from charrec.report.summary import summary
from charrec.results import StudyResult
from charrec.steps.reporting import Stored
from charrec.storage import open_store
from charrec.study import Runtime

SHOWN = {"Accuracies": "figures/models.png", "The search": "figures/search.png", "Images": "figures/samples.png"}


async def publish(report: Stored, runtime: Runtime) -> None:
    """Create or renew the artifact `study-report`."""
    await acreate_markdown_artifact(
        await asyncio.to_thread(_written, report, runtime), key="study-report", description="What the study found"
    )


def _written(report: Stored, runtime: Runtime) -> str:
    store = open_store(runtime.store, endpoint=runtime.endpoint)
    folder = report.files[0].removesuffix("report.html")
    figures = {title: store.get(folder + name) for title, name in SHOWN.items() if folder + name in report.files}
    files = {name: f"{store.url}/{folder}{name}" for name in ("report.html", "study.json", "tables/models.csv")}
    return summary(StudyResult.model_validate_json(store.get(folder + "study.json")), figures, files)
