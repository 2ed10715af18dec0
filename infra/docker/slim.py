"""`python slim.py MODULE ...`, by the Python of an environment: takes away what no container runs.

That is the packages' own tests and headers, TensorFlow's compiler of headers and TensorBoard's server, and the symbols
of TensorFlow's libraries, 0.2 GB, which only a debugger reads. Then imports the modules, so that the bytecode of what
they need lies there: that of everything would be four times as much.
"""

import shutil
import subprocess
import sys
import sysconfig
from importlib import import_module
from pathlib import Path

UNUSED = ("*/**/tests", "*/**/include", "clang", "tensorboard_data_server/bin")  # folders
LARGE = 20 << 20  # bytes of a library whose symbols are worth the time


def slim(packages: Path) -> None:
    """`packages`: the site-packages of an environment."""
    for folder in [found for pattern in UNUSED for found in packages.glob(pattern) if found.is_dir()]:
        if folder.exists():  # not below one that is gone
            shutil.rmtree(folder)
    for library in packages.glob("tensorflow/**/*.so*"):
        if library.stat().st_size > LARGE:
            subprocess.run(["strip", "--strip-unneeded", library], check=True)


if __name__ == "__main__":
    slim(Path(sysconfig.get_path("purelib")))
    for name in sys.argv[1:]:
        import_module(name)
