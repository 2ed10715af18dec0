"""Sources of labelled images: Kaggle, a folder or archive, installed fonts, scikit-learn.

`locate` downloads a source if necessary and returns its identity without decoding images; `read` decodes them.
"""

from importlib.metadata import version as package_version
from pathlib import Path

from charrec.data.sources.files import fingerprint
from charrec.data.sources.names import shown
from charrec.data.sources.source import READERS, Role, Selection, Source, read
from charrec.errors import InputError
from charrec.paths import at_home
from charrec.study import Data

__all__ = ["READERS", "Role", "Selection", "Source", "locate", "read"]


def locate(role: Role, data: Data, cache: Path, current: bool = False) -> Source:
    """The source that `data` names for a role; downloads a Kaggle data set that `cache` lacks.

    With `current`, it downloads Kaggle's current version unless `cache` has that one. Raises InputError.
    """
    text: str = getattr(data, role)
    if text.startswith("kaggle:"):
        from charrec.data.sources.kaggle import download

        fetched = download(text.removeprefix("kaggle:"), cache, current=current)
        return Source(
            role=role, kind="files", identity=fetched.sha256, name=f"Kaggle {fetched.dataset}", path=fetched.path,
            version=str(fetched.version), licence=fetched.licence,
        )  # fmt: skip
    if text == "fonts" and role in ("glyphs", "letters"):
        from charrec.data.sources import fonts

        name = "fonts that are installed with charrec" if role == "glyphs" else "fonts kept out of training"
        return Source(role=role, kind="fonts", identity=fonts.fingerprint(), name=name)
    if text == "sklearn" and role == "digits":
        identity = f"scikit-learn {package_version('scikit-learn')}"
        return Source(role=role, kind="sklearn", identity=identity, name="handwritten digits of scikit-learn")
    path = _existing(role, text)
    return Source(role=role, kind="files", identity=fingerprint(path), name=path.name, path=path)


def _existing(role: Role, text: str) -> Path:
    """The folder or archive of that name, `~` meaning home. Raises InputError for any other text."""
    built_in = {"glyphs": "'fonts'", "letters": "'fonts'", "digits": "'sklearn'"}[role]
    expected = f"kaggle:owner/slug[/version], an existing folder or archive, or {built_in}"
    why = ""
    try:
        text.encode()  # a report and a run's parameters are UTF-8
        path = Path(at_home(text))
        if path.exists():
            return path
    except UnicodeEncodeError:
        why = " (a name that is not UTF-8)"
    except PermissionError:
        why = " (permission denied)"
    except OSError as error:
        why = f" ({error.strerror})"
    raise InputError(f"{role} {shown(text)!r}{why}", expected, "Check the path or the name.")
