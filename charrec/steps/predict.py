"""A trained network -> its probabilities for the validation images and both foreign sets, each prepared both ways."""

from io import BytesIO

from charrec.data import foreign
from charrec.data.arrays import Glyphs, Packed, load_arrays
from charrec.data.glyphs import load_columns, load_images
from charrec.evaluation.prediction import predict
from charrec.evaluation.tables import as_table
from charrec.machine.backend import require_backend
from charrec.memo.step import Bench, Step
from charrec.results import PredictionResult, Stored
from charrec.study import Frozen
from charrec.training.recipe import Recipe


class Given(Frozen):
    recipe: Recipe
    weights: Stored
    glyphs: Glyphs
    letters: Packed
    digits: Packed


def compute(given: Given, bench: Bench) -> PredictionResult:
    require_backend(given.recipe.backend)
    store, size = bench.store, given.recipe.image_size
    arrays = load_arrays(given.glyphs, size, store, bench.cache)
    names = load_columns(given.glyphs.packed.local(store, bench.cache))["name"].to_numpy()[arrays.validation].tolist()
    sets = {"validation": (names, arrays.labels[arrays.validation], arrays.images[arrays.validation])}
    for role, packed in (("letters", given.letters), ("digits", given.digits)):
        path = packed.local(store, bench.cache)
        columns, images = load_columns(path), load_images(path)
        for method, prepare in foreign.METHODS.items():
            known = columns["name"].tolist(), columns["label"].to_numpy()
            sets[f"{role} {method}"] = (*known, prepare(images, size))
    probabilities = predict(given.recipe, given.weights, {name: images for name, (*_, images) in sets.items()}, store)
    key, tables = PREDICT.key(given), {}
    for name, (names, labels, _) in sets.items():
        at, content = f"{key}/{name.replace(' ', '-')}.parquet", BytesIO()
        as_table(names, labels, probabilities[name]).to_parquet(content, index=False)
        tables[name] = bench.put(at, content.getvalue())
    return PredictionResult(tables=tables)


PREDICT = Step("predict {given.recipe.model}", "predictions/{given.recipe.model}-", Given, PredictionResult, compute)
