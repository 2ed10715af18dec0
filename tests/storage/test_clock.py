"""The time of a server, from replies that tell whole seconds."""

from types import SimpleNamespace

import pytest

from charrec.storage import clock
from charrec.storage.clock import Clock

EIGHT = "Sat, 28 Nov 2026 08:00:00 GMT"
AT_EIGHT = 1795852800.0


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """This process's clock, which starts anywhere."""
    own = SimpleNamespace(seconds=5e5)
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: own.seconds))
    return own


def test_a_server_that_has_not_answered_tells_no_time(own: SimpleNamespace) -> None:
    assert Clock().now() is None


def test_between_two_replies_this_processs_own_seconds_count(own: SimpleNamespace) -> None:
    there = Clock()
    there.heard(EIGHT)
    own.seconds += 12.5
    assert there.now() == AT_EIGHT + 12.5


def test_a_reply_within_the_second_that_was_expected_changes_nothing(own: SimpleNamespace) -> None:
    there = Clock()
    there.heard(EIGHT)
    own.seconds += 0.7
    there.heard(EIGHT)  # the server cuts fractions off
    assert there.now() == AT_EIGHT + 0.7


@pytest.mark.parametrize(
    ("date", "seconds"), [("Sat, 28 Nov 2026 09:00:00 GMT", 3600), ("Sat, 28 Nov 2026 07:00:00 GMT", -3600)]
)
def test_a_clock_that_jumps_is_followed(own: SimpleNamespace, date: str, seconds: int) -> None:
    there = Clock()
    there.heard(EIGHT)
    there.heard(date)
    now = there.now()
    assert now is not None
    assert AT_EIGHT + seconds <= now <= AT_EIGHT + seconds + 1
