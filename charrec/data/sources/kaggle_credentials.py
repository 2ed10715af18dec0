"""Kaggle's credentials, where its client looks for them: found, absent, or there and of no use, which is an error."""

import codecs
import json
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charrec.errors import InputError

OFFLINE = "or download the archive with a browser and pass its path"
CREDENTIALS = (
    "Create a token at https://www.kaggle.com/settings/api and set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and "
    f"KAGGLE_KEY, or put kaggle.json into ~/.kaggle; {OFFLINE}."
)
LIMIT = 1 << 16  # bytes; Kaggle's own files have some hundred
MARKS = {  # the longer ones first: UTF-32's begins like UTF-16's
    codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16", codecs.BOM_UTF8: "UTF-8 with a byte-order mark",
}  # fmt: skip
REMEDY = "Mend it or create a new one at https://www.kaggle.com/settings/api; delete it to do without Kaggle."


def credentials_found(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the client would find credentials; sends nothing.

    Raises InputError for some that it could not read or send: the client passes over them in silence.
    """
    home = Path(environ.get("HOME") or Path.home())
    return _token_found(environ, home) or _pair_or_login_found(environ, home)


def _token_found(environ: Mapping[str, str], home: Path) -> bool:
    places = [home / ".kaggle" / "access_token", home / ".kaggle" / "access_token.txt"]
    if value := environ.get("KAGGLE_API_TOKEN"):
        if not _is_path(value):
            return _sendable("KAGGLE_API_TOKEN", value)
        places = [Path(value)]
    if environ.get("KAGGLE_KERNEL_RUN_TYPE") and environ.get("KAGGLE_API_V1_TOKEN"):
        places.insert(0, Path(environ["KAGGLE_API_V1_TOKEN"]))  # in a Kaggle notebook
    return any(_sendable(str(place), (_text(place) or "").strip()) for place in places)


def _pair_or_login_found(environ: Mapping[str, str], home: Path) -> bool:
    """A username with its key, each from the environment or from kaggle.json; else a login by browser."""
    file = _configuration(environ, home) / "kaggle.json"
    pair = {name: environ.get(f"KAGGLE_{name.upper()}") or "" for name in ("username", "key")}
    known = {} if all(pair.values()) else _json(file)
    for name, value in pair.items():
        pair[name] = value or _field(file, known, name)
        _sendable(f"KAGGLE_{name.upper()}" if value else f"{name} in {file}", pair[name])
    login = home / ".kaggle" / "credentials.json"
    if all(pair.values()) or _field(login, _json(login), "refresh_token"):
        return True
    missing = " and ".join(name for name, value in pair.items() if not value)
    if known or any(pair.values()):
        found = str(file) if known else " and ".join(f"KAGGLE_{name.upper()}" for name, value in pair.items() if value)
        raise InputError(f"{found} without a {missing}", "a Kaggle username with its key", REMEDY)
    return False


def _configuration(environ: Mapping[str, str], home: Path) -> Path:
    """The client's folder for kaggle.json: ~/.kaggle if it exists, else the XDG folder."""
    if environ.get("KAGGLE_CONFIG_DIR"):
        return Path(environ["KAGGLE_CONFIG_DIR"])
    if (home / ".kaggle").exists() or not sys.platform.startswith("linux"):
        return home / ".kaggle"
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "kaggle"


def _is_path(value: str) -> bool:
    try:
        return Path(value).exists()
    except OSError:  # too long for a name
        return False


def _sendable(name: str, value: str) -> bool:
    """Whether there is a value. Raises InputError for one that cannot stand in a header; it is never shown."""
    if value and not (value.isascii() and value.isprintable() and value == value.strip()):
        raise InputError(
            f"{name} holds a line end or another character that no request can carry",
            "printable ASCII, without blanks around it", "Copy it again from https://www.kaggle.com/settings/api.",
        )  # fmt: skip
    return bool(value)


def _field(file: Path, content: Mapping[str, Any], name: str) -> str:
    value = content.get(name) or ""
    if not isinstance(value, str):
        raise InputError(f"{name} in {file} is no text", "one in quotation marks", REMEDY)
    return value


def _json(file: Path) -> dict[str, Any]:
    """The object in a file; {} if there is no file."""
    text = _text(file)
    if text is None:
        return {}
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{file} is no JSON", "Kaggle's credentials as Kaggle writes them", REMEDY) from None
    if not isinstance(content, dict) or not content:
        raise InputError(f"{file} holds no credentials", "a JSON object as Kaggle writes it", REMEDY)
    return content


def _text(file: Path) -> str | None:
    """What the file holds; None if there is none."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise InputError(f"{file} is a folder or a device", "a file with Kaggle's credentials", REMEDY)
        with file.open("rb") as opened:
            content = opened.read(LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(
            f"{file} cannot be read ({error.strerror})", "a file that this user may read", REMEDY
        ) from None
    if len(content) > LIMIT:
        raise InputError(f"{file} has more than {LIMIT:,} bytes", "Kaggle's credentials", REMEDY)
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "")
    try:
        if not encoding and b"\0" not in content:
            return content.decode()
    except UnicodeDecodeError:
        pass
    raise InputError(
        f"{file} is {encoding or 'not UTF-8'}, which Kaggle's client cannot read",
        "UTF-8 without a byte-order mark, as Kaggle writes it",
        "Save it anew, in PowerShell with `Set-Content -Encoding utf8NoBOM`, or download it again.",
    )
