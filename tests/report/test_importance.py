"""Which hyperparameter mattered, from the table of trials alone."""

import io

import numpy as np
import pandas as pd
import pytest
import sample_result as sample

from charrec.report import tables
from charrec.report.importance import importances
from charrec.report.search_sentences import importance_story

SPACE = {"units": (256.0, 320.0, 384.0, 448.0, 512.0), "dropout": (0.3, 0.4, 0.6, 0.7), "filters": (16.0, 32.0)}


def trials(count: int = 24, effect: float = 0.02) -> pd.DataFrame:
    """First trials of two brackets; dropout lowers the accuracy by `effect`, nothing else matters."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame({name: rng.choice(values, count) for name, values in SPACE.items()})
    table["rung"], table["bracket"] = 0, np.arange(count) % 2
    noise = rng.normal(0, 0.003, count)
    table["val_accuracy"] = 0.85 + 0.04 * table["bracket"] - effect * (table["dropout"] > 0.5) + noise
    return table


def test_the_effect_that_was_put_in_comes_first_and_is_clear() -> None:
    first, *others = importances(trials(), SPACE, 0)
    assert first.name == "dropout" and first.halves.less == (0.3, 0.4) and first.halves.of == (0.6, 0.7)
    assert first.halves.low is not None and first.halves.high is not None
    assert first.halves.low < -0.02 < first.halves.high < 0 and first.halves.clear
    assert all(abs(one.halves.effect) < 0.01 for one in others)


def test_without_an_effect_no_interval_leaves_zero_out() -> None:
    found = importances(trials(effect=0.0), SPACE, 0)
    assert not any(one.halves.clear or (one.middle and one.middle.clear) for one in found)
    assert "No interval leaves zero out" in importance_story([(one, None) for one in found])


def test_the_middle_of_an_odd_number_of_values_is_in_neither_half() -> None:
    units = next(one for one in importances(trials(), SPACE, 0) if one.name == "units")
    assert units.halves.less == (256.0, 320.0) and units.halves.of == (448.0, 512.0)
    assert [value.value for value in units.values] == list(SPACE["units"])


@pytest.mark.parametrize(
    ("rates", "best"), [((0.0003, 0.001, 0.003), (0.001,)), ((0.0001, 0.0003, 0.001, 0.003), (0.0003, 0.001))]
)
def test_what_is_good_in_the_middle_is_seen(rates: tuple[float, ...], best: tuple[float, ...]) -> None:
    """Where the halves are equal."""
    table = trials(30, effect=0.0)
    table["learning_rate"] = np.resize(rates, 30)
    table["val_accuracy"] += 0.1 * table["learning_rate"].isin(best)
    found = importances(table, {"learning_rate": rates, "filters": SPACE["filters"]}, 0)
    rate, filters = sorted(found, key=lambda one: one.name, reverse=True)
    assert not rate.halves.clear and filters.middle is None  # which has two values
    assert rate.middle is not None and rate.middle.of == best and rate.middle.clear
    assert rate.middle.low is not None and rate.middle.low < 0.1 < rate.middle.effect + 0.02
    story = importance_story([(one, None) for one in found])
    assert "In the middle of its values" in story and "does not tell which" not in story


def test_later_and_failed_trials_do_not_count() -> None:
    table = trials()
    later = table.assign(rung=1, val_accuracy=table["val_accuracy"] + table["filters"])
    failed = table.assign(val_accuracy=float("nan"))
    assert importances(pd.concat([table, later, failed]), SPACE, 0) == importances(table, SPACE, 0)


def test_a_network_that_learned_nothing_does_not_decide() -> None:
    table = trials()
    broken = table.copy()
    broken.loc[4, ["val_accuracy", "filters"]] = 1 / 62, 32.0
    clipped = {one.name: one.halves.effect for one in importances(broken, SPACE, 0)}
    assert abs(clipped["filters"]) < 0.02  # 0.07 unclipped
    assert max(clipped, key=lambda name: abs(clipped[name])) == "dropout"


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_configurations_tell_nothing(count: int) -> None:
    assert importances(trials().head(count), SPACE, 0) == []


def test_two_configurations_have_an_effect_and_no_interval() -> None:
    table = trials(4).assign(bracket=0, units=[256.0, 512.0, 384.0, 384.0])
    units = next(one for one in importances(table, SPACE, 0) if one.name == "units")
    assert units.halves.low is None and units.halves.high is None and not units.halves.clear


def test_it_repeats_from_the_file_of_trials() -> None:
    result = sample.study_result()
    file = io.StringIO(tables.trials(result).to_csv(index=False))
    again = importances(pd.read_csv(file), result.search.space, result.study.seed)
    written = tables.importance(result)
    assert written["hyperparameter"].tolist() == [one.name for one in again]
    assert written["effect"].tolist() == pytest.approx([one.halves.effect for one in again], abs=1e-12)
    assert written["effect_low"].tolist() == pytest.approx([one.halves.low for one in again], abs=1e-12)
