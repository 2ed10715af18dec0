"""Batch prediction: every image under a prefix of the store, read by the champion."""

from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact

from charrec.steps.batch import predict_under
from charrec.study import Runtime
from flows.settings import runtime_here
from tasks import told


@flow(name="charrec-predict", flow_run_name="predict {prefix}", persist_result=False)
def predict_batch(prefix: str = "inbox", model: str | None = None, runtime: Runtime | None = None) -> str:
    """The key of a CSV file: for each image under `prefix` its name and the three likeliest characters.

    `model` is one of the latest report, as model_3, or a training's key; by default the champion. What is no image is
    a row that says so.
    """
    with told.lines():
        key, rows = predict_under(prefix, model, runtime or runtime_here())
    table: list[dict[str, Any]] = rows[:100]
    create_table_artifact(table, key="predictions", description=f"{len(rows)} images under {prefix}; all in {key}")
    return key
