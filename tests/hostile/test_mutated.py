"""Thousands of damaged inputs at every door: read like a whole one, or refused with one of charrec's own errors.

`make test-long` tries 10,000 of each kind; `python -m tests.hostile.campaign` does so too and prints a table. Weights,
which need Keras, are in test_weights.py.
"""

import gc
from pathlib import Path

import pytest

from charrec.errors import InputError
from tests.hostile import archives, documents
from tests.hostile.door import MIB, Door, case, tried
from tests.hostile.doors import doors, share
from tests.hostile.mutators import mutated_bytes
from tests.thorough import often

SAMPLE = {
    "archive": 120,
    "image": 110,
    "table": 40,
    "array": 40,
    "document": 190,
}  # seconds of CPU


@pytest.mark.parametrize("door", [pytest.param(door, id=door.name) for door in doors() if door.kind != "weights"])
def test_every_input_is_read_or_refused_in_bounded_memory(door: Door, seed: int, tmp_path: Path) -> None:
    found = tried(door, seed, range(share(door, often(SAMPLE[door.kind], 10_000))), tmp_path)
    assert not found.failures, "\n\n".join(found.failures[:5])
    assert found.cases < 100 or set(found.ends) - {"accepted"}, "nothing was refused: the mutator does nothing"


# The harness itself: it sees what it is there to see


def broken(error: Exception | None = None, memory: int = 0) -> Door:
    """A door that fails for every input but its sample."""

    def read(data: bytes, _folder: Path) -> None:
        if data != b"sample" * 9:
            bytearray(memory)[::4096] = b"x" * -(-memory // 4096)
            if error:
                raise error

    return Door("broken", "document", lambda: b"sample" * 9, read, mutated_bytes, memory=16 * MIB)


@pytest.mark.parametrize(
    ("error", "memory", "told"),
    [
        (KeyError("weights"), 0, "KeyError: 'weights'"),
        (RecursionError("too deep"), 0, "RecursionError: too deep"),
        (InputError("a", "", "c"), 0, "says not all of found, expected, remedy"),
        (InputError("a" * 5000, "b", "c"), 0, "says 5,0"),
        (InputError("\udcff", "b", "c"), 0, "cannot be printed"),
        (None, 256 * MIB, "MiB; expected 16 at most"),
    ],
)
def test_a_raw_exception_a_poor_error_and_too_much_memory_are_defects(
    error: Exception | None, memory: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.hostile.door.KEPT", tmp_path / "kept")
    gc.collect()  # or the garbage of earlier tests goes in the middle, and makes room
    (failure,) = tried(broken(error, memory), 1, [3], tmp_path).failures
    assert told in failure
    assert failure.endswith('python -m tests.hostile.campaign --door "broken" --seed 1 --case 3')
    assert (tmp_path / "kept" / "broken-1-3").read_bytes() == case(broken(), 1, 3)


def test_a_case_is_repeated_by_its_seed_and_number() -> None:
    for door in (archives.DOORS[0], documents.DOORS[0]):
        assert case(door, 5, 7) == case(door, 5, 7) != case(door, 5, 8)
