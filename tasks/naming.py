"""Which study a run or an artifact belongs to: a word made of the study's values, so one that goes on keeps it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from uuid import UUID

from prefect import get_client, tags
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.context import TagsContext
from prefect.runtime import flow_run

from charrec.study import Study
from tasks.patience import patiently

CONSONANTS, VOWELS = "bdfghjklmnprstvz", "aiou"  # of proquints (arXiv:0901.4016): 16 bits are a word that can be said
TAG = "study-"


def word(study: Study) -> str:
    """As in "lusab". Two of 50 studies bear the same with a probability of 2 %."""
    bits = int.from_bytes(sha256(study.model_dump_json().encode()).digest()[:2])
    letters = (CONSONANTS[bits >> 12], VOWELS[bits >> 10 & 3], CONSONANTS[bits >> 6 & 15], VOWELS[bits >> 4 & 3])
    return "".join((*letters, CONSONANTS[bits & 15]))


@asynccontextmanager
async def belonging(study: Study) -> AsyncIterator[None]:
    """Tag the current flow run, and all that it begins within, as in "study-lusab"."""
    tag, run = TAG + word(study), flow_run.get_id()
    async with get_client() as client:
        before = flow_run.get_tags()
        if run and tag not in before:
            await patiently(lambda: client.update_flow_run(UUID(run), tags=[*before, tag]))
    with tags(tag):
        yield


async def accompany(client: PrefectClient, other: FlowRun) -> None:
    """Tag the current flow run with the study of another one, which it acts upon."""
    run, before = flow_run.get_id(), flow_run.get_tags()
    new = [tag for tag in other.tags if tag.startswith(TAG) and tag not in before]
    if run and new:
        await patiently(lambda: client.update_flow_run(UUID(run), tags=[*before, *new]))


def current_tags() -> list[str]:
    """The tags of what begins here."""
    return sorted(TagsContext.get().current_tags)


def within() -> str:
    """The word of the study that this run belongs to; "": of none."""
    mine = (tag for tag in (*current_tags(), *flow_run.get_tags()) if tag.startswith(TAG))
    return next(mine, "").removeprefix(TAG)


def key(what: str) -> str:
    """An artifact's key, as in "study-lusab-report"; without a study "report"."""
    of = within()
    return f"{TAG}{of}-{what}" if of else what
