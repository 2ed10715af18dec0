"""Whether the packed sets are enough for what the study is going to do: asked before anything is trained."""

from charrec.data.arrays import Glyphs, Packed
from charrec.data.foreign import pick_text
from charrec.data.glyphs import load_columns
from charrec.data.sources.source import Role
from charrec.errors import InputError
from charrec.evaluation.tables import role_of
from charrec.memo.step import Bench
from charrec.steps.augment import ROWS
from charrec.steps.pipeline import Sets
from charrec.study import Study


def require_enough(study: Study, sets: Sets, bench: Bench) -> None:
    """Raises InputError for a split with an empty or too small half, and for a text that the new data cannot show."""
    columns = {role: load_columns(Packed.of(one.value).local(bench.store, bench.cache)) for role, one in sets.items()}
    training, validation = Glyphs.of(study, sets["glyphs"].value).halves(columns["glyphs"])
    if len(training) < ROWS:
        raise InputError(
            f"the split leaves {len(training)} images for training and {len(validation)} for validation",
            f"at least {ROWS} for training, which the report shows with their augmentation",
            f"Use more fonts, or a --validation-fraction below {study.validation_fraction:g}.",
        )
    for text in study.texts:
        role: Role = "digits" if role_of(text) == "digits" else "letters"
        pick_text(text, columns[role]["label"].to_numpy(), study.seed)
