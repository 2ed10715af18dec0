"""The team of a search: as many workers as have something to do, and no end of them only while it helps."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow, flow

from charrec.data.arrays import Glyphs, Packed
from charrec.steps.search import Given, sweep_of
from charrec.storage import Store, open_store
from charrec.study import Runtime, Search
from charrec.sweep.oracle import FAILURES
from charrec.sweep.outcome import SearchFailed, failed
from charrec.sweep.retry import reopen
from charrec.sweep.transaction import transact
from tasks.errors import DeviceLost
from tasks.sweep import FRUITLESS, keep_workers
from tests.sweep.driving import alone, fail_for_good, oracle_of, taken
from tests.tasks.marking import leave_a_mark
from tests.toy import KERAS_TUNERS, RECIPE, SEARCH

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.filterwarnings(*KERAS_TUNERS)]

GLYPHS = Glyphs(packed=Packed(digest="0", key="glyphs/0"), split="random", validation_fraction=0.2, seed=1)
GIVEN = Given(search=SEARCH, recipe=RECIPE, glyphs=GLYPHS)  # 5 trials, of which 4 can run at once


class Counted:
    """Children that are only counted; each is lost after a moment, or waits to be given up."""

    def __init__(self, most: int, lost: bool) -> None:
        self.most, self.lost = most, lost
        self.names: list[str] = []
        self.parameters: list[dict[str, Any]] = []
        self.given_up = 0

    def __len__(self) -> int:
        return self.most

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        self.names.append(name)
        self.parameters.append(parameters)
        if self.lost:
            await asyncio.sleep(0.01)
            raise DeviceLost(f"{name} is lost")
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            self.given_up += 1
            raise


def kept(children: Counted, store: Path) -> None:
    @flow(name="team", persist_result=False)
    async def body() -> None:
        await keep_workers(children, leave_a_mark, GIVEN, Runtime(store=str(store)), open_store(str(store)))

    asyncio.run(body())


@pytest.mark.parametrize(("most", "begun"), [(2, 2), (64, 4)])
def test_it_begins_no_more_workers_than_there_is_room_or_work(
    tmp_path: Path, most: int, begun: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter([False, False, True])
    monkeypatch.setattr("tasks.sweep.finished", lambda *_: next(asked))
    children = Counted(most, lost=False)
    kept(children, tmp_path)
    assert children.names == [f"sweep worker {number}" for number in range(1, begun + 1)]
    assert children.given_up == begun


def test_workers_that_are_lost_one_after_the_other_without_an_epoch_end_it(tmp_path: Path) -> None:
    children = Counted(1, lost=True)
    with pytest.raises(DeviceLost, match=f"sweep worker {FRUITLESS} is lost"):
        kept(children, tmp_path)
    assert len(children.names) == FRUITLESS


class OneIsSick(Counted):
    """Two machines: on one of them every worker is lost at once; on the other one works until it may end."""

    def __init__(self) -> None:
        super().__init__(2, lost=True)
        self.may_end = asyncio.Event()

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        if self.names:
            if len(self.names) == FRUITLESS:
                self.may_end.set()
            await super().run_child(child, name, parameters)
        self.names.append(name)
        await asyncio.sleep(600)


def test_a_sick_machine_does_not_end_the_search_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    children = OneIsSick()
    ended = children.may_end.is_set
    looks = iter(range(100))
    monkeypatch.setattr("tasks.sweep.POLL", 0.05)
    monkeypatch.setattr("tasks.sweep.finished", lambda *_: ended() and next(looks) > 5)
    kept(children, tmp_path)
    assert len(children.names) == 1 + FRUITLESS


class Reopening(Counted):
    """The first worker begins the search anew where it is asked to, and does all of it."""

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        self.names.append(name)
        self.parameters.append(parameters)
        store, sweep = open_store(parameters["runtime"].store), sweep_of(GIVEN)
        assert reopen(store, sweep) == FAILURES
        oracle = oracle_of(GIVEN.search, RECIPE.seed)
        transact(store, sweep.oracle, oracle, lambda: alone(oracle))


def aborted(store: Store, search: Search) -> None:
    oracle = oracle_of(search, RECIPE.seed)
    while oracle.aborted is None:
        fail_for_good(oracle, taken(oracle), "no GPU")
    store.put(sweep_of(GIVEN).oracle, oracle.dump().model_dump_json().encode())


def test_a_search_that_an_earlier_study_left_as_failed_is_begun_anew(tmp_path: Path) -> None:
    aborted(open_store(str(tmp_path)), GIVEN.search)
    children = Reopening(1, lost=False)
    kept(children, tmp_path)
    assert [parameters.get("anew") for parameters in children.parameters] == [True]
    assert failed(open_store(str(tmp_path)), sweep_of(GIVEN)) is None


class Failing(Counted):
    """Workers under whom the search fails."""

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        self.names.append(name)
        aborted(open_store(parameters["runtime"].store), GIVEN.search)


def test_a_search_that_fails_in_this_study_is_told_and_not_begun_anew(tmp_path: Path) -> None:
    children = Failing(1, lost=False)
    with pytest.raises(SearchFailed, match="no GPU\n`charrec sweep retry` tries its failed trials anew"):
        kept(children, tmp_path)
    assert children.names == ["sweep worker 1"]
