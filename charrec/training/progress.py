"""A progress bar for trainings in a terminal; elsewhere the log suffices."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def bar(title: str, epoch: int, epochs: int) -> "keras.callbacks.Callback | None":
    """A Keras callback that draws one epoch's progress bar; None if stderr is not a terminal."""
    if not sys.stderr.isatty():
        return None
    import keras
    from tqdm import tqdm

    class Bar(keras.callbacks.Callback):
        def on_train_begin(self, logs: object = None) -> None:
            self.tqdm = tqdm(total=self.params["steps"], desc=f"{title} {epoch}/{epochs}", unit="step", leave=False)

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            self.tqdm.update(batch + 1 - self.tqdm.n)  # a call on JAX is many steps

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            self.tqdm.close()

    return Bar()
