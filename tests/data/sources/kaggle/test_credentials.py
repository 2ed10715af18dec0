"""Kaggle's credentials: found wherever its client finds them, and told where they are of no use."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from charrec.data.sources.kaggle import credentials_found
from charrec.errors import InputError
from tests.data.sources.kaggle.desk import Desk
from tests.data.sources.kaggle.server import TOKEN
from tests.toy import ROOT


def test_a_token_is_sent_as_a_bearer_token(desk: Desk) -> None:
    desk.environ = desk.kaggle.environ(desk.home, KAGGLE_API_TOKEN=TOKEN, KAGGLE_USERNAME="", KAGGLE_KEY="")
    assert desk.download().version == 3
    assert desk.kaggle.asked("DownloadDataset")[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_an_invalid_token_is_reported(desk: Desk) -> None:
    environ = desk.kaggle.environ(desk.home, KAGGLE_API_TOKEN="KGAT_other")
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        del environ[name]
    with pytest.raises(InputError, match="does not accept the credentials"):
        desk.download(environ=environ)


def test_without_credentials_nothing_is_sent_or_written(desk: Desk) -> None:
    with pytest.raises(InputError) as caught:
        desk.download(environ={"HOME": str(desk.home)})
    for way in (
        "KAGGLE_API_TOKEN",
        "KAGGLE_USERNAME",
        "KAGGLE_KEY",
        "kaggle.json",
        "kaggle.com/settings/api",
    ):
        assert way in caught.value.remedy
    assert desk.kaggle.requests == []
    assert not desk.cache.exists()
    assert list(desk.home.iterdir()) == []


@pytest.mark.parametrize(
    ("environ", "files", "found"),
    [
        ({}, {}, False),
        ({"KAGGLE_API_TOKEN": "x"}, {}, True),
        ({"KAGGLE_API_TOKEN": ""}, {}, False),
        ({}, {".kaggle/access_token": "x"}, True),
        ({}, {".kaggle/access_token": ""}, False),
        ({}, {".kaggle/access_token.txt": "x"}, True),
        ({"KAGGLE_USERNAME": "x", "KAGGLE_KEY": "y"}, {}, True),
        ({}, {".kaggle/kaggle.json": '{"username": "x", "key": "y"}'}, True),
        ({"KAGGLE_USERNAME": "x"}, {".kaggle/kaggle.json": '{"key": "y"}'}, True),
        ({}, {".config/kaggle/kaggle.json": '{"username": "x", "key": "y"}'}, True),
        ({"KAGGLE_CONFIG_DIR": "{home}/own"}, {"own/kaggle.json": '{"username": "x", "key": "y"}'}, True),
        (
            {"KAGGLE_CONFIG_DIR": "{home}/own"},
            {".kaggle/kaggle.json": '{"username": "x", "key": "y"}'},
            False,
        ),
        ({}, {".kaggle/credentials.json": '{"refresh_token": "x"}'}, True),
        ({}, {".kaggle/credentials.json": '{"refresh_token": "x"}', ".kaggle/kaggle.json": '{"path": "/data"}'}, True),
        ({"KAGGLE_API_TOKEN": "{home}/own"}, {"own": "x\n"}, True),
        ({"KAGGLE_API_TOKEN": "x"}, {".kaggle/kaggle.json": "not looked at"}, True),
        ({"KAGGLE_USERNAME": "x", "KAGGLE_KEY": "a b"}, {}, True),
        ({"KAGGLE_API_TOKEN": "x" * 5000}, {}, True),
    ],
)
def test_credentials_are_found_wherever_the_client_finds_them(
    environ: dict[str, str], files: dict[str, str], found: bool, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    filled = {name: value.replace("{home}", str(tmp_path)) for name, value in environ.items()}
    assert credentials_found({"HOME": str(tmp_path)} | filled) is found


PAIR = '{"username": "x", "key": "y"}'
USELESS: dict[str, tuple[dict[str, str], dict[str, bytes], str]] = {
    "UTF-16, as PowerShell writes it": ({}, {"kaggle.json": PAIR.encode("utf-16")}, "kaggle.json is UTF-16, which"),
    "UTF-16 without a mark": ({}, {"kaggle.json": PAIR.encode("utf-16-le")}, "kaggle.json is not UTF-8, which"),
    "UTF-32": ({}, {"kaggle.json": PAIR.encode("utf-32")}, "kaggle.json is UTF-32, which"),
    "a byte-order mark": ({}, {"kaggle.json": PAIR.encode("utf-8-sig")}, "kaggle.json is UTF-8 with a byte-order mark"),
    "another alphabet": ({}, {"kaggle.json": b'{"username": "\xff"}'}, "kaggle.json is not UTF-8"),
    "no JSON": ({}, {"kaggle.json": b"damaged"}, "kaggle.json is no JSON"),
    "nothing": ({}, {"kaggle.json": b""}, "kaggle.json is no JSON"),
    "a deep nest": ({}, {"kaggle.json": b"[" * 60000}, "kaggle.json is no JSON"),
    "a list": ({}, {"kaggle.json": b"[1]"}, "kaggle.json holds no credentials"),
    "an empty object": ({}, {"kaggle.json": b"{}"}, "kaggle.json holds no credentials"),
    "no key": ({}, {"kaggle.json": b'{"username": "x"}'}, "kaggle.json without a key"),
    "no username": ({}, {"kaggle.json": b'{"key": "x"}'}, "kaggle.json without a username"),
    "neither": ({}, {"kaggle.json": b'{"path": "/data"}'}, "kaggle.json without a username and key"),
    "a number": (
        {},
        {"kaggle.json": b'{"username": "x", "key": 5}'},
        "kaggle.json is no text; expected one in quotation marks",
    ),
    "another Kaggle's novel": ({}, {"kaggle.json": b" " * 70000}, "kaggle.json has more than 65,536 bytes"),
    "half in the environment": ({"KAGGLE_USERNAME": "x"}, {}, "KAGGLE_USERNAME without a key"),
    "the other half": ({"KAGGLE_KEY": "x"}, {}, "KAGGLE_KEY without a username"),
    "a token with a line end": ({"KAGGLE_API_TOKEN": "KGAT_x\n"}, {}, "KAGGLE_API_TOKEN holds a line end or"),
    "a token of two lines": ({"KAGGLE_API_TOKEN": "KGAT_x\r\ny"}, {}, "KAGGLE_API_TOKEN holds a line end or"),
    "a token with a dash of a text": ({"KAGGLE_API_TOKEN": "KGAT–x"}, {}, "KAGGLE_API_TOKEN holds a line end or"),
    "a key with a line end": ({"KAGGLE_USERNAME": "x", "KAGGLE_KEY": "y\n"}, {}, "KAGGLE_KEY holds a line end or"),
    "a token's file in UTF-16": ({}, {"access_token": "x".encode("utf-16")}, "access_token is UTF-16, which"),
    "a token's file of two lines": ({}, {"access_token": b"x\ny\n"}, "access_token holds a line end or"),
    "a folder for a token": ({"KAGGLE_API_TOKEN": "/"}, {}, "/ is a folder or a device"),
    "a login that is damaged": ({}, {"credentials.json": b"{"}, "credentials.json is no JSON"),
}


@pytest.mark.parametrize(("environ", "files", "found"), USELESS.values(), ids=USELESS)
def test_credentials_that_are_there_and_of_no_use_are_an_error(
    environ: dict[str, str], files: dict[str, bytes], found: str, tmp_path: Path
) -> None:
    (tmp_path / ".kaggle").mkdir()
    for name, content in files.items():
        (tmp_path / ".kaggle" / name).write_bytes(content)
    with pytest.raises(InputError) as told:
        credentials_found({"HOME": str(tmp_path)} | environ)
    assert found in str(told.value)
    assert "KGAT" not in str(told.value)


@pytest.mark.parametrize("name", ["kaggle.json", "access_token", "credentials.json"])
def test_a_folder_in_the_place_of_credentials_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / ".kaggle" / name).mkdir(parents=True)
    with pytest.raises(InputError, match=f"{name} is a folder or a device; expected a file with Kaggle's credentials"):
        credentials_found({"HOME": str(tmp_path)})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_credentials_that_may_not_be_read_are_an_error() -> None:
    with TemporaryDirectory() as home:  # others may enter it, unlike pytest's folders
        Path(home).chmod(0o755)
        file = Path(home, ".kaggle", "kaggle.json")
        file.parent.mkdir()
        file.write_text(PAIR)
        file.chmod(0o600)
        steps = (
            "import os; from charrec.data.sources.kaggle import credentials_found; os.setuid(10001)\n"
            f"try: credentials_found({{'HOME': {home!r}}})\nexcept Exception as error: print(error)"
        )
        ran = subprocess.run([sys.executable, "-c", steps], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout.startswith(f"{file} cannot be read (Permission denied); expected")
