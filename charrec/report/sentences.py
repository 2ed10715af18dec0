"""What the numbers say, in words: every claim is computed from the result it is about."""

from charrec import alphabet, reference
from charrec.models import MODELS
from charrec.report.words import (
    NBSP,
    character,
    count,
    duration,
    interval,
    listing,
    loss,
    many,
    name,
    percent,
    points,
    rate,
    spelled,
    title,
)
from charrec.results import Evaluation, External, StudyResult, TrainingResult
from charrec.study import FULL


def best(result: StudyResult) -> Evaluation:
    """The network of the highest validation accuracy; the first of equals."""
    return max(result.evaluations, key=lambda e: e.accuracy.value)


# The complete set's images and different pictures among them: known by these under whatever name it came.
CHARS74K = (62_992, 50_737)


def on_chars74k(result: StudyResult) -> bool:
    """Whether the glyphs are Chars74K's, by the source's name or by what was counted."""
    data = result.data
    if result.study.data.glyphs == "fonts":
        return False
    return "chars74k" in data.source.lower() or (data.images, data.distinct) == CHARS74K


def other_data(result: StudyResult) -> str:
    """What is known of data that are not Chars74K."""
    if result.study.data.glyphs == "fonts":
        return "This study did not use Chars74K but the embedded set, drawn from fonts installed with charrec."
    return "Nothing shows that the data of this study are Chars74K."


def differences(result: StudyResult) -> list[str]:
    """On Chars74K: what else in this study is not as in the reference run."""
    study, found = result.study, []
    if study.image_size != FULL.image_size:
        found.append(f"images of {study.image_size} px instead of {FULL.image_size} px")
    if study.split != FULL.split:
        found.append(f"a split by {study.split}")
    if study.data.fonts is not None:
        found.append(f"{many(result.data.fonts, 'font')} instead of all")
    for model in MODELS:
        field = f"epochs_{model}"
        if getattr(study, field) != getattr(FULL, field):
            found.append(f"{many(getattr(study, field), 'epoch')} for {name(model)} instead of {getattr(FULL, field)}")
    return found


def headline(result: StudyResult) -> str:
    top = best(result)
    return f"{title(top.model)} reads {percent(top.accuracy.value)} of the validation characters"


def lead(result: StudyResult) -> str:
    """The answer in two sentences, below the headline."""
    top, data = best(result), result.data
    ceiling = 1 - data.unavoidable_validation / data.validation
    text = (
        f"{spelled(len(result.evaluations))} networks learned {count(data.training)} pictures of 62 characters and were"
        f" tested on {count(data.validation)} others. No classifier could read more than {percent(ceiling)} of"
        f" these, because the rest carry a picture that also stands under another label; with the two cases of"
        f" a letter counted as one, {name(top.model)} reads {percent(top.folded_accuracy.value)}."
    )
    others = [e for e in result.evaluations if e is not top and e.accuracy.high >= top.accuracy.low]
    if others:
        names = listing([name(e.model) for e in others])
        text += f" Its interval overlaps with that of {names}: their order is not certain."
    return text


def against_reference(result: StudyResult) -> str:
    """The differences, and whose interval holds the reference's figure."""
    known = [e for e in result.evaluations if e.model in reference.MODELS]
    gaps, inside = [], []
    for e in known:
        theirs = reference.MODELS[e.model].val_accuracy
        gaps.append(f"{name(e.model)}{NBSP}{points(e.accuracy.value - theirs)}")
        if e.accuracy.low <= theirs <= e.accuracy.high:
            inside.append(name(e.model))
    if not inside:
        where = "none of the intervals holds the reference’s figure"
    elif len(inside) == len(known):
        where = "every interval holds the reference’s figure"
    else:
        where = f"the reference’s figure lies inside the interval of {listing(inside)} only"
    return f"Against the reference: {listing(gaps)}; {where}."


def overfitting(training: TrainingResult) -> str:
    """Where overfitting starts, named, or that it was not found."""
    rows, who = training.epochs, title(training.model)
    lowest = min(rows, key=lambda row: row.val_loss)
    start = (
        f"Its best validation accuracy, {percent(training.epochs[training.best_epoch - 1].val_accuracy)},"
        f" came in epoch{NBSP}{training.best_epoch} of {len(rows)}; those weights were kept."
    )
    if training.overfits_from is None:
        then = "the last" if lowest is rows[-1] else "and did not rise for good afterwards"
        return (
            f"No overfitting was found in {name(training.model)}: its validation loss was lowest,"
            f" {loss(lowest.val_loss)}, in epoch{NBSP}{lowest.epoch}, {then}. {start}"
        )
    return (
        f"{who} overfits from epoch{NBSP}{training.overfits_from}: its validation loss was lowest,"
        f" {loss(lowest.val_loss)}, in epoch{NBSP}{lowest.epoch} and rose to {loss(rows[-1].val_loss)} by"
        f" epoch{NBSP}{rows[-1].epoch}, while the training loss went from {loss(lowest.loss)} to"
        f" {loss(rows[-1].loss)}. {start}"
    )


def data_story(result: StudyResult) -> list[str]:
    data = result.data
    ceiling = 1 - data.unavoidable_validation / data.validation
    split = "at random" if result.study.split == "random" else "by whole groups of fonts"
    twins = data.validation_with_twin / data.validation
    origin = (
        f"The {count(data.images)} images come from {many(data.fonts, 'font')}, which merge into"
        f" {many(data.groups, 'group')} where fonts that share any image of a class are joined; only"
        f" {count(data.distinct)} pictures are different. They were split {split} into {count(data.training)} for"
        f" training and {count(data.validation)} for validation."
    )
    memory = (
        f"{count(data.validation_with_twin)} validation images ({percent(twins, 1)}) have a twin, an identical"
        f" image of the same class in the training part: on these a network can be right by memory. The accuracy"
        f" without them is given beside the plain one."
    )
    errors = (
        f"{count(data.unavoidable)} images ({percent(data.unavoidable / data.images)}) are errors that no classifier"
        f" can avoid, for the same picture carries two labels; {count(data.unavoidable_validation)} of them lie in"
        f" the validation part, which puts the ceiling there at {percent(ceiling)}."
    )
    return [origin, memory, errors]


def search_story(result: StudyResult, comparable: bool) -> str:
    found, settings = result.search, result.study.search
    done = [t for t in found.trials if t.val_accuracy is not None]
    failed = len(found.trials) - len(done)
    text = (
        f"Hyperband with at most {many(settings.max_epochs, 'epoch')} and factor {settings.factor}:"
        f" {many(len(found.trials), 'trial')} of {many(len({t.configuration for t in found.trials}), 'configuration')},"
        f" {many(found.epochs, 'epoch')} in all on {count(found.images)} training images, in"
        f" {duration(found.seconds)}. The reference ran {reference.SEARCH_TRIALS} trials in"
        f" {duration(reference.SEARCH_SECONDS)}{'' if comparable else ', on other data'}."
    )
    if failed:
        text += f" {many(failed, 'trial')} ended without a result."
    if len(done) > 1:
        top = [t.val_accuracy for t in done if t.val_accuracy is not None][:5]
        text += f" The best {len(top)} lie within {abs(100 * (max(top) - min(top))):.2f} points of each other."
    return text


def confusion_story(evaluation: Evaluation) -> str:
    """How many of the errors are between the two cases of one letter."""
    errors = cases = 0
    for i, row in enumerate(evaluation.confusion):
        for j, n in enumerate(row):
            if i != j:
                errors += n
                cases += n * (alphabet.FOLDED[i] == alphabet.FOLDED[j])
    if not errors:
        return f"{title(evaluation.model)} made no mistake."
    text = (
        f"{title(evaluation.model)} misread {count(errors)} of {many(evaluation.accuracy.n, 'image')};"
        f" {count(cases)} of these ({percent(cases / errors, 1)}) are the other case of the right letter."
    )
    if evaluation.pairs:
        first = evaluation.pairs[0]
        text += (
            f" The most frequent single mistake is {character(first.truth)} read as {character(first.read)}:"
            f" {count(first.count)} times, {percent(first.share, 1)} of its images."
        )
    return text


def external_story(scores: tuple[External, ...], group: str) -> str:
    """What preparing the images changes, for the network that reads the prepared ones best."""
    own = {(x.model, x.method): x for x in scores if x.set == group}
    prepared = [x for (_, method), x in own.items() if method == "prepared"]
    if not prepared:
        return ""
    top = max(prepared, key=lambda x: x.accuracy.value)
    text = (
        f"{title(top.model)} reads {rate(top.accuracy)} of the {count(top.accuracy.n)} {group} among all 62"
        f" classes when they are prepared"
    )
    if other := own.get((top.model, "reference")):
        text += f", {percent(other.accuracy.value)} ({interval(other.accuracy)}) the reference’s way"
    within = "26 capitals" if group == "letters" else "10 digits"
    return f"{text}. Among the {within} alone it is {percent(top.accuracy_within.value)}."
