"""The study's report as an artifact of its run."""

import asyncio
import logging

from prefect.artifacts import acreate_markdown_artifact

from charrec.memo.step import Bench
from charrec.report.stored import result_of
from charrec.report.summary import summary
from charrec.results import ReportResult
from charrec.study import Runtime
from tasks.naming import key
from tasks.patience import patiently
from tasks.pool import deployed

log = logging.getLogger("charrec.published")  # so `progress.lines` shows it as the run's

SHOWN = {"Accuracies": "figures/models.png", "The search": "figures/search.png", "Images": "figures/samples.png"}


async def publish(report: ReportResult, runtime: Runtime) -> None:
    """Create or renew the artifact with the report; a deployed study logs where both are."""
    text, name = await asyncio.to_thread(_written, report, runtime), key("report")
    await patiently(lambda: acreate_markdown_artifact(text, key=name, description="What the study found"))
    if deployed():  # a study at a desk prints it itself
        store = await asyncio.to_thread(lambda: Bench.of(runtime).store)
        log.info("Report: %s/%s, and as the artifact %s", store.url, report.files[0].key, name)


def _written(report: ReportResult, runtime: Runtime) -> str:
    store = Bench.of(runtime).store
    keys = [file.key for file in report.files]
    folder = keys[0].removesuffix("report.html")
    figures = {title: store.get(folder + name) for title, name in SHOWN.items() if folder + name in keys}
    files = {name: f"{store.url}/{folder}{name}" for name in ("report.html", "study.json", "tables/models.csv")}
    return summary(result_of(store, folder.removesuffix("/")), figures, files)
