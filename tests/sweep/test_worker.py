"""What a worker does when it is asked to leave, is refused, hangs, or finds nothing to do."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from charrec.errors import InputError
from charrec.storage import Store, open_store
from charrec.study import Search
from charrec.sweep.blame import MachineAtFault
from charrec.sweep.document import Document, parsed
from charrec.sweep.heartbeat import Terms, reap
from charrec.sweep.oracle import COSTLY
from charrec.sweep.worker import prove
from charrec.training.checkpoints import read_progress
from charrec.tuning.plan import Sweep
from charrec.tuning.work import work
from tests.fault_proxy import Answer, FaultProxy, Headers
from tests.processes import eventually
from tests.sweep.driving import SMALL, oracle_of, taken
from tests.sweep.swarm import SWEEP, Swarm, small_arrays
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def document(url: str) -> Document | None:
    store = open_store(url)
    return parsed(store.get(SWEEP.oracle), url) if store.exists(SWEEP.oracle) else None


def test_sigterm_stores_the_steps_so_far_and_the_next_worker_goes_on_from_there(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    key = SWEEP.training(0)
    store = open_store(url)
    with Swarm(tmp_path / "workers", url, None, Terms(lease=3600, poll=0.2)) as swarm:
        first = swarm.start()
        assert eventually(lambda: read_progress(store, key).epochs, 300), swarm.said()
        assert first.pid
        os.kill(first.pid, signal.SIGTERM)
        first.join(300)
        assert first.exitcode == 0, swarm.said()
        left = document(url)
        assert left
        assert (left.leases, left.waiting) == ({}, ["0000"])  # an hour's lease, given back
        assert (tmp_path / "workers" / "worker-1" / "ending").read_text() == "stopped"
        assert [entry.key for entry in store.list(f"{SWEEP.key}/workers/")] == []
        before = read_progress(store, key)
        assert before.last
        assert before.last.begun.steps > 0
        assert before.last.epoch == len(before.epochs)
        swarm.start()
        assert eventually(lambda: "0000" in document(url).ended, 300), swarm.said()  # type: ignore[union-attr]
    assert read_progress(store, key).epochs[: len(before.epochs)] == before.epochs
    assert len(read_progress(store, key).epochs) == 2


def test_a_worker_that_hangs_loses_its_trial_and_stores_nothing_more(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    sweep = Sweep(key="sweep", search=Search(max_epochs=1, factor=2), recipe=SWEEP.recipe)
    stop, hung, woken = threading.Event(), threading.Event(), threading.Event()

    def hang(_title: str, _epoch: int, _epochs: int) -> None:
        if not hung.is_set():  # the first trial alone
            hung.set()
            woken.wait(300)

    terms = Terms(lease=1, stall=1, poll=0.1)
    worker = threading.Thread(
        target=work, args=(open_store(url), sweep, small_arrays(), hang, stop.is_set, terms), daemon=True
    )
    worker.start()
    assert hung.wait(300)
    token = next(iter(document(url).leases.values())).token  # type: ignore[union-attr]
    time.sleep(3)  # no sign of life after the first second
    oracle = oracle_of(sweep.search, sweep.recipe.seed)
    from charrec.sweep.transaction import transact

    def take() -> object:
        reap(open_store(url), sweep, oracle, terms)
        return oracle.take("another")

    taken = transact(open_store(url), sweep.oracle, oracle, take)
    assert taken.trial == "0000"  # type: ignore[attr-defined]
    assert taken.token > token  # type: ignore[attr-defined]
    woken.set()
    stop.set()
    worker.join(300)
    assert not worker.is_alive()
    assert read_progress(open_store(url), sweep.training(0)).epochs == ()


@pytest.mark.parametrize(("heartbeat", "losses"), [(False, 0), (True, 1)])
def test_a_worker_that_ended_by_itself_is_no_loss_and_one_that_was_killed_is(
    heartbeat: bool, losses: int, tmp_path: Path
) -> None:
    """The former deletes its heartbeat, though on a full disk it could not give its trial back."""
    store, sweep = open_store(str(tmp_path)), Sweep(key="sweep", search=SMALL, recipe=SWEEP.recipe)
    oracle = oracle_of(sweep.search, sweep.recipe.seed)
    given = taken(oracle, "another")
    if heartbeat:
        store.put("sweep/workers/another", b"")
        os.utime(tmp_path / "sweep" / "workers" / "another", (0, 0))
    reap(store, sweep, oracle, Terms())
    assert (oracle.leases, oracle.dump().waiting) == ({}, [given.trial])
    assert oracle.records[given.trial].losses == losses


def test_an_idle_worker_leaves(tmp_path: Path) -> None:
    """All trials that could run are another's, and it does not end."""
    store = open_store(str(tmp_path))
    sweep = Sweep(key="sweep", search=Search(max_epochs=1, factor=2), recipe=SWEEP.recipe)
    oracle = oracle_of(sweep.search, sweep.recipe.seed)
    assert oracle.take("another") != "IDLE"
    store.put(sweep.oracle, oracle.dump().model_dump_json().encode())
    store.put(f"{sweep.key}/workers/another", b'{"worker": "another"}')
    assert work(store, sweep, small_arrays(), terms=Terms(lease=3600, poll=0.1, idle=0.3)) == "idle"
    assert [entry.key for entry in store.list(f"{sweep.key}/workers/")] == [f"{sweep.key}/workers/another"]


def test_a_worker_shows_that_it_can_train_before_it_takes_a_trial_that_cost_others(tmp_path: Path) -> None:
    """Or a machine that ends every process would be counted against the trial."""
    store = open_store(str(tmp_path))
    sweep = Sweep(key="sweep", search=SMALL, recipe=SWEEP.recipe)
    oracle = oracle_of(sweep.search, sweep.recipe.seed)
    oracle.complete(taken(oracle), 0.5, 1.0)
    for number in range(COSTLY):
        costly = taken(oracle, f"lost-{number}")
        oracle.lose(costly.trial, 0)
    others = [f"other-{number}" for number in range(3)]
    first, *_ = [taken(oracle, other) for other in others]
    oracle.give_back(first)  # all but this one, the costly one, are running
    store.put(sweep.oracle, oracle.dump().model_dump_json().encode())
    for other in others:
        store.put(f"{sweep.key}/workers/{other}", b"")
    arrays = small_arrays()
    unreadable = replace(arrays, labels=arrays.labels + 1000)  # no network learns it
    with pytest.raises(MachineAtFault, match="InvalidArgumentError"):
        work(store, sweep, unreadable, terms=Terms(lease=3600))
    left = document(store.url)
    assert left
    assert left.waiting == [costly.trial]
    assert (left.trials[costly.trial].losses, left.trials[costly.trial].doubts) == (COSTLY, 0)
    assert read_progress(store, sweep.training(costly.configuration)).owner == ""  # it was not begun


def test_another_search_under_the_same_key_is_refused(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    SWEEP.begin(store)
    SWEEP.begin(store)
    other = SWEEP.model_copy(update={"search": Search(max_epochs=2)})
    with pytest.raises(InputError, match="/sweep holds another search; expected one search per key"):
        work(store, other, small_arrays())
    assert Sweep.stored(store, "sweep") == SWEEP
    assert [entry.key for entry in store.list()] == ["sweep/sweep.json"]


def test_a_refusal_after_a_sleep_is_tried_again_and_one_without_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker's clean-up deletes what a proof of a minute ago left, as of one that was killed."""
    times, prefixes = iter([0.0, 61.0, 100.0, 101.0]), []

    def refused(_store: Store, prefix: str) -> None:
        prefixes.append(prefix)
        raise InputError("the store lost an object", "one that keeps it", "Use another.")

    monkeypatch.setattr("charrec.sweep.worker.prove_compare_and_swap", refused)
    monkeypatch.setattr("charrec.sweep.worker.time", SimpleNamespace(monotonic=lambda: next(times)))
    with pytest.raises(InputError, match="the store lost an object"):
        prove(open_store(str(tmp_path)), SWEEP, Terms(lease=60))
    assert prefixes == ["sweep/proofs"] * 2


def test_a_store_without_compare_and_swap_is_refused_before_anything_is_written(s3_server: str, s3_url: str) -> None:
    def ignored(_method: str, _path: str, headers: Headers) -> Headers | Answer:
        return {name: value for name, value in headers.items() if name.lower() not in ("if-match", "if-none-match")}

    with (
        FaultProxy(s3_server, 0, {}, rewrite=ignored) as proxy,
        pytest.raises(InputError, match=r"created an object that existed; expected a store whose conditional writes"),
    ):
        work(open_store(s3_url, endpoint=proxy.url), SWEEP, small_arrays())
    assert open_store(s3_url, endpoint=s3_server).list() == []
