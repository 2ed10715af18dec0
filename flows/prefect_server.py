"""Which Prefect server a study uses: the configured one, or a local one."""

import os
import re
from urllib.parse import urlsplit

from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_HOME,
    temporary_settings,
)

from charrec.errors import InputError
from flows.local_server import LocalServer, begun
from tasks.loopback import prefect_at

ANSWER = 10.0  # seconds for a configured server


def address(early: LocalServer | None = None) -> str:
    """The API of the configured server; else of the local one that was begun early, or begins now.

    Raises InputError where the configured one does not answer, ConnectionError where none starts.
    """
    configured, home = PREFECT_API_URL.value(), PREFECT_HOME.value()
    if early and (configured or early.home != home.absolute()):  # there are more places than were looked at
        early.end()
        early = None
    if configured:
        _require_answer(str(configured))
        return str(configured)
    return (early or begun(home)).address()


def _require_answer(api: str) -> None:
    """Ask the configured server once."""
    patience = {PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: ANSWER}
    try:
        with prefect_at(api), temporary_settings(patience), get_client(sync_client=True) as client:
            kind = client.request("GET", "/health").headers.get("content-type", "")
            if not kind.startswith("application/json"):
                raise ValueError(f"it answers with {kind or 'nothing'}, as a server of another kind")
    except Exception as error:  # of httpx, of TLS, of the proxies' addresses
        by = "PREFECT_API_URL" if os.environ.get("PREFECT_API_URL") else "a profile or a file of Prefect"
        other = "unset PREFECT_API_URL" if by == "PREFECT_API_URL" else "set PREFECT_PROFILE=ephemeral"
        said = re.sub(r"^\[Errno -?\d+\]", "", str(error)).strip()
        why = said.splitlines()[0][:300] if said else type(error).__name__
        raise InputError(
            f"Prefect's server at {_shown(api)}, which {by} names, does not answer ({why})",
            "a running Prefect server, its address ending in /api",
            f"Start it, or {other}: then the study starts a server of its own.",
        ) from None


def _shown(api: str) -> str:
    """The address without a password."""
    parts = urlsplit(api)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
