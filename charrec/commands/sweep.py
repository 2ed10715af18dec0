"""`charrec sweep status STORE [SWEEP]` shows a search, `result` its trials, best first; `work` is one more worker.

`work SCRIPT` runs the script of a search as so many workers; `retry` tries failed trials anew; `stop` ends a search
with what it has, and `extend` lets it go on.
"""

import argparse
import json
import logging
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from charrec.commands.crew import crew, script
from charrec.commands.extend import add_options, extend, stop
from charrec.commands.numbers import above_zero, lease
from charrec.commands.place import add_endpoint, cache
from charrec.commands.terminal import status_of
from charrec.errors import InputError
from charrec.machine.backend import require_backend
from charrec.machine.greetings import drop_greetings
from charrec.machine.hardware import require_usable_gpu
from charrec.machine.termination import until_terminated
from charrec.machine.unneeded import leave_out_unneeded
from charrec.storage import Store, open_store
from charrec.storage.absence import absent
from charrec.storage.document import Foreign
from charrec.study import Runtime
from charrec.sweep.blame import MachineAtFault
from charrec.sweep.fits import Fits
from charrec.sweep.outcome import SearchFailed, read_document
from charrec.sweep.plan import PLAN
from charrec.sweep.ranking import ranking
from charrec.sweep.standing import status
from charrec.sweep.table import cost_lines, execution_lines, headline, lines, result_lines, trouble_lines
from charrec.tuning.plan import Sweep

AnySearch = Sweep | Fits
GOES_ON = 3  # exit code of `result` while trials are left
SHOWN = 8  # of the searches that there are, in an error


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 2 for wrong input, 1 for a search that failed, 3 for a result that is not the last word yet."""
    words = sys.argv[1:] if arguments is None else arguments
    if asked := script(words):
        return status_of(lambda: crew(asked.script, asked.arguments, asked.workers))
    options = _options(words)
    return status_of(lambda: _run(options, words), SearchFailed, MachineAtFault)


def _run(options: argparse.Namespace, words: list[str]) -> int:
    store = open_store(options.store, endpoint=options.endpoint)
    sweep = _named(store, options.sweep) if options.sweep else _latest(store)
    if options.command == "retry":
        _retry(store, sweep)
    elif options.command == "result":
        return _result(store, sweep, options)
    elif options.command == "extend":
        extend(store, sweep, options)
    elif options.command == "stop":
        stop(store, sweep, options)
    elif options.command == "status":
        _show(store, sweep, options)
    elif _work(store, sweep, options) == "alone":  # a fresh process must try what failed in this one
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "charrec", "sweep", *words])
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="charrec sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("status", help="trials by bracket and rung, workers, the best so far")
    show.add_argument("--watch", type=above_zero, metavar="SECONDS", help="again and again, until the search has ended")
    show.add_argument("--json", action="store_true", help="for programs")
    result = commands.add_parser(
        "result", help="its trials, best first; status 0: the search has ended, 3: it goes on, 1: none has completed"
    )
    result.add_argument("--json", action="store_true", help="for programs")
    end = commands.add_parser("stop", help="end it with what it has: workers leave at the end of their epoch")
    end.add_argument("--undo", action="store_true", help="it goes on, where it was")
    more = commands.add_parser("extend", help="it goes on: with more rounds, with its best, under another budget")
    add_options(more)
    work = commands.add_parser(
        "work",
        help="one more worker; SIGTERM ends it within seconds, nothing is lost; for a script's search `work SCRIPT`",
        epilog="`charrec sweep work [--workers N] SCRIPT.py [ARGUMENTS]` runs a script's search as N workers.",
    )
    work.add_argument("--cache", type=Path, help="local copies; may be deleted; CHARREC_CACHE, else .cache")
    work.add_argument("--idle", type=above_zero, metavar="SECONDS", help="leave after so long without a trial")
    period = os.environ.get("CHARREC_LEASE") or Runtime().lease
    silence = "of silence after which a trial is another worker's; as of the study; CHARREC_LEASE, else 60"
    work.add_argument("--lease", type=lease, default=period, metavar="SECONDS", help=silence)
    work.add_argument("--workers", help=argparse.SUPPRESS)  # of a script's search: crew.py
    retry = commands.add_parser("retry", help="try failed trials anew; everything else is kept")
    for command in (show, result, work, retry, end, more):
        command.add_argument("store", help="a folder, or s3://bucket/prefix")
        command.add_argument("sweep", nargs="?", help="its key, as in sweeps/0123456789abcdef; none: the latest begun")
        add_endpoint(command)
    options = parser.parse_args(arguments)
    if options.command == "work" and options.workers is not None:
        work.error("--workers goes with a SCRIPT.py; for a study's search start this command as often as you like")
    return options


def _named(store: Store, key: str) -> AnySearch:
    key = key.rstrip("/")
    if not store.exists(key + PLAN):
        if not (begun := _begun(store)):
            raise absent(store, "search")
        raise InputError(
            f"{store.url} has no search {key}",
            f"one of {', '.join(begun[:SHOWN])}" + (f" and {len(begun) - SHOWN} more" if len(begun) > SHOWN else ""),
            "Name one of these, or none for the latest.",
        )
    return _stored(store, key)


def _latest(store: Store) -> AnySearch:
    if begun := _begun(store):
        return _stored(store, begun[0])
    raise absent(store, "search")


def _stored(store: Store, key: str) -> AnySearch:
    """A search for network 4, or of any Keras model."""
    try:
        return Sweep.stored(store, key)
    except Foreign:
        with suppress(Foreign):
            return Fits.stored(store, key)
        raise


def _begun(store: Store) -> list[str]:
    """The keys of all searches, the latest first."""
    plans = [entry for entry in store.list("sweeps/") if entry.key.endswith(PLAN)]
    latest = sorted(plans, key=lambda entry: entry.modified, reverse=True)
    return [entry.key.removesuffix(PLAN) for entry in latest]


def _show(store: Store, sweep: AnySearch, options: argparse.Namespace) -> None:
    while True:
        now = status(store, sweep)
        print(
            now.model_dump_json(ensure_ascii=True) if options.json else "\n".join([sweep.key, *lines(now)]), flush=True
        )
        ended = now.finished or now.aborted or (now.over and not any(row.trial for row in now.workers))
        if not options.watch or ended:
            return
        time.sleep(options.watch)
        if not options.json:
            print()


def _result(store: Store, sweep: AnySearch, options: argparse.Namespace) -> int:
    now, document = status(store, sweep, running=False), read_document(store, sweep)
    rows = ranking(document, sweep.objective) if document else []
    ended = [row for row in rows if document and row.trial in document.ended]
    if options.json:
        said = {
            "search": sweep.key, "objective": sweep.objective.model_dump(), "executions": now.executions,
            "finished": now.finished, "over": now.over, "aborted": now.aborted,
            "trials": [row.model_dump() for row in ended], "costs": now.costs.model_dump(),
            "troubles": [row.model_dump() for row in now.troubles],
        }  # fmt: skip
        print(json.dumps(said))
    else:
        head = [sweep.key, headline(now), *execution_lines(now.executions), *cost_lines(now.costs)]
        print("\n".join([*head, "", *result_lines(ended), *trouble_lines(now)]))
    if now.aborted or not now.best:
        return 1
    return 0 if now.finished or now.over else GOES_ON


def _retry(store: Store, sweep: AnySearch) -> None:
    drop_greetings()
    leave_out_unneeded()
    from charrec.sweep.retry import reopen

    count = reopen(store, sweep)
    failed = f"{count} failed trial{'s are' if count > 1 else ' is'} tried anew" if count else "no trial has failed"
    again = "the script again" if isinstance(sweep, Fits) else "the study again, or start `charrec sweep work`"
    print(f"{sweep.key}: {failed}." + (f" Run {again}." if count else ""))


def _work(store: Store, sweep: AnySearch, options: argparse.Namespace) -> str:
    if isinstance(sweep, Fits):
        raise InputError(
            f"{store.url}/{sweep.key} is the search of a script, whose model and data no store holds",
            "a search that a study began",
            "Run the script once more, or `charrec sweep work SCRIPT`: each of its processes is a worker.",
        )
    drop_greetings()
    leave_out_unneeded()
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s | %(levelname)-7s | %(message)s", datefmt="%H:%M:%S")
    require_backend(sweep.recipe.backend)
    require_usable_gpu()
    from charrec.sweep.heartbeat import Terms
    from charrec.tuning.work import work

    terms, copies = Terms(idle=options.idle, lease=options.lease), options.cache or cache()
    with until_terminated() as stop:
        ending = work(store, sweep, sweep.arrays(store, copies), stop=stop, terms=terms)
    print(f"{sweep.key}: {ending}")
    return ending
