"""The outcomes in a store that a finished study's result names, or where it is too old to name them, surely means."""

import logging
from datetime import datetime

import numpy as np

from charrec.data.sources.source import Role
from charrec.evaluation.tables import VALIDATION, labels_of, read_table
from charrec.memo.outcome import Outcome, Value, name_of, parsed, recall
from charrec.results import PackResult, PredictionResult, StudyResult
from charrec.storage import Corrupt, Entry, NotFound, Store
from charrec.storage.document import Foreign

log = logging.getLogger(__name__)


def stored_since(store: Store, prefix: str, suffix: str, since: datetime | None = None) -> list[Entry]:
    """The objects of this name, the latest first."""
    entries = (entry for entry in store.list(prefix) if entry.key.endswith(suffix))
    newer = [entry for entry in entries if since is None or entry.modified >= since]
    return sorted(newer, key=lambda entry: entry.modified, reverse=True)


def latest(
    store: Store, prefix: str, kind: type[Value], since: datetime | None = None
) -> list[tuple[datetime, Outcome[Value]]]:
    """Every outcome of this kind that can be read and was stored since then, the latest first."""
    suffix = name_of("", kind)
    found = []
    for entry in stored_since(store, prefix, suffix, since):
        key = entry.key.removesuffix(suffix)
        try:
            found.append((entry.modified, parsed(store.get(entry.key), key, kind)))
        except (NotFound, Corrupt, Foreign) as error:
            log.warning("%s is left out: %s", key, error)
    return found


def digest_of(role: Role, result: StudyResult) -> str:
    """Of the packed set; older results have none of the new letters and digits."""
    digest: str = getattr(result.data, "digest" if role == "glyphs" else f"{role}_digest")
    return digest


def packed_set(store: Store, role: Role, result: StudyResult) -> PackResult | None:
    """The set of the study, if its file is there. Without a digest: the only one of its source and size."""
    digest, data = digest_of(role, result), result.data
    source, images = (data.source, data.images) if role == "glyphs" else _foreign(role, result)
    sets = [one.value for _, one in latest(store, f"{role}/", PackResult) if store.exists(one.value.file.key)]
    known = [(one, one.manifest) for one in sets]
    if digest:
        return next((one for one, manifest in known if manifest.digest == digest), None)
    alike = [one for one, manifest in known if (manifest.source, manifest.images) == (source, images)]
    return alike[0] if len(alike) == 1 else None


def _foreign(role: Role, result: StudyResult) -> tuple[str, int]:
    return getattr(result.data, f"{role}_source"), getattr(result.data, role)


def predictions_of(store: Store, model: str, result: StudyResult) -> Outcome[PredictionResult] | None:
    """What the network said. Without its key: the only outcome that has the study's validation accuracy."""
    if key := result.predictions.get(model):
        return recall(store, key, PredictionResult)
    accuracy = next((one.accuracy for one in result.evaluations if one.model == model), None)
    if accuracy is None:
        return None
    alike = [
        one
        for _, one in latest(store, f"predictions/{model}-", PredictionResult)
        if _accuracy(store, one.value) == (accuracy.n, accuracy.value)
    ]
    return recall(store, alike[0].key, PredictionResult) if len(alike) == 1 else None


def _accuracy(store: Store, predictions: PredictionResult) -> tuple[int, float] | None:
    """Of the validation images: how many, and the share that is read right."""
    if VALIDATION not in predictions.tables:
        return None
    key = predictions.tables[VALIDATION].key
    try:
        head, probabilities = read_table(store.get(key), key)
    except (NotFound, Corrupt, Foreign):
        return None
    right = probabilities.argmax(axis=1) == labels_of(head)
    return len(right), float(np.mean(right))
