"""The report's sentences; every claim is computed from the study's result."""

from charrec import alphabet, reference
from charrec.models import MODELS
from charrec.report.language import say
from charrec.report.words import (
    FAMILIES,
    NBSP,
    character,
    count,
    interval,
    kind,
    listing,
    loss,
    many,
    name,
    percent,
    points,
    quoted,
    rate,
    spelled_many,
    subject,
)
from charrec.results import DataSummary, Evaluation, External, StudyResult, TextRate, TrainingResult
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
        return say("This study did not use Chars74K, but the embedded set drawn from the fonts installed with charrec.")
    return say("Nothing identifies this study’s data as Chars74K.")


def differences(result: StudyResult) -> list[str]:
    """On Chars74K: this study's other differences from the reference run."""
    study, texts = result.study, []
    if study.image_size != FULL.image_size:
        texts.append(say("images of {own} px instead of {full} px", own=study.image_size, full=FULL.image_size))
    if study.split != FULL.split:
        texts.append(say("a split by font"))
    if study.data.fonts is not None:
        texts.append(say("{fonts} instead of all", fonts=many(result.data.fonts, "font")))
    if study.search.space != FULL.search.space:
        own, full = (count(each.search.space.points) for each in (study, FULL))
        texts.append(say("a search of {own} points instead of {full}", own=own, full=full))
    for model in MODELS:
        field = f"epochs_{model}"
        epochs, full = getattr(study, field), getattr(FULL, field)
        if epochs != full:
            shown = many(epochs, "epoch")
            changed = say("{epochs} for {model} instead of {full}", epochs=shown, model=name(model), full=full)
            texts.append(changed if epochs else say("no {model}", model=name(model)))
    return texts


def headline(result: StudyResult) -> str:
    top = best(result)
    shown = percent(top.accuracy.value)
    return say("{model} reads {share} of the validation characters", model=subject(top.model), share=shown)


def lead(result: StudyResult) -> str:
    """The answer in a few sentences, below the headline."""
    top, data = best(result), result.data
    texts = [
        say(
            "This study trained {networks} on {training} images of 62 characters and validated on {validation}.",
            networks=spelled_many(len(result.evaluations), "network").lower(),
            training=count(data.training),
            validation=many(data.validation, "other"),
        )
    ]
    if data.unavoidable_validation:
        texts.append(
            say(
                "No classifier can read more than {ceiling} of these, because the rest show pictures that also occur"
                " under another label.",
                ceiling=percent(1 - data.unavoidable_validation / data.validation),
            )
        )
    folded = percent(top.folded_accuracy.value)
    texts.append(
        say("With both cases of a letter counted as one, {model} reads {folded}.", model=name(top.model), folded=folded)
    )
    others = [e for e in result.evaluations if e is not top and e.accuracy.high >= top.accuracy.low]
    if others:
        names = listing([name(e.model) for e in others])
        texts.append(
            say(
                "Its interval overlaps with that of {names}, so the intervals alone do not tell their order.",
                names=names,
            )
        )
    return " ".join(texts)


def against_reference(result: StudyResult) -> str:
    """The differences from the reference, and the networks whose interval contains its figure; "" if it has none."""
    compared = [e for e in result.evaluations if e.model in reference.MODELS]
    if not compared:
        return ""
    gaps, inside = [], []
    for e in compared:
        theirs = reference.MODELS[e.model].val_accuracy
        gaps.append(f"{name(e.model)}{NBSP}{points(e.accuracy.value - theirs)}")
        if e.accuracy.low <= theirs <= e.accuracy.high:
            inside.append(name(e.model))
    if not inside:
        one = say("its interval does not contain the reference’s figure")
        where = one if len(compared) == 1 else say("no interval contains the reference’s figure")
    elif len(inside) == len(compared):
        one = say("its interval contains the reference’s figure")
        where = one if len(inside) == 1 else say("every interval contains the reference’s figure")
    else:
        names = listing(inside)
        where = say("the reference’s figure is within the interval of {names} only", names=names)
    return say("Against the reference: {gaps}; {where}.", gaps=listing(gaps), where=where)


def under_way(training: TrainingResult) -> bool:
    """Not trained to its end: only the end says on what."""
    return not training.backend


def overfitting(training: TrainingResult) -> str:
    """The epoch where overfitting starts, or a statement that none was found or that it is too early to tell."""
    rows = training.epochs
    lowest = min(rows, key=lambda row: row.val_loss)
    if under_way(training):
        return say(
            "{model} is not trained to its end: so far its validation loss was lowest, {loss}, in"
            " epoch\u00a0{epoch}, and its validation accuracy highest, {accuracy}, in epoch\u00a0{best}.",
            model=subject(training.model),
            loss=loss(lowest.val_loss),
            epoch=lowest.epoch,
            accuracy=percent(rows[training.best_epoch - 1].val_accuracy),
            best=training.best_epoch,
        )
    if len(rows) == 1:
        return say(
            "{model} was trained for one epoch, which does not tell whether it overfits: its validation accuracy was"
            " {accuracy}, its validation loss {loss}.",
            model=subject(training.model),
            accuracy=percent(lowest.val_accuracy),
            loss=loss(lowest.val_loss),
        )
    best_epoch = say(
        "Its best validation accuracy, {accuracy}, came in epoch\u00a0{epoch} of {epochs}; the study kept that epoch’s"
        " weights.",
        accuracy=percent(training.epochs[training.best_epoch - 1].val_accuracy),
        epoch=training.best_epoch,
        epochs=len(rows),
    )
    if training.overfits_from is None:
        last = lowest is rows[-1]
        then = say("the last") if last else say("and did not rise permanently afterwards")
        found = say(
            "No overfitting was found in {model}: its validation loss was lowest, {loss}, in epoch\u00a0{epoch},"
            " {then}.",
            model=name(training.model),
            loss=loss(lowest.val_loss),
            epoch=lowest.epoch,
            then=then,
        )
    else:
        found = say(
            "{model} overfits from epoch\u00a0{start}: its validation loss was lowest, {low}, in epoch\u00a0{epoch} and"
            " rose to {high} by epoch\u00a0{last}, while the training loss went from {before} to {after}.",
            model=subject(training.model),
            start=training.overfits_from,
            low=loss(lowest.val_loss),
            epoch=lowest.epoch,
            high=loss(rows[-1].val_loss),
            last=rows[-1].epoch,
            before=loss(lowest.loss),
            after=loss(rows[-1].loss),
        )
    return f"{found} {best_epoch}"


def data_story(result: StudyResult) -> list[str]:
    data = result.data
    split = say("at random") if result.study.split == "random" else say("by whole groups of fonts")
    origin = say(
        "The {images} images come from {fonts}. Fonts that share an image of a class form a group: {groups} in all."
        " {distinct} The images were split {split}: {training} for training and {validation} for validation.",
        images=count(data.images),
        fonts=many(data.fonts, "font"),
        groups=many(data.groups, "group"),
        distinct=_distinct(data),
        split=split,
        training=count(data.training),
        validation=count(data.validation),
    )
    return [origin, _memory(result), _unavoidable(data)]


def _distinct(data: DataSummary) -> str:
    if data.distinct == data.images:
        return say("No two of them are the same picture.")
    return say("They show only {pictures}.", pictures=many(data.distinct, "different picture"))


def _memory(result: StudyResult) -> str:
    """The validation images that are in the training part too."""
    data = result.data
    if not data.validation_with_twin:
        return say(
            "No validation image has a twin, an identical image of the same class in the training part, so a network"
            " can read none from memory."
        )
    text = say(
        "A network can read {images} ({share}) from memory, since the training part has an identical image of the same"
        " class, a twin.",
        images=many(data.validation_with_twin, "validation image"),
        share=percent(data.validation_with_twin / data.validation, 1),
    )
    if any(one.without_twin_accuracy for one in result.evaluations):
        text += " " + say("The report also gives the accuracy on those without one.")
    return text


def _unavoidable(data: DataSummary) -> str:
    """The errors that are the labels' and not a network's."""
    if not data.unavoidable:
        return say("No picture has two labels, so there is no error that a classifier could not avoid.")
    text = say(
        "No classifier can avoid misreading {images} ({share}), because the same picture has two labels.",
        images=many(data.unavoidable, "image"),
        share=percent(data.unavoidable / data.images),
    )
    if not data.unavoidable_validation:
        return f"{text} " + say("The validation part has none of them.")
    return f"{text} " + say(
        "The validation part has {n} of them, which limits the accuracy there to {ceiling}.",
        n=count(data.unavoidable_validation),
        ceiling=percent(1 - data.unavoidable_validation / data.validation),
    )


def slice_story(result: StudyResult, evaluation: Evaluation) -> str:
    """Of each way to part the images, what the network reads best and worst."""
    own = [one for one in result.slices if one.model == evaluation.model]
    texts = [say("The share that each network reads correctly, in parts of the validation images.")]
    for by in dict.fromkeys(one.by for one in own):
        parts = sorted((one for one in own if one.by == by), key=lambda one: -one.accuracy.value)
        if len(parts) > 1:
            top, last = parts[0], parts[-1]
            values = {
                "by": kind(by),
                "model": name(evaluation.model),
                "best": kind(top.name),
                "most": percent(top.accuracy.value, 1),
                "worst": kind(last.name),
                "least": percent(last.accuracy.value, 1),
            }
            if top.accuracy.value == last.accuracy.value:
                texts.append(say("By {by}, {model} reads all parts alike ({most}).", **values))
            elif top.accuracy.low > last.accuracy.high:
                texts.append(say("By {by}, {model} reads {best} best ({most}) and {worst} worst ({least}).", **values))
            else:
                texts.append(
                    say(
                        "By {by}, {model} reads {best} best ({most}) and {worst} worst ({least}), though their"
                        " intervals overlap.",
                        **values,
                    )
                )
    return " ".join(texts)


def font_kinds(result: StudyResult) -> str:
    """Who says which kind a font is, or why there are no slices by it."""
    if any(one.by == "font kind" for one in result.slices):
        return say("The kind of a font is its family’s category at Google Fonts; of some kinds there are few families.")
    nothing = say(
        "There are no parts by kind of font, such as serif or monospace, since nothing that is stored of these images"
        " says it."
    )
    why = say("Chars74K numbers its fonts and does not name them.") if on_chars74k(result) else ""
    return f"{nothing} {why}".strip()


def reliability_story(result: StudyResult, evaluation: Evaluation) -> str:
    """How sure the network is in the mean, against how often it is right."""
    own = next(one for one in result.reliability if one.model == evaluation.model)
    n = sum(one.n for one in own.bins)
    said = sum(one.confidence * one.n for one in own.bins) / n
    gap = said - evaluation.accuracy.value
    if abs(gap) < 0.005:
        how = say("so it is about as sure as it should be")
    else:
        how = say("so it is too sure") if gap > 0 else say("so it is less sure than it could be")
    return say(
        "{model} gives its answers a probability of {said} in the mean and is right in {right}, {how}.",
        model=subject(own.model),
        said=percent(said, 1),
        right=percent(evaluation.accuracy.value, 1),
        how=how,
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
        return say("{model} made no mistakes.", model=subject(evaluation.model))
    text = say(
        "{model} made {mistakes} on {images}; in {cases} of these ({share}) it confused the two cases of a letter.",
        model=subject(evaluation.model),
        mistakes=many(errors, "mistake"),
        images=many(evaluation.accuracy.n, "image"),
        cases=count(cases),
        share=percent(cases / errors, 1),
    )
    if evaluation.pairs:
        first = evaluation.pairs[0]
        text += " " + say(
            "The most frequent mistake is {truth} read as {read}: {times}, or {share} of its images.",
            truth=character(first.truth),
            read=character(first.read),
            times=many(first.count, "time"),
            share=percent(first.share, 1),
        )
    return text


def external_story(scores: tuple[External, ...], group: str) -> str:
    """The effect of preparing the images, for the network that reads the prepared ones best."""
    own = {(x.model, x.method): x for x in scores if x.set == group}
    prepared = [x for (_, method), x in own.items() if method == "prepared"]
    if not prepared:
        return ""
    top = max(prepared, key=lambda x: x.accuracy.value)
    shown = {"model": subject(top.model), "rate": rate(top.accuracy), "n": count(top.accuracy.n)}
    shown["within"] = percent(top.accuracy_within.value)
    text = (
        say("{model} reads {rate} of the {n} prepared letters correctly among all 62 classes.", **shown)
        if group == "letters"
        else say("{model} reads {rate} of the {n} prepared digits correctly among all 62 classes.", **shown)
    )
    if other := own.get((top.model, "reference")):
        shown["other"] = f"{percent(other.accuracy.value)} ({interval(other.accuracy)})"
        text += " " + say("The reference’s way, it reads {other}.", **shown)
    if group == "letters":
        return f"{text} " + say("Among the 26 capitals only, it reads {within} of the prepared ones.", **shown)
    return f"{text} " + say("Among the 10 digits only, it reads {within} of the prepared ones.", **shown)


def text_story(rates: tuple[TextRate, ...]) -> str:
    """The effect of reading as one kind, for the network that reads the prepared years, or the first text, best."""
    prepared = [x for x in rates if x.method == "prepared"]
    family = "years" if any(x.text == "years" for x in prepared) else rates[0].text
    top = max((x for x in prepared if x.text == family), key=lambda x: x.one_kind.value)
    return say(
        "Each rate is of {n} texts whose images are drawn anew. {model} reads {plain} of the {family} right glyph by"
        " glyph, {one_kind} as one kind, and would read {known} if it were told that they are {kind}.",
        n=count(top.plain.n),
        model=subject(top.model),
        plain=percent(top.plain.value, 1),
        family=say(FAMILIES[family]) if family in FAMILIES else quoted(family),
        one_kind=percent(top.one_kind.value, 1),
        known=percent(top.kind_known.value, 1),
        kind=kind(top.kind),
    )
