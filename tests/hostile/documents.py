"""Doors: every JSON document of a store, keras.json, and JSON in the environment's settings."""

import functools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from charrec.commands import store as store_command
from charrec.commands.champion import show as show_champions
from charrec.errors import InputError
from charrec.machine.backend import backend
from charrec.memo.outcome import Provenance, name_of, outcome_of, recall
from charrec.models import MODELS
from charrec.models.convnet import convnet_of
from charrec.report.stored import result_of
from charrec.results import (
    AugmentResult,
    Epoch,
    EvaluationResult,
    Manifest,
    PackResult,
    Precision,
    PredictionResult,
    ReadResult,
    ReportResult,
    SearchResult,
    Stored,
)
from charrec.serving.candidate import candidate_of, trained_of, weights_of
from charrec.serving.champion import Document as Champions
from charrec.serving.champion import Promotion
from charrec.serving.in_use import in_use
from charrec.study import QUICK, Search
from charrec.sweep.document import Bracket, Document, Lease, Place, TrialRecord
from charrec.sweep.outcome import SearchFailed, failed, finished
from charrec.sweep.standing import status
from charrec.sweep.table import lines, markdown
from charrec.training.checkpoints import Checkpoint, Progress, claim, mend, read_progress, read_version
from charrec.training.recipe import Recipe
from charrec.tuning.outcome import result
from charrec.tuning.plan import Sweep
from charrec.tuning.space import SPACE
from tests.hostile.door import MIB, Door
from tests.hostile.mutators import mutated_document
from tests.hostile.tables import GLYPHS, placed
from tests.report.sample_result import TINY, machine, tiny_result

MEMORY = 512 * MIB  # documents of 10 MB that are nothing but lists in a list: Python takes 56 bytes for each
OBJECT = Stored(key="objects/x", sha256=sha256(b"object").hexdigest())
STUDY = tiny_result()
ROW = Epoch(epoch=1, loss=2.0, accuracy=0.5, val_loss=1.5, val_accuracy=0.6, seconds=9.0, images_per_second=700.0)
RESULTS: dict[str, BaseModel] = {
    "pack": PackResult(manifest=Manifest(digest="d", images=1, size=128, classes=1, fonts=1, groups=1, distinct=1,
                                         unavoidable=0, source="s", version="1", licence="l"), file=OBJECT),
    "precision": Precision(chosen="float32", images_per_second={"float32": 9.5}),
    "train": STUDY.trainings[0].model_copy(update={"weights": OBJECT}),
    "search": STUDY.search,
    "predict": PredictionResult(tables={"validation": OBJECT, "letters prepared": OBJECT}),
    "evaluate": EvaluationResult(
        evaluation=STUDY.evaluations[0],
        external=STUDY.external[:4],
        texts=STUDY.texts[:2],
        text_rates=STUDY.text_rates[:2],
    ),
    "augment": AugmentResult(images=OBJECT),
    "report": ReportResult(files=(OBJECT, OBJECT)),
    "read": ReadResult(images=9, unreadable=1, table=OBJECT),
}  # fmt: skip
PROVENANCE = Provenance(started="2026-11-22T18:33:30+00:00", seconds=1.5, machine=machine(), code="607dc10+")

TRAINING = "trainings/model_2-0123456789abcdef"
WEIGHTS = Checkpoint(epoch=1, key=f"{TRAINING}/epoch-001-a.weights.h5", sha256=OBJECT.sha256)
PROGRESS = Progress(owner="a", epochs=(ROW,), parameters=829_758, last=WEIGHTS, best=WEIGHTS)
RECIPE = Recipe(
    model="model_4", network=None, seed=6, batch_size=16, image_size=32, image_channels=1, precision="float32"
)
SWEEP = Sweep(key="sweeps/0123456789abcdef", search=Search(max_epochs=2, factor=2), recipe=RECIPE, glyphs=GLYPHS)
CANDIDATE = candidate_of(
    STUDY, "model_2", glyphs="g", letters="l", digits="d", report="reports/1/report.html"
).model_copy(update={"training": TRAINING, "weights_sha256": WEIGHTS.sha256})


def store_with(folder: Path, key: str, data: bytes) -> Any:
    placed(folder, OBJECT.key, b"object")
    placed(folder, WEIGHTS.key, b"object")
    return placed(folder, key, data)


# Results of steps


def outcome(step: str) -> bytes:
    value = RESULTS[step]
    return outcome_of(type(value))(key=f"{step}/0", value=value, provenance=PROVENANCE).model_dump_json().encode()


def recalled(step: str, data: bytes, folder: Path) -> None:
    """A damaged result is none, and is computed again; one that is taken is of its shape and printable."""
    kind = type(RESULTS[step])
    store = store_with(folder, name_of(f"{step}/0", kind), data)
    found = recall(store, f"{step}/0", kind)
    if found is None:
        raise Refused
    assert type(found.value) is kind
    if isinstance(found.value, SearchResult):  # what is trained from it
        convnet_of(found.value.chosen, found.key)
    found.model_dump_json()


class Refused(Exception):
    """Taken for nothing, as charrec promises of damaged results."""


# What a training, a search and the champion leave


def progressed(data: bytes, folder: Path) -> None:
    key = f"{TRAINING}/progress.json"
    store = store_with(folder, key, data)
    first = read_progress(store, TRAINING)
    with suppress(InputError):
        weights_of(store, CANDIDATE)
    mend(store, TRAINING)
    claim(store, TRAINING, "b")
    assert read_version(store, TRAINING)[0].owner == "b"
    if not first.epochs:
        raise Refused


def planned(data: bytes, folder: Path) -> None:
    store = store_with(folder, f"{SWEEP.key}/sweep.json", data)
    assert Sweep.stored(store, SWEEP.key).recipe.model in MODELS


def searched() -> bytes:
    """Two trials, one of them done, one running."""
    own = {"tuner/epochs": 1, "tuner/initial_epoch": 0, "tuner/bracket": 1, "tuner/round": 0}
    values = {**{name: of[0] for name, of in SPACE.items()}, **own}
    return Document(
        trials={
            "0000": TrialRecord(configuration=0, values=values, status="COMPLETED", score=0.5, seconds=3.5),
            "0001": TrialRecord(configuration=1, values=values, status="RUNNING", message="lost", losses=1),
        },
        ended=["0000"], leases={"0001": Lease(worker="host-1-abc", token=2)}, token=2,
        brackets=[Bracket(bracket_num=1, rounds=[[Place(id=name, past_id=None) for name in ("0000", "0001")], []])],
        current_bracket=1, current_iteration=0, seed_state=130, transactions=["ab" * 16],
    ).model_dump_json().encode()  # fmt: skip


def standing(data: bytes, folder: Path) -> None:
    """The status of the search, as `charrec sweep status` prints it, and its end as the study asks for it."""
    store = store_with(folder, SWEEP.oracle, data)
    now = status(store, SWEEP)
    "\n".join([*lines(now), markdown(now), now.model_dump_json(ensure_ascii=True)]).encode()
    failed(store, SWEEP)
    if finished(store, SWEEP):
        with suppress(SearchFailed):
            result(store, SWEEP, 1)


def champions() -> bytes:
    when = "2026-11-22T18:33:30+00:00"
    first = Promotion(number=1, when=when, candidate=CANDIDATE, why="the first", by="first")
    second = Promotion(number=2, when=when, candidate=CANDIDATE, why="better", by="gate")
    return Champions(promotions=(first, second)).model_dump_json().encode()


def crowned(data: bytes, folder: Path) -> None:
    """`charrec champion list`, and the network that reads."""
    store = store_with(folder, "champion.json", data)
    placed(folder, f"{TRAINING}/progress.json", PROGRESS.model_dump_json().encode())
    with redirect_stdout(StringIO()):
        show_champions(store)
    network = in_use(store).network
    assert network.recipe.model in MODELS, "a module of any name would be imported"
    weights_of(store, network)


def reported(data: bytes, folder: Path) -> None:
    """A study's result in its report: what the report's page, the summary and `charrec predict` take from it."""
    store = store_with(folder, "reports/1/study.json", data)
    placed(folder, "reports/1/report.html", b"<html>")
    found = result_of(store, "reports/1")
    for training in found.trainings:
        trained_of(found, training.model)
    in_use(store)


def checked(step: str, data: bytes, folder: Path) -> None:
    """`charrec store check` of a document without a record: only one that is complete is believed."""
    key = name_of(f"{step}/0", type(RESULTS[step]))
    store = store_with(folder, key, data)
    (folder / ".sha256" / key).unlink()
    with redirect_stdout(said := StringIO()):
        store_command.check(store, write=False)
    if "a complete document" not in said.getvalue():
        raise Refused


# Settings


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    former = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(former)


def keras_settings(data: bytes, folder: Path) -> None:
    (folder / "keras.json").write_bytes(data)
    os.environ.pop("KERAS_BACKEND", None)
    with environment(KERAS_HOME=str(folder)):
        os.environ.pop("KERAS_BACKEND", None)
        backend()


KERAS = {"floatx": "float32", "epsilon": 1e-07, "backend": "tensorflow", "image_data_format": "channels_last"}
LONGEST_VARIABLE = 1 << 17  # MAX_ARG_STRLEN of Linux


def configured(variable: str, data: bytes, _folder: Path) -> None:
    """A group of settings as a JSON object; a refusal ends with status 2 and one message."""
    from flows import command_line

    text = data.decode(errors="surrogateescape").replace("\0", "")
    if len(data) >= LONGEST_VARIABLE:
        raise Refused
    status = None
    with environment(**{variable: text}), redirect_stderr(said := StringIO()):
        try:
            command_line._parsed([])
        except SystemExit as end:
            status = end.code
    if status is not None:
        assert status == 2 and said.getvalue().startswith("error: "), f"status {status}: {said.getvalue()[:300]}"
        raise Refused


def door(
    name: str, sample: Callable[[], bytes], read: Callable[[bytes, Path], object], *others: type[Exception]
) -> Door:
    return Door(name, "document", sample, read, mutated_document, (InputError, *others), MEMORY)


DOORS = [
    *(
        door(f"result of {step}", functools.partial(outcome, step), functools.partial(recalled, step), Refused)
        for step in RESULTS
    ),
    door("store check", functools.partial(outcome, "train"), functools.partial(checked, "train"), Refused),
    door("progress.json", PROGRESS.model_dump_json().encode, progressed, Refused),
    door("sweep.json", SWEEP.model_dump_json().encode, planned),
    door("oracle.json", searched, standing),
    door("champion.json", champions, crowned),
    door("study.json", STUDY.model_dump_json().encode, reported),
    door("keras.json", json.dumps(KERAS).encode, keras_settings),
    door("CHARREC_DATA", TINY.data.model_dump_json().encode, functools.partial(configured, "CHARREC_DATA"), Refused),
    door(
        "CHARREC_SEARCH",
        QUICK.search.model_dump_json().encode,
        functools.partial(configured, "CHARREC_SEARCH"),
        Refused,
    ),
    door("CHARREC_TEXTS", b'["APR", "2023"]'.__bytes__, functools.partial(configured, "CHARREC_TEXTS"), Refused),
]
