"""The tables of docs/model-5.md, from docs/model-5.json, which tests/benchmarks/model_5_told.py writes."""

from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pandas as pd

from charrec.markdown import table
from charrec.study import Frozen

DOCS = Path(__file__).parents[2] / "docs"
STORED, GALLERY = DOCS / "model-5.json", DOCS / "model-5-failures.png"
SHEARED = "model 5, mean over shears"
NOT_YET = "These trainings have not been run yet."


class Value(Frozen):
    """A rate of one network for each seed; the 95 % interval over all of them, from drawing whole units."""

    by_seed: tuple[float, ...]
    low: float | None = None
    high: float | None = None

    @property
    def mean(self) -> float:
        return mean(self.by_seed)


class Network(Frozen):
    """One way of training, by as many seeds as are finished."""

    name: str
    epochs: int
    seeds: tuple[int, ...]
    seconds: tuple[float, ...]  # of each training
    values: dict[str, Value]
    over: dict[str, Value]  # less model 5's values on the same images


class Told(Frozen):
    """Everything that the tables show."""

    code: str
    cores: int
    cpu: str
    ceiling: float  # the share of validation images that a network can read right, the mean over seeds
    full: tuple[Network, ...]
    parts: tuple[Network, ...]
    proxy: tuple[Network, ...]


# What is aimed at, in %: at least that, or at most that for the error. None: nothing, it is told all the same.
GOALS: tuple[tuple[str, str, float | None], ...] = (
    ("62 classes, unseen fonts", "classes", 89.5),
    ("cases folded", "folded", 98.5),
    ("MNIST among ten", "digits", 93.0),
    ("years, as one kind", "years", 60.0),
    ("years, known to be digits", "years, kind known", 75.0),
    ("months in capitals, as one kind", "months", 99.5),
    ("words of five capitals, as one kind", "words", 99.5),
    ("APR, as one kind", "APR", None),
    ("2023, as one kind", "2023", None),
    ("expected calibration error, unseen fonts", "calibrated", 2.0),
    ("the same, before the temperature", "calibration", None),
)
ERROR = "calibrated"


def goals(found: Told) -> str:
    """Model 5 as it is trained in full, beside what was aimed at."""
    if not found.full:
        return NOT_YET
    rows = []
    for what, name, aim in GOALS:
        values = [network.values.get(name) for network in found.full]
        aimed = "-" if aim is None else f"{aim:g}"
        rows.append([what, aimed, *(_cell(value) for value in values), _met(values[0], name, aim)])
    head = ["%", "aimed at", *(network.name for network in found.full), "met"]
    shears = "".join(
        f"\n\nA mean over shears gains {_gain(network, 'classes')} points on unseen fonts and"
        f" {_gain(network, 'digits')} on MNIST."
        for network in found.full
        if network.name == SHEARED
    )
    return f"{_how(found, found.full[0])}\n\n{table(head, rows)}{shears}"


def parts(found: Told) -> str:
    """What each part is worth, on unseen fonts and on MNIST."""
    if not found.parts:
        return NOT_YET
    rows = [
        [
            network.name, _cell(network.values["classes"]), _gain(network, "classes"), _cell(network.values["folded"]),
            _cell(network.values["digits"]), _gain(network, "digits"), _cell(network.values["years"]),
        ]
        for network in found.parts
    ]  # fmt: skip
    head = ["%", "62 classes, unseen fonts", "gain, points", "cases folded", "MNIST among ten", "gain, points",
            "years, as one kind"]  # fmt: skip
    return f"{_how(found, found.parts[0])}\n\n{table(head, rows)}"


def proxy(found: Told) -> str:
    """Whether fonts that look handwritten rank the networks as MNIST does."""
    if not found.proxy:
        return NOT_YET
    names = ("written", "print", "digits")
    rows = [[network.name, *(_cell(network.values[name]) for name in names)] for network in found.proxy]
    shares = pd.DataFrame([{name: network.values[name].mean for name in names} for network in found.proxy])
    ranks = shares.rank().corr()["digits"]  # Spearman's
    said = (
        f"Rank correlation with MNIST over these {len(shares)} networks (Spearman's): {ranks['written']:+.2f} for the"
        f" fonts that look handwritten, {ranks['print']:+.2f} for the others."
    )
    head = ["%", "fonts that look handwritten", "other unseen fonts", "MNIST among ten"]
    return f"{_how(found, found.proxy[0])}\n\n{table(head, rows)}\n\n{said}"


def _how(found: Told, network: Network) -> str:
    seeds = ", ".join(map(str, network.seeds))
    seconds = ", ".join(f"{one:,.0f}" for one in network.seconds)
    return (
        f"{network.name[0].upper()}{network.name[1:]} for {network.epochs} epochs, seed{'s' * (len(network.seeds) > 1)}"
        f" {seeds}: {seconds} s on {found.cpu}. No network can read more than {100 * found.ceiling:.2f} % of these"
        f" unseen fonts, where one picture bears two labels. Computed at commit {found.code}."
    )


def _cell(value: Value | None) -> str:
    """The mean, and its interval, else the seeds' own values."""
    if value is None:
        return "-"
    if value.low is not None and value.high is not None:
        return f"{100 * value.mean:.1f} ({100 * value.low:.1f}-{100 * value.high:.1f})"
    return f"{100 * value.mean:.1f} ({', '.join(f'{100 * one:.1f}' for one in value.by_seed)})"


def _gain(network: Network, name: str) -> str:
    value = network.over.get(name)
    if value is None or value.low is None or value.high is None:
        return "-"
    return f"{100 * value.mean:+.1f} ({100 * value.low:+.1f} to {100 * value.high:+.1f})"


def _met(value: Value | None, name: str, aim: float | None) -> str:
    if value is None or aim is None:
        return "-"
    return "yes" if (100 * value.mean <= aim if name == ERROR else 100 * value.mean >= aim) else "no"


def part(show: Callable[[Told], str]) -> Callable[[], str]:
    def made() -> str:
        return show(Told.model_validate_json(STORED.read_text(encoding="utf-8"))) if STORED.exists() else NOT_YET

    return made


def failures() -> str:
    """The gallery."""
    return f"![What model 5 still reads wrong]({GALLERY.name})" if GALLERY.exists() else NOT_YET


PARTS = {**{show.__name__: part(show) for show in (goals, parts, proxy)}, "failures": failures}
