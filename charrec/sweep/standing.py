"""The status of a search, asked from anywhere and at any time."""

from collections import Counter
from collections.abc import Iterator

from charrec.storage import Store
from charrec.study import Frozen
from charrec.sweep.account import HOUR, Account, Budget
from charrec.sweep.document import Document, Lease, TrialRecord
from charrec.sweep.heartbeat import Terms, ages
from charrec.sweep.outcome import epochs_of, read_document, runnable, schedule_of
from charrec.sweep.plan import Plan
from charrec.sweep.ranking import ranking
from charrec.sweep.row import TrialRow
from charrec.sweep.rungs import RungRow, by_rung


class WorkerRow(Frozen):
    worker: str
    trial: str | None
    configuration: int | None
    epochs: int | None  # of the trial, done, in all its executions
    of: int | None  # epochs of the trial
    age: float | None  # seconds since its last sign of life; None: there is none
    lost: bool  # older than the lease: the next that asks gets its trial


class TroubleRow(Frozen):
    """A trial that failed, was given up, or waits for another try."""

    trial: str
    configuration: int
    failed: bool  # for good
    lost: bool  # given up, since its workers were lost
    message: str


class Costs(Frozen):
    """What the workers' time came to. Money only where the search's budget has a price."""

    seconds: float  # of workers with a trial, as counted under a budget; else of ended trials' epochs, and `lost`
    lost: float  # of these, since workers vanished or were stopped within an epoch
    vanished: int  # workers
    money: float | None
    money_lost: float | None
    budget: Budget | None


class Status(Frozen):
    rungs: tuple[RungRow, ...]
    workers: tuple[WorkerRow, ...]
    troubles: tuple[TroubleRow, ...]
    best: TrialRow | None
    executions: int  # of each trial, whose score is the mean of theirs
    epochs_done: int  # in all executions
    epochs: int  # in all
    seconds_left: float | None  # at the pace so far, by the workers that live; None: unknown
    runnable: int  # workers that could have a trial now
    finished: bool
    aborted: str | None
    over: str | None  # why no trial is begun any more, though some are left
    costs: Costs


def status(store: Store, sweep: Plan, lease: float = Terms().lease, running: bool = True) -> Status:
    """The status of a search, which may not have begun. Reads only.

    `running`: count the epochs of trials that are not over, too, which takes a request for each.
    """
    document = read_document(store, sweep)
    trials = document.trials if document else {}
    leases = document.leases if document else {}
    seen = ages(store, sweep)
    done = {
        name: _epochs_done(store, sweep, name, record) if running or _over(record) else 0
        for name, record in trials.items()
    }
    ranked = ranking(document, sweep.objective) if document else []
    apart = {further.bracket for further in document.extension.further} if document else set()
    planned = schedule_of(sweep, document).rungs(Counter(row.rung for row in ranked if row.bracket not in apart))
    rungs = tuple(by_rung(planned, ranked, sweep.objective))
    total = sweep.executions * sum(rung.trials * (rung.epochs - rung.first) for rung in rungs)
    epochs = sum(done.values())
    workers = tuple(_workers(sweep, trials, leases, seen, done, lease))
    could_run = runnable(sweep, document) if not (document and document.aborted) else 0
    finished = not could_run and not (document and document.aborted)
    at_work = sum(row.trial is not None and not row.lost for row in workers)
    return Status(
        rungs=rungs,
        workers=workers,
        troubles=tuple(_troubles(trials)),
        best=ranked[0] if ranked and ranked[0].score is not None else None,
        executions=sweep.executions,
        epochs_done=epochs,
        epochs=total,
        seconds_left=0.0 if finished else _seconds_left(sweep, trials, total - epochs, at_work),
        runnable=could_run,
        finished=finished,
        aborted=document.aborted if document else None,
        over=document.account.over if document and not finished else None,
        costs=costs(document),
    )


def costs(document: Document | None) -> Costs:
    account = document.account if document else Account()
    trained = sum(record.seconds for record in document.trials.values()) if document else 0.0
    seconds = (account.trained if account.budget else max(trained, account.trained)) + account.lost
    price = account.budget.price if account.budget else None
    return Costs(
        seconds=seconds,
        lost=account.lost,
        vanished=account.vanished,
        money=seconds / HOUR * price if price else None,
        money_lost=account.lost / HOUR * price if price else None,
        budget=account.budget,
    )


def _seconds_left(sweep: Plan, trials: dict[str, TrialRecord], epochs: int, workers: int) -> float | None:
    """From the mean duration of an epoch so far, shared among the workers."""
    timed = [record for record in trials.values() if record.seconds]
    if not timed or not workers:
        return None
    trained = sweep.executions * sum(map(epochs_of, timed))
    return sum(record.seconds for record in timed) / trained * epochs / workers


def _troubles(trials: dict[str, TrialRecord]) -> Iterator[TroubleRow]:
    for name, record in trials.items():
        if record.message and record.status in ("FAILED", "INVALID"):
            yield TroubleRow(
                trial=name,
                configuration=record.configuration,
                failed=record.status == "FAILED" and not record.lost,
                lost=record.lost,
                message=record.message,
            )


def _over(record: TrialRecord) -> bool:
    return record.status in ("COMPLETED", "FAILED")  # a failed one trains no more


def _epochs_done(store: Store, sweep: Plan, name: str, record: TrialRecord) -> int:
    of = sweep.executions * epochs_of(record)
    if _over(record):
        return of
    return max(0, min(sweep.trained(store, record.configuration) - sweep.executions * record.first, of))


def _workers(
    sweep: Plan, trials: dict[str, TrialRecord], leases: dict[str, Lease], seen: dict[str, float],
    done: dict[str, int], lease: float,
) -> Iterator[WorkerRow]:  # fmt: skip
    held = {one.worker: name for name, one in leases.items()}
    for worker in sorted({*held, *seen}):
        trial = held.get(worker)
        age = seen.get(worker)
        yield WorkerRow(
            worker=worker,
            trial=trial,
            configuration=trials[trial].configuration if trial else None,
            epochs=done[trial] if trial else None,
            of=sweep.executions * epochs_of(trials[trial]) if trial else None,
            age=age,
            lost=age is None or age > lease,
        )
