"""One batch at the first values of `hp`, trained and forgotten before a search begins: a mistake is its script's here.

In a trial it would look like a machine that cannot train, until others have completed one.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from charrec.errors import InputError
from charrec.sweep import callbacks, examples
from charrec.sweep.blame import described, in_a_line, is_the_machines, out_of_memory
from charrec.sweep.builder import at_point
from charrec.sweep.fitting import Fitting, require_reported
from charrec.sweep.objective import Objective

log = logging.getLogger(__name__)


def rehearse(fitting: Fitting) -> None:
    """Raises InputError where `fit` cannot train a batch, reports no objective, or callbacks cannot be kept.

    A machine's error is left to the trials, which know what to do with it.
    """
    values = fitting.builder.first_values
    try:
        with at_point(values):
            try:
                _one_batch(fitting)
            except Exception as error:
                if is_the_machines(error) or out_of_memory(error):  # InputError is the machine's
                    raise
                raise InputError(
                    f"`fit` ends with {in_a_line(described(error))}",
                    "a model that trains on a batch of its examples",
                    "Correct the builder or the arguments of `fit`; nothing is stored yet.",
                ) from error
    except InputError:
        raise
    except Exception as error:
        log.warning("one batch could not be trained before the search: %s", in_a_line(described(error)))
    finally:
        fitting.forget()


def _one_batch(fitting: Fitting) -> None:
    model, fit = fitting.built(fitting.builder.first_values, 0)
    theirs = callbacks.copied(fit["callbacks"])
    steps = model.steps_per_execution if isinstance(model.steps_per_execution, int) else 1
    given = examples.of_epoch(fit, 0, 1) | {"verbose": 0, "steps_per_epoch": steps}
    if given.get("validation_data") is not None:
        given["validation_steps"] = steps
    model.fit(**given | {"callbacks": [_reported(fitting.objective, theirs), *theirs]})
    callbacks.states(theirs)


def _reported(objective: Objective, theirs: Sequence[Any]) -> keras.callbacks.Callback:
    """The first of all callbacks: asks whether what `fit` reports is what the search and the others look at."""

    class Reported(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            names = [*(logs or {})]
            require_reported(objective, names)
            callbacks.require_monitored(theirs, names)

    return Reported()
