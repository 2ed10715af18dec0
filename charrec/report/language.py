"""The language that a page is written in: English as the source has it, or another by a catalogue (french.py).

A catalogue of our own, since two languages, a plural and four formats of numbers are shorter than a library for them.
The language is a context, as matplotlib's style is: every number and word on a page depends on it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

from charrec.report.french import FRENCH

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
NAMES: dict[Language, str] = {"en": "English", "fr": "Français"}  # each as its readers call it
Saying = Callable[[], str]  # a sentence that is made later, in the language that is spoken then
_spoken: ContextVar[Language] = ContextVar("language", default="en")


@contextmanager
def spoken(language: Language) -> Iterator[None]:
    """Inside the block, sentences, numbers and dates are in this language."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def language() -> Language:
    return _spoken.get()


def other(one: Language) -> Language:
    """The language that a page written in this one carries as well."""
    return "fr" if one == "en" else "en"


def later(text: str) -> str:
    """A text that is said later: this marks it for the catalogue."""
    return text


def say(text: str, /, **values: object) -> str:
    """The text in the language that is spoken, its placeholders filled in; unknown ones stay English."""
    found = FRENCH.get(text, text) if language() == "fr" else text
    return found.format(**values) if values else found


def local(number: str) -> str:
    """A number as English writes it, "1,234.5", as the language does."""
    return number.translate({ord(","): "\u202f", ord("."): ","}) if language() == "fr" else number
