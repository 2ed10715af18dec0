"""The trials of a search for network 4, as a study keeps and reports them."""

from charrec.results import TrialRow
from charrec.sweep import ranking as any_search
from charrec.sweep import row as any_trial
from charrec.sweep.document import Document
from charrec.tuning.space import OBJECTIVE, propose


def ranking(document: Document) -> list[TrialRow]:
    """Every trial, best first: by validation accuracy, then more epochs, then the earlier configuration."""
    return [of_network_4(row) for row in any_search.ranking(document, OBJECTIVE)]


def of_network_4(row: any_trial.TrialRow) -> TrialRow:
    plain = row.model_dump(exclude={"score", "values"})
    return TrialRow(**plain, val_accuracy=row.score, network=propose(row.values).model_dump())
