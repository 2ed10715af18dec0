"""`charrec sweep stop` ends a search with what it has; `charrec sweep extend` lets it go on, with more to do."""

import argparse

from pydantic import ValidationError

from charrec.commands.numbers import above_zero, count
from charrec.errors import InputError
from charrec.storage import Store
from charrec.storage.document import defect
from charrec.sweep.account import Budget
from charrec.sweep.fits import Fits
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
    if (options.best is None) != (options.epochs is None) or not (more or limits):
        raise InputError("nothing to extend by", "--rounds N, --best K --epochs N, or a budget", "Say what it is.")
    if more and not isinstance(sweep, Fits):
        raise InputError(
            f"{store.url}/{sweep.key} is the search of a study, whose settings say how much it searches",
            "a script's search, or a budget",
            "Run the study with other settings: that is another search.",
        )
    budget = _budget(limits) if limits else None
    if options.best:  # first, since it asks for a finished search
        extend_best(store, sweep, options.best, options.epochs)
    if options.rounds:
        extend_rounds(store, sweep, options.rounds)
    if budget:
        allow(store, sweep, budget)
    print(f"{sweep.key}: it goes on. {AGAIN}")


def stop(store: Store, sweep: Plan, options: argparse.Namespace) -> None:
    if options.undo:
        undo(store, sweep)
        print(f"{sweep.key}: it goes on. {AGAIN}")
    else:
        end(store, sweep)
        print(f"{sweep.key}: stopped; its workers leave at the end of their epoch. `--undo` lets it go on.")


def _budget(limits: dict[str, float]) -> Budget:
    try:
        return Budget.model_validate(limits)
    except ValidationError as error:
        raise InputError("a budget that is none", defect(error), "Say a limit, and with money a price.") from None
