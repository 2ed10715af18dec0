"""A recipe and images -> a trained network."""

from charrec.data.arrays import Glyphs, load_arrays
from charrec.machine.backend import require_backend
from charrec.machine.hardware import require_usable_gpu
from charrec.machine.provenance import this_machine
from charrec.machine.termination import Terminated, until_terminated
from charrec.memo.step import Bench, Step
from charrec.results import Stored, TrainingResult
from charrec.storage import Store
from charrec.study import Frozen
from charrec.training.checkpoints import read_progress
from charrec.training.interruption import Interrupted
from charrec.training.recipe import Recipe
from charrec.training.train import train


class Given(Frozen):
    recipe: Recipe
    epochs: int
    glyphs: Glyphs


def compute(given: Given, bench: Bench) -> TrainingResult:
    """Train from the last stored epoch. Raises Terminated after SIGTERM, with everything stored, and InputError."""
    recipe, key = given.recipe, TRAIN.key(given)
    require_backend(recipe.backend)
    require_usable_gpu()
    arrays = load_arrays(given.glyphs, recipe.image_size, bench.store, bench.cache)
    with until_terminated() as stop:
        try:
            progress = train(recipe, arrays, given.epochs, bench.store, key, bench.show, interrupt=stop)
        except Interrupted as interrupted:
            raise Terminated(f"{recipe.model} was {interrupted}; it resumes from there") from None
    best, machine = progress.best, this_machine()
    assert best is not None
    return TrainingResult(
        model=recipe.model,
        network=recipe.network.model_dump() if recipe.network else {},
        parameters=progress.parameters,
        precision=recipe.precision,
        backend=recipe.backend,
        device=machine.gpus[0] if machine.gpus else machine.cpu,
        epochs=progress.epochs,
        best_epoch=best.epoch,
        weights=Stored(key=best.key, sha256=best.sha256),
    )


def epochs_done(given: Given, store: Store) -> int:
    """How many epochs are stored."""
    return len(read_progress(store, TRAIN.key(given)).epochs)


TRAIN = Step(
    "train {given.recipe.model}", "trainings/{given.recipe.model}-", Given, TrainingResult, compute, epochs_done
)  # fmt: skip
