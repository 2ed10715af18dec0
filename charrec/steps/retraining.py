"""A scheduled retraining: is there anything new, who is the challenger, does it beat the champion?"""

from charrec.data.glyphs import Manifest
from charrec.errors import InputError
from charrec.memo.identity import identity
from charrec.memo.outcome import Outcome, recall, remember
from charrec.models import MODELS
from charrec.results import StudyResult
from charrec.serving import champion
from charrec.serving.candidate import Candidate, candidate_of
from charrec.serving.champion import Promotion
from charrec.serving.gate import Verdict, compare
from charrec.steps.reporting import Sets, study_identity
from charrec.steps.store import store_of
from charrec.steps.training import chosen_precision, searched, trained
from charrec.study import Runtime, Study
from charrec.sweep.standing import SearchFailed


def require_font_split(study: Study) -> None:
    """Raises InputError for a study whose networks cannot be compared."""
    if study.split != "font":
        raise InputError(
            f"a retraining with split {study.split!r}",
            "'font', which keeps fonts that no network has seen, to compare on",
            "Set split to font.",
        )


def decided(study: Study, sets: Sets, runtime: Runtime, where: str) -> str | None:
    """What was decided before: same data, code, configuration and champion. None: nothing yet."""
    known = _trained(study, sets["glyphs"], runtime, where)
    if known is None:
        return None
    store = store_of(runtime)
    for entry in champion.history(store):
        if entry.candidate.identity == known:
            return f"its network was champion {entry.number}"
    now = champion.current(store)
    before = recall(store, _verdict_key(known, now), Verdict) if now else None
    # Promoted, but not in the history: whoever was to promote it did not live to do so.
    return before.value.reason if before and not before.value.promoted else None


def challenger(report: str, sets: Sets, runtime: Runtime) -> Candidate:
    """The best network of the study with this report. Raises InputError where that had other glyphs than `sets`."""
    store = store_of(runtime)
    result = StudyResult.model_validate_json(store.get(report.replace("report.html", "study.json")))
    if result.data.digest != sets["glyphs"].value.digest:
        raise InputError(
            f"glyphs {result.data.digest[:12]} in the study, {sets['glyphs'].value.digest[:12]} before it",
            "one version of the data throughout",
            "Kaggle has published another meanwhile: run the retraining again.",
        )
    best = max(result.evaluations, key=lambda row: row.accuracy.value)
    keys = {role: packed.key for role, packed in sets.items()}
    return candidate_of(result, best.model, report=report, **keys)


def judge(candidate: Candidate, now: Promotion, runtime: Runtime) -> Outcome[Verdict]:
    """The comparison of the challenger with the champion."""
    store = store_of(runtime)
    key = _verdict_key(candidate.identity, now)
    return remember(store, key, Verdict, lambda: compare(store, now, candidate, runtime.cache))


def _verdict_key(study: str, now: Promotion) -> str:
    code = identity("charrec.serving.gate", code=("charrec.serving.gate", "charrec.evaluation.paired"))
    return f"gate/{study}/champion-{now.number:04d}-{code}"


def withdrawn(candidate: Candidate, runtime: Runtime) -> str | None:
    """Why this very network is not promoted: a rollback took it out of use."""
    back = champion.withdrawn(champion.history(store_of(runtime)), candidate)
    return f"rollback {back.number} took this very network out of use" if back else None


def promote(candidate: Candidate, why: str, expected: int | None, runtime: Runtime) -> Promotion:
    """The new champion. Raises Conflict where the champion has changed since the comparison."""
    return champion.promote(store_of(runtime), candidate, why, expected)


def in_use(runtime: Runtime) -> Promotion | None:
    return champion.current(store_of(runtime))


def _trained(study: Study, glyphs: Outcome[Manifest], runtime: Runtime, where: str) -> str | None:
    """The identity of the study, if all its networks are trained."""
    precision = chosen_precision(study, runtime, where)
    if precision is None:
        return None
    *first, last = MODELS
    trainings = [trained(model, study, glyphs, precision, runtime) for model in first]
    try:
        found = searched(study, glyphs, precision, runtime)
    except SearchFailed:
        return None
    if found is None:
        return None
    trainings.append(trained(last, study, glyphs, precision, runtime, found))
    keys = [training.key for training in trainings if training]
    return study_identity(keys, study) if len(keys) == len(MODELS) else None
