"""Waits out an unreachable Prefect server: a database restart, an upgrade, a broken network."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeVar

import httpx

from charrec.storage.backoff import waits

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)

OUTAGE = 600.0  # seconds that are waited out
PAUSE, LONGEST = 2.0, 4.0  # seconds between two tries; Prefect's client itself tries again at 429, 502 and 503 alone
PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


async def patiently(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer to an idempotent call. Raises ConnectionError if the server stays away too long."""
    for wait in waits(PAUSE, LONGEST, total=OUTAGE):
        try:
            return await call()
        except httpx.HTTPError as error:
            if not passing(error):
                raise
            log.warning("Prefect's server does not answer: %r", error)
        await asyncio.sleep(wait)
    try:
        return await call()
    except httpx.HTTPError as error:
        if not passing(error):
            raise
        raise ConnectionError(f"Prefect's server is away: {error!r}") from None


def passing(error: httpx.HTTPError) -> bool:
    """Whether another try may succeed: no answer, or an error of the server, not of the request."""
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in PASSING
    return isinstance(error, httpx.TransportError)
