"""Prefect's clients reach a server of this machine, whatever the environment says about the world outside."""

import asyncio
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import certifi
import httpx
import pytest
from prefect import get_client
from prefect._internal.websockets import websocket_connect
from prefect.settings import PREFECT_API_SSL_CERT_FILE, PREFECT_API_URL, temporary_settings
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tasks.loopback import on_loopback, prefect_at

PATCHED = (httpx.Client, httpx.AsyncClient, connect)


@pytest.fixture(autouse=True)
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is down, one that httpx has no package for, an exception that it cannot parse, no certificates."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "[::1]:99999999")
    monkeypatch.setenv("SSL_CERT_FILE", "/gone/cert.pem")
    for kind in PATCHED:  # as the library has it, during the test and after
        now = vars(kind)["__init__"]
        monkeypatch.setattr(kind, "__init__", getattr(now, "func", now))


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"true")

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api"
        server.shutdown()


def test_without_it_the_client_cannot_even_be_made(address: str) -> None:
    """Else the other tests could not fail."""
    settings = {PREFECT_API_URL: address, PREFECT_API_SSL_CERT_FILE: certifi.where()}
    with temporary_settings(settings), pytest.raises((ImportError, httpx.InvalidURL)):
        get_client(sync_client=True)


def test_both_clients_go_straight(address: str) -> None:
    async def ask() -> int:
        async with get_client() as client:
            return (await client.hello()).status_code

    with temporary_settings({PREFECT_API_SSL_CERT_FILE: "/gone/cert.pem"}), prefect_at(address):
        with get_client(sync_client=True) as client:
            assert client.hello().status_code == 200
        assert asyncio.run(ask()) == 200


def test_events_go_straight() -> None:
    async def echo(connection: ServerConnection) -> None:
        await connection.send(await connection.recv())

    async def ask() -> str | bytes:
        async with serve(echo, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            with prefect_at(f"http://127.0.0.1:{port}/api"):
                async with websocket_connect(f"ws://127.0.0.1:{port}") as connection:
                    await connection.send("an event")
                    return await connection.recv()

    assert asyncio.run(ask()) == "an event"


def test_a_server_elsewhere_is_reached_as_the_environment_says() -> None:
    with prefect_at("http://prefect.example/api"), pytest.raises((ImportError, httpx.InvalidURL)):
        get_client(sync_client=True)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://127.0.0.1:4200/api", True),
        ("http://127.0.0.2/api", True),
        ("http://localhost:4200/api", True),
        ("https://[::1]:4200/api", True),
        ("http://localhost.example/api", False),
        ("https://api.prefect.cloud/api", False),
        ("http://10.0.0.1/api", False),
        ("nonsense", False),
    ],
)
def test_loopback_is_told_from_other_addresses(address: str, here: bool) -> None:
    assert on_loopback(address) is here
