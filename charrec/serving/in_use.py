"""The network that reads: the one that is named, else the champion, else the best of the latest study."""

from typing import NamedTuple

from charrec.errors import InputError
from charrec.report.stored import PAGE, reports, result_of
from charrec.results import StudyResult
from charrec.serving import champion
from charrec.serving.candidate import Trained, trained_of
from charrec.storage import Store

SHOWN = 8  # of what there is, in an error


class InUse(NamedTuple):
    """The network that reads."""

    network: Trained
    champion: int | None = None  # its number
    note: str = ""  # why this one, where nobody chose it


def in_use(store: Store, model: str | None = None, study: str | None = None) -> InUse:
    """The network that `model` names, as model_3 or by its training's key, in the `study` of an identity or a report.

    Without a study it is looked for in the latest one, a key in all of them. Without a model the study's best network
    reads; without both, the champion. Raises InputError that lists what there is.
    """
    if model is None and study is None and (now := champion.current(store)):
        return InUse(now.candidate, champion=now.number)
    keys = reports(store)
    if model and "/" in model:
        return InUse(
            _trained_under(store, model.rstrip("/"), keys if study is None else [report_of(store, keys, study)])
        )
    report = keys[0] if study is None else report_of(store, keys, study)
    result = result_of(store, report)
    return InUse(trained_of(result, model)) if model else _best(store, result, report, latest=study is None)


def _best(store: Store, result: StudyResult, report: str, latest: bool) -> InUse:
    if not result.evaluations:
        raise InputError(
            f"no network of study {result.identity} was evaluated",
            "a study with a network that reads",
            "Run it to the end, or name another with --study.",
        )
    best = max(result.evaluations, key=lambda row: row.accuracy.value)
    which = f"{best.model}, the best of {'the latest study' if latest else 'the study'} ({report})"
    rate = f"right on {100 * best.accuracy.value:.2f} % of its validation images"
    why = f"{store.url} has no champion, so " if latest else ""
    return InUse(
        trained_of(result, best.model), note=f"{why}{which}, reads: {rate}; --model and --study choose another"
    )


def report_of(store: Store, keys: list[str], study: str) -> str:
    """The report of the study with this identity, or under this key, with or without its address and page."""
    wanted = study.removeprefix(f"{store.url}/").removesuffix(f"/{PAGE}").rstrip("/")
    if key := next((key for key in keys if wanted in (key, key.removeprefix("reports/"))), None):
        return key
    known = {key: _identity(store, key) for key in keys}
    if key := next((key for key in keys if known[key] == wanted), None):
        return key
    there = [f"{identity or 'unreadable'} ({key})" for key, identity in known.items()]
    raise InputError(
        f"{store.url} has no study {study}", f"one of {_listed(there)}", "Name one by its identity or its report."
    )


def _identity(store: Store, report: str) -> str | None:
    """None: the report is damaged, or another version of charrec wrote it."""
    try:
        return result_of(store, report).identity
    except InputError:
        return None


def _trained_under(store: Store, training: str, keys: list[str]) -> Trained:
    known: list[str] = []
    unread = 0
    for key in keys:
        try:
            result = result_of(store, key)
        except InputError:  # it may still be in another
            unread += 1
            continue
        for each in result.trainings:
            known.append(each.weights.key.rpartition("/")[0])
            if known[-1] == training:
                return trained_of(result, each.model)
    but = f", {unread} of which cannot be read" if unread else ""
    raise InputError(
        f"no network {training} in {_listed(keys)} of {store.url}{but}",
        f"one of {_listed(known)}" if known else "the network of a report that can be read",
        "Name one of these." if known else "Run the study again, or correct the store's address.",
    )


def _listed(names: list[str]) -> str:
    once = list(dict.fromkeys(names))
    more = f" and {len(once) - SHOWN} more" if len(once) > SHOWN else ""
    return ", ".join(once[:SHOWN]) + more
