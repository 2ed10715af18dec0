"""A base for the images, of Debian's packages, where no registry of images is reachable.

`python:3.11-slim-bookworm` is Debian 12 with a Python of its own; this is Debian 12 with Debian's.
"""

import hashlib
import os
import subprocess
from pathlib import Path

from tests.images.engine import Engine

IMAGE = "localhost/charrec-tests/base"
PACKAGES = "python3,python3-venv,ca-certificates,netbase,passwd,tzdata"  # and what the real one has beside Python
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")  # the machine's, which may be more than Debian's


def base(engine: Engine, cache: Path) -> str:
    """Its name; made in a minute and a half where it is missing, from a tarball in `cache` where that is there."""
    image = f"{IMAGE}:{hashlib.sha256(PACKAGES.encode()).hexdigest()[:8]}"
    if not engine.has(image):
        tarball = cache / f"{image.split(':')[1]}.tar"
        if not tarball.exists():
            _bootstrap(tarball)
        variables = [
            f"--change=ENV {name}={CERTIFICATES}" for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
        ]
        engine(
            "import",
            *variables,
            "--change=ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            tarball,
            image,
        )
    return image


def _bootstrap(tarball: Path) -> None:
    half = tarball.with_name(f"half-{os.getpid()}.tar")
    hook = f'mkdir -p "$1/etc/ssl/certs" && cp {CERTIFICATES} "$1{CERTIFICATES}"'
    words = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", f"--customize-hook={hook}"]
    try:
        subprocess.run([*words, "bookworm", half], check=True, stdin=subprocess.DEVNULL, timeout=900)
        half.replace(tarball)
    finally:
        half.unlink(missing_ok=True)
