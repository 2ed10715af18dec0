"""Choose the precision, train the networks, search the fourth."""

from collections.abc import Callable
from typing import Any

from charrec.data.glyphs import Manifest, load_columns
from charrec.machine.hardware import require_usable_gpu
from charrec.machine.termination import Terminated, until_terminated
from charrec.memo.identity import identity
from charrec.memo.outcome import Outcome, recall, remember, this_machine
from charrec.models.convnet import ConvNet
from charrec.results import SearchResult, TrainingResult
from charrec.steps.data import arrays, halves, local
from charrec.steps.store import store_of
from charrec.study import Runtime, Study
from charrec.sweep.heartbeat import Terms
from charrec.sweep.plan import Glyphs, Sweep
from charrec.sweep.standing import finished, result
from charrec.training.epoch import Interrupted
from charrec.training.precision import Precision, probe
from charrec.training.progress import bar
from charrec.training.recipe import Recipe
from charrec.training.train import train

Show = Callable[[str, int, int], Any]  # title, epoch, epochs -> a Keras callback or None
PATIENT = Terms()

# What decides the outcome of a search; how it is carried out does not.
SEARCH_CODE = (
    "charrec.sweep.oracle",
    "charrec.sweep.trial",
    "charrec.sweep.ranking",
    "charrec.data.glyphs",
    "charrec.data.split",
    "charrec.models.model_4",
)


def choose_precision(study: Study, runtime: Runtime, where: str) -> Outcome[Precision]:
    """What the study says, or what a probe finds; decided once per store and `where`, a machine or a pool of them.

    Raises InputError where a GPU is visible that the installed framework cannot use: FULL would take days.
    """
    require_usable_gpu()

    def compute() -> Precision:
        if study.precision != "auto":
            return Precision(chosen=study.precision)
        return probe(recipe(study, "model_1", "float32"))

    return remember(store_of(runtime), _precision_key(study, where), Precision, compute)


def chosen_precision(study: Study, runtime: Runtime, where: str) -> Outcome[Precision] | None:
    """What `choose_precision` has chosen, if it has."""
    return recall(store_of(runtime), _precision_key(study, where), Precision)


def here() -> str:
    """This kind of machine."""
    machine = this_machine()
    return ", ".join([machine.cpu, f"{machine.cores} cores", *machine.gpus])


def _precision_key(study: Study, where: str) -> str:
    asked = [study.precision, where, study.image_size, study.batch_size]
    return f"precision/{identity(asked, code=('charrec.training.precision',))}"


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
    show: Show = bar,
) -> Outcome[TrainingResult]:
    """One network, trained; model 4 as `found` by the search. Raises Terminated where SIGTERM came; all is stored."""
    how = _how(model, study, precision, found)
    epochs = epochs_of(model, study)
    key = training_key(model, study, glyphs, precision, found)
    store = store_of(runtime)

    def compute() -> TrainingResult:
        with until_terminated() as stop:
            try:
                progress = train(how, arrays(study, glyphs, runtime), epochs, store, key, show, interrupt=stop)
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


def trained(
    model: str,
    study: Study,
    glyphs: Outcome[Manifest],
    precision: Outcome[Precision],
    runtime: Runtime,
    found: Outcome[SearchResult] | None = None,
) -> Outcome[TrainingResult] | None:
    """What `train_model` has trained, if it has."""
    return recall(store_of(runtime), training_key(model, study, glyphs, precision, found), TrainingResult)


def training_key(
    model: str,
    study: Study,
    glyphs: Outcome[Manifest],
    precision: Outcome[Precision],
    found: Outcome[SearchResult] | None = None,
) -> str:
    """Where a training lies in the store."""
    code = ("charrec.training.train", "charrec.data.glyphs", "charrec.data.split", f"charrec.models.{model}")
    given = _how(model, study, precision, found), epochs_of(model, study), _on(study, glyphs)
    return f"trainings/{model}-{identity(*given, code=code)}"


def epochs_of(model: str, study: Study) -> int:
    epochs: int = getattr(study, f"epochs_{model}")
    return epochs


def _how(model: str, study: Study, precision: Outcome[Precision], found: Outcome[SearchResult] | None) -> Recipe:
    network = ConvNet.model_validate(found.value.chosen) if found else None
    return recipe(study, model, precision.value.chosen, network)


def sweep_of(study: Study, glyphs: Outcome[Manifest], precision: Outcome[Precision]) -> Sweep:
    """The study's search for network 4."""
    how = recipe(study, "model_4", precision.value.chosen)
    return Sweep(
        key=f"sweeps/{identity(how, study.search, _on(study, glyphs), code=SEARCH_CODE)}",
        search=study.search,
        recipe=how,
        glyphs=Glyphs(key=glyphs.key, split=study.split, validation_fraction=study.validation_fraction),
    )


def search(
    study: Study,
    glyphs: Outcome[Manifest],
    precision: Outcome[Precision],
    runtime: Runtime,
    show: Show = bar,
    trial: Callable[..., object] | None = None,
    terms: Terms = PATIENT,
) -> None:
    """Work at the Hyperband search for network 4, beside whoever else does, as long as there is work.

    Raises Terminated where SIGTERM came; all is stored.
    """
    from charrec.sweep.worker import work

    resident = arrays(study, glyphs, runtime)
    around = {"trial": trial} if trial else {}
    with until_terminated() as stop:
        if (
            work(store_of(runtime), sweep_of(study, glyphs, precision), resident, show, stop, terms, **around)
            == "stopped"
        ):
            raise Terminated("the search was asked to stop; it goes on where it stands")


def searched(
    study: Study, glyphs: Outcome[Manifest], precision: Outcome[Precision], runtime: Runtime
) -> Outcome[SearchResult] | None:
    """What the search has found, if it is finished. Raises SearchFailed where it was ended."""
    store, sweep = store_of(runtime), sweep_of(study, glyphs, precision)
    if done := recall(store, sweep.key, SearchResult):
        return done
    if not finished(store, sweep):
        return None
    images = len(halves(study, load_columns(local(glyphs.key, runtime)))[0])
    return remember(
        store, sweep.key, SearchResult, lambda: result(store, sweep, min(study.search.images or images, images))
    )


def _on(study: Study, glyphs: Outcome[Manifest]) -> list[str | float]:
    """What images a training sees: which, how split, and how small."""
    return [glyphs.value.digest, study.split, study.validation_fraction]
