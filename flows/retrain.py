"""The scheduled retraining: a challenger on the data of today, and a gate in front of the champion.

A study with its font groups split. Nothing new: nothing is done. Else its best network is compared with the champion on
fonts that neither has seen, and takes its place only if it is better and at nothing worse.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from prefect import State, flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.runtime import flow_run
from prefect.states import Completed

from charrec.memo.outcome import Outcome
from charrec.serving.champion import Promotion
from charrec.serving.gate import Verdict
from charrec.steps import retraining
from charrec.steps.training import here
from charrec.storage import Conflict
from charrec.study import FULL, Runtime, Study
from flows.full_study import ROLES, full_study, together
from flows.settings import runtime_here
from tasks import steps
from tasks.devices import Devices
from tasks.patience import patiently
from tasks.pool import POOL, cancel_children, deployed

BY_FONT = FULL.model_copy(update={"split": "font"})
ROUNDS = 3  # comparisons while others change the champion


def _title() -> str:
    return f"retraining {flow_run.get_scheduled_start_time() or datetime.now(UTC):%Y-%m-%d}"


@flow(
    name="charrec-retraining", flow_run_name=_title, persist_result=False, on_cancellation=[cancel_children],
)  # fmt: skip
async def retrain(study: Study = BY_FONT, runtime: Runtime | None = None) -> State[Any]:
    """Ends as Unchanged, Kept or Promoted; the artifact `retraining` says why."""
    runtime = (runtime or runtime_here()).model_copy(update={"current_data": True})
    retraining.require_font_split(study)
    sets = dict(zip(ROLES, await together(*(steps.pack(role, study, runtime) for role in ROLES)), strict=True))
    where = POOL if deployed() else here()
    if before := await asyncio.to_thread(retraining.decided, study, sets, runtime, where):
        return await _ended("Unchanged", f"Data, code and configuration are as they were then: {before}")
    report = await full_study(study, runtime)
    candidate = await asyncio.to_thread(retraining.challenger, report, sets, runtime)
    if why := await asyncio.to_thread(retraining.withdrawn, candidate, runtime):
        return await _ended("Kept", f"The champion stays: {why}.")
    cpu = runtime.model_copy(update={"devices": "cpu", "workers": 1}) if deployed() else runtime
    with Devices(cpu) as devices:
        for _ in range(ROUNDS):
            now = await asyncio.to_thread(retraining.in_use, runtime)
            verdict = await _judged(devices, candidate, now, runtime) if now else None
            if verdict and not verdict.promoted:
                return await _ended("Kept", verdict.reason, verdict)
            why = verdict.reason if verdict else "There was no champion."
            try:
                entry: Promotion = await asyncio.to_thread(
                    retraining.promote, candidate, why, now.number if now else None, runtime
                )
            except Conflict:
                continue  # compare with the champion of now
            return await _ended(
                "Promoted", f"{entry.candidate.recipe.model} is champion {entry.number}. {why}", verdict
            )
    raise RuntimeError(f"the champion changed {ROUNDS} times while it was compared with")


async def _judged(devices: Devices, candidate: Any, now: Promotion, runtime: Runtime) -> Verdict:
    outcome: Outcome[Verdict] = await steps.judge(devices, candidate, now, runtime)
    return outcome.value


async def _ended(name: str, why: str, verdict: Verdict | None = None) -> State[Any]:
    """The flow's last state, told in an artifact as well."""
    parts = [f"**{name}.** {why}"]
    if verdict and verdict.rows:
        head = (
            "Figure",
            "Champion",
            "Challenger",
            "Difference, points",
            "95 % interval",
            "McNemar p",
            "Images",
            "Units",
        )
        rows = [
            (
                row.name.replace("_", " "),
                f"{100 * row.champion:.2f} %",
                f"{100 * row.challenger:.2f} %",
                f"{100 * row.difference:+.2f}",
                f"{100 * row.low:+.2f} to {100 * row.high:+.2f}",
                f"{row.mcnemar_p:.3g}",
                f"{row.n:,}",
                f"{row.groups:,}",
            )
            for row in verdict.rows
        ]
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)))
    text = "\n\n".join(parts)
    await patiently(lambda: acreate_markdown_artifact(text, key="retraining", description="What the gate decided"))
    return Completed(name=name, message=why)
