"""A whole study without Prefect: its steps one after the other, in this process."""

from charrec.data.sources import locate
from charrec.memo.outcome import Outcome, Value
from charrec.memo.step import Bench, Given, Step
from charrec.models import SEARCHED
from charrec.results import ReportResult
from charrec.steps import pipeline
from charrec.steps.augment import AUGMENT
from charrec.steps.evaluate import EVALUATE
from charrec.steps.pack import PACK
from charrec.steps.precision import PRECISION
from charrec.steps.predict import PREDICT
from charrec.steps.report import REPORT
from charrec.steps.search import SEARCH
from charrec.steps.train import TRAIN
from charrec.study import Study


class Driven:
    """After `run`, `cached` says of each step whether it was recalled."""

    def __init__(self, study: Study, bench: Bench) -> None:
        self.study, self.bench = study, bench
        self.cached: dict[str, bool] = {}

    @property
    def redone(self) -> set[str]:
        return {label for label, cached in self.cached.items() if not cached}

    def step(self, step: Step[Given, Value], given: Given) -> Outcome[Value]:
        outcome = step.run(given, self.bench)
        self.cached[step.label(given)] = outcome.cached
        return outcome

    def run(self) -> Outcome[ReportResult]:
        study = self.study
        sources = [locate(role, study.data, self.bench.cache) for role in pipeline.ROLES]
        sets = {source.role: self.step(PACK, pipeline.packing(study, source)) for source in sources}
        precision = self.step(PRECISION, pipeline.choosing(study, pipeline.this_kind_of_machine()))
        search = self.step(SEARCH, pipeline.searching(study, sets, precision))
        augmented = self.step(AUGMENT, pipeline.augmenting(study, sets))
        branches = []
        for model in pipeline.models(study):
            found = search if model == SEARCHED else None
            training = self.step(TRAIN, pipeline.training(study, model, sets, precision, found))
            predictions = self.step(PREDICT, pipeline.predicting(study, sets, training))
            evaluation = self.step(EVALUATE, pipeline.evaluating(study, model, sets, predictions))
            branches.append((training, predictions, evaluation))
        return self.step(REPORT, pipeline.reporting(study, sets, precision, search, branches, augmented, {}))
