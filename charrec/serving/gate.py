"""Is the challenger better than the champion? Both read the same held-out fonts, and what differs is tested in pairs.

Better is who reads more of them, by a 95 % interval of the difference that lies above 0, and no guarded figure less, by
one that lies below 0.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from charrec.alphabet import FOLDED
from charrec.data.foreign import prepare
from charrec.data.glyphs import FILE, load_columns, load_images
from charrec.data.split import split
from charrec.data.twins import pictures
from charrec.errors import InputError
from charrec.evaluation.paired import Answers, Figure, figure
from charrec.evaluation.prediction import predict
from charrec.serving.candidate import Candidate, weights_of
from charrec.storage import Store
from charrec.study import Frozen

GROUPS, IMAGES = 5, 200  # held out from both; of fewer nothing can be said
FOREIGN = ("letters", "digits")
NAMES = {"folded_accuracy": "with the two cases as one", "letters": "on the new letters", "digits": "on the new digits"}


class Verdict(Frozen):
    """Whether the challenger is to be promoted, and why."""

    promoted: bool
    reason: str
    rows: tuple[Figure, ...]  # none, where there is too little to compare on
    champion: int  # its number
    challenger: str  # the identity of its study


def compare(store: Store, old: Candidate, number: int, challenger: Candidate, cache: Path) -> Verdict:
    """Both networks on what neither was trained on: held-out fonts of the challenger's glyphs, its letters and digits.

    Raises InputError where one of them was not split by fonts, or where its weights are gone.
    """
    for network in (old, challenger):
        if network.split != "font":
            raise InputError(
                f"{network.training} was trained with --split {network.split}",
                "--split font, which leaves fonts that it has not seen",
                "Train with --split font.",
            )
    if old.weights_sha256 == challenger.weights_sha256:
        return _stays("The champion stays: the challenger is the same network.", number, challenger.identity)
    weights = {network.training: weights_of(store, network) for network in (old, challenger)}
    glyphs = store.local(f"{challenger.glyphs}/{FILE}", cache)
    columns, known = load_columns(glyphs), load_columns(store.local(f"{old.glyphs}/{FILE}", cache))
    chosen = held_out(columns, challenger, known, old)
    groups = columns["group"].to_numpy()[chosen]
    if few := too_few(groups):
        return _stays(few, number, challenger.identity)
    foreign = {role: store.local(f"{getattr(challenger, role)}/{FILE}", cache) for role in FOREIGN}

    def read(network: Candidate) -> dict[str, np.ndarray]:
        size = network.recipe.image_size
        images = {"glyphs": load_images(glyphs, size)[chosen]}
        images |= {role: prepare(load_images(path), size) for role, path in foreign.items()}
        found = predict(network.recipe, weights[network.training], images, store)
        return {role: probabilities.argmax(axis=1) for role, probabilities in found.items()}

    before, after = read(old), read(challenger)
    answers = {"glyphs": Answers(columns["label"].to_numpy()[chosen], before["glyphs"], after["glyphs"], groups)}
    for role, path in foreign.items():
        table = load_columns(path)
        answers[role] = Answers(table["label"].to_numpy(), before[role], after[role], units(table["font"].to_numpy()))
    return verdict(**answers, champion=number, challenger=challenger.identity, seed=challenger.recipe.seed)


def held_out(columns: pd.DataFrame, challenger: Candidate, known: pd.DataFrame, champion: Candidate) -> np.ndarray:
    """Positions in the challenger's `columns` of its validation images whose font the champion was not trained on.

    The champion has not seen a font if it knows neither its name nor any of these pictures as the same class, for
    another version of the data may name its fonts anew.
    """
    training, _ = split(known, champion.split, champion.validation_fraction, champion.recipe.seed)
    _, validation = split(columns, challenger.split, challenger.validation_fraction, challenger.recipe.seed)
    mine, seen = columns.iloc[validation], known.iloc[training]
    twins = pictures(mine).isin(set(pictures(seen))).to_numpy()
    fonts = set(seen["font"]) | set(mine["font"][twins])
    return validation[~mine["font"].isin(fonts).to_numpy()]


def units(fonts: np.ndarray) -> np.ndarray:
    """What errs together in a foreign set: its fonts where it names enough of them, else each image for itself."""
    return fonts if len(set(fonts.tolist())) >= GROUPS else np.arange(len(fonts))


def too_few(groups: np.ndarray) -> str:
    """Why nothing can be said on images of these font groups; "" where something can."""
    count = len(np.unique(groups))
    if count >= GROUPS and len(groups) >= IMAGES:
        return ""
    return (
        f"The champion stays: {len(groups)} images of {count} font groups were held out from both networks,"
        f" and a comparison takes {IMAGES} of {GROUPS}."
    )


def verdict(glyphs: Answers, letters: Answers, digits: Answers, champion: int, challenger: str, seed: int) -> Verdict:
    """Promoted is who reads more held-out glyphs, by an interval above 0, and is worse at nothing, by one below 0."""
    if few := too_few(glyphs.units):
        return _stays(few, champion, challenger)
    folded = np.array(FOLDED)
    cases = Answers(folded[glyphs.labels], folded[glyphs.champion], folded[glyphs.challenger], glyphs.units)
    main, *guarded = (
        figure("accuracy", glyphs, seed),
        figure("folded_accuracy", cases, seed),
        figure("letters", letters, seed),
        figure("digits", digits, seed),
    )
    worse = [row for row in guarded if row.high < 0]
    return Verdict(
        promoted=main.low > 0 and not worse,
        reason=_reason(main, worse, champion),
        rows=(main, *guarded),
        champion=champion,
        challenger=challenger,
    )


def _stays(reason: str, champion: int, challenger: str) -> Verdict:
    """Without a comparison."""
    return Verdict(promoted=False, reason=reason, rows=(), champion=champion, challenger=challenger)


def _reason(main: Figure, worse: list[Figure], champion: int) -> str:
    told = (
        f"of {main.n:,} images of {main.groups} font groups that neither was trained on, the challenger reads"
        f" {100 * main.challenger:.2f} %, champion {champion} {100 * main.champion:.2f} % ({_difference(main)})"
    )
    if main.high < 0:
        return f"The champion stays: {told}, which is worse."
    if main.low <= 0:
        return f"The champion stays: {told}, which may be chance."
    if worse:
        losses = ", ".join(f"{NAMES[row.name]} ({_difference(row)})" for row in worse)
        return f"The champion stays: {told}, but it is worse {losses}."
    return f"The challenger is better: {told}, and it is worse at nothing else."


def _difference(row: Figure) -> str:
    return f"{100 * row.difference:+.2f} points, 95 % {100 * row.low:+.2f} to {100 * row.high:+.2f}"
