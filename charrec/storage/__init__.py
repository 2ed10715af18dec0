"""Where everything that lasts lies: a folder or an S3 bucket behind one small interface."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from charrec.errors import InputError
from charrec.paths import at_home
from charrec.storage.disk import DiskError
from charrec.storage.folder import FolderStore
from charrec.storage.interface import Conflict, Corrupt, Entry, NotFound, Store, Unrecorded

__all__ = ["Conflict", "Corrupt", "DiskError", "Entry", "NotFound", "Store", "Unrecorded", "open_store"]


def open_store(url: str, *, endpoint: str | None = None) -> Store:
    """Open `file:results`, `file:///abs/path`, a plain path or `s3://bucket/prefix`; nothing is created yet.

    `endpoint` is for S3 servers other than Amazon's; without it boto3 reads AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL
    or its configuration file. Raises InputError for any other address. Errors never repeat an address as it was
    given: it may hold a password.
    """
    forms = "file:results, file:///absolute/path, a plain path or s3://bucket/prefix"
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that opens or closes no IPv6 address
        raise InputError("a store's address with a single bracket", forms, "Correct it.") from None
    if parts.scheme == "s3":
        from charrec.storage.s3 import S3Store

        return S3Store(url, endpoint)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost") or not parts.path:
        found = f"a store's address of the kind {parts.scheme!r}" if parts.path else "a store's address without a path"
        raise InputError(
            found,
            forms,
            "Write the address in one of these forms; a bucket of another service is s3:// with an endpoint.",
        )
    return FolderStore(Path(at_home(url2pathname(parts.path) if parts.scheme else url)))
