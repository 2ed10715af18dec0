"""`charrec predict --text`: image files as one text, or one image as a line of characters."""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError

from charrec.commands import columns
from charrec.commands.predict import ORDER, cells, reader, ready
from charrec.commands.terminal import complain
from charrec.errors import InputError
from charrec.results import Kind
from charrec.serving.files import files_of
from charrec.serving.in_use import InUse
from charrec.serving.reading import Failure
from charrec.serving.text import GAP, Text, glyphs_of, read_text
from charrec.storage import Store
from charrec.study import Frozen, Kinds

NAMES: dict[str, Kind] = {"digits": "digits", "capitals": "capitals", "small": "small letters"}


class TextPrediction(Frozen):
    """What `--json` prints."""

    champion: int | None  # its number; none: another network read
    model: str
    training: str
    text: Text | None  # none: no image could be read
    failures: tuple[Failure, ...]


class Known(NamedTuple):
    """What is known of the text before it is read."""

    weights: Kinds | None  # none: as the network's study weighs the kinds
    kind: Kind | None


def known(text: bool, recursive: bool, prior: str | None, kind: str | None) -> Known:
    """From the options. Raises InputError for those that do not go together, and for other words."""
    if not text:
        option = "--prior" if kind is None else "--kind"
        raise InputError(f"{option} without --text", "images of one text", "Add --text, or leave it out.")
    if recursive:
        raise InputError(
            "--text with --recursive", "images in the order of the text", "Name them, as in scans/*.png, or one line."
        )
    if kind is None:
        return Known(None if prior is None else _weights(prior), None)
    if prior is not None:
        raise InputError("--prior with --kind", "one of them", "Leave out --prior: the kind is known.")
    if kind not in NAMES:
        raise InputError(f"--kind {kind}", f"one of {', '.join(NAMES)}", "Name one of these.")
    return Known(None, NAMES[kind])


def _weights(prior: str) -> Kinds:
    """From digits=4,capitals=1; 1 for a kind that is not named. Raises InputError."""
    pairs = [word.partition("=")[::2] for word in prior.split(",")]
    try:
        given = {NAMES[name.strip()].replace(" ", "_"): weight for name, weight in pairs}
        if len(given) == len(pairs):
            return Kinds.model_validate(given)
        why = "a kind is named twice"
    except KeyError as error:
        why = f"no kind is called {error}"
    except ValidationError as error:
        wrong = error.errors()[0]
        why = f"{str(wrong['loc'][0]).partition('_')[0]} is {wrong['input']!r}"  # as the option names it
    raise InputError(
        f"--prior {prior!r} ({why})",
        f"a weight above 0 and at most 1,000,000 for some of {', '.join(NAMES)}, as in digits=4,capitals=1",
        "Correct it.",
    )


def _at_the_studys(weights: Kinds | None, study: Kinds) -> Kinds:
    """The weights that are told, else the study's; the temperature is the study's either way."""
    return weights.model_copy(update={"temperature": study.temperature}) if weights else study


def show(store: Store, chosen: InUse, images: Sequence[str], before: Known, as_json: bool, shears: bool = False) -> int:
    """Print the text and each of its glyphs, and on standard error each image that could not be read.

    Returns the status: 1 if some could not be read, 2 if none could.
    """
    ready(store, chosen)
    files, _ = files_of(images, recursive=False)
    found = glyphs_of(files, chosen.network.recipe.image_size)
    failures = tuple(each for _, each in found if isinstance(each, Failure))
    for failure in failures:
        complain(failure.error)
    network = chosen.network
    kinds = _at_the_studys(before.weights, network.kinds)
    text = None
    if len(failures) < len(found):
        text = read_text(found, network, store, kinds, before.kind, len(ORDER), shears)
    if as_json:
        told = TextPrediction(
            champion=chosen.champion,
            model=network.recipe.model,
            training=network.training,
            text=text,
            failures=failures,
        )
        print(told.model_dump_json(indent=1, ensure_ascii=True))
    elif text:
        print(reader(chosen))
        _print(text, before.kind is not None)
    if failures and len(files) > 1:
        complain(f"{len(failures):,} of {len(files):,} images could not be read")
    return (1 if text else 2) if failures else 0


def _print(text: Text, told: bool) -> None:
    share = "as told" if told else f"{100 * text.kinds[text.kind]:.1f} %"
    print(columns([["text", "kind", "", "glyph by glyph"], [text.text, text.kind, share, text.plain]]), end="\n\n")
    read = text.text.replace(GAP, "")
    rows = [[one.name, character, *cells(one)] for one, character in zip(text.glyphs, read, strict=True)]
    width = 2 + len(ORDER) + 1
    table = [["image", text.kind, *ORDER], *rows]
    print(columns([[*row, *[""] * (width - len(row))] for row in table]))
