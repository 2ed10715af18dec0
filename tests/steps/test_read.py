"""Images under a prefix: whoever put them there, each has a SHA-256, and that content is read or none."""

from hashlib import sha256
from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.steps.read import _content, images_under
from charrec.storage import Corrupt, open_store
from charrec.storage.s3 import S3Store


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def test_images_of_other_tools_are_read_by_the_digest_of_their_bytes(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.put("inbox/a.png", b"ours")
    (tmp_path / "inbox" / "b.png").write_bytes(b"copied")
    assert images_under("inbox", store) == {"inbox/a.png": digest(b"ours"), "inbox/b.png": digest(b"copied")}
    assert _content("inbox/b.png", digest(b"copied"), 6, store) == b"copied"


def test_so_are_images_that_were_uploaded_to_a_bucket(s3_url: str, s3_server: str) -> None:
    store = S3Store(s3_url, s3_server)
    store.put("inbox/a.png", b"ours")
    store.client.put_object(Bucket=store.bucket, Key=f"{store.base}inbox/b.png", Body=b"uploaded")
    assert images_under("inbox/", store) == {"inbox/a.png": digest(b"ours"), "inbox/b.png": digest(b"uploaded")}
    assert _content("inbox/b.png", digest(b"uploaded"), 8, store) == b"uploaded"


def test_an_image_that_was_damaged_or_replaced_is_told(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.put("inbox/a.png", b"ours")
    with pytest.raises(Corrupt, match=f"inbox/a.png has SHA-256 {digest(b'ours')}; expected {digest(b'other')}"):
        _content("inbox/a.png", digest(b"other"), 4, store)
    (tmp_path / "inbox" / "a.png").write_bytes(b"damaged")
    with pytest.raises(Corrupt, match=f"inbox/a.png has SHA-256 {digest(b'damaged')}; expected {digest(b'ours')}"):
        images_under("inbox", store)


def test_an_image_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="inbox/a.png is gone; expected the image that was listed"):
        _content("inbox/a.png", digest(b"ours"), 4, open_store(str(tmp_path)))


def test_an_empty_prefix_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="inbox is empty; expected images of one character each"):
        images_under("inbox", open_store(str(tmp_path)))
