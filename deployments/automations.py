"""Automations: what a Prefect server does by itself about runs of charrec."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import CallWebhook, ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

STUDIES = ("charrec", "charrec-retraining")  # whose failure somebody should hear of
CHILDREN = ("choose-precision", "train-model", "sweep-worker")
REVIVE = "charrec-revive"
FLOWS = (*STUDIES, *CHILDREN, REVIVE, "charrec-predict", "charrec-watch")
HEARTBEAT = 30  # seconds; Prefect's shortest
SILENCE = timedelta(seconds=3 * HEARTBEAT)  # shorter ones hit runs that had just finished (Prefect #21932, #18653)
BEGINNING = timedelta(minutes=2)  # for a worker's process to become a run; 5 s on an idle machine
PROVISIONING = timedelta(minutes=30)  # for a cluster to find a pod its node and its image
LOST, DESERTED, UNBEGUN = "charrec: lost runs", "charrec: lost cancellations", "charrec: runs that never began"
REVIVED, FAILED = "charrec: crashed studies go on", "charrec: failures"


def lost_runs(silence: timedelta = SILENCE) -> Automation:
    """A run that was heard of and is not heard of any more is Crashed.

    Any event but silence will do: studies end in states with names of their own.
    """
    return _after(["heartbeat"], silence, StateType.CRASHED, LOST, "Its process or its machine is gone.")


def lost_cancellations(silence: timedelta = SILENCE) -> Automation:
    """A run that was to be cancelled, while nobody was there to do it; Prefect lets it be nothing but Cancelled."""
    return _after(["Cancelling"], silence, StateType.CANCELLED, DESERTED, "Nobody was there to cancel it.")


def never_begun(silence: timedelta = BEGINNING) -> Automation:
    """A run that a worker took and that did not begin: the worker was lost in between, and nobody else takes it.

    Each of these states, which are types of Pending, opens the time anew.
    """
    states = ("Pending", "Submitting", "InfrastructurePending")
    return _after(states, silence, StateType.CRASHED, UNBEGUN, "Its worker was lost before it began.")


def _after(events: Iterable[str], silence: timedelta, state: StateType, name: str, why: str) -> Automation:
    message = f"{why} No sign of life for {silence.total_seconds():.0f} s."
    return Automation(
        name=name,
        description=f"{state.value.capitalize()}: runs without a sign of life. {why}",
        trigger=EventTrigger(
            after={f"prefect.flow-run.{event}" for event in events},
            expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=_of(FLOWS),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=silence,
        ),
        actions=[ChangeFlowRunState(state=state, message=message)],
    )


def revivals(revive: UUID) -> Automation:
    """A study or retraining that crashed goes on; of one that was cancelled, the children end.

    Of deployments alone, since nobody else would take it up.
    """
    template = {"__prefect_kind": "jinja", "template": "{{ flow_run.id }}"}
    return Automation(
        name=REVIVED,
        description="Has crashed studies and retrainings scheduled again, and the children of cancelled ones stopped.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed", "prefect.flow-run.Cancelled"},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=[_of(STUDIES), ResourceSpecification({"prefect.resource.role": "deployment"})],
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[RunDeployment(deployment_id=revive, parameters={"run": template})],
    )


def failures(block: UUID) -> Automation:
    """Whoever reads the block's webhook hears of studies and retrainings that failed or crashed.

    By a call of the webhook: a notification that was refused would log the address, which is a secret.
    """
    subject = "flow.name ~ ': ' ~ flow_run.name ~ ' is ' ~ flow_run.state.name"
    text = f"({subject} ~ '\\n' ~ (flow_run.state.message or '') ~ '\\n' ~ (flow_run|ui_url))"
    return Automation(
        name=FAILED,
        description="Tells of studies and retrainings that failed.",
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
