"""What a step leaves in the store: its result as JSON, with its provenance, under the step's key."""

import hashlib
import json
import logging
from collections.abc import Iterator
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from charrec.errors import InputError
from charrec.results import Machine, Stored
from charrec.storage import Conflict, Corrupt, NotFound, Store
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
    each object that the outcome points at; a folder reads the objects.
    """
    try:
        text = store.get(name_of(key, kind))
        outcome = outcome_of(kind).model_validate_json(text)
    except NotFound:
        return None
    except (Corrupt, ValidationError) as error:
        log.warning("%s cannot be read and is computed again: %s", key, error)
        return None
    for stored in objects(outcome.value):
        if (digest := store.sha256(stored.key)) != stored.sha256:
            found = "is gone" if digest is None else "is damaged"
            log.warning("%s %s; %s is computed again", stored.key, found, key)
            return None
    return outcome.model_copy(update={"cached": True})


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
