"""One mutator for each kind of input. Every choice is the generator's, so a case is repeated by its seed and number."""

import io
import json
import math
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 1 << 40)
TEXTS = (
    "", "x", "\0", "\ud800", "\udcff", "\x1b[2J", "..", "../../etc/passwd", "/etc/passwd", "C:\\x", "a" * 300,
    "ä\u202e", "__class__", "gASVHwAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU", "NaN", "1e999", "<script>", "9" * 5000,
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 62, 2**31, 2**63, 2**64, -(2**63), 10**400, 0.5, -0.0, 1e308, 5e-324, math.nan, math.inf, -math.inf,
)  # fmt: skip
DEEP = "\N{BLACK SQUARE} so deep "  # in a document's text, replaced by lists in lists
DEPTHS = (50, 190, 250, 900, 980, 995, 3000, 100_000)


def mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """One to three changes: bits flipped, a number at its edge, a piece cut out, doubled, overwritten, or the end."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        out = _changed(out, rng)
    return bytes(out)


def _changed(out: bytearray, rng: random.Random) -> bytearray:
    if not out:
        return bytearray(rng.randbytes(rng.randrange(64)))
    reach = len(out) if rng.random() < 0.5 else min(400, len(out))  # headers and tables of contents lie at the ends
    place = rng.randrange(reach) if rng.random() < 0.6 else len(out) - 1 - rng.randrange(reach)
    width = rng.choice((1, 2, 4, 8, rng.randrange(1, 64)))
    match rng.randrange(8):
        case 0 | 1:
            for _ in range(rng.randrange(1, 9)):
                out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
        case 2 | 3:
            number = rng.choice(EDGES) + rng.choice((0, 0, -1, 1))
            size = rng.choice((1, 2, 4, 8))
            packed = (number % (1 << 8 * size)).to_bytes(size, rng.choice(("little", "big")))  # type: ignore[arg-type]
            out[place : place + size] = packed
        case 4:
            out[place : place + width] = rng.randbytes(width)
        case 5:
            del out[place : place + rng.choice((1, width, 600))]
        case 6:
            there = rng.randrange(len(out))
            out[place:place] = out[there : there + rng.choice((1, width, 600))]
        case 7:
            del out[place:]
    return out


# Images: a PNG's chunks with their checksums mended, two formats in one file


def mutated_image(data: bytes, rng: random.Random) -> bytes:
    if data.startswith(b"\x89PNG") and rng.random() < 0.5:
        data = _png_chunk_changed(data, rng)
    elif rng.random() < 0.1:
        other = rng.choice((b"PK\3\4", b"GIF89a", b"<html>", b"%!PS-Adobe\n", b"\x80\x04c", data[: len(data) // 2]))
        data = other + data if rng.random() < 0.5 else data + other
    return data if rng.random() < 0.1 else mutated_bytes(data, rng) if rng.random() < 0.8 else data


def _png_chunk_changed(data: bytes, rng: random.Random) -> bytes:
    """A chunk changed, doubled, left out or moved, so that the damage has the right checksum."""
    chunks = list(_chunks(data))
    at = rng.randrange(len(chunks))
    kind, content = chunks[at]
    match rng.randrange(6):
        case 0 | 1 | 2:
            if kind == b"IHDR" and rng.random() < 0.7:
                width, height, *rest = struct.unpack(">IIBBBBB", content)
                sides = (0, 1, 4096, 4097, 65_535, 1 << 20, (1 << 31) - 1, width, height)
                changed = [
                    rng.choice(sides),
                    rng.choice(sides),
                    rng.choice((1, 2, 4, 8, 16, 3)),
                    rng.randrange(8),
                    *rest[2:],
                ]
                chunks[at] = kind, struct.pack(">IIBBBBB", *changed)
            elif kind == b"IDAT" and rng.random() < 0.5:
                pixels = bytearray(zlib.decompress(content)) if content[:1] == b"x" else bytearray(content)
                chunks[at] = kind, zlib.compress(mutated_bytes(bytes(pixels), rng))
            else:
                chunks[at] = kind, mutated_bytes(content, rng)
        case 3:
            chunks.insert(rng.randrange(len(chunks) + 1), chunks[at])
        case 4:
            del chunks[at]
        case 5:
            made = rng.choice(
                (b"iCCP", b"zTXt", b"iTXt", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"fdAT", b"eXIf", b"pHYs")
            )
            bomb = b"x\0\0" + zlib.compress(bytes(rng.choice((0, 100, 1 << 22))))
            chunks.insert(rng.randrange(1, len(chunks) + 1), (made, rng.choice((b"", bomb, rng.randbytes(26)))))
    return data[:8] + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size


# Archives: a member of hostile name or kind, a header whose checksum is mended, or any bytes


def mutated_archive(data: bytes, rng: random.Random) -> bytes:
    """A zip, or a tar that is not compressed: for one that is, see `packed`."""
    if rng.random() < 0.5:
        return mutated_bytes(data, rng)
    return _zip_with_guests(data, rng) if data.startswith(b"PK") else _tar_header_changed(data, rng)


def packed(pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes]) -> Callable[[bytes, random.Random], bytes]:
    """The mutator of a compressed archive: half of the changes before it is compressed, half after."""

    def mutated(data: bytes, rng: random.Random) -> bytes:
        return mutated_bytes(data, rng) if rng.random() < 0.5 else pack(mutated_archive(unpack(data), rng))

    return mutated


def _zip_with_guests(data: bytes, rng: random.Random) -> bytes:
    """The same zip with one or two more members, or with one field of one entry of its table of contents changed."""
    if rng.random() < 0.5:
        out = bytearray(data)
        starts = [at for at in range(len(out) - 46) if out[at : at + 4] == b"PK\1\2"]
        at = rng.choice(starts)
        first, size = rng.choice(
            ((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (34, 2), (38, 4), (42, 4))
        )
        out[at + first : at + first + size] = (rng.choice(EDGES) % (1 << 8 * size)).to_bytes(size, "little")
        return bytes(out)
    with zipfile.ZipFile(target := io.BytesIO(data), "a") as archive:
        known = archive.namelist()
        for _ in range(rng.randrange(1, 3)):
            name = rng.choice((*TEXTS, *known[:3], "d/" * 99 + "x", known[0] + "/x", "Sample001/img001-1.png", "x.tgz"))
            info = zipfile.ZipInfo(name.encode(errors="replace").decode() or "x")
            info.external_attr = rng.choice((0, 0o120777, 0o010666, 0o020666, 0o040777, 0o100644)) << 16
            content = rng.choice((b"", b"x", name.encode(errors="replace"), rng.randbytes(99), bytes(1 << 20)))
            archive.writestr(info, content, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    return target.getvalue()


FIELDS = (
    (0, 100),
    (100, 108),
    (124, 136),
    (156, 157),
    (157, 257),
    (257, 265),
    (329, 345),
    (345, 500),
)  # of a ustar header


def _tar_header_changed(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    starts = [at for at in range(0, len(out) - 511, tarfile.BLOCKSIZE) if out[at + 257 : at + 262] == b"ustar"]
    at = rng.choice(starts)
    first, last = rng.choice(FIELDS)
    width = last - first
    text = rng.choice(TEXTS).encode(errors="surrogatepass")[:width].ljust(width, b"\0")
    sizes = b"%0*o" % (width - 1, rng.choice(EDGES)) if width > 8 else b""
    kinds = bytes(rng.choices(b"01234567/.xgKLSV\xff\x80", k=width))
    out[at + first : at + last] = rng.choice((text, sizes[:width].ljust(width, b"\0"), kinds, rng.randbytes(width)))
    out[at + 148 : at + 156] = b" " * 8
    out[at + 148 : at + 156] = b"%06o\0 " % sum(out[at : at + tarfile.BLOCKSIZE])
    return bytes(out)


# Documents: JSON with a value, a name or its text changed


def mutated_document(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.1:
        return mutated_bytes(data, rng)
    if rng.random() < 0.03:
        return _no_document(rng)
    plain = json.loads(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        plain = _changed_value(plain, rng)
    text = json.dumps(plain).replace(json.dumps(DEEP), _lists(rng))
    if rng.random() < 0.05:
        text = _doubled_name(text, rng)
    if rng.random() < 0.02:
        return text.encode(rng.choice(("utf-16", "utf-32", "utf-8-sig")))
    return text.encode(errors="surrogatepass")


def _no_document(rng: random.Random) -> bytes:
    if rng.random() < 0.05:
        return (b"[" * (5 << 20) + b"]" * (5 << 20)) if rng.random() < 0.5 else b"[" + b"[]," * (3 << 20) + b"[]]"
    deep = _lists(rng)
    return rng.choice((
        b"", b"null", b"[]", b"{}", b"0", b'""', b"{", b"\xff\xfe", b"nan", b'{"version":' + b"9" * 5000 + b"}",
        deep.encode(), f'{{"version": {deep}}}'.encode(), f'{{"version": {deep}, "key": {deep}}}'.encode(),
        b'{"a":' * rng.choice(DEPTHS) + b"1", b"\x80\x04\x95", b'"' + b"x" * (1 << 20) + b'"',
    ))  # fmt: skip


def _lists(rng: random.Random) -> str:
    depth = rng.choice(DEPTHS)
    return "[" * depth + "]" * depth


def _changed_value(plain: Any, rng: random.Random) -> Any:
    """The document with one of its values replaced, left out, doubled or renamed, wherever it lies."""
    if not (place := _place(plain, rng)):
        return _hostile(rng)
    holder, name = place
    match rng.randrange(8):
        case 0:
            del holder[name]
        case 1 if isinstance(holder, dict):
            holder[rng.choice((*TEXTS, f"{name}_", str(name).upper()))] = holder.pop(name)
        case 1 | 2:
            extra = holder[name] if rng.random() < 0.5 else _hostile(rng)
            if isinstance(holder, dict):
                holder[rng.choice(TEXTS)] = extra
            else:
                holder.insert(name, extra)
        case 3:
            other, there = _place(plain, rng) or place
            holder[name] = json.loads(json.dumps(other[there]))
        case 4 if isinstance(holder[name], int | float) and not isinstance(holder[name], bool):
            holder[name] = rng.choice(NUMBERS)
        case 5 if isinstance(holder[name], str):
            holder[name] = rng.choice((*TEXTS, holder[name] + "x", holder[name][:-1], holder[name].upper()))
        case _:
            holder[name] = _hostile(rng)
    return plain


def _place(plain: Any, rng: random.Random) -> tuple[Any, Any] | None:
    """A (list or object, index or name): from the top downwards, so that few fields are as likely as many numbers."""
    place = None
    while isinstance(plain, dict | list) and plain and (place is None or rng.random() < 0.75):
        name = rng.choice(list(plain)) if isinstance(plain, dict) else rng.randrange(len(plain))
        place, plain = (plain, name), plain[name]
    return place


def _hostile(rng: random.Random) -> Any:
    made = (None, True, [], {}, [[]], [None] * 3, {"": 0}, {"__reduce__": ["os.system", ["x"]]}, DEEP)
    return rng.choice((*made, *NUMBERS, *TEXTS, "A" * 100_000))


def _doubled_name(text: str, rng: random.Random) -> str:
    colons = [at for at in range(len(text)) if text[at : at + 2] == ": " and text[at - 1] == '"']
    if not colons:
        return text
    at = rng.choice(colons)
    name = text[text.rindex('"', 0, at - 1) : at]
    return text[: at + 2] + f"null, {name}: " + text[at + 2 :]


# Tables: Parquet with other columns, types, lengths or values, or any bytes


def mutated_table(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.6:
        return mutated_bytes(data, rng)
    table = pq.read_table(io.BytesIO(data))
    for _ in range(rng.choice((1, 1, 2))):
        table = _changed_table(table, rng)
    made = io.BytesIO()
    codec = rng.choice(("zstd", "snappy", "gzip", "brotli", "lz4", "none"))
    groups = rng.choice((1, 3, 1024))
    pq.write_table(table, made, compression=codec, row_group_size=groups, use_dictionary=rng.random() < 0.5)
    return made.getvalue() if rng.random() < 0.8 else mutated_bytes(made.getvalue(), rng)


def _changed_table(table: pa.Table, rng: random.Random) -> pa.Table:
    if not table.num_columns:
        return table
    at = rng.randrange(table.num_columns)
    if rng.random() < 0.5 and table.num_columns > 8:  # what is read first is tried as often as the many others
        at = rng.randrange(3)
    name, n = table.column_names[at], table.num_rows
    match rng.randrange(7):
        case 0:
            return table.remove_column(at)
        case 1:
            return table.rename_columns(
                [
                    rng.choice(("", "x", "\0", "\u20ac", "image")) if i == at else c
                    for i, c in enumerate(table.column_names)
                ]
            )
        case 2:
            return table.append_column(rng.choice((name, "x")), table.column(at))
        case 3:
            return table.slice(0, rng.choice((0, 1, n // 2))) if rng.random() < 0.5 else pa.concat_tables([table] * 3)
        case 4:
            values: list[Any] = table.column(at).to_pylist()
            for _ in range(rng.randrange(1, 4) if values else 0):
                values[rng.randrange(n)] = _value(values[0], rng)
            return _with(table, at, values, table.column(at).type)
        case 5:
            return table.set_column(at, name, pa.array([rng.choice(COLUMN_VALUES)] * n))
        case _:
            return table.set_column(at, name, pa.array(_column(n, rng)))


COLUMN_VALUES: tuple[Any, ...] = (None, 0, -1, 2**62, 0.5, math.nan, "x", b"x", b"", True, [1], {"a": 1})


def _value(like: Any, rng: random.Random) -> Any:
    if isinstance(like, str):
        return rng.choice((None, "", "x", "\u20ac" * 9, "a" * 100_000))
    if isinstance(like, bytes):
        return rng.choice((None, bytes(len(like)), rng.randbytes(len(like))))
    if isinstance(like, float):
        return rng.choice((None, math.nan, math.inf, -1.0, 1e38))
    return rng.choice((None, -1, 62, 32767, -32768, 0))


def _with(table: pa.Table, at: int, values: list[Any], kind: pa.DataType) -> pa.Table:
    try:
        return table.set_column(at, table.column_names[at], pa.array(values, kind))
    except (pa.ArrowException, OverflowError, TypeError):
        return table.set_column(at, table.column_names[at], pa.nulls(len(values), kind))


def _column(n: int, rng: random.Random) -> Any:
    width = rng.choice((0, 1, 100, 1024, 4096))
    return rng.choice((
        np.arange(n, dtype=np.int64) * 2**40, np.full(n, np.nan), np.zeros(n, bool), [bytes(width)] * n,
        [str(i) for i in range(n)], [[i] for i in range(n)], np.arange(n, dtype=np.uint8),
    ))  # fmt: skip
