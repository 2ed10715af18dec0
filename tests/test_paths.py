"""A tilde in a path is a home, wherever a path is given."""

from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.paths import at_home
from charrec.storage import open_store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_tilde_is_the_home_at_the_beginning_alone(home: Path) -> None:
    written = ("~", "~/a b", "a/~", "./~", "s3://bucket/~", "/x")
    assert [at_home(path) for path in written] == [str(home), f"{home}/a b", *written[2:]]


@pytest.mark.parametrize("address", ["~/results", "file:~/results"])
def test_a_store_may_lie_in_the_home(address: str, home: Path) -> None:
    assert open_store(address).url == (home / "results").as_uri()


def test_the_home_of_nobody_is_an_error() -> None:
    with pytest.raises(InputError) as told:
        at_home("~nobody-here/x")
    assert str(told.value) == (
        "found '~nobody-here/x'; expected the home of a user of this machine. Nobody here is called 'nobody-here'; "
        "write the whole path, or ./~nobody-here for a folder of that name."
    )


@pytest.mark.parametrize("path", ["", "a\0b", "a" * 5000])
def test_what_names_nothing_is_an_error(path: str) -> None:
    with pytest.raises(InputError, match="expected a path of 1 to 4096 characters, none of them NUL"):
        at_home(path)
