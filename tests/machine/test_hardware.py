"""GPUs are listed as they are, or it is an error; never is one that is there or asked for taken for none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.machine import hardware
from charrec.machine.hardware import Gpu, gpus
from charrec.machine.provenance import this_machine

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
