"""Keeps as many workers at a search as have work, until it is finished, and shows its status."""

import asyncio
import logging
from itertools import count
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
from prefect import Flow, get_client
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.actions import ArtifactUpdate

from charrec.steps.search import Given, sweep_of
from charrec.storage import Store
from charrec.study import Runtime
from charrec.sweep.outcome import ON, SearchFailed, failed, finished, search_failed
from charrec.sweep.standing import Status, status
from charrec.sweep.table import markdown
from charrec.tuning.unfinished import unfinished
from tasks.devices import Children
from tasks.naming import key

log = logging.getLogger(__name__)

POLL = 2.0  # seconds between two looks at the search
REFRESH = 10.0  # seconds between two versions of the artifact
FRUITLESS = 3  # workers in a row that ended badly while no epoch was finished; then it is not the workers


async def keep_workers(
    children: Children, worker: Flow[..., Any], given: Given, runtime: Runtime, store: Store
) -> None:
    """Run until the search is finished: at most len(children) workers, and no more than trials that could run.

    A search that failed in an earlier study is begun anew by the first worker. Raises SearchFailed if it fails in this
    one, and the last worker's error if FRUITLESS of them end badly one after the other and none is left at work.
    """
    sweep = sweep_of(given)
    parameters = {"given": given, "runtime": runtime, "key": sweep.key}
    for other in await asyncio.to_thread(unfinished, store, sweep):
        log.warning("%s is an unfinished search of the same values; other code began it, so it is not continued", other)
    team: set[asyncio.Task[None]] = set()
    numbers, fruitless, epochs = count(1), 0, -1
    lost: BaseException | None = None
    shown = _Shown()
    try:
        anew = bool(await asyncio.to_thread(failed, store, sweep))
        while anew or not await asyncio.to_thread(finished, store, sweep):
            standing = await asyncio.to_thread(status, store, sweep)
            await shown.tell(standing)
            if standing.over and not team:  # else its workers end their epochs
                raise SearchFailed(f"{sweep.key} is over before it is finished: {standing.over}. {ON}")
            if not anew and standing.epochs_done > epochs:
                epochs, fruitless = standing.epochs_done, 0
            for ended in [one for one in team if one.done()]:
                team.remove(ended)
                if error := ended.exception():
                    lost, fruitless = error, fruitless + 1
                    log.warning("a sweep worker is lost: %s", error)
            if lost and fruitless >= FRUITLESS and not team:
                raise lost
            room = 1 if anew else 0 if standing.over else min(len(children), standing.runnable)
            while len(team) < room and fruitless < FRUITLESS:  # else one sick machine would end the others' search
                name = f"sweep worker {next(numbers)}"
                asked = parameters | ({"anew": True} if anew else {})
                team.add(asyncio.create_task(children.run_child(worker, name, asked), name=name))
            if team:  # none: the search has just ended
                await asyncio.wait(team, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
            anew = anew and bool(await asyncio.to_thread(failed, store, sweep))
        await shown.tell(await asyncio.to_thread(status, store, sweep), last=True)
        if why := await asyncio.to_thread(failed, store, sweep):
            raise search_failed(sweep, why)
    finally:
        for one in team:  # who works ends by itself; who has not begun is not needed
            one.cancel()
        await asyncio.gather(*team, return_exceptions=True)


class _Shown:
    """The search's status as one artifact, updated in place."""

    def __init__(self) -> None:
        self.artifact: UUID | None = None
        self.told, self.when = "", -REFRESH

    async def tell(self, standing: Status, last: bool = False) -> None:
        now, text = monotonic(), markdown(standing)
        if text == self.told or (now - self.when < REFRESH and not last):
            return
        self.told, self.when = text, now
        words = f"The search for network 4: {standing.epochs_done} of {standing.epochs} epochs"  # tasks/advance.py
        try:
            if self.artifact is None:
                self.artifact = await acreate_markdown_artifact(text, key=key("search"), description=words)
            else:
                async with get_client() as client:
                    await client.update_artifact(self.artifact, ArtifactUpdate(data=text, description=words))
        except httpx.HTTPError as error:
            log.warning("Prefect's server did not take the search's status: %s", error)
