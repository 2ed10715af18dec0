"""PNGs of every kind that holds 8-bit grey are read; what would lose something is refused with the reason."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import png

from charrec.data.sources.files import open_files
from charrec.data.sources.png import decode
from charrec.errors import InputError

GREY = np.random.default_rng(1).integers(0, 256, (32, 32), np.uint8)
BLACK_AND_WHITE = np.where(GREY < 128, 0, 255).astype(np.uint8)


def read(folder: Path, content: bytes) -> np.ndarray:
    (folder / "1.png").write_bytes(content)
    with open_files(folder) as files:
        return decode(files, ["1.png"], 32)[0]


def saved(image: Image.Image, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, "PNG", **options)
    return target.getvalue()


def palette(greys: np.ndarray) -> Image.Image:
    """The greys under other numbers, as a palette has them."""
    image = Image.fromarray(255 - greys).convert("P")
    image.putpalette([255 - number for number in range(256) for _ in "rgb"])
    return image


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png(GREY), GREY),
        (saved(Image.fromarray(BLACK_AND_WHITE).convert("1")), BLACK_AND_WHITE),
        (saved(palette(GREY)), GREY),
        (saved(palette(BLACK_AND_WHITE), optimize=True), BLACK_AND_WHITE),
        (saved(Image.fromarray(GREY).convert("RGB")), GREY),
        (saved(Image.fromarray(GREY).convert("RGBA")), GREY),
        (saved(Image.fromarray(GREY).convert("LA")), GREY),
        (png(GREY.astype(np.uint16) * 257), GREY),
    ],
    ids=["grey", "1 bit", "palette", "2 colours", "RGB", "RGBA", "grey and alpha", "16 bits"],
)
def test_a_png_that_holds_grey_is_read_exactly(content: bytes, expected: np.ndarray, tmp_path: Path) -> None:
    assert np.array_equal(read(tmp_path, content), expected)


def coloured() -> Image.Image:
    image = Image.fromarray(GREY).convert("RGB")
    image.putpixel((3, 3), (9, 9, 10))
    return image


def see_through() -> Image.Image:
    image = Image.fromarray(GREY).convert("RGBA")
    image.putpixel((3, 3), (9, 9, 9, 254))
    return image


def moving() -> bytes:
    target = io.BytesIO()
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(target, "PNG", save_all=True, append_images=frames[1:])
    return target.getvalue()


WHOLE = png(GREY)
JPEG = io.BytesIO()
Image.fromarray(GREY).save(JPEG, "JPEG")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (saved(coloured()), "has colours"),
        (saved(coloured().convert("P")), "has colours"),
        (saved(see_through()), "is transparent in places"),
        (saved(Image.fromarray(GREY), transparency=int(GREY[0, 0])), "is transparent in places"),
        (png(GREY.astype(np.uint16) * 257 + 1), "has 16-bit greys that 8 bits cannot hold"),
        (moving(), "has 2 pictures"),
        (png(GREY[:16, :16]), "has 16x16 pixels"),
        (b"", "is not a readable PNG (it is an empty file)"),
        (JPEG.getvalue(), "is not a readable PNG (it is a JPEG)"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is not a readable PNG (it is a Git LFS pointer"),
        (b"something", "is not a readable PNG (it is another kind"),
        (WHOLE[:20], "is not a readable PNG"),
        (WHOLE[:-200], "is not a readable PNG"),
        (WHOLE[:60] + bytes([WHOLE[60] ^ 255]) + WHOLE[61:], "is not a readable PNG"),
    ],
)
def test_what_would_be_lost_is_told(content: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert f"{tmp_path}: 1.png {why}" in caught.value.found
    assert "object at" not in str(caught.value)
