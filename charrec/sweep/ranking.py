"""The ranking of a search's trials, which decides the chosen network."""

from charrec.results import TrialRow
from charrec.sweep.document import Document, TrialRecord
from charrec.sweep.space import propose


def ranking(document: Document) -> list[TrialRow]:
    """Every trial, best first: by validation accuracy, then more epochs, then the earlier configuration.

    Failed and unfinished trials rank last. The order does not depend on the timing of workers.
    """
    rows = (_row(name, record) for name, record in document.trials.items())
    return sorted(
        rows, key=lambda row: (row.val_accuracy is None, -(row.val_accuracy or 0.0), -row.epochs, row.configuration)
    )


def _row(name: str, record: TrialRecord) -> TrialRow:
    return TrialRow(
        trial=name,
        configuration=record.configuration,
        bracket=int(record.values["tuner/bracket"]),
        rung=int(record.values["tuner/round"]),
        epochs=int(record.values["tuner/epochs"]),
        val_accuracy=record.score,
        state="LOST" if record.lost else record.status,
        network=propose(record.values).model_dump(),
        seconds=record.seconds,
    )
