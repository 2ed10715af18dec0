"""Numbers and characters as a person reads them."""

import math
from datetime import datetime

from charrec.results import Rate

NBSP = "\u00a0"
DASH = "\u2013"
NONE = "\u2014"

TITLES = {"model_1": "Model 1", "model_2": "Model 2", "model_3": "Model 3", "model_4": "Model 4", "model_5": "Model 5"}
SUBTITLES = {
    "model_1": "three convolutions, one hidden layer",
    "model_2": "model 1 with augmentation and dropout",
    "model_3": "wider, overlapping pools",
    "model_4": "sized by the search",
    "model_5": "this project’s own, after the deck: residual, trained on warped glyphs at 32 px",
}
METHODS = {"raw": "original", "prepared": "prepared", "reference": "the reference’s way"}
SETS = {"letters": "Letters", "digits": "Digits"}
TEXTS = {"years": "Years, 1900\u20132099", "months": "Months, JAN\u2013DEC", "words": "Five capitals"}
HYPERPARAMETERS = {
    "filters_hp_1": "filters of the first convolution",
    "filters_hp_2": "of the second",
    "filters_hp_3": "of the third",
    "dropout": "the share of activations left out in training",
    "units": "the width of the hidden layer",
    "learning_rate": "Adam’s step size",
}


def title(model: str) -> str:
    return TITLES.get(model, model)


def percent(share: float | None, decimals: int = 2) -> str:
    """0.9091 -> "90.91 %", with a space that does not break."""
    if share is None or math.isnan(share):
        return NONE
    return f"{100 * share:.{decimals}f}{NBSP}%"


def interval(rate: Rate) -> str:
    """The 95 % interval in percent: "90.4-91.4" with an en dash."""
    return f"{100 * rate.low:.1f}{DASH}{100 * rate.high:.1f}"


def rate(value: Rate | None) -> str:
    """Rate -> "90.91 % (90.4-91.4)"."""
    return NONE if value is None else f"{percent(value.value)} ({interval(value)})"


def points(difference: float) -> str:
    """A difference of shares in percentage points, signed: "+0.23 points"."""
    sign = "\u2212" if difference < 0 else "+"
    return f"{sign}{abs(100 * difference):.2f}{NBSP}points"


def points_between(low: float, high: float) -> str:
    """An interval of a difference of shares, in percentage points: "-0.12 to +0.45"."""
    return " to ".join(points(end).partition(NBSP)[0] for end in (low, high))


def some(values: tuple[float, ...]) -> str:
    """Values of a hyperparameter: one or two by themselves, more as a range."""
    shown = [f"{value:g}" for value in values]
    return f"{shown[0]}{DASH}{shown[-1]}" if len(shown) > 2 else ", ".join(shown)


def name(model: str) -> str:
    """Within a sentence: "model 1", not broken."""
    return title(model).lower().replace(" ", NBSP)


def spelled(number: int) -> str:
    """A small number at the start of a sentence: "Four"."""
    small = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"]
    return small[number] if number < len(small) else count(number)


def count(number: float) -> str:
    return f"{number:,.0f}"


def many(number: int, noun: str) -> str:
    """1, "epoch" -> "1 epoch"; 2 -> "2 epochs"."""
    return f"{count(number)}{NBSP}{noun}{'' if number == 1 else 's'}"


def loss(value: float | None) -> str:
    return NONE if value is None else f"{value:.4f}"


def number(value: float) -> str:
    """A hyperparameter: no trailing zeros, small ones as 1e-4."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """4286 -> "1 h 11 min 26 s"; below a minute with a decimal where it tells something."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f}{NBSP}s" if seconds < 9.95 else f"{whole}{NBSP}s"
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{value}{NBSP}{unit}" for value, unit in parts if value)


def moment(iso: str) -> str:
    """ "2026-11-22T18:33:30Z" -> "22 November 2026, 18:33 UTC"; anything else stays as it is."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{when.day} {when:%B %Y, %H:%M} UTC"


def character(c: str) -> str:
    """The name that tells O from 0 and o: "capital O"."""
    if c.isdigit():
        return f"digit {c}"
    return f"capital {c}" if c.isupper() else f"small {c}"


def listing(items: list[str]) -> str:
    """["a", "b", "c"] -> "a, b and c"."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + f" and {items[-1]}" if items else ""
