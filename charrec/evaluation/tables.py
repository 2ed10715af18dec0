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
    names = ["validation", *(f"{role} {method}" for role in ("letters", "digits") for method in METHODS)]
    if missing := sorted(set(names) - result.tables.keys()):
        raise foreign("the predictions", f"no table {missing[0]!r}")
    tables = {name: read_table(store.get(result.tables[name].key), result.tables[name].key) for name in names}
    for name, (head, _) in tables.items():
        if not len(head) or (name == "validation" and len(head) != validation):
            raise foreign(result.tables[name].key, f"{len(head):,} images")
    return tables


def labels_of(head: pd.DataFrame) -> np.ndarray:
    """(n,) class indices of a table."""
    return head["truth"].map(INDEX).to_numpy(np.int64)


def role_of(text: str) -> str:
    """Which foreign set a text is drawn from."""
    return "digits" if text.isdigit() else "letters"
