"""Which backend Keras runs on is known before it is imported; what other projects set it to has no effect."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.machine.backend import backend
from charrec.steps.augment import drawn
from charrec.storage import open_store
from charrec.training.recipe import compiled
from charrec.training.train import train
from tests.toy import RECIPE, ROOT, WARNINGS, history, toy_arrays


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras's folder, empty."""
    for name in ("KERAS_BACKEND", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".keras").mkdir()
    return tmp_path / ".keras"


def test_it_is_tensorflow_unless_something_else_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend() == "tensorflow"
    (home / "keras.json").write_text('{"backend": "jax"}')
    assert backend() == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert backend() == "tensorflow"


@pytest.mark.parametrize("name", ["torch", "openvino", "theano", "TensorFlow"])
def test_another_one_is_an_error_that_names_where_it_is_set(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "keras.json").write_text(json.dumps({"backend": name}))
    with pytest.raises(InputError) as told:
        backend()
    assert told.value.found == f"{home}/keras.json names the backend {name!r}"
    assert told.value.remedy == "Correct it, or set KERAS_BACKEND=tensorflow."
    monkeypatch.setenv("KERAS_BACKEND", name)
    with pytest.raises(
        InputError, match=f"KERAS_BACKEND names the backend '{name}'; expected tensorflow or jax. Unset"
    ):
        backend()


def test_one_that_is_not_installed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(InputError, match="jax, which is not installed"):
        backend()


def test_no_network_is_built_on_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(InputError, match="KERAS_BACKEND names the backend 'torch'"):
        compiled(RECIPE, toy_arrays(2, 1))


BROKEN = {
    "a floatx of another version": ({"floatx": "bfloat16"}, "has floatx 'bfloat16'; expected float16, float32 or"),
    "an epsilon that is whole": ({"epsilon": 1}, "has epsilon 1; expected a number such as 1e-07"),
    "another layout": ({"image_data_format": "tf"}, "has image_data_format 'tf'; expected channels_last or channels_"),
    "a list": ([1], "holds no settings; expected a JSON object"),
}


@pytest.mark.parametrize(("content", "told"), BROKEN.values(), ids=BROKEN)
def test_settings_with_which_keras_would_not_start_are_an_error(content: object, told: str, home: Path) -> None:
    (home / "keras.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=told):
        backend()


def test_a_folder_in_the_place_of_the_settings_is_an_error(home: Path) -> None:
    (home / "keras.json").mkdir()
    with pytest.raises(InputError, match=r"keras.json cannot be read \(Is a directory\)"):
        backend()


@pytest.mark.parametrize("content", ["", "{", "\0"])
def test_half_a_file_is_none_as_for_keras(content: str, home: Path) -> None:
    """Another process may be writing it."""
    (home / "keras.json").write_text(content)
    assert backend() == "tensorflow"


FOREIGN = {"floatx": "float64", "epsilon": 0.01, "image_data_format": "channels_first", "backend": "tensorflow"}


def numbers(folder: str) -> list[object]:
    """The history of a training, and a digest of what the augmentation draws."""
    arrays = toy_arrays(64, 32)
    trained = train(RECIPE.model_copy(update={"batch_size": 32}), arrays, 2, open_store(folder), "t")
    return [history(trained), hashlib.sha256(drawn(arrays.images[:4], 1).tobytes()).hexdigest()]


@pytest.mark.filterwarnings(*WARNINGS[1:])
def test_a_network_and_the_augmentation_are_the_same_whatever_other_projects_set(home: Path, tmp_path: Path) -> None:
    """Here, and in a process that finds their settings as it starts."""
    (home / "keras.json").write_text(json.dumps(FOREIGN))
    words = [sys.executable, "-m", "tests.machine.test_backend", str(tmp_path / "foreign")]
    limits = {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "1"}
    ran = subprocess.run(words, cwd=ROOT, env=os.environ | limits, stdout=subprocess.PIPE, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == numbers(str(tmp_path / "plain"))


if __name__ == "__main__":
    print(json.dumps(numbers(sys.argv[1])))
