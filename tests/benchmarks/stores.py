"""Which S3 server keeps what it has acknowledged, and what it costs: `python tests/benchmarks/stores.py`.

Four writers create objects and swap documents while their server is killed with SIGKILL at a random moment; it starts
again on the same folder, and everything it ever acknowledged is read. Then the same where the disk fills up, and the
time and the server's CPU time of some work. Prints the figures of docs/reliability.md.
"""

import argparse
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from uuid import uuid4

import pytest

from charrec.errors import InputError
from charrec.machine.provenance import this_machine
from charrec.storage import Conflict, NotFound, Store
from charrec.storage.interface import Corrupt, Unrecorded
from charrec.storage.patience import PatientStore
from charrec.storage.proof import prove_compare_and_swap
from charrec.storage.s3 import S3Store
from tests import s3_server
from tests.small_disk import small_disk

WRITERS = 4
PATIENCE = 60.0  # seconds in which a server that starts again comes to its senses
EVERY = 5  # writes: one creates an object, the others swap a document


class Server:
    """One that starts again on the same folder and ports."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder, (self.port,) = folder, s3_server.free_ports(1)
        self.launch = s3_server.SERVERS[name](folder, self.port)
        if name == "ministack":
            kept = {"S3_PERSIST": "1", "S3_DATA_DIR": str(folder / "data")}
            self.launch = self.launch._replace(environment=self.launch.environment | kept)

    @property
    def store(self) -> S3Store:
        return S3Store(f"s3://{s3_server.BUCKET}/results", f"http://127.0.0.1:{self.port}")

    def start(self) -> float:
        """Seconds until it takes a write."""
        began = time.perf_counter()
        self.process = s3_server.started(self.launch, self.folder)
        s3_server.wait_until_it_answers(self.process, self.port, self.folder / "log")
        while True:
            try:
                self.store.put("started", b"1")
                return time.perf_counter() - began
            except (ConnectionError, InputError):
                time.sleep(0.05)

    def kill(self) -> None:
        s3_server.ended(self.process, self.launch)

    @property
    def cpu(self) -> float:
        """Seconds so far."""
        numbers = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> float:
        """MB resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1000


class Writer:
    """Writes until its server is gone; knows what was acknowledged, and what it asked for last."""

    def __init__(self, number: int) -> None:
        self.document, self.acknowledged = f"documents/{number}", dict[str, bytes]()
        self.asked: tuple[str, bytes] = ("", b"")

    def write(self, store: S3Store, ended: threading.Event) -> None:
        try:
            version = self.version(store)
            while not ended.is_set():
                for turn in range(EVERY):
                    data = random.randbytes(2000)
                    if turn:
                        self.asked = self.document, data
                        version = store.swap(self.document, data, version)
                    else:
                        self.asked = f"objects/{uuid4().hex}", data
                        store.create(*self.asked)
                    self.acknowledged[self.asked[0]] = data
        except (ConnectionError, InputError, Conflict):
            return  # the server is gone, or was, in the middle of a reply

    def version(self, store: S3Store) -> str:
        data = b"first"
        if self.document in self.acknowledged:
            data, version = store.read(self.document)
        else:
            version = store.put(self.document, data)
        self.acknowledged[self.document] = data
        return version

    def losses(self, store: Store, counts: Counter[str]) -> None:
        """Of what was acknowledged; what was only asked for may be there or not, but not half."""
        for key, data in [*self.acknowledged.items()]:
            counts["acknowledged"] += 1
            try:
                found = store.get(key)
            except NotFound:
                found = self.lose(key, "acknowledged, and gone", counts)
            except (Corrupt, Unrecorded):
                found = self.lose(key, "acknowledged, and damaged", counts)
            except ConnectionError as error:
                print(key, error)
                found = self.lose(key, "acknowledged, and not to be read", counts)
            if found is not None and found != data:
                if (key, found) != self.asked:
                    self.lose(key, "acknowledged, and older", counts)
                else:
                    self.acknowledged[key] = found
        key = self.asked[0]
        if key.startswith("objects/") and key not in self.acknowledged:
            try:
                store.get(key)
            except NotFound:
                return
            except (Corrupt, Unrecorded):
                counts["not acknowledged, and half there"] += 1

    def lose(self, key: str, how: str, counts: Counter[str]) -> None:
        counts[how] += 1
        del self.acknowledged[key]


def killed(name: str, times: int, seed: int) -> tuple[Counter[str], list[float]]:
    """What of all that was acknowledged was lost, and the seconds of each start."""
    moments, counts, starts = random.Random(seed), Counter[str](), []
    with TemporaryDirectory() as folder:
        server, writers = Server(name, Path(folder)), [Writer(number) for number in range(WRITERS)]
        try:
            starts.append(server.start())
            for _ in range(times):
                ended = threading.Event()
                threads = [threading.Thread(target=one.write, args=(server.store, ended)) for one in writers]
                for thread in threads:
                    thread.start()
                time.sleep(moments.uniform(0.5, 2))
                server.kill()
                ended.set()
                starts.append(server.start())  # meanwhile, a writer's client may try again: as in life
                for thread in threads:
                    thread.join()
                with ThreadPoolExecutor(WRITERS) as pool:
                    list(pool.map(lambda one: one.losses(PatientStore(server.store, PATIENCE), counts), writers))
        finally:
            server.kill()
    return counts, starts


def filled(name: str) -> Counter[str]:
    """Objects of 1 MB until the disk is full and beyond, then a start, and what is there."""
    counts, kept = Counter[str](), dict[str, bytes]()
    with TemporaryDirectory() as folder, small_disk(Path(folder, "disk"), "240m") as disk:
        server = Server(name, disk.path)
        try:
            server.start()
            while counts["refused"] < 3 and len(kept) < 300:
                key, data = f"objects/{len(kept)}", random.randbytes(1_000_000)
                try:
                    server.store.put(key, data)
                except (ConnectionError, InputError):
                    counts["refused"] += 1
                else:
                    kept[key] = data
            counts["acknowledged"] = len(kept)
            server.kill()
            disk.enlarge("500m")
            server.start()
            for key, data in kept.items():
                try:
                    counts["lost"] += server.store.get(key) != data
                except (NotFound, InputError):
                    counts["lost"] += 1
        finally:
            server.kill()
    return counts


def timed(server: Server, work: Callable[[], object]) -> str:
    began, before = time.perf_counter(), server.cpu
    work()
    return f"{time.perf_counter() - began:.2f} s ({server.cpu - before:.2f})"


def contended(store: S3Store, writers: int, each: int) -> None:
    """Everybody swaps one document."""
    key, start = f"contended-{writers}", Barrier(writers)
    store.put(key, b"0")

    def count(_: int) -> None:
        start.wait()
        done = 0
        while done < each:
            data, version = store.read(key)
            try:
                store.swap(key, b"%d" % (int(data) + 1), version)
                done += 1
            except Conflict:
                time.sleep(random.uniform(0, 0.05))

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(count, range(writers)))
    assert store.get(key) == b"%d" % (writers * each)


def costs(name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    with TemporaryDirectory() as folder:
        server = Server(name, Path(folder))
        try:
            found["start on an empty folder"] = f"{server.start():.1f} s"
            found["memory at the start"] = f"{server.memory:.0f} MB"
            store, data, large = server.store, random.randbytes(2000), Path(folder, "large")
            found["the start-up proof"] = timed(server, lambda: prove_compare_and_swap(store, "proofs"))
            found["500 objects of 2 kB written"] = timed(
                server, lambda: [store.put(f"small/{number}", data) for number in range(500)]
            )
            found["500 read"] = timed(server, lambda: [store.get(f"small/{number}") for number in range(500)])
            found["500 listed 10 times"] = timed(server, lambda: [store.list("small/") for _ in range(10)])
            large.write_bytes(random.randbytes(100_000_000))
            found["100 MB uploaded"] = timed(server, lambda: store.upload(large, "large"))
            found["100 MB downloaded"] = timed(server, lambda: store.download("large", Path(folder, "back")))
            for writers in (2, 8, 32):
                found[f"64 swaps of one document by {writers} writers"] = timed(
                    server, lambda writers=writers: contended(store, writers, 64 // writers)
                )
            found["memory afterwards"] = f"{server.memory:.0f} MB"
        finally:
            server.kill()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--costs", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--servers", nargs="+", default=["ministack", "seaweedfs"])
    asked = parser.parse_args()
    machine = this_machine()
    print(f"{machine.cpu}, {machine.cores} cores\n")
    with pytest.MonkeyPatch.context() as patch:
        s3_server.use_test_credentials(patch)
        for name in asked.servers:
            for what, figure in (costs(name) if asked.costs else {}).items():
                print(f"| {name} | {what} | {figure} |", flush=True)
            counts, starts = killed(name, asked.kills, asked.seed)
            print(f"| {name} | {asked.kills} kills | {dict(counts)} |")
            if os.geteuid() == 0:
                print(f"| {name} | a full disk | {dict(filled(name))} |")
            print(f"| {name} | starts | median {sorted(starts)[len(starts) // 2]:.1f} s |", flush=True)


if __name__ == "__main__":
    main()
