"""Automations: a Prefect server's automatic reactions to charrec's runs."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import CallWebhook, ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.revive import STUDIES
from tasks.waiting import NOT_BEGUN

CHILDREN = ("choose-precision", "train-model", "sweep-worker")
REVIVE = "charrec-revive"
FLOWS = (*STUDIES, *CHILDREN, REVIVE, "charrec-predict", "charrec-watch")
HEARTBEAT = 30  # seconds; Prefect's shortest
SILENCE = timedelta(seconds=2 * HEARTBEAT)  # then charrec-revive listens for another 45 s
DESERTION = timedelta(seconds=3 * HEARTBEAT)  # shorter ones hit runs that had just finished (Prefect #21932, #18653)
BEGINNING = timedelta(minutes=2)  # for a worker's process to start its run; 5 s on an idle machine
PROVISIONING = timedelta(minutes=30)  # for a cluster to find a node for the pod and pull its image
LOST, DESERTED, UNBEGUN = "charrec: lost runs", "charrec: lost cancellations", "charrec: runs that never began"
RUN = {"__prefect_kind": "jinja", "template": "{{ flow_run.id }}"}
DEPLOYED = ResourceSpecification({"prefect.resource.role": "deployment"})
REVIVED, FAILED = "charrec: crashed studies go on", "charrec: failures"


def silent_runs(revive: UUID, silence: timedelta = SILENCE) -> Automation:
    """Has a run judged whose heartbeats stop. An automation cannot know whether the server could hear.

    Any event of the run counts as a sign of life, because studies end in states with custom names. A study itself
    judges its children (tasks/pool.py). Limited to deployments: what they call runs in their processes.
    """
    return Automation(
        name=LOST,
        description="Judges runs without a sign of life, and marks those that are lost as Crashed.",
        trigger=_silence(["heartbeat"], silence, [flow for flow in FLOWS if flow not in CHILDREN], DEPLOYED),
        actions=[RunDeployment(deployment_id=revive, parameters={"run": RUN})],
    )


def lost_cancellations(silence: timedelta = DESERTION) -> Automation:
    """Marks a Cancelling run without a worker as Cancelled, the only state that Prefect then allows."""
    return _after(["Cancelling"], silence, StateType.CANCELLED, DESERTED, "No worker was left to cancel it.")


def never_begun(silence: timedelta = BEGINNING) -> Automation:
    """Marks a run that a worker accepted but never started as Crashed: the worker was lost, and no other takes over.

    Each of these states, all of type Pending, restarts the timer.
    """
    states = ("Pending", "Submitting", "InfrastructurePending")
    return _after(states, silence, StateType.CRASHED, UNBEGUN, NOT_BEGUN)


def _after(events: Iterable[str], silence: timedelta, state: StateType, name: str, why: str) -> Automation:
    message = f"{why} No sign of life for {silence.total_seconds():.0f} s."
    return Automation(
        name=name,
        description=f"{state.value.capitalize()}: runs without a sign of life. {why}",
        trigger=_silence(events, silence, FLOWS),
        actions=[ChangeFlowRunState(state=state, message=message)],
    )


def _silence(
    events: Iterable[str], silence: timedelta, flows: Iterable[str], *more: ResourceSpecification
) -> EventTrigger:
    """Fires if none of the run's events follows one of these."""
    return EventTrigger(
        after={f"prefect.flow-run.{event}" for event in events},
        expect={"prefect.flow-run.*"},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=[_of(flows), *more],
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=silence,
    )


def revivals(revive: UUID) -> Automation:
    """Reschedules crashed studies and retrainings, and stops the children of cancelled ones.

    Limited to deployments, since no worker would pick up other runs.
    """
    return Automation(
        name=REVIVED,
        description="Reschedules crashed studies and retrainings, and stops the children of cancelled ones.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed", "prefect.flow-run.Cancelled"},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=[_of(STUDIES), DEPLOYED],
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[RunDeployment(deployment_id=revive, parameters={"run": RUN})],
    )


def failures(block: UUID) -> Automation:
    """Reports failed and crashed studies and retrainings to the block's webhook.

    It calls the webhook rather than sending a notification, since a rejected notification would log the secret URL.
    """
    subject = "flow.name ~ ': ' ~ flow_run.name ~ ' is ' ~ flow_run.state.name"
    text = f"({subject} ~ '\\n' ~ (flow_run.state.message or '') ~ '\\n' ~ (flow_run|ui_url))"
    return Automation(
        name=FAILED,
        description="Reports failed studies and retrainings.",
        trigger=EventTrigger(
            expect={f"prefect.flow-run.{state}" for state in ("Failed", "TimedOut", "Crashed")},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=_of(STUDIES),
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[CallWebhook(block_document_id=block, payload=f'{{"text": {{{{ {text}|tojson }}}}}}')],
    )


def _of(flows: Iterable[str]) -> ResourceSpecification:
    return ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": list(flows)})
