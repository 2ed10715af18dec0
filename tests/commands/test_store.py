"""`charrec store check`: what it tells of a store that was touched, what it mends, and what it leaves alone."""

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from charrec.__main__ import main
from charrec.machine.provenance import this_machine
from charrec.memo.outcome import Provenance, name_of, outcome_of, recall, remember
from charrec.results import Manifest, PackResult, Precision, Stored
from charrec.serving import champion
from charrec.storage import Store, open_store
from charrec.storage.folder import FolderStore
from charrec.sweep.document import Document
from charrec.training.checkpoints import Checkpoint, Progress, mend, read_progress
from tests.toy import SWEEP

PROVENANCE = Provenance(started="2026-11-27T12:00:00+00:00", seconds=1.5, machine=this_machine(), code="abc")
MANIFEST = Manifest(
    digest="d", images=1, size=128, classes=62, fonts=1, groups=1, distinct=1, unavoidable=0, source="s", version="v",
    licence="l",
)  # fmt: skip
PACKED, CHOSEN, TRAINED = "glyphs/0123456789abcdef", "precision/0123456789abcdef", "trainings/model_1-0123456789abcdef"
FILE, LAST = f"{PACKED}/glyphs.parquet", f"{TRAINED}/epoch-001-a.weights.h5"
RESULT, CHOICE, PROGRESS = name_of(PACKED, PackResult), name_of(CHOSEN, Precision), f"{TRAINED}/progress.json"
OBJECTS = sorted([FILE, LAST, RESULT, CHOICE, PROGRESS])


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def fill(store: Store) -> None:
    """A packed set, a chosen precision and a training of one epoch, as a study leaves them."""
    store.put(FILE, b"images")
    packed = PackResult(manifest=MANIFEST, file=Stored(key=FILE, sha256=digest(b"images")))
    remember(store, outcome_of(PackResult)(key=PACKED, value=packed, provenance=PROVENANCE))
    remember(store, outcome_of(Precision)(key=CHOSEN, value=Precision(chosen="float32"), provenance=PROVENANCE))
    store.put(LAST, b"weights")
    last = Checkpoint(epoch=1, key=LAST, sha256=digest(b"weights"))
    store.put(PROGRESS, Progress(owner="a", last=last, best=last).model_dump_json().encode())


class Place:
    """A filled store and its command."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.store, self.capsys = root, FolderStore(root), capsys
        fill(self.store)

    def check(self, *words: str) -> tuple[int, dict[str, tuple[str, str]], str]:
        """The exit code, object -> (state, why), and what follows the table."""
        self.capsys.readouterr()
        code = main(["store", "check", "--store", str(self.root), *words])
        said = self.capsys.readouterr()
        assert said.err == ""
        head, *lines = said.out.splitlines()
        rows = {}
        if head.startswith("state "):
            while not lines[0].startswith("file:"):
                state, key, why = re.split(r"  +", lines.pop(0), maxsplit=2)
                rows[key] = (state, why)
        else:
            lines.insert(0, head)
        return code, rows, "\n".join(lines)

    def forget(self, *keys: str) -> None:
        for key in keys:
            (self.root / ".sha256" / key).unlink()


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(tmp_path / "results", capsys)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_whole_store_is_told_in_one_line(place: Place) -> None:
    before = files(place.root)
    assert place.check() == (0, {}, f"{place.store.url}: 5 whole")
    assert place.check("--write")[:2] == (0, {})
    assert files(place.root) == before


def test_a_plain_copy_keeps_all_its_work(place: Place) -> None:
    """The copy lacks the hidden folder. No step is computed again, no training begins anew; the command mends it."""
    whole = files(place.root)
    shutil.rmtree(place.root / ".sha256")
    code, rows, told = place.check()
    assert code == 1
    assert rows == {
        FILE: ("unrecorded", f"as {RESULT} records it"),
        LAST: ("unrecorded", f"as {PROGRESS} records it"),
        **dict.fromkeys((RESULT, CHOICE, PROGRESS), ("unrecorded", "a complete document")),
    }
    assert told.splitlines() == [
        f"{place.store.url}: 5 unrecorded",
        "5 of them are what was written, as far as results tell: --write records their SHA-256.",
    ]
    assert not (place.root / ".sha256").exists()
    code, rows, told = place.check("--write")
    assert (code, {state for state, _ in rows.values()}) == (0, {"recorded"})
    assert told == f"{place.store.url}: 5 recorded"
    now = files(place.root)
    assert {name: data for name, data in now.items() if ".locks" not in name} == {
        name: data for name, data in whole.items() if ".locks" not in name
    }
    assert place.check()[:2] == (0, {})


def test_what_disagrees_is_told_and_never_touched(place: Place) -> None:
    shutil.rmtree(place.root / ".sha256")
    (place.root / FILE).write_bytes(b"imagez")
    (place.root / PROGRESS).write_bytes(b'{"owner": 1}')
    (place.root / LAST).unlink()
    before = files(place.root)
    code, rows, told = place.check("--write")
    assert code == 1
    assert rows == {
        FILE: ("damaged", f"not as {RESULT} records it"),
        PROGRESS: ("unrecorded", "nothing tells what it should be; it was left alone"),
        RESULT: ("recorded", "a complete document"),
        CHOICE: ("recorded", "a complete document"),
    }
    assert told.splitlines()[0] == f"{place.store.url}: 2 recorded, 1 unrecorded, 1 damaged"
    after = files(place.root)
    assert {name: after[name] for name in before} == before
    assert sorted(name for name in after.keys() - before.keys() if ".locks" not in name) == [
        f".sha256/{name}" for name in sorted([RESULT, CHOICE])
    ]


def test_a_missing_object_is_told_with_the_document_that_points_at_it(place: Place) -> None:
    place.store.delete(LAST)
    place.store.delete(FILE)
    code, rows, told = place.check("--write")
    assert code == 1
    assert rows == {FILE: ("missing", f"{RESULT} points at it"), LAST: ("missing", f"{PROGRESS} points at it")}
    assert "computes damaged and missing objects again" in told


def test_a_damaged_object_is_told_with_what_tells_so(place: Place) -> None:
    (place.root / LAST).write_bytes(b"weightz")
    (place.root / CHOICE).write_bytes(b"{}")
    before = files(place.root)
    code, rows, _ = place.check("--write")
    assert code == 1
    assert rows == {LAST: ("damaged", f"not as {PROGRESS} records it"), CHOICE: ("damaged", "not as it was written")}
    assert files(place.root) == before


def test_a_record_that_is_wrong_is_mended_where_a_result_bears_the_object_out(place: Place) -> None:
    (place.root / ".sha256" / FILE).write_text("0" * 64)
    (place.root / ".sha256" / LAST).write_bytes(b"\xff\xfe")
    code, rows, _ = place.check()
    assert code == 1
    assert rows == {
        FILE: ("damaged", f"its record is wrong; it is as {RESULT} records it"),
        LAST: ("unrecorded", f"as {PROGRESS} records it"),
    }
    assert place.check("--write")[0] == 0
    assert place.check()[:2] == (0, {})


def test_files_that_no_result_knows_are_left_alone_and_are_no_fault(place: Place) -> None:
    (place.root / "inbox").mkdir()
    (place.root / "inbox" / "a.png").write_bytes(b"picture")
    (place.root / "inbox" / "my photo.png").write_bytes(b"picture")
    (place.root / "inbox" / "result-01234567.json").write_bytes(b"[" * 100_000)
    (place.root / "inbox" / "progress.json").write_bytes(b"\xff")
    code, rows, told = place.check("--write")
    assert code == 0
    assert {key: state for key, (state, _) in rows.items()} == {
        "inbox/a.png": "unrecorded", "inbox/my photo.png": "unusable", "inbox/result-01234567.json": "unrecorded",
        "inbox/progress.json": "unrecorded",
    }  # fmt: skip
    assert told == f"{place.store.url}: 5 whole, 3 unrecorded, 1 unusable"


def test_a_result_of_another_version_still_bears_witness(place: Place) -> None:
    other = f"{PACKED}/result-01234567.json"
    document = json.loads((place.root / RESULT).read_bytes())
    document["value"]["colour"] = "blue"
    (place.root / other).write_text(json.dumps(document))
    place.store.delete(RESULT)
    place.forget(FILE)
    assert place.check()[1] == {
        FILE: ("unrecorded", f"as {other} records it"),
        other: ("unrecorded", "a complete document"),
    }


def test_a_search_and_champions_are_documents_too(place: Place) -> None:
    begun = search()
    SWEEP.begin(place.store)
    place.store.put(SWEEP.oracle, begun)
    place.store.put(champion.NAME, champion.Document(promotions=()).model_dump_json().encode())
    place.forget(f"{SWEEP.key}/sweep.json", SWEEP.oracle, champion.NAME)
    rows = place.check("--write")[1]
    assert rows == dict.fromkeys(
        (f"{SWEEP.key}/sweep.json", SWEEP.oracle, champion.NAME), ("recorded", "a complete document")
    )
    for key in rows:
        (place.root / key).write_bytes(begun[:-2])
        place.forget(key)
    assert {why for _, why in place.check("--write")[1].values()} == {
        "nothing tells what it should be; it was left alone"
    }


def search() -> bytes:
    """The state of a search that has just begun."""
    return Document(brackets=[], current_bracket=0, current_iteration=0, seed_state=1).model_dump_json().encode()


@pytest.mark.parametrize("witness", ["damaged", "unreadable"])
def test_a_witness_that_is_not_whole_is_none(witness: str, place: Place) -> None:
    text = (place.root / RESULT).read_text()
    (place.root / RESULT).write_text(text + " " if witness == "damaged" else text[:-9])
    place.forget(FILE, *([RESULT] if witness == "unreadable" else []))
    assert place.check()[1][FILE] == ("unrecorded", "nothing tells what it should be; it was left alone")


def test_a_result_that_was_moved_elsewhere_is_no_result(place: Place) -> None:
    moved = RESULT.replace("0123456789abcdef", "fedcba9876543210")
    (place.root / moved).parent.mkdir()
    (place.root / moved).write_bytes((place.root / RESULT).read_bytes())
    assert place.check()[1] == {moved: ("unrecorded", "nothing tells what it should be; it was left alone")}


def test_an_empty_store_is_a_wrong_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "check", "--store", str(tmp_path / "none")]) == 2
    assert "there is no store at" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_bucket_filled_by_another_tool_is_mended_too(
    s3_url: str, s3_server: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As `aws s3 sync results s3://...` fills one: without the metadata that hold each SHA-256."""
    made, store = FolderStore(tmp_path), open_store(s3_url, endpoint=s3_server)
    fill(made)
    for key in OBJECTS:
        store.client.put_object(Bucket=store.bucket, Key=store.base + key, Body=made.get(key))  # type: ignore[attr-defined]
    words = ["store", "check", "--store", s3_url, "--endpoint", s3_server]
    assert main(words) == 1
    assert f"{s3_url}: 5 unrecorded" in capsys.readouterr().out
    assert main([*words, "--write"]) == 0
    assert f"{s3_url}: 5 recorded" in capsys.readouterr().out
    assert main(words) == 0
    assert capsys.readouterr().out == f"{s3_url}: 5 whole\n"
    assert recall(store, PACKED, PackResult)
    assert {entry.key: store.get(entry.key) for entry in store.list()} == {key: made.get(key) for key in OBJECTS}


def test_a_mended_copy_is_recalled_and_resumed(place: Place) -> None:
    shutil.rmtree(place.root / ".sha256")
    place.check("--write")
    assert recall(place.store, PACKED, PackResult)
    assert recall(place.store, CHOSEN, Precision)
    before = read_progress(place.store, TRAINED)
    mend(place.store, TRAINED)
    assert read_progress(place.store, TRAINED) == before
    assert before.last
