"""What must hold after every change of the bucket, and of whatever a worker is told."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

from charrec.results import Epoch
from charrec.sweep.document import Document, parsed
from charrec.sweep.oracle import Assignment
from charrec.training.checkpoints import Progress
from tests.simulation.world import Violation

How = Literal["completed", "failed", "given back", "lost"]
Histories = dict[str, tuple[Epoch, ...]]  # by the key of the training


def check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)


class Invariants:
    """Sees every write and every deletion; `expected` are the histories of the undisturbed run, if there was one."""

    def __init__(self, expected: Histories | None = None) -> None:
        self.expected = expected
        self.document: Document | None = None
        self.leases: dict[int, tuple[str, str]] = {}  # token -> worker, trial
        self.ends: dict[int, str] = {}  # token -> the state of its trial after its lease
        self.trainings: dict[str, Progress] = {}
        self.objects: dict[str, str] = {}  # weights -> SHA-256

    def written(self, key: str, data: bytes) -> None:
        if key.endswith("/oracle.json"):
            self._search(parsed(data, key))
        elif key.endswith("/progress.json"):
            self._training(key.removesuffix("/progress.json"), Progress.model_validate_json(data))
        elif key.endswith(".weights.h5"):
            self.objects[key] = hashlib.sha256(data).hexdigest()
            self._whole(key.rpartition("/")[0])

    def deleted(self, key: str) -> None:
        check(not key.endswith(("/oracle.json", "/progress.json", "/sweep.json")), f"{key} was deleted")
        if self.objects.pop(key, None):
            self._whole(key.rpartition("/")[0])

    def given(self, worker: str, given: Assignment) -> None:
        """A worker was told that it has this trial."""
        held = self.leases.get(given.token)
        check(held == (worker, given.trial), f"{worker} was given {given.trial} by token {given.token}, stored: {held}")

    def ended(self, given: Assignment, how: How) -> None:
        """A worker was told how its attempt at the trial ended."""
        state = self.ends.get(given.token)
        states = {"completed": ["COMPLETED"], "failed": ["INVALID", "FAILED"], "given back": ["INVALID"]}
        expected: Sequence[str | None] = states.get(how, ["INVALID", "RUNNING", "FAILED", None])
        check(
            state in expected,
            f"a worker was told {how!r} of {given.trial}, token {given.token}, after which it was {state}",
        )

    def _search(self, new: Document) -> None:
        old, self.document = self.document, new
        for name, lease in new.leases.items():
            known = self.leases.setdefault(lease.token, (lease.worker, name))
            check(known == (lease.worker, name), f"token {lease.token} is {known}'s and ({lease.worker}, {name})'s")
        if old is None:
            return
        check(new.token >= old.token, f"the token went from {old.token} to {new.token}")
        check(new.ended[: len(old.ended)] == old.ended, f"ended trials went from {old.ended} to {new.ended}")
        check(list(new.trials)[: len(old.trials)] == list(old.trials), "a trial vanished")
        check(len(set(new.transactions)) == len(new.transactions), "a transaction was done twice")
        for name, before in old.trials.items():
            after = new.trials[name]
            check((after.configuration, after.values) == (before.configuration, before.values), f"{name} is another")
            check(name not in old.ended or after == before, f"{name} had ended and was changed")
        for name, lease in old.leases.items():
            now = new.leases.get(name)
            if now is None or now.token != lease.token:
                check(now is None or now.token > old.token, f"{name} has an older token than {old.token}: {now}")
                self.ends[lease.token] = new.trials[name].status

    def _training(self, training: str, new: Progress) -> None:
        old = self.trainings.get(training, Progress())
        self.trainings[training] = new
        kept = new.epochs[: len(old.epochs)] == old.epochs
        check(kept, f"{training} lost committed epochs: {len(old.epochs)} were, {len(new.epochs)} are")
        check(token_of(new) >= token_of(old), f"{training} went from owner {old.owner} back to {new.owner}")
        if self.expected is not None:
            right = self.expected[training][: len(new.epochs)]
            check(new.epochs == right, f"{training}: epoch {len(new.epochs)} is another than undisturbed")
        self._whole(training)

    def _whole(self, training: str) -> None:
        progress = self.trainings.get(training, Progress())
        for one in (progress.last, progress.best):
            if one:
                found = self.objects.get(one.key)
                check(found == one.sha256, f"{training} points at {one.key}, which is {'other' if found else 'gone'}")


def token_of(progress: Progress) -> int:
    """The fencing token that an owner's name begins with, if it is a worker's."""
    token, dash, _ = progress.owner.partition("-")
    return int(token) if dash else 0


def plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
