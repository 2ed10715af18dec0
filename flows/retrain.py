"""The scheduled retraining: a challenger trained on today's data, and a gate in front of the champion.

It runs a study that splits by font group. If nothing is new, every step is recalled. Else the best network is compared
with the champion on fonts that neither has seen, and takes its place only if it is better, and worse at nothing.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from prefect import State, flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.runtime import flow_run
from prefect.states import Completed

from charrec.evaluation.paired import Figure
from charrec.markdown import table
from charrec.memo.step import Bench
from charrec.serving import champion
from charrec.serving.gate import Verdict
from charrec.steps import retraining
from charrec.storage import Conflict
from charrec.study import FULL, Runtime, Study
from flows.full_study import full_study, packed
from flows.settings import settled
from tasks import naming, steps
from tasks.devices import Devices
from tasks.ownership import own_run
from tasks.patience import patiently
from tasks.pool import cancel_children, deployed

BY_FONT = FULL.model_copy(update={"split": "font"})
HEAD = (
    "Figure", "Champion", "Challenger", "Difference, points", "95 % interval", "McNemar p", "Images", "Units",
)  # fmt: skip
ROUNDS = 3  # comparisons while others change the champion


def _title() -> str:
    """As in "retraining 2026-11-23, study lusab"."""
    begun = flow_run.get_scheduled_start_time() or datetime.now(UTC)
    return f"retraining {begun:%Y-%m-%d}, study {naming.word(Study.model_validate(flow_run.get_parameters()['study']))}"


@flow(
    name="charrec-retraining", flow_run_name=_title, persist_result=False, on_cancellation=[cancel_children],
)  # fmt: skip
async def retrain(study: Study = BY_FONT, runtime: Runtime | None = None) -> State[Any]:
    """Ends as Unchanged, Kept or Promoted; the artifact `retraining` says why."""
    async with naming.belonging(study):
        return await _retrained(study, runtime)


async def _retrained(study: Study, runtime: Runtime | None) -> State[Any]:
    runtime = settled(runtime).model_copy(update={"current_data": True})
    retraining.require_font_split(study)
    store = Bench.of(runtime).store
    sets = await packed(study, runtime)
    report = await full_study(study, runtime)
    candidate = await asyncio.to_thread(retraining.challenger, report, sets, store)
    if before := await asyncio.to_thread(retraining.decided, candidate, store):
        return await _ended("Unchanged", f"Data, code and configuration are as they were then: {before}")
    if why := await asyncio.to_thread(retraining.withdrawn, candidate, store):
        return await _ended("Kept", f"The champion stays: {why}.")
    beside = runtime.model_copy(update={"devices": "cpu", "workers": 1}) if deployed() else runtime
    with own_run(), Devices(beside) as devices:
        for _ in range(ROUNDS):
            now = await asyncio.to_thread(champion.current, store)
            verdict = (await steps.judge(retraining.judging(candidate, now), runtime, devices)).value if now else None
            if verdict and not verdict.promoted:
                return await _ended("Kept", verdict.reason, verdict)
            why = verdict.reason if verdict else "There was no champion."
            try:
                entry = await asyncio.to_thread(champion.promote, store, candidate, why, now.number if now else None)
            except Conflict:
                continue  # compare with the champion of now
            return await _ended(
                "Promoted", f"{entry.candidate.recipe.model} is champion {entry.number}. {why}", verdict
            )
    raise RuntimeError(f"the champion changed {ROUNDS} times while it was compared with")


async def _ended(name: str, why: str, verdict: Verdict | None = None) -> State[Any]:
    """The flow's final state; the artifact `retraining` says the same."""
    parts = [f"**{name}.** {why}", f"Study {naming.within()}."]
    if verdict and verdict.rows:
        parts.append(table(HEAD, map(_row, verdict.rows)))
    text = "\n\n".join(parts)
    await patiently(lambda: acreate_markdown_artifact(text, key="retraining", description="What the gate decided"))
    return Completed(name=name, message=why)


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name.replace("_", " "),
        f"{100 * figure.champion:.2f} %",
        f"{100 * figure.challenger:.2f} %",
        f"{100 * figure.difference:+.2f}",
        f"{100 * figure.low:+.2f} to {100 * figure.high:+.2f}",
        f"{figure.mcnemar_p:.3g}",
        f"{figure.n:,}",
        f"{figure.groups:,}",
    )
