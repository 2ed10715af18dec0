"""The official Kaggle client in a process of its own: `python -P kaggle_child.py owner/slug VERSION [FOLDER]`.

Importing the client authenticates over the network, it prints to stdout, ends the process when credentials
are missing and waits for its first answer without a limit. Here none of that reaches the caller, who reads
one JSON object from stdout and may end this process at any time. VERSION is a number, or "" for the current; without a
FOLDER nothing is fetched but its number.
"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any


def fetch(dataset: str, version: str, folder: str = "") -> dict[str, Any]:
    """Archive and metadata into folder/VERSION/; a part that is there already is completed by the client."""
    from kaggle.api.kaggle_api_extended import KaggleApi

    api = KaggleApi()
    api.authenticate()  # once more: the package's own attempt at import hides its errors
    if not version:
        status = api.dataset_status(dataset, format="json(current_version_number)")
        version = str(json.loads(status)["current_version_number"])
    if not folder:
        return {"version": int(version)}
    place = Path(folder, version)
    metadata = json.loads(Path(api.dataset_metadata(dataset, str(place))).read_text())["info"]
    api.dataset_download_files(f"{dataset}/{version}", path=str(place), quiet=True)
    licences = [licence.get("name") or "" for licence in metadata.get("licenses") or []]
    return {"version": int(version), "licence": ", ".join(filter(None, licences))}


def explain(error: BaseException) -> dict[str, Any]:
    """What is safe to tell: never the message, which may hold a signed address."""
    import requests
    import urllib3

    response = getattr(error, "response", None)
    return {
        "error": type(error).__name__,
        "status": getattr(response, "status_code", None),
        "retry_after": response.headers.get("Retry-After") if response is not None else None,
        # The client raises ValueError for a file of another length than announced, or an unreadable answer.
        "transfer": isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError | ValueError),
    }


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer = fetch(*sys.argv[1:])
        except (Exception, SystemExit) as error:  # whatever it is, the caller is told
            answer = explain(error)
    print(json.dumps(answer))
