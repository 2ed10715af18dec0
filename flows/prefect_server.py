"""Which Prefect server a study uses: the configured one, or a local one."""

import os
import re
from http import HTTPStatus

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_HOME,
    temporary_settings,
)

from charrec.errors import InputError, without_password
from flows.local_server import LocalServer, begun
from tasks.loopback import prefect_at

ANSWER = 10.0  # seconds for a configured server


def address(early: LocalServer | None = None) -> str:
    """The API of the configured server; else of the local one that was begun early, or begins now.

    Raises InputError where the configured one does not answer or refuses, ConnectionError where none starts.
    """
    configured, home = PREFECT_API_URL.value(), PREFECT_HOME.value()
    if early and (configured or early.home != home.absolute()):  # there are more places than were looked at
        early.end()
        early = None
    if configured:
        other = "unset PREFECT_API_URL" if _by_variable() else "set PREFECT_PROFILE=ephemeral"
        require_answer(str(configured), f", or {other}: then the study starts a server of its own")
        return str(configured)
    return (early or begun(home)).address()


def require_answer(api: str, instead: str = "") -> None:
    """Ask whether it is there and takes our password. Raises InputError; `instead`: what helps but to start it."""
    patience = {PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: ANSWER}
    by = _by_variable() or "a profile or a file of Prefect"
    server = f"Prefect's server at {without_password(api)}, which {by} names,"
    try:
        with prefect_at(api), temporary_settings(patience), get_client(sync_client=True) as client:
            kind = client.request("GET", "/health").headers.get("content-type", "")
            if not kind.startswith("application/json"):
                raise ValueError(f"it answers with {kind or 'nothing'}, as a server of another kind")
            refused = _refused(client)
    except Exception as error:  # of httpx, of TLS, of the proxies' addresses
        said = without_password(re.sub(r"^\[Errno -?\d+\]", "", str(error))).strip()
        why = said.splitlines()[0][:300] if said else type(error).__name__
        raise InputError(
            f"{server} does not answer ({why})",
            "a running Prefect server, its address ending in /api",
            f"Start it{instead}.",
        ) from None
    if refused:
        raise InputError(
            f"{server} answers 401 Unauthorized",
            "the name and the password that it asks for",
            "Set PREFECT_API_AUTH_STRING to name:password.",
        )


def _refused(client: SyncPrefectClient) -> bool:
    """Whether it asks for another password; its health is told to everybody."""
    try:
        client.request("GET", "/admin/version")
    except httpx.HTTPStatusError as error:  # others are for the study to meet
        return error.response.status_code == HTTPStatus.UNAUTHORIZED
    return False


def _by_variable() -> str:
    """The variable that names the server; empty: a profile or a file does."""
    return "PREFECT_API_URL" if os.environ.get("PREFECT_API_URL") else ""
