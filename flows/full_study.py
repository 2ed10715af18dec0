"""The whole study: data, the deck's networks and one more, a search for the fourth, their readings, a report.

As a script its children are processes of this machine, one per device; as a deployment they are runs on the work pool
`gpu`. Either way every step is recalled from the store, so a study that failed or was killed redoes nothing.
"""

if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1]))  # before any other package `flows` or `tasks` on PYTHONPATH
    from flows.surroundings import prepare

    prepare()
    from flows.command_line import main

    main()  # it imports the rest of this file while Prefect's server starts
    sys.exit()

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from prefect import flow
from prefect.runtime import flow_run

from charrec.data.sources.source import Role
from charrec.memo.outcome import Outcome
from charrec.memo.step import Bench
from charrec.models import SEARCHED
from charrec.results import EvaluationResult, Precision, PredictionResult, SearchResult, TrainingResult
from charrec.steps import pipeline
from charrec.steps.enough import require_enough
from charrec.steps.pipeline import ROLES, Sets
from charrec.study import FULL, Runtime, Study
from charrec.tuning.space import require_room
from flows import children
from flows.settings import settled
from tasks import naming, progress, steps
from tasks.devices import Children, Devices
from tasks.ownership import own_run
from tasks.pool import POOL, Pool, cancel_children, deployed
from tasks.published import publish

Answer = TypeVar("Answer")


def _title() -> str:
    """As in "study lusab, 2026-11-22, seed 123"."""
    begun = flow_run.get_scheduled_start_time() or datetime.now(UTC)
    study = Study.model_validate(flow_run.get_parameters()["study"])
    return f"study {naming.word(study)}, {begun:%Y-%m-%d}, seed {study.seed}"


class Branch(NamedTuple):
    """Everything of one network."""

    training: Outcome[TrainingResult]
    predictions: Outcome[PredictionResult]
    evaluation: Outcome[EvaluationResult]


@flow(name="charrec", flow_run_name=_title, persist_result=False, on_cancellation=[cancel_children])
async def full_study(study: Study = FULL, runtime: Runtime | None = None) -> str:
    """Run the study, or the rest of it; returns the key of its report in the store.

    A failure does not stop the rest: the report is made of whatever there is, then the first failure is raised.
    What `runtime` leaves out is as CHARREC_STORE, CHARREC_ENDPOINT and the like say.
    """
    runtime = settled(runtime)
    require_room(study.search)
    on_pool = deployed()
    beside = runtime.model_copy(update={"devices": "cpu", "workers": 1}) if on_pool else runtime
    async with naming.belonging(study):
        with progress.lines(), own_run(), Devices(beside) as devices:
            place: Children = Pool(runtime.sweep_workers) if on_pool else devices
            where = POOL if on_pool else pipeline.this_kind_of_machine()
            return await _Study(study, runtime, devices, place, where).run()


class _Study:
    def __init__(self, study: Study, runtime: Runtime, devices: Devices, place: Children, where: str) -> None:
        self.study, self.runtime, self.devices, self.place, self.where = study, runtime, devices, place, where

    async def run(self) -> str:
        study, runtime = self.study, self.runtime
        local = self.devices if self.place is self.devices else None
        sets = self.sets = await packed(study, runtime, local)  # bad data ends the study here
        precision, models = await self.choose_precision(), pipeline.models(study)
        search = asyncio.create_task(self.search(precision))
        ended: list[Any] = await asyncio.gather(
            search,
            steps.augment(pipeline.augmenting(study, sets), runtime, self.devices, after=[sets["glyphs"]]),
            *(self.branch(model, precision, search if model == SEARCHED else None) for model in models),
            return_exceptions=True,
        )
        found, augmented, *branches = ended
        failures = [error for error in ended if isinstance(error, BaseException)]
        done = [branch for branch in branches if isinstance(branch, Branch)]
        if not done or isinstance(augmented, BaseException):
            raise failures[0]
        best = None if isinstance(found, BaseException) else found
        reasons = _reasons(("search", *models), [found, *branches])
        given = pipeline.reporting(study, sets, precision, best, done, augmented, reasons)
        reported = await steps.report(given, runtime, after=[branch.evaluation for branch in done])
        await publish(reported.value, runtime)
        if failures:
            raise failures[0]
        return reported.value.files[0].key

    async def choose_precision(self) -> Outcome[Precision]:
        given = pipeline.choosing(self.study, self.where)
        if self.study.precision != "auto":  # no need to wait for a device
            return await steps.precision_as_asked(given, self.runtime)
        return await steps.precision(given, self.runtime, self.place, children.choose_precision)

    async def search(self, precision: Outcome[Precision]) -> Outcome[SearchResult]:
        given = pipeline.searching(self.study, self.sets, precision)
        before = self.sets["glyphs"], precision
        return await steps.search(given, self.runtime, self.place, children.sweep_worker, after=before)

    async def branch(
        self, model: str, precision: Outcome[Precision], search: "asyncio.Task[Outcome[SearchResult]] | None" = None
    ) -> Branch:
        """Train, predict, evaluate."""
        study, runtime, sets = self.study, self.runtime, self.sets
        found = await search if search else None
        before = [one for one in (sets["glyphs"], precision, found) if one]
        training = await steps.train(
            pipeline.training(study, model, sets, precision, found),
            runtime, self.place, children.train_model, after=before,
        )  # fmt: skip
        predictions = await steps.predict(
            pipeline.predicting(study, sets, training), runtime, self.devices, after=[training, *sets.values()]
        )
        evaluation = await steps.evaluate(
            pipeline.evaluating(study, model, sets, predictions), runtime, after=[predictions]
        )
        return Branch(training, predictions, evaluation)


async def packed(study: Study, runtime: Runtime, devices: Devices | None = None) -> Sets:
    """The three sets, fetched, packed and enough for the study. Waits for all, then raises the first failure.

    `devices` start meanwhile, unless the sets are in the store.
    """

    async def one(role: Role) -> Any:
        source = await steps.fetch(role, study.data, runtime)
        return await steps.pack(pipeline.packing(study, source), runtime, devices)

    sets = dict(zip(ROLES, await together(*map(one, ROLES)), strict=True))
    await asyncio.to_thread(require_enough, study, sets, Bench.of(runtime))
    return sets


async def together(*calls: Awaitable[Answer]) -> list[Answer]:
    """Every answer. Waits for all, then raises the first failure."""
    ended = await asyncio.gather(*calls, return_exceptions=True)
    answers = []
    for each in ended:
        if isinstance(each, BaseException):
            raise each
        answers.append(each)
    return answers


def _reasons(names: tuple[str, ...], ended: list[Any]) -> Mapping[str, str]:
    """Step -> why it failed; the search's failure is not repeated for the network that waited for it."""
    reasons = {name: one for name, one in zip(names, ended, strict=True) if isinstance(one, BaseException)}
    if "search" in reasons:
        reasons.pop(SEARCHED, None)
    return {name: f"{type(error).__name__}: {error}"[:500] for name, error in reasons.items()}
