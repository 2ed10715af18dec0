"""Predictions as the mean over shears: a step beside the study's own, whose tables are evaluated like its."""

from io import BytesIO

import numpy as np

from charrec.data.arrays import load_arrays
from charrec.data.foreign import prepare
from charrec.data.glyphs import load_images
from charrec.evaluation.prediction import predict
from charrec.evaluation.shears import slanted
from charrec.evaluation.tables import as_table, labels_of, read_table
from charrec.memo.step import Bench, Step
from charrec.results import PredictionResult
from charrec.steps.predict import PREDICT, Given


def compute(given: Given, bench: Bench) -> PredictionResult:
    """Of the validation images and the prepared ones; those prepared the deck's way stay as they are."""
    store, size = bench.store, given.recipe.image_size
    tables = dict(PREDICT.run(given, bench).value.tables)
    arrays = load_arrays(given.glyphs, size, store, bench.cache)
    sets = {"validation": arrays.images[arrays.validation]}
    for role, packed in (("letters", given.letters), ("digits", given.digits)):
        sets[f"{role} prepared"] = prepare(load_images(packed.local(store, bench.cache)), size)
    ways = {f"{name} {shear}": way for name, images in sets.items() for shear, way in slanted(images).items()}
    found = predict(given.recipe, given.weights, ways, store)
    for name in sets:
        head, _ = read_table(store.get(tables[name].key), tables[name].key)
        mean = np.mean([shares for way, shares in found.items() if way.startswith(name)], axis=0)
        content = BytesIO()
        as_table(head["name"].tolist(), labels_of(head).tolist(), mean).to_parquet(content, index=False)
        tables[name] = bench.put(f"{SLANTED.key(given)}/{name.replace(' ', '-')}.parquet", content.getvalue())
    return PredictionResult(tables=tables)


SLANTED = Step("predict slanted", "slanted/{given.recipe.model}-", Given, PredictionResult, compute)
