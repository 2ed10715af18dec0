"""A scheduled retraining: is there anything new, who is the challenger, does it beat the champion?"""

from charrec import champion
from charrec.candidate import Candidate, candidate_of
from charrec.champion import Promotion
from charrec.errors import InputError
from charrec.gate import Verdict, compare
from charrec.glyphs import Manifest
from charrec.identity import identity
from charrec.memo import Outcome, remember
from charrec.models import MODELS
from charrec.results import StudyResult
from charrec.steps.reporting import Sets, study_identity
from charrec.steps.training import chosen_precision, searched, trained
from charrec.storage import Store, open_store
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
    """What was decided of this very study before: same data, code and configuration. None: nothing yet."""
    known = _trained(study, sets["glyphs"], runtime, where)
    if known is None:
        return None
    store = _store(runtime)
    for entry in champion.history(store):
        if entry.candidate.identity == known:
            return f"its network was champion {entry.number}"
    before = [entry.key for entry in store.list(f"gate/{known}/")]
    return Outcome[Verdict].model_validate_json(store.get(before[-1])).value.reason if before else None


def challenger(report: str, sets: Sets, runtime: Runtime) -> Candidate:
    """The best network of the study with this report."""
    store = _store(runtime)
    result = StudyResult.model_validate_json(store.get(report.replace("report.html", "study.json")))
    best = max(result.evaluations, key=lambda row: row.accuracy.value)
    keys = {role: packed.key for role, packed in sets.items()}
    return candidate_of(result, best.model, report=report, **keys)


def judge(candidate: Candidate, now: Promotion, runtime: Runtime) -> Outcome[Verdict]:
    """The comparison of the challenger with the champion."""
    store = _store(runtime)
    code = identity("charrec.gate", code=("charrec.gate", "charrec.paired"))
    key = f"gate/{candidate.identity}/champion-{now.number:04d}-{code}"
    return remember(store, key, Verdict, lambda: compare(store, now, candidate, runtime.cache))


def withdrawn(candidate: Candidate, runtime: Runtime) -> str | None:
    """Why this very network is not promoted: a rollback took it out of use."""
    back = champion.withdrawn(champion.history(_store(runtime)), candidate)
    return f"rollback {back.number} took this very network out of use" if back else None


def promote(candidate: Candidate, why: str, expected: int | None, runtime: Runtime) -> Promotion:
    """The new champion. Raises Conflict where the champion has changed since the comparison."""
    return champion.promote(_store(runtime), candidate, why, expected)


def in_use(runtime: Runtime) -> Promotion | None:
    return champion.current(_store(runtime))


def _store(runtime: Runtime) -> Store:
    return open_store(runtime.store, endpoint=runtime.endpoint)


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
