"""The augmentation of model 5: what it draws, where a glyph lies after it, and that its seed alone decides."""

import math

import keras
import numpy as np
import pytest
from keras import random

from charrec.models import strokes, warp
from charrec.models.handwriting import PLAIN, Handwriting
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

MANY = 4000  # draws
SURE = 5  # standard errors; chance goes beyond them once in 1.7 million times


def glyphs() -> np.ndarray:
    """(3, 32, 32) ink of a ring, an L and a slash, each 97/128 of the frame high, centred, drawn at 128 px."""
    y, x = np.mgrid[-63.5:64, -63.5:64]
    inside = (abs(x) < 48.5) & (abs(y) < 48.5)
    from_centre = np.hypot(x, y)
    ring = (from_centre < 48.5) & (from_centre > 36)
    corner = inside & ((x < -34) | (y > 34))
    slash = inside & (abs(x + y) < 14)
    return np.stack([ring, corner, slash]).reshape(3, 32, 4, 32, 4).mean((2, 4)).astype(np.float32)


def still(n: int, **changes: object) -> warp.Warp:
    """Warps that move nothing, but for `changes`."""
    nothing = np.zeros(n, np.float32)
    size = [warp._nodes(apart) for apart, _ in warp.LATTICES]
    return warp.Warp(
        linear=warp.linear(nothing, nothing, nothing),
        perspective=np.zeros((n, 2), np.float32),
        nodes=tuple(np.zeros((n, 2, k, k), np.float32) for k in size),
        scale=np.ones(n, np.float32),
        shift=np.zeros((n, 2), np.float32),
        edge=np.ones(n, np.float32),
    )._replace(**changes)


def drawn(seed: int) -> warp.Warp:
    return warp.Warp(*(
        tuple(map(np.asarray, part)) if isinstance(part, tuple) else np.asarray(part)
        for part in warp.draw(MANY, random.SeedGenerator(seed))
    ))  # fmt: skip


def assert_normal(values: np.ndarray, deviation: float) -> None:
    """Mean 0, this deviation, and as many within it as a normal distribution has."""
    n, share = values.size, math.erf(math.sqrt(0.5))
    assert abs(values.mean()) < SURE * deviation / math.sqrt(n)
    assert abs(values.std() / deviation - 1) < SURE / math.sqrt(2 * n)
    assert_share(abs(values) < deviation, share)


def assert_uniform(values: np.ndarray, low: float, high: float) -> None:
    width = high - low
    assert low <= values.min() and values.max() <= high
    assert abs(values.mean() - (low + high) / 2) < SURE * width / math.sqrt(12 * values.size)
    assert abs(values.var() / (width**2 / 12) - 1) < SURE * math.sqrt(0.8 / values.size)


def assert_share(hits: np.ndarray, share: float) -> None:
    assert abs(hits.mean() - share) < SURE * math.sqrt(share * (1 - share) / hits.size)


def test_rotation_shear_and_aspect_are_normal(seed: int) -> None:
    """Found again in the matrix: it turns the x axis by the angle and stretches it; the y axis leans by the shear."""
    matrices = drawn(seed).linear
    angle = np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])
    wide = np.hypot(matrices[:, 1, 0], matrices[:, 0, 0])
    leaning = np.cos(angle) * matrices[:, 0, 1] + np.sin(angle) * matrices[:, 1, 1]
    assert np.linalg.det(matrices) == pytest.approx(1, abs=1e-5)
    assert_normal(angle, 0.12)
    assert_normal(leaning * wide, 0.3)
    assert_normal(2 * np.log(wide), 0.25)


def test_perspective_scale_shift_and_edge_are_what_the_page_says(seed: int) -> None:
    found = drawn(seed)
    assert abs(found.perspective).max() <= 0.75  # three deviations, which hardly changes the other two
    assert_normal(found.perspective, 0.25 * 0.9975)
    assert_normal(np.log(found.scale), 0.04)
    assert_normal(found.shift, 0.015)
    assert_uniform(found.edge, 0.5, 1)


def test_four_of_five_warps_have_an_elastic_field_of_a_strength_of_their_own(seed: int) -> None:
    fine = drawn(seed).nodes[1]
    coarse = drawn(seed).nodes[0]
    assert (coarse.shape[-1], fine.shape[-1]) == (9, 16)  # 0.28 and 0.13 apart, across 1.6 frames and beyond
    elastic = fine.any((1, 2, 3))
    assert (elastic == coarse.any((1, 2, 3))).all()
    assert_share(elastic, 0.8)
    strength = fine[elastic].std((1, 2, 3)) / 0.02  # of 512 numbers: known to 3 %
    assert 0.25 < strength.min() < 0.4 and 1.2 < strength.max() < 1.5
    assert strength.mean() == pytest.approx(0.8, abs=SURE * 0.29 / math.sqrt(elastic.sum()))
    known = math.sqrt(
        512 / 509
    )  # by so much a quotient by a deviation of 512 numbers spreads more than one by the true
    assert_normal(coarse[elastic] / strength[:, None, None, None] / 0.07, known)


def test_the_splines_of_all_nodes_add_up_to_one() -> None:
    at = np.linspace(-0.8, 0.8, 33, dtype=np.float32)[None]
    for apart, _ in warp.LATTICES:
        assert np.asarray(warp._basis(at, apart)).sum(-1) == pytest.approx(1, abs=1e-5)


def test_equal_nodes_move_a_glyph_as_a_whole_which_is_centred_again() -> None:
    ink = glyphs()
    nodes = tuple(np.full_like(each, 1.5 / 32) for each in still(3).nodes)  # two lattices: 3 px
    assert np.asarray(warp.apply(still(3, nodes=nodes), ink)) == pytest.approx(ink, abs=0.15)


def test_a_warp_of_no_strength_is_the_identity_up_to_resampling() -> None:
    ink = glyphs()
    assert np.asarray(warp.apply(still(3), ink)) == pytest.approx(ink, abs=0.1)


def test_a_quarter_turn_is_numpys() -> None:
    turn = np.full(3, np.pi / 2, np.float32)
    found = warp.apply(still(3, linear=warp.linear(turn, 0 * turn, 0 * turn)), glyphs())
    assert np.asarray(found) == pytest.approx(np.rot90(glyphs(), -1, (1, 2)), abs=0.1)


def test_perspective_makes_small_what_is_far() -> None:
    ring = glyphs()[:1]
    found = np.asarray(warp.apply(still(1, perspective=np.array([[0.5, 0]], np.float32)), ring))[0]
    high = (found > 0.5).sum(axis=0)
    assert high[:16].max() > high[16:].max()
    x, y, _ = (float(part[0]) for part in warp.measure(found[None]))
    assert (x, y) == pytest.approx((0, 0), abs=0.01)


def test_after_any_warp_the_larger_side_is_97_of_128_and_the_glyph_is_centred(seed: int) -> None:
    n = 300
    drawn = warp.draw(n, random.SeedGenerator(seed))
    drawn = drawn._replace(scale=still(n).scale, shift=still(n).shift)
    found = warp.measure(warp.apply(drawn, np.repeat(glyphs(), n // 3, axis=0)))
    x, y, reach = (32 * np.asarray(part) for part in found)  # px
    for error in (x, y, 2 * reach - 97 / 4):
        assert np.median(abs(error)) < 0.2
        assert np.quantile(abs(error), 0.95) < 1


def test_scale_and_shift_are_of_the_frame() -> None:
    larger, right = np.full(3, 1.1, np.float32), np.full((3, 2), (0.05, 0), np.float32)
    found = warp.measure(warp.apply(still(3, scale=larger, shift=right), glyphs()))
    assert np.asarray(found.reach) == pytest.approx(1.1 * 97 / 256, abs=0.01)
    assert np.asarray(found.x) == pytest.approx(0.05, abs=0.01)
    assert np.asarray(found.y) == pytest.approx(0, abs=0.01)


def test_a_blank_image_stays_blank() -> None:
    assert not np.asarray(warp.apply(still(1), np.zeros((1, 32, 32), np.float32))).any()


@pytest.mark.parametrize(
    ("share", "radius"), [(strokes.ADDED, strokes.PEN), (strokes.CUT, strokes.GAP)], ids=["added", "cut"]
)
def test_strokes_are_as_many_as_long_and_as_wide_as_the_page_says(
    share: float, radius: tuple[float, float], seed: int
) -> None:
    """Each begins at, or runs through, the one inked pixel. Its area is 2 r L + pi r^2, of which r^2 is small."""
    ink = np.zeros((MANY, 32, 32), np.float32)
    ink[:, 16, 16] = 1
    found = np.asarray(strokes._segment(ink, share, radius, random.SeedGenerator(seed)))
    area = found.sum((1, 2))
    assert_share(area > 0, share)
    some = found[area > 0]
    low, high = radius
    square = (high**3 - low**3) / (3 * (high - low))
    assert area[area > 0].mean() == pytest.approx((low + high) * 5 + math.pi * square, rel=0.06)
    assert (some[:, 16, 16] > 0.8).all()
    y, x = ((some * axis).sum((1, 2)) / some.sum((1, 2)) for axis in np.mgrid[-16:16, -16:16])
    assert_share(np.hypot(x, y) < 0.5, 0.5)  # through; the others' middle is 1.25 to 3.75 px away
    assert abs(x.mean()) < 0.2 and abs(y.mean()) < 0.2  # in all directions


def test_the_shares_and_lengths_are_those_of_the_page() -> None:
    assert (strokes.ADDED, strokes.CUT, PLAIN) == (0.35, 0.4, 0.15)
    assert (strokes.LENGTH, strokes.PEN, strokes.GAP) == ((2.5, 7.5), (0.6, 2.2), (0.4, 1.2))


def test_a_stroke_adds_ink_and_a_cut_takes_some(seed: int) -> None:
    ink = np.repeat(glyphs()[1:2], 200, axis=0)
    change = np.asarray(strokes.strokes(ink, random.SeedGenerator(seed))) - ink
    added, cut = (change > 0.5).any((1, 2)), (change < -0.5).any((1, 2))
    assert added.any() and cut.any() and not (added | cut).all()


def written(images: np.ndarray, seed: int, step: int, policy: str = "float32") -> np.ndarray:
    """What a step of a training whose epoch begins with the state (seed, 0) makes of images."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    layer = Handwriting()
    keras.config.set_dtype_policy(before)
    layer.generator.state.assign([seed, 0])
    for _ in range(step):
        layer(images, training=True)
    return np.asarray(layer(images, training=True))


def test_seed_and_step_decide_what_is_drawn() -> None:
    images = np.rint(255 * (1 - glyphs()))[..., None].astype(np.uint8)
    first = written(images, 1, 0)
    assert np.array_equal(first, written(images, 1, 0))
    assert np.array_equal(written(images, 1, 2), written(images, 1, 2, "mixed_bfloat16"))
    assert not np.array_equal(first, written(images, 1, 1))
    assert not np.array_equal(first, written(images, 2, 0))


def test_of_a_hundred_images_fifteen_stay_as_they_are_and_all_do_in_reading(seed: int) -> None:
    images = np.rint(255 * (1 - np.repeat(glyphs(), 200, axis=0)))[..., None].astype(np.uint8)
    found = written(images, seed, 0)
    assert (found.shape, found.dtype) == (images.shape, np.float32)
    assert found.min() >= 0 and found.max() <= 255
    assert_share(abs(found - images).max((1, 2, 3)) < 0.01, PLAIN)
    assert np.array_equal(np.asarray(Handwriting()(images, training=False)), images)
