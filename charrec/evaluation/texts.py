"""Whole texts of new glyphs, drawn many times: how often a network reads them right, each glyph for itself or all as
one kind."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from charrec.alphabet import CAPITALS, CLASSES, INDEX
from charrec.data.foreign import METHODS
from charrec.evaluation.kinds import OF, as_one_kind, within
from charrec.evaluation.scores import wilson
from charrec.evaluation.tables import Table, labels_of, role_of
from charrec.results import Rate, TextRate
from charrec.study import Kinds

DRAWS = 2000
YEARS = tuple(str(year) for year in range(1900, 2100))
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
LENGTH = 5  # of a word


def text_rates(
    model: str, texts: Sequence[str], tables: Mapping[str, Table], kinds: Kinds, seed: int
) -> Iterator[TextRate]:
    """Of every family of texts of which the foreign sets have all characters, prepared both ways."""
    for name, family in families(texts).items():
        for method in METHODS:
            head, probabilities = tables[f"{role_of(family[0]) if family else 'letters'} {method}"]
            if (draws := drawn(family, labels_of(head), seed)) is not None:
                classes, picks = draws
                yield rates(name, model, method, classes, probabilities[picks], kinds)


def families(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What is drawn from: each text by itself, years, months; none: a word of capitals, drawn letter by letter."""
    return {**{text: (text,) for text in texts}, "years": YEARS, "months": MONTHS, "words": ()}


def drawn(texts: Sequence[str], labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """(DRAWS, length) classes and the places of images that show them, every image of a class as likely.

    `texts` are of one length. None where the (n,) `labels` have no image of a character that is needed.
    """
    rng = np.random.default_rng(seed)
    choice = np.array([[INDEX[character] for character in text] for text in texts])
    classes = choice[rng.integers(len(choice), size=DRAWS)] if texts else rng.choice(CAPITALS, size=(DRAWS, LENGTH))
    counts = np.bincount(labels, minlength=len(CLASSES))
    if not counts[classes].all():
        return None
    starts, order = np.cumsum(counts) - counts, np.argsort(labels, kind="stable")
    return classes, order[starts[classes] + rng.integers(counts[classes])]


def rates(name: str, model: str, method: str, classes: np.ndarray, probabilities: np.ndarray, kinds: Kinds) -> TextRate:
    """(n, length) classes and the (n, length, 62) probabilities of their images -> how many texts are read right."""
    (kind,) = [kind for kind, members in OF.items() if np.isin(classes, members).all()]
    return TextRate.model_validate(
        {
            "text": name,
            "model": model,
            "method": method,
            "kind": kind,
            "plain": _share(probabilities.argmax(axis=-1), classes),
            "one_kind": _share(as_one_kind(probabilities, kinds)[1], classes),
            "kind_known": _share(within(probabilities, kind), classes),
        }
    )


def _share(read: np.ndarray, classes: np.ndarray) -> Rate:
    return wilson(int((read == classes).all(axis=1).sum()), len(classes))
