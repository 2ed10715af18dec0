"""`charrec report --compare A B`: a page with what differs between two studies."""

import re
from pathlib import Path

from charrec.commands.place import cache
from charrec.errors import InputError
from charrec.report.compared import Side, compare
from charrec.report.comparison import render
from charrec.report.language import Language
from charrec.report.stored import reports, result_of
from charrec.serving.in_use import report_of
from charrec.storage import Store, open_store
from charrec.storage.disk import told

DEFAULT = Path("comparison.html")
NAMED = re.compile(r"(?:(?P<store>.*)/)?reports/(?P<key>[0-9a-f]{16})(?:/(?:report\.html)?)?")
IDENTITY = re.compile(r"[0-9a-f]{16}")
SHOWN = 8  # of the reports that there are, in an error
FORMS = (
    "a study's identity, its report as in results/reports/0123456789abcdef, or a store, of which the latest is taken"
)


def show(store: Store, names: tuple[str, str], endpoint: str | None, to: Path | None, first: Language = "en") -> None:
    """Write the page and print its path. Raises InputError for what is no finished study, or the same one twice."""
    page = to or DEFAULT
    with told(page, f"the comparison in {page}"):
        if page.exists():
            raise InputError(f"{page} exists", "a file to be made", "Name another with --to, or remove it.")
    a, b = (_side(name, store, endpoint) for name in names)
    if (a.store.url, a.result.identity) == (b.store.url, b.result.identity):
        others = [key for key in reports(a.store) if key not in (a.report, b.report)]
        raise InputError(
            f"both are study {a.result.identity} of {a.store.url}",
            "two different studies",
            f"Name another; the store has {', '.join(others[:SHOWN]) or 'no other'}.",
        )
    made = render(compare(a, b, cache()), first)
    with told(page, f"the comparison in {page}"):
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(made, encoding="utf-8")
    print(page)


def _side(name: str, store: Store, endpoint: str | None) -> Side:
    if found := NAMED.fullmatch(name):
        where = open_store(found["store"], endpoint=endpoint) if found["store"] else store
        report = report_of(where, reports(where), found["key"])
    elif IDENTITY.fullmatch(name):
        where = store
        report = report_of(where, reports(where), name)
    else:
        where = open_store(name, endpoint=endpoint)
        report = reports(where)[0]
    result = result_of(where, report)
    if not result.evaluations:
        raise InputError(
            f"no network of {where.url}/{report} was evaluated",
            "two studies with networks that read",
            "Run it to the end.",
        )
    return Side(where, report, result)
