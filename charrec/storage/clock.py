"""A server's clock, by the whole seconds that its replies tell, and this process's own seconds between two replies."""

import time
from email.utils import parsedate_to_datetime


class Clock:
    """Seconds since 1970 there, at most a second and a reply's way behind; it follows a clock that jumps."""

    def __init__(self) -> None:
        self._ahead: float | None = None  # of this process's monotonic clock

    def heard(self, date: str) -> None:
        """A reply that has just come says this, as HTTP does."""
        least = parsedate_to_datetime(date).timestamp() - time.monotonic()
        self._ahead = least if self._ahead is None else min(max(self._ahead, least), least + 1)

    def now(self) -> float | None:
        """None before the first reply."""
        return None if self._ahead is None else time.monotonic() + self._ahead
