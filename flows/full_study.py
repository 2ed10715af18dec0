"""The whole study: data, three networks, a search for the fourth, what they read, a report.

As a script its children are processes of this machine, one per device; as a deployment they are runs on the work pool
`gpu`. Either way each step is found again in the store, so a study that failed or was killed redoes nothing.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, NamedTuple

from prefect import flow
from prefect.runtime import flow_run

from charrec.memo.outcome import Outcome
from charrec.models import MODELS
from charrec.results import SearchResult, TrainingResult
from charrec.steps.reading import Findings, Predictions
from charrec.steps.reporting import Stored
from charrec.steps.training import here
from charrec.study import FULL, Runtime, Study
from charrec.training.precision import Precision
from flows import children
from flows.settings import runtime_here
from tasks import steps, told
from tasks.devices import Children, Devices
from tasks.pool import POOL, Pool, cancel_children, deployed
from tasks.published import publish

ROLES = ("glyphs", "letters", "digits")


def _title() -> str:
    """As in "study 2026-11-22 seed 123"."""
    begun = flow_run.get_scheduled_start_time() or datetime.now(UTC)
    study = flow_run.get_parameters()["study"]
    seed = study["seed"] if isinstance(study, dict) else study.seed
    return f"study {begun:%Y-%m-%d} seed {seed}"


class Branch(NamedTuple):
    """What came of one network."""

    training: Outcome[TrainingResult]
    predictions: Outcome[Predictions]
    findings: Outcome[Findings]


@flow(name="charrec", flow_run_name=_title, persist_result=False, on_cancellation=[cancel_children])
async def full_study(study: Study = FULL, runtime: Runtime | None = None) -> str:
    """Run the study, or what is left of it; returns the key of its report in the store.

    What fails does not stop the rest: the report is made from what there is, then the first failure is raised.
    `runtime` is by default what CHARREC_STORE, CHARREC_ENDPOINT and CHARREC_CACHE say.
    """
    runtime = runtime or runtime_here()
    on_pool = deployed()
    beside = runtime.model_copy(update={"devices": "cpu", "workers": 1}) if on_pool else runtime
    with told.lines(), Devices(beside) as devices:
        place: Children = Pool(runtime.sweep_workers) if on_pool else devices
        return await _Study(study, runtime, devices, place, POOL if on_pool else here()).run()


class _Study:
    def __init__(self, study: Study, runtime: Runtime, devices: Devices, place: Children, where: str) -> None:
        self.study, self.runtime, self.devices, self.place, self.where = study, runtime, devices, place, where

    async def run(self) -> str:
        study, runtime = self.study, self.runtime
        sets = await together(*(steps.pack(role, study, runtime) for role in ROLES))  # bad data ends the study here
        self.glyphs, self.letters, self.digits = sets
        precision = await self.choose_precision()
        *first, last = MODELS
        search = asyncio.create_task(self.search(precision))
        ended = await asyncio.gather(
            search,
            steps.augment(self.devices, study, self.glyphs, runtime),
            *(self.branch(model, precision) for model in first),
            self.branch(last, precision, search),
            return_exceptions=True,
        )
        found, augmented, *branches = ended
        failures = [error for error in ended if isinstance(error, BaseException)]
        done = [branch for branch in branches if isinstance(branch, Branch)]
        if not done or isinstance(augmented, BaseException):
            raise failures[0]
        outcomes = {
            **dict(zip(ROLES, sets, strict=True)),
            "precision": precision,
            "search": None if isinstance(found, BaseException) else found,
            "trainings": [branch.training for branch in done],
            "predictions": [branch.predictions for branch in done],
            "findings": [branch.findings for branch in done],
            "augmented": augmented,
            "failures": _told(("search", *MODELS), [found, *branches]),
        }
        reported: Outcome[Stored] = await steps.report(outcomes, study, runtime)
        await publish(reported.value, runtime)
        if failures:
            raise failures[0]
        return reported.value.files[0]

    async def choose_precision(self) -> Outcome[Precision]:
        chosen: Outcome[Precision]
        if deployed() and self.study.precision != "auto":  # no need to wait for a GPU
            chosen = await steps.precision_as_asked(self.study, self.runtime, self.where)
        else:
            chosen = await steps.choose_precision(
                self.place, children.choose_precision, self.study, self.runtime, self.where
            )
        return chosen

    async def search(self, precision: Outcome[Precision]) -> Outcome[SearchResult]:
        found: Outcome[SearchResult] = await steps.search(
            self.place, children.sweep_worker, self.study, self.glyphs, precision, self.runtime
        )
        return found

    async def branch(
        self, model: str, precision: Outcome[Precision], search: "asyncio.Task[Outcome[SearchResult]] | None" = None
    ) -> Branch:
        """Train, read, evaluate."""
        study, runtime = self.study, self.runtime
        found = await search if search else None
        training = await steps.train(
            self.place, children.train_model, model, study, self.glyphs, precision, runtime, found
        )
        others = self.letters, self.digits
        predictions = await steps.predict(self.devices, training, study, self.glyphs, *others, runtime)
        return Branch(training, predictions, await steps.find(predictions, model, study, self.glyphs, *others, runtime))


async def together(*calls: Any) -> list[Any]:
    """What all of them found. Waits for all, then raises the first failure."""
    ended = await asyncio.gather(*calls, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return ended


def _told(names: tuple[str, ...], ended: list[Any]) -> dict[str, str]:
    """Step -> why there is nothing of it; model 4's failure is not told where it is the search's."""
    reasons = {name: one for name, one in zip(names, ended, strict=True) if isinstance(one, BaseException)}
    if "search" in reasons:
        reasons.pop(MODELS[-1], None)
    return {name: f"{type(error).__name__}: {error}"[:500] for name, error in reasons.items()}


if __name__ == "__main__":
    from flows.command_line import main

    main(full_study)
