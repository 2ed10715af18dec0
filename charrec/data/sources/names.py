"""Names in folders and archives: made alike, judged, and shown."""

import re

from charrec.data.sources.limits import DEPTH, NAME
from charrec.errors import InputError

# What Windows, macOS and file servers put beside other people's files; names with a leading dot go with them.
LITTER = {
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$recycle.bin", "system volume information",
    "__macosx", "icon\r", "@eadir", "lost+found",
}  # fmt: skip
STREAM = ":zone.identifier"  # ends the name of a file that Windows wrote where downloads came from
ABSOLUTE = re.compile(r"/|[A-Za-z]:/")
SHOWN = 120  # characters of a name in an error


def is_litter(part: str) -> bool:
    """Whether a file or folder of this name belongs to an operating system, not to the data."""
    return part.startswith(".") or part.casefold() in LITTER or part.casefold().endswith(STREAM)


def plain(name: str) -> str:
    """An archive's name with `/` between its parts, without empty ones and `.`; a leading `/` is kept."""
    name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return ("/" if name.startswith("/") else "") + "/".join(parts)


def check(where: object, name: str) -> None:
    """Raises InputError for a plain name that is too long, too deep, empty or leads outside."""
    parts = name.split("/")
    if len(name) > NAME or len(parts) > DEPTH:
        what = f"a name of {len(name):,} characters" if len(name) > NAME else f"{len(parts):,} folders in folders"
        found = f"{where} has {what} ({shown(name)})"
        raise InputError(found, f"at most {NAME:,} characters and {DEPTH} folders", "Pass the folder of the images.")
    if not name or ".." in parts or ABSOLUTE.match(name):
        found = f"{where}: the name {shown(name)!r} leads outside of the archive"
        raise InputError(found, "relative names without '..'", "Pack it again from within its folder.")


def twice(where: object, name: str) -> InputError:
    return InputError(
        f"{where} holds {shown(name)} twice",
        "one file under each name",
        "Remove one of the two, or unpack it and pass the folder.",
    )


def shown(name: object) -> str:
    """A name as an error may print it: no control characters or broken encodings, not endless."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in str(name))
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 40]}...{text[-37:]}"


def enumerated(names: list[str]) -> str:
    """One, two or three names; of more the first and the last."""
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} ... {names[-1]}"
