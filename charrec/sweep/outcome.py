"""What a search came to, once no trial is left to run."""

from charrec.storage import NotFound, Store
from charrec.sweep.document import Document, TrialRecord, parsed
from charrec.sweep.extended import extended
from charrec.sweep.plan import Plan
from charrec.sweep.ranking import ranking
from charrec.sweep.row import TrialRow
from charrec.sweep.scheduling import Schedule, seen

ANEW = "`charrec sweep retry` tries its failed trials anew, and so does a study that is run again."
ON = "A larger budget, `charrec sweep stop --undo` or `charrec sweep extend` lets it go on."


class SearchFailed(RuntimeError):
    """There is nothing to choose from."""


def ranked(store: Store, sweep: Plan, over: bool = False) -> tuple[Document, list[TrialRow]]:
    """A finished search and its trials, best first; `over`: or one that is over with what it has, its ended trials.

    Raises SearchFailed where it is not finished, was ended, or every trial failed.
    """
    document = read_document(store, sweep)
    if document is None:
        raise SearchFailed(f"{sweep.key} has not begun")
    if why := _failed(sweep, document):
        raise search_failed(sweep, why)
    rows = ranking(document, sweep.objective)
    if finished_by(sweep, document):
        return document, rows
    if over and (why := document.account.over):
        if not rows or rows[0].score is None:
            raise SearchFailed(f"{sweep.key} is over before a trial has completed: {why}. {ON}")
        return document, [row for row in rows if row.trial in document.ended]
    raise SearchFailed(f"{sweep.key} is not finished: {len(document.ended)} trials have ended, others will")


def finished(store: Store, sweep: Plan) -> bool:
    """Whether no trial is left to run, for whatever reason."""
    document = read_document(store, sweep)
    return document is not None and (document.aborted is not None or finished_by(sweep, document))


def over(store: Store, sweep: Plan) -> str | None:
    """Why the search is over with what it has; None: it is finished, or goes on."""
    document = read_document(store, sweep)
    return document.account.over if document and not finished_by(sweep, document) else None


def failed(store: Store, sweep: Plan) -> str | None:
    """Why the search has nothing to choose from and goes no further; None: it has, or it still goes on."""
    document = read_document(store, sweep)
    return _failed(sweep, document) if document else None


def search_failed(sweep: Plan, why: str) -> SearchFailed:
    return SearchFailed(f"{sweep.key} has failed: {why}\n{ANEW}")


def read_document(store: Store, sweep: Plan) -> Document | None:
    """The search as it is stored; None where it has not begun."""
    try:
        return parsed(store.get(sweep.oracle), f"{store.url}/{sweep.oracle}", sweep.space)
    except NotFound:
        return None


def schedule_of(plan: Plan, document: Document | None) -> Schedule:
    """With what the search was extended by."""
    return extended(plan.schedule, document.extension) if document else plan.schedule


def runnable(plan: Plan, document: Document | None) -> int:
    """The number of trials that workers could run now; 0 means that the search is finished."""
    if document is None:
        return plan.schedule.ready([])
    held = len(document.leases) + len(document.waiting)
    return held + schedule_of(plan, document).ready(seen(document.trials, document.ended, plan.objective))


def finished_by(sweep: Plan, document: Document) -> bool:
    """Whether the document says that no trial is left."""
    return document.aborted is None and not runnable(sweep, document)


def _failed(sweep: Plan, document: Document) -> str | None:
    if document.aborted:
        return document.aborted
    first = ranking(document, sweep.objective)[0] if document.trials and finished_by(sweep, document) else None
    if first is None or first.score is not None:
        return None
    message = document.trials[first.trial].message
    return f"no trial of {len(document.trials)} succeeded; trial {first.trial}: {message}"


def epochs_of(record: TrialRecord) -> int:
    """Epochs that the trial itself trains, in each of its executions."""
    return record.epochs - record.first
