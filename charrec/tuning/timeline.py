"""Who worked at which trial of the search for network 4, from when to when, for its report."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from charrec.errors import InputError
from charrec.results import Stretch, Timeline
from charrec.storage import NotFound, Store
from charrec.sweep.document import STRETCHES, Document, TrialRecord, parsed


def timeline(store: Store, key: str) -> Timeline | None:
    """Of the search under this key, finished or not; None where it cannot be read or has kept no times.

    What still runs ends at its worker's last sign of life.
    """
    name = f"{key}/oracle.json"
    try:
        document = parsed(store.get(name), f"{store.url}/{name}")
    except (NotFound, InputError):  # deleted, or another version's
        return None
    start = f"{key}/workers/"
    signs = {entry.key.removeprefix(start): entry.modified.timestamp() for entry in store.list(start)}
    found = sorted(_stretches(document, signs), key=lambda one: (one.begin, one.worker))
    if not found:
        return None
    first = found[0].begin
    return Timeline(
        began=datetime.fromtimestamp(first, UTC).isoformat(timespec="seconds"),
        stretches=tuple(
            one.model_copy(update={"begin": _since(first, one.begin), "end": _since(first, one.end)}) for one in found
        ),
    )


def _since(first: float, seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds - first, 1)


def _stretches(document: Document, signs: Mapping[str, float]) -> Iterator[Stretch]:
    """With times since 1970."""
    for name, record in document.trials.items():
        whole = len(record.stretches) < STRETCHES
        done = record.first if whole else None
        for one in record.stretches:
            epochs = None if one.epochs is None or done is None else max(one.epochs - done, 0)
            done = one.epochs if done is None else done + (epochs or 0)
            yield _row(name, record).model_copy(
                update={"worker": one.worker, "begin": one.begun, "end": one.ended, "how": one.how, "epochs": epochs}
                | {"after": done if one.epochs is not None else None, "lost": one.lost}
            )
    for name, lease in document.leases.items():
        if lease.begun is not None:
            end = max(signs.get(lease.worker, lease.begun), lease.begun)
            yield _row(name, document.trials[name]).model_copy(
                update={"worker": lease.worker, "begin": lease.begun, "end": end}
            )


def _row(name: str, record: TrialRecord) -> Stretch:
    return Stretch(
        worker="", trial=name, configuration=record.configuration, bracket=record.bracket, rung=record.rung,
        begin=0.0, end=None, how="running", epochs=None, after=None,
    )  # fmt: skip
