"""What is particular to a store in a folder: plain files, and writers killed at any moment."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from charrec.storage import Corrupt
from charrec.storage.folder import FolderStore


def test_a_folder_shows_people_the_plain_files(folder: FolderStore) -> None:
    folder.put("report/index.html", b"<html>")
    assert (folder.root / "report" / "index.html").read_bytes() == b"<html>"
    assert [path.name for path in folder.root.iterdir() if not path.name.startswith(".")] == ["report"]
    assert list((folder.root / ".tmp").iterdir()) == []
    assert folder.local("report/index.html", folder.root / "cache") == folder.root / "report" / "index.html"


def test_a_file_that_someone_else_put_there_is_corrupt(folder: FolderStore) -> None:
    folder.root.mkdir()
    (folder.root / "a").write_bytes(b"1")
    with pytest.raises(Corrupt, match="a has no recorded SHA-256; expected an object that charrec wrote"):
        folder.get("a")


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
