"""A challenger is promoted if it reads more fonts that nobody was trained on, and is worse at nothing else."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from charrec.alphabet import INDEX
from charrec.data.foreign import prepare
from charrec.data.glyphs import load_columns, load_images
from charrec.data.images import LabelledImages
from charrec.data.packing import pack
from charrec.data.sources.fonts import render_letters
from charrec.data.sources.handwriting import read_sklearn_digits
from charrec.data.split import split
from charrec.errors import InputError
from charrec.evaluation.paired import Answers
from charrec.evaluation.prediction import predict
from charrec.serving import champion
from charrec.serving.candidate import Candidate, weights_of
from charrec.serving.champion import Promotion
from charrec.serving.gate import Verdict, compare, held_out, units, verdict
from charrec.storage import Store, open_store
from charrec.training.recipe import Arrays
from charrec.training.train import train
from tests.serving.test_champion import BASE
from tests.toy import RECIPE, WARNINGS, toy_arrays

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

A, SMALL_A, B = INDEX["A"], INDEX["a"], INDEX["B"]


def glyphs(
    champion: float, challenger: float, groups: int = 20, images: int = 50, wrong: tuple[int, int] = (B, B)
) -> Answers:
    """A's in fonts, of which the networks read these shares right, and the others as `wrong`."""
    rng = np.random.default_rng(7)
    n = groups * images
    truth = np.full(n, A)
    read = [
        np.where(rng.random(n) < share, A, other) for share, other in zip((champion, challenger), wrong, strict=True)
    ]
    return Answers(truth, read[0], read[1], np.repeat(np.arange(groups), images))


def foreign(champion: float, challenger: float) -> Answers:
    same = glyphs(champion, challenger)
    return Answers(same.labels, same.champion, same.challenger, np.arange(len(same.labels)))


SAME = foreign(0.6, 0.6)
CASES: dict[str, tuple[Answers, Answers, Answers, bool, str]] = {
    "better": (glyphs(0.80, 0.90), SAME, SAME, True, r"The challenger is better: .* and it is worse at nothing else\."),
    "worse": (glyphs(0.90, 0.80), SAME, SAME, False, r"The champion stays: .*, which is worse\."),
    "equal": (glyphs(0.85, 0.85), SAME, SAME, False, r"The champion stays: .*, which may be chance\."),
    "better, but not with the cases as one": (
        glyphs(0.80, 0.90, wrong=(SMALL_A, B)),
        SAME,
        SAME,
        False,
        r"but it is worse with the two cases as one \(-\d",
    ),
    "better, but not on letters": (
        glyphs(0.80, 0.90),
        foreign(0.7, 0.6),
        SAME,
        False,
        r"but it is worse on the new letters \(",
    ),
    "better, but on neither": (
        glyphs(0.80, 0.90),
        foreign(0.7, 0.6),
        foreign(0.7, 0.6),
        False,
        r"worse on the new letters \(.*\), on the new digits \(",
    ),
    "better, and better elsewhere": (glyphs(0.80, 0.90), foreign(0.6, 0.7), SAME, True, r"The challenger is better"),
    "better on four fonts": (
        glyphs(0.5, 0.9, groups=4),
        SAME,
        SAME,
        False,
        r"200 images of 4 font groups .*, and a comparison takes 200 of 5\.",
    ),
    "better on few images": (glyphs(0.5, 0.9, images=9), SAME, SAME, False, r"180 images of 20 font groups"),
}


@pytest.mark.parametrize("case", CASES)
def test_who_is_promoted_and_why(case: str) -> None:
    main, letters, digits, promoted, reason = CASES[case]
    found = verdict(main, letters, digits, champion=3, challenger="0123", seed=1)
    assert found.promoted == promoted
    assert re.search(reason, found.reason), found.reason
    assert (found.champion, found.challenger) == (3, "0123")


def test_the_reason_tells_the_numbers() -> None:
    found = verdict(glyphs(0.80, 0.90), SAME, SAME, champion=3, challenger="0123", seed=1)
    main = found.rows[0]
    assert [row.name for row in found.rows] == ["accuracy", "folded_accuracy", "letters", "digits"]
    for number in (main.champion, main.challenger, main.difference, main.low, main.high):
        assert f"{100 * number:.2f}" in found.reason
    assert "1,000 images of 20 font groups" in found.reason and "champion 3" in found.reason
    assert [row.groups for row in found.rows] == [20, 20, 1000, 1000]


@pytest.mark.parametrize(
    ("fonts", "drawn"), [([""] * 9, 9), (["handwriting"] * 9, 9), (list("aabbccdde"), 5), (list("aabbccdda"), 9)]
)
def test_foreign_images_are_drawn_by_font_where_fonts_enough_are_named(fonts: list[str], drawn: int) -> None:
    assert len(np.unique(units(np.array(fonts)))) == drawn


def columns(fonts: list[str], prefix: str = "") -> pd.DataFrame:
    """Ten classes of each font, no two pictures alike; a font is the same pictures under any prefix."""
    rows = [(label, f"{prefix}{font}", f"{font} {label}") for font in fonts for label in range(10)]
    table = pd.DataFrame(rows, columns=["label", "font", "sha256"])
    table["group"] = table["font"].astype("category").cat.codes
    return table


def candidate(seed: int = 1, fraction: float = 0.25, **other: str) -> Candidate:
    recipe = RECIPE.model_copy(update={"seed": seed})
    return BASE.model_copy(update={"split": "font", "recipe": recipe, "validation_fraction": fraction, **other})


FONTS = [f"font{number:02d}" for number in range(20)]


def fonts_of(table: pd.DataFrame, positions: np.ndarray) -> set[str]:
    return set(table["font"].iloc[positions])


def test_with_the_same_data_and_split_all_that_validated_is_held_out() -> None:
    table, one = columns(FONTS), candidate()
    validation = split(table, "font", 0.25, 1)[1]
    assert held_out(table, one, table, one).tolist() == validation.tolist()
    assert len(validation) == 50


def test_with_another_split_what_validated_for_both_is_held_out() -> None:
    table, mine, yours = columns(FONTS), candidate(seed=1, fraction=0.5), candidate(seed=2, fraction=0.5)
    validated = [fonts_of(table, split(table, "font", 0.5, seed)[1]) for seed in (1, 2)]
    found = fonts_of(table, held_out(table, mine, table, yours))
    assert found == validated[0] & validated[1]
    assert 0 < len(found) < 10


def test_with_other_data_fonts_that_the_champion_does_not_know_are_held_out_too() -> None:
    old, new = columns(FONTS[:12]), columns(FONTS)
    one = candidate(fraction=0.5)
    trained = fonts_of(old, split(old, "font", 0.5, 1)[0])
    validated = fonts_of(new, split(new, "font", 0.5, 1)[1])
    found = fonts_of(new, held_out(new, one, old, one))
    assert found == validated - trained
    assert found & set(FONTS[12:]) and found & set(FONTS[:12])


def test_a_font_under_another_name_is_known_by_its_pictures() -> None:
    old, renamed = columns(FONTS), columns(FONTS, prefix="new ")
    mine, yours = candidate(seed=1, fraction=0.5), candidate(seed=2, fraction=0.5)
    found = {name.removeprefix("new ") for name in fonts_of(renamed, held_out(renamed, mine, old, yours))}
    assert found == fonts_of(old, held_out(old, mine, old, yours))


def stored(store: Store, key: str, images: LabelledImages, folder: Path) -> str:
    """The key of a packed set."""
    pack(images, folder / "glyphs.parquet")
    store.upload(folder / "glyphs.parquet", f"{key}/glyphs.parquet")
    return key


def toy_set() -> LabelledImages:
    """The toy classes in 20 fonts of 30 images, with noise that makes each another picture."""
    made = toy_arrays(500, 100)
    noise = np.random.default_rng(3).integers(0, 40, made.images.shape, np.uint8)
    n = len(made.labels)
    return LabelledImages(
        images=made.images - np.minimum(noise, made.images),
        labels=made.labels,
        fonts=[f"font{i // 30:02d}" for i in range(n)],
        styles=[""] * n,
        names=[str(i) for i in range(n)],
        source="toy",
        version="",
        licence="",
    )


def trained(store: Store, key: str, like: Candidate, epochs: int) -> Candidate:
    """A candidate that was trained for so many epochs."""
    path = store.local(f"{like.glyphs}/glyphs.parquet", Path())
    table = load_columns(path)
    halves = split(table, "font", like.validation_fraction, like.recipe.seed)
    arrays = Arrays(load_images(path), table["label"].to_numpy(np.int64), *halves)
    best = train(like.recipe, arrays, epochs, store, key).best
    assert best
    return like.model_copy(update={"training": key, "weights_sha256": best.sha256, "identity": key})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(str(tmp_path_factory.mktemp("gate") / "store"))


@pytest.fixture(scope="module")
def networks(store: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Candidate, Candidate]:
    """One that was trained for an epoch, and one for three, on the same images."""
    folder = tmp_path_factory.mktemp("sets")
    digits = read_sklearn_digits()
    few = LabelledImages(
        digits.images[:150],
        digits.labels[:150],
        digits.fonts[:150],
        digits.styles[:150],
        digits.names[:150],
        "",
        "",
        "",
    )
    like = candidate(
        fraction=0.4,
        glyphs=stored(store, "glyphs/toy", toy_set(), folder),
        letters=stored(store, "letters/six", render_letters(per_class=4), folder),
        digits=stored(store, "digits/few", few, folder),
    )
    return trained(store, "trainings/short", like, 1), trained(store, "trainings/long", like, 3)


@pytest.fixture(scope="module")
def first(store: Store, networks: tuple[Candidate, Candidate]) -> Promotion:
    return champion.promote(store, networks[0], "the first", None)


def test_two_trained_networks_are_compared_on_what_neither_has_seen(
    store: Store, networks: tuple[Candidate, Candidate], first: Promotion, tmp_path: Path
) -> None:
    found = compare(store, first.candidate, first.number, networks[1], tmp_path)
    assert (found.champion, found.challenger) == (1, "trainings/long")
    assert [(row.n, row.groups) for row in found.rows] == [(240, 8), (240, 8), (104, 6), (150, 150)]
    assert found.rows[0].low > 0
    assert found.promoted == all(row.high >= 0 for row in found.rows[1:])
    assert Verdict.model_validate_json(found.model_dump_json()) == found
    for network, rates in zip(networks, rates_of(found), strict=True):
        assert rates == pytest.approx(measured(store, network))


def rates_of(found: Verdict) -> tuple[list[float], list[float]]:
    return [row.champion for row in found.rows], [row.challenger for row in found.rows]


def measured(store: Store, network: Candidate) -> list[float]:
    """The four rates of one network, each from its own prediction."""
    rates = []
    for key in (network.glyphs, network.letters, network.digits):
        path = store.local(f"{key}/glyphs.parquet", Path())
        table, images = load_columns(path), load_images(path)
        if key == network.glyphs:
            positions = split(table, "font", 0.4, network.recipe.seed)[1]
            table, images = table.iloc[positions], images[positions]
        else:
            images = prepare(images, 32)
        read = predict(network.recipe, weights_of(store, network), {"images": images}, store)["images"].argmax(axis=1)
        rates.append(float((read == table["label"]).mean()))
    return [rates[0], *rates]  # the toy classes are digits, which have one case


def test_the_champion_itself_does_not_take_its_own_place(store: Store, first: Promotion, tmp_path: Path) -> None:
    found = compare(store, first.candidate, first.number, first.candidate, tmp_path)
    assert (found.promoted, found.reason) == (False, "The champion stays: the challenger is the same network.")


def test_too_little_that_both_have_not_seen_keeps_the_champion(
    store: Store, networks: tuple[Candidate, Candidate], first: Promotion, tmp_path: Path
) -> None:
    other = networks[1].model_copy(update={"validation_fraction": 0.1})
    found = compare(store, first.candidate, first.number, other, tmp_path)
    assert (found.promoted, found.rows) == (False, ())
    assert "60 images of 2 font groups" in found.reason


@pytest.mark.parametrize("which", ["champion", "challenger"])
def test_a_network_that_saw_every_font_is_not_compared(
    which: str, store: Store, networks: tuple[Candidate, Candidate], first: Promotion, tmp_path: Path
) -> None:
    at_random = networks[1].model_copy(update={"split": "random"})
    before = first.model_copy(update={"candidate": at_random}) if which == "champion" else first
    with pytest.raises(InputError, match=r"trainings/long was trained with --split random; expected --split font"):
        compare(store, before.candidate, before.number, networks[1] if which == "champion" else at_random, tmp_path)
