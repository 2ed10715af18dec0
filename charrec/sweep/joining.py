"""A script comes to its search: begins it, joins it as it was extended since, or extends it by what it says itself."""

from charrec.errors import InputError
from charrec.storage import Store
from charrec.sweep.extension import NONE
from charrec.sweep.fits import Fits
from charrec.sweep.outcome import read_document
from charrec.sweep.plan import PLAN
from charrec.sweep.steering import begin, extend_rounds, require_rounds


def join(store: Store, plan: Fits, rounds: int) -> Fits:
    """The search as it is stored, which decides: a script that asks for fewer rounds joins the more.

    Raises InputError where the store holds another search under this key, or one whose space was enlarged since.
    """
    there = Fits.stored(store, plan.key) if store.exists(plan.key + PLAN) else plan
    document = read_document(store, there)
    extension = document.extension if document else NONE
    more = rounds > 1 + len(extension.rounds)
    larger = there != plan and there.model_copy(update={"space": plan.space}) == plan
    if rounds > 1:
        require_rounds(plan.space, plan.schedule, rounds)
    if not larger or not (more or plan.space == extension.space):
        plan.begin(store)  # or raises
    if extension.space and plan.space != extension.space and not (larger and more):
        raise InputError(
            f"{store.url}/{plan.key} holds a search whose space was enlarged",
            "the script that enlarged it",
            "Run that one.",
        )
    if more:
        begin(store, there)
        extend_rounds(store, there, rounds, plan.space if larger else None)
    return there
