"""What the trained networks read, on validation images and on images they never saw."""

from io import BytesIO

import numpy as np
import pandas as pd

from charrec.alphabet import INDEX
from charrec.data import foreign as newdata
from charrec.data.glyphs import Manifest, load_columns, load_images
from charrec.evaluation.prediction import as_table, predict
from charrec.evaluation.scores import evaluate, external, read_text
from charrec.memo.identity import identity
from charrec.memo.outcome import Outcome, remember
from charrec.models.convnet import ConvNet
from charrec.results import Evaluation, External, TextReading, TrainingResult
from charrec.steps.data import arrays, halves, local
from charrec.steps.store import store_of
from charrec.steps.training import recipe
from charrec.storage import Store
from charrec.study import Frozen, Runtime, Study
from charrec.training.checkpoints import read_progress

Set = Outcome[Manifest]
Tables = dict[str, tuple[pd.DataFrame, np.ndarray]]


class Predictions(Frozen):
    """Tables in the store: one row an image, its name, its character, and a probability for each class."""

    tables: dict[str, str]  # "validation", "letters prepared", ... -> key


class Findings(Frozen):
    """All that one network showed."""

    evaluation: Evaluation
    external: tuple[External, ...]
    texts: tuple[TextReading, ...]


def predict_all(
    training: Outcome[TrainingResult], study: Study, glyphs: Set, letters: Set, digits: Set, runtime: Runtime
) -> Outcome[Predictions]:
    """Probabilities of one network for the validation images and for both foreign sets, each prepared both ways."""
    given = [training.key, glyphs.key, letters.key, digits.key]
    key = f"predictions/{training.value.model}-{identity(given, code=('charrec.evaluation.prediction', 'charrec.data.foreign'))}"
    store = store_of(runtime)

    def compute() -> Predictions:
        data = arrays(study, glyphs, runtime)
        names = load_columns(local(glyphs.key, runtime))["name"].to_numpy()[data.validation].tolist()
        sets = {"validation": (names, data.labels[data.validation], data.images[data.validation])}
        for role, foreign in (("letters", letters), ("digits", digits)):
            columns, images = (
                load_columns(local(foreign.key, runtime)),
                load_images(local(foreign.key, runtime)),
            )
            for method, prepare in newdata.METHODS.items():
                prepared = prepare(images, study.image_size)
                sets[f"{role} {method}"] = (columns["name"].tolist(), columns["label"].to_numpy(), prepared)
        network = ConvNet.model_validate(training.value.network) if training.value.network else None
        how = recipe(study, training.value.model, training.value.precision, network)
        found = predict(
            how,
            read_progress(store, training.key),
            {name: images for name, (_, _, images) in sets.items()},
            store,
        )
        tables = {}
        for name, (names, labels, _) in sets.items():
            tables[name] = f"{key}/{name.replace(' ', '-')}.parquet"
            content = BytesIO()
            as_table(names, labels, found[name]).to_parquet(content, index=False)
            store.put(tables[name], content.getvalue())
        return Predictions(tables=tables)

    return remember(store, key, Predictions, compute)


def find(
    predictions: Outcome[Predictions], model: str, study: Study, glyphs: Set, letters: Set, digits: Set,
    runtime: Runtime,
) -> Outcome[Findings]:  # fmt: skip
    """Rates, confusions and readings of one network, from its predictions."""
    given = [predictions.key, study.texts, study.seed, glyphs.key, letters.key, digits.key]
    key = f"findings/{model}-{identity(given, code=('charrec.evaluation.scores', 'charrec.data.foreign'))}"
    store = store_of(runtime)

    def compute() -> Findings:
        tables = {name: read_table(store, at) for name, at in predictions.value.tables.items()}
        columns = load_columns(local(glyphs.key, runtime))
        training, validation = halves(study, columns)
        labels = columns["label"].to_numpy()
        return Findings(
            evaluation=evaluate(
                model,
                tables["validation"][1],
                labels[validation],
                columns["group"].to_numpy()[validation],
                twins(columns, training, validation),
                study.seed,
            ),
            external=tuple(
                _score(model, role, method, tables) for role in ("letters", "digits") for method in newdata.METHODS
            ),
            texts=tuple(
                _read(text, model, method, study.seed, tables) for text in study.texts for method in newdata.METHODS
            ),
        )

    return remember(store, key, Findings, compute)


def twins(columns: pd.DataFrame, training: np.ndarray, validation: np.ndarray) -> np.ndarray:
    """(m,) bool: validation images with an identical image of their class in training."""
    pictures = columns["label"].astype(str) + " " + columns["sha256"]
    return pictures.iloc[validation].isin(set(pictures.iloc[training])).to_numpy()


def role_of(text: str) -> str:
    """Which foreign set a text is drawn from."""
    return "digits" if text.isdigit() else "letters"


def read_table(store: Store, key: str) -> tuple[pd.DataFrame, np.ndarray]:
    """(name and truth of each image, (n, 62) probabilities)."""
    table = pd.read_parquet(BytesIO(store.get(key)))
    return table[["name", "truth"]], table[list(INDEX)].to_numpy(np.float32)


def of_labels(head: pd.DataFrame) -> np.ndarray:
    """(n,) class indices of a prediction table."""
    return head["truth"].map(INDEX).to_numpy()


def _score(model: str, role: str, method: str, tables: Tables) -> External:
    head, probabilities = tables[f"{role} {method}"]
    return external(model, role, method, probabilities, of_labels(head))


def _read(text: str, model: str, method: str, seed: int, tables: Tables) -> TextReading:
    head, probabilities = tables[f"{role_of(text)} {method}"]
    picks = newdata.pick_text(text, of_labels(head), seed)
    return read_text(text, model, method, probabilities[picks], head["name"].iloc[picks].tolist())
