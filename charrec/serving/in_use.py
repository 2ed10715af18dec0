"""The network that reads: the champion, or a named one."""

from charrec.errors import InputError
from charrec.report.stored import reports, result_of
from charrec.serving import champion
from charrec.serving.candidate import Trained, trained_of
from charrec.storage import Store


def in_use(store: Store) -> tuple[int, Trained]:
    """The champion and its number. Raises InputError where there is none."""
    now = champion.current(store)
    if now is None:
        raise InputError(
            f"{store.url} has no champion",
            "a network that was promoted",
            "Name one of the latest report with --model model_3, or have a retraining promote one.",
        )
    return now.number, now.candidate


def named(store: Store, model: str) -> Trained:
    """`model_3` of the latest report, or the network of any report that was trained under this key."""
    keys = reports(store)
    if "/" not in model:
        return trained_of(result_of(store, keys[0]), model)
    for key in keys:
        result = result_of(store, key)
        for training in result.trainings:
            if training.weights.key.startswith(f"{model}/"):
                return trained_of(result, training.model)
    raise InputError(
        f"none of the {len(keys)} reports in {store.url} tells of {model}",
        "a network of a report, as in model_3 or trainings/model_3-0123456789abcdef",
        "Correct it; study.json beside a report names its networks.",
    )
