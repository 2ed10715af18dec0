"""Where a search stands, for people: tables, a headline, and what went wrong."""

import re
from pathlib import Path

import pytest

from charrec.sweep.oracle import FAILURES, LOSSES
from charrec.sweep.table import headline, lines, markdown
from charrec.tuning.outcome import result
from tests.sweep.driving import SMALL, taken
from tests.sweep.staged import Staged
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def test_a_trial_that_was_given_up_with_its_workers_has_not_failed(tmp_path: Path) -> None:
    """In the table, in what is told, and in the result."""
    small = Staged(tmp_path / "store", SMALL)
    for _ in range(LOSSES + 1):
        small.oracle.lose(taken(small.oracle).trial, 0)
    small.fail("TrainingDiverged: the loss is not a number")
    small.finish()
    now = small.status
    assert [(row.trial, row.failed, row.lost) for row in now.troubles] == [("0000", False, True), ("0001", True, False)]
    assert (sum(rung.failed for rung in now.rungs), sum(rung.lost for rung in now.rungs)) == (1, 1)
    assert now.finished
    said = lines(now)[-2:]
    assert said[0] == "trial 0000, configuration 0, given up with its workers: lost 6 workers in a row in epoch 1"
    assert said[1].startswith("trial 0001, configuration 1, failed: TrainingDiverged")
    ended = result(small.store, small.sweep, 100).trials
    assert {row.trial: row.state for row in ended if row.val_accuracy is None} == {"0000": "LOST", "0001": "FAILED"}


def test_the_table_of_a_busy_search(busy: Staged) -> None:
    best = busy.status.best
    assert best
    network = ", ".join(f"{name} {value}" for name, value in best.values.items())
    assert (
        re.sub(r"\d+ s ago", "a while ago", "\n".join(lines(busy.status)))  # a loaded machine ages them
        == f"""\
29 of 120 epochs; 14 of 30 trials; best {best.score:.4f} (configuration {best.configuration}); about 15 min left
configuration {best.configuration}, 4 epochs: {network}

bracket  rung  epochs  trials  completed  running  waiting  failed  lost    best
      2     0     1-2      12         12        -        -       -     -  {busy.status.rungs[0].best:.4f}
      2     1     3-4       4          1        2        -       1     -  {best.score:.4f}
      2     2    5-10       2          -        -        -       -     -
      1     0     1-4       6          -        1        1       -     -
      1     1    5-10       2          -        -        -       -     -
      0     0    1-10       4          -        -        -       -     -

worker    trial  configuration  epochs  last sign
alive      0014{configuration(busy, "0014"):>15}  1 of 2  a while ago
asleep     0015{configuration(busy, "0015"):>15}  0 of 2  a while ago, lost
idle       idle                         a while ago
vanished   0016{configuration(busy, "0016"):>15}  0 of 4  none, lost

trial 0013, configuration {configuration(busy, "0013")}, failed: TrainingDiverged: the loss is not a number"""
    )


def test_the_bests_values_are_short_and_show_as_text(busy: Staged) -> None:
    best = busy.status.best
    assert best
    odd = best.model_copy(update={"values": {"rate": 0.00123456789, "head": "a|b\x1b[2J", "units": 8, "depth_2": None}})
    status = busy.status.model_copy(update={"best": odd})
    assert lines(status)[1].endswith(": rate 0.001235, head a|b [2J, units 8")
    assert "head a\\|b \\[2J, units 8" in markdown(status)


def configuration(staged: Staged, trial: str) -> int:
    return staged.oracle.records[trial].configuration


def test_the_headline_tells_how_it_ended(tmp_path: Path) -> None:
    finished, ended = Staged(tmp_path / "a", SMALL), Staged(tmp_path / "b")
    finished.finish()
    assert headline(finished.status).startswith("7 of 7 epochs; 5 of 5 trials; best 0.")
    assert headline(finished.status).endswith("; finished")
    for _ in range(FAILURES):
        ended.fail("InternalError: no GPU")
    ended.put()
    assert headline(ended.status) == (
        "10 of 120 epochs; 5 of 30 trials;"
        " ended: Number of consecutive failures exceeded the limit of 5. InternalError: no GPU"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s"),
        (119.4, "119 s"),
        (119.6, "2 min"),
        (3570, "1 h 0 min"),
        (3569, "59 min"),
        (5814, "1 h 37 min"),
        (172_700, "47 h 58 min"),
        (172_800, "2 d 0 h"),
        (1_000_000, "11 d 13 h"),
    ],
)
def test_a_duration_is_told_in_two_units(seconds: float, said: str, staged: Staged) -> None:
    told = staged.status.model_copy(update={"seconds_left": seconds})
    assert headline(told) == f"0 of 120 epochs; 0 of 30 trials; about {said} left"


def test_what_a_trial_said_is_one_short_line_that_cannot_move_the_cursor(tmp_path: Path) -> None:
    small = Staged(tmp_path / "store", SMALL)
    small.fail("ValueError:\n\tthe \x1b[31mred\x1b[0m one\r\n" + 1000 * "x")
    small.put()
    last = lines(small.status)[-1]
    assert last.startswith("trial 0000, configuration 0, failed: ValueError: the [31mred [0m one xxx")
    assert last.endswith("xxx…")
    assert last.isprintable()
    assert len(last) < 250
