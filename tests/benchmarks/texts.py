"""How often a store's networks read whole texts of the new data: `python -m tests.benchmarks.texts STORE`.

2,000 draws each of APR, 2023, years, months and words, from the probabilities that the studies in STORE have left;
nothing is trained and no network is built. Prints the table of docs/results.md: glyph by glyph / as one kind / with the
kind known, in %.
"""

import argparse

from charrec.evaluation.kinds import settled
from charrec.evaluation.tables import labels_of, read_table
from charrec.evaluation.temperature import temperature
from charrec.evaluation.texts import text_rates
from charrec.markdown import table
from charrec.memo.outcome import recall
from charrec.results import PredictionResult, TextRate
from charrec.storage import Store, open_store
from charrec.study import FULL, Kinds


def found(store: Store, kinds: Kinds) -> dict[str, list[TextRate]]:
    """Model -> its rates, from the predictions of each that are whole."""
    keys = sorted({entry.key.rpartition("/")[0] for entry in store.list("predictions/")})
    rates = {}
    for key in keys:
        if outcome := recall(store, key, PredictionResult):
            tables = {name: read_table(store.get(one.key), one.key) for name, one in outcome.value.tables.items()}
            name = key.removeprefix("predictions/").rpartition("-")[0]
            head, said = tables["validation"]
            own = settled(kinds, temperature(said, labels_of(head)))
            rates[name] = list(text_rates(name, FULL.texts, tables, own, FULL.seed))
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store")
    parser.add_argument("--temperature", type=float, help="of the choice of the kind; none: each network's own")
    given = parser.parse_args()
    rates = found(open_store(given.store), Kinds(temperature=given.temperature))
    cells = {
        (x.text, x.method, model): " / ".join(f"{100 * r.value:.1f}" for r in (x.plain, x.one_kind, x.kind_known))
        for model, own in rates.items()
        for x in own
    }
    lines = dict.fromkeys((text, method) for text, method, _ in cells)
    print(table(["text", "images", *rates], [[*line, *(cells[(*line, model)] for model in rates)] for line in lines]))


if __name__ == "__main__":
    main()
