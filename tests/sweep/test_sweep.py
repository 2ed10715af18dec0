"""A whole search, tiny: it can be killed, one of its networks diverges, and the ranking is the same."""

import errno
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from charrec.results import SearchResult
from charrec.storage import Store, open_store
from charrec.study import Search
from charrec.sweep.blame import MachineAtFault
from charrec.sweep.document import Document, parsed
from charrec.sweep.retry import reopen
from charrec.sweep.trial import trial_seed
from charrec.sweep.worker import Ended
from charrec.training.checkpoints import read_progress
from charrec.training.recipe import Arrays
from charrec.tuning.convnets import subset
from charrec.tuning.space import SPACE
from charrec.tuning.work import work
from tests.small_disk import small_disk
from tests.thorough import some
from tests.toy import (
    DOOMED,
    ON_JAX_TRIALS,
    SWEEP,
    WARNINGS,
    OnJax,
    doom,
    history,
    kill_in_the_middle,
    search,
    search_arrays,
)

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

NAMED = {"seconds": True, "trials": {"__all__": {"seconds"}}}  # not timeless, but names of trials count
Searched = tuple[Store, SearchResult]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    store = open_store(str(tmp_path_factory.mktemp("undisturbed")))
    return store, search(store)


def histories(store: Store, result: SearchResult) -> dict[int, list[dict[str, float]]]:
    numbers = sorted({row.configuration for row in result.trials})
    return {number: history(read_progress(store, f"sweep/configuration-{number:03d}")) for number in numbers}


def timeless(result: SearchResult) -> dict[str, Any]:
    """All but names of trials, which are given in the order of their start, and seconds."""
    return result.model_dump(exclude={"seconds": True, "trials": {"__all__": {"trial", "seconds"}}})  # type: ignore[arg-type]


def document(store: Store) -> Document:
    return parsed(store.get(SWEEP.oracle), store.url)


def test_a_search_has_the_trials_of_its_brackets(undisturbed: Searched) -> None:
    trials = sorted(undisturbed[1].trials, key=lambda row: row.trial)
    assert [(row.bracket, row.rung, row.epochs) for row in trials] == [
        (1, 0, 1),
        (1, 0, 1),
        (1, 1, 2),
        (0, 0, 2),
        (0, 0, 2),
    ]
    assert len({row.configuration for row in trials}) == 4
    assert undisturbed[1].epochs == 1 + 1 + 1 + 2 + 2
    assert undisturbed[1].images == len(search_arrays().training)
    assert undisturbed[1].space == SPACE


def test_trials_are_ranked_and_the_first_is_chosen(undisturbed: Searched) -> None:
    result = undisturbed[1]
    scores = [row.val_accuracy for row in result.trials if row.val_accuracy is not None]
    assert scores == sorted(scores, reverse=True)
    assert result.chosen == result.trials[0].network
    assert result.seconds == pytest.approx(sum(row.seconds for row in result.trials))


def test_a_score_is_the_best_epoch_of_its_stored_history(undisturbed: Searched) -> None:
    found = histories(*undisturbed)
    for row in undisturbed[1].trials:
        if row.state == "COMPLETED":
            epochs = found[row.configuration][: row.epochs]
            assert len(epochs) == row.epochs
            assert row.val_accuracy == max(epoch["val_accuracy"] for epoch in epochs)


def test_a_promoted_trial_goes_on_with_the_training_of_its_configuration(undisturbed: Searched) -> None:
    (promoted,) = [row for row in undisturbed[1].trials if row.rung == 1]
    (parent,) = [row for row in undisturbed[1].trials if row.configuration == promoted.configuration and row.rung == 0]
    assert promoted.network == parent.network
    assert [epoch["epoch"] for epoch in histories(*undisturbed)[promoted.configuration]] == [1, 2]
    rest = [row for row in undisturbed[1].trials if row.bracket == 1 and row.rung == 0]
    assert parent.val_accuracy == max(row.val_accuracy or 0 for row in rest)


def test_a_network_that_diverges_has_failed_with_its_words_and_the_others_go_on(undisturbed: Searched) -> None:
    store, result = undisturbed
    (failed,) = [row for row in result.trials if row.network["units"] == DOOMED]
    assert (failed.state, failed.val_accuracy) == ("FAILED", None)
    assert failed == result.trials[-1]
    assert {row.state for row in result.trials[:-1]} == {"COMPLETED"}
    assert failed.trial < max(row.trial for row in result.trials)  # others came after it
    assert b"loss nan, validation loss nan in epoch 2" in store.get("sweep/oracle.json")
    assert len(histories(store, result)[failed.configuration]) == 1


def test_a_failure_is_believed_from_two_workers_even_where_there_is_only_one_machine(undisturbed: Searched) -> None:
    trials = document(undisturbed[0]).trials
    for row in undisturbed[1].trials:
        workers = {failure.worker for failure in trials[row.trial].failures}
        assert len(workers) == (2 if row.state == "FAILED" else 0)


def test_a_finished_search_is_not_done_again(undisturbed: Searched) -> None:
    store, result = undisturbed
    before = store.list()
    assert search(store, lambda *_: pytest.fail("nothing is left to train")) == result
    assert [entry[:3] for entry in store.list()] == [entry[:3] for entry in before]


@pytest.mark.long
def test_a_search_killed_in_the_middle_ends_as_one_that_was_not(undisturbed: Searched, tmp_path: Path) -> None:
    """One worker, once; test_chaos.py kills several, in `make test` too."""
    kill_in_the_middle("search", str(tmp_path))
    store = open_store(str(tmp_path))
    assert b'"status":"RUNNING"' in store.get("sweep/oracle.json")
    result = search(store)
    assert result.model_dump(exclude=NAMED) == undisturbed[1].model_dump(exclude=NAMED)  # type: ignore[arg-type]
    assert histories(store, result) == histories(*undisturbed)


def test_failed_trials_are_tried_anew_and_nothing_else_is_trained_again(undisturbed: Searched, tmp_path: Path) -> None:
    shutil.copytree(Path(unquote(urlsplit(undisturbed[0].url).path)), tmp_path / "copy")
    store = open_store(str(tmp_path / "copy"))
    (failed,) = [row for row in undisturbed[1].trials if row.state == "FAILED"]
    assert reopen(store, SWEEP) == 1
    begun = []
    healed = search(store, lambda _title, epoch, _epochs: begun.append(epoch))
    assert begun == [2]  # the failed trial's; its first was stored
    assert {row.state for row in healed.trials} == {"COMPLETED"}
    assert len(histories(store, healed)[failed.configuration]) == failed.epochs == 2


class FullStore:
    """A store without room for another checkpoint."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def upload(self, path: Path, key: str) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", key)


def broken(arrays: Arrays) -> Arrays:
    """What a machine makes of them whose memory or GPU is damaged: no network learns it."""
    return replace(arrays, labels=arrays.labels + 1000)


def fails(store: Store, said: str, images: Arrays | None = None) -> None:
    """A worker takes trials on a broken machine; it ends, and the search has no failure."""
    before = document(store).ended if store.exists(SWEEP.oracle) else []
    with pytest.raises(MachineAtFault, match=said) as raised:
        work(store, SWEEP, images or search_arrays())
    assert "\n" not in str(raised.value)
    after = document(store)
    assert after.ended == before
    assert not after.leases
    assert not any(record.failures or record.losses for record in after.trials.values())


def full(store: Store) -> None:
    fails(FullStore(store), "OSError: .Errno 28. No space left on device: 'sweep/configuration")  # type: ignore[arg-type]


def without_a_temporary_folder(store: Store) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", "/nowhere")
        fails(store, "FileNotFoundError: .Errno 2. No such file or directory: '/nowhere")


def learns_nothing(store: Store) -> None:
    """Its word stands against nobody's; later it cannot repeat what another has completed."""
    first = not document(store).ended if store.exists(SWEEP.oracle) else True
    why = "completed no trial, nor has any other, and failed at trial 0" if first else "ended with InvalidArgumentError"
    fails(store, why, broken(search_arrays()))


@pytest.mark.parametrize("broken_machine", some([full, without_a_temporary_folder, learns_nothing], 1))
def test_a_broken_machine_blames_itself_and_no_trial(broken_machine: Callable[[Store], None], tmp_path: Path) -> None:
    broken_machine(open_store(str(tmp_path)))


# A machine that is the first at work, and one that comes when a trial is completed
BROKEN = [(full, learns_nothing), (learns_nothing, without_a_temporary_folder)]


@pytest.mark.long
@pytest.mark.parametrize(("first", "later"), BROKEN)
def test_machines_that_are_broken_change_nothing_of_a_search(
    first: Callable[[Store], None], later: Callable[[Store], None], undisturbed: Searched, tmp_path: Path
) -> None:
    """A whole search, which other machines finish."""
    store = open_store(str(tmp_path))
    first(store)
    ended: list[Ended] = []

    def completed() -> bool:
        return any(one.how == "completed" for one in ended)

    assert work(store, SWEEP, search_arrays(), doom, completed, trial=lambda _, run: ended.append(run())) == "stopped"
    later(store)
    found = search(store)
    assert timeless(found) == timeless(undisturbed[1])
    assert histories(store, found) == histories(*undisturbed)


@pytest.mark.long
def test_a_disk_that_was_full_changes_nothing_of_a_search(undisturbed: Searched, tmp_path: Path) -> None:
    """A real one, enlarged twice; `make test` has its first half (test_full_disk.py)."""
    with small_disk(tmp_path / "disk", "64k") as disk:
        store = open_store(str(disk.path / "store"))
        for size, completed in (("64k", 0), ("1200k", 1)):
            disk.enlarge(size)
            for _ in range(2):
                with pytest.raises(MachineAtFault, match="No space left on device"):
                    work(store, SWEEP, search_arrays(), doom)
                left = document(store)
                assert (len(left.ended), len(left.waiting), left.leases) == (completed, 1, {})
                assert not any(record.failures or record.losses for record in left.trials.values())
        disk.enlarge("8m")
        found = search(store)
        assert found.model_dump(exclude=NAMED) == undisturbed[1].model_dump(exclude=NAMED)  # type: ignore[arg-type]
        assert histories(store, found) == histories(*undisturbed)


@pytest.mark.parametrize(("asked", "given"), [(None, 160), (160, 160), (1000, 160), (40, 40)])
def test_a_search_trains_on_as_many_images_as_it_asks_for(asked: int | None, given: int) -> None:
    arrays = search_arrays()
    chosen = subset(arrays, Search(images=asked), seed=1)
    assert len(set(chosen.training.tolist())) == given
    assert set(chosen.training) <= set(arrays.training)
    assert np.array_equal(chosen.validation, arrays.validation)
    assert np.array_equal(subset(arrays, Search(images=asked), seed=1).training, chosen.training)


def test_every_configuration_has_a_seed_of_its_own(arrays: Arrays) -> None:
    seeds = {trial_seed(seed, number) for seed in (0, 1, 123) for number in range(30)}
    assert len(seeds) == 90
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert not seeds & {0, 1, 123}


@pytest.mark.long
def test_a_search_runs_on_jax(on_jax: OnJax, on_jax_folder: Path) -> None:
    assert on_jax.backend == "jax" and on_jax.search
    trials = on_jax.search.trials
    assert [row.state for row in trials] == ["COMPLETED"] * ON_JAX_TRIALS
    for row in trials:
        stored = read_progress(open_store(str(on_jax_folder)), SWEEP.training(row.configuration))
        assert row.epochs == len(stored.epochs) == ON_JAX_TRIALS
