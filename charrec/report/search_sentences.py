"""The report's sentences on the search: how it went, who worked at it, what mattered."""

from charrec import reference
from charrec.report.importance import Importance
from charrec.report.language import say
from charrec.report.shifts import Fleet
from charrec.report.words import (
    HYPERPARAMETERS,
    count,
    distance,
    duration,
    listing,
    many,
    percent,
    series,
    some,
    spelled,
)
from charrec.results import StudyResult


def search_story(result: StudyResult, comparable: bool) -> str:
    search, settings = result.search, result.study.search
    done = [t for t in search.trials if t.val_accuracy is not None]
    lost = sum(trial.state == "LOST" for trial in search.trials)
    failed = len(search.trials) - len(done) - lost
    configurations = len({t.configuration for t in search.trials})
    texts = [
        say(
            "Hyperband with at most {most} and factor {factor}: {trials} of {configurations}, {epochs} in total on"
            " {images} training images, in {time}.",
            most=many(settings.max_epochs, "epoch"),
            factor=settings.factor,
            trials=many(len(search.trials), "trial"),
            configurations=many(configurations, "configuration"),
            epochs=many(search.epochs, "epoch"),
            images=count(search.images),
            time=duration(search.seconds),
        )
    ]
    theirs = {"trials": many(reference.SEARCH_TRIALS, "trial"), "time": duration(reference.SEARCH_SECONDS)}
    if comparable:
        texts.append(say("The reference ran {trials} in {time}.", **theirs))
    else:
        texts.append(say("The reference ran {trials} in {time}, on other data.", **theirs))
    if failed:
        texts.append(say("{trials} failed.", trials=many(failed, "trial")))
    if lost:
        trials = many(lost, "trial")
        texts.append(say("{trials} had no result because the workers were lost, whatever the network.", trials=trials))
    if len(done) > 1:
        top = [t.val_accuracy for t in done if t.val_accuracy is not None][:5]
        if max(top) == min(top):
            texts.append(say("The best {n} have the same accuracy.", n=len(top)))
        else:
            apart = distance(max(top) - min(top))
            texts.append(say("The best {n} are within {apart} of each other.", n=len(top), apart=apart))
    return " ".join(texts)


def ladders(result: StudyResult) -> str:
    """How Hyperband goes about it."""
    return say(
        "Hyperband begins with many configurations and few epochs. At the end of each rung the best go on to the next,"
        " about 1 in {factor}, with more epochs; such a ladder is a bracket, and later brackets begin with fewer"
        " configurations and more epochs.",
        factor=result.study.search.factor,
    )


def searched(result: StudyResult) -> str:
    """What the hyperparameters are."""
    parts = [f"{key} ({say(means)})" for key, means in HYPERPARAMETERS.items() if key in result.search.space]
    return say("Searched are {names}.", names=listing(parts)) if parts else ""


def timeline_story(crew: Fleet) -> str:
    """How many workers there were, how long they were idle, and what was lost with them."""
    values = {"time": duration(crew.seconds), "idle": percent(crew.idle_share, 0)}
    if crew.stretches == 1:
        text = say("One worker had the only trial, for {time}.", **values)
    elif len(crew.shifts) == 1:
        text = say(
            "One worker had trials for {time} in all and was idle for {idle} of the time between its first and last"
            " one.",
            **values,
        )
    else:
        text = say(
            "{workers} workers had trials for {time} in all and were idle for {idle} of the time between a worker’s"
            " first and last one.",
            workers=spelled(len(crew.shifts)),
            **values,
        )
    values = {"work": duration(crew.lost_seconds), "waited": duration(crew.waited_seconds)}
    if not crew.lost:
        losses = say("None was lost with a trial.")
    elif crew.lost == 1:
        losses = say(
            "Once a worker was lost with its trial, and with it {work} of work since a finished epoch; the trial waited"
            " {waited} for another worker.",
            **values,
        )
    else:
        losses = say(
            "{times} times a worker was lost with its trial, and with it {work} of work since a finished epoch; the"
            " trials waited {waited} for another worker.",
            times=spelled(crew.lost),
            **values,
        )
    return f"{text} {losses}"


def importance_story(found: list[tuple[Importance, object]]) -> str:
    """The hyperparameter of the greatest difference, and those that the search tells apart from chance."""
    if not found:
        return say("This search does not tell which hyperparameter matters: too few accuracies or values to compare.")
    first = found[0][0]
    halves = first.halves
    if abs(halves.effect) < 0.00005:  # shown as 0
        return say("High and low values of every hyperparameter came to the same accuracy in the mean.")
    values = {"name": first.name, "high": some(halves.of), "low": some(halves.less)}
    values["apart"] = distance(halves.effect)
    if halves.effect > 0:
        text = say(
            "Configurations with a high {name} ({high}) differ most from those with a low one ({low}): in the mean"
            " their accuracy is {apart} higher.",
            **values,
        )
    else:
        text = say(
            "Configurations with a high {name} ({high}) differ most from those with a low one ({low}): in the mean"
            " their accuracy is {apart} lower.",
            **values,
        )
    clear = [one.name for one, _ in found if one.halves.clear]
    middles = _middles([one for one, _ in found])
    if not clear:
        if middles:
            return f"{text} {middles}"
        nothing = say("No interval leaves zero out, so this search does not tell which hyperparameter matters.")
        return f"{text} {nothing}"
    names = listing(clear)
    if len(clear) == 1:
        text += " " + say("The interval of {names} leaves zero out.", names=names)
    else:
        text += " " + say("The intervals of {names} leave zero out.", names=names)
    if len(clear) < len(found):
        text += " " + say("Of the others the search does not tell whether they matter.")
    return f"{text} {middles}".strip()


def _middles(found: list[Importance]) -> str:
    """The hyperparameters whose middle values are surely better or worse than those at the ends."""
    told = []
    for one in found:
        if one.middle and one.middle.clear:
            values = {
                "name": one.name,
                "inner": some(one.middle.of),
                "outer": _ends(one.middle.less),
            }
            values["apart"] = distance(one.middle.effect)
            told.append(
                say(
                    "In the middle of its values ({inner}) {name} is {apart} better than at the ends ({outer}).",
                    **values,
                )
                if one.middle.effect > 0
                else say(
                    "In the middle of its values ({inner}) {name} is {apart} worse than at the ends ({outer}).",
                    **values,
                )
            )
    return " ".join(told)


def _ends(values: tuple[float, ...]) -> str:
    """The lowest and the highest values, as many of each."""
    half = len(values) // 2
    return series([some(values[:half]), some(values[half:])])


def fidelity_story(result: StudyResult) -> str:
    """After how many epochs the configurations are compared."""
    first = [t.epochs for t in result.search.trials if t.rung == 0 and t.val_accuracy is not None]
    parts = [
        say("{n} after {epochs}", n=count(first.count(epochs)), epochs=many(epochs, "epoch"))
        for epochs in sorted(set(first))
    ]
    text = say("Here {parts} are compared.", parts=listing(parts))
    if min(first) < max(first):
        text += " " + say("What learns fast is ahead after few epochs, and need not be in the end.")
    return text
