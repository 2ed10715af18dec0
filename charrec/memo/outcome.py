"""What a step leaves in the store: its result as JSON, with its provenance, under the step's key."""

import hashlib
import json
import logging
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from charrec.errors import InputError
from charrec.results import Machine, Stored
from charrec.storage import Conflict, Corrupt, NotFound, Store, Unrecorded
from charrec.storage.document import Foreign, document, foreign
from charrec.storage.interface import KEY, lost
from charrec.study import Frozen

Value = TypeVar("Value", bound=BaseModel)

log = logging.getLogger(__name__)


class Provenance(Frozen):
    """How a result came to be."""

    started: str  # ISO 8601, UTC
    seconds: float  # of the last attempt, if the step was interrupted
    machine: Machine
    code: str  # commit, "+" if the tree was changed; "" outside a repository


class Outcome(Frozen, Generic[Value]):
    """A step's result; `cached` says that it was in the store already."""

    key: str
    value: Value
    provenance: Provenance
    cached: bool = False


def recall(store: Store, key: str, kind: type[Value]) -> Outcome[Value] | None:
    """The outcome stored under `key`, if it is whole: readable, and with all the objects that it points at.

    A damaged outcome is none, so that whoever asks computes it again; the log says what was wrong. Costs one HEAD for
    each object that the outcome points at; a folder reads the objects. Raises Unrecorded for an outcome that is whole
    but for records of SHA-256, as in a store that was copied without them: no work is lost, so none is done again.
    """
    try:
        outcome = _outcome(store, key, kind)
    except NotFound:
        return None
    except (Corrupt, Foreign) as error:
        log.warning("%s cannot be read, so it counts as not stored: %s", key, error)
        return None
    for stored in objects(outcome.value):
        if found := lost(store, stored.key, stored.sha256):
            log.warning("%s %s, so %s counts as not stored", stored.key, found, key)
            return None
    return outcome.model_copy(update={"cached": True})


def _outcome(store: Store, key: str, kind: type[Value]) -> Outcome[Value]:
    """What is stored under `key`, readable. Raises NotFound, Corrupt, Foreign; Unrecorded, unless it is foreign too."""
    name = name_of(key, kind)
    try:
        return parsed(store.get(name), key, kind)
    except Unrecorded:
        content = BytesIO()
        store.seen(name, content)
        parsed(content.getvalue(), key, kind)
        raise


def parsed(data: bytes, key: str, kind: type[Value]) -> Outcome[Value]:
    """The outcome of a stored document. Raises Foreign for one of another shape, or of another step."""
    outcome = document(outcome_of(kind), data, name_of(key, kind))
    if outcome.key != key:
        raise foreign(name_of(key, kind), f"the result of {outcome.key}")
    if odd := [stored.key for stored in objects(outcome.value) if not KEY.fullmatch(stored.key)]:
        raise foreign(name_of(key, kind), f"an object {odd[0]!r}")
    return outcome


def require(store: Store, key: str, kind: type[Value]) -> Outcome[Value]:
    """The outcome stored under `key`. Raises InputError where there is none, or a damaged one."""
    if outcome := recall(store, key, kind):
        return outcome
    raise InputError(
        f"{store.url} has no whole outcome under {key!r}",
        "the result of an earlier step of the study",
        "Run the study again; all its runs must use one store and one version of charrec.",
    )


def remember(store: Store, outcome: Outcome[Value]) -> Outcome[Value]:
    """Store the outcome. Of two writers the first counts, unless what it wrote is damaged."""
    kind = type(outcome.value)
    name, data = name_of(outcome.key, kind), outcome.model_dump_json(indent=1, exclude={"cached"}).encode()
    try:
        store.create(name, data)
    except Conflict:
        if first := recall(store, outcome.key, kind):
            return first.model_copy(update={"cached": False})
        store.put(name, data)
    return outcome


def objects(value: Any) -> Iterator[Stored]:
    """Every object in the store that a result points at."""
    if isinstance(value, Stored):
        yield value
    elif isinstance(value, BaseModel):
        yield from objects([getattr(value, name) for name in type(value).model_fields])
    elif isinstance(value, dict):
        yield from objects(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from objects(part)


def outcome_of(kind: type[Value]) -> type[Outcome[Value]]:
    return Outcome[kind]  # type: ignore[valid-type]


def name_of(key: str, kind: type[BaseModel]) -> str:
    """Where the outcome lies; a result of another shape lies elsewhere, so it is computed again, not misread."""
    return f"{key}/result-{_shape(kind)}.json"


@cache
def _shape(kind: type[BaseModel]) -> str:
    """Four bytes of the JSON schema."""
    schema = json.dumps(_bare(outcome_of(kind).model_json_schema()), sort_keys=True)
    return hashlib.sha256(schema.encode()).hexdigest()[:8]


def _bare(schema: Any) -> Any:
    """A JSON schema without its words."""
    if isinstance(schema, dict):
        words = {name for name in ("title", "description") if isinstance(schema.get(name), str)}
        return {name: _bare(part) for name, part in schema.items() if name not in words}
    return [_bare(part) for part in schema] if isinstance(schema, list) else schema
