"""The tables of a local server's database: those that Prefect's migrations make, whole, whoever else is at it."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import prefect
import pytest
from alembic.script import ScriptDirectory

from flows import schema
from flows.schema import dump, lay_out

HEAD = ("PRAGMA user_version", "PRAGMA application_id", "PRAGMA auto_vacuum", "PRAGMA encoding", "PRAGMA page_size")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "charrec.db"


def write(monkeypatch: pytest.MonkeyPatch, folder: Path, statements: list[str], version: str = "") -> None:
    """Have these statements be the ones that were written down."""
    monkeypatch.setattr(schema, "FILE", folder / "tables.json")
    text = json.dumps({"prefect": version or prefect.__version__, "statements": statements})
    schema.FILE.write_text(text)


def test_a_new_database_has_the_tables_of_the_newest_migration(database: Path) -> None:
    lay_out(database)
    made = dump(database)
    migrations = Path(prefect.__file__).parent / "server/database/_migrations"
    newest = ScriptDirectory(str(migrations), version_locations=[str(migrations / "versions/sqlite")])
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (newest.get_current_head(),)
        ]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert made == schema.statements_of(prefect.__version__)


def unordered(database: Path) -> list[list[str]]:
    """Its statements; the migrations add indexes and constraints in another order each time."""
    return sorted(sorted(line.rstrip(" ,") for line in statement.splitlines()) for statement in dump(database))


@pytest.mark.long
def test_it_is_what_prefect_itself_makes(database: Path, tmp_path: Path) -> None:
    lay_out(database)
    migrated = tmp_path / "migrated.db"
    schema.migrate(migrated)
    assert unordered(database) == unordered(migrated)
    with closing(sqlite3.connect(database)) as ours, closing(sqlite3.connect(migrated)) as theirs:
        for question in HEAD:
            assert ours.execute(question).fetchall() == theirs.execute(question).fetchall(), question


def test_a_database_in_use_is_left_as_it_is(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE runs (id)")
        before = dump(database)
        connection.execute("BEGIN IMMEDIATE")  # a server that writes
        lay_out(database)
    assert dump(database) == before


def test_ended_in_the_middle_it_leaves_none_of_the_tables(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(monkeypatch, tmp_path, ["CREATE TABLE a (id);", "CREATE TABLE b (id);", "not SQL"])
    with pytest.raises(sqlite3.OperationalError):
        lay_out(database)
    assert dump(database) == []
    monkeypatch.undo()
    lay_out(database)
    assert len(dump(database)) > 100


def test_several_at_once_make_them_once(database: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lay_out, [database] * 16))
    assert dump(database) == schema.statements_of(prefect.__version__)


def test_the_tables_of_another_version_of_prefect_are_not_taken(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(monkeypatch, tmp_path, ["CREATE TABLE a (id);"], version="3.0.0")
    lay_out(database)
    assert not database.exists()


def test_where_none_were_written_down_prefect_migrates(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "FILE", tmp_path / "none.json")
    lay_out(database)
    assert not database.exists()
