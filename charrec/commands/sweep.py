"""`charrec sweep status STORE [SWEEP]` shows a search, `work` is one more worker, `retry` tries failed trials anew."""

import argparse
import logging
import os
import sys
import time
from pathlib import Path

from charrec.errors import InputError
from charrec.machine.backend import require_backend
from charrec.machine.termination import until_terminated
from charrec.storage import Store, open_store
from charrec.storage.absence import absent
from charrec.sweep.blame import MachineAtFault
from charrec.sweep.outcome import SearchFailed
from charrec.sweep.plan import Sweep
from charrec.sweep.standing import status
from charrec.sweep.table import lines


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 2 for wrong input, 1 for a search that failed."""
    words = sys.argv[1:] if arguments is None else arguments
    options = _options(words)
    try:
        store = open_store(options.store, endpoint=options.endpoint)
        sweep = Sweep.stored(store, options.sweep or _latest(store))
        if options.command == "retry":
            _retry(store, sweep)
        elif options.command == "status":
            _show(store, sweep, options)
        elif _work(store, sweep, options) == "alone":  # a fresh process must try what failed in this one
            sys.stdout.flush()
            os.execv(sys.executable, [sys.executable, "-m", "charrec", "sweep", *words])
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (SearchFailed, MachineAtFault, OSError) as error:  # ConnectionError and TimeoutError too
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="charrec sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("status", help="trials by bracket and rung, workers, the best so far")
    show.add_argument("--watch", type=_seconds, metavar="SECONDS", help="again and again, until the search is finished")
    show.add_argument("--json", action="store_true", help="for programs")
    work = commands.add_parser("work", help="one more worker; SIGTERM ends it within seconds, nothing is lost")
    work.add_argument("--cache", type=Path, default=Path(".cache"), help="local copies; may be deleted")
    work.add_argument("--idle", type=_seconds, metavar="SECONDS", help="leave after so long without a trial")
    retry = commands.add_parser("retry", help="try failed trials anew; everything else is kept")
    for command in (show, work, retry):
        command.add_argument("store", help="a folder, or s3://bucket/prefix")
        command.add_argument("sweep", nargs="?", help="its key, as in sweeps/0123456789abcdef; none: the latest begun")
        command.add_argument("--endpoint", help="URL of an S3-compatible server")
    return parser.parse_args(arguments)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError("no time")
    return seconds


def _latest(store: Store) -> str:
    begun = [entry for entry in store.list("sweeps/") if entry.key.endswith("/sweep.json")]
    if not begun:
        raise absent(store, "search")
    return max(begun, key=lambda entry: entry.modified).key.removesuffix("/sweep.json")


def _show(store: Store, sweep: Sweep, options: argparse.Namespace) -> None:
    while True:
        now = status(store, sweep)
        print(now.model_dump_json() if options.json else "\n".join([sweep.key, *lines(now)]), flush=True)
        if not options.watch or now.finished or now.aborted:
            return
        time.sleep(options.watch)
        if not options.json:
            print()


def _retry(store: Store, sweep: Sweep) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from charrec.sweep.retry import reopen

    count = reopen(store, sweep)
    print(
        f"{sweep.key}: {count} failed trials are tried anew. Run the study again, or start `charrec sweep work`."
        if count
        else f"{sweep.key}: no trial has failed."
    )


def _work(store: Store, sweep: Sweep, options: argparse.Namespace) -> str:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s | %(levelname)-7s | %(message)s", datefmt="%H:%M:%S")
    require_backend(sweep.recipe.backend)
    from charrec.sweep.heartbeat import Terms
    from charrec.sweep.worker import work

    with until_terminated() as stop:
        ending = work(store, sweep, sweep.arrays(store, options.cache), stop=stop, terms=Terms(idle=options.idle))
    print(f"{sweep.key}: {ending}")
    return ending
