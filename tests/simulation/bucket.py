# ruff: noqa: N803 - the names of boto3's arguments
"""A bucket in memory and boto3's client to it, over a network that loses, delays and repeats.

The client stands below S3Store, so everything above the client is the real code. Each call is sent up to five times,
as boto3 does; each send may be lost, may land and lose its reply, may land long after its caller gave up, may be
answered 500 whether it happened or not, or 409 where another conditional write is in flight.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from io import BytesIO
from types import SimpleNamespace
from typing import Any, BinaryIO, NamedTuple, Protocol

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.simulation.world import World

SENDS = 5
PATIENCE = 60.0  # seconds that a client waits for a reply
LATE = 300.0  # seconds that a request may be on its way
SLOW = 15.0  # seconds that the server may take over one
BEGAN = datetime(2026, 11, 27, tzinfo=UTC)


class Object(NamedTuple):
    data: bytes
    metadata: dict[str, str]
    modified: float

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'


class Watch(Protocol):
    """Who looks at every change of the bucket, and raises Violation."""

    def written(self, key: str, data: bytes) -> None: ...

    def deleted(self, key: str) -> None: ...


@dataclass
class Weather:
    """How often what goes wrong, and until when; all of it drawn by the seed."""

    lost: float = 0.0  # requests that never arrive
    unanswered: float = 0.0  # replies that never arrive
    late: float = 0.0  # requests that land up to five minutes after they were sent
    refused: float = 0.0  # answered 500, half of them although they happened
    in_flight: float = 0.0  # conditional writes answered 409 where another one is under way
    killed: float = 0.0  # processes killed at a call, before it, in it or after it
    frozen: float = 0.0  # processes frozen at a call, for up to ten minutes
    until: float = 0.0  # seconds; then the sky is clear
    page: int = 1000  # keys in a page of a list
    racy: str = ""  # the condition (IfMatch, IfNoneMatch) that the server checks as a write arrives, not as it lands

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:.3g}" for name, value in vars(self).items() if value and name != "racy")


class Bucket:
    """Strongly consistent, as S3 is; its clock may jump."""

    def __init__(self, world: World, weather: Weather, watch: Watch) -> None:
        self.world, self.weather, self.watch = world, weather, watch
        self.objects: dict[str, Object] = {}
        self.jumped = 0.0  # seconds that its clock is ahead
        self.writing: dict[str, int] = {}  # conditional writes under way

    def now(self) -> float:
        return self.world.now + self.jumped

    def date(self, seconds: float) -> datetime:
        return BEGAN + timedelta(seconds=int(seconds))

    def told(self) -> dict[str, Any]:
        """The time, which every reply tells."""
        return {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(self.date(self.now()), usegmt=True)}}}

    def put(self, key: str, data: bytes, metadata: dict[str, str], condition: dict[str, str]) -> dict[str, Any]:
        if condition and self.writing[key] > 1 and self.raining(self.weather.in_flight):
            raise refused(409, "ConditionalRequestConflict")
        if self.weather.racy not in condition:
            self.check(key, condition)
        made = self.objects[key] = Object(data, metadata, self.now())
        self.watch.written(key, data)
        return {"ETag": made.etag}

    def check(self, key: str, condition: dict[str, str]) -> None:
        held = self.objects.get(key)
        if "IfNoneMatch" in condition and held:
            raise refused(412, "PreconditionFailed")
        if "IfMatch" in condition and not held:
            raise refused(404, "NoSuchKey")
        if "IfMatch" in condition and held and held.etag != condition["IfMatch"]:
            raise refused(412, "PreconditionFailed")

    def head(self, key: str) -> dict[str, Any]:
        if key not in self.objects:
            raise refused(404, "404")
        return {"Metadata": self.objects[key].metadata, "ETag": self.objects[key].etag}

    def get(self, key: str) -> dict[str, Any]:
        if key not in self.objects:
            raise refused(404, "NoSuchKey")
        return self.head(key) | self.told() | {"Body": Body(self.objects[key].data)}

    def delete(self, key: str) -> dict[str, Any]:
        if self.objects.pop(key, None):
            self.watch.deleted(key)
        return {}

    def page(self, prefix: str, after: str) -> dict[str, Any]:
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        shown = [(key, self.objects[key]) for key in keys[: self.weather.page]]
        return {
            **self.told(),
            "Contents": [
                {"Key": key, "Size": len(each.data), "LastModified": self.date(each.modified)} for key, each in shown
            ],
            "More": len(keys) > len(shown),
        }

    def raining(self, rate: float) -> bool:
        return rate > 0 and self.world.now < self.weather.until and self.world.rng.random() < rate


class Body(BytesIO):
    def iter_chunks(self, size: int) -> Iterator[bytes]:
        yield self.read()


class Client:
    """What S3Store calls of boto3's client. Each call is a process's only chance to pass the baton on."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket, self.world = bucket, bucket.world
        self.meta = SimpleNamespace(endpoint_url="http://simulated")

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, Metadata: dict[str, str], **condition: str) -> Any:
        how = "".join(f" if {value[:9]}" if name == "IfMatch" else " if new" for name, value in condition.items())
        early = partial(self.bucket.check, Key, condition) if self.bucket.weather.racy in condition else None
        put = partial(self.bucket.put, Key, Body, Metadata, condition)
        return self._call(f"PUT {Key}{how}", put, Key if condition else None, early)

    def get_object(self, *, Bucket: str, Key: str, Range: str = "") -> Any:
        return self._call(f"GET {Key}", lambda: self.bucket.get(Key))

    def head_object(self, *, Bucket: str, Key: str) -> Any:
        return self._call(f"HEAD {Key}", lambda: self.bucket.head(Key))

    def delete_object(self, *, Bucket: str, Key: str) -> Any:
        return self._call(f"DELETE {Key}", lambda: self.bucket.delete(Key))

    def upload_fileobj(self, file: BinaryIO, *, Bucket: str, Key: str, ExtraArgs: Any, Config: Any) -> None:
        data = file.read()
        self._call(f"UPLOAD {Key}", lambda: self.bucket.put(Key, data, ExtraArgs["Metadata"], {}))

    def get_paginator(self, name: str) -> "Client":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        after = ""
        while True:
            page = self._call(f"LIST {Prefix} after {after!r}", partial(self.bucket.page, Prefix, after))
            yield page
            if not page["More"]:
                return
            after = page["Contents"][-1]["Key"]

    def _call(
        self, what: str, effect: Callable[[], Any], conditional: str | None = None,
        early: Callable[[], None] | None = None,
    ) -> Any:  # fmt: skip
        answer: Any = None
        for send in range(SENDS):
            if send:
                self.world.sleep(self.world.rng.uniform(0, 2**send))
            answer = self._send(f"{what}{f' (send {send + 1})' if send else ''}", effect, conditional, early)
            if isinstance(answer, ClientError) and status(answer) < 500:
                raise answer
            if answer is not None and not isinstance(answer, ClientError):
                return answer
        raise answer or ReadTimeoutError(endpoint_url="http://simulated")

    def _send(
        self, what: str, effect: Callable[[], Any], conditional: str | None, early: Callable[[], None] | None
    ) -> Any:
        """The reply, a ClientError or not; None: there was none."""
        world, bucket, weather = self.world, self.bucket, self.bucket.weather
        caller, replies = world.current, []
        self._misfortune(f"before {what}")
        arrives = not bucket.raining(weather.lost)
        late = bucket.raining(weather.late)
        answered = not bucket.raining(weather.unanswered)
        forth, inside, back = (world.rng.expovariate(30) for _ in range(3))
        patience = PATIENCE if world.rng.random() < 0.3 else world.rng.uniform(0.1, 5)  # or the line breaks
        if late and world.rng.random() < 0.5:
            inside = world.rng.uniform(0, SLOW)
        elif late:
            forth = world.rng.uniform(0, LATE)
        wake = caller.waker()

        def arrive() -> None:
            if conditional:
                bucket.writing[conditional] = bucket.writing.get(conditional, 0) + 1
            try:
                world.at(inside, partial(land, early() if early else None))
            except ClientError as refusal:
                world.at(inside, partial(land, refusal))

        def land(forbidden: ClientError | None) -> None:
            refusal = bucket.raining(weather.refused)
            world.current, before = caller, world.current  # so that the trace names the sender
            try:
                reply = forbidden or (effect() if not refusal or world.rng.random() < 0.5 else None)
            except ClientError as error:
                reply = error
            finally:
                if conditional:
                    bucket.writing[conditional] -= 1
            told = reply if not refusal else refused(500, "InternalError")
            world.note(f"{what} -> {said(reply)}{', told as 500' if refusal else ''}{', late' if late else ''}")
            world.current = before
            if answered:
                world.at(back, lambda: (replies.append(told), wake())[-1])

        if arrives:
            world.at(forth, arrive)
        if not (arrives and answered and not late):
            world.at(patience, wake)
        world.block()
        if not replies:
            world.note(f"{what}: no reply")
        self._misfortune(f"after {what}")
        return replies[0] if replies else None

    def _misfortune(self, when: str) -> None:
        process, bucket = self.world.current.process, self.bucket
        if process.lasting:
            return
        if bucket.raining(bucket.weather.killed):
            process.kill(when)
            self.world.block()
        if bucket.raining(bucket.weather.frozen):
            seconds = self.world.rng.choice((1.0, 30.0, 90.0, 600.0)) * self.world.rng.random()
            process.frozen_until = self.world.now + seconds
            self.world.note(f"{process.name} is frozen for {seconds:.0f} s {when}", process.name)
            self.world.sleep(0)


def refused(code: int, name: str) -> ClientError:
    reply: Any = {"Error": {"Code": name}, "ResponseMetadata": {"HTTPStatusCode": code}}
    return ClientError(reply, "simulated")


def status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def said(reply: Any) -> str:
    if isinstance(reply, ClientError):
        return str(status(reply))
    if reply is None:
        return "nothing happened"
    return str(reply["ETag"])[:9] if "ETag" in reply else "done"
