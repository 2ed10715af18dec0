"""Alphabet Characters Fonts: A to Z, some 15,000 renderings each, 32x32 grey, white on black."""

import re
from pathlib import PurePosixPath
from string import ascii_uppercase

import numpy as np

from charrec.alphabet import CAPITALS
from charrec.data.images import LabelledImages
from charrec.data.sources.files import Files
from charrec.data.sources.names import shown
from charrec.data.sources.png import decode
from charrec.data.sources.source import Selection, Source
from charrec.errors import InputError

SIZE = 32
NUMBER = re.compile(r"(0|[1-9][0-9]{0,8})\.png")
LAYOUT = "one folder with subfolders A ... Z of 32x32 PNGs named <number>.png"
REMEDY = "Pass the data set as Kaggle serves it, or a folder with the same layout."


def read_alphabet(files: Files, source: str, version: str, licence: str, per_class: int, seed: int) -> LabelledImages:
    """`per_class` images of each letter, sampled with `default_rng([seed, position in the alphabet])`.

    Sorted by letter, then by number; only sampled images are read. Raises InputError for another layout, a letter with
    fewer images, a file that is not a numbered PNG or an image of another kind.
    """
    root, letters = _find_letters(files)
    layout = {f"{root}{letter}/{name}" for letter in ascii_uppercase for name in letters[root + letter]}
    files.say_unused(layout)
    drawn: list[str] = []
    for position, letter in enumerate(ascii_uppercase):
        numbers = _numbers(files, f"{root}{letter}/", letters[root + letter])
        if len(numbers) < per_class:
            found = f"{files.path}: {root}{letter} has {len(numbers)} images"
            raise InputError(found, f"at least {per_class}", "Request fewer images per letter, or add more.")
        chosen = np.random.default_rng([seed, position]).choice(len(numbers), per_class, replace=False)
        drawn += [f"{letter}/{numbers[index]}.png" for index in sorted(chosen)]
    return LabelledImages(
        images=decode(files, [root + name for name in drawn], SIZE),
        labels=np.repeat(np.array(CAPITALS, np.int64), per_class),
        fonts=[""] * len(drawn),
        styles=[""] * len(drawn),
        names=drawn,
        source=source,
        version=version,
        licence=licence,
    )


def _find_letters(files: Files) -> tuple[str, dict[str, list[str]]]:
    """The path prefix of the folders `A/` ... `Z/`, and the file names of every folder."""
    folders: dict[str, list[str]] = {}
    for name in files.names:
        folder, _, file = name.rpartition("/")
        folders.setdefault(folder, []).append(file)
    candidates = [folder[:-1] for folder in folders if PurePosixPath(folder).name == "A"]
    missing = {root: [c for c in ascii_uppercase if root + c not in folders] for root in candidates}
    roots = [root for root, letters in missing.items() if not letters]
    if len(roots) == 1:
        return roots[0], folders
    if roots:
        found = f"{len(roots)} folders with A ... Z ({', '.join(map(shown, roots))})"
    elif missing:
        root, letters = min(missing.items(), key=lambda item: len(item[1]))
        found = f"{shown(root)}A, but no files in {shown(root)}{', '.join(letters)}"
    else:
        found = f"no folder A{files.unopened()}"
    raise InputError(f"{files.path} holds {found}", LAYOUT, REMEDY)


def _numbers(files: Files, folder: str, names: list[str]) -> list[int]:
    numbers = []
    for name in names:
        match = NUMBER.fullmatch(name)
        if not match:
            raise InputError(f"{files.path}: {shown(folder + name)} breaks the layout", LAYOUT, "Remove this file.")
        numbers.append(int(match[1]))
    return sorted(numbers)


def read(source: Source, selection: Selection) -> LabelledImages:
    assert selection.per_class is not None and selection.seed is not None
    origin = source.name, source.version, source.licence
    with source.open() as files:
        return read_alphabet(files, *origin, per_class=selection.per_class, seed=selection.seed)
