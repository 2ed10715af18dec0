"""A store is tried before a search trusts it: real servers pass, those that only pretend are refused."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest

from charrec.errors import InputError
from charrec.storage import Conflict, Store
from charrec.storage.proof import prove_compare_and_swap
from charrec.storage.s3 import S3Store
from tests.fault_proxy import FAULTS, Answer, FaultProxy, Headers
from tests.s3_server import BUCKET
from tests.storage.stand_ins import CONDITIONS, Rewrite, answering, ignoring, looking_first


def test_a_good_store_passes_and_is_left_empty(store: Store) -> None:
    prove_compare_and_swap(store, "sweep/proofs")
    assert store.list() == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_good_store_passes_on_a_bad_line(fault: str, s3_url: str, s3_server: str) -> None:
    def with_a_body(method: str, _path: str) -> bool:
        return method == "GET" or fault != "cut"

    with FaultProxy(s3_server, 1, {fault: 0.15}, only=with_a_body) as proxy:  # by this seed the first one is hit
        store = S3Store(s3_url, proxy.url)
        prove_compare_and_swap(store, "sweep/proofs")
        assert proxy.counts[fault] > 0
        proxy.on = False
        assert store.list() == []


def test_an_increment_made_again_after_a_lost_reply_does_not_speak_against_a_store(
    bucket: S3Store, s3_server: str
) -> None:
    counts: list[int] = []

    def come_between(method: str, path: str, headers: Headers) -> Headers:
        """Before a write is sent again, somebody else counts on top of it."""
        if "attempt=2" in headers.get("amz-sdk-request", ""):
            counts.append(increment(bucket, path.split("/", 3)[3]))
        return headers

    def first_increments(method: str, _path: str) -> bool:
        return method == "PUT" and proxy.counts["lose"] == 0 and proxy.counts["forwarded"] > 6  # requests before them

    with FaultProxy(s3_server, 0, {"lose": 1.0}, only=first_increments, rewrite=come_between) as proxy:
        prove_compare_and_swap(S3Store(bucket.url, proxy.url), "sweep/proofs")
        assert proxy.counts["lose"] == len(counts) > 0
    assert bucket.list() == []


def increment(store: Store, key: str) -> int:
    while True:
        data, version = store.read(key)
        try:
            store.swap(key, str(int(data) + 1).encode(), version)
            return int(data) + 1
        except Conflict:
            continue


@pytest.mark.parametrize(
    ("server", "found"),
    [
        (ignoring(*CONDITIONS), "created an object that existed"),  # rclone, s3rver
        (ignoring("If-None-Match"), "created an object that existed"),
        (ignoring("If-Match"), "overwrote an object that had changed"),
        (answering("If-Match", 501, "NotImplemented"), "answers 501 NotImplemented"),  # Swift
        (answering("If-None-Match", 501, "NotImplemented"), "answers 501 NotImplemented"),
        (answering("If-Match", 412, "PreconditionFailed"), "refused to overwrite the version"),  # Ceph 16
        (answering("If-None-Match", 412, "PreconditionFailed"), "refused to create an object that did not exist"),
    ],
)
def test_a_server_whose_conditions_do_not_hold_is_refused(
    server: Rewrite, found: str, s3_url: str, s3_server: str
) -> None:
    with FaultProxy(s3_server, 0, {}, rewrite=server) as proxy:
        store = S3Store(s3_url, proxy.url)
        with pytest.raises(InputError, match=rf"^{re.escape(s3_url)}.* {found}") as caught:
            prove_compare_and_swap(store, "sweep/proofs")
        assert "conditional writes (If-Match, If-None-Match)" in caught.value.expected
        assert "or a folder" in caught.value.remedy
        assert proxy.counts["rewritten"] + proxy.counts["answered"] > 0
        assert store.list() == []


@pytest.mark.long
def test_moto_is_refused(s3_servers: Callable[[str], str]) -> None:
    """A missing object cannot be told from a web page; what is there is copied whatever the condition says."""
    with pytest.raises(InputError, match="answers 404 with text/html, as no S3 server does; expected the address of"):
        prove_compare_and_swap(S3Store(f"s3://{BUCKET}/{uuid4().hex}", s3_servers("moto")), "sweep/proofs")


@pytest.mark.parametrize(
    ("condition", "found"),
    [("If-Match", r"kept \d of 8 increments by 4 writers"), ("If-None-Match", "let 2 of 2 writers create one object")],
)
def test_a_server_that_looks_first_and_writes_later_is_refused(
    condition: str, found: str, bucket: S3Store, s3_server: str
) -> None:
    late: Rewrite = looking_first(bucket)

    def rewrite(method: str, path: str, headers: Headers) -> Headers | Answer:
        return late(method, path, headers) if condition in headers else headers

    with FaultProxy(s3_server, 0, {"delay": 1.0}, only=lambda method, _: method == "PUT", rewrite=rewrite) as proxy:
        with pytest.raises(InputError, match=f"{found}; expected a store whose"):
            prove_compare_and_swap(S3Store(bucket.url, proxy.url), "sweep/proofs")
        assert proxy.counts["rewritten"] >= 8
    assert bucket.list() == []
