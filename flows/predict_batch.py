"""Batch prediction: every image under a prefix of the store, read by the champion."""

import logging
from io import BytesIO
from typing import Any

import pandas as pd
from prefect import flow
from prefect.artifacts import create_table_artifact

from charrec.memo.step import Bench
from charrec.serving.in_use import in_use
from charrec.steps.read import READ, Given, images_under
from charrec.study import Runtime
from flows.settings import settled
from tasks import progress

log = logging.getLogger("charrec.flows")  # so `progress.lines` shows it as the run's

SHOWN = 100  # rows of the artifact


@flow(name="charrec-predict", flow_run_name="predict {prefix}", persist_result=False)
def predict_batch(prefix: str = "inbox", model: str | None = None, runtime: Runtime | None = None) -> str:
    """Returns the key of a CSV file: for each image under `prefix` its name and the three likeliest characters.

    `model` is a model of the latest report, as model_3, or a training's key; by default the champion, or where there is
    none the best network of the latest report. An object that is no image becomes a row with the error.
    """
    with progress.lines():
        bench = Bench.of(settled(runtime))
        chosen = in_use(bench.store, model)
        if chosen.note:
            log.warning("%s", chosen.note)
        given = Given(prefix=prefix, network=chosen.network, images=images_under(prefix, bench.store))
        result = READ.run(given, bench).value
    rows = pd.read_csv(BytesIO(bench.store.get(result.table.key)), dtype=str, keep_default_na=False, nrows=SHOWN)
    about = f"{result.images} images under {prefix}, {result.unreadable} unreadable; all in {result.table.key}"
    table: dict[str, list[Any]] = {str(name): list(column) for name, column in rows.items()}
    create_table_artifact(table, key="predictions", description=about)
    return result.table.key
