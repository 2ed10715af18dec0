"""What stands in `oracle.json` is data: what is not exactly a search is refused, and nothing of it is run."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrec.errors import InputError
from charrec.storage import open_store
from charrec.sweep.document import Document
from charrec.sweep.document import parsed as parsed_in
from charrec.sweep.transaction import transact
from tests.sweep.driving import DECK, DECKS_SPACE, SMALL, fail_for_good, oracle_of, points, searched, taken
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

WHERE = "s3://bucket/sweeps/0123456789abcdef/oracle.json"
LONGEST = 600  # characters of an error; it goes to logs and terminals

Plain = dict[str, Any]


def parsed(data: bytes, where: str) -> Document:
    return parsed_in(data, where, DECKS_SPACE)


Change = Callable[[Plain], object]


@pytest.fixture(scope="module")
def text() -> str:
    """A search with a bit of everything: trials that run, wait, have failed, were promoted."""
    oracle = oracle_of(DECK, 123)
    for _ in range(13):
        given = taken(oracle)
        oracle.complete(given, points(given), 10 / 3)
    fail_for_good(oracle, taken(oracle), "TrainingDiverged: the loss is ∞ \N{SNOWMAN}\n")
    oracle.give_back(taken(oracle, "gone"))
    oracle.lose(taken(oracle, "killed").trial, 3)
    oracle.doubt(taken(oracle, "sick"), "TrainingDiverged: the loss is ∞")
    oracle.fail(taken(oracle, "sound"), "TrainingDiverged: the loss is ∞")
    leaving = taken(oracle, "leaving")
    taken(oracle, "a")
    taken(oracle, "b")
    oracle.give_back(leaving)
    return oracle.dump().model_dump_json()


@pytest.fixture
def plain(text: str) -> Plain:
    found: Plain = json.loads(text)
    return found


def refused(data: bytes) -> str:
    """What is said of it."""
    with pytest.raises(InputError) as raised:
        parsed(data, WHERE)
    said = str(raised.value)
    assert said.startswith(f"{WHERE} holds ")
    assert "Resume it with the version of charrec that started it, or delete its folder from the store." in said
    assert len(said) < LONGEST
    assert said.isprintable(), "a terminal would obey it"
    return said


# Documents that are what they should be


def test_a_document_comes_back_as_it_was_to_the_last_bit(text: str) -> None:
    document = parsed(text.encode(), WHERE)
    assert document.model_dump_json() == text
    assert {record.status for record in document.trials.values()} == {"COMPLETED", "FAILED", "RUNNING", "INVALID"}
    assert any(record.losses and record.doubts and record.failures for record in document.trials.values())
    assert parsed(document.model_dump_json().encode(), WHERE) == document


def test_a_failure_for_want_of_memory_is_told_from_others_and_those_of_before_are_not(plain: Plain) -> None:
    failures = [failure for record in plain["trials"].values() for failure in record["failures"]]
    assert [failure.keys() for failure in failures] == [{"worker", "message"}] * 3
    failures[0]["memory"] = True
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
    document = parsed(text.encode(), WHERE)
    assert [failure.memory for record in document.trials.values() for failure in record.failures] == [
        True,
        False,
        False,
    ]
    assert parsed(document.model_dump_json().encode(), WHERE) == document


@pytest.mark.parametrize("score", [0.0, 5e-324, 0.1 + 0.2, 1 - 2**-53, 1.0])
def test_scores_and_seconds_come_back_bit_for_bit(score: float) -> None:
    oracle = oracle_of(SMALL, 1)
    given = taken(oracle)
    oracle.complete(given, score, 0.1 + 0.2)
    record = parsed(oracle.dump().model_dump_json().encode(), WHERE).trials[given.trial]
    assert record.score is not None
    assert (record.score.hex(), record.seconds) == (score.hex(), 0.3)


def test_the_order_of_trials_is_kept(plain: Plain) -> None:
    plain["trials"] = dict(reversed(plain["trials"].items()))
    assert list(parsed(json.dumps(plain).encode(), WHERE).trials) == list(plain["trials"])


def test_a_finished_search_takes_less_than_16_kb() -> None:
    """It is read and written at every trial's start and end."""
    document = searched()
    assert len(document.trials) == 30
    assert len(document.model_dump_json()) < 16_000
    full = document.model_copy(update={"transactions": ["0123456789ab"] * 128})
    assert len(full.model_dump_json()) < 16_000


# What is no JSON, or no document


class Payload:
    """A pickle of it calls `open(path, "w")` when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_not_run(protocol: int, tmp_path: Path) -> None:
    data = pickle.dumps(Payload(tmp_path / "made"), protocol)
    assert "no JSON" in refused(data)
    assert list(tmp_path.iterdir()) == []
    pickle.loads(data).close()
    assert [path.name for path in tmp_path.iterdir()] == ["made"]  # it would have worked


def test_a_worker_that_finds_a_pickle_leaves_it_as_it_is(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    data = pickle.dumps(Payload(tmp_path / "made"))
    store.put("s/oracle.json", data)
    oracle = oracle_of(SMALL, 1)
    with pytest.raises(InputError, match=r"store/s/oracle\.json holds no JSON; expected a search of version 3"):
        transact(store, "s/oracle.json", oracle, lambda: oracle.take("worker"))
    assert store.get("s/oracle.json") == data
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\x00\x01\x02",
        b"\xff\xfe",
        b"PK\x03\x04",
        b'{"version": 3,}',
        b"{'version': 3}",
        b'{"version": ' + b"9" * 10_000 + b"}",
        b"[" * 100_000,
        b'{"version":' * 100_000,
    ],
    ids=["nothing", "half", "zeros", "no text", "zip", "a comma", "Python", "huge", "deep", "deep objects"],
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    assert "no JSON" in refused(data)


@pytest.mark.parametrize("data", ["null", "3", "NaN", '"3"', "[]", "[3]", "{}", '{"trials": {}}'])
def test_json_without_a_version_is_refused(data: str) -> None:
    assert "a search of version None" in refused(data.encode())


@pytest.mark.parametrize("found", [0, 1, 4, "3", None, 2.5, 10**4000, [3], {"version": 3}, "3" * 10_000, "\x1b[2J"])
def test_another_version_is_refused(found: object, plain: Plain) -> None:
    said = refused(json.dumps(plain | {"version": found}).encode())
    assert f"a search of version {str(found)[:10] if isinstance(found, int) else repr(found)[:10]}" in said


def test_a_document_of_version_2_is_read_and_none_of_its_failed_attempts_is_believed(text: str, plain: Plain) -> None:
    for record in plain["trials"].values():
        record["attempts"] = len(record.pop("failures")) + record.pop("doubts")
    former = parsed(json.dumps(plain | {"version": 2}).encode(), WHERE)
    assert former.version == 3
    expected = parsed(text.encode(), WHERE).model_dump()
    for record in expected["trials"].values():
        record.update(failures=[], doubts=0)
    assert former.model_dump() == expected


@pytest.mark.parametrize("trials", [None, [], "0000", {"0000": None}, {"0000": []}])
def test_a_document_of_version_2_that_is_wrong_is_refused(trials: object, plain: Plain) -> None:
    assert "trials" in refused(json.dumps(plain | {"version": 2, "trials": trials}).encode())


def test_a_version_that_is_deep_is_refused() -> None:
    for depth in range(10, 1500, 10):  # from what json reads and repr shows to what neither does
        refused(b'{"version":' + b"[" * depth + b"]" * depth + b"}")


# Documents of which something is wrong: what, how to make it so, and the place that the error names


def at(*path: str | int, value: object) -> Change:
    """Put this value there."""

    def change(plain: Plain) -> None:
        inner: Any = plain
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value

    return change


def without(*path: str | int) -> Change:
    """Leave it out."""

    def change(plain: Plain) -> None:
        inner: Any = plain
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]

    return change


def renamed(name: str) -> Change:
    """Give the first trial another name."""

    def change(plain: Plain) -> None:
        plain["trials"] = {name if old == "0000" else old: record for old, record in plain["trials"].items()}

    return change


def value(name: str, value: object) -> Change:
    return at("trials", "0000", "values", name, value=value)


FAILURE = {"worker": "a", "message": "why"}

WRONG: dict[str, tuple[Change, str]] = {
    "a field too many": (at("extra", value=1), "extra"),
    "a field too many, within": (at("trials", "0000", "hyperparameters", value={}), "trials.0000.hyperparameters"),
    "Keras Tuner's own state": (at("tried_so_far", value=[]), "tried_so_far"),
    "no brackets": (without("brackets"), "brackets"),
    "no seed": (without("seed_state"), "seed_state"),
    "trials as a list": (at("trials", value=[]), "trials"),
    "a trial as a text": (at("trials", "0000", value="{}"), "trials.0000"),
    "a name that leads elsewhere": (renamed("../../0000"), "trials"),
    "an absolute name": (renamed("/etc/passwd"), "trials"),
    "a name with a line's end": (renamed("0000\n"), "trials"),
    "a name that moves the cursor": (renamed("\x1b[2J\x1b[31m"), "trials"),
    "a name that is long": (renamed("0" * 100_000), "trials"),
    "a name in other digits": (renamed("٠٠٠٠"), "trials"),
    "an ended trial that leads elsewhere": (at("ended", 0, value="../0000"), "ended.0"),
    "a waiting trial that leads elsewhere": (at("waiting", value=["../0000"]), "waiting.0"),
    "a place that leads elsewhere": (at("brackets", 0, "rounds", 0, 0, "id", value="../0000"), "brackets.0.rounds.0.0"),
    "a worker that leads elsewhere": (at("leases", "0015", "worker", value="../../sweep.json"), "leases.0015.worker"),
    "a worker that is long": (at("leases", "0015", "worker", value="a" * 81), "leases.0015.worker"),
    "units without end": (value("units", 10**9), "trials.0000.values"),
    "units that are a huge number": (value("units", 10**4000), "trials.0000.values"),
    "units below nothing": (value("units", -256), "trials.0000.values"),
    "units as a text": (value("units", "256"), "trials.0000.values"),
    "units as a broken number": (value("units", 256.0), "trials.0000.values"),
    "units as a list": (value("units", [256]), "trials.0000.values"),
    "dropout between two points": (value("dropout", 0.35), "trials.0000.values"),
    "dropout that is no number": (value("dropout", float("nan")), "trials.0000.values"),
    "dropout without end": (value("dropout", float("inf")), "trials.0000.values"),
    "a truth value": (value("tuner/round", True), "trials.0000.values"),
    "no units": (without("trials", "0000", "values", "units"), "trials.0000.values"),
    "a hyperparameter too many": (value("learning_rate", 0.1), "trials.0000.values"),
    "epochs below nothing": (value("tuner/epochs", -1), "trials.0000.values"),
    "no epochs": (value("tuner/epochs", 0), "trials.0000.values"),
    "epochs as a text": (value("tuner/epochs", "2"), "trials.0000.values"),
    "epochs that are none of its own": (value("tuner/initial_epoch", 2), "trials.0000.values"),
    "a first epoch below nothing": (value("tuner/initial_epoch", -1), "trials.0000.values"),
    "a bracket below nothing": (value("tuner/bracket", -1), "trials.0000.values"),
    "a parent that is a number": (at("trials", "0012", "values", "tuner/trial_id", value=3), "trials.0012.values"),
    "a parent that leads elsewhere": (at("trials", "0012", "values", "tuner/trial_id", value="../0"), "not there"),
    "a parent that is not there": (at("trials", "0012", "values", "tuner/trial_id", value="9999"), "not there"),
    "a score that is no number": (at("trials", "0000", "score", value=float("nan")), "trials.0000.score"),
    "a score without end": (at("trials", "0000", "score", value=float("inf")), "trials.0000.score"),
    "a score as a text": (at("trials", "0000", "score", value="0.9"), "trials.0000.score"),
    "seconds that are no number": (at("trials", "0000", "seconds", value=float("nan")), "trials.0000.seconds"),
    "seconds below nothing": (at("trials", "0000", "seconds", value=-1.0), "trials.0000.seconds"),
    "a status that is none": (at("trials", "0000", "status", value="STOPPED"), "trials.0000.status"),
    "a configuration below nothing": (at("trials", "0000", "configuration", value=-1), "trials.0000.configuration"),
    "a configuration as a text": (at("trials", "0000", "configuration", value="0"), "trials.0000.configuration"),
    "a configuration that is a truth value": (
        at("trials", "0000", "configuration", value=True),
        "trials.0000.configuration",
    ),
    "attempts, which version 2 counted": (at("trials", "0000", "attempts", value=1), "trials.0000.attempts"),
    "doubts that are broken": (at("trials", "0000", "doubts", value=0.5), "trials.0000.doubts"),
    "a failure that is none": (at("trials", "0000", "failures", value=["why"]), "trials.0000.failures.0"),
    "a failure of nobody": (at("trials", "0013", "failures", 0, "worker", value=""), "trials.0013.failures.0.worker"),
    "a failure too many": (at("trials", "0000", "failures", value=3 * [FAILURE]), "trials.0000.failures"),
    "a message that is none": (at("trials", "0000", "message", value=[1]), "trials.0000.message"),
    "a token below nothing": (at("token", value=-1), "token"),
    "a token as a text": (at("token", value="17"), "token"),
    "a lease's token of 0": (at("leases", "0015", "token", value=0), "leases.0015.token"),
    "a bracket's number below nothing": (at("brackets", 0, "bracket_num", value=-1), "brackets.0.bracket_num"),
    "rounds as a number": (at("brackets", 0, "rounds", value=3), "brackets.0.rounds"),
    "a transaction that is long": (at("transactions", value=["0" * 33]), "transactions.0"),
    "a lease of no trial": (at("leases", "9999", value={"worker": "w", "token": 1}), "do not fit"),
    "a lease of a trial that has ended": (at("leases", "0000", value={"worker": "w", "token": 1}), "do not fit"),
    "no lease of a trial that runs": (without("leases", "0015"), "do not fit"),
    "an end of no trial": (at("ended", 0, value="9999"), "do not fit"),
    "two ends of a trial": (at("ended", 0, value="0001"), "do not fit"),
    "no end of a trial that has ended": (without("ended", 0), "do not fit"),
    "a waiting trial that is none": (at("waiting", 0, value="9999"), "do not fit"),
    "a waiting trial that runs": (at("waiting", 0, value="0015"), "do not fit"),
    "a place of no trial": (at("brackets", 0, "rounds", 0, 0, "id", value="9999"), "not there"),
    "a place whose parent is no trial": (at("brackets", 0, "rounds", 1, 0, "past_id", value="9999"), "not there"),
    "a lease that is younger than the latest": (at("token", value=1), "younger"),
    "two leases of one worker": (at("leases", "0015", "worker", value="b"), "two trials"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_document_that_is_wrong_anywhere_is_refused_and_the_place_is_told(what: str, plain: Plain) -> None:
    change, place = WRONG[what]
    change(plain)
    assert place in refused(json.dumps(plain).encode())


def test_what_the_cases_above_change_is_right_before(plain: Plain) -> None:
    document = parsed(json.dumps(plain).encode(), WHERE)
    assert isinstance(document, Document)
    assert set(document.leases) == {"0015", "0016"}
    assert document.trials["0012"].values["tuner/trial_id"] in document.trials
