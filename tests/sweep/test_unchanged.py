"""What a study's search of network 4 stores is what it stored before charrec searched anything else, to the last byte.

The digests were made by that code (November 28, 2026). Trainings are simulated ones, whose weights are the hash of
everything that they have seen: seeds, order, epochs, checkpoints. A search that stores anything else makes what every
store holds unreadable, or other numbers of the same study; so a digest changes only with a reason in CHANGELOG.md.
"""

import hashlib
import json
import re
from typing import Any

import pytest

from charrec.study import FULL
from charrec.sweep.document import Document
from charrec.sweep.trial import trial_seed
from tests.simulation import searching
from tests.simulation.bucket import Weather
from tests.sweep.driving import DECK, fail_for_good, oracle_of, points, searched, taken
from tests.toy import KERAS_TUNERS

pytestmark = pytest.mark.filterwarnings(*KERAS_TUNERS)

WORKER = re.compile(rb"(w0|last)-\d+-[0-9a-f]{6}")  # drawn by chance, as the ids of transactions are
TRANSACTIONS = re.compile(rb'"transactions":\[[^]]*\]')
STRETCHES = re.compile(
    rb',"stretches":\[[^]]*\]|(?<="shown":true),"begun":[^,}]+'
)  # who worked, when; for people alone

STORED = {
    "sweep.json": "d0c31be5adad738f",
    "oracle.json": "2e8b92260859d3fc",
    "trainings": "5b2e97505109e891",
    "result": "f588b4d95a922e67",
    "the deck's search": "963cc338185737dd",
    "in the middle": "948ae586d6f8d4ee",
    "seeds": "28486f3d2ef7915d",
}


def digest(data: bytes) -> str:
    for without in (STRETCHES, TRANSACTIONS):
        data = without.sub(b"", data)
    return hashlib.sha256(WORKER.sub(b"worker", data)).hexdigest()[:16]


def disturbed() -> Document:
    """A search with a bit of everything: trials that run, wait, have failed, were promoted."""
    oracle = oracle_of(DECK, FULL.seed)
    for _ in range(13):
        given = taken(oracle)
        oracle.complete(given, points(given), 10 / 3)
    fail_for_good(oracle, taken(oracle), "TrainingDiverged: the loss is ∞")
    oracle.give_back(taken(oracle, "gone"))
    oracle.lose(taken(oracle, "killed").trial, 3)
    oracle.doubt(taken(oracle, "sick"), "TrainingDiverged: the loss is ∞")
    oracle.fail(taken(oracle, "sound"), "TrainingDiverged: the loss is ∞")
    taken(oracle, "a")
    return oracle.dump()


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_a_search_stores_what_it_always_did() -> None:
    """One worker, 4 epochs, one configuration that diverges in its second epoch."""
    run = searching.run(0, searching.LARGER, (2, 2), Weather(), 1, None)
    assert not run.violation
    trainings = [f"{key} {digest(data)}" for key, data in sorted(run.objects.items()) if "/configuration-" in key]
    assert {
        "sweep.json": digest(run.objects["sweep/sweep.json"]),
        "oracle.json": digest(run.objects["sweep/oracle.json"]),
        "trainings": digest("\n".join(trainings).encode()),
        "result": digest(as_json(run.found)),
        "the deck's search": digest(searched().model_dump_json().encode()),
        "in the middle": digest(disturbed().model_dump_json().encode()),
        "seeds": digest(as_json([trial_seed(seed, number) for seed in (0, 123, 2**31 - 1) for number in range(30)])),
    } == STORED
    assert len(trainings) == len(run.objects) - 2
