"""`python -m infra.local.backup dump FILE`, `restore FILE`: Prefect's database of a local stack as one file, and back.

The store is not in it: docs/operations.md says how the two are kept together, and what happens to runs under way.
"""

import argparse
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from charrec.errors import InputError
from charrec.storage.interface import settle, staged
from infra.local.postgres import DATABASE, Postgres, programs
from infra.local.process import NotStarted, eventually
from infra.local.stack import FOLDER, Stack

DRAFT = f"{DATABASE}_draft"  # what is restored, until it is whole
FORMER = f"{DATABASE}_former"  # what it replaces, until it is dropped
REVISION = re.compile(r"COPY public\.alembic_version .*\n(\w+)\n")
MIGRATIONS = Path("server", "database", "_migrations", "versions", "postgresql")
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
RUNS = "SELECT count(*), count(*) FILTER (WHERE state_type IN ('RUNNING', 'PENDING', 'CANCELLING')) FROM flow_run"
CLIENTS = (
    f"SELECT 1 FROM pg_stat_activity WHERE datname = '{DATABASE}' AND backend_type = 'client backend'"
    " AND pid <> pg_backend_pid()"
)
LEAVING = 5.0  # seconds for a connection that is closed to be gone, our own last one too


def dump(stack: Stack, file: Path) -> str:
    """Write the database as it is at this moment, whatever runs meanwhile, to a new file; returns what is in it."""
    database = stack.database
    if file.exists():
        raise InputError(f"{file} exists", "a name that is free", "Choose another, with the date in it.")
    if not database.data.exists():
        raise InputError(f"{stack.folder} has no database", "the folder of a stack", "Correct --folder.")
    with database.serving(stack.environment()), staged(file.parent) as draft:
        if database.ask(TABLES) == [["0"]]:
            raise InputError(f"the database of {stack.folder} is empty", "Prefect's tables", "Run `make up` first.")
        os.fchmod(draft.fileno(), 0o600)  # parameters, logs and keys are in it
        runs = _runs(database)
        database.call("pg_dump", *database.connection, "--format=custom", DATABASE, stdout=draft)
        revision = _revision(database, Path(draft.name))
        settle(draft, file)
    return f"{file}: {file.stat().st_size:,} bytes, {runs}, Prefect's tables as of {revision}"


def restore(stack: Stack, file: Path, replace: bool = False) -> str:
    """Make the database that of a dump, all of it or nothing; returns what is in it.

    Raises InputError if the file is no whole dump of a Prefect that is known here, if the stack runs, or if there is a
    database with something in it and `replace` is not set.
    """
    database = stack.database
    _require_known(_revision(database, file), file)
    users = [part.name for part in (stack.supervisor, stack.server.process, *stack.workers) if part.pid]
    if users:
        raise InputError(
            f"{', '.join(users)} of {stack.folder} at work", "a stack that is down", "Run `make down` first."
        )
    with database.serving(stack.environment()):
        if database.ask(TABLES) != [["0"]] and not replace:
            raise InputError(
                f"the database of {stack.folder} has {_runs(database)}", "an empty database",
                "Dump it first, then add --replace, which deletes it.",
            )  # fmt: skip
        if not eventually(lambda: not database.ask(CLIENTS), LEAVING):
            raise InputError(
                f"a program uses the database of {stack.folder}", "none",
                "End it: a server that was started by hand, or psql.",
            )  # fmt: skip
        _replace(database, file)
        return f"{stack.folder}: {_runs(database)}, as of {file}"


def _replace(database: Postgres, file: Path) -> None:
    for left in (DRAFT, FORMER):  # of a restore that was killed
        database.call("dropdb", *database.connection, "--if-exists", left)
    database.call("createdb", *database.connection, DRAFT)
    with file.open("rb") as dumped:
        database.call("pg_restore", *database.connection, "--exit-on-error", "--no-owner", "-d", DRAFT, stdin=dumped)
    # Without this, queries would be planned blindly.
    database.call("vacuumdb", *database.connection, "--analyze-only", "--quiet", DRAFT)
    both = f"ALTER DATABASE {DATABASE} RENAME TO {FORMER}; ALTER DATABASE {DRAFT} RENAME TO {DATABASE}"
    database.call("psql", *database.connection, "-d", "postgres", "-Xq", "-v", "ON_ERROR_STOP=1", "-1", "-c", both)
    database.call("dropdb", *database.connection, FORMER)


def _runs(database: Postgres) -> str:
    """What a person recognises it by."""
    if database.ask("SELECT to_regclass('flow_run') IS NULL") == [["t"]]:
        return "no flow runs"
    ((runs, busy),) = database.ask(RUNS)
    return f"{runs} flow runs, {busy} of them under way"


def _revision(database: Postgres, file: Path) -> str:
    """The version of the tables in the dump, which is read to its last byte."""
    try:
        with file.open("rb") as dumped:
            database.call("pg_restore", f"--file={os.devnull}", stdin=dumped)
        with file.open("rb") as dumped:
            script = database.call("pg_restore", "--data-only", "--table=alembic_version", "--file=-", stdin=dumped)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})", "a dump", "Correct the path.") from error
    except NotStarted as error:
        raise InputError(
            f"{file} is no whole dump ({error})", "a file that `dump` or `pg_dump -Fc` has written to its end",
            "Take another.",
        ) from error  # fmt: skip
    if not (found := REVISION.search(script)):
        raise InputError(f"{file} is a dump without Prefect's tables", "one of Prefect's database", "Take another.")
    return found[1]


def _require_known(revision: str, file: Path) -> None:
    """Prefect's server refuses tables that are newer than itself, and cannot take them back."""
    package = find_spec("prefect")
    assert package and package.submodule_search_locations
    migrations = Path(package.submodule_search_locations[0]) / MIGRATIONS
    if not any(f'"{revision}"' in path.read_text(encoding="utf-8") for path in migrations.glob("*.py")):
        raise InputError(
            f"{file} has Prefect's tables as of {revision}", "tables that the Prefect installed here knows",
            "Restore it with the version of charrec that wrote it, or a newer one.",
        )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.local.backup", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the folder with all the stack's data")
    commands = parser.add_subparsers(dest="command", required=True)
    written = commands.add_parser("dump", help="write the database to a new file, whatever runs meanwhile")
    written.add_argument("file", type=Path)
    read = commands.add_parser("restore", help="make the database that of a dump; the stack is down")
    read.add_argument("file", type=Path)
    read.add_argument("--replace", action="store_true", help="delete the database that is there")
    options = parser.parse_args(arguments)
    stack = Stack(options.folder)
    try:
        programs()  # are they there at all?
        done = dump(stack, options.file) if options.command == "dump" else restore(stack, options.file, options.replace)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (NotStarted, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
