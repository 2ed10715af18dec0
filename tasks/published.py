"""The study's report as an artifact of its run."""

import asyncio

from prefect.artifacts import acreate_markdown_artifact

from charrec.memo.step import Bench
from charrec.report.summary import summary
from charrec.results import ReportResult, StudyResult
from charrec.study import Runtime
from tasks.patience import patiently

SHOWN = {"Accuracies": "figures/models.png", "The search": "figures/search.png", "Images": "figures/samples.png"}


async def publish(report: ReportResult, runtime: Runtime) -> None:
    """Create or renew the artifact `study-report`."""
    text = await asyncio.to_thread(_written, report, runtime)
    await patiently(
        lambda: acreate_markdown_artifact(text, key="study-report", description="What the study found")
    )  # fmt: skip


def _written(report: ReportResult, runtime: Runtime) -> str:
    store = Bench.of(runtime).store
    keys = [file.key for file in report.files]
    folder = keys[0].removesuffix("report.html")
    figures = {title: store.get(folder + name) for title, name in SHOWN.items() if folder + name in keys}
    files = {name: f"{store.url}/{folder}{name}" for name in ("report.html", "study.json", "tables/models.csv")}
    return summary(StudyResult.model_validate_json(store.get(folder + "study.json")), figures, files)
