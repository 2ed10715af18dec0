"""`make install` on the desks that people have."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WHEEL = "uv-1.0-py3-none-any.whl"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The Makefile, and a lock file that asks for a uv that lies beside it."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        program = zipfile.ZipInfo("uv-1.0.data/scripts/uv")
        program.external_attr = 0o100755 << 16
        wheel.writestr(program, "#!python\nprint('the locked uv')\n")
        wheel.writestr("uv-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 1.0\n")
        wheel.writestr("uv-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("uv-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()
    (folder / "requirements.lock").write_text(
        f"six==1.0 \\\n    --hash=sha256:0\nuv==1.0 \\\n    --hash=sha256:{digest}\n"
    )
    return folder


def test_pips_own_settings_do_not_move_what_is_installed(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        f"[global]\nuser = true\nrequire-virtualenv = true\n[install]\ntarget = {tmp_path}/x\n"
    )
    elsewhere = {f"PIP_{word}": str(tmp_path / word.lower()) for word in ("TARGET", "PREFIX", "ROOT")}
    own = {
        "PIP_USER": "1",
        "PIP_DRY_RUN": "1",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_CONFIG_FILE": f"{tmp_path}/pip.conf",
    }
    mirror = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "."}
    subprocess.run(
        ["make", "UV=.tools/bin/uv", f"PYTHON={sys.executable}", ".tools/bin/uv"],
        cwd=clone, env=os.environ | elsewhere | own | mirror, check=True,
    )  # fmt: skip
    said = subprocess.run(
        [clone / ".tools/bin/python", clone / ".tools/bin/uv"], capture_output=True, text=True, check=True
    )
    assert said.stdout == "the locked uv\n"
    assert {path.name for path in tmp_path.iterdir()} == {"a clone", "pip.conf"}


@pytest.mark.parametrize(
    ("environment", "index"),
    [
        ({}, ""),
        ({"PIP_INDEX_URL": "https://mirror/simple"}, "https://mirror/simple"),
        ({"PIP_INDEX_URL": "https://mirror/simple", "UV_DEFAULT_INDEX": "https://own/simple"}, "https://own/simple"),
    ],
)
def test_the_mirror_that_is_set_for_pip_is_uvs_too(environment: dict[str, str], index: str, clone: Path) -> None:
    (clone / "Makefile").write_text((clone / "Makefile").read_text() + '\nindex:\n\t@echo "$$UV_DEFAULT_INDEX"\n')
    others = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    said = subprocess.run(
        ["make", "--silent", "index"], cwd=clone, env=others | environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == index


@pytest.mark.parametrize(
    ("installed", "arguments", "lock"),
    [
        (None, [], "requirements.lock"),
        ("requirements.lock", [], "requirements.lock"),
        ("requirements-gpu.lock", [], "infra/requirements-gpu.lock"),
        ("requirements-gpu.lock", ["LOCK=requirements.lock"], "requirements.lock"),
    ],
)
def test_the_packages_for_a_gpu_stay_until_others_are_named(
    installed: str | None, arguments: list[str], lock: str, clone: Path
) -> None:
    """`make install LOCK=infra/requirements-gpu.lock`, then `make study` without it."""
    (clone / "Makefile").write_text((clone / "Makefile").read_text() + "\nchosen:\n\t@echo $(LOCK)\n")
    if installed:
        (clone / ".venv").mkdir()
        (clone / ".venv" / f"installed-{installed}").touch()
    others = {name: value for name, value in os.environ.items() if name != "LOCK"}
    said = subprocess.run(
        ["make", "--silent", "chosen", *arguments], cwd=clone, env=others, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == lock


def test_every_text_has_the_line_ends_of_unix_whatever_git_is_set_to() -> None:
    listed = subprocess.run(["git", "ls-files", "--eol"], cwd=ROOT, capture_output=True, text=True, check=True)
    kinds = {tuple(line.split()[:1] + line.split()[2:4]) for line in listed.stdout.splitlines()}
    assert {stored for stored, *_ in kinds} <= {"i/lf", "i/-text", "i/none"}
    assert all("eol=lf" in line for line in listed.stdout.splitlines())
