"""An ordinary Keras Tuner model builder: the space that its `hp` calls span, and its model at a point of it."""

import logging
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
import keras_tuner as kt

from charrec.errors import InputError
from charrec.sweep import examples
from charrec.sweep.arguments import require_known
from charrec.sweep.blame import described, in_a_line, is_the_machines, out_of_memory
from charrec.sweep.calls import require_takes
from charrec.sweep.space import Dimension, Space, Value

log = logging.getLogger(__name__)

Fit = Mapping[str, Any] | Callable[[kt.HyperParameters], Mapping[str, Any]]


class Built(NamedTuple):
    """A compiled model with its initial weights, and the arguments of its `fit`."""

    model: keras.Model
    fit: dict[str, Any]


class Builder:
    """`build` is a function of `hp` or a Keras Tuner HyperModel; `fit` are arguments, or a function of `hp` to them."""

    def __init__(self, build: Any, fit: Fit) -> None:
        _require_builder(build)
        if isinstance(build, kt.HyperModel) and type(build).fit is not kt.HyperModel.fit:
            raise InputError(
                f"{type(build).__name__}.fit, which would not be called",
                "a HyperModel whose `build` alone is its own, since a trial is trained epoch by epoch",
                'Let `fit` be a function of `hp`: lambda hp: dict(x=x, y=y, batch_size=hp.Choice("batch", [32, 64])).',
            )
        self.build: Callable[[kt.HyperParameters], Any] = build.build if isinstance(build, kt.HyperModel) else build
        self.fit = fit
        require_takes(self.build, "build", "hp")
        if callable(fit):
            require_takes(fit, "fit", "hp")
        hp = kt.HyperParameters()
        self.first_fit = self._first(hp).fit  # at the defaults of `hp`
        self.first_values: dict[str, Value] = dict(hp.values)
        self.space = self._explored(hp)

    def at(self, values: Mapping[str, Value], seed: int) -> Built:
        """The model with its initial weights.

        Raises InputError where the builder asks for what it had not asked for before, or makes no compiled model.
        """
        hp = kt.HyperParameters()
        hp.values = dict(values)
        built = self._built(hp, seed)
        if new := [one for one in Space.of(hp).dimensions if one not in self.space.dimensions]:
            known = {one.name: one for one in self.space.dimensions}
            raise InputError(
                f"the model builder asks for {_said(new[0])}"
                + (f", and asked for {_said(known[new[0].name])} before" if new[0].name in known else ""),
                "the same hyperparameters at every call",
                "Take out of the builder what changes between calls, as time, chance or the place; what depends on"
                " another hyperparameter stands in hp.conditional_scope.",
            )
        return built

    def _built(self, hp: kt.HyperParameters, seed: int) -> Built:
        """The model, called on examples where only these tell its shapes: layers may ask `hp` as they are called."""
        with seeded(seed):
            built = self._compiled(hp)
        if not built.model.built and "x" in built.fit:
            require_known(built.fit)
            with seeded(seed):
                built.model(examples.first_of(built.fit["x"], seed))
        return built

    def _compiled(self, hp: kt.HyperParameters) -> Built:
        model = self.build(hp)
        if not isinstance(model, keras.Model) or not model.compiled or model.optimizer is None:
            found = f"a {type(model).__name__}" + (" that is not compiled" if isinstance(model, keras.Model) else "")
            raise InputError(f"the model builder returns {found}", "a compiled keras.Model", "Compile and return it.")
        if getattr(model.optimizer, "use_ema", False):
            raise InputError(
                "an optimizer with use_ema, which changes the weights where `fit` ends",
                "an optimizer whose training can end and go on after any epoch",
                "Leave use_ema out, or average in a layer or a callback of your own.",
            )
        if others := [
            name
            for name, one in vars(model).items()
            if isinstance(one, keras.optimizers.Optimizer) and one is not model.optimizer
        ]:
            raise InputError(
                f"a model with another optimizer, {others[0]}",
                "one optimizer, that of `compile`, whose slots a checkpoint holds",
                "Compile the model with the only one.",
            )
        fit = self.fit(hp) if callable(self.fit) else self.fit
        if not isinstance(fit, Mapping):
            raise InputError(
                f"arguments of `fit` that are a {type(fit).__name__}", "a dictionary", "Write fit=dict(x=..., y=...)."
            )
        alone = isinstance(fit.get("callbacks"), keras.callbacks.Callback)  # as Keras takes it, too
        return Built(model, dict(fit) | ({"callbacks": [fit["callbacks"]]} if alone else {}))

    def _first(self, hp: kt.HyperParameters) -> Built:
        """Before the search begins. Raises InputError for whatever the builder raises, but for the machine's errors."""
        with at_point(hp.values):
            try:
                return self._built(hp, 0)
            except Exception as error:
                if is_the_machines(error) or out_of_memory(error):  # InputError is the machine's
                    raise
                raise InputError(
                    f"`build`, its model called on x, or `fit` as a function raises {in_a_line(described(error))}",
                    "a model, and arguments of its `fit`, at the first values that it asks for",
                    "Correct it where this error's cause has its traceback.",
                ) from error

    def _try(self, hp: kt.HyperParameters) -> None:
        """Call the builder with values that it may fail at: a trial of them will fail, and others may not."""
        try:
            with at_point(hp.values):
                self._built(hp, 0)
        except Exception as error:
            if is_the_machines(error):  # as InputError is
                raise
            log.warning("trials at %s will fail: %s", _listed(hp.values), in_a_line(described(error)))

    def _explored(self, hp: kt.HyperParameters) -> Space:
        """The whole space: the builder is called until nothing new comes of a value that may decide what it asks for.

        Keras Tuner does so for conditional scopes, and adds to its space what a trial asks for later; here a trial may
        not, since workers that met it in another order would draw other points.
        """
        found = kt.HyperParameters()
        scopes: list[Any] = []
        tried: set[str] = set()
        while True:
            found.merge(hp, overwrite=False)
            _require_names(found)
            scopes += hp.inactive_scopes
            rest = [one for one in _telling(found, scopes) if repr(one) not in tried]
            if not rest:
                break
            tried.add(repr(rest[0]))
            hp = _at(found, rest[0])
            self._try(hp)
        keras.backend.clear_session()
        if not found.space:
            raise InputError("a model builder that asks `hp` for nothing", "hp.Int, hp.Choice, ...", "Give it a space.")
        return Space.of(found)


def _require_builder(build: Any) -> None:
    """Raises InputError for what is no function of `hp`."""
    if not callable(build) and not isinstance(build, kt.HyperModel):
        found = f"a builder that is a {type(build).__name__}"
    elif isinstance(build, keras.Model):
        found = f"a builder that is itself a model, {build.name}"
    elif isinstance(build, type) and issubclass(build, kt.HyperModel):
        found = f"a builder that is the class {build.__name__}"
    else:
        return
    raise InputError(
        found, "a function of `hp` that returns a compiled keras.Model, or a HyperModel", "Write def build(hp): ..."
    )


@contextmanager
def at_point(values: Mapping[str, Value]) -> Iterator[None]:
    """Bad input that is found here says at which values, once."""
    try:
        yield
    except InputError as error:
        where = f"at {_listed(values)}: "
        if not values or error.found.startswith(where):
            raise
        raise type(error)(where + error.found, error.expected, error.remedy) from error.__cause__


def _listed(values: Mapping[str, Value]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def _telling(found: kt.HyperParameters, scopes: list[Any]) -> Iterator[dict[str, Value]]:
    """Values, each to be tried with the others' defaults: they may open a scope, or a branch in the builder's code."""
    for scope in scopes:
        yield {condition.name: condition.values[0] for condition in scope}
    for one in Space.of(found).dimensions:
        conditions = {condition.name: condition.values[0] for condition in one.conditions}
        points = one.points() or ()
        ends = points if one.kind in ("Boolean", "Choice") and not one.ordered else (*points[:1], *points[-1:])
        for value in ends if one.kind != "Fixed" else ():
            if conditions or found.values.get(one.name) != value:
                yield conditions | {one.name: value}


def _require_names(found: kt.HyperParameters) -> None:
    """Raises InputError for a name under two conditions, whose value Keras Tuner drops, or draws without a seed."""
    names = [one.name for one in found.space]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(
            f"the hyperparameter {twice[0]!r} under two conditions", "a name of its own for each", "Rename one of them."
        )


def _at(found: kt.HyperParameters, values: Mapping[str, Value]) -> kt.HyperParameters:
    """These values, and the defaults of all others that exist beside them."""
    hp = found.copy()
    hp.values |= values
    for one in hp.space:
        if not hp.is_active(one):
            hp.values.pop(one.name, None)
        elif one.name not in hp.values:
            hp.values[one.name] = one.default
    return hp


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """What draws initial weights here draws the same each time.

    Keras draws the seeds of layers from Python's global generator, which all threads share: a heartbeat at the wrong
    moment would change them. So it has one of its own for this long (tests/sweep/test_fitting.py).
    """
    from keras.src.random import seed_generator

    keras.utils.set_random_seed(seed)
    theirs = seed_generator.python_random
    seed_generator.python_random = random.Random(seed)
    try:
        yield
    finally:
        seed_generator.python_random = theirs


def _said(one: Dimension) -> str:
    given = one.model_dump(exclude_defaults=True, exclude={"kind", "conditions"})
    return f"hp.{one.kind}({', '.join(f'{name}={value!r}' for name, value in given.items())})"
