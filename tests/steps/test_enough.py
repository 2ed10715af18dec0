"""A study that its data cannot carry to the end is refused right after packing."""

from pathlib import Path

import numpy as np
import pytest

from charrec.alphabet import CAPITALS, CLASSES, DIGITS
from charrec.data.images import LabelledImages
from charrec.data.packing import pack
from charrec.data.sources.source import Role
from charrec.errors import InputError
from charrec.machine.provenance import this_machine
from charrec.memo.outcome import Outcome, Provenance
from charrec.memo.step import Bench
from charrec.results import PackResult, Stored
from charrec.steps.enough import require_enough
from charrec.study import Runtime, Study


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.of(Runtime(store=str(tmp_path / "store"), cache=tmp_path / "cache"))


def outcome(bench: Bench, folder: Path, role: Role, labels: list[int], fonts: int) -> Outcome[PackResult]:
    """A packed set: each label in each font, every picture another one."""
    count = len(labels) * fonts
    images = LabelledImages(
        images=np.random.default_rng(0).integers(0, 256, (count, 8, 8), np.uint8),
        labels=np.tile(np.array(labels, np.int64), fonts),
        fonts=[f"font{number:03d}" for number in range(fonts) for _ in labels],
        styles=["regular"] * count,
        names=[str(number) for number in range(count)],
        source="", version="", licence="",
    )  # fmt: skip
    path = folder / f"{role}.parquet"
    manifest = pack(images, path)
    file = Stored(key=f"{role}/glyphs.parquet", sha256=bench.store.upload(path, f"{role}/glyphs.parquet"))
    provenance = Provenance(started="2026-11-27T00:00:00+00:00", seconds=0, machine=this_machine(), code="")
    return Outcome[PackResult](key=role, value=PackResult(manifest=manifest, file=file), provenance=provenance)


def check(
    bench: Bench, folder: Path, study: Study, classes: int = len(CLASSES), fonts: int = 2, digits: int = 10
) -> None:
    sets: dict[Role, Outcome[PackResult]] = {
        "glyphs": outcome(bench, folder, "glyphs", list(range(classes)), fonts),
        "letters": outcome(bench, folder, "letters", list(CAPITALS), 1),
        "digits": outcome(bench, folder, "digits", list(DIGITS)[:digits], 1),
    }
    require_enough(study, sets, bench)


@pytest.mark.parametrize("study", [Study(), Study(split="font", validation_fraction=0.5), Study(texts=("AZ", "0123"))])
def test_data_that_are_enough_pass(study: Study, bench: Bench, tmp_path: Path) -> None:
    check(bench, tmp_path, study)


def test_too_few_fonts_to_split_by_are_told(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="124 images of 2 font groups split into 124 for training and 0") as caught:
        check(bench, tmp_path, Study(split="font"))
    assert "more fonts" in caught.value.remedy


def test_too_few_images_to_show_are_told(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leaves 3 images for training and 12 for validation.*at least 4"):
        check(bench, tmp_path, Study(validation_fraction=0.8), classes=15, fonts=1)


def test_a_text_that_the_new_data_cannot_show_is_told(bench: Bench, tmp_path: Path) -> None:
    check(bench, tmp_path, Study(texts=("2012",)), digits=3)
    with pytest.raises(InputError, match="no image of '3'"):
        check(bench, tmp_path, Study(texts=("APR", "2023")), digits=3)
