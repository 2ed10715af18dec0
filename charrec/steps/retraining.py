"""A scheduled retraining: its challenger, what was decided about it before, its promotion."""

from charrec.errors import InputError
from charrec.report.stored import result_of
from charrec.serving import champion
from charrec.serving.candidate import Candidate, candidate_of
from charrec.serving.champion import Promotion
from charrec.serving.gate import FOREIGN
from charrec.steps.judge import JUDGE, Given
from charrec.steps.pipeline import Sets
from charrec.storage import Store
from charrec.study import Study


def require_font_split(study: Study) -> None:
    """Raises InputError for a study whose networks cannot be compared."""
    if study.split != "font":
        raise InputError(
            f"a retraining with split {study.split!r}",
            "'font', which keeps fonts that no network has seen, to compare on",
            "Set split to font.",
        )


def challenger(report: str, sets: Sets, store: Store) -> Candidate:
    """The best network of the study with this report. Raises InputError where that had other data than `sets`."""
    result = result_of(store, report.removesuffix("/report.html"))
    studied = {"glyphs": result.data.digest, "letters": result.data.letters_digest, "digits": result.data.digits_digest}
    for role, digest in studied.items():
        before = sets[role].value.manifest.digest  # type: ignore[index]
        if digest != before:
            raise InputError(
                f"{role} {digest[:12]} in the study, {before[:12]} before it",
                "one version of the data throughout",
                "Kaggle has published another meanwhile: run the retraining again.",
            )
    best = max(result.evaluations, key=lambda row: row.accuracy.value)
    return candidate_of(
        result,
        best.model,
        report=report,
        glyphs=sets["glyphs"].key,
        letters=sets["letters"].key,
        digits=sets["digits"].key,
    )


def judging(candidate: Candidate, now: Promotion) -> Given:
    """What the comparison with the champion is given."""
    return Given(challenger=candidate, champion=now.candidate, number=now.number)


def decided(candidate: Candidate, store: Store) -> str | None:
    """What was decided about this study before: same data, code, configuration and champion. None: nothing yet.

    The identity of a study is that of its trainings, which have not seen the new letters and digits; the gate reads
    them.
    """
    for entry in champion.history(store):
        if all(getattr(entry.candidate, same) == getattr(candidate, same) for same in ("identity", *FOREIGN)):
            return f"its network was champion {entry.number}"
    now = champion.current(store)
    before = JUDGE.recall(judging(candidate, now), store) if now else None
    # A promotion that is not in the history did not happen: its process was killed in between.
    return before.value.reason if before and not before.value.promoted else None


def withdrawn(candidate: Candidate, store: Store) -> str | None:
    """Why this very network is not promoted: a rollback took it out of use."""
    back = champion.withdrawn(champion.history(store), candidate)
    return f"rollback {back.number} took this very network out of use" if back else None
