"""What Keras and TensorFlow import only because it is installed: it stays out, 2 s of CPU in each process.

Each of these modules goes on without, by an `except ImportError` of its own, and has no setting for it. So they alone
are told that it is not there; everybody else finds it.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

UNNEEDED = {  # module -> what it looks for
    "keras.src.callbacks.orbax_checkpoint": ("jax",),  # to mend old versions of it
    "keras.src.visualization.plot_bounding_box_gallery": ("matplotlib",),
    "keras.src.visualization.plot_image_gallery": ("matplotlib",),
    "keras.src.wrappers.fixes": ("sklearn",),  # to train networks as scikit-learn's estimators
    "keras.src.wrappers.sklearn_wrapper": ("sklearn",),
    "keras_tuner.src.tuners.bayesian": ("scipy", "sklearn"),  # another oracle than the study's
    "keras_tuner.src.tuners.sklearn_tuner": ("sklearn",),  # to tune scikit-learn's estimators
    "tensorflow.lite.python.util": ("jax",),  # to convert networks of JAX
    "tensorflow.python.keras.engine.training_arrays_v1": ("scipy",),  # an older Keras, for sparse arrays
    "tensorflow.python.keras.engine.training_v1": ("scipy",),
}


def leave_out_unneeded() -> None:
    """Whenever this process imports one of these modules: without what it looks for, unless that is imported before."""
    if not any(isinstance(one, _Unneeded) for one in sys.meta_path):
        sys.meta_path.insert(0, _Unneeded())


class _Unneeded(MetaPathFinder):
    """Finds each of these modules where it is, and not what it looks for while it is executed."""

    def __init__(self) -> None:
        self._thread = threading.local()  # other threads find everything

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self._hidden:
            raise ModuleNotFoundError(f"{fullname} is not needed here", name=fullname)
        if fullname not in UNNEEDED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.loader:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: self._executed(execute, module)  # type: ignore[method-assign]
        return spec

    @property
    def _hidden(self) -> tuple[str, ...]:
        return getattr(self._thread, "hidden", ())

    def _executed(self, execute: Callable[[ModuleType], None], module: ModuleType) -> None:
        with self._hiding(UNNEEDED[module.__name__]):
            execute(module)

    @contextmanager
    def _hiding(self, names: tuple[str, ...]) -> Iterator[None]:
        """Nested, the innermost counts: whoever else imports something meanwhile may need it."""
        before = self._hidden
        self._thread.hidden = names
        try:
            yield
        finally:
            self._thread.hidden = before
