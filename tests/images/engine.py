"""A container engine for the tests: podman with runc, its images in a folder of their own."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from resource import RLIMIT_NOFILE, RLIMIT_NPROC, getrlimit
from typing import Any

from infra.local.stack import ROOT

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "charrec" / "images"
PROGRAMS = ("podman", "runc", "iptables", "mmdebstrap")
PACKAGES = (*PROGRAMS, "netavark", "aardvark-dns", "catatonit")  # podman's network, its names, and pods
DOCKERFILE = ROOT / "infra" / "docker" / "Dockerfile"
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def missing() -> str:
    """Why there is no engine here, with the remedy; empty if there is one."""
    if os.geteuid() != 0:
        return "images are built and run by root"
    without = [name for name in PROGRAMS if not shutil.which(name)]
    return f"without {', '.join(without)}: apt-get install --no-install-recommends {' '.join(PACKAGES)}" * bool(without)


class Engine:
    """Podman, configured by two files in `folder`, where its images and containers are too."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        containers, storage = folder / "containers.conf", folder / "storage.conf"
        # runc, since crun refuses the hybrid control groups of some machines; neither systemd nor its journal is there.
        # Not every root may raise the limits that podman would.
        limits = {"nofile": min(getrlimit(RLIMIT_NOFILE)[1], 20_000), "nproc": min(getrlimit(RLIMIT_NPROC)[1], 20_000)}
        ulimits = ", ".join(f'"{name}={most}:{most}"' for name, most in limits.items())
        containers.write_text(
            f'[containers]\ndefault_ulimits = [{ulimits}]\nlog_driver = "k8s-file"\n'
            '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        )
        storage.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n')
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CHARREC_", "PREFECT_"))},
            "CONTAINERS_CONF": str(containers), "CONTAINERS_STORAGE_CONF": str(storage), "BUILDAH_FORMAT": "docker",
        }  # fmt: skip

    def __call__(self, *words: str | Path, **others: Any) -> str:
        """What `podman WORDS` prints. Raises AssertionError with all it said if it fails."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **others}
        ended = subprocess.run(["podman", *words], text=True, env=self.environment, **pipes)
        said = f"podman {' '.join(map(str, words))}\n{ended.stdout[-3000:]}{(ended.stderr or '')[-5000:]}"
        assert ended.returncode == 0, said
        return str(ended.stdout).strip()

    def succeeds(self, *words: str) -> bool:
        return not subprocess.run(["podman", *words], env=self.environment, capture_output=True).returncode

    def has(self, image: str) -> bool:
        return self.succeeds("image", "exists", image)

    def exit_code(self, container: str) -> int:
        return int(self("inspect", "--format={{.State.ExitCode}}", container))

    def size(self, image: str) -> int:
        """Bytes of all of its layers, the base's too."""
        return int(json.loads(self("image", "inspect", image))[0]["Size"])

    def build(self, target: str, tag: str, base: str, context: Path = ROOT, **arguments: str) -> None:
        """As infra/docker/README.md says, but for the base; the network is the machine's."""
        given = {"PYTHON_IMAGE": base, **arguments}
        words = [f"--build-arg={name}={value}" for name, value in given.items()]
        file = context / DOCKERFILE.relative_to(ROOT)
        words += ["--target", target, "-f", str(file), "--ignorefile", f"{file}.dockerignore", "-t", tag]
        self("build", "--network=host", *words, context, timeout=1500)

    def run(self, image: str, *command: str, options: Sequence[str] = (), variables: Mapping[str, str] = {}) -> str:
        """What a container says that may write nowhere but to /tmp, and is removed at its end."""
        set_ = [f"--env={name}={value}" for name, value in variables.items()]
        return self("run", "--rm", "--network=host", *HARDENED, "--tmpfs=/tmp", *set_, *options, image, *command)
