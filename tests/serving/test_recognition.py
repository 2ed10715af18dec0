"""A trained network reads image files, whatever their format, polarity and size."""

import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from charrec.alphabet import CLASSES
from charrec.data.foreign import prepare
from charrec.data.sources.handwriting import read_sklearn_digits
from charrec.errors import InputError
from charrec.evaluation.prediction import predict
from charrec.evaluation.shears import slanted
from charrec.evaluation.tables import as_table
from charrec.machine.provenance import this_machine
from charrec.memo.outcome import Provenance, outcome_of, remember
from charrec.memo.step import Bench
from charrec.results import PredictionResult
from charrec.serving.calibration import calibration_of
from charrec.serving.candidate import Trained, weights_of
from charrec.serving.files import File
from charrec.serving.picture import SIDE
from charrec.serving.reading import Failure
from charrec.serving.recognition import Recognition, read, read_images
from charrec.serving.text import Text, glyphs_of, read_text
from charrec.storage import Store, open_store
from charrec.study import Kinds
from charrec.training.recipe import Arrays
from charrec.training.train import train
from tests.toy import RECIPE, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

HELD_OUT = slice(1000, 1040)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """(n, 8, 8) handwritten digits, white on black, and their labels."""
    found = read_sklearn_digits()
    return found.images, found.labels


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(str(tmp_path_factory.mktemp("recognition") / "store"))


@pytest.fixture(scope="module")
def network(store: Store, digits: tuple[np.ndarray, np.ndarray]) -> Trained:
    """One that has learned ten digits."""
    images, labels = digits
    recipe = RECIPE.model_copy(update={"batch_size": 32})
    arrays = Arrays(prepare(images[:1000], 32), labels[:1000], np.arange(800), np.arange(800, 1000))
    best = train(recipe, arrays, 8, store, "digits").best
    assert best
    return Trained(recipe=recipe, training="digits", weights_sha256=best.sha256)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(digit: np.ndarray) -> Image.Image:
    return Image.fromarray(digit)


def enlarged(digit: np.ndarray, by: int = 12) -> Image.Image:
    return plain(digit).resize((8 * by, 8 * by), Image.Resampling.BICUBIC)


def turned(digit: np.ndarray) -> bytes:
    """On its side, with an EXIF orientation that says so."""
    image = enlarged(digit).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    return saved(image, "JPEG", exif=exif, quality=95)


def cut_out(digit: np.ndarray) -> bytes:
    """Black ink on nothing."""
    ink = enlarged(digit)
    image = Image.new("LA", ink.size, 0)
    image.putalpha(ink)
    return saved(image)


def white_cut_out(digit: np.ndarray) -> bytes:
    """White ink on nothing."""
    ink = enlarged(digit)
    image = Image.new("LA", ink.size, 255)
    image.putalpha(ink)
    return saved(image)


def of_one_luminance(digit: np.ndarray) -> bytes:
    """Red on green."""
    ink = enlarged(digit)
    return saved(
        Image.composite(Image.new("RGB", ink.size, (220, 60, 60)), Image.new("RGB", ink.size, (0, 184, 0)), ink)
    )


def on_a_page(digit: np.ndarray) -> bytes:
    """In the corner of an oblong page."""
    page = Image.new("L", (300, 140), 250)
    page.paste(Image.fromarray(255 - np.asarray(enlarged(digit))), (190, 20))
    return saved(page)


def deep(digit: np.ndarray) -> bytes:
    """Sixteen bits a pixel."""
    return saved(Image.fromarray(digit.astype(np.uint16) * 257))


WAYS: dict[str, Callable[[np.ndarray], bytes]] = {
    "as it is": lambda digit: saved(plain(digit)),
    "black on white": lambda digit: saved(Image.fromarray(255 - digit)),
    "a large JPEG in colours": lambda digit: saved(enlarged(digit).convert("RGB"), "JPEG", quality=95),
    "CMYK": lambda digit: saved(enlarged(digit).convert("CMYK"), "JPEG", quality=95),
    "a GIF": lambda digit: saved(enlarged(digit), "GIF"),
    "a WebP": lambda digit: saved(enlarged(digit), "WEBP", quality=95),
    "a TIFF": lambda digit: saved(enlarged(digit), "TIFF"),
    "a bitmap": lambda digit: saved(enlarged(digit), "BMP"),
    "16 bits": deep,
    "12 of 16 bits": lambda digit: saved(Image.fromarray(digit.astype(np.uint16) * 16)),
    "floats": lambda digit: saved(Image.fromarray(digit.astype(np.float32) / 16), "TIFF"),
    "white on nothing": white_cut_out,
    "in colours of one luminance": of_one_luminance,
    "transparent": cut_out,
    "turned by EXIF": turned,
    "in a corner of a page": on_a_page,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_digit_is_read_whatever_it_is_saved_as(
    way: str, network: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    images, labels = digits
    found = read_images([WAYS[way](digit) for digit in images[HELD_OUT]], network, store)
    right = [row.top[0].character == CLASSES[label] for row, label in zip(found, labels[HELD_OUT], strict=True)]
    assert sum(right) >= 32, f"{sum(right)} of {len(right)}"


def test_it_is_what_the_study_says_of_foreign_images(
    network: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    images = digits[0][HELD_OUT]
    sets = {"digits": prepare(images, 32)}
    expected = predict(network.recipe, weights_of(store, network), sets, store)["digits"]
    paths = [tmp_path / f"{place}.png" for place in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        path.write_bytes(saved(plain(image)))
    found = read_images(paths, network, store, top=62)
    assert [row.name for row in found] == [str(path) for path in paths]
    for row, shares in zip(found, expected, strict=True):
        assert {guess.character: guess.probability for guess in row.top} == dict(
            zip(CLASSES, shares.astype(float).tolist(), strict=True)
        )
        assert [guess.probability for guess in row.top] == sorted(shares.tolist(), reverse=True)


def test_the_likeliest_come_first_and_no_more_than_asked_for(
    network: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    image = saved(plain(digits[0][1000]))
    (three,) = read_images([image], network, store)
    (one,) = read_images([image], network, store, top=1)
    assert (len(three.top), one) == (3, Recognition(name="image 1", top=three.top[:1]))
    assert read_images([], network, store) == []


def bomb() -> bytes:
    """A file of some kilobytes that says it has 400 million pixels."""
    one = saved(Image.new("1", (SIDE, SIDE)))
    header = one.index(b"IHDR")
    claimed = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + one[header + 12 : header + 17]
    return one[:header] + claimed + zlib.crc32(claimed).to_bytes(4, "big") + one[header + 21 :]


NO_GLYPHS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", r"image 2 is no image that can be read"),
    "text": (b"no image at all", r"image 2 is no image that can be read"),
    "cut off": (saved(Image.effect_noise((64, 64), 90))[:-900], r"image 2 is no image that can be read"),
    "a program": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", r"image 2 is no image that can be read"),
    "a bomb": (bomb(), r"image 2 is no image that can be read \(Image size \(400000000 pixels\)"),
    "too wide": (saved(Image.new("1", (SIDE + 1, 3))), rf"image 2 has {SIDE + 1} x 3 px; expected .* at most {SIDE}"),
    "without a white": (saved(Image.new("F", (9, 9), float("nan")), "TIFF"), r"\(some of its pixels are infinite or"),
    "blank floats": (saved(Image.new("F", (9, 9)), "TIFF"), r"image 2 is blank"),
    "blank": (saved(Image.new("L", (9, 9), 200)), r"image 2 is blank; expected at least 16 grey levels"),
    "a pixel": (saved(Image.new("L", (1, 1))), r"image 2 is blank"),
}


@pytest.mark.parametrize("what", NO_GLYPHS)
def test_what_shows_no_character_is_refused_by_name(what: str, network: Trained, store: Store) -> None:
    content, said = NO_GLYPHS[what]
    fine = saved(Image.fromarray(np.eye(9, dtype=np.uint8) * 255))
    with pytest.raises(InputError, match=said):
        read_images([fine, content], network, store)


def test_a_file_that_is_not_there_is_named_once(network: Trained, store: Store, tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.png", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError) as refusal:
            read_images([path], network, store)
        assert refusal.value.found == f"{path} is no image that can be read ({why})"
    text = tmp_path / "text.png"
    text.write_text("text")
    with pytest.raises(InputError) as refusal:
        read_images([text], network, store)
    assert refusal.value.found.count(str(text)) == 1


def test_a_network_with_other_weights_reads_nothing(network: Trained, store: Store) -> None:
    other = network.model_copy(update={"weights_sha256": "0" * 64})
    with pytest.raises(InputError, match=r"digits has weights of SHA-256 \w+; expected those of SHA-256 0000"):
        read_images([saved(plain(np.eye(8, dtype=np.uint8) * 255))], other, store)


@pytest.fixture(scope="module")
def calibrated(network: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]) -> Trained:
    """The network, with stored predictions of digits that it did not learn from."""
    images, labels = digits[0][1000:1700], digits[1][1000:1700]
    found = predict(network.recipe, weights_of(store, network), {"them": prepare(images, 32)}, store)["them"]
    table, content = as_table([str(place) for place in range(len(labels))], labels, found), BytesIO()
    table.to_parquet(content, index=False)
    validation = Bench(store, Path()).put("predictions/digits/validation.parquet", content.getvalue())
    result = PredictionResult(tables={"validation": validation})
    provenance = Provenance(started="2026-11-27T00:00:00+00:00", seconds=1.0, machine=this_machine(), code="")
    remember(store, outcome_of(PredictionResult)(key="predictions/digits", value=result, provenance=provenance))
    return network.model_copy(update={"predictions": "predictions/digits"})


def test_a_stranger_is_told_from_a_digit(
    calibrated: Trained, network: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    rng = np.random.default_rng(0)
    noise = [saved(Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8))) for _ in range(40)]
    known = [saved(plain(digit)) for digit in digits[0][1700:1780]]
    found = read_images([*known, *noise], calibrated, store)
    assert sum(row.stranger for row in found[:80]) <= 12
    assert sum(row.stranger for row in found[80:]) >= 20
    assert all(row.likeness is not None and row.stranger == (row.likeness < 0.05) for row in found)
    bare = read_images([*known, *noise], network, store)
    assert [row.top[0].character for row in bare] == [row.top[0].character for row in found]
    assert not any(row.stranger or row.likeness is not None for row in bare)


def files(contents: list[bytes]) -> list[File]:
    return [File(f"{place}.png", lambda content=content: content) for place, content in enumerate(contents, 1)]


def year(digits: tuple[np.ndarray, np.ndarray]) -> list[np.ndarray]:
    """2, 0, 2 and 3, handwritten; none of them was learned from."""
    images, labels = digits
    places = [1000 + np.flatnonzero(labels[1000:] == digit) for digit in (2, 0, 2, 3)]
    return [images[places[0][0]], images[places[1][0]], images[places[2][1]], images[places[3][0]]]


def test_with_shears_the_network_says_the_mean_and_how_like_it_is_as_it_stands(
    calibrated: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    glyphs = prepare(digits[0][1700:1720], 32)
    own = calibration_of(store, calibrated)
    assert own
    ways = {str(shear): images for shear, images in slanted(glyphs).items()}
    said = predict(calibrated.recipe, weights_of(store, calibrated), ways, store)
    found, plain = (read(list(glyphs), calibrated, store, shears) for shears in (True, False))
    mean = np.mean([own.probabilities(each) for each in said.values()], axis=0)
    assert found.shares == pytest.approx(mean, abs=1e-6)
    assert (found.likeness, found.temperature) == (plain.likeness, plain.temperature)
    assert not np.allclose(found.shares, plain.shares, atol=0.01)


EVEN = Kinds()


def read_of(contents: list[bytes], trained: Trained, store: Store, kinds: Kinds = EVEN, **known: Any) -> Text:
    return read_text(glyphs_of(files(contents), 32), trained, store, kinds, **known)


def test_images_of_one_text_are_read_as_one_kind(
    calibrated: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    contents = [saved(plain(digit)) for digit in year(digits)]
    found = read_of(contents, calibrated, store)
    assert (found.text, found.kind) == ("2023", "digits")
    assert found.kinds["digits"] > 0.99 and sum(found.kinds.values()) == pytest.approx(1)
    assert found.plain == "".join(row.top[0].character for row in found.glyphs)
    named = [row.model_copy(update={"name": f"{place}.png"}) for place, row in enumerate(
        read_images(contents, calibrated, store), 1)]  # fmt: skip
    assert list(found.glyphs) == named


def test_a_prior_weighs_the_kinds_and_a_known_kind_decides(
    calibrated: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    contents = [saved(plain(digit)) for digit in year(digits)]
    even = read_of(contents, calibrated, store)
    weighed = read_of(contents, calibrated, store, Kinds(digits=1, capitals=1000))
    odds = [found.kinds["capitals"] / found.kinds["digits"] for found in (weighed, even)]
    assert odds[0] == pytest.approx(1000 * odds[1])
    capitals = read_of(contents, calibrated, store, kind="capitals")
    assert (capitals.kind, capitals.kinds) == ("capitals", even.kinds)
    assert capitals.text.isupper() and (capitals.plain, capitals.glyphs) == (even.plain, even.glyphs)


def test_a_temperature_that_is_given_replaces_the_networks_own(
    calibrated: Trained, network: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    contents = [saved(plain(digit)) for digit in year(digits)[:2]]
    own = calibration_of(store, calibrated)
    assert own and own.temperature != pytest.approx(1, abs=0.01)
    same = read_of(contents, calibrated, store, Kinds(temperature=own.temperature))
    assert same.kinds == pytest.approx(read_of(contents, calibrated, store).kinds)
    raw = read_of(contents, network, store, Kinds(temperature=3))
    assert read_of(contents, calibrated, store, Kinds(temperature=3)).kinds == pytest.approx(raw.kinds, rel=1e-4)


def line_of(year: list[np.ndarray]) -> bytes:
    """The digits side by side, white on black, with paper between."""
    padded = [np.pad(np.asarray(enlarged(digit)), 16) for digit in year]
    return saved(Image.fromarray(np.hstack(padded)))


def test_a_line_is_read_as_its_characters_are(
    calibrated: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    found = read_of([line_of(year(digits))], calibrated, store)
    assert (found.text, found.kind) == ("2023", "digits")
    assert [row.name for row in found.glyphs] == [f"1.png, character {place}" for place in (1, 2, 3, 4)]


def test_an_image_that_cannot_be_read_leaves_a_gap(
    network: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    contents = [saved(plain(digit)) for digit in year(digits)]
    contents[2] = b"no image"
    found = glyphs_of(files(contents), 32)
    assert [name for name, each in found if isinstance(each, Failure)] == ["3.png"]
    text = read_text(found, network, store, Kinds())
    assert (text.text, text.plain[2], len(text.glyphs)) == ("20?3", "?", 3)


def test_a_line_that_cannot_be_split_is_named_and_a_text_has_a_bound() -> None:
    ((name, failure),) = glyphs_of(files([b"no image"]), 32)
    assert isinstance(failure, Failure) and name == "1.png"
    assert failure.error.startswith("1.png is no image that can be read")
    with pytest.raises(InputError, match="a text of 101 images; expected at most 100"):
        glyphs_of(files([b""] * 101), 32)


def test_a_stranger_in_a_text_is_told(calibrated: Trained, store: Store, digits: tuple[np.ndarray, np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    noise = [saved(Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8))) for _ in range(20)]
    assert sum(row.stranger for row in read_of(noise, calibrated, store).glyphs) >= 10
