"""A pickle that would write a file."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest


class Payload:
    """Unpickled, it makes the file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.file,)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """That must never be there."""
    return tmp_path / "executed"


@pytest.fixture
def planted(file: Path) -> bytes:
    """The pickle, which has been seen to act."""
    payload = pickle.dumps(Payload(file))
    pickle.loads(payload)
    assert file.exists()
    file.unlink()
    return payload
