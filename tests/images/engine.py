"""A container engine for the tests: podman with runc, its images in a folder of their own."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local.stack import ROOT

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "charrec" / "images"
PROGRAMS = ("podman", "buildah", "runc", "mmdebstrap")
DOCKERFILE = ROOT / "infra" / "docker" / "Dockerfile"
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def missing() -> str:
    """Why there is no engine here, with the remedy; empty if there is one."""
    if os.geteuid() != 0:
        return "images are built and run by root"
    without = [name for name in PROGRAMS if not shutil.which(name)]
    return f"without {', '.join(without)}: apt-get install --no-install-recommends {' '.join(PROGRAMS)}" * bool(without)


class Engine:
    """Podman, configured by two files in `folder`, where its images and containers are too."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        containers, storage = folder / "containers.conf", folder / "storage.conf"
        # runc, since crun refuses the hybrid control groups of some machines; no systemd is needed, nor its journal.
        containers.write_text(
            '[containers]\ndefault_ulimits = ["nofile=20000:20000"]\nlog_driver = "k8s-file"\n'
            '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        )
        storage.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n')
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CHARREC_", "PREFECT_"))},
            "CONTAINERS_CONF": str(containers), "CONTAINERS_STORAGE_CONF": str(storage), "BUILDAH_FORMAT": "docker",
        }  # fmt: skip

    def __call__(self, *words: str | Path, **others: Any) -> str:
        """What `podman WORDS` prints. Raises AssertionError with all it said if it fails."""
        asked = {"stdin": subprocess.DEVNULL, "text": True, "capture_output": True, "env": self.environment, **others}
        ended = subprocess.run(["podman", *words], **asked)
        assert ended.returncode == 0, f"podman {' '.join(map(str, words))}\n{ended.stdout[-3000:]}{ended.stderr[-5000:]}"
        return str(ended.stdout).strip()

    def has(self, image: str) -> bool:
        return subprocess.run(["podman", "image", "exists", image], env=self.environment).returncode == 0

    def size(self, image: str) -> int:
        """Bytes of all of its layers, the base's too."""
        return int(json.loads(self("image", "inspect", image))[0]["Size"])

    def build(self, target: str, tag: str, base: str, context: Path = ROOT, **arguments: str) -> None:
        """As infra/docker/README.md says, but for the base; the network is the machine's."""
        given = {"PYTHON_IMAGE": base, **arguments}
        words = [f"--build-arg={name}={value}" for name, value in given.items()]
        self("build", "--network=host", "-f", context / DOCKERFILE.relative_to(ROOT), "--target", target, *words,
             "--ignorefile", f"{context / DOCKERFILE.relative_to(ROOT)}.dockerignore", "-t", tag, context, timeout=1500)  # fmt: skip

    def run(self, image: str, *command: str, options: Sequence[str] = (), variables: Mapping[str, str] = {}) -> str:
        """What a container says that may write nowhere but to /tmp, and is removed at its end."""
        set_ = [f"--env={name}={value}" for name, value in variables.items()]
        return self("run", "--rm", "--network=host", *HARDENED, "--tmpfs=/tmp", *set_, *options, image, *command)
