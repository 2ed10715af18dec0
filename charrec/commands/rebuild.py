"""`python -m charrec.report STORE`: a report made anew from what a store has, in a folder; the store stays as it is."""

from pathlib import Path
from tempfile import TemporaryDirectory

from charrec.commands.place import cache
from charrec.commands.report import require_free
from charrec.commands.standing import Standing, standing
from charrec.commands.terminal import complain
from charrec.report import early, write_report
from charrec.report.language import Language
from charrec.report.stored import PAGE
from charrec.report.words import NBSP
from charrec.storage import Store
from charrec.storage.disk import told


def show(store: Store, folder: Path, first: Language = "en") -> None:
    """Write the report's files, print the page's path, and on standard error, in English, what a study lacks."""
    require_free(folder)
    now = standing(store, cache())
    with told(folder, f"the report in {folder}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as near:  # a rename stays on one disk
            whole = Path(near, "whole")
            whole.mkdir()
            write(now, whole, first)
            whole.replace(folder)
    for sentence in now.missing:
        complain(sentence().replace(NBSP, " "), "note")
    print(folder / PAGE)


def write(now: Standing, folder: Path, first: Language = "en") -> None:
    """The report's files; before the first network is evaluated the page alone."""
    if now.pictures:
        write_report(now.result, now.pictures, folder, now.missing, first)
    else:
        Path(folder, PAGE).write_text(early.render(now.result, now.missing, first), encoding="utf-8")
