"""The team of a search: as many workers as have something to do, and no end of them only while it helps."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow, flow

from charrec.data.arrays import Glyphs, Packed
from charrec.steps.search import Given
from charrec.storage import open_store
from charrec.study import Runtime
from tasks.errors import DeviceLost
from tasks.sweep import FRUITLESS, keep_workers
from tests.tasks.marking import leave_a_mark
from tests.toy import RECIPE, SEARCH

pytestmark = pytest.mark.usefixtures("prefect_server")

GLYPHS = Glyphs(packed=Packed(digest="0", key="glyphs/0"), split="random", validation_fraction=0.2, seed=1)
GIVEN = Given(search=SEARCH, recipe=RECIPE, glyphs=GLYPHS)  # 5 trials, of which 4 can run at once


class Counted:
    """Children that are only counted; each is lost after a moment, or waits to be given up."""

    def __init__(self, most: int, lost: bool) -> None:
        self.most, self.lost = most, lost
        self.names: list[str] = []
        self.given_up = 0

    def __len__(self) -> int:
        return self.most

    async def run_child(self, child: Flow[..., Any], name: str, parameters: dict[str, Any]) -> None:
        self.names.append(name)
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
