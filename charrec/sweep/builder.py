"""An ordinary Keras Tuner model builder: the space that its `hp` calls span, and its model at a point of it."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
import keras_tuner as kt

from charrec.errors import InputError
from charrec.sweep.schedule import Hyperband, configurations
from charrec.sweep.space import Dimension, Space, Value

Fit = Mapping[str, Any] | Callable[[kt.HyperParameters], Mapping[str, Any]]


class Built(NamedTuple):
    """A compiled model with its initial weights, and the arguments of its `fit`."""

    model: keras.Model
    fit: dict[str, Any]


class Builder:
    """`build` is a function of `hp` or a Keras Tuner HyperModel; `fit` are arguments, or a function of `hp` to them."""

    def __init__(self, build: Any, fit: Fit) -> None:
        self.build: Callable[[kt.HyperParameters], Any] = build.build if isinstance(build, kt.HyperModel) else build
        self.fit = fit
        hp = kt.HyperParameters()
        with seeded(0):
            self.first_fit = self._built(hp).fit  # at the defaults of `hp`
        self.space = self._explored(hp)

    def at(self, values: Mapping[str, Value], seed: int) -> Built:
        """Raises InputError where the builder asks for what it had not asked for before, or makes no compiled model."""
        hp = kt.HyperParameters()
        hp.values = dict(values)
        with seeded(seed):
            built = self._built(hp)
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

    def _built(self, hp: kt.HyperParameters) -> Built:
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
        return Built(model, dict(self.fit(hp) if callable(self.fit) else self.fit))

    def _explored(self, hp: kt.HyperParameters) -> Space:
        """The whole space: the builder is called until each conditional scope was active once, as Keras Tuner does."""
        found = kt.HyperParameters()
        seen: list[Any] = []  # scopes that were active, or were tried
        while True:
            found.merge(hp, overwrite=False)
            seen += [scope for scope in hp.active_scopes if scope not in seen]
            waiting = [scope for scope in hp.inactive_scopes if scope not in seen]
            if not waiting:
                break
            seen.append(waiting[0])
            hp = found.copy()
            for condition in waiting[0]:
                hp.values[condition.name] = condition.values[0]
            hp.ensure_active_values()
            with seeded(0):
                self._built(hp)
            keras.backend.clear_session()
        if not found.space:
            raise InputError("a model builder that asks `hp` for nothing", "hp.Int, hp.Choice, ...", "Give it a space.")
        names = [one.name for one in found.space]
        if twice := [name for name in names if names.count(name) > 1]:  # Keras Tuner would draw it without a seed
            raise InputError(
                f"the hyperparameter {twice[0]!r} under two conditions, or with two ranges",
                "a name of its own for each",
                "Rename one of them.",
            )
        return Space.of(found)


def require_room(space: Space, search: Hyperband) -> None:
    """Raises InputError where a search tries more points than its space has."""
    needed = configurations(search)
    if (size := space.size(needed)) < needed:
        raise InputError(
            f"a space of {size:.0f} points",
            f"at least {needed}, which a search of {search.max_epochs} epochs by {search.factor} tries",
            "Widen the space, or search with fewer max_epochs or a larger factor.",
        )


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
