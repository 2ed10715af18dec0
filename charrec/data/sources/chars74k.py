"""Chars74K computer fonts: 62 classes, 254 fonts in 4 styles, 128x128 grey, black on white.

T. E. de Campos, B. R. Babu and M. Varma, Character recognition in natural images, VISAPP 2009.
"""

import re
from pathlib import PurePosixPath

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data.images import LabelledImages
from charrec.data.sources.files import Files
from charrec.data.sources.names import enumerated, shown
from charrec.data.sources.png import decode
from charrec.data.sources.source import Selection, Source
from charrec.errors import InputError

SIZE = 128
# The styles of a font's four consecutive numbers, measured on H, I, T and l of all 254 fonts: median ink
# 1899, 2651, 1736, 2400 pixels; median shear 0.00, 0.00, 0.33, 0.34. So 2 and 4 are bold, 3 and 4 slanted.
STYLES = ("regular", "bold", "italic", "bold-italic")

NAME = re.compile(r"img([0-9]{3})-([0-9]{5})\.png")
PICTURE = re.compile(r"img.*|.*\.(png|jpe?g|bmp|gif|tiff?|webp)", re.IGNORECASE)
LAYOUT = "folders Sample001 ... Sample062 of files imgCCC-FFFFF.png, 128x128 pixels that hold 8-bit grey"
REMEDY = "Pass the data set as Kaggle serves it, or a folder with the same layout."


def read_chars74k(files: Files, source: str, version: str, licence: str, fonts: int | None = None) -> LabelledImages:
    """All images, or those of n fonts spread evenly over the set, sorted by class, then by name.

    FFFFF starts at 1, with four numbers per font. The number of fonts may vary, also between classes. Raises InputError
    for another layout, an empty class or an image of another kind.
    """
    root = _find_root(files)
    entries = [entry for name in files.names if (entry := _parse(files, root, name))]
    files.say_unused({root + name for _, _, _, name in entries})
    if fonts is not None:
        kept = _spread({font for _, font, _, _ in entries}, fonts)
        entries = [entry for entry in entries if entry[1] in kept]
    labels = np.array([label for label, _, _, _ in entries], np.int64)
    _check_classes(files, root, labels)
    return LabelledImages(
        images=decode(files, [root + name for _, _, _, name in entries], SIZE),
        labels=labels,
        fonts=[f"font{font + 1:03d}" for _, font, _, _ in entries],
        styles=[STYLES[style] for _, _, style, _ in entries],
        names=[name for _, _, _, name in entries],
        source=source,
        version=version,
        licence=licence,
    )


def _find_root(files: Files) -> str:
    """The path prefix of `Sample001/`."""
    folders = {str(PurePosixPath(name).parent) for name in files.names}
    roots = sorted(folder.removesuffix("Sample001") for folder in folders if folder.split("/")[-1] == "Sample001")
    if len(roots) != 1:
        found = (
            f"{len(roots)} folders Sample001 ({', '.join(map(shown, roots))})"
            if roots
            else f"no folder Sample001{files.unopened()}"
        )
        raise InputError(f"{files.path} holds {found}", f"one set of {LAYOUT}", REMEDY)
    return roots[0]


def _parse(files: Files, root: str, name: str) -> tuple[int, int, int, str] | None:
    """(class, font, style, name below the root) of an image; None for other files."""
    inner = name[len(root) :]
    if not name.startswith(root + "Sample") or not PICTURE.fullmatch(PurePosixPath(name).name):
        return None
    folder, _, file = inner.partition("/")
    match = NAME.fullmatch(file)
    if not match or folder != f"Sample{match[1]}" or not 1 <= int(match[1]) <= len(CLASSES) or int(match[2]) < 1:
        raise InputError(f"{files.path}: {shown(name)} breaks the layout", LAYOUT, "Remove this file.")
    font, style = divmod(int(match[2]) - 1, len(STYLES))
    return int(match[1]) - 1, font, style, inner


def _spread(present: set[int], count: int) -> set[int]:
    """`count` fonts evenly spaced by number, or all if there are no more."""
    ordered = sorted(present)
    return {ordered[i * len(ordered) // count] for i in range(count)} if count < len(ordered) else present


def _check_classes(files: Files, root: str, labels: np.ndarray) -> None:
    counts = np.bincount(labels, minlength=len(CLASSES))
    empty = [f"Sample{index + 1:03d}" for index in np.flatnonzero(counts == 0)]
    if empty:
        classes = "1 class" if len(empty) == 1 else f"{len(empty)} classes"
        found = f"{files.path}: no images of {classes} ({shown(root)}{enumerated(empty)})"
        raise InputError(found, f"images in every class: {LAYOUT}", REMEDY)


def read(source: Source, selection: Selection) -> LabelledImages:
    with source.open() as files:
        return read_chars74k(files, source.name, source.version, source.licence, fonts=selection.fonts)
