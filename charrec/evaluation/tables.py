"""Tables of predictions: one row an image, a column a class."""

from io import BytesIO

import numpy as np
import pandas as pd

from charrec.alphabet import CLASSES, INDEX


def as_table(names: list[str], labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """One row an image: its name, its character, and a column for each class."""
    head = pd.DataFrame({"name": names, "truth": [CLASSES[label] for label in labels]})
    return pd.concat([head, pd.DataFrame(probabilities, columns=list(CLASSES))], axis=1)


def read_table(parquet: bytes) -> tuple[pd.DataFrame, np.ndarray]:
    """(name and truth of each image, (n, 62) probabilities)."""
    table = pd.read_parquet(BytesIO(parquet))
    return table[["name", "truth"]], table[list(INDEX)].to_numpy(np.float32)


def labels_of(head: pd.DataFrame) -> np.ndarray:
    """(n,) class indices of a table."""
    return head["truth"].map(INDEX).to_numpy()


def role_of(text: str) -> str:
    """Which foreign set a text is drawn from."""
    return "digits" if text.isdigit() else "letters"
