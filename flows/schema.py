"""The tables of a local server's database, laid out at once: Prefect's migrations take 6 s of a core in each new home.

`python -m flows.schema`, which `make install` runs, has Prefect migrate an empty database and writes down what came of
it: SQL statements in the environment itself, for its version of Prefect. Where they are missing, the server migrates.
"""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

FILE = Path(sys.prefix, "prefect-tables.json")
PATIENCE = 60.0  # seconds for another study that lays out the same database


def lay_out(database: Path) -> None:
    """Create the tables of a new database, all of them or none; one that has tables is left as it is."""
    statements = statements_of(version("prefect"))
    if not statements:
        return
    with closing(sqlite3.connect(database, timeout=PATIENCE, isolation_level=None)) as connection:
        if _has_tables(connection):
            return
        connection.execute("BEGIN EXCLUSIVE")  # rolled back if this process is killed
        if not _has_tables(connection):  # another study was faster
            for statement in statements:
                connection.execute(statement)
        connection.execute("COMMIT")


def statements_of(prefect: str) -> list[str]:
    """What creates the tables of this version of Prefect; none where `make install` has written down none."""
    try:
        written = json.loads(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return list(written["statements"]) if written["prefect"] == prefect else []


def write_down(file: Path) -> None:
    """Have Prefect migrate an empty database, and write down its statements."""
    with TemporaryDirectory(dir=file.parent) as folder:
        draft, database = Path(folder, file.name), Path(folder, "migrated.db")
        migrate(database)
        written = {"prefect": version("prefect"), "statements": dump(database)}
        draft.write_text(json.dumps(written, indent=1), encoding="utf-8")
        draft.replace(file)


def migrate(database: Path) -> None:
    """By Prefect's own command, without anybody's settings."""
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("PREFECT_")}
    environment |= {
        "PREFECT_HOME": str(database.parent),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
    }
    subprocess.run(
        [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"],
        cwd=database.parent, env=environment, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip


def dump(database: Path) -> list[str]:
    """The statements that make such a database."""
    with closing(sqlite3.connect(database)) as connection:
        return [line for line in connection.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")]


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT name FROM sqlite_master").fetchone() is not None


if __name__ == "__main__":
    write_down(FILE)
