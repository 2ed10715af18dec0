"""PostgreSQL's image."""

from pathlib import Path

from tests.images.base import base
from tests.images.engine import CACHE, Engine

FOLDER = Path(__file__).parent


def postgres(engine: Engine) -> None:
    """As compose.yaml beside this file names it."""
    engine("build", "--network=host", f"--build-arg=BASE={base(engine, CACHE)}", "-f", FOLDER / "postgres.Dockerfile",
           "-t", "localhost/charrec-tests/postgres", FOLDER, timeout=600)  # fmt: skip
