"""The provenance of a result: machine, library versions, commit."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from charrec.errors import InputError
from charrec.machine.hardware import gpu_names
from charrec.results import Machine

PACKAGES = (
    "charrec",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "keras-tuner",
    "numpy",
    "pillow",
    "prefect",
)


@cache
def this_machine() -> Machine:
    """This machine's hardware and library versions."""
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gib=round(pages * page / 2**30, 1),
        gpus=_gpus(),
        system=f"{platform.system()} {platform.release()}",
        versions={"python": platform.python_version(), **_versions()},
    )


@cache
def commit() -> str:
    """The running code's commit, with a + for uncommitted changes; "" if unknown."""
    if built_from := os.environ.get("CHARREC_COMMIT"):
        return built_from
    root = Path(__file__).parents[2]
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        return head + "+" if _git(root, "status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def _gpus() -> tuple[str, ...]:
    """None where they cannot be listed: whoever would use one has been told."""
    try:
        return gpu_names()
    except InputError:
        return ()


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
