"""Which precision all trainings compute in: as asked, or whichever a probe of this machine prefers."""

from charrec.machine.backend import require_backend
from charrec.machine.hardware import require_usable_gpu
from charrec.memo.step import Bench, Step
from charrec.results import Precision
from charrec.study import Frozen
from charrec.training.precision import probe
from charrec.training.recipe import Recipe


class Given(Frozen):
    """The decision is made once for a machine or a pool of them, `where`, and a shape of batches."""

    asked: str
    where: str
    recipe: Recipe  # of model 1 in float32


def compute(given: Given, bench: Bench) -> Precision:
    """Raises InputError where a GPU is visible that the installed framework cannot use: FULL would take days."""
    if given.asked != "auto":
        return Precision(chosen=given.asked)
    require_backend(given.recipe.backend)
    require_usable_gpu()
    return probe(given.recipe)


PRECISION = Step("precision", "precision/", Given, Precision, compute)
