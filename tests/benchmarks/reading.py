"""How well a network reads what a scanner or a phone yields: `python -m tests.benchmarks.reading STORE`.

The 62 characters in fonts that no training saw, drawn cleanly and spoilt in six ways, each by a seed; then things that
are none of the 62. STORE holds a study of the embedded fonts. Prints the tables of docs/reading.md: the share that is
read right with the preparation of the study alone ("before") and with the character extracted first ("after").
"""

import argparse
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from charrec.alphabet import CLASSES, FOLDED
from charrec.data.foreign import prepare
from charrec.data.sources.fonts import HELD_OUT, Face, draw, family_faces
from charrec.data.sources.handwriting import read_sklearn_digits
from charrec.evaluation.prediction import predict
from charrec.evaluation.scores import calibration_error
from charrec.report.stored import reports, result_of
from charrec.serving.calibration import REFUSED, Calibration, calibration_of
from charrec.serving.candidate import trained_of, weights_of
from charrec.serving.extraction import extract
from charrec.storage import open_store

SIDE, GLYPH = 200, 110  # px of a picture, and of the larger side of the character in it
SEED = 7
Picture = np.ndarray  # (h, w) uint8
Way = Callable[[np.ndarray, np.random.Generator], Picture]  # of ink, 0...1

STRANGERS = "ЖДФШЩЫЭЮЯБГЛПЦЧИΩΔΣΨΦΛΠΞΘ%&@#?!+=*/$€§{}~<>÷±¶©→♥★"


def page(ink: np.ndarray, dark: float = 35, light: float = 225) -> np.ndarray:
    """Ink on paper, neither of them pure; float."""
    paper: np.ndarray = light - (light - dark) * ink
    return paper


def shown(values: np.ndarray) -> Picture:
    picture: np.ndarray = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return picture


def clean(ink: np.ndarray, _rng: np.random.Generator) -> Picture:
    return shown(255 * (1 - ink))


def noisy(ink: np.ndarray, rng: np.random.Generator) -> Picture:
    """Gaussian noise of 25 levels, and one pixel in a hundred black or white."""
    values = page(ink) + rng.normal(0, 25, ink.shape)
    hit = rng.random(ink.shape)
    values[hit < 0.005], values[hit > 0.995] = 0, 255
    return shown(values)


def lit_from_one_side(ink: np.ndarray, rng: np.random.Generator) -> Picture:
    """Light that falls to a quarter across the picture, in any direction."""
    return shown(page(ink) * light(ink.shape, rng, 0.25) + rng.normal(0, 2, ink.shape))


def framed(ink: np.ndarray, rng: np.random.Generator) -> Picture:
    """A drawn box around the character, or at the picture's edge."""
    image = Image.fromarray(shown(page(ink)))
    inset, width = int(rng.integers(0, 16)), int(rng.integers(2, 7))
    box = (inset, inset, SIDE - 1 - inset, SIDE - 1 - inset)
    ImageDraw.Draw(image).rectangle(box, outline=35, width=width)
    return np.asarray(image)


def specked(ink: np.ndarray, rng: np.random.Generator) -> Picture:
    """Three to eight specks of 1 to 4 px, anywhere beside the character."""
    image = Image.fromarray(shown(page(ink)))
    pen, near = ImageDraw.Draw(image), ndimage.binary_dilation(ink > 0.1, iterations=6)
    for _ in range(int(rng.integers(3, 9))):
        x, y = rng.integers(4, SIDE - 4, 2)
        radius = rng.uniform(0.6, 2.2)
        if not near[y, x]:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=60)
    return np.asarray(image)


def photographed(ink: np.ndarray, rng: np.random.Generator) -> Picture:
    """Turned by up to 6 degrees, seen askew, in a shadow with a soft edge, out of focus, noisy, a JPEG."""
    seen = askew(ink, rng)
    shadow = 1 - 0.45 * ndimage.gaussian_filter(half_plane(ink.shape, rng).astype(float), 8)
    values = ndimage.gaussian_filter(page(seen) * light(ink.shape, rng, 0.7) * shadow, rng.uniform(1, 2.5))
    file = BytesIO()
    Image.fromarray(shown(values + rng.normal(0, 5, ink.shape))).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file))


WAYS: dict[str, Way] = {
    "clean": clean,
    "noisy": noisy,
    "lit from one side": lit_from_one_side,
    "framed": framed,
    "with specks": specked,
    "photographed": photographed,
}


def light(shape: tuple[int, ...], rng: np.random.Generator, least: float) -> np.ndarray:
    """1 at one side, `least` at the other."""
    across = directed(shape, rng)
    fallen: np.ndarray = least + (1 - least) * (across - across.min()) / np.ptp(across)
    return fallen


def half_plane(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    across = directed(shape, rng)
    half: np.ndarray = across > rng.uniform(-0.3, 0.3) * SIDE
    return half


def directed(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """px from the middle of the picture in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.indices(shape) - SIDE / 2
    along: np.ndarray = np.cos(angle) * x + np.sin(angle) * y
    return along


def askew(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turned about the middle, with a vanishing point."""
    turn, (u, v) = np.radians(rng.uniform(-6, 6)), rng.uniform(-0.0008, 0.0008, 2)
    y, x = np.indices(ink.shape) - SIDE / 2
    scale = 1 + u * x + v * y
    rows = (np.sin(turn) * x + np.cos(turn) * y) / scale + SIDE / 2
    columns = (np.cos(turn) * x - np.sin(turn) * y) / scale + SIDE / 2
    turned: np.ndarray = np.clip(ndimage.map_coordinates(ink, [rows, columns], order=1), 0, 1)
    return turned


def characters(faces: list[Face], rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray]]:
    """Label and ink of each character in each face, near the middle of its picture."""
    for face in faces:
        for label, glyph in enumerate(draw(face, CLASSES, SIDE, GLYPH)):
            yield label, np.roll(glyph, rng.integers(-20, 21, 2), (0, 1)) / 255


def strangers(rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Kind and ink of what is no character of the 62."""
    for path in dejavu():
        font = ImageFont.truetype(str(path), GLYPH)
        for sign in STRANGERS:
            yield "letter" if sign.isalpha() else "sign", written(sign, font)
        for _ in range(20):
            two = "".join(rng.choice(list(CLASSES), 2))
            yield "two characters", written(two, font)
    for _ in range(60):
        yield "blot", blot(rng)
    for _ in range(60):
        yield "scribble", scribble(rng)


def dejavu() -> list[Path]:
    """Fonts with Cyrillic and Greek, which matplotlib ships."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [folder / f"{name}.ttf" for name in ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono-Bold")]


def written(text: str, font: ImageFont.FreeTypeFont) -> np.ndarray:
    image = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(image).text((SIDE / 2, SIDE / 2), text, fill=255, font=font, anchor="mm")
    return np.asarray(image) / 255


def blot(rng: np.random.Generator) -> np.ndarray:
    rough = ndimage.gaussian_filter(rng.normal(0, 1, (SIDE, SIDE)), rng.uniform(10, 25))
    y, x = np.indices(rough.shape) - SIDE / 2
    field = rough / rough.std() - ((x * x + y * y) / 60**2 - 1) * 2
    ink: np.ndarray = np.clip(0.5 + 4 * field, 0, 1)
    return ink


def scribble(rng: np.random.Generator) -> np.ndarray:
    image = Image.new("L", (SIDE, SIDE))
    points = [tuple(point) for point in rng.uniform(45, SIDE - 45, (int(rng.integers(6, 12)), 2))]
    ImageDraw.Draw(image).line(points, fill=255, width=int(rng.integers(5, 12)), joint="curve")
    return np.asarray(image.filter(ImageFilter.GaussianBlur(0.7))) / 255


def prepared(pictures: list[Picture], size: int, first: Callable[[Picture], Picture]) -> np.ndarray:
    """(n, size, size) as the network is given them."""
    return np.concatenate([prepare(first(picture)[None], size) for picture in pictures])


def rates(read: np.ndarray, labels: np.ndarray) -> str:
    """Right among 62, and with the two cases as one."""
    folded = np.array(FOLDED)
    return f"{100 * np.mean(read == labels):.1f} / {100 * np.mean(folded[read] == folded[labels]):.1f}"


def main(address: str, model: str) -> None:
    """Print the tables."""
    store = open_store(address)
    network = trained_of(result_of(store, reports(store)[0]), model)
    calibration = calibration_of(store, network)
    assert calibration, "the study's predictions are needed"
    size, faces = network.recipe.image_size, [family_faces(family)[0] for family in HELD_OUT]
    labels = np.tile(np.arange(len(CLASSES)), len(faces))
    sets = {}
    for name, way in WAYS.items():
        rng = np.random.default_rng(SEED)
        pictures = [way(ink, rng) for _, ink in characters(faces, rng)]
        for when, first in (("before", lambda picture: picture), ("after", extract)):
            sets[f"{name} {when}"] = prepared(pictures, size, first)
    kinds, unknown = zip(*strangers(np.random.default_rng(SEED)), strict=True)
    sets["strangers"] = prepared([shown(255 * (1 - ink)) for ink in unknown], size, extract)
    digits = read_sklearn_digits()
    sets["digits"] = prepare(digits.images, size)
    found = predict(network.recipe, weights_of(store, network), sets, store)

    print(f"{model}, {len(labels)} characters of {len(faces)} fonts: % right among 62 / with the two cases as one\n")
    print("| picture | before | after | refused |\n|---|---|---|---|")
    for name in WAYS:
        before, after = (found[f"{name} {when}"] for when in ("before", "after"))
        row = rates(before.argmax(axis=1), labels), rates(after.argmax(axis=1), labels), refused(calibration, after)
        print(f"| {name} | {' | '.join(row)} |")
    print("\n| no character of the 62 | n | refused |\n|---|---|---|")
    for kind in dict.fromkeys(kinds):
        chosen = found["strangers"][np.array(kinds) == kind]
        print(f"| {kind} | {len(chosen)} | {refused(calibration, chosen)} |")
    right = found["digits"].argmax(axis=1) == digits.labels
    print(
        f"\nhandwritten digits of 8 x 8 px: {100 * right.mean():.1f} % right among 62; refused of those read right",
        end=" ",
    )
    print(f"{refused(calibration, found['digits'][right])}, wrong {refused(calibration, found['digits'][~right])}")
    print(f"temperature {calibration.temperature:.2f}; expected calibration error before and after, %:", end="")
    for name in WAYS:
        each = (found[f"{name} after"], calibration.probabilities(found[f"{name} after"]))
        errors = (calibration_error(row.max(axis=1), row.argmax(axis=1) == labels) for row in each)
        print(f" {name} {' / '.join(f'{100 * error:.1f}' for error in errors)};", end="")
    print()


def refused(calibration: Calibration, found: np.ndarray) -> str:
    return f"{100 * np.mean(calibration.likeness(found) < REFUSED):.1f} %"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store")
    parser.add_argument("--model", default="model_3")
    options = parser.parse_args()
    main(options.store, options.model)
