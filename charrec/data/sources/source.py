"""A located source, and which of its images a study takes; each kind has a reader, a module of its own."""

from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal, cast

from charrec.data.images import LabelledImages
from charrec.data.sources.files import Files, open_files
from charrec.study import UNCOUNTED, Frozen

Role = Literal["glyphs", "letters", "digits"]

READERS = {
    ("glyphs", "files"): "chars74k",
    ("letters", "files"): "alphabet_fonts",
    ("digits", "files"): "mnist",
    ("glyphs", "fonts"): "fonts",
    ("letters", "fonts"): "fonts",
    ("digits", "sklearn"): "handwriting",
}


class Source(Frozen):
    """Where a set is, and what decides its content (`identity`)."""

    role: Role
    kind: Literal["files", "fonts", "sklearn"]
    identity: str
    name: Annotated[str, UNCOUNTED]  # in reports
    path: Annotated[Path | None, UNCOUNTED] = None  # of a folder or archive
    version: Annotated[str, UNCOUNTED] = ""
    licence: Annotated[str, UNCOUNTED] = ""

    @property
    def module(self) -> str:
        """The module whose `read(source, selection)` reads it."""
        return f"{__package__}.{READERS[self.role, self.kind]}"

    def open(self) -> AbstractContextManager[Files]:
        """Its files, where it has any."""
        assert self.path is not None
        return open_files(self.path)


class Selection(Frozen):
    """Which images of a source are taken; what a role has no use for is None."""

    fonts: int | None = None  # of so many fonts, evenly chosen; none: all
    per_class: int | None = None  # so many images of each class, drawn by the seed
    seed: int | None = None


def read(source: Source, selection: Selection) -> LabelledImages:
    """The images of a source. Raises InputError for what is not as its role expects."""
    return cast(LabelledImages, import_module(source.module).read(source, selection))
