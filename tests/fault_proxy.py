"""A reverse proxy that misbehaves: between the real client and the real S3 server it refuses, delays, loses, breaks."""

import random
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FAULTS = {
    "error": "500 InternalError, not forwarded",
    "slow_down": "503 SlowDown, not forwarded",
    "delay": "forwarded late",
    "drop": "the connection ends, not forwarded",
    "lose": "forwarded, and the connection ends before the reply",
    "cut": "forwarded, and the connection ends in the middle of the reply's body, if it has one",
}
REFUSALS = {
    "error": (HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError"),
    "slow_down": (HTTPStatus.SERVICE_UNAVAILABLE, "SlowDown"),
}

Headers = dict[str, str]
Answer = tuple[int, bytes]  # status and body


def everything(_method: str, _path: str) -> bool:
    return True


def unchanged(_method: str, _path: str, headers: Headers) -> Headers | Answer:
    return headers


def as_it_came(head: bytes) -> bytes:
    return head


class FaultProxy:
    """`with FaultProxy(server, seed, {"lose": 0.1}) as proxy:` has it at `proxy.url`, one of ten replies gets lost.

    `rates` are chances per request, `only` says which requests (method, path) are in danger. Before that `rewrite`
    may change a request's headers, or answer in the server's place; `reword` may change the head of a reply.
    With a certificate (a PEM file with its key) the proxy speaks TLS. `counts` has what really happened, by the names
    of FAULTS, and "forwarded", "rewritten" and "answered". Set `on` to False, and all goes through.
    """

    def __init__(
        self,
        upstream: str,
        seed: int,
        rates: dict[str, float],
        *,
        only: Callable[[str, str], bool] = everything,
        rewrite: Callable[[str, str, Headers], Headers | Answer] = unchanged,
        reword: Callable[[bytes], bytes] = as_it_came,
        certificate: Path | None = None,
        delay: float = 0.2,  # seconds
    ) -> None:
        if unknown := rates.keys() - FAULTS:
            raise ValueError(f"no faults are called {sorted(unknown)}; there are {sorted(FAULTS)}")
        self.upstream, self.rates, self.only, self.rewrite, self.delay = upstream, rates, only, rewrite, delay
        self.reword, self.on = reword, True
        self.counts: Counter[str] = Counter()
        self._random, self._lock = random.Random(seed), threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def draw(self, method: str, path: str) -> tuple[str, bool]:
        """What befalls the next request, "" for nothing, and whether a connection that ends does so by a reset."""
        if not (self.on and self.only(method, path)):
            return "", False
        with self._lock:
            rest = 1 - sum(self.rates.values())
            (fault,) = self._random.choices([*self.rates, ""], [*self.rates.values(), rest])
            return fault, self._random.random() < 0.5

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # many clients at once; of more than the usual 5 the rest waits a second


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, HTTPException):  # the client was killed, or the server is away
            self.close_connection = True

    def serve(self) -> None:
        body, headers = self.body(), dict(self.headers.items())
        rewritten = self.proxy.rewrite(self.command, self.path, headers)
        if isinstance(rewritten, tuple):
            self.answer("answered", *rewritten)
            return
        if rewritten != headers:
            self.proxy.count("rewritten")
        fault, reset = self.proxy.draw(self.command, self.path)
        if fault in REFUSALS:
            status, code = REFUSALS[fault]
            self.answer(fault, status, f"<Error><Code>{code}</Code><Message>{FAULTS[fault]}</Message></Error>".encode())
        elif fault == "drop":
            self.hang_up(fault, reset)
        else:
            self.forward(fault, reset, rewritten, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve  # noqa: N815 - the names that http.server calls

    def body(self) -> bytes:
        """The request's; it goes on in one piece, also where it came in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        del self.headers["Transfer-Encoding"]
        self.headers["Content-Length"] = str(sum(map(len, pieces)))
        return b"".join(pieces)

    def forward(self, fault: str, reset: bool, headers: Headers, body: bytes) -> None:
        if fault == "delay":
            self.proxy.count(fault)
            time.sleep(self.proxy.delay)
        head, content = self.reply_to(headers, body)
        self.proxy.count("forwarded")
        if fault == "cut" and content:
            self.wfile.write(head + content[: len(content) // 2])
            self.hang_up(fault, reset)
        elif fault == "lose":
            self.hang_up(fault, reset)
        else:
            self.wfile.write(head + content)  # at once: a second small packet waits until the first is acknowledged

    def reply_to(self, headers: Headers, body: bytes) -> tuple[bytes, bytes]:
        """The server's reply, head and body. It gets every header as it came, Host too: the signature covers it."""
        upstream = urlsplit(self.proxy.upstream)
        assert upstream.hostname
        with closing(HTTPConnection(upstream.hostname, upstream.port, timeout=300)) as connection:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            reply = connection.getresponse()
            content = reply.read()
            if reply.chunked:
                del reply.headers["Transfer-Encoding"]
                reply.headers["Content-Length"] = str(len(content))
            lines = [f"HTTP/1.1 {reply.status} {reply.reason}", *map(": ".join, reply.getheaders()), "", ""]
            return self.proxy.reword("\r\n".join(lines).encode("latin-1")), content

    def answer(self, why: str, status: int, content: bytes) -> None:
        self.proxy.count(why)
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Length: {len(content)}\r\n"
        head += "Content-Type: application/xml\r\n\r\n"
        self.wfile.write(head.encode() + (b"" if self.command == "HEAD" else content))

    def hang_up(self, fault: str, reset: bool) -> None:
        self.proxy.count(fault)
        self.close_connection = True
        if reset:  # RST in place of FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())

    def log_message(self, *_: Any) -> None:
        """Nothing; `counts` tells."""
