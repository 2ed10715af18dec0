"""A Kaggle server on loopback, speaking Kaggle's protocol; the real, unpatched client reaches it as its proxy."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

USERNAME, KEY = "somebody", "0123456789abcdef-not-to-be-seen"
SIGNATURE = "signature-not-to-be-seen"
TOKEN = "KGAT_token-not-to-be-seen"
API = re.compile(r"http://localhost/api/v1/\w+\.\w+/")
BUCKET = "http://bucket.test/"
PAGE = b"<!doctype html><title>Please log in</title>"
EXPIRED = b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code></Error>"


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


@dataclass(frozen=True)
class Request:
    method: str
    name: str  # the API's method, or the object in the bucket
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Kaggle:
    """The server's archives, its planned failures and the requests it received."""

    archives: dict[str, bytes]  # "owner/slug/VERSION" -> zip
    licences: list[str] = field(default_factory=lambda: ["CC0-1.0", "other"])
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # for the next download requests
    cuts: list[int | None] = field(default_factory=list)  # bytes after which the next transfers are cut off; None: not
    instead: list[bytes] = field(default_factory=list)  # content of the next transfers, regardless of the request
    expired: list[int] = field(default_factory=list)  # what the next requests to the bucket are refused with; 0: not
    pages: list[str] = field(default_factory=list)  # what the next requests to the API get instead: "page" or "loop"
    held: threading.Event | None = None  # transfers stop in the middle until it is set
    silent: bool = False  # accept requests and never answer
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    def environ(self, home: Path, **more: str) -> dict[str, str]:
        """Environment variables that point the client here, with made-up credentials."""
        proxy = f"http://127.0.0.1:{self.port}"
        proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"), proxy)
        credentials = {"KAGGLE_USERNAME": USERNAME, "KAGGLE_KEY": KEY, "KAGGLE_API_ENVIRONMENT": "LOCALHOST"}
        return {"HOME": str(home), "KAGGLE_CONFIG_DIR": str(home), "NO_PROXY": "", **proxies, **credentials, **more}

    def asked(self, name: str) -> list[Request]:
        return [request for request in self.requests if request.name == name]

    def current(self, dataset: str) -> int:
        return max((int(n.rsplit("/", 1)[1]) for n in self.archives if n.startswith(dataset + "/")), default=0)


@contextmanager
def serve(kaggle: Kaggle) -> Iterator[Kaggle]:
    handler = type("KaggleHandler", (_Handler,), {"kaggle": kaggle, "stopping": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    kaggle.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kaggle
    finally:
        handler.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kaggle: Kaggle
    stopping: threading.Event

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client does not read every answer to its end
            super().handle()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        name = API.sub("", self.path)
        self._note(name, body)
        if self.kaggle.silent:
            self.stopping.wait(300)
            return
        if self.kaggle.pages:
            what = self.kaggle.pages.pop(0)
            location = {"Location": self.path} if what == "loop" else {}
            self._send(302 if location else 200, PAGE, {"Content-Type": "text/html"} | location)
            return
        dataset = f"{body.get('ownerSlug')}/{body.get('datasetSlug')}"
        current = self.kaggle.current(dataset)
        if name == "IntrospectToken":
            self._answer({"active": body.get("token") == TOKEN, "username": USERNAME})
        elif "Authorization" not in self.headers:
            self._refuse(401)
        elif name == "DownloadDataset" and self.kaggle.refusals:
            self._refuse(*self.kaggle.refusals.pop(0))
        elif not current:
            self._refuse(404)
        elif name == "GetDataset":
            self._answer({"ref": dataset, "currentVersionNumber": current})
        elif name == "GetDatasetMetadata":
            self._answer({"info": {"licenses": [{"name": licence} for licence in self.kaggle.licences]}})
        elif name == "DownloadDataset":
            wanted = f"{dataset}/{body.get('datasetVersionNumber') or current}"
            if wanted in self.kaggle.archives:
                self._send(302, b"", {"Location": f"{BUCKET}{wanted}/archive.zip?X-Goog-Signature={SIGNATURE}"})
            else:
                self._refuse(404)

    def do_GET(self) -> None:
        if not self.path.startswith(BUCKET):
            self._send(302, PAGE, {"Location": self.path})  # a redirected POST comes as a GET
            return
        name = self.path.removeprefix(BUCKET).split("/archive.zip?")[0]
        self._note("bucket", {"object": name})
        if self.kaggle.expired and (status := self.kaggle.expired.pop(0)):
            self._send(status, EXPIRED, {"Content-Type": "application/xml"})
            return
        content = self.kaggle.instead.pop(0) if self.kaggle.instead else self.kaggle.archives[name]
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": etag(content),
            "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT",
        }
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start, status = 0, 200
        if span and self.headers.get("If-Range") in (None, headers["ETag"]):
            start, status = int(span[1]), 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.kaggle.cuts.pop(0) if self.kaggle.cuts else None
        self._send(status, content[start:], headers, cut)

    def do_CONNECT(self) -> None:
        self._send(403, b"", {})  # no access to the outside

    def _note(self, name: str, body: dict[str, Any]) -> None:
        self.kaggle.requests.append(Request(self.command, name, body, dict(self.headers)))

    def _answer(self, content: dict[str, Any]) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, headers: dict[str, str] | None = None) -> None:
        content = json.dumps({"code": status, "message": f"refused for {KEY}"}).encode()
        self._send(status, content, {"Content-Type": "application/json"} | (headers or {}))

    def _send(self, status: int, content: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.kaggle.held and len(content) > 1 << 20:
            half, content = content[: len(content) // 2], content[len(content) // 2 :]
            self.wfile.write(half)
            self.kaggle.held.wait(300)
        self.wfile.write(content[:cut])
        if cut is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""
