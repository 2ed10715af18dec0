"""One trial of a search, as its ranking and its status show it."""

from charrec.study import Frozen
from charrec.sweep.space import Value


class TrialRow(Frozen):
    trial: str
    configuration: int  # the n-th new point of the search
    bracket: int
    rung: int
    epochs: int  # trained in all after this trial, in each execution
    score: float | None  # the objective's best value so far; of several executions, their mean
    state: str  # COMPLETED, FAILED, or LOST: given up, since its workers were lost
    values: dict[str, Value]
    seconds: float
