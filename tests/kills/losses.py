"""What a search lost, beside the same search undisturbed: trials, epochs, scores, ranks; what it left behind."""

from collections.abc import Iterator
from typing import Any

from charrec.storage import Store
from charrec.sweep.document import Document, parsed
from charrec.sweep.schedule import schedule
from charrec.training.checkpoints import read_progress
from charrec.tuning.outcome import result
from charrec.tuning.plan import Sweep
from tests.toy import history

Findings = dict[str, Any]


def document(store: Store, sweep: Sweep) -> Document:
    return parsed(store.get(sweep.oracle), "the test's")


def found(store: Store, sweep: Sweep, images: int) -> Findings:
    """All that a search finds, but for what may differ: names of trials, and seconds."""
    what = result(store, sweep, images)
    told = what.model_dump(exclude={"seconds": True, "trials": {"__all__": {"trial", "seconds"}}})  # type: ignore[arg-type]
    numbers = sorted({row.configuration for row in what.trials})
    return told | {"histories": {n: history(read_progress(store, sweep.training(n))) for n in numbers}}


def losses(store: Store, sweep: Sweep, images: int, undisturbed: Findings) -> list[str]:
    """A line for each difference from the undisturbed search, and for each object that should not be there, or should.

    A search that cannot even be read has lost everything: the error is the line.
    """
    try:
        return [*of_the_document(document(store, sweep), sweep), *_of_the_findings(store, sweep, images, undisturbed)]
    except Exception as error:
        return [f"it cannot be read: {type(error).__name__}: {error}"]


def of_the_document(after: Document, sweep: Sweep) -> Iterator[str]:
    trials = sum(rung.trials for rung in schedule(sweep.search))
    counts = {"trials": len(after.trials), "ended": len(after.ended), "ended once": len(set(after.ended))}
    for what, count in counts.items():
        if count != trials:
            yield f"{count} {what} of {trials}"
    if after.leases or after.waiting:
        yield f"left: leases of {sorted(after.leases)}, waiting {after.waiting}"
    for name, record in after.trials.items():
        if record.status != "COMPLETED":
            yield f"trial {name} is {record.status}: {record.message}"


def _of_the_findings(store: Store, sweep: Sweep, images: int, undisturbed: Findings) -> Iterator[str]:
    after, mine = document(store, sweep), found(store, sweep, images)
    for number in sorted({record.configuration for record in after.trials.values()}):
        epochs = [row.epoch for row in read_progress(store, sweep.training(number)).epochs]
        if epochs != list(range(1, _longest(after, number) + 1)):
            yield f"configuration {number} has epochs {epochs}, expected 1 to {_longest(after, number)}"
    for name in mine.keys() | undisturbed.keys():
        if mine.get(name) != undisturbed.get(name):
            yield f"other {name}: {_first_difference(mine.get(name), undisturbed.get(name))}"
    keys, expected = {entry.key for entry in store.list()}, owed(store, sweep)
    if left := sorted(keys - expected):
        yield f"left in the store: {left}"
    if missing := sorted(expected - keys):
        yield f"missing from the store: {missing}"


def owed(store: Store, sweep: Sweep) -> set[str]:
    """The keys of the objects that may be there after a search."""
    numbers = {record.configuration for record in document(store, sweep).trials.values()}
    trainings = [sweep.training(number) for number in numbers]
    needed = set().union(*(read_progress(store, key).needed() for key in trainings))
    return needed | {f"{key}/progress.json" for key in trainings} | {f"{sweep.key}/sweep.json", sweep.oracle}


def _longest(after: Document, configuration: int) -> int:
    """The epochs that the last trial of a configuration was to reach."""
    trials = (record for record in after.trials.values() if record.configuration == configuration)
    return max(int(record.values["tuner/epochs"]) for record in trials)


def _first_difference(mine: object, theirs: object, where: str = "") -> str:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        pairs = [(name, mine.get(name), theirs.get(name)) for name in [*mine, *(theirs.keys() - mine.keys())]]
    elif isinstance(mine, list | tuple) and isinstance(theirs, list | tuple) and len(mine) == len(theirs):
        pairs = [(number, *both) for number, both in enumerate(zip(mine, theirs, strict=True))]
    else:
        return f"{where or 'it'} is {mine!r}, undisturbed {theirs!r}"
    name, one, other = next(pair for pair in pairs if pair[1] != pair[2])
    return _first_difference(one, other, f"{where}[{name!r}]")
