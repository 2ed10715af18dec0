"""What is particular to a store in a bucket: what its server and the way to it may do."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from charrec.errors import InputError
from charrec.storage import Conflict, NotFound, Unrecorded, open_store
from charrec.storage.s3 import S3Store
from tests.fault_proxy import FaultProxy
from tests.s3_server import BUCKET
from tests.storage.stand_ins import playing


def test_an_object_that_another_tool_uploaded_has_no_record(bucket: S3Store, s3_server: str) -> None:
    bucket.client.put_object(Bucket=bucket.bucket, Key=f"{bucket.base}a", Body=b"1")
    for act in (lambda: bucket.get("a"), lambda: bucket.sha256("a"), lambda: bucket.read("a")):
        with pytest.raises(
            Unrecorded, match="a has no recorded SHA-256; expected an object that charrec wrote"
        ) as told:
            act()
        assert f"`charrec store check --store {bucket.url} --endpoint {s3_server}`" in told.value.remedy


def test_what_is_recorded_keeps_all_else_about_the_object(bucket: S3Store) -> None:
    place = {"Bucket": bucket.bucket, "Key": f"{bucket.base}a"}
    bucket.client.put_object(**place, Body=b"1", ContentType="image/png", Metadata={"by": "a camera"})
    bucket.record("a", bucket.seen("a"))
    head = bucket.client.head_object(**place)
    assert head["ContentType"] == "image/png"
    assert head["Metadata"] == {"by": "a camera", "sha256": hashlib.sha256(b"1").hexdigest()}


def test_a_local_copy_is_fetched_once_and_again_when_it_is_damaged(bucket: S3Store, tmp_path: Path) -> None:
    bucket.put("a/b", b"right")
    path, fetched = bucket.local("a/b", tmp_path), []
    bucket.client.meta.events.register("before-send.s3.GetObject", lambda **_: fetched.append(1))
    assert bucket.local("a/b", tmp_path) == path and fetched == []
    path.write_bytes(b"wrong")
    assert bucket.local("a/b", tmp_path).read_bytes() == b"right" and fetched == [1]


def test_list_reads_on_after_the_first_thousand(bucket: S3Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda index: bucket.put(f"{index:04}", b""), range(1001)))
    assert [entry.key for entry in bucket.list()] == [f"{index:04}" for index in range(1001)]


def lose_replies(bucket: S3Store, times: int) -> list[int]:
    """The next writes reach the server; their replies do not come back. Returns the replies lost, as they happen."""
    from botocore.exceptions import ReadTimeoutError

    statuses: list[int] = []

    def send(request: Any, **_: Any) -> None:
        if len(statuses) < times:
            statuses.append(bucket.client._endpoint.http_session.send(request).status_code)  # type: ignore[attr-defined]
            raise ReadTimeoutError(endpoint_url=request.url)

    bucket.client.meta.events.register("before-send.s3.PutObject", send)
    return statuses


@pytest.mark.parametrize(("times", "replies"), [(1, [200]), (5, [200, 412, 412, 412, 412])])
def test_a_swap_whose_reply_was_lost_is_recognised(
    bucket: S3Store, times: int, replies: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    version = bucket.create("a", b"1")
    lost = lose_replies(bucket, times)
    version = bucket.swap("a", b"2", version)
    assert lost == replies and bucket.read("a") == (b"2", version)


def test_a_create_whose_reply_was_lost_is_recognised(bucket: S3Store) -> None:
    lost = lose_replies(bucket, 1)
    version = bucket.create("a", b"1")
    assert lost == [200] and bucket.read("a") == (b"1", version)


def test_a_lost_refusal_stays_a_conflict_even_for_the_same_content(bucket: S3Store) -> None:
    bucket.create("a", b"1")
    lost = lose_replies(bucket, 1)
    with pytest.raises(Conflict):
        bucket.create("a", b"1")
    assert lost == [412]


def answer(bucket: S3Store, status: int, code: str, times: int) -> list[int]:
    """The next writes get this reply in place of the server's, as other servers give it."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    class Raw(BytesIO):
        def stream(self, amount: int | None = None) -> list[bytes]:
            return [self.read()]

    answered: list[int] = []

    def send(request: Any, **_: Any) -> Any:
        if len(answered) == times:
            return None
        answered.append(status)
        return AWSResponse(request.url, status, HTTPHeaders(), Raw(f"<Error><Code>{code}</Code></Error>".encode()))

    bucket.client.meta.events.register("before-send.s3.PutObject", send)
    return answered


def test_a_write_that_met_another_in_flight_goes_again(bucket: S3Store) -> None:
    version = bucket.create("a", b"1")
    answered = answer(bucket, 409, "ConditionalRequestConflict", 2)
    bucket.swap("a", b"2", version)
    assert answered == [409, 409] and bucket.get("a") == b"2"


@pytest.mark.parametrize("act", [lambda store: store.create("a", b"2"), lambda store: store.swap("a", b"2", '"1"')])
def test_a_409_where_the_condition_fails_is_a_conflict_at_once(act: Callable[[S3Store], str], bucket: S3Store) -> None:
    """As several servers say it where Amazon says 412."""
    bucket.create("a", b"1")
    answered = answer(bucket, 409, "Conflict", 100)
    with pytest.raises(Conflict):
        act(bucket)
    assert len(answered) == 1


@pytest.mark.parametrize(("status", "code"), [(404, "NoSuchKey"), (412, "PreconditionFailed"), (409, "Conflict")])
def test_a_swap_of_what_is_gone_is_a_conflict_however_it_is_told(status: int, code: str, bucket: S3Store) -> None:
    version = bucket.create("a", b"1")
    bucket.delete("a")
    answered = answer(bucket, status, code, 100)
    with pytest.raises(Conflict, match="a has changed or vanished"):
        bucket.swap("a", b"2", version)
    assert len(answered) == 1


def test_a_write_that_never_gets_its_turn_may_still_land_so_it_is_no_conflict(
    bucket: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told that it was refused, a training deleted the weights that the late write then pointed at."""
    monkeypatch.setattr("charrec.storage.conditional.pauses", lambda: [0.0] * 5)
    version = bucket.create("held", b"1")
    answered = answer(bucket, 409, "ConditionalRequestConflict", 100)
    for write in (lambda: bucket.create("new", b"1"), lambda: bucket.swap("held", b"2", version)):
        answered.clear()
        with pytest.raises(ConnectionError, match=r"(new|held) was answered 409, though its condition holds"):
            write()
        assert len(answered) == 6


def test_a_server_without_conditional_writes_is_refused(bucket: S3Store) -> None:
    answered = answer(bucket, 501, "NotImplemented", 100)
    with pytest.raises(InputError, match="answers 501 NotImplemented; expected an S3 server with conditional"):
        bucket.create("a", b"1")
    assert len(answered) == 1


def stock_client(endpoint: str) -> Any:
    """As boto3 makes it: with checksums in trailers, and so with chunked bodies, where it speaks TLS."""
    return boto3.session.Session().client("s3", endpoint_url=endpoint)


def test_a_server_that_takes_no_trailers_takes_our_writes(bucket: S3Store, s3_server: str, tmp_path: Path) -> None:
    with playing("no trailers", s3_server, tmp_path) as proxy:
        with pytest.raises(ClientError, match="NotImplemented"):
            stock_client(proxy.url).put_object(Bucket=BUCKET, Key="a", Body=b"1")
        S3Store(bucket.url, proxy.url).create("a", b"1")
    assert bucket.get("a") == b"1"


def test_conditions_that_are_ignored_for_chunked_bodies_hold_for_ours(
    bucket: S3Store, s3_server: str, tmp_path: Path
) -> None:
    place: dict[str, Any] = {"Bucket": bucket.bucket, "Key": f"{bucket.base}a"}
    with playing("conditions ignored where chunked", s3_server, tmp_path) as proxy:
        for data in (b"1", b"2"):
            stock_client(proxy.url).put_object(**place, IfNoneMatch="*", Body=data)
        with pytest.raises(Conflict):
            S3Store(bucket.url, proxy.url).create("a", b"3")
    assert bucket.seen("a").sha256 == hashlib.sha256(b"2").hexdigest()


def test_a_body_that_breaks_off_is_read_again(bucket: S3Store) -> None:
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders
    from urllib3.exceptions import ProtocolError

    class Broken(BytesIO):
        def read(self, amount: int | None = -1) -> bytes:
            if data := super().read(4):
                return data
            raise ProtocolError("connection broken")

    broken: list[int] = []

    def send(request: Any, **_: Any) -> Any:
        if broken:
            return None
        broken.append(200)
        return AWSResponse(request.url, 200, HTTPHeaders.from_dict({"ETag": '"1"'}), Broken(b"half"))

    bucket.put("a", b"whole")
    bucket.client.meta.events.register("before-send.s3.GetObject", send)
    assert bucket.get("a") == b"whole" and broken == [200]


def test_a_refusal_that_breaks_off_is_one_or_a_connection_error(s3_url: str, s3_server: str) -> None:
    found = set()
    with FaultProxy(s3_server, 0, {"cut": 1.0}) as proxy:
        store = S3Store(s3_url, proxy.url)
        for _ in range(10):  # some end, some are reset
            with pytest.raises((NotFound, ConnectionError)) as caught:
                store.get("missing")
            found.add(caught.type)
        assert proxy.counts["cut"] == 10
    assert found == {NotFound, ConnectionError}


def test_a_missing_bucket_is_an_input_error_and_is_not_made(s3_server: str, tmp_path: Path) -> None:
    """Not by the server either: SeaweedFS makes the bucket of an administrator's first write."""
    name = f"misspelt-{uuid4().hex}"
    (tmp_path / "a").write_bytes(b"")
    for act in (
        lambda store: store.get("a"),
        lambda store: store.put("a", b""),
        lambda store: store.create("a", b""),
        lambda store: store.swap("a", b"", '"0"'),
        lambda store: store.upload(tmp_path / "a", "a"),
        lambda store: store.list(),
    ):
        store = S3Store(f"s3://{name}/a", s3_server)
        with pytest.raises(InputError, match="404 NoSuchBucket; expected a bucket that exists"):
            act(store)
    assert name not in [bucket["Name"] for bucket in store.client.list_buckets()["Buckets"]]


@pytest.mark.parametrize("there", [b"", b"1"])
def test_whether_the_bucket_is_there_is_looked_for_once(there: bytes, bucket: S3Store, s3_server: str) -> None:
    bucket.put("a", there)
    store, looks = S3Store(bucket.url, s3_server), list[int]()
    store.client.meta.events.register("before-send.s3.GetObject", lambda **_: looks.append(1))
    for data in (b"2", b"3"):
        store.put("a", data)
    assert bucket.get("a") == b"3" and looks == [1]


def test_a_server_that_is_not_there_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    # boto3 itself reads the variable; port 9 is the discard service's.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    with pytest.raises(ConnectionError, match="^s3://bucket/a at 127.0.0.1:9 gave no whole reply"):
        open_store("s3://bucket/a").get("a")


def test_no_credentials_is_an_input_error(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(InputError, match="NoCredentialsError; expected credentials"):
        open_store("s3://bucket/a", endpoint=s3_server).get("a")
