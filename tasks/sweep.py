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
from charrec.sweep.outcome import finished
from charrec.sweep.standing import Status, status
from charrec.sweep.table import markdown
from tasks.devices import Children

log = logging.getLogger(__name__)

POLL = 2.0  # seconds between two looks at the search
REFRESH = 10.0  # seconds between two versions of the artifact
FRUITLESS = 3  # workers in a row that ended badly while no epoch was finished; then it is not the workers


async def keep_workers(
    children: Children, worker: Flow[..., Any], given: Given, runtime: Runtime, store: Store
) -> None:
    """Run until the search is finished: at most len(children) workers, and no more than trials that could run."""
    sweep = sweep_of(given)
    parameters = {"given": given, "runtime": runtime}
    team: set[asyncio.Task[None]] = set()
    numbers, fruitless, epochs = count(1), 0, -1
    shown = _Shown()
    try:
        while not await asyncio.to_thread(finished, store, sweep):
            standing = await asyncio.to_thread(status, store, sweep)
            await shown.tell(standing)
            if standing.epochs_done > epochs:
                epochs, fruitless = standing.epochs_done, 0
            for ended in [one for one in team if one.done()]:
                team.remove(ended)
                if error := ended.exception():
                    fruitless += 1
                    log.warning("a sweep worker is lost: %s", error)
                    if fruitless >= FRUITLESS:
                        raise error
            while len(team) < min(len(children), standing.runnable):
                name = f"sweep worker {next(numbers)}"
                team.add(asyncio.create_task(children.run_child(worker, name, parameters), name=name))
            if team:  # none: the search has just ended
                await asyncio.wait(team, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
        await shown.tell(await asyncio.to_thread(status, store, sweep), last=True)
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
        try:
            if self.artifact is None:
                self.artifact = await acreate_markdown_artifact(
                    text, key="sweep-status", description="The search for network 4"
                )
            else:
                async with get_client() as client:
                    await client.update_artifact(self.artifact, ArtifactUpdate(data=text))
        except httpx.HTTPError as error:
            log.warning("Prefect's server did not take the search's status: %s", error)
