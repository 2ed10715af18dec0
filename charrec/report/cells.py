"""The parts of a table or a dot plot on the page."""

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from charrec.report import words
from charrec.report.language import local


@dataclass(frozen=True)
class Cell:
    text: str
    sort: float | str | None = None  # sort key for a click on the column's heading
    note: str = ""  # in small print below
    kind: str = "num"  # num, text, ch (a character), wrong, mono
    title: str = ""


def left(text: str, kind: str = "text", **more: Any) -> Cell:
    """Words, which begin at the column's left edge."""
    return Cell(text, kind=kind, **more)


def apart(difference: float, low: float, high: float, more: str = "") -> Cell:
    """A difference of shares with its 95 % interval; bold where the interval does not contain 0."""
    note = f"({words.points_between(low, high)})" + (f"\n{more}" if more else "")
    return Cell(words.points(difference), note=note, kind="num sure" if low > 0 or high < 0 else "num")


@dataclass(frozen=True)
class Table:
    head: list[str]
    rows: list[list[Cell]]  # the first cell of a row is its heading
    sortable: bool = False
    data: list[dict[str, str]] | None = None  # of each row: attributes that the page's script reads


@dataclass(frozen=True)
class Mark:
    """`kind` (dot, ring, diamond, bar, zero) at `left` percent of a track, `width` percent wide."""

    kind: str
    left: float
    width: float = 0.0
    title: str = ""


@dataclass(frozen=True)
class Scale:
    """A range of shares, or of their differences, mapped to 0 to 100 percent of a track."""

    low: float
    high: float
    step: float

    @classmethod
    def around(cls, values: list[float], least: float = 0.0) -> "Scale":
        """The narrowest round range around the values with about five ticks, within [least, 1]."""
        low, high = min(values), max(values)
        steps = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
        step = next((s for s in steps if (high - low) / s <= 5), 0.2)
        down, up = floor((low - step / 4) / step) * step, ceil((high + step / 4) / step) * step
        return cls(max(least, round(down, 6)), min(1.0, round(up, 6)), step)

    def at(self, value: float) -> float:
        return round(100 * (value - self.low) / (self.high - self.low), 3)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        steps = round((self.high - self.low) / self.step)
        values = [self.low + k * self.step for k in range(steps + 1)]
        labels = [(v, local(f"{100 * v:.10g}".replace("-", "\u2212"))) for v in (round(v, 6) for v in values)]
        return [(self.at(v), label) for v, label in labels if v <= self.high]
