"""What address opens which store, and what none does."""

import subprocess
import sys
from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.storage import open_store


@pytest.mark.parametrize("url", ["file:results", "results", "./results"])
def test_a_relative_address_is_a_folder_here(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store(url).put("a", b"1")
    assert (tmp_path / "results" / "a").read_bytes() == b"1"


def test_an_absolute_address_may_hold_spaces(tmp_path: Path) -> None:
    for url in ((tmp_path / "my results").as_uri(), str(tmp_path / "my results")):
        assert open_store(url).url == (tmp_path / "my results").as_uri()
    assert list(tmp_path.iterdir()) == []  # opening makes nothing


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gs://bucket/a",
        "http://user:hunter2@host/a",
        "file://hunter2/a",
        "s3://",
        "s3://user:hunter2@bucket/a",
        "s3://bucket/a?key=hunter2",
        "s3://bucket/../a",
        "s3://hunter2_/a",
        "s3://hunter2[/a",
    ],
)
def test_another_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError) as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


def test_an_endpoint_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(InputError) as caught:
        open_store("s3://bucket/a", endpoint="http://user:hunter2@host")
    assert "hunter2" not in str(caught.value)


def test_importing_the_store_brings_in_no_client() -> None:
    code = "import charrec.storage, sys; print({'boto3', 'botocore', 'filelock'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"set()\n"
