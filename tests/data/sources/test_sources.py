"""Every source by its name in a study: located, packed, downloaded once."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from samples import nested_tgz, write_alphabet, write_chars74k, write_mnist, zip_folder

from charrec.data.sources import Role, Selection, limits, locate, read
from charrec.errors import InputError
from charrec.memo.step import Bench
from charrec.results import Manifest
from charrec.steps.pack import PACK
from charrec.steps.pipeline import ROLES, packing
from charrec.study import EMBEDDED, FULL, Data, Runtime, Study
from tests.data.sources.kaggle.server import Kaggle, serve

STUDY = FULL.model_copy(update={"data": Data(letters_per_class=3)})


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kaggle]:
    """Tiny versions of the three published data sets, in the formats of Kaggle's API."""
    home = tmp_path / "home"
    home.mkdir()
    archives = {
        "supreethrao/chars74kdigitalenglishfont/1": nested_tgz(
            write_chars74k(tmp_path / "chars" / "English" / "Fnt"), tmp_path / "chars.zip"
        ),
        "thomasqazwsxedc/alphabet-characters-fonts-dataset/7": zip_folder(
            write_alphabet(tmp_path / "alphabet"), tmp_path / "alphabet.zip"
        ),
        "hojjatk/mnist-dataset/1": zip_folder(write_mnist(tmp_path / "mnist"), tmp_path / "mnist.zip"),
    }
    with serve(Kaggle({name: path.read_bytes() for name, path in archives.items()})) as server:
        for name, value in server.environ(home).items():
            monkeypatch.setenv(name, value)
        yield server


def packed(study: Study, runtime: Runtime) -> dict[Role, Manifest]:
    sources = [locate(role, study.data, runtime.cache) for role in ROLES]
    given = {source.role: packing(study, source) for source in sources}
    return {role: PACK.run(each, Bench.of(runtime)).value.manifest for role, each in given.items()}


def test_kaggles_three_data_sets_are_downloaded_once_and_packed_with_version_and_licence(
    kaggle: Kaggle, tmp_path: Path
) -> None:
    runtime = Runtime(store=str(tmp_path / "store"), cache=tmp_path / "cache")
    sets = packed(STUDY, runtime)
    counts = {role: (m.images, m.classes, m.size, m.version) for role, m in sets.items()}
    assert counts == {
        "glyphs": (62 * 2 * 4, 62, 128, "1"),
        "letters": (26 * 3, 26, 32, "7"),
        "digits": (10_000, 10, 28, "1"),
    }
    assert {m.licence for m in sets.values()} == {"CC0-1.0, other"}
    asked = len(kaggle.requests)
    assert packed(STUDY, runtime) == sets
    assert len(kaggle.requests) == asked


def test_a_pinned_version_is_requested(kaggle: Kaggle, tmp_path: Path) -> None:
    pinned = Data(digits="kaggle:hojjatk/mnist-dataset/1")
    assert locate("digits", pinned, tmp_path / "cache").version == "1"
    (asked,) = kaggle.asked("DownloadDataset")
    assert asked.body["datasetVersionNumber"] == 1


def test_the_same_content_has_the_same_identity_at_any_path(tmp_path: Path) -> None:
    write_chars74k(tmp_path / "a")
    one = zip_folder(tmp_path / "a", tmp_path / "one.zip")
    other = tmp_path / "other.zip"
    other.write_bytes(one.read_bytes())
    first, second = (locate("glyphs", Data(glyphs=str(path)), tmp_path) for path in (one, other))
    assert first.identity == second.identity
    assert first.name == "one.zip"  # not a path of this machine


@pytest.mark.parametrize("role", ["letters", "digits"])
def test_the_embedded_new_data_need_no_download(role: Role, tmp_path: Path) -> None:
    data = Data(**EMBEDDED, letters_per_class=2)
    images = read(locate(role, data, tmp_path), Selection(per_class=2, seed=1))
    assert len(set(images.labels.tolist())) == {"letters": 26, "digits": 10}[role]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("role", "text", "valid"),
    [("glyphs", "nowhere.zip", "'fonts'"), ("digits", "fonts", "'sklearn'"), ("letters", "sklearn", "'fonts'")],
)
def test_an_unknown_source_is_refused_with_the_valid_ones(role: Role, text: str, valid: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{role} '{text}'; expected kaggle:owner/slug.*{valid}"):
        locate(role, Data.model_validate({role: text}), tmp_path)


def test_a_temporary_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    study = STUDY.model_copy(update={"data": Data(letters=str(write_alphabet(tmp_path / "a")), letters_per_class=1)})
    given = packing(study, locate("letters", study.data, tmp_path))
    with pytest.raises(InputError, match="temporary folder .*none cannot be written.*room for the packed letters"):
        PACK.run(given, Bench.of(Runtime(store=str(tmp_path / "store"), cache=tmp_path / "cache")))
    assert not (tmp_path / "store").exists()


def test_the_limits_in_the_documents_are_those_of_the_code() -> None:
    text = " ".join((Path(__file__).parents[3] / "docs/settings.md").read_text().split())
    for stated in (
        f"more than {limits.MEMBERS:,} files, {limits.DEPTH} folders in folders, names of {limits.NAME:,} characters,",
        f"{limits.UNPACKED >> 30} GiB unpacked, or {limits.RATIO} bytes unpacked for each byte of an archive",
        f"the first {limits.SMALL >> 20} MiB are free",
    ):
        assert stated in text
