"""What is particular to a store in a folder: plain files, and writers killed at any moment."""

import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from errno import EACCES, ENOSPC
from pathlib import Path
from typing import Any

import pytest

from charrec.errors import InputError
from charrec.storage import DiskError, Unrecorded
from charrec.storage.disk import explained
from charrec.storage.folder import FolderStore


def test_a_folder_shows_people_the_plain_files(folder: FolderStore) -> None:
    folder.put("report/index.html", b"<html>")
    assert (folder.root / "report" / "index.html").read_bytes() == b"<html>"
    assert [path.name for path in folder.root.iterdir() if not path.name.startswith(".")] == ["report"]
    assert list((folder.root / ".tmp").iterdir()) == []
    assert folder.local("report/index.html", folder.root / "cache") == folder.root / "report" / "index.html"


def test_a_file_that_someone_else_put_there_has_no_record(folder: FolderStore) -> None:
    folder.put("b", b"1")
    (folder.root / "a").write_bytes(b"1")
    with pytest.raises(Unrecorded, match="a has no recorded SHA-256; expected an object that charrec wrote"):
        folder.get("a")


def test_a_copy_without_the_hidden_folder_is_told_what_it_lacks_and_what_restores_it(folder: FolderStore) -> None:
    folder.put("a", b"1")
    shutil.rmtree(folder.root / ".sha256")
    with pytest.raises(Unrecorded) as caught:
        folder.get("a")
    assert f"the hidden folder {folder.root}/.sha256 is missing, as after a copy of" in caught.value.found
    assert f"`charrec store check --store {folder.root}`" in caught.value.remedy
    assert caught.value.remedy.startswith("Delete nothing")


@pytest.mark.parametrize("record", [b"", b"\xff\xfe\x00", b"no digest\n", b"a" * 63, bytes(1 << 20)])
def test_a_record_that_holds_no_digest_is_none(folder: FolderStore, record: bytes) -> None:
    folder.put("a", b"1")
    (folder.root / ".sha256" / "a").write_bytes(record)
    with pytest.raises(Unrecorded):
        folder.get("a")
    folder.put("a", b"2")
    assert folder.get("a") == b"2"


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=f"^{tmp_path}/file.* cannot be used for the store {place}"):
            FolderStore(place).put("a", b"1")
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_store_that_may_not_be_used_is_told(folder: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may do anything, so the refusal comes from the outermost edge."""
    folder.put("a", b"1")

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(EACCES, "Permission denied", str(folder.root / "a"))

    for name, act in {
        "pathlib.Path.open": lambda: folder.get("a"),
        "pathlib.Path.mkdir": lambda: FolderStore(folder.root / "b").put("a", b"1"),
        "charrec.storage.folder.os.walk": folder.list,
        "pathlib.Path.unlink": lambda: folder.delete("a"),
    }.items():
        with monkeypatch.context() as patch:
            patch.setattr(name, refuse)
            with pytest.raises(
                InputError, match=f"^{folder.root}/a may not be used by this user .*the store {folder.root}"
            ):
                act()


FILL = """
import resource, sys
from pathlib import Path
from charrec.storage import DiskError
from charrec.storage.folder import FolderStore
store = FolderStore(Path(sys.argv[1]))
store.put("a", b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
for write in (lambda: store.put("a", bytes(1 << 20)), lambda: store.create("b", bytes(1 << 20))):
    try:
        write()
    except DiskError as error:
        print(error)
"""


def test_a_full_disk_names_path_and_store_and_leaves_what_was_there(folder: FolderStore) -> None:
    """A limit on the size of files refuses a write as a full disk does."""
    ran = subprocess.run([sys.executable, "-c", FILL, folder.root], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [
        f"{folder.root}/{name} cannot be written: File too large (the store {folder.root}). What is stored there is"
        " whole; make room, and run again."
        for name in "ab"
    ]
    assert folder.get("a") == b"old"
    assert [entry.key for entry in folder.list()] == ["a"]
    assert list((folder.root / ".tmp").iterdir()) == []


@pytest.mark.parametrize("step", range(1, 10))
def test_a_disk_that_fills_at_any_step_leaves_the_old_or_the_new(
    step: int, folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("a", b"old")
    steps = 0

    def filling(call: Callable[..., Any]) -> Callable[..., Any]:
        def full(*arguments: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == step:
                raise OSError(ENOSPC, "No space left on device")
            return call(*arguments)

        return full

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", filling(os.fsync))
        patch.setattr("os.replace", filling(os.replace))
        with pytest.raises(DiskError, match=f"^{folder.root}/a cannot be written: No space left on device "):
            folder.put("a", b"new")
    assert folder.get("a") in (b"old", b"new")
    assert list((folder.root / ".tmp").iterdir()) == []
    folder.put("a", b"newer")
    assert folder.get("a") == b"newer"


def test_a_full_disk_survives_the_way_between_processes() -> None:
    error = explained(Path("/a"), "the store /", OSError(ENOSPC, "No space left on device"))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert isinstance(error, DiskError)
    assert error.errno == ENOSPC


def test_temporary_files_of_dead_writers_go_after_a_day(folder: FolderStore) -> None:
    (folder.root / ".tmp").mkdir(parents=True)
    for name, age in (("dead", 25 * 3600), ("living", 3600)):
        (folder.root / ".tmp" / name).write_bytes(b"half")
        os.utime(folder.root / ".tmp" / name, (time.time() - age,) * 2)
    folder.put("a", b"1")
    assert [path.name for path in (folder.root / ".tmp").iterdir()] == ["living"]


OVERWRITE_FOR_EVER = """
import itertools, sys
from pathlib import Path
from charrec.storage.folder import FolderStore
store = FolderStore(Path(sys.argv[1]))
for number in itertools.count():
    store.put("a", b"%08d" % number * 20_000)
    if number == 3:
        print("ready", flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_object(folder: FolderStore) -> None:
    waits = random.Random(0)
    for _ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", OVERWRITE_FOR_EVER, folder.root], stdout=subprocess.PIPE)
        assert writer.stdout and writer.stdout.readline() == b"ready\n"
        end, reads = time.monotonic() + waits.uniform(0.05, 0.15), 0
        while reads == 0 or time.monotonic() < end:  # a reader beside the writer
            data = folder.get("a")
            assert data == data[:8] * 20_000
            reads += 1
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        data = folder.get("a")
        assert data == data[:8] * 20_000
        assert [entry.key for entry in folder.list()] == ["a"]


DIE_AT_STEP = """
import os, signal, sys
from pathlib import Path
from charrec.storage.folder import FolderStore
steps = int(sys.argv[2])
def dying(call):
    def step(*arguments):
        global steps
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments)
    return step
os.fsync, os.replace = dying(os.fsync), dying(os.replace)
FolderStore(Path(sys.argv[1])).put("a", b"new")
"""


def test_a_writer_killed_before_each_step_leaves_the_old_or_the_new(folder: FolderStore) -> None:
    seen, step, code = [], 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        folder.put("a", b"old")
        step += 1
        code = subprocess.call([sys.executable, "-c", DIE_AT_STEP, folder.root, str(step)])
        seen.append(folder.get("a"))
    assert code == 0 and set(seen) == {b"old", b"new"} and seen == sorted(seen, reverse=True)
    assert step > 9  # three files, each: content to the disk, name, name to the disk
