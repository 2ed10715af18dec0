"""Which network is in use: the history of promotions, one JSON object in the store, changed by compare-and-swap.

Its last entry is the champion. Nothing is ever taken out: a rollback is one more entry.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, PositiveInt, ValidationError, model_validator

from charrec.errors import InputError
from charrec.serving.candidate import Candidate, weights_of
from charrec.storage import Conflict, NotFound, Store
from charrec.storage.change import change
from charrec.storage.document import LARGEST, too_large
from charrec.study import Frozen

NAME = "champion.json"
VERSION = 1


def _utc(text: str) -> str:
    if datetime.fromisoformat(text).utcoffset() != timedelta():
        raise ValueError(f"found {text!r}; expected a time in UTC")
    return text


class Promotion(Frozen):
    """One network that came into use."""

    number: PositiveInt
    when: Annotated[str, AfterValidator(_utc)]  # ISO 8601
    candidate: Candidate
    why: str
    by: Literal["first", "gate", "rollback"]


class Document(Frozen):
    """All that `champion.json` holds."""

    version: Literal[1] = 1
    promotions: tuple[Promotion, ...]  # the last one is in use

    @model_validator(mode="after")
    def _of_one_piece(self) -> Self:
        if [entry.number for entry in self.promotions] != list(range(1, len(self.promotions) + 1)):
            raise ValueError("the numbers do not run from 1")
        if any((entry.by == "first") != (entry.number == 1) for entry in self.promotions):
            raise ValueError("the first promotion, and no other, is by 'first'")
        return self


def current(store: Store) -> Promotion | None:
    """The champion; None where there is none yet."""
    known = history(store)
    return known[-1] if known else None


def history(store: Store) -> tuple[Promotion, ...]:
    """Every promotion, the champion last. Raises InputError for a document that this charrec did not write."""
    try:
        return _parsed(store, store.get(NAME))
    except NotFound:
        return ()


def promote(store: Store, candidate: Candidate, why: str, expected: int | None) -> Promotion:
    """Make it the champion, if that is still number `expected` (None: there is none); else Conflict: compare anew.

    To promote the champion itself changes nothing. Raises InputError for a network that cannot be compared later, whose
    weights are gone, or that was rolled back.
    """
    if candidate.split != "font":
        raise InputError(
            f"{candidate.training} was trained with --split {candidate.split}",
            "--split font, for the gate compares networks on fonts that neither has seen",
            "Train with --split font.",
        )
    weights_of(store, candidate)

    def decide(known: tuple[Promotion, ...]) -> Promotion:
        now = known[-1].number if known else None
        if now != expected:
            raise Conflict(f"the champion is number {now}, the comparison was with {expected}; compare again")
        if known and known[-1].candidate.weights_sha256 == candidate.weights_sha256:
            return known[-1]
        if back := withdrawn(known, candidate):
            raise InputError(
                f"{candidate.training} was taken out of use by rollback {back.number}",
                "a network that nobody has decided against",
                "Train another, or bring it back with a rollback to its own number.",
            )
        return _entry(known, candidate, why, "gate" if known else "first")

    return _append(store, decide)


def rollback(store: Store, number: int) -> Promotion:
    """Bring a former champion back. Raises InputError for an unknown number, the champion's own, or lost weights."""

    def decide(known: tuple[Promotion, ...]) -> Promotion:
        former = next((entry for entry in known if entry.number == number), None)
        if former is None or former.candidate.weights_sha256 == known[-1].candidate.weights_sha256:
            found = f"champion {number} is in use" if former else f"{store.url} has no champion {number}"
            last = known[-1].candidate.weights_sha256 if known else None
            others = [str(entry.number) for entry in known if entry.candidate.weights_sha256 != last]
            raise InputError(
                found,
                f"a former one ({', '.join(others)})" if others else "a former one, of which there is none",
                "`charrec champion list` shows them." if known else "Have a retraining promote the first one.",
            )
        weights_of(store, former.candidate)
        return _entry(known, former.candidate, f"back to {number} from {known[-1].number}", "rollback")

    return _append(store, decide)


def withdrawn(known: Sequence[Promotion], candidate: Candidate) -> Promotion | None:
    """The rollback that took this very network out of use, if that is the last that happened to it."""
    uses = [place for place, entry in enumerate(known) if entry.candidate.weights_sha256 == candidate.weights_sha256]
    after = known[uses[-1] + 1] if uses and uses[-1] + 1 < len(known) else None
    return after if after and after.by == "rollback" else None


def _entry(
    known: tuple[Promotion, ...], candidate: Candidate, why: str, by: Literal["first", "gate", "rollback"]
) -> Promotion:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Promotion(number=len(known) + 1, when=when, candidate=candidate, why=why, by=by)


def _append(store: Store, decide: Callable[[tuple[Promotion, ...]], Promotion]) -> Promotion:
    """What `decide` makes of the history, now its last entry; of two that come at once, one decides again."""
    entry: Promotion | None = None

    def appended(data: bytes | None) -> bytes | None:
        nonlocal entry
        known = _parsed(store, data) if data is not None else ()
        if entry and entry in known:  # our own write, whose reply was lost
            return None
        entry = decide(known)
        if entry in known:
            return None
        return Document(promotions=(*known, entry)).model_dump_json(indent=1).encode()

    change(store, NAME, appended)
    assert entry
    return entry


def _parsed(store: Store, data: bytes) -> tuple[Promotion, ...]:
    if len(data) > LARGEST:
        raise _foreign(store, too_large(data))
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        raise _foreign(store, "no JSON") from None
    found = plain.get("version") if isinstance(plain, dict) else None
    if found != VERSION:
        raise _foreign(store, f"champions of version {found!r}")
    try:
        return Document.model_validate_json(data, strict=True).promotions
    except ValidationError as error:
        first = error.errors()[0]
        raise _foreign(store, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _foreign(store: Store, found: str) -> InputError:
    shown = "".join(one if one.isprintable() else "?" for one in found)  # it may be anybody's
    return InputError(
        f"{store.url}/{NAME} holds {shown}"[:300],
        f"champions of version {VERSION}, as charrec writes them",
        "Use the charrec that wrote it, or move it away and promote anew.",
    )
