"""GPUs are listed as they are, or it is an error; never is one that is there or asked for taken for none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charrec.commands.sweep import main
from charrec.data.arrays import Glyphs, Packed
from charrec.errors import InputError
from charrec.machine import hardware
from charrec.machine.backend import BACKENDS
from charrec.machine.hardware import Gpu, gpus, require_usable_gpu
from charrec.machine.provenance import this_machine
from charrec.memo.step import Bench
from charrec.steps import precision, search, train
from charrec.steps.precision import PRECISION
from charrec.steps.search import SEARCH
from charrec.steps.train import TRAIN
from charrec.storage import open_store
from tests.toy import RECIPE, SEARCH_RECIPE, SWEEP

TABLE = "0, GPU-0a2b-11, NVIDIA A100-SXM4-40GB\n1, GPU-1a2b-22, NVIDIA A100-SXM4-40GB\n2, GPU-1abc-33, NVIDIA T4\n"
LIST = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-0a2b-11)
  MIG 3g.20gb     Device  0: (UUID: MIG-aaaa-1)
  MIG 1g.5gb      Device  1: (UUID: MIG-aaaa-2)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-1a2b-22)
GPU 2: NVIDIA T4 (UUID: GPU-1abc-33)
"""
WHOLE = (Gpu("0", "NVIDIA A100-SXM4-40GB"), Gpu("1", "NVIDIA A100-SXM4-40GB"), Gpu("2", "NVIDIA T4"))
LARGE = Gpu("MIG-aaaa-1", "NVIDIA A100-SXM4-40GB MIG 3g.20gb")
SMALL = Gpu("MIG-aaaa-2", "NVIDIA A100-SXM4-40GB MIG 1g.5gb")
Install = Callable[[str], None]


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without GPUs."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(hardware, "FILES", tmp_path / "dev")
    for cached in (gpus, this_machine):
        cached.cache_clear()
    yield
    for cached in (gpus, this_machine):
        cached.cache_clear()


@pytest.fixture
def tool(tmp_path: Path) -> Install:
    """Have nvidia-smi be this script of a shell."""

    def install(script: str) -> None:
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return install


def says(table: str, listed: str = "") -> str:
    """The tool's two answers: to --query-gpu, and to -L."""
    return f"case $1 in\n-L) /bin/cat <<'END'\n{listed}END\n;;\n*) /bin/cat <<'END'\n{table}END\n;;\nesac"


def test_without_the_tool_there_are_none() -> None:
    assert gpus() == ()


@pytest.mark.parametrize("script", ["echo No devices were found; exit 6", "exit 0"])
def test_a_tool_that_lists_none_lists_none(script: str, tool: Install) -> None:
    tool(script)
    assert gpus() == ()


def test_gpus_are_listed_in_their_order(tool: Install) -> None:
    tool(says(TABLE))
    assert gpus() == WHOLE


def test_a_divided_gpu_is_its_instances(tool: Install) -> None:
    tool(says(TABLE, LIST))
    assert gpus() == (LARGE, SMALL, *WHOLE[1:])


def test_a_tool_that_answers_with_the_list_alone_is_understood(tool: Install) -> None:
    tool(f"/bin/cat <<'END'\n{LIST}END")
    assert gpus() == (LARGE, SMALL, *WHOLE[1:])


VISIBLE = {
    "an index": ("1", WHOLE[1:2]),
    "an order": ("2,1", (WHOLE[2], WHOLE[1])),
    "blanks": (" 2 , 1 ", (WHOLE[2], WHOLE[1])),
    "a UUID": ("GPU-1a2b-22", WHOLE[1:2]),
    "the beginning of a UUID": ("GPU-1a2", WHOLE[1:2]),
    "one twice": ("1,1", WHOLE[1:2]),
    "one by two names": ("1,GPU-1a2b-22,2", WHOLE[1:]),
    "an instance": ("MIG-aaaa-2", (SMALL,)),
    "an instance twice": ("MIG-aaaa-2,MIG-aaaa-2", (SMALL,)),
    "a divided GPU": ("0", (LARGE, SMALL)),
    "a divided GPU and one of its instances": ("0,MIG-aaaa-2", (LARGE, SMALL)),
    "none": ("", ()),
    "none by number": ("-1", ()),
    "none by name": ("NoDevFiles", ()),
    "none from the second on": ("2,-1,1", WHOLE[2:]),
}


@pytest.mark.parametrize(("visible", "expected"), VISIBLE.values(), ids=VISIBLE)
def test_cuda_visible_devices_chooses(
    visible: str, expected: tuple[Gpu, ...], tool: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(says(TABLE, LIST))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus() == expected


@pytest.mark.parametrize("visible", ["3", "0,9", "GPU-9", "GPU-1a", "MIG-", "MIG-bbbb", "0-1", "all", "٣"])
def test_what_names_no_gpu_or_several_is_an_error(visible: str, tool: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(says(TABLE, LIST))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(
        InputError, match="which (no GPU has|several GPUs share); expected one of 0, GPU-0a2b-11, MIG-a"
    ):
        gpus()


@pytest.mark.parametrize("visible", ["0", "GPU-0a2b", "MIG-aaaa-1"])
def test_one_that_is_asked_for_where_there_is_no_tool_is_an_error(
    visible: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(InputError, match=f"CUDA_VISIBLE_DEVICES names '{visible}'; expected an nvidia-smi on PATH"):
        gpus()


def test_one_that_is_there_where_there_is_no_tool_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidiactl").touch()
    assert gpus() == ()
    gpus.cache_clear()
    (tmp_path / "dev" / "nvidia0").touch()
    with pytest.raises(InputError, match=r"there is a GPU, .*/dev/nvidia0; expected an nvidia-smi on PATH"):
        gpus()


USELESS = {
    "a sentence": ("echo Please reboot.", "nvidia-smi answers 'Please reboot.'"),
    "a sentence after a table": ("echo 0, GPU-0, T4; echo Please reboot.", "nvidia-smi answers 'Please reboot.'"),
    "a failure": ("echo Failed to initialize NVML; exit 18", "nvidia-smi answers 'Failed to initialize NVML'"),
    "a failure without a word": ("exit 9", "nvidia-smi ends with status 9 and no answer"),
    "a signal": ("kill -SEGV $$", "nvidia-smi ends with status -11 and no answer"),
    "no text": (r"printf '\377\376\n'", "nvidia-smi answers '��'"),
}


@pytest.mark.parametrize(("script", "found"), USELESS.values(), ids=USELESS)
def test_a_tool_of_no_use_is_an_error_and_the_remedies_are_named(script: str, found: str, tool: Install) -> None:
    tool(script)
    with pytest.raises(InputError) as told:
        gpus()
    assert told.value.found == found
    assert told.value.remedy == "Mend the driver until nvidia-smi lists them, or choose --devices cpu."


def test_a_tool_that_hangs_is_given_up_with_what_it_started(tool: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell's own child holds the output open; nobody waits for it."""
    monkeypatch.setattr(hardware, "PATIENCE", 0.2)
    tool("/bin/sleep 600; exit 0")
    with pytest.raises(InputError, match="nvidia-smi gives no answer within 0 s"):
        gpus()


def test_a_tool_that_is_no_program_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").write_bytes(b"\x7fELF")
    (tmp_path / "nvidia-smi").chmod(0o755)
    with pytest.raises(InputError, match=r"nvidia-smi cannot be run \(Exec format error\)"):
        gpus()


def test_whoever_needs_none_is_not_hindered(tool: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    tool("echo Please reboot.")
    assert this_machine().gpus == ()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus() == ()


# This environment's TensorFlow and JAX are built for CPUs.


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gpu_on_which_the_backend_would_not_compute_is_an_error(
    backend: str, tool: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    require_usable_gpu(backend)
    gpus.cache_clear()
    tool(says(TABLE))
    with pytest.raises(InputError) as told:
        require_usable_gpu(backend)
    assert told.value.found == f"NVIDIA A100-SXM4-40GB is visible, but Keras on {backend} finds no GPU"
    assert told.value.remedy.startswith("Install one with `make install LOCK=infra/requirements-gpu.lock`")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    gpus.cache_clear()
    require_usable_gpu(backend)


def test_jax_that_was_told_to_use_the_cpu_is_an_error_of_its_own(
    tool: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    tool(says(TABLE))
    with pytest.raises(InputError, match="visible, but JAX_PLATFORMS is 'cpu'; expected JAX_PLATFORMS unset. Unset it"):
        require_usable_gpu("jax")


def test_jax_that_cannot_start_is_an_error_with_its_reason_and_the_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    """What jax[cuda12] raises where there is a driver and no GPU."""
    import jax

    def fail() -> str:
        raise RuntimeError("Unable to initialize backend 'cuda': FAILED_PRECONDITION:\n No visible GPU devices.")

    monkeypatch.setattr(jax, "default_backend", fail)
    with pytest.raises(
        InputError, match="JAX cannot start: .* No visible GPU devices.; .*CUDA_VISIBLE_DEVICES= and JAX"
    ):
        require_usable_gpu("jax")


GLYPHS = Glyphs(packed=Packed(digest="", key="none"), split="random", validation_fraction=0.2, seed=1)
TRAINING: dict[str, Callable[[Bench], object]] = {
    "a training": lambda bench: TRAIN.run(train.Given(recipe=RECIPE, epochs=1, glyphs=GLYPHS), bench),
    "a search": lambda bench: SEARCH.run(search.Given(search=SWEEP.search, recipe=SEARCH_RECIPE, glyphs=GLYPHS), bench),
    "a search's worker": lambda bench: search.join(
        search.Given(search=SWEEP.search, recipe=SEARCH_RECIPE, glyphs=GLYPHS), bench
    ),
    "the choice of the precision": lambda bench: PRECISION.run(
        precision.Given(asked="auto", where="", recipe=RECIPE), bench
    ),
}


@pytest.mark.parametrize("trains", TRAINING)
def test_nothing_trains_on_the_cpu_beside_a_gpu(trains: str, tool: Install, tmp_path: Path) -> None:
    tool(says(TABLE))
    bench = Bench(open_store(str(tmp_path / "store")), tmp_path / "cache")
    with pytest.raises(InputError, match="A100-SXM4-40GB is visible, but Keras on tensorflow finds no GPU"):
        TRAINING[trains](bench)
    assert bench.store.list() == []


def test_no_worker_of_the_command_line_trains_on_the_cpu_beside_a_gpu(
    tool: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool(says(TABLE))
    store = open_store(str(tmp_path / "store"))
    sweep = SWEEP.model_copy(update={"key": "sweeps/0", "glyphs": GLYPHS})
    sweep.begin(store)
    assert main(["work", store.url]) == 2
    assert "A100-SXM4-40GB is visible, but Keras on tensorflow finds no GPU" in capsys.readouterr().err
    assert [entry.key for entry in store.list()] == ["sweeps/0/sweep.json"]
