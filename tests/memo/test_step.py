"""A step: computed once, recalled after that, under a key made of its values and its code."""

import re
from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.machine.provenance import commit, this_machine
from charrec.memo.step import Bench, declared
from charrec.storage import open_store
from charrec.study import Runtime
from tests.tasks.doubling import DOUBLING, Given, Value

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(open_store(str(tmp_path / "store")), tmp_path / "cache")


def test_a_step_is_computed_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Given(number=4)
    assert DOUBLING.recall(given, bench.store) is None
    first, second = (DOUBLING.run(given, bench) for _ in range(2))
    assert (first.cached, second.cached) == (False, True)
    assert first.model_copy(update={"cached": True}) == second == DOUBLING.recall(given, bench.store)
    assert second.value == Value(number=8)


def test_other_values_are_another_step(bench: Bench) -> None:
    assert [DOUBLING.run(Given(number=n), bench).value.number for n in (1, 2)] == [2, 4]


def test_a_failed_step_leaves_nothing_and_can_be_tried_again(bench: Bench) -> None:
    for _ in range(2):
        with pytest.raises(InputError):
            DOUBLING.run(Given(number=13), bench)
        assert bench.store.list() == []


def test_a_key_is_the_prefix_and_an_identity(bench: Bench) -> None:
    assert re.fullmatch(r"doubles/[0-9a-f]{16}", DOUBLING.key(Given(number=4)))
    assert DOUBLING.label(Given(number=4)) == "double 4"


def test_a_step_is_found_by_its_module() -> None:
    assert declared(DOUBLING.module) is DOUBLING
    assert DOUBLING.name == "doubling"


def test_the_outcome_names_time_machine_and_code(bench: Bench) -> None:
    made = DOUBLING.run(Given(number=4), bench).provenance
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", made.started)
    assert made.seconds >= 0
    assert made.machine == this_machine()
    assert made.code == commit()


def test_a_bench_has_the_store_and_the_cache_of_a_runtime(tmp_path: Path) -> None:
    bench = Bench.of(Runtime(store=str(tmp_path / "store"), cache=tmp_path / "cache"))
    assert (bench.store.url, bench.cache) == ((tmp_path / "store").as_uri(), tmp_path / "cache")
    with pytest.raises(InputError, match="no whole outcome under 'doubles/0'"):
        bench.outcome("doubles/0", Value)
