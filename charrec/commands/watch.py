"""`charrec report --watch STORE`: the report of a study that runs, served to this machine; the store is only read."""

import hashlib
import json
import mimetypes
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from charrec.commands.place import cache
from charrec.commands.rebuild import write
from charrec.commands.standing import standing
from charrec.commands.terminal import complain
from charrec.commands.unfinished import WORKERS
from charrec.data.sources.damage import scratch
from charrec.errors import InputError
from charrec.report.language import Language
from charrec.report.stored import PAGE
from charrec.report.templates import content
from charrec.storage import NotFound, Store

LOOPBACK = "127.0.0.1"
POLL = 5  # seconds between two questions of an open page
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}


class Live:
    """The report's files as of the last change of the store that somebody looked for."""

    def __init__(self, store: Store, first: Language = "en") -> None:
        self.store, self.first = store, first
        self._one_at_a_time = threading.Lock()
        self._state = _state(store)
        self.version, self.files = _made(store, first)

    def look(self) -> None:
        """Where the store has changed, make the files anew, and let the former ones be served meanwhile."""
        if self._one_at_a_time.acquire(blocking=False):
            threading.Thread(target=self._renew, daemon=True).start()

    def _renew(self) -> None:
        try:
            if (state := _state(self.store)) != self._state:
                version, files = _made(self.store, self.first)
                self.version, self.files, self._state = version, files, state
        except (InputError, NotFound, OSError) as error:  # it may just be changing, or be away for a while
            complain(f"the page stays as it is: {error}", "note")
        finally:
            self._one_at_a_time.release()


def show(store: Store, port: int, first: Language = "en") -> None:
    """Serve until Ctrl-C, and print where. Raises InputError where no study has begun, or for a port that is taken."""
    live = Live(store, first)
    with _server(live, port) as server:
        print(f"http://{LOOPBACK}:{server.server_port}/ shows {store.url} until Ctrl-C", flush=True)
        server.serve_forever()


def _server(live: Live, port: int) -> ThreadingHTTPServer:
    class Handler(_Handler):
        pages = live

    try:
        return ThreadingHTTPServer((LOOPBACK, port), Handler)
    except OSError as error:
        raise InputError(
            f"port {port} cannot be used ({error.strerror})", "a free one", "Choose another --port, or none."
        ) from None


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of the report's files and of their version, and nothing else."""

    pages: Live
    server_version, sys_version = "charrec", ""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, body: bool) -> None:
        if not self._from_here():
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)  # another site's name for this machine
            return
        name = self.path.partition("?")[0].removeprefix("/") or PAGE
        self.pages.look()
        content = self.pages.version.encode() if name == "version" else self.pages.files.get(name)
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind = "text/plain" if name == "version" else mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        self.send_header("Content-Length", str(len(content)))
        for header, value in HEADERS.items():
            self.send_header(header, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _from_here(self) -> bool:
        return self.headers.get("Host", "").partition(":")[0] in (LOOPBACK, "localhost")

    def log_message(self, format: str, *arguments: object) -> None:
        """Only what fails is told, by the page."""


def _state(store: Store) -> str:
    """What changes with every object, but for workers' signs of life."""
    listed = [(e.key, e.size, e.modified.isoformat()) for e in store.list() if WORKERS not in e.key]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def _made(store: Store, first: Language) -> tuple[str, dict[str, bytes]]:
    """The report's files by name, and a version that changes with its page."""
    with scratch("the report's files"), TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(standing(store, cache()), folder, first)
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    version = hashlib.sha256(files[PAGE]).hexdigest()[:16]
    head, end, tail = files[PAGE].decode().rpartition("</body>")
    script = f'<script data-version="{version}" data-milliseconds="{1000 * POLL}">\n{content("live.js")}</script>\n'
    files[PAGE] = (head + script + end + tail).encode()
    return version, files
