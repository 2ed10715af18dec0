"""TensorFlow greets on standard error while it is imported, before its own settings count: those lines are dropped.

The filter is a process of its own: where the import ends this one, as on a CPU without AVX, the reason is still shown.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

GREETINGS = (
    "All log messages before absl::InitializeLog() is called are written to STDERR",
    "oneDNN custom operations are on. You may see slightly different numerical results",
)
FILTER = """
import sys
for line in sys.stdin.buffer:
    if not any(word.encode() in line for word in sys.argv[1:]):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
"""
LAST_LINES = 10.0  # seconds for the filter to pass on what it has


def drop_greetings() -> None:
    """Whenever this process imports TensorFlow, and only then: without its greetings."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # warnings and greetings after the import
    if "tensorflow" not in sys.modules and not any(isinstance(one, _TensorFlow) for one in sys.meta_path):
        sys.meta_path.insert(0, _TensorFlow())


class _TensorFlow(MetaPathFinder):
    """Finds TensorFlow where it is, and executes it within the filter."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.loader:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: self._filtered(execute, module)  # type: ignore[method-assign]
        return spec

    def _filtered(self, execute: Callable[[ModuleType], None], module: ModuleType) -> None:
        sys.meta_path.remove(self)
        with without(GREETINGS):
            execute(module)


@contextmanager
def without(texts: Sequence[str]) -> Iterator[None]:
    """Lines with one of these texts do not reach standard error, whoever writes them in this process."""
    try:
        before = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    words = [sys.executable, "-I", "-S", "-c", FILTER, *texts]
    # A session of its own, since Ctrl-C is not meant for it; it ends with the pipe's last writer.
    passing = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=before, start_new_session=True)
    assert passing.stdin
    os.dup2(passing.stdin.fileno(), 2)
    try:
        yield
    finally:
        if sys.stderr:
            sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)
        passing.stdin.close()
        with suppress(subprocess.TimeoutExpired):  # a process that was started meanwhile still writes to it
            passing.wait(LAST_LINES)
