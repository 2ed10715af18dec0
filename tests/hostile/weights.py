"""Doors: the weights of a training, with a SHA-256 that fits, as `charrec predict` and a resumed training load them."""

import functools
import io
import random
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np

from charrec.data.arrays import Arrays
from charrec.models.convnet import ConvNet
from charrec.results import Stored
from charrec.storage.folder import FolderStore
from charrec.training.checkpoints import load, save
from charrec.training.recipe import Recipe, compiled
from charrec.tuning.space import SPACE
from tests.hostile.door import MIB, Door
from tests.hostile.mutators import mutated_bytes
from tests.hostile.tables import placed

KEY = "trainings/model_4-0/epoch-001-a.weights.h5"
NETWORK = ConvNet.model_validate({name: min(values) for name, values in SPACE.items()})
RECIPE = Recipe(
    model="model_4", network=NETWORK, seed=6, batch_size=16, image_size=32, image_channels=1, precision="float32"
)


def network(recipe: Recipe = RECIPE) -> Any:
    nothing = np.empty(0, np.int64)
    return compiled(recipe, Arrays(np.zeros((1, 32, 32), np.uint8), nothing, nothing, nothing))


_network = functools.cache(network)


def weights(recipe: Recipe = RECIPE) -> bytes:
    with TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))
        return store.get(save(network(recipe), store, "t", "a", 1, _begun()).key)


def _begun() -> Any:
    from charrec.training.interruption import Begun

    return Begun()


def loaded(data: bytes, folder: Path) -> None:
    load(_network(), placed(folder, KEY, data), Stored(key=KEY, sha256=sha256(data).hexdigest()))


def mutated_weights(data: bytes, rng: random.Random) -> bytes:
    """Any bytes, most of them near the headers of HDF5; or a group or a table of numbers replaced."""
    if rng.random() < 0.7:
        at = rng.randrange(0, 4096) if rng.random() < 0.5 else rng.randrange(len(data))
        return data[:at] + mutated_bytes(data[at : at + 256], rng) + data[at + 256 :]
    with h5py.File(target := io.BytesIO(data), "a") as file:
        names: list[str] = []
        file.visit(names.append)
        name = rng.choice(names)
        number = np.float32(rng.random())
        made = rng.choice((
            None, number, np.zeros(0), np.zeros((3, 3), "S9"), np.full(62, np.nan, np.float32), np.zeros((1, 2, 3)),
            h5py.SoftLink("/"), h5py.ExternalLink("/etc/passwd", "/"), np.void(b"\x80\x04c"),
        ))  # fmt: skip
        del file[name]
        if made is not None:
            file[name] = made
        file.attrs["pickled"] = np.void(b"\x80\x04cposix\nsystem\n")
    return target.getvalue()


DOORS = [Door("weights, HDF5", "weights", functools.cache(weights), loaded, mutated_weights, memory=256 * MIB)]
