"""Which study, on what data, where: what the options, the environment and the machine mean together."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import BaseModel

from charrec.machine import hardware
from charrec.study import EMBEDDED, FULL, QUICK, Runtime, Study
from flows import local_server
from flows.command_line import Options, choose, main
from tests.processes import descendants, gone

ROOT = Path(__file__).parents[2]
Chosen = tuple[Study, Runtime, list[str]]


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without GPUs, Kaggle credentials or settings; the folder of its programs."""
    for name in [name for name in os.environ if name.startswith(("CHARREC_", "KAGGLE_", "CUDA_"))]:
        monkeypatch.delenv(name)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    hardware.gpus.cache_clear()
    yield programs
    hardware.gpus.cache_clear()


@pytest.fixture
def gpus(bare: Path) -> Callable[..., None]:
    """Have the driver's own tool name these GPUs."""

    def install(*names: str) -> None:
        tool = bare / "nvidia-smi"
        rows = "".join(f"{i}, GPU-{i}a2b, {name}\n" for i, name in enumerate(names))
        tool.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{rows}END\n")
        tool.chmod(0o755)
        hardware.gpus.cache_clear()

    return install


def chosen(*arguments: str) -> Chosen:
    return choose(Options(_cli_parse_args=list(arguments)))


def test_without_a_gpu_it_is_quick_and_says_why_and_how_to_choose() -> None:
    study, _, lines = chosen()
    assert study == QUICK.model_copy(update={"data": QUICK.data.model_copy(update=EMBEDDED)})
    assert lines[0] == "Study: quick, since no GPU is visible; --size full for the other, --help for every setting."


def test_with_a_gpu_it_is_full_and_names_it(gpus: Callable[..., None]) -> None:
    gpus("NVIDIA H100 80GB HBM3")
    study, _, lines = chosen()
    assert study == FULL.model_copy(update={"data": FULL.data.model_copy(update=EMBEDDED)})
    assert lines[0].startswith("Study: full, since a GPU is visible (NVIDIA H100 80GB HBM3); --size quick ")


@pytest.mark.parametrize("visible", ["", "-1", "7", "GPU-beef"])
def test_a_hidden_gpu_does_not_count(visible: str, gpus: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    gpus("NVIDIA T4")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert chosen()[2][0].startswith("Study: quick, since no GPU is visible")


def test_a_gpu_that_may_not_be_used_does_not_count(gpus: Callable[..., None]) -> None:
    gpus("NVIDIA T4")
    assert chosen("--devices", "cpu")[2][0].startswith("Study: quick, since no GPU is visible")


@pytest.mark.parametrize(("size", "study"), [("full", FULL), ("quick", QUICK)])
def test_the_size_that_is_asked_for_is_taken(size: str, study: Study, gpus: Callable[..., None]) -> None:
    if size == "quick":
        gpus("NVIDIA T4")
    found, _, lines = chosen("--size", size)
    assert found.image_size == study.image_size
    assert lines[0].startswith(f"Study: {size}, as asked;")


def test_without_credentials_the_embedded_data_is_taken_and_named() -> None:
    study, _, lines = chosen("--size", "full")
    assert (study.data.glyphs, study.data.letters, study.data.digits) == ("fonts", "fonts", "sklearn")
    assert lines[1].startswith("Data: glyphs, letters, digits from fonts and digits installed with charrec, since no")
    assert "KAGGLE_API_TOKEN" in lines[1]


def test_with_credentials_the_published_data_is_taken_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", "a key")
    study, _, lines = chosen()
    assert study.data.glyphs == FULL.data.glyphs == "kaggle:supreethrao/chars74kdigitalenglishfont"
    assert (study.data.letters, study.data.digits) == (FULL.data.letters, FULL.data.digits)
    assert lines[1] == "Data: glyphs, letters, digits from Kaggle."


def test_a_path_is_kept_and_the_other_roles_are_filled() -> None:
    study, _, lines = chosen("--data.glyphs", "my/glyphs.zip")
    assert (study.data.glyphs, study.data.letters, study.data.digits) == ("my/glyphs.zip", "fonts", "sklearn")
    assert study.data.fonts == QUICK.data.fonts
    assert lines[1].startswith("Data: glyphs my/glyphs.zip; letters, digits from fonts and digits installed")


def test_paths_for_all_roles_need_nothing_else() -> None:
    study, _, lines = chosen("--data.glyphs", "a", "--data.letters", "b", "--data.digits", "c")
    assert (study.data.glyphs, study.data.letters, study.data.digits) == ("a", "b", "c")
    assert lines[1] == "Data: glyphs a, letters b, digits c."


@pytest.mark.parametrize("size", ["full", "quick"])
def test_a_nested_setting_leaves_its_neighbours_as_in_the_chosen_study(size: str) -> None:
    known = {"full": FULL, "quick": QUICK}[size]
    study = chosen("--size", size, "--search.max-epochs", "2")[0]
    assert study.search == known.search.model_copy(update={"max_epochs": 2})
    assert study.model_copy(update={"search": known.search, "data": known.data}) == known


def test_none_is_a_value() -> None:
    study = chosen("--size", "quick", "--data.fonts", "none", "--search.images", "none")[0]
    assert (study.data.fonts, study.search.images) == (None, None)


@pytest.mark.parametrize(
    "arguments", [("--texts", "APR,2023,MAY"), ("--texts", "APR", "--texts", "2023", "--texts", "MAY")]
)
def test_texts_are_given_with_commas_or_one_by_one(arguments: tuple[str, ...]) -> None:
    assert chosen(*arguments)[0].texts == ("APR", "2023", "MAY")


def test_settings_come_from_the_environment_too_and_options_go_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARREC_STORE", "s3://bucket/prefix")
    monkeypatch.setenv("CHARREC_SEARCH__IMAGES", "77")
    monkeypatch.setenv("CHARREC_SEED", "5")
    monkeypatch.setenv("CHARREC_COMMIT", "not a setting")
    study, runtime, lines = chosen("--seed", "6")
    assert (runtime.store, study.search.images, study.seed) == ("s3://bucket/prefix", 77, 6)
    assert study.search.max_epochs == QUICK.search.max_epochs
    assert lines[2].startswith("Store: s3://bucket/prefix;")


WRONG = {
    "a misspelt option": (["--serch.max-epochs", "2"], "--serch.max-epochs"),
    "an option without its value": (["--store"], "--store"),
    "a word": (["--seed", "x"], "--seed: found 'x'"),
    "a number out of range": (["--search.factor", "1"], "--search.factor: found '1'"),
    "a size that does not divide 128": (["--image-size", "48"], "--image-size: found 48; expected 32, 64 or 128"),
    "a text that cannot be drawn": (["--texts", "apr"], "found 'apr'; expected capitals A-Z only, or digits only"),
    "two of them": (["--seed", "x", "--size", "tiny"], "--size: found 'tiny'"),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_ends_with_status_2_and_one_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def flow(study: Study, runtime: Runtime) -> str:
        raise AssertionError("it began")

    with pytest.raises(SystemExit) as end:
        main(flow, arguments)
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert told in said.err
    assert said.err.count("\n") == 1


def test_a_configured_prefect_server_is_used_and_none_started() -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        assert local_server.address() == "http://127.0.0.1:1/api"


def test_without_one_a_server_is_started_that_ends_with_this_process(tmp_path: Path) -> None:
    program = "from flows import local_server; print(local_server.address(), flush=True); input()"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as run:  # fmt: skip
        assert run.stdout
        address = run.stdout.readline().decode().strip()
        family = descendants(run.pid)
        with urlopen(f"{address}/health") as health:
            assert health.status == 200
        run.kill()
    assert family and gone(family, 10)


def options_of(model: type[BaseModel], prefix: str = "--") -> Iterator[str]:
    for name, field in model.model_fields.items():
        option = prefix + name.replace("_", "-")
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from options_of(field.annotation, option + ".")
        else:
            yield option


def test_help_lists_every_field() -> None:
    asked = subprocess.run(
        [sys.executable, "flows/full_study.py", "--help"],
        cwd=ROOT, env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    listed = set(re.findall(r"^  (--[a-z0-9.-]+)", asked.stdout, re.MULTILINE))
    expected = {*options_of(Study), *options_of(Runtime), "--size"}
    assert len(expected) > 20
    assert listed == expected
