"""A search that failed, or in which trials failed, begins anew and keeps what it has learnt."""

from charrec.storage import Store
from charrec.sweep.oracle import DurableHyperband
from charrec.sweep.outcome import read_document
from charrec.sweep.plan import Plan
from charrec.sweep.transaction import transact


def reopen(store: Store, sweep: Plan) -> int:
    """Begin the search anew if trials of it have failed; returns how many.

    Its state goes back to the beginning, its trainings stay. A trial that had completed takes its score from its stored
    epochs at once, so that the search ends as if the failed ones had never failed: those that were promoted in their
    place are not. A stored result of the search is deleted. Workers at it lose their trials and take them again.
    """
    document = read_document(store, sweep)
    if document is None or not any(record.status == "FAILED" for record in document.trials.values()):
        return 0
    for entry in store.list(f"{sweep.key}/result-"):  # first: if this process ends here, it is computed again
        store.delete(entry.key)
    oracle = DurableHyperband(sweep.schedule, sweep.seed, sweep.space, sweep.objective)
    beginning = oracle.dump()

    def begin_anew() -> int:
        failed: int = sum(record.status == "FAILED" for record in oracle.records.values())
        if failed:
            kept = {"token": oracle.token, "transactions": oracle.transactions, "account": oracle.account}
            oracle.load(beginning.model_copy(update=kept))  # a token never comes twice
        return failed

    return transact(store, sweep.oracle, oracle, begin_anew)
