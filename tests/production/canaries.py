"""A random word in every variable that holds a credential, and servers that refuse what they are sent."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.data.sources.kaggle.server import KEY, SIGNATURE, Kaggle, serve

DATASET = "owner/fonts"  # the stand-in has it, and refuses to hand it out

# What charrec, boto3, the Kaggle client and Prefect log in with; the names are theirs.
SECRETS = (
    "KAGGLE_API_TOKEN", "KAGGLE_KEY", "KAGGLE_IAP_TOKEN", "KAGGLE_DATA_PROXY_TOKEN",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_DATABASE_PASSWORD",
)  # fmt: skip


@dataclass(frozen=True)
class Canaries:
    """What is planted, and where it is lured out."""

    words: dict[str, str]  # what it stands for -> the random word
    environment: dict[str, str]
    kaggle: Kaggle
    s3: "Refusing"
    webhook: "Refusing"
    said: list[bytes] = field(default_factory=list)  # by what was called with the environment

    def found(self, where: bytes) -> list[str]:
        """Whose canary sits there, as it is or in base64, as HTTP's Basic has it."""
        return sorted({name for name, word in self.words.items() for shape in shapes(word) if shape in where})


def shapes(word: str) -> list[bytes]:
    """The word, and its base64 wherever it stands in a longer text."""
    plain = word.encode()
    coded = [base64.b64encode(b"-" * shift + plain)[4 if shift else 0 : -4] for shift in range(3)]
    return [plain, *coded]


@dataclass
class Refusing:
    """A server that answers everything with a refusal; `repeats` has all headers of the request stand in it."""

    status: int
    repeats: bool
    port: int = 0
    heard: list[bytes] = field(default_factory=list)  # path and headers of each request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def planted() -> Iterator[Canaries]:
    words = {name: f"canary{secrets.token_hex(12)}" for name in (*SECRETS, "database URL", "proxy", "webhook")}
    kaggle = Kaggle({f"{DATASET}/1": b"never handed out"}, refusals=[(401, {})] * 1000)
    with serve(kaggle), refusing(403, repeats=True) as s3, refusing(500, repeats=False) as webhook:
        proxy = f"http://somebody:{words['proxy']}@127.0.0.1:{kaggle.port}"  # is Kaggle; 127.0.0.1 goes past it
        environment = {
            **{name: words[name] for name in SECRETS},
            **dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"), proxy),
            **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1"),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url(words["database URL"]),
            "CHARREC_NOTIFY_URL": f"{webhook.url}/{words['webhook']}",
            "KAGGLE_USERNAME": "somebody",
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        }
        yield Canaries(words | {"Kaggle's answer": KEY, "signed address": SIGNATURE}, environment, kaggle, s3, webhook)


def database_url(password: str) -> str:
    """Of a server that is not there."""
    return f"postgresql+asyncpg://prefect:{password}@127.0.0.1:9/prefect"


@contextmanager
def refusing(status: int, repeats: bool) -> Iterator[Refusing]:
    made = Refusing(status, repeats)

    class Handler(BaseHTTPRequestHandler):
        def __getattr__(self, name: str) -> object:
            if name.startswith("do_"):  # whatever the method
                return self.answer
            raise AttributeError(name)

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told = f"{self.path}\n{self.headers}".encode()
            made.heard.append(told)
            said = told if repeats else b"no more"
            code = b"<Code>SignatureDoesNotMatch</Code><Message>refused: " + said + b"</Message>"
            body = b"<Error>" + code + b"</Error>"
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()
