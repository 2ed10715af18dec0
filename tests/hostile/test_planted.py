"""A pickle that would write a file, planted wherever bytes come in: it is never loaded, so the file is never there."""

import base64
import functools
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from charrec.errors import InputError
from tests.hostile import archives, documents, images, tables
from tests.hostile.documents import Refused

Read = Callable[[bytes, Path], object]
NAMES = ("data.pkl", "model.keras", "weights.h5", "augmented.npy", "x.npz", "x.joblib", "keras.json", "t10k-labels.csv")


# Places


def zip_with(payload: bytes) -> bytes:
    content = archives.glyphs() | {f"Fnt/{name}": payload for name in NAMES}
    data = archives.zipped(zipfile.ZIP_DEFLATED, content)
    with zipfile.ZipFile(target := io.BytesIO(data), "a") as archive:
        archive.comment = payload
    return target.getvalue()


def zip_of_pickled_images(payload: bytes) -> bytes:
    return archives.zipped(zipfile.ZIP_STORED, dict.fromkeys(archives.glyphs(), payload))


def tar_with(payload: bytes) -> bytes:
    with tarfile.open(
        fileobj=(target := io.BytesIO(archives.tarred())), mode="a", format=tarfile.PAX_FORMAT
    ) as archive:
        for name in NAMES:
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(payload), {"charrec.pickle": base64.b64encode(payload).decode()}
            archive.addfile(info, io.BytesIO(payload))
    return target.getvalue()


def png_with(payload: bytes) -> bytes:
    about = PngInfo()
    about.add(b"piCk", payload)
    about.add_text("pickle", base64.b64encode(payload).decode(), zip=True)
    images.picture().save(target := io.BytesIO(), "PNG", pnginfo=about)
    return target.getvalue()


def jpeg_with(payload: bytes) -> bytes:
    exif = Image.Exif()
    exif[0x9286] = payload  # UserComment
    images.picture().save(target := io.BytesIO(), "JPEG", exif=exif, comment=payload)
    return target.getvalue()


def array_of_objects(payload: bytes) -> bytes:
    """As numpy.save writes an array of objects: a header, then a pickle."""
    np.save(target := io.BytesIO(), np.zeros((1, 1, 1, 1), object), allow_pickle=True)
    return target.getvalue()[:128] + payload


def parquet_with(sample: Callable[[], bytes], payload: bytes) -> bytes:
    """In the schema's metadata, as pandas's, as a column's, and as the extension type that Arrow once unpickled."""
    table = pq.read_table(io.BytesIO(sample()))
    text = base64.b64encode(payload)
    column = {"name": "label", "metadata": text.decode()}
    pandas = json.dumps({"columns": [column], "index_columns": [], "pandas_version": "3"})
    name = table.schema.field("name")
    extended = name.with_metadata(
        {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": payload}
    )
    schema = table.schema.set(table.schema.get_field_index("name"), extended)
    schema = schema.with_metadata({b"pandas": pandas.encode(), b"pickle": payload})
    pq.write_table(pa.Table.from_arrays(table.columns, schema=schema), target := io.BytesIO())
    return target.getvalue()


def document_with(sample: Callable[[], bytes], payload: bytes) -> bytes:
    plain: dict[str, Any] = json.loads(sample())
    code = base64.b64encode(payload).decode()
    made = {"py/reduce": [code], "__reduce__": code, "class_name": "Lambda", "config": {"function": code}}
    return json.dumps({name: made if n % 2 else code for n, name in enumerate(plain)} | {"__pickle__": code}).encode()


def itself(payload: bytes) -> bytes:
    return payload


PLACES: dict[str, tuple[Callable[[bytes], bytes], Read]] = {
    "a zip's other files": (zip_with, functools.partial(archives.reading, "glyphs")),
    "a zip's images": (zip_of_pickled_images, functools.partial(archives.reading, "glyphs")),
    "a tar's other files and headers": (tar_with, functools.partial(archives.reading, "glyphs")),
    "in place of an archive": (itself, functools.partial(archives.reading, "glyphs")),
    "MNIST's labels": (itself, archives.idx_reading),
    "a PNG's chunks": (png_with, images.predicted),
    "a JPEG's comments": (jpeg_with, images.predicted),
    "in place of an image": (itself, images.predicted),
    "in place of a data set's image": (itself, images.decoded),
    "augmented.npy": (array_of_objects, tables.pictured),
    "in place of augmented.npy": (itself, tables.pictured),
    "glyphs.parquet": (functools.partial(parquet_with, tables.packed), tables.trained_on),
    "in place of glyphs.parquet": (itself, tables.trained_on),
    "predictions": (functools.partial(parquet_with, tables.predictions), tables.calibrated),
    **{
        f"{how}{door.name}": (functools.partial(document_with, door.sample) if how == "in " else itself, door.read)
        for door in documents.DOORS
        if door.name != "CHARREC_TEXTS"
        for how in ("in ", "in place of ")
    },
}


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_pickle_is_never_executed(place: str, planted: bytes, file: Path, tmp_path: Path) -> None:
    plant, read = PLACES[place]
    folder = tmp_path / "door"
    folder.mkdir()
    with suppress(InputError, Refused):
        read(plant(planted), folder)
    assert not file.exists()
