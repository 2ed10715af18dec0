"""Anything -> labelled images: Kaggle, a folder or archive, or what is installed with the project.

A source is located first, and fetched if need be, which tells its identity without decoding anything; then it is read.
"""

from importlib.metadata import version as package_version
from pathlib import Path

from charrec.data.sources.files import fingerprint
from charrec.data.sources.source import READERS, Role, Selection, Source, read
from charrec.errors import InputError
from charrec.study import Data

__all__ = ["READERS", "Role", "Selection", "Source", "locate", "read"]


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
