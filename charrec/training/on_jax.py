"""One epoch on JAX: many steps in one compiled call, a whole epoch where that takes less than half a second.

Keras starts every step from Python, with `steps_per_execution` too: its JAX trainer (3.15.1) calls the compiled step
in a loop and leaves out the callbacks between. Here the device runs Keras's own step in a loop. The number of steps
of a call is no part of the result: a loop of one step and a loop of many are the same compiled program.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

LONGEST = 0.5  # seconds of a call, about: a request to stop waits for its end

Samples = tuple[np.ndarray, np.ndarray]  # (n,) positions, (n,) labels


def fit(
    model: "keras.Sequential",
    training: Samples,
    validation: Samples,
    batch_sizes: tuple[int, int],
    done: int,
    callbacks: list[Any],
) -> dict[str, list[float]]:
    """What `model.fit` does in one epoch without shuffling, from step `done` on, -> its history.

    Calls the callbacks before and after each call of the device. Their batches count from `done`, as Keras's do if
    `fit` gets only the rest.
    """
    import keras

    loops = _loops_of(model)
    steps = -(-len(training[0]) // batch_sizes[0]) - done
    every = keras.callbacks.CallbackList(callbacks, add_history=True, model=model, epochs=1, steps=steps, verbose=0)
    every.on_train_begin()
    model.reset_metrics()
    every.on_epoch_begin(0)
    loops.training.run(training, batch_sizes[0], done, every.on_train_batch_begin, every.on_train_batch_end)
    logs = dict(model.get_metrics_result())
    every.on_test_begin()
    model.reset_metrics()
    loops.validation.run(validation, batch_sizes[1], 0, every.on_test_batch_begin, every.on_test_batch_end)
    validated = model.get_metrics_result()
    every.on_test_end(validated)
    logs |= {f"val_{name}": value for name, value in validated.items()}
    every.on_epoch_end(0, logs)
    every.on_train_end(logs)
    history: dict[str, list[float]] = model.history.history
    return history


def rate(model: "keras.Sequential", samples: Samples, batch_size: int) -> float:
    """Images that a training takes in a second, by a call of half a second or of all full batches, once compiled."""
    full = len(samples[0]) // batch_size
    loop, batches = _loops_of(model).training, _batches(samples, batch_size, full)
    loop.call(batches, 0, 1)
    count, seconds = 1, loop.call(batches, 0, 1)
    while count < full and seconds < LONGEST / 2:
        count = min(2 * count, full)
        seconds = loop.call(batches, 0, count)
    return count * batch_size / seconds


class _Loops:
    """The compiled steps of a network. They live as long as it does."""

    def __init__(self, model: "keras.Sequential") -> None:
        before, after = [model.trainable_variables, model.non_trainable_variables], [model.metrics_variables]
        images = model.layers[0].images
        self.training = _Loop(model.train_step, [*before, model.optimizer.variables, *after], images)
        self.validation = _Loop(model.test_step, [*before, *after], images)


def _loops_of(model: "keras.Sequential") -> _Loops:
    if not hasattr(model, "loops"):
        model.loops = _Loops(model)
    loops: _Loops = model.loops
    return loops


class _Loop:
    """Steps of one kind. `variables` is the state of Keras's stateless step, in its order.

    A call takes the state and returns the next one, in the same memory. The images are no part of what it takes: all
    networks of a process share them.
    """

    def __init__(self, step: Callable[..., Any], variables: list[list[Any]], images: Any) -> None:
        import jax

        place = next(at for at, variable in enumerate(variables[1]) if variable is images)
        self.images = images
        self.variables = [[variable for variable in group if variable is not images] for group in variables]
        self.count = 1  # steps of the next call

        def one(state: list[list[Any]], images: Any, batch: tuple[Any, Any]) -> list[list[Any]]:
            first, fixed, *others = state
            _, after = step((first, [*fixed[:place], images, *fixed[place:]], *others), batch)
            first, fixed, *others = (list(group) for group in after)
            return [first, [*fixed[:place], *fixed[place + 1 :]], *others]

        def steps(state: Any, images: Any, positions: Any, labels: Any, start: Any, count: Any) -> Any:
            return jax.lax.fori_loop(
                start, start + count, lambda at, state: one(state, images, (positions[at], labels[at])), state
            )

        self.compiled = jax.jit(steps, donate_argnums=0)

    def run(
        self,
        samples: Samples,
        size: int,
        done: int,
        before: Callable[[int], None],
        after: Callable[[int, dict[str, float]], None],
    ) -> None:
        """All batches of `samples` from batch `done` on; the last one may be smaller, which is compiled apart."""
        full = len(samples[0]) // size
        batches = _batches(samples, size, full)
        rest = tuple(column[None, full * size :] for column in samples)
        total, step = full + bool(rest[0].size), done
        while step < total:
            before(step - done)
            if step < full:
                count = min(self.count, full - step)
                seconds = self.call(batches, step, count)
                if count == self.count:
                    self.count = _paced(count, seconds)
            else:
                count = 1
                self.call(rest, 0, count)
            step += count
            after(step - 1 - done, {})

    def call(self, batches: Any, start: int, count: int) -> float:
        """Seconds that these steps took, compilation included."""
        import jax

        began = time.perf_counter()
        state = [[variable.value for variable in group] for group in self.variables]
        after = self.compiled(state, self.images.value, *batches, np.int32(start), np.int32(count))
        for group, values in zip(self.variables, after, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        jax.block_until_ready(after)  # type: ignore[no-untyped-call]
        return time.perf_counter() - began


def _batches(samples: Samples, size: int, full: int) -> Any:
    """The full batches on the device, (full, size) each."""
    import jax

    return jax.device_put(tuple(column[: full * size].reshape(full, size) for column in samples))


def _paced(count: int, seconds: float) -> int:
    """Steps of the next call after one of `count` steps."""
    if seconds < LONGEST / 2:
        return 2 * count
    return max(count // 2, 1) if seconds > LONGEST else count
