"""Processes that prove a store's compare-and-swap, in any weather: a sound store passes, a broken one does not."""

import random

from charrec.errors import InputError
from charrec.storage.proof import prove_compare_and_swap
from charrec.storage.s3 import S3Store
from tests.simulation.bucket import Bucket, Weather
from tests.simulation.invariants import Invariants, check
from tests.simulation.searching import QUIET, Run, drawn
from tests.simulation.stage import staged
from tests.simulation.training import Trainer
from tests.simulation.world import Process, Violation, World


def simulate(seed: int) -> Run:
    """A sound store in the seed's weather."""
    return run(seed, drawn(random.Random(f"{seed} fate")))


def run(seed: int, weather: Weather) -> Run:
    """Two processes, one after the other; `found` says what the last one, in a clear sky, thought of the store."""
    world = World(seed)
    bucket = Bucket(world, weather, Invariants())
    made = Run(seed, f"a proof, weather: {weather}", world.trace)

    def proven(name: str) -> str | None:
        process = Process(world, name)
        thread = world.thread(process, lambda: prove_compare_and_swap(S3Store("s3://bucket"), "proofs"), "main")
        thread.start()
        thread.join()
        if thread.error and not isinstance(thread.error, ConnectionError | TimeoutError | InputError):
            raise thread.error
        return str(thread.error) if isinstance(thread.error, InputError) else None

    with staged(world, bucket, Trainer(world, {})):
        try:
            refusals = [proven("first")]
            world.sleep(max(weather.until - world.now, 0) + QUIET)
            refusals.append(proven("second"))
            made.found = {"refusals": [one for one in refusals if one]}
            check(bool(weather.racy) or not made.found["refusals"], f"a sound store was refused: {refusals}")
        except Violation as violation:
            made.violation = violation
    return made
