"""Numbers and characters as a person reads them."""

import math
from datetime import datetime

from charrec.report.language import language, later, local, say
from charrec.results import Rate

NBSP = "\u00a0"
DASH = "\u2013"
NONE = "\u2014"
DAY = 86_400  # s

SUBTITLES = {
    "model_1": later("three convolutions, one hidden layer"),
    "model_2": later("model 1 with augmentation and dropout"),
    "model_3": later("wider, overlapping pools"),
    "model_4": later("sized by the search"),
    "model_5": later("this project’s own, after the deck: residual, trained on warped glyphs at 32 px"),
}
METHODS = {"raw": later("original"), "prepared": later("prepared"), "reference": later("the reference’s way")}
SETS = {"letters": later("Letters"), "digits": later("Digits")}
SOURCES = {  # those that charrec names itself
    later("fonts installed with charrec"),
    later("fonts kept out of training"),
    later("UCI Optical Recognition of Handwritten Digits, as bundled with scikit-learn"),
}
TEXTS = {
    "years": later("Years, 1900–2099"),
    "months": later("Months, JAN–DEC"),
    "words": later("Five capitals"),
}
FAMILIES = {"years": later("years"), "months": later("months"), "words": later("words")}  # within a sentence
HYPERPARAMETERS = {
    "filters_hp_1": later("filters of the first convolution"),
    "filters_hp_2": later("of the second"),
    "filters_hp_3": later("of the third"),
    "dropout": later("the share of activations left out in training"),
    "units": later("the width of the hidden layer"),
    "learning_rate": later("Adam’s step size"),
}
PARTS = {  # of the validation images, by what
    "character": later("character"),
    "weight": later("weight"),
    "slant": later("slant"),
    "digits": later("digits"),
    "capitals": later("capitals"),
    "small letters": later("small letters"),
    "font kind": later("font kind"),
    "serif": later("serif"),
    "sans serif": later("sans serif"),
    "monospace": later("monospace"),
    "display": later("display"),
    "handwriting": later("handwriting"),
    "regular": later("regular"),
    "bold": later("bold"),
    "upright": later("upright"),
    "italic": later("italic"),
}
STEPS = {  # as the durations name them
    "pack glyphs": later("pack glyphs"),
    "pack letters": later("pack letters"),
    "pack digits": later("pack digits"),
    "search": later("search"),
    "precision": later("choose the precision"),
    "predict": later("predict"),
    "evaluate": later("evaluate"),
}
SMALL = {
    "en": ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"],
    "fr": ["Aucun", "Un", "Deux", "Trois", "Quatre", "Cinq", "Six", "Sept", "Huit", "Neuf", "Dix"],
}
MONTHS = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "fr": (
        "janvier", "février", "mars", "avril", "mai", "juin",
        "juillet", "août", "septembre", "octobre", "novembre", "décembre",
    ),
}  # fmt: skip


def source(name: str) -> str:
    """A data set's source, as the language calls it."""
    return say(name) if name in SOURCES else name


def title(model: str) -> str:
    """As a heading: "Model 1". A strange one keeps its name."""
    kind, _, number = model.partition("_")
    return say("Model {number}", number=number) if kind == "model" and number.isdigit() else model


def subject(model: str) -> str:
    """At the start of a sentence, where French has an article: "Model 1", "Le modèle 1"."""
    return f"Le {name(model)}" if language() == "fr" else title(model)


def kind(name: str) -> str:
    """Of a text, or of a part of the validation images."""
    return say(PARTS.get(name, name))


def step(known: str) -> str:
    """A step of the study, as its durations name it."""
    verb, _, model = known.partition(" ")
    return say("train {model}", model=name(model)) if verb == "train" else say(STEPS.get(known, known))


def subtitle(model: str) -> str:
    return say(SUBTITLES.get(model, ""))


def method(name: str) -> str:
    """How the images of new data were prepared."""
    return say(METHODS[name])


def percent(share: float | None, decimals: int = 2) -> str:
    """0.9091 -> "90.91 %", with a space that does not break."""
    if share is None or math.isnan(share):
        return NONE
    return local(f"{100 * share:.{decimals}f}") + per_cent()


def per_cent() -> str:
    """The sign with the space before it that does not break; French has a narrow one."""
    return ("\u202f" if language() == "fr" else NBSP) + "%"


def interval(rate: Rate) -> str:
    """The 95 % interval in percent: "90.4-91.4" with an en dash."""
    return local(f"{100 * rate.low:.1f}{DASH}{100 * rate.high:.1f}")


def rate(value: Rate | None) -> str:
    """Rate -> "90.91 % (90.4-91.4)"."""
    return NONE if value is None else f"{percent(value.value)} ({interval(value)})"


def points(difference: float) -> str:
    """A difference of shares in percentage points, signed: "+0.23 points"; one that is shown as 0 has no sign."""
    sign = "" if round(abs(100 * difference), 2) == 0 else "\u2212" if difference < 0 else "+"
    return sign + distance(difference)


def plus(difference: float) -> str:
    """Signed, with as many decimals as it has; 0 has no sign."""
    return local(f"{difference:+.6g}").replace("-", "\u2212") if difference else "0"


def distance(difference: float) -> str:
    """How far two shares are from each other: "0.23 points"."""
    return many(abs(100 * difference), "point", 2)


def points_between(low: float, high: float) -> str:
    """An interval of a difference of shares, in percentage points: "-0.12 to +0.45"."""
    ends = [points(end).partition(NBSP)[0] for end in (low, high)]
    return say("{low} to {high}", low=ends[0], high=ends[1])


def some(values: tuple[float, ...]) -> str:
    """Values of a hyperparameter: one or two by themselves, more as a range."""
    shown = [level(value) for value in values]
    return f"{shown[0]}{DASH}{shown[-1]}" if len(shown) > 2 else series(shown)


def series(numbers: list[str]) -> str:
    """Side by side; where the comma is a decimal one, not by commas."""
    return (", " if language() == "en" else "\u202f; ").join(numbers)


def level(value: float) -> str:
    """A value of a hyperparameter on an axis."""
    return local(f"{value:g}")


def name(model: str) -> str:
    """Within a sentence: "model 1", not broken."""
    return title(model).lower().replace(" ", NBSP)


def spelled(number: int) -> str:
    """A small number at the start of a sentence: "Four"."""
    small = SMALL[language()]
    return small[number] if number < len(small) else count(number)


def spelled_many(number: int, noun: str) -> str:
    """1, "network" -> "One network"; 4 -> "Four networks"."""
    return f"{spelled(number)} {say(noun if number == 1 else f'{noun}s')}"


def count(number: float) -> str:
    return local(f"{number:,.0f}")


def decimal(number: float, decimals: int) -> str:
    return local(f"{number:,.{decimals}f}")


def many(number: float, noun: str, decimals: int = 0) -> str:
    """1, "epoch" -> "1 epoch"; 2 -> "2 epochs"; 0.5, "point" -> "0.50 points", in French "0,50 point"."""
    one = abs(number) < 2 if language() == "fr" else number == 1 and not decimals
    return f"{decimal(number, decimals)}{NBSP}{say(noun if one else f'{noun}s')}"


def loss(value: float | None) -> str:
    return NONE if value is None else decimal(value, 4)


def number(value: float) -> str:
    """A hyperparameter: no trailing zeros, small ones as 1e-4."""
    return level(value) if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """4286 -> "1 h 11 min 26 s"; below a minute with a decimal where it tells something, from a day on no seconds."""
    whole = round(seconds)
    if whole < 60:
        return f"{decimal(seconds, 1)}{NBSP}s" if seconds < 9.95 else f"{whole}{NBSP}s"
    if whole >= DAY:
        whole = 60 * round(seconds / 60)
    parts = [(whole // DAY, say("d")), (whole % DAY // 3600, "h"), (whole % 3600 // 60, "min"), (whole % 60, "s")]
    return " ".join(f"{count(value)}{NBSP}{unit}" for value, unit in parts if value)


def moment(iso: str) -> str:
    """ "2026-11-22T18:33:30Z" -> "22 November 2026, 18:33 UTC"; anything else stays as it is."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    day = "1er" if when.day == 1 and language() == "fr" else when.day
    date = f"{day} {MONTHS[language()][when.month - 1]} {when.year}"
    return f"{date}, {when:%H:%M} UTC" if language() == "en" else f"{date} à {when:%H}{NBSP}h{NBSP}{when:%M} UTC"


def character(c: str) -> str:
    """The name that tells O from 0 and o: "capital O"."""
    if c.isdigit():
        return say("digit {c}", c=c)
    return say("capital {c}", c=c) if c.isupper() else say("small {c}", c=c)


def gpus(names: tuple[str, ...]) -> str:
    """Equal ones are counted: "8 \u00d7 NVIDIA H100"."""
    kinds = {one: names.count(one) for one in names}
    return listing([one if n == 1 else f"{n} \u00d7 {one}" for one, n in kinds.items()]) or say("no GPU")


def quoted(text: str) -> str:
    return say("“{text}”", text=text)


def listing(items: list[str]) -> str:
    """["a", "b", "c"] -> "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return say("{items} and {last}", items=", ".join(items[:-1]), last=items[-1])
