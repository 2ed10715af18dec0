"""Weights that are none of this network: refused with one error, and nothing that lies in them is executed."""

import base64
import io
import json
import marshal
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from charrec.evaluation.prediction import predict
from charrec.results import Stored
from charrec.storage import Corrupt
from charrec.storage.document import Foreign
from charrec.training.checkpoints import load
from tests.hostile.door import MIB, measured, tried
from tests.hostile.tables import placed
from tests.hostile.weights import DOORS, KEY, RECIPE, loaded, network, weights
from tests.thorough import often
from tests.toy import WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)
(DOOR,) = DOORS


def changed(change: Callable[[Any], object], data: bytes | None = None) -> bytes:
    """The network's own weights with something else in their file."""
    with h5py.File(target := io.BytesIO(data or DOOR.sample()), "a") as file:
        change(file)
    return target.getvalue()


def largest(file: Any) -> str:
    """The largest table of numbers that is a layer's."""
    names: list[str] = []
    file["layers"].visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return "layers/" + max(names, key=lambda name: file["layers"][name].size)


def put(file: Any, made: object) -> None:
    name = largest(file)
    del file[name]
    file[name] = made


def test_mutated_weights_are_loaded_or_refused(seed: int, tmp_path: Path) -> None:
    found = tried(DOOR, seed, range(often(30, 2000)), tmp_path)
    assert not found.failures, "\n\n".join(found.failures[:5])
    assert found.ends["Foreign"]  # of 30, a third is


def test_weights_of_another_architecture_are_refused_by_name(tmp_path: Path) -> None:
    other = RECIPE.model_copy(update={"model": "model_2", "network": None})
    with pytest.raises(Foreign, match=rf"{KEY} holds no weights of this network.*Delete it and run again"):
        loaded(weights(other), tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"\x89HDF\r\n\x1a\n", b"PK\3\4", "truncated"], ids=["empty", "header", "zip", "cut"]
)
def test_what_is_no_hdf5_is_refused(data: bytes | str, tmp_path: Path) -> None:
    with pytest.raises(Foreign, match="holds no weights of this network"):
        loaded(data if isinstance(data, bytes) else DOOR.sample()[:-5000], tmp_path)


def test_weights_with_another_digest_are_never_opened(tmp_path: Path) -> None:
    store = placed(tmp_path, KEY, b"what HDF5 would choke on")
    with pytest.raises(Corrupt, match=sha256(b"what HDF5 would choke on").hexdigest()):
        load(network(), store, Stored(key=KEY, sha256="0" * 64))


def test_no_other_file_is_read_through_weights(tmp_path: Path) -> None:
    """HDF5 has links to other files, tables that lie in other files, and views of tables in other files."""
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.zeros(9, np.float32)

    def external(file: Any) -> None:
        name = largest(file)
        shape = file[name].shape
        del file[name]
        file.create_dataset(name, shape, np.float32, external=[(secret, 0, 1 << 30)])

    def view(file: Any) -> None:
        name = largest(file)
        layout = h5py.VirtualLayout(file[name].shape, np.float32)
        del file[name]
        file.create_virtual_dataset(name, layout)

    for change in (lambda file: put(file, h5py.ExternalLink(str(secret), "x")), external, view):
        with pytest.raises(Foreign, match=r"Not allowed: H5 file with (ExternalLink|external Dataset|virtual Dataset)"):
            loaded(changed(change), tmp_path / "store")


def test_a_table_of_more_numbers_than_memory_holds_is_refused(tmp_path: Path) -> None:
    """1 TiB of zeros in a few bytes."""

    def bomb(file: Any) -> None:
        name = largest(file)
        del file[name]
        file.create_dataset(name, (1 << 38,), np.float32, chunks=(1 << 20,), compression="gzip")

    data = changed(bomb)

    def refused() -> None:
        with pytest.raises(Foreign, match="declares"):
            loaded(data, tmp_path)

    assert measured(refused) < 64 * MIB


def test_weights_that_are_not_numbers_read_nothing(tmp_path: Path) -> None:
    data = changed(lambda file: put(file, np.full(file[largest(file)].shape, np.nan, np.float32)))
    store, images = placed(tmp_path, KEY, data), np.zeros((1, 32, 32), np.uint8)
    with pytest.raises(Foreign, match="weights that are infinite or not a number"):
        predict(RECIPE, Stored(key=KEY, sha256=sha256(data).hexdigest()), {"images": images}, store)


def test_code_and_pickles_in_weights_are_never_executed(planted: bytes, file: Path, tmp_path: Path) -> None:
    """As in a whole model of Keras's: a Lambda layer in its configuration, whose function is marshalled code."""
    act = eval(f"lambda x: open({str(file)!r}, 'w').close()")
    act(None)
    assert file.exists()
    file.unlink()
    code = base64.b64encode(marshal.dumps(act.__code__)).decode()
    function = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "x", "function": function}}
    model = json.dumps({"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}})

    def plant(target: Any) -> None:
        target.attrs["model_config"], target.attrs["keras_version"] = model, "3.15.1"
        target.attrs["pickle"] = np.void(planted)
        for name in list(target):
            target[name].attrs["pickle"] = np.void(planted)
        target["planted"] = np.void(planted)

    loaded(changed(plant), tmp_path)
    with pytest.raises(Foreign):
        loaded(changed(lambda target: put(target, np.void(planted))), tmp_path)
    assert not file.exists()
