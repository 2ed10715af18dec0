"""Pictures of one text -> the text: all digits, all capitals or all small letters, beside what each glyph is alone."""

from collections.abc import Sequence

import numpy as np

from charrec.alphabet import CLASSES
from charrec.errors import InputError
from charrec.evaluation.kinds import OF, shares, within
from charrec.results import Kind
from charrec.serving.candidate import Trained
from charrec.serving.files import File
from charrec.serving.line import LONGEST, split
from charrec.serving.picture import open_picture
from charrec.serving.reading import Failure, glyph_of
from charrec.serving.recognition import Recognition, prepared, read, recognitions
from charrec.storage import Store
from charrec.study import Frozen, Kinds

GAP = "?"  # in place of an image that could not be read


Glyph = np.ndarray  # (size, size) uint8


class Text(Frozen):
    """What pictures of one text are taken for."""

    text: str  # read as one kind
    kind: Kind  # the likeliest, or the one that is known
    kinds: dict[Kind, float]  # how likely the text is of each
    plain: str  # the likeliest character of each glyph by itself
    glyphs: tuple[Recognition, ...]


def glyphs_of(files: Sequence[File], size: int) -> list[tuple[str, Glyph | Failure]]:
    """Name and glyph of each character: of one image, a line, from left to right; else of each image its only one.

    Raises InputError for more than 100 images.
    """
    if len(files) > LONGEST:
        raise InputError(f"a text of {len(files):,} images", f"at most {LONGEST}", "Read it in parts.")
    if len(files) > 1:
        return [(file.name, glyph_of(file, size)) for file in files]
    (file,) = files
    try:
        parts = split(file.name, open_picture(file.name, file.content()))
        names = [f"{file.name}, character {place}" for place in range(1, len(parts) + 1)]
        return [(name, prepared(name, part, size)) for name, part in zip(names, parts, strict=True)]
    except InputError as error:
        return [(file.name, Failure(name=file.name, error=str(error)))]


def read_text(
    found: Sequence[tuple[str, Glyph | Failure]],
    trained: Trained,
    store: Store,
    kinds: Kinds,
    kind: Kind | None = None,
    top: int = 3,
    shears: bool = False,
) -> Text:
    """The text of these glyphs, one of which at least could be read, in one pass of the network.

    `kinds` weighs the kinds, by probabilities at the network's own temperature unless it has another; `kind` is the
    text's, if that is known. A glyph that could not be read leaves a gap.
    """
    fine = [(name, each) for name, each in found if not isinstance(each, Failure)]
    said = read([each for _, each in fine], trained, store, shears)
    if kinds.temperature:  # of what the network said, not of what has been made of it
        kinds = kinds.model_copy(update={"temperature": kinds.temperature / said.temperature})
    likely = dict(zip(OF, shares(said.shares[None], kinds)[0].tolist(), strict=True))
    likeliest = max(OF, key=lambda one: likely[one])
    chosen = kind or likeliest
    gaps = [isinstance(each, Failure) for _, each in found]
    return Text(
        text=_text(within(said.shares, chosen), gaps),
        kind=chosen,
        kinds=likely,
        plain=_text(said.shares.argmax(axis=1), gaps),
        glyphs=tuple(recognitions([name for name, _ in fine], said, top)),
    )


def _text(classes: np.ndarray, gaps: list[bool]) -> str:
    characters = iter(CLASSES[place] for place in classes)
    return "".join(GAP if gap else next(characters) for gap in gaps)
