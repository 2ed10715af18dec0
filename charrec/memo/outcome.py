"""A step that was done is not done again: its result lies in the store under its identity, with its provenance."""

import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from charrec.results import Machine
from charrec.storage import Conflict, Store
from charrec.study import Frozen

Value = TypeVar("Value", bound=BaseModel)

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


class Provenance(Frozen):
    """How a result came to be."""

    started: str  # ISO 8601, UTC
    seconds: float  # of the last sitting, if the step was interrupted
    machine: Machine
    code: str  # commit, "+" if the tree was changed; "" outside a repository


class Outcome(Frozen, Generic[Value]):
    """A step's result; `cached` says that it was there already."""

    key: str
    value: Value
    provenance: Provenance
    cached: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process: a class `Outcome[Kind]` has no importable name."""
        return _outcome, (self.__pydantic_generic_metadata__["args"][0], self.model_dump())


def _outcome(kind: type[Value], fields: dict[str, Any]) -> Outcome[Value]:
    return Outcome[kind].model_validate(fields)  # type: ignore[valid-type]


def remember(store: Store, key: str, kind: type[Value], compute: Callable[[], Value]) -> Outcome[Value]:
    """The outcome stored under `key`, or that of `compute()`, stored; of two writers the first counts."""
    if done := recall(store, key, kind):
        return done
    name, outcome_of = _name(key, kind), Outcome[kind]  # type: ignore[valid-type]
    started, clock = datetime.now(UTC), time.perf_counter()
    value = compute()
    provenance = Provenance(
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - clock, 3),
        machine=this_machine(),
        code=commit(),
    )
    outcome = outcome_of(key=key, value=value, provenance=provenance)
    try:
        store.create(name, outcome.model_dump_json(indent=1, exclude={"cached"}).encode())
    except Conflict:
        return outcome_of.model_validate_json(store.get(name))
    return outcome


def recall(store: Store, key: str, kind: type[Value]) -> Outcome[Value] | None:
    """What is stored under `key`; None where nothing is."""
    name = _name(key, kind)
    if not store.exists(name):
        return None
    return Outcome[kind].model_validate_json(store.get(name)).model_copy(update={"cached": True})  # type: ignore[valid-type]


def _name(key: str, kind: type[BaseModel]) -> str:
    return f"{key}/result-{_shape(kind)}.json"


def _shape(kind: type[BaseModel]) -> str:
    """Four bytes of the JSON schema: a result of another shape is computed anew, not misread."""
    schema = json.dumps(_bare(Outcome[kind].model_json_schema()), sort_keys=True)  # type: ignore[valid-type]
    return hashlib.sha256(schema.encode()).hexdigest()[:8]


def _bare(schema: Any) -> Any:
    """A JSON schema without its words."""
    if isinstance(schema, dict):
        words = {name for name in ("title", "description") if isinstance(schema.get(name), str)}
        return {name: _bare(part) for name, part in schema.items() if name not in words}
    return [_bare(part) for part in schema] if isinstance(schema, list) else schema


@cache
def this_machine() -> Machine:
    """The machine as it names itself."""
    from charrec.machine.hardware import gpu_names

    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gib=round(pages * page / 2**30, 1),
        gpus=tuple(gpu_names()),
        system=f"{platform.system()} {platform.release()}",
        versions={"python": platform.python_version(), **_versions()},
    )


@cache
def commit() -> str:
    """The commit of the code that runs, with a + if its tree was changed; "" where it is not known."""
    if given := os.environ.get("CHARREC_COMMIT"):
        return given
    root = Path(__file__).parent.parent
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        return head + "+" if _git(root, "status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
