"""Calls to Kaggle: credentials, retries under a deadline, an explanation for every refusal."""

import errno
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from charrec.data.sources.kaggle_credentials import CREDENTIALS, OFFLINE, credentials_found
from charrec.errors import InputError
from charrec.storage.disk import FORBIDDEN, FULL, LIMITED, explained

logger = logging.getLogger(__name__)

CHILD = Path(__file__).with_name("kaggle_child.py")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
# What the child says of requests that could not even be sent.
UNUSABLE_ADDRESS = (
    "InvalidProxyURL", "InvalidSchema", "InvalidURL", "LocationParseError", "MissingSchema", "ProxySchemeUnknown",
    "ProxySchemeUnsupported", "URLSchemeUnknown",
)  # fmt: skip
UNUSABLE_CREDENTIALS = ("InvalidHeader", "UnicodeEncodeError")
WORDS = {
    "page": "a web page came in place of an answer of Kaggle's: a proxy or a login stands between, or Kaggle is closed",
    "no JSON": "an answer came that is not Kaggle's (no JSON)",
    "TooManyRedirects": "the answer leads round in circles: a proxy or a login stands between, or Kaggle is closed",
}
NOTE = ".kaggle-partial"  # what the client keeps beside an unfinished archive
CERTIFICATE, BUNDLE = "certificate", "bundle"


@dataclass(frozen=True)
class Fetched:
    version: int
    licence: str


@dataclass(frozen=True)
class Client:
    """Kaggle's client with bounded attempts, a deadline, and a remedy for every refusal."""

    environ: Mapping[str, str]
    give_up_at: float  # on the clock `now`
    attempts: int
    sleep: Callable[[float], None]
    now: Callable[[], float]  # seconds since 1970
    pace: float = 10.0  # seconds between two lines about a transfer's progress

    def fetch(self, dataset: str, version: int | None, folder: Path) -> Fetched:
        """Downloads the archive to folder/VERSION/slug.zip.

        Raises InputError for a refusal, TimeoutError at the deadline, ConnectionError after the last attempt.
        """
        return Fetched(**self._call(dataset, version, str(folder)))

    def current(self, dataset: str) -> int:
        """Kaggle's current version number; raises like `fetch`."""
        version: int = self._call(dataset, None)["version"]
        return version

    def _call(self, dataset: str, version: int | None, *folder: str) -> dict[str, Any]:
        failures = 0  # in a row, with no byte more of the archive
        while True:
            before = _size(*folder)
            answer = self._run(dataset, version, *folder)
            if "version" in answer:
                return answer
            problem = _problem(answer, dataset, version, self.environ)
            _hold_writable(answer.get("errno"), *folder)
            failures = 0 if _size(*folder) > before else failures + 1
            if failures == self.attempts:
                raise ConnectionError(f"{dataset}: {problem}, {self.attempts} times. Try again later, {OFFLINE}.")
            self._wait(answer.get("retry_after"), 2.0 ** max(failures, 1), f"{dataset}: {problem}")

    def require_credentials(self, dataset: str) -> None:
        """Raises InputError if there are none; sends and writes nothing."""
        if not credentials_found(self.environ):
            expected = "KAGGLE_API_TOKEN, KAGGLE_USERNAME with KAGGLE_KEY, or kaggle.json"
            raise InputError(f"no Kaggle credentials to download {dataset}", expected, CREDENTIALS)

    def _run(self, dataset: str, version: int | None, *folder: str) -> dict[str, Any]:
        command = [sys.executable, "-P", str(CHILD), dataset, str(version or ""), *folder]
        deadline = time.monotonic() + self.give_up_at - self.now()
        with subprocess.Popen(
            command, env=dict(self.environ), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as child:  # its JSON says more than its exit code
            try:
                said = self._said(child, deadline, dataset, *folder)
            except BaseException:
                child.kill()
                raise
        try:
            answer: dict[str, Any] = json.loads(said)
        except ValueError:
            return {"error": f"the client ended with exit code {child.returncode}", "transfer": True}
        return answer

    def _said(self, child: subprocess.Popen[bytes], deadline: float, dataset: str, *folder: str) -> bytes:
        """What the child says at its end. Logs now and then how much of the archive there is."""
        shown = _size(*folder)
        while (left := deadline - time.monotonic()) > 0:
            try:
                return child.communicate(timeout=min(left, self.pace))[0]
            except subprocess.TimeoutExpired:
                if (size := _size(*folder)) > shown:
                    shown = size
                    logger.info("%s: %s", dataset, _progress(*folder))
        raise TimeoutError(f"{dataset}: the download was not complete by the deadline. Run it again, {OFFLINE}.")

    def _wait(self, retry_after: str | None, pause: float, problem: str) -> None:
        requested = self._retry_seconds(retry_after)
        seconds = pause if requested is None else requested
        if self.now() + seconds >= self.give_up_at:
            raise TimeoutError(
                f"{problem}; {seconds:.0f} s of waiting would pass the deadline. Try again later, {OFFLINE}."
            )
        logger.warning("%s; another attempt in %.0f s", problem, seconds)
        self.sleep(seconds)

    def _retry_seconds(self, retry_after: str | None) -> float | None:
        """Seconds from a Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3)."""
        if retry_after is None:
            return None
        try:
            return max(0.0, float(int(retry_after)))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(retry_after).replace(tzinfo=UTC).timestamp() - self.now())
        except ValueError:
            return None


def _archives(folder: str) -> list[Path]:
    """The archive that is being fetched, and whatever an earlier version left."""
    return [path for path in Path(folder).glob("*/*.zip") if path.is_file()]


def _size(*folder: str) -> int:
    """Bytes that have been fetched."""
    return sum(path.stat().st_size for each in folder for path in _archives(each))


def _progress(folder: str) -> str:
    """As in "12 of 340 MB"."""
    archive = max(_archives(folder), key=lambda path: path.stat().st_mtime)
    fetched = f"{archive.stat().st_size / 1e6:.0f}"
    with suppress(OSError, ValueError, KeyError, TypeError):  # the client's note, which may just be changing
        whole = json.loads(archive.with_name(f"{archive.name}{NOTE}").read_text())["size"]
        return f"{fetched} of {whole / 1e6:.0f} MB"
    return f"{fetched} MB"


def _hold_writable(number: int | None, *folder: str) -> None:
    """Raises DiskError or InputError where the child could not write; what was fetched stays."""
    if number in (*FULL, *FORBIDDEN, *LIMITED, errno.EIO):
        assert number is not None
        raise explained(Path(*folder), "the cache", OSError(number, os.strerror(number)))


def _problem(answer: Mapping[str, Any], dataset: str, version: int | None, environ: Mapping[str, str]) -> str:
    """A transient failure in words; raises InputError for a permanent one."""
    _hold_usable(answer["error"], environ)
    status, page = answer.get("status"), f"https://www.kaggle.com/datasets/{dataset}"
    wanted = f"version {version} of {dataset}" if version else dataset
    if answer.get("elsewhere") and 400 <= (status or 0) < 500:  # a link is signed for minutes
        return f"the storage that Kaggle's link leads to refuses it (HTTP {status})"
    if answer["error"] in WORDS:
        return WORDS[answer["error"]]
    if status == 401 or answer["error"] == "SystemExit":
        raise InputError(f"Kaggle does not accept the credentials for {dataset}", "valid credentials", CREDENTIALS)
    if status == 403:
        remedy = f"Log in, open {page}, accept its rules if asked, and check the name; {OFFLINE}."
        raise InputError(f"Kaggle refuses {wanted} (HTTP 403)", "a data set that this account may read", remedy)
    if status == 404:
        remedy = f"Check the name and the version at {page}; {OFFLINE}."
        raise InputError(f"Kaggle has no {wanted} (HTTP 404)", "owner/slug or owner/slug/version", remedy)
    if status in (408, 429) or (status or 0) >= 500:
        return f"Kaggle answers HTTP {status}"
    if answer.get("transfer") and (status is None or status < 400):
        return f"no complete answer from Kaggle ({answer['error']})"
    if answer.get("errno"):
        return f"no complete answer from Kaggle ({os.strerror(answer['errno'])})"
    found = f"Kaggle's client failed on {wanted} ({answer['error']}, HTTP {status})"
    raise InputError(found, "a download", f"Check that {page} opens, {OFFLINE}.")


def _hold_usable(error: str, environ: Mapping[str, str]) -> None:
    """Raises InputError where the machine's own settings made the request impossible: another attempt fails as well."""
    if error in UNUSABLE_ADDRESS:  # Kaggle's addresses are fixed, so it is that of a proxy
        names = [name for name in sorted(environ) if name.lower() in PROXIES and environ[name]]
        kinds = ", ".join(
            f"{name} of the kind {environ[name].partition('://')[0]!r}" for name in names if "://" in environ[name]
        )
        raise InputError(
            f"Kaggle cannot be reached through the proxy that is set ({kinds or ', '.join(names) or error})",
            "an address like http://host:port",
            "Correct or unset the variable.",
        )
    if error in UNUSABLE_CREDENTIALS:
        raise InputError("Kaggle's credentials hold a character that no request can carry", "ASCII", CREDENTIALS)
    if error == CERTIFICATE:
        raise InputError(
            "Kaggle's certificate cannot be verified",
            "one that a known authority signed",
            "Behind a proxy that decrypts, name its certificates in REQUESTS_CA_BUNDLE; else check the clock.",
        )
    if error == BUNDLE:
        names = [name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if environ.get(name)]
        raise InputError(
            f"{' or '.join(names) or 'the list of certificates'} names no file",
            "a file of certificates",
            "Correct or unset it.",
        )
