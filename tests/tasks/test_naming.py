"""A study's word is on everything that belongs to it, and stays when it goes on."""

import asyncio
import re
from uuid import UUID

from prefect import flow, get_client, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterName
from prefect.runtime import flow_run

from charrec.study import FULL, QUICK, Study
from tasks.naming import accompany, belonging, current_tags, key, within, word

STUDY = FULL.model_copy(update={"seed": 7})


def test_a_word_is_the_same_for_the_same_values() -> None:
    assert word(STUDY) == word(Study.model_validate(STUDY.model_dump(mode="json")))
    assert re.fullmatch("([bdfghjklmnprstvz][aiou]){2}[bdfghjklmnprstvz]", word(STUDY))


def test_studies_that_differ_have_different_words() -> None:
    seeds = [FULL.model_copy(update={"seed": seed}) for seed in range(10)]
    assert len({word(study) for study in (FULL, QUICK, *seeds[:3])}) == 5
    assert len({word(study) for study in seeds}) > 8  # 16 bits: two of 50 are alike once in 50 times


def test_without_a_study_a_key_is_bare() -> None:
    assert (within(), key("report"), current_tags()) == ("", "report", [])


def test_everything_within_a_study_bears_its_word(prefect_server: None) -> None:
    @task(name="named", cache_policy=NO_CACHE, persist_result=False)
    async def named() -> str:
        return key("search")

    @flow(name="outer", persist_result=False)
    async def outer() -> tuple[str | None, str]:
        async with belonging(STUDY):
            return flow_run.get_id(), await named()

    @flow(name="judge", persist_result=False)
    async def judge(other: str) -> str | None:
        async with get_client() as client:
            await accompany(client, await client.read_flow_run(UUID(other)))
        return flow_run.get_id()

    run, made = asyncio.run(outer())
    tag = f"study-{word(STUDY)}"
    assert made == f"{tag}-search"
    assert run
    judging = asyncio.run(judge(run))
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(run).tags == [tag]  # type: ignore[arg-type]
        (ran,) = client.read_task_runs(task_run_filter=TaskRunFilter(name=TaskRunFilterName(like_="named")))
        assert client.read_flow_run(judging).tags == [tag]  # type: ignore[arg-type]
    assert tag in ran.tags
