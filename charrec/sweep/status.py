"""What a search has found: its trials, best first."""

from charrec.results import SearchResult, TrialRow
from charrec.sweep.oracle import DurableHyperband
from charrec.sweep.space import SPACE, propose


class SearchFailed(RuntimeError):
    """There is nothing to choose from."""


def summarise(oracle: DurableHyperband, images: int) -> SearchResult:
    """Every trial; ranked by validation accuracy, of equals the longer trained, then the earlier one.

    Raises SearchFailed where every trial failed. A failed trial counts with the epochs that it was to train.
    """
    rows = sorted(
        (_row(oracle, name) for name in oracle.trials),
        key=lambda row: (-(row.val_accuracy or -1.0), -row.epochs, row.trial),
    )
    if rows[0].val_accuracy is None:
        failed = oracle.trials[rows[0].trial]
        raise SearchFailed(f"no trial of {len(rows)} succeeded; trial {failed.trial_id}: {failed.message}")
    first = {name: trial.hyperparameters.values["tuner/initial_epoch"] for name, trial in oracle.trials.items()}
    return SearchResult(
        trials=tuple(rows),
        space=SPACE,
        chosen=rows[0].network,
        epochs=sum(row.epochs - first[row.trial] for row in rows),
        images=images,
        seconds=sum(oracle.seconds.values()),
    )


def _row(oracle: DurableHyperband, name: str) -> TrialRow:
    trial = oracle.trials[name]
    values = trial.hyperparameters.values
    return TrialRow(
        trial=name,
        configuration=oracle.configurations[name],
        bracket=values["tuner/bracket"],
        rung=values["tuner/round"],
        epochs=values["tuner/epochs"],
        val_accuracy=trial.score,
        state=trial.status,
        network=propose(values).model_dump(),
        seconds=oracle.seconds.get(name, 0.0),
    )
