"""A search that failed, or in which trials failed, begins anew and keeps what it has learnt."""

from typing import Any

from charrec.errors import InputError
from charrec.storage import Store
from charrec.sweep.oracle import Oracle
from charrec.sweep.outcome import read_document
from charrec.sweep.plan import Plan
from charrec.sweep.transaction import transact


def reopen(store: Store, sweep: Plan) -> int:
    """Begin the search anew if trials of it have failed; returns how many.

    Its state goes back to the beginning, its trainings stay. A trial that had completed takes its score from its stored
    epochs at once, so that the search ends as if the failed ones had never failed: those that were promoted in their
    place are not. Its best, if they were to train on after its end, no longer are. A stored result of the search is
    deleted. Workers at it lose their trials and take them again. Raises InputError where its space was enlarged.
    """
    document = read_document(store, sweep)
    if document is None or not any(record.status == "FAILED" for record in document.trials.values()):
        return 0
    if document.extension.space:
        raise InputError(
            f"{store.url}/{sweep.key} was extended to a larger space",
            "a search whose points would be drawn again as they were",
            "Start another search, under another name.",
        )
    for entry in store.list(f"{sweep.key}/result-"):  # first: if this process ends here, it is computed again
        store.delete(entry.key)
    oracle = Oracle(sweep.schedule, sweep.seed, sweep.space, sweep.objective)
    beginning = oracle.dump()

    def begin_anew() -> int:
        failed: int = sum(record.status == "FAILED" for record in oracle.records.values())
        if failed:
            kept: dict[str, Any] = {
                "token": oracle.token,  # none comes twice
                "transactions": oracle.transactions,
                "account": oracle.account,
                "extension": oracle.extension.model_copy(update={"further": ()}),
            }
            oracle.load(beginning.model_copy(update=kept))
        return failed

    return transact(store, sweep.oracle, oracle, begin_anew)
