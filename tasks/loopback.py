"""Prefect's client reaches a server on this machine directly: proxies and certificates are for the world outside.

Kaggle's client and boto3 keep what the environment says; httpx and websockets are used by Prefect alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partialmethod
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpx
from prefect.settings import PREFECT_API_SSL_CERT_FILE, PREFECT_API_URL, temporary_settings
from websockets.asyncio.client import connect


@contextmanager
def prefect_at(address: str) -> Iterator[None]:
    """Use the Prefect server at the address."""
    settings: dict[Any, Any] = {PREFECT_API_URL: address}
    if on_loopback(address):
        _go_straight()
        settings[PREFECT_API_SSL_CERT_FILE] = (
            certifi.where()
        )  # its default, SSL_CERT_FILE, may name a file that is gone
    with temporary_settings(settings):
        yield


def on_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _go_straight() -> None:
    """For good: Prefect's threads make clients of their own until the process ends."""
    for kind in (httpx.Client, httpx.AsyncClient):
        if not isinstance(vars(kind)["__init__"], partialmethod):
            kind.__init__ = partialmethod(kind.__init__, trust_env=False)  # type: ignore[method-assign, assignment]
    if not isinstance(vars(connect)["__init__"], partialmethod):
        connect.__init__ = partialmethod(connect.__init__, proxy=None)  # type: ignore[method-assign, assignment]
