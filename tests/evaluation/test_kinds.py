"""Texts as one kind: small cases that can be reckoned by hand, and Bayes' rule over all of them."""

from typing import get_args

import numpy as np
import pytest

from charrec.alphabet import CLASSES, INDEX
from charrec.evaluation.kinds import OF, as_one_kind, settled, shares, within
from charrec.results import Kind
from charrec.study import Kinds

pytestmark = pytest.mark.filterwarnings("error")


def glyph(**named: float) -> np.ndarray:
    """(62,): what is left over goes evenly to the classes not named. Digits are named _0 to _9."""
    row = np.full(62, (1 - sum(named.values())) / (62 - len(named)))
    for character, share in named.items():
        row[INDEX[character[-1]]] = share
    return row


def read(*glyphs: np.ndarray) -> tuple[str, str]:
    """The kind of one text, and what it says."""
    (kind,), (classes,) = as_one_kind(np.stack(glyphs)[None], Kinds())
    return list(OF)[kind], "".join(CLASSES[c] for c in classes)


def test_the_glyphs_beside_it_tell_a_zero_from_an_o() -> None:
    zero = glyph(O=0.6, _0=0.3)
    assert read(glyph(_2=0.9), zero, glyph(_2=0.9), glyph(_3=0.9)) == ("digits", "2023")
    assert read(glyph(F=0.9), zero, glyph(R=0.9)) == ("capitals", "FOR")


def test_the_glyphs_beside_it_tell_the_case() -> None:
    assert read(glyph(c=0.5, C=0.4), glyph(A=0.9)) == ("capitals", "CA")
    assert read(glyph(c=0.4, C=0.5), glyph(a=0.9)) == ("small letters", "ca")


def test_a_glyph_that_says_nothing_leaves_the_kind_to_the_prior() -> None:
    nothing = np.full(62, 1 / 62)
    assert shares(nothing[None, None], Kinds())[0] == pytest.approx([1 / 3] * 3)
    known = Kinds(digits=6, capitals=3, small_letters=1)
    assert shares(np.tile(nothing, (1, 5, 1)), known)[0] == pytest.approx([0.6, 0.3, 0.1])


def test_the_kind_is_that_of_bayes_rule(seed: int) -> None:
    """Each class of a kind equally likely beforehand: the evidence for a kind is the product of mean shares."""
    rng = np.random.default_rng(seed)
    texts = rng.dirichlet(np.full(62, 0.1), size=(20, 4))
    known = Kinds(digits=2, capitals=1, small_letters=3)
    means = np.stack([texts[:, :, classes].mean(axis=2).prod(axis=1) for classes in OF.values()], axis=1)
    evidence = means * [2, 1, 3]
    assert shares(texts, known) == pytest.approx(evidence / evidence.sum(axis=1, keepdims=True))


def test_a_temperature_trusts_each_glyph_less() -> None:
    glyphs = np.stack([glyph(_1=0.95), glyph(_9=0.95)])[None]
    sure, unsure = (shares(glyphs, Kinds(temperature=t))[0] for t in (1, 4))
    assert sure.argmax() == unsure.argmax() == 0
    assert 1 / 3 < unsure[0] < sure[0]


def test_a_network_has_a_temperature_of_its_own_unless_another_is_given() -> None:
    """What it says twice as sharply is the same at twice the temperature."""
    glyphs = np.stack([glyph(_1=0.6), glyph(_9=0.4)])[None]
    sharper = glyphs**2 / (glyphs**2).sum(axis=2, keepdims=True)
    assert shares(sharper, settled(Kinds(), own=2.0)) == pytest.approx(shares(glyphs, Kinds()))
    assert settled(Kinds(temperature=3), own=2.0) == Kinds(temperature=3)
    assert shares(glyphs, settled(Kinds(), own=None)) == pytest.approx(shares(glyphs, Kinds(temperature=1)))


def test_one_glyph_is_read_as_the_kind_that_its_classes_share(seed: int) -> None:
    rows = np.random.default_rng(seed).dirichlet(np.ones(62), size=50)
    for kind, classes in OF.items():
        best = [max(classes, key=lambda c, row=row: row[c]) for row in rows]
        assert within(rows, kind).tolist() == best


def test_probabilities_of_zero_are_no_infinity() -> None:
    one, other = np.zeros(62), np.zeros(62)
    one[INDEX["7"]] = other[INDEX["a"]] = 1
    told = shares(np.stack([one, other])[None], Kinds())
    assert np.isfinite(told).all() and told.sum() == pytest.approx(1)


def test_every_character_is_of_one_kind() -> None:
    assert tuple(OF) == get_args(Kind)
    assert sorted(c for classes in OF.values() for c in classes) == list(range(62))
