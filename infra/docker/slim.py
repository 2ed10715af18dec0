"""`python slim.py MODULE ...`, by the Python of an environment: takes away what no container runs.

That is the packages' own tests and headers, TensorFlow's compiler of headers and TensorBoard's server, Arrow's clients
of networks, the descriptions of all of AWS but S3 and what gives its credentials, and the symbols of TensorFlow's
libraries, 0.2 GB, which only a debugger reads. Then imports the modules, so that the bytecode of what
they need lies there: that of everything would be four times as much.
"""

import shutil
import subprocess
import sys
import sysconfig
from importlib import import_module
from pathlib import Path

UNUSED = (
    "*/**/tests", "*/**/include", "clang", "tensorboard_data_server/bin",
    "pyarrow/libarrow_flight*", "pyarrow/libarrow_python_flight*", "pyarrow/_flight*", "pyarrow/libarrow_s3*",
    "pyarrow/_s3fs*",
)  # fmt: skip
SERVICES = ("s3", "sts", "sso", "sso-oidc", "signin")  # of AWS, as botocore names them
LARGE = 20 << 20  # bytes of a library whose symbols are worth the time


def slim(packages: Path) -> None:
    """`packages`: the site-packages of an environment."""
    unused = [found for pattern in UNUSED for found in packages.glob(pattern)]
    unused += [found for found in packages.glob("botocore/data/*/") if found.name not in SERVICES]
    for found in unused:
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink(missing_ok=True)  # below a folder that is gone
    for library in packages.glob("tensorflow/**/*.so*"):
        if library.stat().st_size > LARGE:
            subprocess.run(["strip", "--strip-unneeded", library], check=True)


if __name__ == "__main__":
    slim(Path(sysconfig.get_path("purelib")))
    for name in sys.argv[1:]:
        import_module(name)
