"""Columns of a Parquet file that charrec wrote; what it cannot have written is refused with its first defect."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from charrec.errors import InputError
from charrec.storage.document import foreign

Kind = Literal["text", "int16", "int32", "float"]  # as Arrow calls them, but for the two that are texts

AS_STORED = tuple(f"dictionary<values={text}, indices=int32, ordered=0>" for text in ("string", "large_string"))
ROWS = 1 << 23  # of a file: 16 times the images of 128x128 px that are read
CHARACTERS = 1 << 30  # bytes of all texts of a column: a dictionary makes few of a file and many in memory


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Around reading the file called `where`. Raises Foreign for a damaged one, OSError for a bad disk."""
    try:
        yield
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise foreign(where, f"no such table ({' '.join(str(error).split())[:200]})") from None


def columns(file: pq.ParquetFile, kinds: Mapping[str, Kind], where: str) -> pa.Table:
    """These columns, with a value in every row, of a file opened with `read_dictionary=texts()`. Raises Foreign."""
    _check(file, kinds, where)
    table = file.read(columns=list(kinds), use_pandas_metadata=False)
    if table.num_rows != file.metadata.num_rows:
        raise foreign(where, f"{table.num_rows:,} rows, and says {file.metadata.num_rows:,}")
    for place, (name, kind) in enumerate(kinds.items()):
        column = table.column(name)
        if column.null_count:
            raise foreign(where, f"rows without {name!r}")
        if kind == "text":
            table = table.set_column(place, name, _decoded(column, name, where))
    return table


def texts(kinds: Mapping[str, Kind]) -> list[str]:
    """The columns that are read as they are stored, each different text once, until their size is known."""
    return [name for name, kind in kinds.items() if kind == "text"]


def _check(file: pq.ParquetFile, kinds: Mapping[str, Kind], where: str) -> None:
    if not 0 <= file.metadata.num_rows <= ROWS:
        raise foreign(where, f"{file.metadata.num_rows:,} rows, and charrec packs {ROWS:,} at most")
    schema = file.schema_arrow
    for name, kind in kinds.items():
        found = [str(schema.field(place).type) for place in schema.get_all_field_indices(name)]
        accepted = AS_STORED if kind == "text" else (kind,)
        if len(found) != 1 or found[0] not in accepted:
            raise foreign(where, f"{name!r} as {' and '.join(found) or 'nothing'}, not as {kind}")


def _decoded(column: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    column.validate(full=True)  # Arrow reads texts that are no UTF-8, and numbers of texts that there are not
    size = 0
    for chunk in column.chunks:
        lengths = pc.binary_length(chunk.dictionary)
        size += pc.sum(pc.cast(lengths, pa.int64()).take(chunk.indices)).as_py() or 0
    if size > CHARACTERS:
        raise foreign(where, f"{size:,} bytes of {name!r}, and {CHARACTERS:,} are the most")
    return column.cast(pa.large_string())
