"""`charrec sweep stop` ends a search with what it has; `charrec sweep extend` lets it go on, with more to do."""

import argparse

from charrec.commands.numbers import above_zero, count
from charrec.errors import InputError
from charrec.storage import Store
from charrec.sweep.account import Budget
from charrec.sweep.fits import Fits
from charrec.sweep.outcome import finished_by, read_document
from charrec.sweep.plan import Plan
from charrec.sweep.steering import allow, extend_best, extend_rounds, undo
from charrec.sweep.steering import stop as end

AGAIN = "Start its workers again: the script, the study or `charrec sweep work`."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Of `extend`."""
    parser.add_argument("--rounds", type=count, metavar="N", help="of all its brackets, each with new points, in all")
    parser.add_argument("--best", type=count, metavar="K", help="configurations that train on to --epochs")
    parser.add_argument("--epochs", type=count, metavar="N", help="of each of these in all, from its checkpoint")
    budget = parser.add_argument_group("budget", "the search ends at the first of these with what it has")
    budget.add_argument("--hours", type=above_zero, metavar="X", help="in which at least one worker has a trial")
    budget.add_argument("--device-hours", type=above_zero, metavar="X", help="of workers with a trial")
    budget.add_argument("--money", type=above_zero, metavar="X", help="with --price")
    budget.add_argument("--price", type=above_zero, metavar="X", help="of a device-hour, in the same money")


def extend(store: Store, sweep: Plan, options: argparse.Namespace) -> None:
    """Raises InputError where the search cannot go on so."""
    limits = {limit: value for limit in Budget.model_fields if (value := getattr(options, limit)) is not None}
    more = options.rounds or options.best
    if (options.best is None) != (options.epochs is None):
        one, other = ("--best K", "--epochs N") if options.best else ("--epochs N", "--best K")
        raise InputError(f"{one} without {other}", "both of them", f"Add {other}.")
    if not (more or limits):
        raise InputError("nothing to extend by", "--rounds N, --best K --epochs N, or a budget", "Say what it is.")
    if options.money and not options.price:
        raise InputError("--money without --price", "the price of a device-hour", "Add --price X.")
    if more and not isinstance(sweep, Fits):
        raise InputError(
            f"{store.url}/{sweep.key} is the search of a study, whose settings say how much it searches",
            "a script's search, or a budget",
            "Run the study with other settings: that is another search.",
        )
    budget = Budget.model_validate(limits) if limits else None
    if options.best:  # first, since it asks for a finished search
        extend_best(store, sweep, options.best, options.epochs)
    if options.rounds:
        extend_rounds(store, sweep, options.rounds)
    if budget:
        allow(store, sweep, budget)
    print(_goes_on(store, sweep))


def stop(store: Store, sweep: Plan, options: argparse.Namespace) -> None:
    if options.undo:
        undo(store, sweep)
        print(_goes_on(store, sweep))
    else:
        end(store, sweep)
        print(f"{sweep.key}: stopped; its workers leave at the end of their epoch. `--undo` lets it go on.")


def _goes_on(store: Store, sweep: Plan) -> str:
    document = read_document(store, sweep)
    if document and document.aborted:
        return f"{sweep.key}: too many trials failed for it to go on; `charrec sweep retry` tries them anew."
    if document and finished_by(sweep, document):
        return f"{sweep.key}: finished, no trial is left."
    return f"{sweep.key}: it goes on. {AGAIN}"
