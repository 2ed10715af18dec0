"""Nothing is read beyond what an image can have."""

import subprocess
from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.serving import files
from charrec.serving.files import BYTES, bounded, files_of
from charrec.steps.read import _content
from charrec.storage import open_store


def test_what_has_no_end_is_read_to_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BYTES", 1 << 20)
    (zero,), _ = files_of(["/dev/zero"], recursive=False)
    with pytest.raises(InputError, match=r"/dev/zero has more than 1 MiB"):
        zero.content()


def test_what_is_known_to_be_too_large_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"inbox/a.png has more than 192 MiB"):
        _content("inbox/a.png", "0" * 64, BYTES + 1, open_store(str(tmp_path)))


def test_an_empty_object_is_refused_as_an_empty_file_is() -> None:
    with pytest.raises(InputError, match=r"inbox/a.png is empty, it has 0 bytes"):
        bounded("inbox/a.png", b"", 0)


def test_a_folder_deeper_than_python_recurses_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        Path("d").mkdir()
        monkeypatch.chdir("d")
    Path("a.png").touch()
    monkeypatch.chdir(tmp_path)
    (found,), left_out = files_of(["d"], recursive=True)
    subprocess.run(["rm", "-r", "d"], check=True)  # shutil's recursion ends earlier
    assert (found.name, left_out) == ("/".join(["d"] * 1200 + ["a.png"]), 0)
