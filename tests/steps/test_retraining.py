"""What a retraining was decided on before, and what is new to it."""

from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.machine.provenance import this_machine
from charrec.memo.outcome import Outcome, Provenance
from charrec.results import Manifest, PackResult, Stored
from charrec.serving import champion
from charrec.steps import retraining
from charrec.storage import Store, open_store
from tests.report.sample_result import tiny_result
from tests.serving.test_champion import network

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def test_with_the_same_data_a_champion_was_decided_on_before(store: Store) -> None:
    candidate = network(store, "a")
    assert retraining.decided(candidate, store) is None
    champion.promote(store, candidate, "There was no champion.", None)
    assert retraining.decided(candidate, store) == "its network was champion 1"


@pytest.mark.parametrize("role", ["letters", "digits"])
def test_new_letters_or_digits_are_not_what_was_decided_on(store: Store, role: str) -> None:
    """No network was trained on them, so the study's trainings are the same; the gate reads them."""
    candidate = network(store, "a")
    champion.promote(store, candidate, "There was no champion.", None)
    renewed = candidate.model_copy(update={role: f"{role}/fedcba9876543210"})
    assert renewed.identity == candidate.identity
    assert retraining.decided(renewed, store) is None


def packed(digest: str) -> Outcome[PackResult]:
    counts = dict.fromkeys(("images", "size", "classes", "fonts", "groups", "distinct", "unavoidable"), 1)
    manifest = Manifest(digest=digest, source="", version="", licence="", **counts)
    value = PackResult(manifest=manifest, file=Stored(key="a/glyphs.parquet", sha256="0" * 64))
    provenance = Provenance(started="2026-11-27T00:00:00+00:00", seconds=0, machine=this_machine(), code="")
    return Outcome(key="a", value=value, provenance=provenance)


@pytest.mark.parametrize("role", ["glyphs", "letters", "digits"])
def test_data_that_changed_in_the_middle_of_a_retraining_are_refused(store: Store, role: str) -> None:
    result = tiny_result()
    store.put("reports/1/study.json", result.model_dump_json().encode())
    data = result.data
    sets = {"glyphs": packed(data.digest), "letters": packed(data.letters_digest), "digits": packed(data.digits_digest)}
    assert retraining.challenger("reports/1/report.html", sets, store).letters == "a"
    sets[role] = packed("f" * 64)
    with pytest.raises(InputError, match=f"{role} {'.' * 12} in the study, {'f' * 12} before it; expected one version"):
        retraining.challenger("reports/1/report.html", sets, store)
