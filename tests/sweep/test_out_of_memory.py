"""A point that needs more memory than a worker has fails, and the search goes on; a machine without any blames itself.

Real workers on a real store, each a fresh one of a process; what they train is a formula, but for one test.
"""

import random
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from charrec.commands.sweep import main
from charrec.storage import Store, open_store
from charrec.sweep import Asha, Random, Search, search, status
from charrec.sweep.blame import MachineAtFault
from charrec.sweep.document import BELIEVED, Document
from charrec.sweep.fits import Fits
from charrec.sweep.heartbeat import Terms
from charrec.sweep.oracle import COSTLY, FAILURES, TOO_LARGE
from charrec.sweep.outcome import ranked, read_document
from charrec.sweep.space import Value
from charrec.sweep.trainable import Place, Scored
from charrec.sweep.worker import work
from tests.sweep.formula import Formula, plan
from tests.sweep.scheduled import SCHEDULES, Named
from tests.sweep.tiny import FIT, model
from tests.thorough import some
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

TERMS = Terms(lease=60, poll=0.02)
SMALLER_FIRST = 10  # a seed by which each of the first three points is larger than the one before
MOST = COSTLY + BELIEVED  # workers that a point may end

ERRORS: dict[str, Callable[[], Exception]] = {
    "Python": MemoryError,
    "TensorFlow": lambda: tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
    "JAX": lambda: RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 EiB"),
    "CUDA": lambda: tf.errors.InternalError(None, None, "Dst tensor is not initialized."),
}
AFTER = {"frees all": 0.0, "is as good as full": 1.0, "now this, now that": 0.5}  # how often a training fails then


@pytest.fixture(autouse=True)
def without_power_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _file: None)


class Memory(Formula):
    """Of one process. Some configurations never fit; after the first of them others may fit no more."""

    def __init__(self, too_large: set[int], after: float = 0.0, error: Callable[[], Exception] = MemoryError) -> None:
        super().__init__(within=self.fit)
        self.too_large, self.after, self.error = too_large, after, error
        self.met = False
        self.rng = random.Random(7)

    def fit(self, _epoch: int, place: Place) -> None:
        large = any(place.key.endswith(f"configuration-{number:03d}") for number in self.too_large)
        if large or (self.met and self.rng.random() < self.after):
            self.met = True
            raise self.error()


class Held(Memory):
    """A process on a machine whose memory somebody else holds."""

    def fit(self, _epoch: int, _place: Place) -> None:
        raise self.error()


def sought(by: Named, seed: int = 0) -> Fits:
    return plan(Search(max_epochs=4, objective="score", schedule=by, seed=seed))


def document(store: Store, sweep: Fits) -> Document:
    found = read_document(store, sweep)
    assert found
    return found


def fleet(store: Store, sweep: Fits, process: Callable[[], Memory], most: int = MOST) -> list[str]:
    """Fresh processes, one after the other, until the search is finished; what those said that ended before."""
    said: list[str] = []
    while len(said) <= most:
        try:
            if work(store, sweep, process(), terms=TERMS) == "finished":
                return said
        except MachineAtFault as error:
            said.append(str(error))
    pytest.fail(f"{len(said)} workers have ended: {said}")


def states(store: Store, sweep: Fits) -> list[tuple[int, str, float | None]]:
    return [(row.configuration, row.state, row.score) for row in ranked(store, sweep)[1]]


@pytest.mark.parametrize("after", AFTER.values(), ids=AFTER)
@pytest.mark.parametrize(
    ("by", "large"),
    [*((by, 0) for by in SCHEDULES.values()), (SCHEDULES["random"], 2), (SCHEDULES["random"], 5)],
    ids=[*SCHEDULES, "random, the third point", "random, the last point"],
)
def test_a_search_with_a_point_that_never_fits_ends_whatever_its_processes_do_after_it(
    by: Named, large: int, after: float, tmp_path: Path
) -> None:
    store, sweep = open_store(str(tmp_path / "store")), sought(by)
    said = fleet(store, sweep, lambda: Memory({large}, after))
    assert bool(said) == bool(after), "only where it leaves a process unable to train"
    records = document(store, sweep).trials.values()
    failed = [record for record in records if record.status == "FAILED"]
    assert [(record.configuration, record.first) for record in failed] == [(large, 0)]
    assert failed[0].message == f"{TOO_LARGE}: out of memory (MemoryError)"
    assert all(record.doubts + len(record.failures) <= MOST for record in records)
    if not isinstance(by, Asha):  # whose trials depend on the order of ends
        other = open_store(str(tmp_path / "other"))
        fleet(other, sweep, lambda: Memory({large}, error=lambda: ValueError("an ordinary failure")))
        assert states(store, sweep) == states(other, sweep)


@pytest.mark.parametrize("after", AFTER.values(), ids=AFTER)
def test_three_workers_at_once_end_such_a_search_too(after: float, tmp_path: Path) -> None:
    store, sweep, said = open_store(str(tmp_path)), sought(Random(trials=9)), list[str]()
    places = [
        threading.Thread(target=lambda: said.extend(fleet(store, sweep, lambda: Memory({0}, after))), daemon=True)
        for _ in range(3)
    ]
    for place in places:
        place.start()
    for place in places:
        place.join(300)
    assert len(said) <= MOST
    assert [row for row in states(store, sweep) if row[1] == "FAILED"] == [(0, "FAILED", None)]


@pytest.mark.parametrize("kind", ERRORS)
def test_each_kind_of_error_fails_the_trial_for_its_worker_which_goes_on(kind: str, tmp_path: Path) -> None:
    store, sweep, error = open_store(str(tmp_path)), sought(Random(trials=4)), ERRORS[kind]
    assert work(store, sweep, Memory({1}, error=error), terms=TERMS) == "alone"
    record = document(store, sweep).trials["0001"]
    assert (record.status, record.doubts, [one.memory for one in record.failures]) == ("INVALID", 0, [True])
    assert len(document(store, sweep).ended) == 3
    (trouble,) = status(store, sweep).troubles
    assert trouble.message.startswith(f"out of memory ({type(error()).__name__}")
    assert work(store, sweep, Memory({1}, error=error), terms=TERMS) == "finished"
    (trouble,) = status(store, sweep).troubles
    assert trouble.failed and trouble.message.startswith(f"{TOO_LARGE}: out of memory ({type(error()).__name__}")


def test_a_larger_machine_finishes_what_another_could_not(tmp_path: Path) -> None:
    store, sweep = open_store(str(tmp_path / "store")), sought(Random(trials=4))
    assert work(store, sweep, Memory({1}), terms=TERMS) == "alone"
    assert work(store, sweep, Memory(set()), terms=TERMS) == "finished"
    assert {state for _, state, _ in states(store, sweep)} == {"COMPLETED"}


def test_a_machine_whose_memory_somebody_holds_fails_no_trial_and_leaves_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, sweep = open_store(str(tmp_path / "store")), sought(Random(trials=4))
    work(store, sweep, Memory(set()), stop=stopping(store, sweep, 2), terms=TERMS)
    for _ in range(3 * MOST):
        with pytest.raises(
            MachineAtFault, match=r"This counts as no (failure of the trial, which waits|trial's failure),"
        ):
            work(store, sweep, Held(set()), terms=TERMS)
    left = document(store, sweep)
    assert not any(record.failures or record.losses for record in left.trials.values())
    assert [record.doubts > 0 for record in left.trials.values()] == [False, False, True, True]
    for command in ("status", "result"):
        main([command, store.url])
        assert "trial 0002, configuration 2, waits for another try: out of memory (Mem" in capsys.readouterr().out
    assert fleet(store, sweep, lambda: Memory(set()), most=0) == []
    undisturbed = open_store(str(tmp_path / "undisturbed"))
    fleet(undisturbed, sweep, lambda: Memory(set()), most=0)
    assert states(store, sweep) == states(undisturbed, sweep)


def stopping(store: Store, sweep: Fits, ended: int) -> Callable[[], bool]:
    """Whether so many trials have ended."""
    return lambda: bool((found := read_document(store, sweep)) and len(found.ended) >= ended)


def test_memory_that_suffices_for_a_small_network_alone_is_found_by_the_largest_that_was_trained(
    tmp_path: Path,
) -> None:
    """Somebody else comes to use the machine after its second trial, and leaves room for the first one's network."""
    store, sweep = open_store(str(tmp_path)), sought(Random(trials=4), seed=SMALLER_FIRST)
    widths: list[Value] = []

    class Shared(Formula):
        def train(self, values: dict[str, Value], seed: int, epochs: int, place: Place) -> Sequence[Scored]:
            widths.append(values["width"])
            if len(widths) > 2 and widths[-1] != widths[0]:
                raise MemoryError
            return super().train(values, seed, epochs, place)

    with pytest.raises(MachineAtFault, match="trial 0002 failed on a worker"):
        work(store, sweep, Shared(), terms=TERMS)
    assert float(widths[0]) < float(widths[1]) == float(widths[3])
    record = document(store, sweep).trials["0002"]
    assert (record.failures, record.doubts) == ([], 1)


def test_points_that_do_not_fit_are_no_failures_in_a_row_and_a_larger_machine_tries_them_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One worker's failures are tried again at the end, one after the other."""
    store, sweep = open_store(str(tmp_path)), sought(Random(trials=FAILURES + 5))
    large = set(range(3, FAILURES + 4))
    assert fleet(store, sweep, lambda: Memory(large)) == []
    assert [number for number, state, _ in states(store, sweep) if state == "FAILED"] == sorted(large)
    assert main(["retry", store.url]) == 0
    assert capsys.readouterr().out == f"{sweep.key}: {len(large)} failed trials are tried anew. Run the script again.\n"
    assert fleet(store, sweep, lambda: Memory(set())) == []
    assert {state for _, state, _ in states(store, sweep)} == {"COMPLETED"}


# While no trial has completed


@pytest.mark.parametrize("large", some([{0}, {0, 1}, {0, 1, 2, 3, 4}, {1, 2, 3, 4, 5}], 2))
@pytest.mark.parametrize("after", AFTER.values(), ids=AFTER)
def test_a_search_whose_first_points_do_not_fit_ends(large: set[int], after: float, tmp_path: Path) -> None:
    store, sweep = open_store(str(tmp_path)), sought(Random(trials=6))
    fleet(store, sweep, lambda: Memory(large, after), most=MOST * len(large))
    assert {number for number, state, _ in states(store, sweep) if state == "FAILED"} == large


def test_where_no_point_fits_each_worker_says_so_and_none_has_failed(tmp_path: Path) -> None:
    store, sweep = open_store(str(tmp_path)), sought(Random(trials=2))
    for _ in range(3):
        with pytest.raises(
            MachineAtFault,
            match=r"completed no trial, .*0000: out of memory .MemoryError.*that its memory does not hold",
        ):
            work(store, sweep, Held(set()), terms=TERMS)
    records = document(store, sweep).trials.values()
    assert [(record.status, record.doubts) for record in records] == [("INVALID", 3), ("INVALID", 3)]
    assert [row.message for row in status(store, sweep).troubles] == ["out of memory (MemoryError)"] * 2


# What is freed before the worker asks


class Hungry(keras.layers.Layer):
    """Ends for want of memory where real ones do: deep within a call, whose frames Keras leaves out of a traceback."""

    def call(self, x: Any) -> Any:
        if x.shape[0] > 1:  # not as its model is built
            raise MemoryError
        return x


@pytest.mark.parametrize("large", [9, pytest.param(2**45, marks=pytest.mark.long)])  # TensorFlow waits 10 s for memory
def test_a_network_that_did_not_fit_is_gone_before_another_is_trained(large: int, tmp_path: Path) -> None:
    """No machine has the 512 TiB of a kernel of 2^45 units."""
    networks: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def build(hp: Any) -> Any:
        units = hp.Choice("units", [2, 3, 4, large])
        alive.append(sum(one() is not None for one in networks))
        made = model(units)
        if units == 9:
            made.add(Hungry())
        if units == large:
            networks.append(weakref.ref(made))
        return made

    how = Search(max_epochs=1, objective="val_accuracy", schedule=Random(trials=4))
    found = search(build, how, str(tmp_path), FIT, terms=TERMS)
    (failed,) = [row for row in found.trials if row.state == "FAILED"]
    assert failed.values["units"] == large
    (trouble,) = status(found.store, found.plan).troubles
    said = "ResourceExhaustedError: " if large == 2**45 else "MemoryError"
    assert trouble.message.startswith(f"{TOO_LARGE}: out of memory ({said}")
    assert len(networks) >= BELIEVED
    assert max(alive) == 0
