"""Anything -> labelled images: Kaggle, a folder or archive, or what is installed with the project.

A source is located first (fetched if need be), which tells its identity without decoding anything; then read.
"""

from importlib.metadata import version as package_version
from pathlib import Path
from typing import Literal

from charrec.data.images import LabelledImages
from charrec.data.sources.files import fingerprint, open_files
from charrec.errors import InputError
from charrec.study import Data, Frozen

Role = Literal["glyphs", "letters", "digits"]


class Source(Frozen):
    """Where a set is, and what decides its content (`identity`)."""

    role: Role
    kind: Literal["files", "fonts", "sklearn"]
    identity: str
    name: str  # as reports call it
    path: Path | None = None  # of a folder or archive
    version: str = ""
    licence: str = ""


def locate(role: Role, data: Data, cache: Path, current: bool = False) -> Source:
    """Find what `data` names for a role; a Kaggle data set is downloaded into `cache` unless it is there.

    `current`: unless the version that Kaggle has now is there.
    """
    text: str = getattr(data, role)
    if text.startswith("kaggle:"):
        from charrec.data.sources.kaggle import download

        got = download(text.removeprefix("kaggle:"), cache, current=current)
        name = f"Kaggle {got.dataset}, version {got.version}"
        return Source(
            role=role, kind="files", identity=got.sha256, name=name, path=got.path, version=str(got.version),
            licence=got.licence,
        )  # fmt: skip
    if text == "fonts" and role in ("glyphs", "letters"):
        from charrec.data.sources import fonts

        name = "fonts that are installed with charrec" if role == "glyphs" else "fonts kept out of training"
        return Source(role=role, kind="fonts", identity=fonts.fingerprint(), name=name)
    if text == "sklearn" and role == "digits":
        identity = f"scikit-learn {package_version('scikit-learn')}"
        return Source(role=role, kind="sklearn", identity=identity, name="handwritten digits of scikit-learn")
    path = Path(text).expanduser()
    if not path.exists():
        known = {"glyphs": "'fonts'", "letters": "'fonts'", "digits": "'sklearn'"}[role]
        raise InputError(
            f"{role} {text!r}",
            f"kaggle:owner/slug[/version], an existing folder or archive, or {known}",
            "Check the path or the name.",
        )
    return Source(role=role, kind="files", identity=fingerprint(path), name=path.name, path=path)


def read(source: Source, data: Data, seed: int) -> LabelledImages:
    """The images of a located source. Raises InputError for what is not as its role expects."""
    if source.kind == "fonts":
        from charrec.data.sources import fonts

        if source.role == "glyphs":
            return fonts.render_glyphs(data.fonts)
        return fonts.render_letters(per_class=data.letters_per_class, seed=seed)
    if source.kind == "sklearn":
        from charrec.data.sources.handwriting import read_sklearn_digits

        return read_sklearn_digits()
    assert source.path is not None
    known = (source.name, source.version, source.licence)
    with open_files(source.path) as files:
        if source.role == "glyphs":
            from charrec.data.sources.chars74k import read_chars74k

            return read_chars74k(files, *known, fonts=data.fonts)
        if source.role == "letters":
            from charrec.data.sources.alphabet_fonts import read_alphabet

            return read_alphabet(files, *known, per_class=data.letters_per_class, seed=seed)
        from charrec.data.sources.mnist import read_mnist_test

        return read_mnist_test(files, *known)
