"""Links are followed where they stay inside; others are refused by name. No file is left out in silence."""

import os
import subprocess
from pathlib import Path

import pytest
from samples import Linked, listing, write_chars74k

from charrec.data.sources.chars74k import read_chars74k
from charrec.data.sources.files import fingerprint, open_files
from charrec.errors import InputError

ONE = {"a/1.png": b"one"}
HARD = {".tar", ".tgz"}


def read_all(path: Path) -> dict[str, bytes]:
    with open_files(path) as files:
        return {name: files.read(name) for name in files.names}


def make(path: Path, links: dict[str, Linked]) -> Path:
    """ONE and the links: an archive by its suffix, else a folder."""
    if path.suffix:
        return listing(path, ONE | links)
    for name, content in ONE.items():
        (path / name).parent.mkdir(parents=True)
        (path / name).write_bytes(content)
    for name, link in links.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).symlink_to(link.target)
    return path


@pytest.mark.parametrize("kind", ["folder", "x.zip", "x.tar", "x.tgz"])
@pytest.mark.parametrize(
    ("links", "names"),
    [
        ({"b.png": Linked("a/1.png")}, ["b.png"]),
        ({"c/d/b.png": Linked("../../a/1.png")}, ["c/d/b.png"]),
        ({"b.png": Linked("c.png"), "c.png": Linked("./a//1.png")}, ["b.png", "c.png"]),
        ({"b": Linked("a")}, ["b/1.png"]),
        ({"b": Linked("a"), "c/2.png": Linked("../b/1.png")}, ["b/1.png", "c/2.png"]),
        ({"c/up": Linked("..")}, []),
        ({"a/here": Linked(".")}, []),
        ({"p/x": Linked("../q"), "q/y": Linked("../p"), "q/z.png": Linked("../a/1.png")}, ["p/x/z.png", "q/z.png"]),
        ({".hidden/k.png": Linked("../a/1.png"), "b.png": Linked(".hidden/k.png")}, ["b.png"]),
    ],
)
def test_a_link_that_stays_inside_is_followed(
    links: dict[str, Linked], names: list[str], kind: str, tmp_path: Path
) -> None:
    path = make(tmp_path / kind, links)
    assert read_all(path) == ONE | dict.fromkeys(names, b"one")
    assert fingerprint(path) == fingerprint(path)


@pytest.mark.parametrize("kind", ["folder", "x.zip", "x.tar", "x.tgz"])
@pytest.mark.parametrize(
    ("links", "why"),
    [
        ({"b.png": Linked("/etc/passwd")}, "lies outside"),
        ({"b.png": Linked("../beside.png")}, "outside"),
        ({"a/b.png": Linked("../../../../../../../../../etc/passwd")}, "outside"),
        ({"b": Linked("/etc")}, "lies outside"),
        ({"b.png": Linked("a/none.png")}, "which does not exist|which it does not hold"),
        ({"b.png": Linked("c.png"), "c.png": Linked("b.png")}, "leads nowhere|in a circle"),
        ({"b.png": Linked("b.png")}, "leads nowhere|in a circle"),
    ],
)
def test_any_other_link_is_refused_by_name(links: dict[str, Linked], why: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "beside.png").write_bytes(b"beside")
    path = make(tmp_path / kind, links)
    with pytest.raises(InputError, match=why) as caught:
        read_all(path)
    assert str(path) in caught.value.found
    assert any(f"{name} is a link to {link.target}" in caught.value.found for name, link in links.items())
    assert "link's place" in caught.value.remedy


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ({"b.png": Linked("a/1.png", hard=True)}, ["b.png"]),
        ({"c/b.png": Linked("./a/1.png", hard=True)}, ["c/b.png"]),
        ({"b.png": Linked("c.png", hard=True), "c.png": Linked("a/1.png", hard=True)}, ["b.png", "c.png"]),
        ({"a/1.png": Linked("a/1.png", hard=True)}, []),
    ],
)
def test_a_hard_link_is_the_file_itself(links: dict[str, Linked], expected: list[str], tmp_path: Path) -> None:
    content = list(ONE.items()) + list(links.items())
    path = tmp_path / "x.tgz"
    listing(path, dict(content)) if "a/1.png" not in links else twice_in(path)
    assert read_all(path) == ONE | dict.fromkeys(expected, b"one")


def twice_in(path: Path) -> Path:
    """As `tar czf x.tgz a/1.png a/1.png` writes it."""
    folder = path.parent / "twice"
    (folder / "a").mkdir(parents=True)
    (folder / "a/1.png").write_bytes(b"one")
    subprocess.run(["tar", "czf", path, "a/1.png", "a/1.png"], cwd=folder, check=True)
    return path


@pytest.mark.parametrize("target", ["/etc/passwd", "../a/1.png", "none.png"])
def test_a_hard_link_to_nothing_inside_is_refused_by_name(target: str, tmp_path: Path) -> None:
    path = listing(tmp_path / "x.tar", ONE | {"b.png": Linked(target, hard=True)})
    with pytest.raises(InputError, match=f"b.png is a link to {target}"):
        read_all(path)


def test_gnu_tar_of_equal_files_holds_every_image(tmp_path: Path) -> None:
    """It writes hard links for files that are one on the disk, as backups and deduplicated copies are."""
    folder = write_chars74k(tmp_path / "set", fonts=1)
    images = folder / "English/Fnt/Sample002"
    (images / "img002-00002.png").unlink()
    os.link(images / "img002-00001.png", images / "img002-00002.png")
    subprocess.run(["tar", "czf", tmp_path / "x.tgz", "-C", folder, "."], check=True)
    with open_files(tmp_path / "x.tgz") as files:
        assert len(read_chars74k(files, "", "", "")) == 62 * 4


@pytest.mark.parametrize("kind", ["x.zip", "x.tar"])
def test_two_files_of_one_name_are_refused(kind: str, tmp_path: Path) -> None:
    path = listing(tmp_path / kind, {"a/1.png": b"one", "./a//1.png": b"other"})
    with pytest.raises(InputError, match=r"holds a/1\.png twice"):
        read_all(path)


def test_a_pipe_in_a_folder_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "b.png")
    with pytest.raises(InputError, match=r"b\.png is a pipe"):
        read_all(tmp_path)
    with pytest.raises(InputError, match=r"b\.png is a pipe"):
        fingerprint(tmp_path / "b.png")
