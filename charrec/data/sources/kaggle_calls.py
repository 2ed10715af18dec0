"""Calls to Kaggle: credentials, retries under a deadline, an explanation for every refusal."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from charrec.data.sources.kaggle_credentials import CREDENTIALS, OFFLINE, credentials_found
from charrec.errors import InputError
from charrec.storage.backoff import waits

logger = logging.getLogger(__name__)

CHILD = Path(__file__).with_name("kaggle_child.py")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
# What the child says of requests that could not even be sent.
UNUSABLE_ADDRESS = (
    "InvalidProxyURL", "InvalidSchema", "InvalidURL", "LocationParseError", "MissingSchema", "ProxySchemeUnknown",
    "ProxySchemeUnsupported", "URLSchemeUnknown",
)  # fmt: skip
UNUSABLE_CREDENTIALS = ("InvalidHeader", "UnicodeEncodeError")
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
        problem = ""
        pauses = [*waits(2.0, 2.0**self.attempts, tries=self.attempts, draw=lambda _shortest, longest: longest), None]
        for attempt, pause in enumerate(pauses, 2):
            answer = self._run(dataset, version, *folder)
            if "version" in answer:
                return answer
            problem = _problem(answer, dataset, version, self.environ)
            if pause is not None:
                self._wait(answer.get("retry_after"), pause, attempt, f"{dataset}: {problem}")
        raise ConnectionError(f"{dataset}: {problem}, {self.attempts} times. Try again later, {OFFLINE}.")

    def require_credentials(self, dataset: str) -> None:
        """Raises InputError if there are none; sends and writes nothing."""
        if not credentials_found(self.environ):
            expected = "KAGGLE_API_TOKEN, KAGGLE_USERNAME with KAGGLE_KEY, or kaggle.json"
            raise InputError(f"no Kaggle credentials to download {dataset}", expected, CREDENTIALS)

    def _run(self, dataset: str, version: int | None, *folder: str) -> dict[str, Any]:
        command = [sys.executable, "-P", str(CHILD), dataset, str(version or ""), *folder]
        left = self.give_up_at - self.now()
        try:
            done = subprocess.run(  # its JSON says more than its exit code
                command,
                check=False,
                env=dict(self.environ),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=left,
            )
            answer: dict[str, Any] = json.loads(done.stdout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(
                f"{dataset}: the download was not complete by the deadline. Run it again, {OFFLINE}."
            ) from error
        except ValueError:
            return {"error": f"the client ended with exit code {done.returncode}", "transfer": True}
        return answer

    def _wait(self, retry_after: str | None, pause: float, attempt: int, problem: str) -> None:
        requested = self._retry_seconds(retry_after)
        seconds = pause if requested is None else requested
        if self.now() + seconds >= self.give_up_at:
            raise TimeoutError(
                f"{problem}; {seconds:.0f} s of waiting would pass the deadline. Try again later, {OFFLINE}."
            )
        logger.warning("%s; attempt %d in %.0f s", problem, attempt, seconds)
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


def _problem(answer: Mapping[str, Any], dataset: str, version: int | None, environ: Mapping[str, str]) -> str:
    """A transient failure in words; raises InputError for a permanent one."""
    _hold_usable(answer["error"], environ)
    status, page = answer.get("status"), f"https://www.kaggle.com/datasets/{dataset}"
    wanted = f"version {version} of {dataset}" if version else dataset
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
