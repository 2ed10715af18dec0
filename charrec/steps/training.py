"""Choose the precision, train the networks, search the fourth."""

from charrec.epoch import Interrupted
from charrec.glyphs import Manifest
from charrec.hardware import require_usable_gpu
from charrec.identity import identity
from charrec.memo import Outcome, remember, this_machine
from charrec.models.convnet import ConvNet
from charrec.probe import Precision, probe
from charrec.progress import bar
from charrec.recipe import Recipe
from charrec.results import SearchResult, TrainingResult
from charrec.steps.data import arrays
from charrec.storage import open_store
from charrec.study import Runtime, Study
from charrec.sweep.plan import Glyphs, Sweep
from charrec.sweep.standing import result
from charrec.termination import Terminated, until_terminated
from charrec.training import train

# What decides the outcome of a search; how it is carried out does not.
SEARCH_CODE = (
    "charrec.sweep.oracle",
    "charrec.sweep.trial",
    "charrec.sweep.ranking",
    "charrec.glyphs",
    "charrec.split",
    "charrec.models.model_4",
)


def choose_precision(study: Study, runtime: Runtime) -> Outcome[Precision]:
    """What the study says, or what a probe of this kind of machine finds; decided once per store.

    Raises InputError where a GPU is visible that the installed framework cannot use: FULL would take days.
    """
    require_usable_gpu()
    machine = this_machine()
    asked = [study.precision, machine.cpu, machine.cores, machine.gpus, study.image_size, study.batch_size]
    key = f"precision/{identity(asked, code=('charrec.probe',))}"

    def compute() -> Precision:
        if study.precision != "auto":
            return Precision(chosen=study.precision)
        return probe(recipe(study, "model_1", "float32"))

    return remember(open_store(runtime.store, endpoint=runtime.endpoint), key, Precision, compute)


def recipe(study: Study, model: str, precision: str, network: ConvNet | None = None) -> Recipe:
    """How the study trains a model."""
    return Recipe(
        model=model,
        network=network,
        seed=study.seed,
        batch_size=study.batch_size,
        image_size=study.image_size,
        image_channels=study.image_channels,
        precision=precision,
    )


def train_model(
    model: str,
    study: Study,
    glyphs: Outcome[Manifest],
    precision: Outcome[Precision],
    runtime: Runtime,
    found: Outcome[SearchResult] | None = None,
) -> Outcome[TrainingResult]:
    """One network, trained; model 4 as `found` by the search."""
    how = recipe(study, model, precision.value.chosen, ConvNet.model_validate(found.value.chosen) if found else None)
    epochs: int = getattr(study, f"epochs_{model}")
    code = ("charrec.training", "charrec.glyphs", "charrec.split", f"charrec.models.{model}")
    key = f"trainings/{model}-{identity(how, epochs, _on(study, glyphs), code=code)}"
    store = open_store(runtime.store, endpoint=runtime.endpoint)

    def compute() -> TrainingResult:
        with until_terminated() as stop:
            try:
                progress = train(how, arrays(study, glyphs, runtime), epochs, store, key, bar, interrupt=stop)
            except Interrupted as interrupted:
                raise Terminated(f"{model} was {interrupted}; it goes on from there") from None
        assert progress.best is not None
        machine = this_machine()
        return TrainingResult(
            model=model,
            network=how.network.model_dump() if how.network else {},
            parameters=progress.parameters,
            precision=how.precision,
            device=machine.gpus[0] if machine.gpus else machine.cpu,
            epochs=progress.epochs,
            best_epoch=progress.best.epoch,
            weights_key=progress.best.key,
            weights_sha256=progress.best.sha256,
        )

    return remember(store, key, TrainingResult, compute)


def search(
    study: Study, glyphs: Outcome[Manifest], precision: Outcome[Precision], runtime: Runtime
) -> Outcome[SearchResult]:
    """The Hyperband search for network 4, by this process and whatever others work at it."""
    how = recipe(study, "model_4", precision.value.chosen)
    key = f"sweeps/{identity(how, study.search, _on(study, glyphs), code=SEARCH_CODE)}"
    store = open_store(runtime.store, endpoint=runtime.endpoint)

    sweep = Sweep(
        key=key,
        search=study.search,
        recipe=how,
        glyphs=Glyphs(key=glyphs.key, split=study.split, validation_fraction=study.validation_fraction),
    )

    def compute() -> SearchResult:
        from charrec.sweep.worker import work

        resident = arrays(study, glyphs, runtime)
        with until_terminated() as stop:
            if work(store, sweep, resident, bar, stop) == "stopped":
                raise Terminated("the search was asked to stop; it goes on where it stands")
        return result(store, sweep, min(study.search.images or len(resident.training), len(resident.training)))

    return remember(store, key, SearchResult, compute)


def _on(study: Study, glyphs: Outcome[Manifest]) -> list[str | float]:
    """What images a training sees: which, how split, and how small."""
    return [glyphs.value.digest, study.split, study.validation_fraction]
