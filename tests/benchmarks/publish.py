"""What the pages say of the study on Chars74K, made from its stored result.

    python -m tests.benchmarks.publish --store STORE [--sittings FILE] [--font STORE]
    python -m tests.benchmarks.publish

Copies study.json of the latest report to docs/chars74k.json (the font-disjoint run's to docs/chars74k-font.json), the
first screen of its page, made anew, to docs/report.png, two of its drawings to docs/report-search.png and
docs/report-confusions.png, and the lines "commit begin end status" of a file of sittings to docs/chars74k-sittings.txt;
then writes the marked parts of PAGES anew. Without a store it does only that, from the copies. A test holds the pages
to them.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from statistics import median

from charrec.commands import rebuild
from charrec.markdown import table
from charrec.models import SEARCHED
from charrec.reference import MODELS
from charrec.report import words
from charrec.report.stored import PAGE, reports
from charrec.results import Evaluation, Machine, Rate, StudyResult, TrainingResult
from charrec.storage import Store, open_store
from charrec.study import FULL
from tests.benchmarks import model_5_pages
from tests.report.browser import browser

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ["README.md", "docs/results.md", "docs/performance.md", "docs/model-5.md"]
RANDOM, FONT, SITTINGS, PICTURE = (
    DOCS / name for name in ("chars74k.json", "chars74k-font.json", "chars74k-sittings.txt", "report.png")
)
ELEMENTS = {"#parallel": DOCS / "report-search.png", ".matrix": DOCS / "report-confusions.png"}
BEST = 5  # trials that are shown
PART = re.compile(r"(<!-- begin (?P<name>[\w ,]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def stored(path: Path) -> StudyResult:
    return StudyResult.model_validate_json(path.read_text(encoding="utf-8"))


def plain(text: str) -> str:
    """As the pages are written: no character that a keyboard lacks."""
    return text.replace("\u2013", "-").replace("\u00a0", " ").replace("\u2014", "-").replace("\u2019", "'")


def rate(value: Rate) -> str:
    return f"{100 * value.value:.2f} ({100 * value.low:.1f}-{100 * value.high:.1f})"


def number(model: str) -> str:
    return model.removeprefix("model_")


def whole(result: StudyResult) -> Iterator[tuple[TrainingResult, Evaluation]]:
    """The networks that were trained as FULL trains them; the run by fonts shortens the search and what it finds."""
    for training, evaluation in zip(result.trainings, result.evaluations, strict=True):
        searched = training.model != SEARCHED or result.study.search == FULL.search
        if searched and len(training.epochs) == getattr(FULL, f"epochs_{training.model}"):
            yield training, evaluation


def models(result: StudyResult) -> str:
    """Every network: accuracies, the best epoch and the seconds, beside the deck's."""
    head = ["Model", "accuracy % (95 % interval)", "deck", "two cases as one", "no twin in training", "best epoch",
            "deck", "s an epoch", "deck (P100)"]  # fmt: skip
    rows = []
    for training, evaluation in whole(result):
        theirs = MODELS.get(training.model)
        rows.append([
            number(training.model), rate(evaluation.accuracy), f"{100 * theirs.val_accuracy:.2f}" if theirs else "-",
            f"{100 * evaluation.folded_accuracy.value:.2f}", f"{100 * evaluation.without_twin_accuracy.value:.2f}",
            f"{training.best_epoch} of {len(training.epochs)}", str(theirs.val_accuracy_epoch) if theirs else "-",
            f"{median(epoch.seconds for epoch in training.epochs):.0f}",
            "{}-{}".format(*theirs.epoch_seconds) if theirs else "-",
        ])  # fmt: skip
    return table(head, rows)


def short(result: StudyResult) -> str:
    """The first columns, for the first screen."""
    return "\n".join("|".join(row.split("|")[:5]) + "|" for row in models(result).splitlines())


def rates(result: StudyResult) -> str:
    """Training images/s of the deck's networks in their best epochs, those with the least other work beside them."""
    rows = [
        [number(training.model), training.precision, f"{max(epoch.images_per_second for epoch in training.epochs):.0f}"]
        for training, _ in whole(result)
        if training.model in MODELS
    ]
    return f"On {hardware(result.machine)}:\n\n{table(['model', 'precision', 'images/s'], rows)}"


def hardware(machine: Machine) -> str:
    return f"{machine.cores} cores of an {machine.cpu}{' with ' + ', '.join(machine.gpus) if machine.gpus else ''}"


def computed(result: StudyResult, sittings: str = "") -> str:
    """Where and when, in which sittings, and how long each step took."""
    began = datetime.fromisoformat(result.started)
    text = (
        f"Computed at commit {result.code} on {hardware(result.machine)}, begun on {began:%B} {began.day}, {began.year}"
        f"{sittings}. {words.duration(sum(result.durations.values()))} in all steps together:"
    )
    rows = [[step, words.duration(seconds)] for step, seconds in result.durations.items()]
    return f"{text}\n\n{table(['step', 'time'], rows)}"


def sittings() -> str:
    """How many, and their hours; nothing where no file tells."""
    if not SITTINGS.exists():
        return ""
    lines = [line.split() for line in SITTINGS.read_text(encoding="utf-8").splitlines()]
    lasted = sum(
        (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds() for _, begin, end, _ in lines
    )
    return f", in {len(lines)} sittings of {words.duration(60 * round(lasted / 60))} together"


def search(result: StudyResult) -> str:
    """The best trials."""
    found = result.search
    if not found.trials:
        return "The search failed."
    rows = [
        [str(place), *(words.number(value) for value in trial.network.values()), str(trial.epochs),
         "-" if trial.val_accuracy is None else f"{100 * trial.val_accuracy:.2f}"]
        for place, trial in enumerate(found.trials[:BEST], 1)
    ]  # fmt: skip
    names = list(found.trials[0].network)
    return (
        f"{len(found.trials)} trials of {found.epochs} epochs together, on {words.count(found.images)} images each:\n\n"
        + table(["", *names, "epochs", "val accuracy %"], rows)
    )


def texts(result: StudyResult) -> str:
    """What each network read of the new data, from images prepared our way and the deck's."""
    networks = list(dict.fromkeys(text.model for text in result.texts))
    read = {(text.text, text.method, text.model): text.read for text in result.texts}
    rows = [
        [f"{text}, {words.METHODS[method]}", *(f"`{read[text, method, model]}`" for model in networks)]
        for text, method in dict.fromkeys((one.text, one.method) for one in result.texts)
    ]
    for kind, method in dict.fromkeys((one.set, one.method) for one in result.external):
        rates = [one.accuracy_within for one in result.external if (one.set, one.method) == (kind, method)]
        what = f"{kind} among their own classes, {words.METHODS[method]}, %"
        rows.append([what, *(f"{100 * rate.value:.1f}" for rate in rates)])
    return table(["text", *(words.title(model) for model in networks)], rows)


def part(show: Callable[[StudyResult], str], path: Path) -> Callable[[], str]:
    return lambda: plain(show(stored(path))) if path.exists() else "This run has not been made yet."


PARTS = {
    "models, short": part(short, RANDOM),
    **{show.__name__: part(show, RANDOM) for show in (models, rates, search, texts)},
    "computed": part(lambda result: computed(result, sittings()), RANDOM),
    **{f"{show.__name__}, by font": part(show, FONT) for show in (models, computed)},
    **{f"{name}, model 5": show for name, show in model_5_pages.PARTS.items()},
}


def written(page: str) -> str:
    """The page with its marked parts made anew. Raises KeyError for one that nobody makes."""
    return PART.sub(lambda found: f"{found[1]}{PARTS[found['name']]()}\n{found[3]}", page)


def fetch(store: Store, to: Path, pictures: bool) -> None:
    """The latest report's study.json; `pictures` of its page, made anew by this version of the report."""
    text = store.get(f"{reports(store)[0]}/study.json").decode()
    for given in json.loads(text)["study"]["data"].values():
        if isinstance(given, str) and Path(given).is_absolute():  # on the machine that computed it
            text = text.replace(json.dumps(given), json.dumps(Path(given).name))
    to.write_text(text, encoding="utf-8")
    if not pictures:
        return
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder, "profile")) as shown:
        rebuild.show(store, Path(folder, "report"))
        shown.open(Path(folder, "report", PAGE))
        shown.screen(PICTURE)
        for element, picture in ELEMENTS.items():
            shown.picture(element, picture)


def publish() -> None:
    """The pages, from the copies."""
    for page in map(ROOT.joinpath, PAGES):
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="of the finished study")
    parser.add_argument("--font", help="of the finished study with --split font")
    parser.add_argument("--sittings", type=Path)
    given = parser.parse_args()
    if given.store:
        fetch(open_store(given.store), RANDOM, pictures=True)
    if given.font:
        fetch(open_store(given.font), FONT, pictures=False)
    if given.sittings:
        SITTINGS.write_text(given.sittings.read_text(encoding="utf-8"), encoding="utf-8")
    publish()


if __name__ == "__main__":
    main()
