"""The predictions of one network -> rates with intervals, confusions, and the texts as it reads them."""

from charrec.data import foreign
from charrec.data.arrays import Glyphs
from charrec.data.glyphs import load_columns
from charrec.data.twins import twins
from charrec.evaluation.kinds import settled
from charrec.evaluation.scores import evaluate, external, read_text
from charrec.evaluation.tables import Table, labels_of, role_of, tables_of
from charrec.evaluation.texts import text_rates
from charrec.memo.step import Bench, Step
from charrec.results import EvaluationResult, External, PredictionResult, TextReading
from charrec.study import Frozen, Kinds

Tables = dict[str, Table]


class Given(Frozen):
    model: str
    predictions: str  # key
    glyphs: Glyphs
    texts: tuple[str, ...]
    kinds: Kinds
    seed: int


def compute(given: Given, bench: Bench) -> EvaluationResult:
    predictions = bench.outcome(given.predictions, PredictionResult).value
    columns = load_columns(given.glyphs.packed.local(bench.store, bench.cache))
    training, validation = given.glyphs.halves(columns)
    tables = tables_of(predictions, bench.store, len(validation))
    evaluation = evaluate(
        given.model,
        tables["validation"][1],
        columns["label"].to_numpy()[validation],
        columns["group"].to_numpy()[validation],
        twins(columns, training, validation),
        given.seed,
    )
    kinds = settled(given.kinds, evaluation.temperature)
    return EvaluationResult(
        evaluation=evaluation,
        external=tuple(
            _external(given.model, role, method, tables) for role in ("letters", "digits") for method in foreign.METHODS
        ),
        texts=tuple(_read(text, method, given, tables, kinds) for text in given.texts for method in foreign.METHODS),
        text_rates=tuple(text_rates(given.model, given.texts, tables, kinds, given.seed)),
    )


def _external(model: str, role: str, method: str, tables: Tables) -> External:
    head, probabilities = tables[f"{role} {method}"]
    return external(model, role, method, probabilities, labels_of(head))


def _read(text: str, method: str, given: Given, tables: Tables, kinds: Kinds) -> TextReading:
    head, probabilities = tables[f"{role_of(text)} {method}"]
    picks = foreign.pick_text(text, labels_of(head), given.seed)
    names = head["name"].iloc[picks].tolist()
    return read_text(text, given.model, method, probabilities[picks], names, kinds)


EVALUATE = Step("evaluate {given.model}", "evaluations/{given.model}-", Given, EvaluationResult, compute)
