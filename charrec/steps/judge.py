"""A challenger and the champion -> whether the challenger takes its place."""

from charrec.memo.step import Bench, Step
from charrec.serving.candidate import Candidate
from charrec.serving.gate import Verdict, compare
from charrec.study import Frozen


class Given(Frozen):
    challenger: Candidate
    champion: Candidate
    number: int  # of the champion


def compute(given: Given, bench: Bench) -> Verdict:
    """Raises InputError for networks that cannot be compared."""
    return compare(bench.store, given.champion, given.number, given.challenger, bench.cache)


JUDGE = Step(
    "judge", "verdicts/{given.challenger.identity}/champion-{given.number:04d}-", Given, Verdict, compute
)  # fmt: skip
