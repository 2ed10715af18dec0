"""A local stack's database as a file, and back, on a real PostgreSQL. Prefect's server is in tests/infra/test_stack.py.

The tables are three of Prefect's, as far as the commands ask for them.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.backup import DRAFT, FORMER, main
from infra.local.postgres import DATABASE, Postgres, programs
from infra.local.process import Process
from infra.local.stack import Stack
from tests.processes import eventually
from tests.small_disk import small_disk
from tests.stack import stack_folder

REVISION = "d4a7e1c93f52"  # of Prefect 3.8.8
TABLES = f"""
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('{REVISION}');
CREATE TABLE flow_run (id int PRIMARY KEY, state_type text);
INSERT INTO flow_run VALUES (1, 'COMPLETED'), (2, 'RUNNING');
CREATE TABLE log (message text);
INSERT INTO log SELECT md5(n::text) FROM generate_series(1, 5000) AS n;
"""


@pytest.fixture(scope="module")
def kept() -> Iterator[Stack]:
    """A stack of which only PostgreSQL runs, with two flow runs."""
    with stack_folder() as folder:
        stack = Stack(folder, durable=False)
        stack.database.start(stack.environment())
        stack.database.ask(TABLES)
        yield stack
        stack.down()


@pytest.fixture
def lost() -> Iterator[Stack]:
    """A stack that has no data yet."""
    with stack_folder() as folder:
        stack = Stack(folder, durable=False)
        yield stack
        stack.down()


@pytest.fixture(scope="module")
def dumped(kept: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("dumps") / "whole.dump"
    assert call(kept, "dump", file) == 0
    return file


def call(stack: Stack, *arguments: str | Path) -> int:
    return main(["--folder", str(stack.folder), *map(str, arguments)])


def refused(said: pytest.CaptureFixture[str]) -> str:
    """The error, which is one line of found, expected, remedy."""
    out, error = said.readouterr()
    assert out == "" and error.startswith("error: ") and error.count("; expected ") == 1, error
    return error


def runs(database: Postgres) -> list[list[str]]:
    return database.ask("SELECT id, state_type FROM flow_run ORDER BY id")


def test_a_dump_is_one_file_for_its_owner_alone(kept: Stack, dumped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [path.name for path in dumped.parent.iterdir()] == ["whole.dump"]
    assert dumped.stat().st_mode & 0o777 == 0o600
    other = dumped.with_name("other.dump")
    assert call(kept, "dump", other) == 0
    assert f"2 flow runs, 1 of them under way, Prefect's tables as of {REVISION}" in capsys.readouterr().out
    other.unlink()


def test_what_was_lost_is_back(lost: Stack, dumped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(lost, "restore", dumped) == 0
    assert "2 flow runs, 1 of them under way" in capsys.readouterr().out
    assert lost.database.process.pid is None  # as before
    with lost.database.serving(lost.environment()):
        assert runs(lost.database) == [["1", "COMPLETED"], ["2", "RUNNING"]]
        assert lost.database.ask("SELECT count(*) FROM log") == [["5000"]]
        assert lost.database.ask("SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'log'") == [["t"]]


def test_a_dump_overwrites_nothing(kept: Stack, dumped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = dumped.read_bytes()
    assert call(kept, "dump", dumped) == 2
    assert "whole.dump exists" in refused(capsys)
    assert dumped.read_bytes() == before


def test_where_there_is_no_database_none_is_made(
    lost: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(lost, "dump", tmp_path / "a.dump") == 2
    assert "has no database" in refused(capsys)
    assert not lost.database.data.exists() and [*tmp_path.iterdir()] == []


def test_a_dump_for_which_there_is_no_room_leaves_nothing(
    kept: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "small", "64k") as small:
        assert call(kept, "dump", small.path / "a.dump") == 1
        assert "No space left on device" in capsys.readouterr().err
        assert [*small.path.iterdir()] == []


def test_a_database_with_something_in_it_is_replaced_only_when_told(
    lost: Stack, dumped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(lost, "restore", dumped) == 0
    with lost.database.serving(lost.environment()):
        lost.database.ask("INSERT INTO flow_run VALUES (3, 'FAILED')")
        capsys.readouterr()
        assert call(lost, "restore", dumped) == 2
        assert "has 3 flow runs, 1 of them under way; expected an empty database" in refused(capsys)
        assert len(runs(lost.database)) == 3
        for left in (DRAFT, FORMER):  # by a restore that was killed
            lost.database.call("createdb", *lost.database.connection, left)
        assert call(lost, "restore", dumped, "--replace") == 0
        assert len(runs(lost.database)) == 2
        assert lost.database.ask("SELECT datname FROM pg_database WHERE datname LIKE 'prefect%'") == [[DATABASE]]


@pytest.mark.parametrize("part", ["supervisor", "prefect-server", "worker-gpu-gpu0"])
def test_while_the_stack_works_nothing_is_restored(
    part: str, lost: Stack, dumped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = Process(part, lost.folder)
    process.start(["sleep", "600"], os.environ, lost.folder)
    assert call(lost, "restore", dumped) == 2
    assert f"{part} of {lost.folder} at work" in refused(capsys)
    assert not lost.database.data.exists()
    process.stop()


def test_while_somebody_else_uses_the_database_it_is_not_replaced(
    kept: Stack, dumped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that was started by hand."""
    used = [programs() / "psql", *kept.database.connection, "-d", DATABASE, "-c", "SELECT pg_sleep(600)"]
    user = kept.database.user
    client = subprocess.Popen(used, user=user, group=user, extra_groups=[] if user else None, cwd="/")
    asked = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
    assert eventually(lambda: kept.database.ask(asked), 300, 0.05)
    assert call(kept, "restore", dumped, "--replace") == 2
    assert "a program uses the database" in refused(capsys)
    kept.database.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DATABASE}'"
                      " AND pid <> pg_backend_pid()")  # fmt: skip
    client.wait()
    assert len(runs(kept.database)) == 2


def cut(dumped: Path, part: float, file: Path) -> None:
    whole = dumped.read_bytes()
    file.write_bytes(whole[: int(len(whole) * part) if part < 1 else -1])


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.95, 1])
def test_a_dump_that_was_cut_off_is_refused_before_anything_is_touched(
    part: float, lost: Stack, dumped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 1, one byte is missing."""
    cut(dumped, part, tmp_path / "a.dump")
    assert call(lost, "restore", tmp_path / "a.dump") == 2
    assert "a.dump is no whole dump (pg_restore failed: " in refused(capsys)
    assert not lost.database.data.exists()


def test_what_is_no_dump_of_this_prefect_is_refused(
    kept: Stack, lost: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, query, words in (
        ("later", "UPDATE alembic_version SET version_num = 'abcdef012345'", "Prefect's tables as of abcdef012345"),
        ("other", "ALTER TABLE alembic_version RENAME TO another", "is a dump without Prefect's tables"),
    ):
        kept.database.ask(f"CREATE DATABASE {name} TEMPLATE {DATABASE}")
        connection = [*kept.database.connection, "-d", name]
        kept.database.call("psql", *connection, "-c", query)
        with (tmp_path / name).open("wb") as file:
            kept.database.call("pg_dump", *connection, "-Fc", stdout=file)
        assert call(lost, "restore", tmp_path / name) == 2
        assert words in refused(capsys)
        kept.database.ask(f"DROP DATABASE {name}")
    for path, words in ((tmp_path, "cannot be read (Is a directory)"), (tmp_path / "none", "(No such file")):
        assert call(lost, "restore", path) == 2
        assert words in refused(capsys)
    assert not lost.database.data.exists()


def test_on_the_command_line_a_refusal_is_one_line_and_status_2(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "infra.local.backup", "--folder", tmp_path, "restore", tmp_path / "none"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
