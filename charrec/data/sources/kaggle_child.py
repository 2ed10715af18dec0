"""The official Kaggle client in a process of its own: `python -P kaggle_child.py owner/slug VERSION [FOLDER]`.

Kaggle's client authenticates over the network at import, prints to stdout, exits if credentials are missing and waits
for its first answer without a timeout. A child process isolates the caller, which reads one JSON object from stdout
and may kill it at any time. VERSION is a number, or "" for the current one; without FOLDER, the child only looks up
the version number.
"""

import contextlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def fetch(dataset: str, version: str, folder: str = "") -> dict[str, Any]:
    """Archive and metadata into folder/VERSION/; the client resumes a partial download.

    It ends at the first failure: the client's own tries go to a link that may have expired, and to a full disk.
    """
    from kaggle.api.kaggle_api_extended import KaggleApi

    _raise_refusals()
    api = KaggleApi()
    api.download_file = partial(api.download_file, max_retries=0)
    api.authenticate()  # again, because the package hides errors of its attempt at import
    if not version:
        status = api.dataset_status(dataset, format="json(current_version_number)")
        version = str(json.loads(status)["current_version_number"])
    if not folder:
        return {"version": int(version)}
    target = Path(folder, version)
    metadata = json.loads(Path(api.dataset_metadata(dataset, str(target))).read_text())["info"]
    api.dataset_download_files(f"{dataset}/{version}", path=str(target), quiet=True)
    licences = [licence.get("name") or "" for licence in metadata.get("licenses") or []]
    return {"version": int(version), "licence": ", ".join(filter(None, licences))}


def _raise_refusals() -> None:
    """The client takes whatever a request for the rest of an archive answers for the archive, an error's page too."""
    import requests

    asked = requests.request

    def request(*args: Any, **options: Any) -> requests.Response:
        response = asked(*args, **options)
        if response.status_code != requests.codes.requested_range_not_satisfiable:  # the client begins anew
            response.raise_for_status()
        return response

    requests.request = request


def explain(error: BaseException) -> dict[str, Any]:
    """What is safe to print: not the message, which may contain a signed URL."""
    import requests
    import urllib3

    response = getattr(error, "response", None)
    return {
        "error": _kind(error),
        "errno": error.errno if isinstance(error, OSError) and response is None else None,
        "status": getattr(response, "status_code", None),
        "elsewhere": _elsewhere(response),
        "retry_after": response.headers.get("Retry-After") if response is not None else None,
        # The client raises ValueError for a file of the wrong length or an unreadable answer.
        "transfer": isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError | ValueError),
    }


def _elsewhere(response: Any) -> bool:
    """Whether the answer is not the API's own but that of the storage which it led to."""
    from kagglesdk.kaggle_env import get_endpoint, get_env

    kaggles = ("kaggle.com", str(urlsplit(get_endpoint(get_env())).hostname))
    return response is not None and not str(urlsplit(response.url).hostname).endswith(kaggles)


def _kind(error: BaseException) -> str:
    """A word for what went wrong: kinds that differ in their messages alone, else the error's type."""
    if isinstance(error, json.JSONDecodeError):
        return "page" if error.doc.lstrip().startswith("<") else "no JSON"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "certificate"
    if isinstance(error, OSError) and "CA certificate bundle" in str(error):
        return "bundle"
    return type(error).__name__


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer = fetch(*sys.argv[1:])
        except (Exception, SystemExit) as error:  # the caller needs an answer whatever happens
            answer = explain(error)
    print(json.dumps(answer))
