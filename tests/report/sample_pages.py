"""The sample study's other pages: two studies compared, and a study before its first evaluation."""

from pathlib import Path

import numpy as np
import sample_result as sample

from charrec.evaluation.paired import Answers, figure
from charrec.report.compared import Compared, Row, Side
from charrec.report.language import Saying, say
from charrec.report.words import name, subject
from charrec.results import StudyResult
from charrec.storage import open_store


def compared(folder: Path, alike: bool = True) -> Compared:
    """The full study against the tiny one; `alike`: they were tested on the same images."""
    store, a, b = open_store(str(folder)), sample.study_result(), sample.tiny_result()
    found = Compared(Side(store, "reports/a", a), Side(store, "reports/b", b))
    labels = np.arange(200) % 62
    wrong = Answers(labels, np.where(labels < 9, 0, labels), np.where(labels < 4, 0, labels), (labels // 4).astype(str))
    pair = figure("accuracy", wrong, 0) if alike else None
    chance = pair and pair.model_copy(update={"low": -0.01, "groups": pair.n})
    found.best = pair
    for one, other in zip(a.evaluations, b.evaluations, strict=True):
        found.accuracy.append(Row(one.model, one.accuracy, other.accuracy, pair))
        found.folded.append(Row(one.model, one.folded_accuracy, other.folded_accuracy, chance))
        found.letters.append(Row(one.model, one.accuracy, None, None))
    found.digits = found.letters
    if not alike:
        gone = "The predictions of {model} of study {study} are not in its store."
        found.missing.append(lambda: say(gone, model=name("model_1"), study="A"))
    return found


def early(started: bool = True) -> tuple[StudyResult, list[Saying]]:
    """The full study before its first evaluation, or before its first epoch and trial; and a thing that it lacks."""
    result = sample.study_result()
    gone = ("evaluations", "external", "texts", "text_rates", "reliability", "slices", "search_curves")
    update = dict.fromkeys(gone, ())
    if not started:
        search = result.search.model_copy(update={"trials": (), "chosen": {}})
        update |= {"trainings": (), "search": search, "timeline": None}  # type: ignore[dict-item]
    return result.model_copy(update=update), [lambda: say("{model} waits for the search.", model=subject("model_4"))]
