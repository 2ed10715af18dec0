"""Tables of predictions: one row an image, a column a class."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from charrec.alphabet import CLASSES, INDEX
from charrec.data.foreign import METHODS
from charrec.data.parquet import Kind, columns, reading, texts
from charrec.results import PredictionResult
from charrec.storage import Store
from charrec.storage.document import foreign

Table = tuple[pd.DataFrame, np.ndarray]  # name and truth of each image, (n, 62) probabilities

VALIDATION = "validation"
COLUMNS: dict[str, Kind] = {"name": "text", "truth": "text", **dict.fromkeys(CLASSES, "float")}


def as_table(names: list[str], labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """One row an image: its name, its character, and a column for each class."""
    head = pd.DataFrame({"name": names, "truth": [CLASSES[label] for label in labels]})
    return pd.concat([head, pd.DataFrame(probabilities, columns=list(CLASSES))], axis=1)


def read_table(parquet: bytes, where: str) -> Table:
    """(name and truth of each image, (n, 62) probabilities) of a table at `where`. Raises Foreign for another one."""
    with reading(where), pq.ParquetFile(pa.BufferReader(parquet), read_dictionary=texts(COLUMNS)) as file:
        table = columns(file, COLUMNS, where).to_pandas(ignore_metadata=True)
    head, probabilities = table[["name", "truth"]], table[list(INDEX)].to_numpy(np.float32)
    if not head["truth"].isin(INDEX).all():
        raise foreign(where, "a character that is none of the 62")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():  # NaN is neither
        raise foreign(where, "a probability that is none of 0 to 1")
    return head, probabilities


def tables_of(result: PredictionResult, store: Store, validation: int) -> dict[str, Table]:
    """All tables of a network's predictions. Raises Foreign where one is missing, empty, or of other images."""
    names = [VALIDATION, *(f"{role} {method}" for role in ("letters", "digits") for method in METHODS)]
    return {name: table_of(result, name, store, validation if name == VALIDATION else None) for name in names}


def table_of(result: PredictionResult, name: str, store: Store, images: int | None = None) -> Table:
    """One of them, of so many images. Raises Foreign where it is missing, empty, or of other images."""
    if name not in result.tables:
        raise foreign("the predictions", f"no table {name!r}")
    key = result.tables[name].key
    table = read_table(store.get(key), key)
    if not len(table[0]) or images not in (None, len(table[0])):
        raise foreign(key, f"{len(table[0]):,} images")
    return table


def labels_of(head: pd.DataFrame) -> np.ndarray:
    """(n,) class indices of a table."""
    return head["truth"].map(INDEX).to_numpy(np.int64)


def role_of(text: str) -> str:
    """Which foreign set a text is drawn from."""
    return "digits" if text.isdigit() else "letters"
