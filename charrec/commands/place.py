"""The options that say where a store is, with the environment's values as defaults; and where copies of it lie."""

import argparse
import os
from pathlib import Path

from charrec.paths import at_home
from charrec.study import Runtime


def add_store(parser: argparse.ArgumentParser) -> None:
    store = os.environ.get("CHARREC_STORE") or Runtime().store
    parser.add_argument("--store", default=store, help="a folder, or s3://bucket/prefix; CHARREC_STORE, else results")


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    endpoint = os.environ.get("CHARREC_ENDPOINT") or None
    parser.add_argument("--endpoint", default=endpoint, help="URL of an S3-compatible server; CHARREC_ENDPOINT")


def cache() -> Path:
    """The folder of local copies, which a study on this machine shares: CHARREC_CACHE, else .cache."""
    named = os.environ.get("CHARREC_CACHE")
    return Path(at_home(named)) if named else Runtime().cache
