"""Automations: what a Prefect server does by itself about runs of charrec."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

STUDIES = ("charrec", "charrec-retraining")  # whose failure somebody should hear of
CHILDREN = ("choose-precision", "train-model", "sweep-worker")
REVIVE = "charrec-revive"
FLOWS = (*STUDIES, *CHILDREN, REVIVE, "charrec-predict")
HEARTBEAT = 30  # seconds; Prefect's shortest
SILENCE = timedelta(seconds=3 * HEARTBEAT)  # shorter ones hit runs that had just finished (Prefect #21932, #18653)
LOST, DESERTED = "charrec: lost runs", "charrec: lost cancellations"
REVIVED, FAILED = "charrec: crashed studies go on", "charrec: failures"


def lost_runs(silence: timedelta = SILENCE) -> Automation:
    """A run that was heard of and is not heard of any more is Crashed.

    Any event but silence will do: studies end in states with names of their own.
    """
    return _after("heartbeat", silence, StateType.CRASHED, LOST, "Its process or its machine is gone.")


def lost_cancellations(silence: timedelta = SILENCE) -> Automation:
    """A run that was to be cancelled, while nobody was there to do it; Prefect lets it be nothing but Cancelled."""
    return _after("Cancelling", silence, StateType.CANCELLED, DESERTED, "Nobody was there to cancel it.")


def _after(event: str, silence: timedelta, state: StateType, name: str, why: str) -> Automation:
    message = f"{why} No sign of life for {silence.total_seconds():.0f} s."
    return Automation(
        name=name,
        description=f"{state.value.capitalize()}: runs without a sign of life. {why}",
        trigger=EventTrigger(
            after={f"prefect.flow-run.{event}"},
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
    """A study or retraining that crashed goes on: of deployments alone, since nobody else would take it up."""
    template = {"__prefect_kind": "jinja", "template": "{{ flow_run.id }}"}
    return Automation(
        name=REVIVED,
        description="Has crashed studies and retrainings scheduled again; they go on where they stood.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=[_of(STUDIES), ResourceSpecification({"prefect.resource.role": "deployment"})],
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[RunDeployment(deployment_id=revive, parameters={"run": template})],
    )


def failures(block: UUID) -> Automation:
    """Whoever reads the block's webhook hears of studies and retrainings that failed or crashed."""
    tell: ActionTypes = SendNotification(
        block_document_id=block,
        subject="{{ flow.name }}: {{ flow_run.name }} is {{ flow_run.state.name }}",
        body="{{ flow_run.state.message }}\n{{ flow_run|ui_url }}",
    )
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
        actions=[tell],
    )


def _of(flows: Iterable[str]) -> ResourceSpecification:
    return ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": list(flows)})
