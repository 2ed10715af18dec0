"""`charrec predict`: the characters in image files."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence

from charrec.commands.terminal import complain, shown
from charrec.machine.greetings import drop_greetings
from charrec.machine.unneeded import leave_out_unneeded
from charrec.serving.candidate import weights_of
from charrec.serving.files import File, files_of
from charrec.serving.in_use import InUse
from charrec.serving.reading import Failure, read_each
from charrec.serving.recognition import Recognition
from charrec.storage import Store
from charrec.study import Frozen

ORDER = ("first", "second", "third")
GUESS = 9  # characters of "A 100.0 %"
PATIENCE = 1.0  # seconds before there is a progress bar


class Prediction(Frozen):
    """What `--json` prints."""

    champion: int | None  # its number; none: another network read
    model: str
    training: str
    images: tuple[Recognition, ...]
    failures: tuple[Failure, ...]


def show(
    store: Store, chosen: InUse, images: Sequence[str], recursive: bool, as_json: bool, shears: bool = False
) -> int:
    """Print the likeliest characters of each image, and on standard error each that could not be read.

    Returns the status: 1 if some could not be read, 2 if none could.
    """
    ready(store, chosen)
    files, left_out = files_of(images, recursive)
    if left_out:
        others = "1 other file was" if left_out == 1 else f"{left_out:,} other files were"
        complain(f"{others} left out: hidden, a link to a folder, or not named as an image", "note")
    found = _found(files, chosen, store, shears)
    read, failed = (_document if as_json else _table)(found, chosen, files)
    if failed and len(files) > 1:
        complain(f"{failed:,} of {len(files):,} images could not be read")
    return (1 if read else 2) if failed else 0


def ready(store: Store, chosen: InUse) -> None:
    """Raises InputError where the network's weights are gone."""
    drop_greetings()
    leave_out_unneeded()
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    weights_of(store, chosen.network)
    if chosen.note:
        complain(chosen.note, "note")


def _found(files: Sequence[File], chosen: InUse, store: Store, shears: bool) -> Iterator[Recognition | Failure]:
    """What each file is taken for; below a progress bar where a person waits, which leaves the line to it."""
    from tqdm import tqdm

    bar = tqdm(files, delay=PATIENCE, leave=False, disable=not sys.stderr.isatty(), unit="image")
    for one in read_each(bar, chosen.network, store, top=len(ORDER), shears=shears):
        bar.clear()
        yield one


def _table(found: Iterable[Recognition | Failure], chosen: InUse, files: Sequence[File]) -> tuple[int, int]:
    """Print a row for each image as soon as it is read; returns how many were, and how many failed."""
    width = max(len("image"), *(len(shown(file.name)) for file in files))
    read = failed = 0
    for one in found:
        if isinstance(one, Failure):
            failed += 1
            complain(one.error)
            continue
        if not read:
            print(reader(chosen))
            print(_line(width, "image", ORDER))
        read += 1
        print(_line(width, one.name, cells(one)))
    return read, failed


def reader(chosen: InUse) -> str:
    """Which network reads."""
    network = chosen.network
    return f"{network.recipe.model}, {f'champion {chosen.champion}' if chosen.champion else network.training}"


def cells(one: Recognition) -> list[str]:
    """The likeliest characters, each with its share."""
    guesses = [f"{guess.character} {100 * guess.probability:5.1f} %" for guess in one.top]
    return guesses + ["none of these?"] * one.stranger


def _line(width: int, name: str, cells: Sequence[str]) -> str:
    return "  ".join([shown(name).ljust(width), *(cell.ljust(GUESS) for cell in cells)]).rstrip()


def _document(found: Iterable[Recognition | Failure], chosen: InUse, files: Sequence[File]) -> tuple[int, int]:
    """Print all as one JSON document, in ASCII, so no terminal or pipe can spoil it."""
    read, failures = [], []
    for one in found:
        if isinstance(one, Failure):
            failures.append(one)
            complain(one.error)
        else:
            read.append(one)
    told = Prediction(
        champion=chosen.champion,
        model=chosen.network.recipe.model,
        training=chosen.network.training,
        images=tuple(read),
        failures=tuple(failures),
    )
    print(told.model_dump_json(indent=1, ensure_ascii=True))
    return len(read), len(failures)
