"""Puts the real code into a simulated world: time, threads, chance, the S3 client and Keras are the world's."""

import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from charrec.storage import backoff, change, conditional, proof, s3
from charrec.storage import clock as storage_clock
from charrec.sweep import heartbeat, outcome, transaction, trial, worker
from charrec.sweep.document import parsed
from charrec.training import train
from charrec.tuning import convnets
from tests.simulation.bucket import Bucket, Client, Weather
from tests.simulation.invariants import Invariants
from tests.simulation.training import Trainer
from tests.simulation.world import Barrier, Event, Pool, World

remembered = lru_cache(maxsize=64)(parsed)  # the same bytes are read many times; what it returns is frozen


@contextmanager
def staged(world: World, bucket: Bucket, trainer: Trainer, proven: bool = True) -> Iterator[None]:
    """As long as this lasts, the code runs in the world; `proven`: workers prove compare-and-swap as they start."""
    clock = SimpleNamespace(monotonic=lambda: world.current.process.monotonic(), sleep=world.sleep)
    process = SimpleNamespace(
        node=lambda: world.current.process.name, getpid=lambda: world.current.process.number,
    )  # fmt: skip
    threads = SimpleNamespace(
        Event=lambda: Event(world),
        Thread=lambda target, name, daemon: world.thread(world.current.process, target, "heart"),
    )
    told = logging.Logger.handle

    def noted(logger: logging.Logger, record: logging.LogRecord) -> None:
        if not logger.name.startswith("charrec."):
            told(logger, record)
        elif not world.closing:
            world.note(f"says: {record.getMessage()}")

    with pytest.MonkeyPatch.context() as patch:
        for module in (heartbeat, transaction, conditional, proof, train):
            patch.setattr(module, "uuid4", lambda: uuid.UUID(int=world.rng.getrandbits(128), version=4))
        for module in (heartbeat, outcome, transaction):
            patch.setattr(module, "parsed", remembered)
        for module in (heartbeat, worker, change, storage_clock):
            patch.setattr(module, "time", clock)
        for module in (heartbeat, worker):
            patch.setattr(module, "random", world.rng)
        patch.setattr(backoff.waits, "__kwdefaults__", {
            **backoff.waits.__kwdefaults__, "clock": clock.monotonic, "draw": world.rng.uniform,
        })  # fmt: skip
        patch.setattr(backoff.retried, "__defaults__", (world.sleep,))
        patch.setattr(heartbeat, "platform", process)
        patch.setattr(heartbeat, "os", process)
        patch.setattr(heartbeat, "threading", threads)
        patch.setattr(proof, "ThreadPoolExecutor", lambda _writers: Pool(world))
        patch.setattr(proof, "Barrier", lambda parties: Barrier(world, parties))
        patch.setattr(s3, "connect", lambda _endpoint: Client(bucket))
        patch.setattr(trial, "FolderStore", lambda folder: at_hand(world, folder))
        patch.setattr(convnets.ConvNets, "forget", lambda _trainable: None)
        patch.setattr(convnets, "subset", lambda arrays, _search, _seed: arrays)
        if not proven:
            patch.setattr(worker, "prove_compare_and_swap", lambda _store, _prefix: None)
        for name in ("compiled", "network_of", "train_epoch"):
            patch.setattr(train, name, getattr(trainer, name))
        patch.setattr(os, "fsync", lambda _file: None)  # no power cut here
        patch.setattr(logging.Logger, "handle", noted)
        try:
            yield
        finally:
            world.close()


def at_hand(world: World, _folder: Path) -> s3.S3Store:
    """A store of one process, where nothing goes wrong and nothing takes time."""
    store = s3.S3Store("s3://folder")
    store.client = Quiet(Bucket(world, Weather(), Invariants()))  # type: ignore[assignment]
    return store


class Quiet(Client):
    def _call(self, what: str, effect: Any, conditional: str | None = None, early: Any = None) -> Any:
        if conditional:
            self.bucket.writing[conditional] = 1
        return effect()
