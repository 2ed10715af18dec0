"""A located source and the selection of images that a study takes from it; each kind has a reader module."""

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
    """The location of a data set and the identity of its content."""

    role: Role
    kind: Literal["files", "fonts", "sklearn"]
    identity: str
    name: Annotated[str, UNCOUNTED]  # in reports
    path: Annotated[Path | None, UNCOUNTED] = None  # of a folder or archive
    version: Annotated[str, UNCOUNTED] = ""
    licence: Annotated[str, UNCOUNTED] = ""

    @property
    def module(self) -> str:
        """The module with this source's `read(source, selection)`."""
        return f"{__package__}.{READERS[self.role, self.kind]}"

    def open(self) -> AbstractContextManager[Files]:
        """The source's files; for kind "files" only."""
        assert self.path is not None
        return open_files(self.path)


class Selection(Frozen):
    """The images to take from a source; fields that a role does not use are None."""

    fonts: int | None = None  # number of fonts, evenly spread; None takes all
    per_class: int | None = None  # images of each class, sampled with the seed
    seed: int | None = None


def read(source: Source, selection: Selection) -> LabelledImages:
    """The selected images of a source. Raises InputError if the data do not fit its role."""
    return cast(LabelledImages, import_module(source.module).read(source, selection))
