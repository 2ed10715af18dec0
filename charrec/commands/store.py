"""`charrec store check`: what of a store is whole, and its record restored where nothing speaks against it."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from pydantic import BaseModel

from charrec.commands import columns
from charrec.errors import InputError
from charrec.memo.outcome import name_of, parsed
from charrec.memo.step import declared
from charrec.serving import champion
from charrec.steps import NAMES
from charrec.storage import Conflict, Entry, NotFound, Store
from charrec.storage.absence import no_study
from charrec.storage.document import LARGEST, document
from charrec.storage.interface import KEY, Seen
from charrec.sweep.document import parsed as search
from charrec.sweep.fits import Fits, Fitted
from charrec.sweep.plan import PLAN
from charrec.training.checkpoints import Progress
from charrec.tuning.plan import Sweep

HEAD = ("state", "object", "why")
RESULT = re.compile(r"result-[0-9a-f]{8}\.json")
DIGEST = re.compile(r"[0-9a-f]{64}")
COUNTED = ("whole", "recorded", "unrecorded", "damaged", "missing", "unusable")

Records = dict[str, dict[str, str]]  # key -> SHA-256 -> the document that records it


class Found(NamedTuple):
    """One object as it lies there."""

    entry: Entry
    seen: Seen
    complete: bool  # a document of charrec's, of the kind that its name says


class Row(NamedTuple):
    """One object that is not whole. `agrees`: nothing but the store's own record is missing, or wrong."""

    state: str
    key: str
    why: str
    agrees: bool = False


def check(store: Store, write: bool) -> int:
    """Print what is not whole; with `write` record the SHA-256 of what agrees. The exit code: 0 if all is well then.

    Nothing else is ever written, and nothing deleted. Not for a store that a study is writing to.
    """
    found, records, rows = survey(store)
    seen = {one.entry.key: one for one in found}
    if not seen and not rows and (error := no_study(store)):
        raise error
    judged = [row for one in found if (row := judge(one, records.get(one.entry.key, {})))]
    if write:
        judged = [_recorded(store, seen[row.key], row) if row.agrees else row for row in judged]
    rows += judged
    for key in sorted(records.keys() - seen.keys()):
        rows.append(Row("missing", key, f"{_any(records[key])} points at it"))
    if rows:
        print(columns([HEAD, *((row.state, row.key, row.why) for row in sorted(rows))]))
    counts = Counter(row.state for row in rows) + Counter(whole=len(found) - len(judged))
    told = ", ".join(f"{counts[state]} {state}" for state in COUNTED if counts[state])
    print(f"{store.url}: {told}")
    return _advise(rows)


def _advise(rows: list[Row]) -> int:
    agreeing = sum(row.agrees for row in rows)
    lost = sum(row.state in ("damaged", "missing") for row in rows)
    if agreeing:
        print(f"{agreeing} of them are what was written, as far as results tell: --write records their SHA-256.")
    if lost:
        print("The study that made them computes damaged and missing objects again; they were left as they are.")
    return 1 if agreeing or lost else 0


def survey(store: Store) -> tuple[list[Found], Records, list[Row]]:
    """Every object, the oldest first; what documents record of others; and names that no object can have."""
    found: list[Found] = []
    records: Records = {}
    rows = []
    for entry in sorted(store.list(), key=lambda entry: entry.modified):
        if not KEY.fullmatch(entry.key):
            rows.append(Row("unusable", entry.key, "no object has such a name; charrec does not read it"))
            continue
        content = BytesIO() if entry.key.endswith(".json") and entry.size <= LARGEST else None
        try:
            seen = store.seen(entry.key, content)
        except NotFound:  # deleted since it was listed
            continue
        data = content.getvalue() if content else b""
        complete = bool(data) and _complete(entry.key, data)
        found.append(Found(entry, seen, complete))
        if data and (seen.whole or (complete and not seen.recorded)):
            for key, digest in _pointed(data):
                records.setdefault(key, {}).setdefault(digest, entry.key)
    return found, records, rows


def judge(one: Found, known: Mapping[str, str]) -> Row | None:
    """What is wrong with an object, if anything is; `known`: SHA-256 -> the document that records it."""
    key, seen = one.entry.key, one.seen
    if seen.sha256 in known:
        if seen.whole:
            return None
        if seen.recorded:
            return Row("damaged", key, f"its record is wrong; it is as {known[seen.sha256]} records it", agrees=True)
        return Row("unrecorded", key, f"as {known[seen.sha256]} records it", agrees=True)
    if known:
        return Row("damaged", key, f"not as {_any(known)} records it")
    if seen.whole:
        return None
    if seen.recorded:
        return Row("damaged", key, "not as it was written")
    if one.complete:
        return Row("unrecorded", key, "a complete document", agrees=True)
    return Row("unrecorded", key, "nothing tells what it should be; it was left alone")


def _recorded(store: Store, one: Found, row: Row) -> Row:
    try:
        store.record(row.key, one.seen)
    except (Conflict, NotFound):
        return row._replace(why="changed in the meantime: check again once no study runs")
    return Row("recorded", row.key, row.why)


def _any(known: Mapping[str, str]) -> str:
    return min(known.values())


def _pointed(data: bytes) -> Iterator[tuple[str, str]]:
    """Every key with its SHA-256 in a document: `Stored` in results of any version, checkpoints in a progress."""
    try:
        waiting: list[Any] = [json.loads(data)]
    except (ValueError, RecursionError):
        return
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            key, digest = part.get("key"), part.get("sha256")
            if isinstance(key, str) and isinstance(digest, str) and KEY.fullmatch(key) and DIGEST.fullmatch(digest):
                yield key, digest
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _complete(key: str, data: bytes) -> bool:
    folder, _, name = key.rpartition("/")
    try:
        if name == "progress.json":
            _either(Progress, Fitted, data, key)
        elif key.endswith(PLAN):
            _either(Sweep, Fits, data, key)
        elif name == "oracle.json":
            search(data, key)
        elif key == champion.NAME:
            document(champion.Document, data, key)
        elif RESULT.fullmatch(name):
            return _complete_result(folder, name, data)
        else:
            return False
    except InputError:
        return False
    return True


def _either(kind: type[BaseModel], other: type[BaseModel], data: bytes, key: str) -> None:
    """Of network 4, or of any Keras model. Raises InputError for neither."""
    try:
        document(kind, data, key)
    except InputError:
        document(other, data, key)


def _complete_result(folder: str, name: str, data: bytes) -> bool:
    """Raises InputError for one of this version that is not. One of another version is known by its outline."""
    for step in NAMES:
        kind = declared(f"charrec.steps.{step}").result
        if name_of(folder, kind) == f"{folder}/{name}":
            return bool(parsed(data, folder, kind))
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(plain, dict) and plain.get("key") == folder and {"value", "provenance"} <= plain.keys()
