"""The report's sentences; every claim is computed from the study's result."""

from charrec import alphabet, reference
from charrec.models import MODELS
from charrec.report.importance import Importance
from charrec.report.shifts import Fleet
from charrec.report.words import (
    HYPERPARAMETERS,
    NBSP,
    TEXTS,
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
    some,
    spelled,
    title,
)
from charrec.results import Evaluation, External, StudyResult, TextRate, TrainingResult
from charrec.study import FULL


def best(result: StudyResult) -> Evaluation:
    """The network with the highest validation accuracy; of equal ones, the first."""
    return max(result.evaluations, key=lambda e: e.accuracy.value)


# (images, distinct pictures) of the complete set, which identify it under any name.
CHARS74K = (62_992, 50_737)


def on_chars74k(result: StudyResult) -> bool:
    """Whether the glyphs are Chars74K's, by the source's name or by its counts."""
    data = result.data
    if result.study.data.glyphs == "fonts":
        return False
    return "chars74k" in data.source.lower() or (data.images, data.distinct) == CHARS74K


def other_data(result: StudyResult) -> str:
    """A sentence about data other than Chars74K."""
    if result.study.data.glyphs == "fonts":
        return "This study did not use Chars74K, but the embedded set drawn from the fonts installed with charrec."
    return "Nothing identifies this study’s data as Chars74K."


def differences(result: StudyResult) -> list[str]:
    """On Chars74K: this study's other differences from the reference run."""
    study, texts = result.study, []
    if study.image_size != FULL.image_size:
        texts.append(f"images of {study.image_size} px instead of {FULL.image_size} px")
    if study.split != FULL.split:
        texts.append(f"a split by {study.split}")
    if study.data.fonts is not None:
        texts.append(f"{many(result.data.fonts, 'font')} instead of all")
    if study.search.space != FULL.search.space:
        texts.append(f"a search of {count(study.search.space.points)} points instead of {FULL.search.space.points}")
    for model in MODELS:
        field = f"epochs_{model}"
        epochs, full = getattr(study, field), getattr(FULL, field)
        if epochs != full:
            changed = f"{many(epochs, 'epoch')} for {name(model)} instead of {full}"
            texts.append(changed if epochs else f"no {name(model)}")
    return texts


def headline(result: StudyResult) -> str:
    top = best(result)
    return f"{title(top.model)} reads {percent(top.accuracy.value)} of the validation characters"


def lead(result: StudyResult) -> str:
    """The answer in a few sentences, below the headline."""
    top, data = best(result), result.data
    ceiling = 1 - data.unavoidable_validation / data.validation
    text = (
        f"{spelled(len(result.evaluations))} networks were trained on {count(data.training)} images of 62 characters"
        f" and validated on {count(data.validation)} others. No classifier can read more than {percent(ceiling)} of"
        f" these, because the rest show pictures that also occur under another label. With both cases of a letter"
        f" counted as one, {name(top.model)} reads {percent(top.folded_accuracy.value)}."
    )
    others = [e for e in result.evaluations if e is not top and e.accuracy.high >= top.accuracy.low]
    if others:
        names = listing([name(e.model) for e in others])
        text += f" Its interval overlaps with that of {names}, so their order is uncertain."
    return text


def against_reference(result: StudyResult) -> str:
    """The differences from the reference, and the networks whose interval contains its figure."""
    compared = [e for e in result.evaluations if e.model in reference.MODELS]
    gaps, inside = [], []
    for e in compared:
        theirs = reference.MODELS[e.model].val_accuracy
        gaps.append(f"{name(e.model)}{NBSP}{points(e.accuracy.value - theirs)}")
        if e.accuracy.low <= theirs <= e.accuracy.high:
            inside.append(name(e.model))
    if not inside:
        where = "no interval contains the reference’s figure"
    elif len(inside) == len(compared):
        where = "every interval contains the reference’s figure"
    else:
        where = f"the reference’s figure is within the interval of {listing(inside)} only"
    return f"Against the reference: {listing(gaps)}; {where}."


def overfitting(training: TrainingResult) -> str:
    """The epoch where overfitting starts, or a statement that none was found."""
    rows = training.epochs
    lowest = min(rows, key=lambda row: row.val_loss)
    best_epoch = (
        f"Its best validation accuracy, {percent(training.epochs[training.best_epoch - 1].val_accuracy)},"
        f" came in epoch{NBSP}{training.best_epoch} of {len(rows)}; the study kept that epoch’s weights."
    )
    if training.overfits_from is None:
        then = "the last" if lowest is rows[-1] else "and did not rise permanently afterwards"
        return (
            f"No overfitting was found in {name(training.model)}: its validation loss was lowest,"
            f" {loss(lowest.val_loss)}, in epoch{NBSP}{lowest.epoch}, {then}. {best_epoch}"
        )
    return (
        f"{title(training.model)} overfits from epoch{NBSP}{training.overfits_from}: its validation loss was lowest,"
        f" {loss(lowest.val_loss)}, in epoch{NBSP}{lowest.epoch} and rose to {loss(rows[-1].val_loss)} by"
        f" epoch{NBSP}{rows[-1].epoch}, while the training loss went from {loss(lowest.loss)} to"
        f" {loss(rows[-1].loss)}. {best_epoch}"
    )


def data_story(result: StudyResult) -> list[str]:
    data = result.data
    ceiling = 1 - data.unavoidable_validation / data.validation
    split = "at random" if result.study.split == "random" else "by whole groups of fonts"
    twins = data.validation_with_twin / data.validation
    origin = (
        f"The {count(data.images)} images come from {many(data.fonts, 'font')}. Fonts that share an image of a class"
        f" form a group; there are {many(data.groups, 'group')}. Only {count(data.distinct)} pictures are distinct. The"
        f" images were split {split}: {count(data.training)} for training and {count(data.validation)} for validation."
    )
    memory = (
        f"{count(data.validation_with_twin)} validation images ({percent(twins, 1)}) have a twin, an identical"
        f" image of the same class in the training part, so a network can read them from memory. The report also gives"
        f" the accuracy without them."
    )
    errors = (
        f"{count(data.unavoidable)} images ({percent(data.unavoidable / data.images)}) are errors that no classifier"
        f" can avoid, because the same picture has two labels; {count(data.unavoidable_validation)} of them are in"
        f" the validation part, which limits the accuracy there to {percent(ceiling)}."
    )
    return [origin, memory, errors]


def search_story(result: StudyResult, comparable: bool) -> str:
    search, settings = result.search, result.study.search
    done = [t for t in search.trials if t.val_accuracy is not None]
    lost = sum(trial.state == "LOST" for trial in search.trials)
    failed = len(search.trials) - len(done) - lost
    configurations = len({t.configuration for t in search.trials})
    text = (
        f"Hyperband with at most {many(settings.max_epochs, 'epoch')} and factor {settings.factor}:"
        f" {many(len(search.trials), 'trial')} of {many(configurations, 'configuration')},"
        f" {many(search.epochs, 'epoch')} in total on {count(search.images)} training images, in"
        f" {duration(search.seconds)}. The reference ran {reference.SEARCH_TRIALS} trials in"
        f" {duration(reference.SEARCH_SECONDS)}{'' if comparable else ', on other data'}."
    )
    if failed:
        text += f" {many(failed, 'trial')} failed."
    if lost:
        text += f" {many(lost, 'trial')} had no result because the workers were lost, whatever the network."
    if len(done) > 1:
        top = [t.val_accuracy for t in done if t.val_accuracy is not None][:5]
        text += f" The best {len(top)} are within {abs(100 * (max(top) - min(top))):.2f} points of each other."
    return text


def searched(result: StudyResult) -> str:
    """What the hyperparameters are."""
    parts = [f"{key} ({means})" for key, means in HYPERPARAMETERS.items() if key in result.search.space]
    return f" Searched are {listing(parts)}." if parts else ""


def timeline_story(crew: Fleet) -> str:
    """How many workers there were, how long they were idle, and what was lost with them."""
    text = (
        f"{spelled(len(crew.shifts))} worker{'s' * (len(crew.shifts) > 1)} had trials for {duration(crew.seconds)} in"
        f" all and {'were' if len(crew.shifts) > 1 else 'was'} idle for {percent(crew.idle_share, 0)} of the time"
        " between a worker’s first and last one."
    )
    if not crew.lost:
        return f"{text} None was lost with a trial."
    times = "Once" if crew.lost == 1 else f"{spelled(crew.lost)} times"
    return (
        f"{text} {times} a worker was lost with its trial, and with it {duration(crew.lost_seconds)} of work since a"
        f" finished epoch; the trial{'s' * (crew.lost > 1)} waited {duration(crew.waited_seconds)} for another worker."
    )


def importance_story(found: list[tuple[Importance, object]]) -> str:
    """The hyperparameter of the greatest difference, and those that the search tells apart from chance."""
    first = found[0][0]
    text = (
        f"Configurations with a high {first.name} ({some(first.upper)}) differ most from those with a low one"
        f" ({some(first.lower)}): in the mean their accuracy is {points(abs(first.effect))[1:]}"
        f" {'higher' if first.effect > 0 else 'lower'}."
    )
    clear = [one.name for one, _ in found if one.clear]
    if not clear:
        return f"{text} No interval leaves zero out, so this search does not tell which hyperparameter matters."
    verb = "leaves" if len(clear) == 1 else "leave"
    others = "" if len(clear) == len(found) else "; of the others the search does not tell whether they matter"
    return f"{text} The interval{'s' * (len(clear) > 1)} of {listing(clear)} {verb} zero out{others}."


def fidelity_story(result: StudyResult) -> str:
    """After how many epochs the configurations are compared."""
    first = [t.epochs for t in result.search.trials if t.rung == 0 and t.val_accuracy is not None]
    parts = [f"{count(first.count(epochs))} after {many(epochs, 'epoch')}" for epochs in sorted(set(first))]
    text = f"Here {listing(parts)} are compared."
    if min(first) < max(first):
        text += " What learns fast is ahead after few epochs, and need not be in the end."
    return text


def slice_story(result: StudyResult, evaluation: Evaluation) -> str:
    """Of each way to part the images, what the network reads best and worst."""
    own = [one for one in result.slices if one.model == evaluation.model]
    texts = []
    for by in dict.fromkeys(one.by for one in own):
        parts = sorted((one for one in own if one.by == by), key=lambda one: -one.accuracy.value)
        if len(parts) > 1:
            top, last = parts[0], parts[-1]
            apart = "" if top.accuracy.low > last.accuracy.high else ", though their intervals overlap"
            texts.append(
                f"by {by}, {title(evaluation.model)} reads {top.name} best ({percent(top.accuracy.value, 1)}) and"
                f" {last.name} worst ({percent(last.accuracy.value, 1)}){apart}"
            )
    return "The share that each network reads correctly, in parts of the validation images." + "".join(
        f" {text[0].upper()}{text[1:]}." for text in texts
    )


def font_kinds(result: StudyResult) -> str:
    """Who says which kind a font is, or why there are no slices by it."""
    if any(one.by == "font kind" for one in result.slices):
        return "The kind of a font is its family’s category at Google Fonts; of some kinds there are few families."
    why = " Chars74K numbers its fonts and does not name them." if on_chars74k(result) else ""
    return (
        "There are no parts by kind of font, such as serif or monospace, since nothing that is stored of these images"
        f" says it.{why}"
    )


def reliability_story(result: StudyResult, evaluation: Evaluation) -> str:
    """How sure the network is in the mean, against how often it is right."""
    own = next(one for one in result.reliability if one.model == evaluation.model)
    n = sum(one.n for one in own.bins)
    said = sum(one.confidence * one.n for one in own.bins) / n
    gap = said - evaluation.accuracy.value
    how = "so it is about as sure as it should be" if abs(gap) < 0.005 else "so it is too sure"
    how = "so it is less sure than it could be" if gap <= -0.005 else how
    return (
        f"{title(own.model)} gives its answers a probability of {percent(said, 1)} in the mean and is right in"
        f" {percent(evaluation.accuracy.value, 1)}, {how}."
    )


def confusion_story(evaluation: Evaluation) -> str:
    """The errors, and how many of them confuse the two cases of a letter."""
    errors = cases = 0
    for i, row in enumerate(evaluation.confusion):
        for j, n in enumerate(row):
            if i != j:
                errors += n
                cases += n * (alphabet.FOLDED[i] == alphabet.FOLDED[j])
    if not errors:
        return f"{title(evaluation.model)} made no mistakes."
    text = (
        f"{title(evaluation.model)} misread {count(errors)} of {many(evaluation.accuracy.n, 'image')};"
        f" {count(cases)} of these ({percent(cases / errors, 1)}) confuse the two cases of a letter."
    )
    if evaluation.pairs:
        first = evaluation.pairs[0]
        text += (
            f" The most frequent mistake is {character(first.truth)} read as {character(first.read)}:"
            f" {count(first.count)} times, or {percent(first.share, 1)} of its images."
        )
    return text


def external_story(scores: tuple[External, ...], group: str) -> str:
    """The effect of preparing the images, for the network that reads the prepared ones best."""
    own = {(x.model, x.method): x for x in scores if x.set == group}
    prepared = [x for (_, method), x in own.items() if method == "prepared"]
    if not prepared:
        return ""
    top = max(prepared, key=lambda x: x.accuracy.value)
    text = (
        f"{title(top.model)} reads {rate(top.accuracy)} of the {count(top.accuracy.n)} prepared {group} correctly among"
        f" all 62 classes"
    )
    if other := own.get((top.model, "reference")):
        text += f", against {percent(other.accuracy.value)} ({interval(other.accuracy)}) the reference’s way"
    within = "26 capitals" if group == "letters" else "10 digits"
    return f"{text}. Among the {within} only, it reads {percent(top.accuracy_within.value)} of the prepared ones."


def text_story(rates: tuple[TextRate, ...]) -> str:
    """The effect of reading as one kind, for the network that reads the prepared years, or the first text, best."""
    prepared = [x for x in rates if x.method == "prepared"]
    family = "years" if any(x.text == "years" for x in prepared) else rates[0].text
    top = max((x for x in prepared if x.text == family), key=lambda x: x.one_kind.value)
    return (
        f"Each rate is of {count(top.plain.n)} texts whose images are drawn anew. {title(top.model)} reads"
        f" {percent(top.plain.value, 1)} of the {family if family in TEXTS else f'“{family}”'} right glyph by glyph,"
        f" {percent(top.one_kind.value, 1)} as one kind, and would read {percent(top.kind_known.value, 1)} if it were"
        f" told that they are {top.kind}."
    )
