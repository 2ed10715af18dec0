"""Many finished studies in Prefect's database: copies of a real one's rows, with other ids, words and times.

Through the server's API a study of 14 runs would take some 800 requests, and a thousand of them hours.
"""

import re
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from infra.local.postgres import DATABASE, SUPERUSER, Postgres, programs

FOUND = """
CREATE TABLE IF NOT EXISTS copied (id uuid PRIMARY KEY);
WITH RECURSIVE below AS (
    SELECT '{run}'::uuid AS id
    UNION SELECT run.id FROM flow_run run
    JOIN task_run task ON run.parent_task_run_id = task.id JOIN below ON task.flow_run_id = below.id
) INSERT INTO copied SELECT id FROM below ON CONFLICT DO NOTHING;
"""
OF_RUNS = "flow_run_id IN (SELECT id FROM copied)"
EVENTS = "(SELECT event_id FROM event_resources WHERE resource_id IN (SELECT 'prefect.flow-run.' || id FROM copied))"
ROWS = {  # table -> which of its rows belong to the study
    "flow_run": "id IN (SELECT id FROM copied)",
    "flow_run_state": OF_RUNS,
    "task_run": OF_RUNS,
    "task_run_state": f"task_run_id IN (SELECT id FROM task_run WHERE {OF_RUNS})",
    "log": OF_RUNS,
    "artifact": OF_RUNS,
    "artifact_collection": f"key IN (SELECT key FROM artifact WHERE {OF_RUNS})",
    "events": f"id IN {EVENTS}",
    "event_resources": f"event_id IN {EVENTS}",
}
ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d"
AT_ONCE = 50  # studies in a transaction


class Study:
    """A study's rows as text, which can be copied."""

    def __init__(self, rows: dict[str, str], ids: set[str], word: str) -> None:
        self.ids, self.word = ids, word
        pattern = re.compile(rf"({ID}|{TIME}|\b{word}\b)")
        self.parts = {table: pattern.split(text) for table, text in rows.items()}
        self.tokens = {token for parts in self.parts.values() for token in parts[1::2]}

    def copy(self, number: int, shift: timedelta) -> dict[str, str]:
        """The rows of its copy with this number, which happened so much earlier."""
        new = {token: self._token(token, number, shift) for token in self.tokens}
        return {
            table: "".join(new[part] if index % 2 else part for index, part in enumerate(parts))
            for table, parts in self.parts.items()
        }

    def _token(self, token: str, number: int, shift: timedelta) -> str:
        if token == self.word:
            return f"{token}{number or ''}"
        if token in self.ids:
            return str(UUID(int=UUID(token).int ^ number << 80))  # beside version and variant
        if re.fullmatch(TIME, token):
            return (datetime.fromisoformat(token) - shift).isoformat(token[10])
        return token


def study(database: Postgres, run: UUID, word: str) -> Study:
    """The study of this flow run, with all flow runs below it."""
    _sql(database, FOUND.format(run=run))
    rows = {
        table: _sql(database, f"COPY (SELECT * FROM {table} WHERE {which}) TO STDOUT") for table, which in ROWS.items()
    }
    ids = " UNION ".join(f"SELECT id FROM {table} WHERE {which}" for table, which in ROWS.items())
    return Study(rows, set(_sql(database, f"COPY ({ids}) TO STDOUT").split()), word)


def fill(database: Postgres, one: Study, run: UUID, number: int, apart: timedelta, say: Callable[[str], None]) -> None:
    """Have so many studies in the database, the copied one included; those that are there stay."""
    there = _sql(database, f"COPY (SELECT count(*) FROM flow_run f JOIN flow_run o ON f.flow_id = o.flow_id"
                           f" WHERE o.id = '{run}' AND f.deployment_id = o.deployment_id) TO STDOUT")  # fmt: skip
    for first in range(int(there), number, AT_ONCE):
        text = ["BEGIN; SET session_replication_role = replica;"]  # rows point at each other in circles
        for copied in range(first, min(first + AT_ONCE, number)):
            for table, rows in one.copy(copied, copied * apart).items():
                text += [f"COPY {table} FROM stdin;", f"{rows}\\."]
        _sql(database, "\n".join([*text, "COMMIT;"]))
        say(f"{min(first + AT_ONCE, number)} of {number} studies")
    _sql(database, "VACUUM ANALYZE;")  # or the server would do it while it is measured


def _sql(database: Postgres, text: str) -> str:
    command: list[str | Path] = [programs() / "psql", "-h", database.sockets, "-U", SUPERUSER, "-d", DATABASE]
    command += ["-q", "-v", "ON_ERROR_STOP=1"]
    ran = subprocess.run(command, input=text, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    return ran.stdout
