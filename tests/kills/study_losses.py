"""What a study's store holds beside that of the same study undisturbed, and what nobody points at.

Every object is compared: documents value by value, everything else byte for byte. Left out is what must differ: the
time that something took or began, who worked when, the commit, the name of a trial, and that of the process that
stored a checkpoint.
"""

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from charrec.commands.store import RESULT, judge, survey
from charrec.storage import Store
from charrec.tuning.plan import Sweep
from tests.kills.losses import document, of_the_document

TIMES = ("seconds", "images_per_second", "started", "durations", "timeline")
NAMES = ("trial", "owner", "code")
# Between two epochs it says after how many steps, then who; a search's worker with the token of its lease, of 4 digits.
OWNER = re.compile(r"(epoch-\d{3}(?:-[1-9]\d*)?)-[^/\"]+?\.weights\.h5")
DURATION = re.compile(r'(?: data-sort="[\d.]+">)?(?:\d[\d.]*\N{NO-BREAK SPACE}(?:h|min|s)\b ?)+')
MOMENT = re.compile(r"\d+ \w+ \d{4}, \d\d:\d\d UTC")
CODE = re.compile(r"<dt>Code</dt><dd>.*?</dd>|(?<=, )code [0-9a-f]+\+?")
SPEED = re.compile(r'images/s, median</th>(?:<td class="num">[\d,]+</td>)+')
TIMELINE = re.compile(r'<h3 id="timeline-title">.*?</details>', re.DOTALL)
FRENCH = re.compile(r'<script type="application/json" id="other-language">.*?</script>', re.DOTALL)  # the same figures
MARK = re.compile(r" data-l(?=[ >])")  # of what is another text in French, as "1.5 s" is and "2 s" is not
TRIAL = re.compile(r'(data-t="|\btrial )\d{4,8}\b')  # its name says when it was begun
SHOWN = 300  # characters of a difference

Told = dict[str, list[str]]  # key without names of processes -> content, of each object that is called so


def told(store: Store) -> Told:
    """All that a study has left, but for what must differ."""
    found: Told = {}
    for entry in store.list():
        found.setdefault(nameless(entry.key), []).append(_content(entry.key, store.get(entry.key)))
    return {key: sorted(contents) for key, contents in found.items()}


def differences(mine: Told, undisturbed: Told) -> Iterator[str]:
    """A line for each object that is missing, is too many, or has another content."""
    for key in sorted(mine.keys() | undisturbed.keys()):
        here, there = Counter(mine.get(key, [])), Counter(undisturbed.get(key, []))
        if here == there:
            continue
        if here.total() != there.total():
            yield f"{key}: {here.total()} of {there.total()}"
        for one, other in zip((here - there).elements(), (there - here).elements(), strict=False):
            yield f"{key}: {_first(one, other)}"


def orphans(store: Store) -> Iterator[str]:
    """A line for each object that nobody points at, that is missing or damaged, and for what a search has left."""
    found, records, rows = survey(store)
    yield from (f"{row.key} is {row.state}: {row.why}" for row in rows)
    for one in found:
        if row := judge(one, records.get(one.entry.key, {})):
            yield f"{row.key} is {row.state}: {row.why}"
        if not one.complete and one.entry.key not in records:
            yield f"nothing points at {one.entry.key}"
    keys = {one.entry.key for one in found}
    yield from (f"{key} is missing" for key in sorted(records.keys() - keys))
    for key in sorted(keys):
        if key.endswith("/sweep.json"):
            sweep = Sweep.stored(store, key.removesuffix("/sweep.json"))
            yield from (f"{sweep.key}: {line}" for line in of_the_document(document(store, sweep), sweep))


def nameless(text: str) -> str:
    return OWNER.sub(r"\1.weights.h5", text)


def _content(key: str, data: bytes) -> str:
    name = key.rpartition("/")[2]
    if name == "oracle.json":
        return "a search's state"  # whose workers and moves are its own; `orphans` looks into it
    if name.endswith(".json"):
        plain = json.loads(data)
        if RESULT.fullmatch(name) and key.startswith("reports/"):
            plain["value"] = sorted(file["key"] for file in plain["value"]["files"])  # each of them is compared
        return nameless(json.dumps(_timeless(plain), indent=0, sort_keys=True))
    if name == "timeline.csv":
        return "who worked when"
    if name.endswith(".csv"):
        rows = [_timeless(row) for row in csv.DictReader(io.StringIO(data.decode()))]
        return nameless(json.dumps(rows, indent=0))
    if name.endswith(".html"):
        return timeless_page(nameless(data.decode()))
    return hashlib.sha256(data).hexdigest()


def _timeless(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _timeless(value) for name, value in part.items() if name not in (*TIMES, *NAMES)}
    return [_timeless(each) for each in part] if isinstance(part, list) else part


def timeless_page(page: str) -> str:
    """A report in one language, without timeline, commit, names of trials, and what words and rows say of time."""
    page = MARK.sub("", page)
    for told_in_words in (FRENCH, TIMELINE, SPEED, DURATION, MOMENT, CODE, TRIAL):
        page = told_in_words.sub("\N{MIDDLE DOT}", page)
    return page


def _first(one: str, other: str) -> str:
    """The first line that differs."""
    pairs = zip(one.splitlines(), other.splitlines(), strict=False)
    mine, theirs = next(((a, b) for a, b in pairs if a != b), (one[-SHOWN:], other[-SHOWN:]))
    return f"{mine[:SHOWN]!r}, undisturbed {theirs[:SHOWN]!r}"
