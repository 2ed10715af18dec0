"""Use the results of studies: read images, find reports, follow a search, choose the network in use."""

import argparse
import os
import sys
from pathlib import Path

from charrec.errors import InputError
from charrec.storage import open_store
from charrec.study import Runtime


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 2 for wrong input, 1 where something else failed."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["sweep"]:
        from charrec.commands.sweep import main as sweep

        return sweep(words[1:])
    options = _options(words)
    try:
        _run(options)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # ConnectionError and TimeoutError too
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="charrec", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    place = _place()
    predict = commands.add_parser("predict", parents=[place], help="the characters in image files")
    predict.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="one character of either polarity")
    named = "model_3 of the latest report, or trainings/model_3-0123456789abcdef; none: the champion"
    predict.add_argument("--model", metavar="MODEL|KEY", help=named)
    predict.add_argument("--json", action="store_true", help="for programs")
    report = commands.add_parser("report", parents=[place], help="where the latest report is")
    report.add_argument("--to", type=Path, metavar="FOLDER", help="fetch its files into this folder")
    commands.add_parser("sweep", help="how the search stands, or one more worker at it")
    champion = commands.add_parser("champion", help="the network in use").add_subparsers(dest="action", required=True)
    champion.add_parser("list", parents=[place], help="all that were in use, the last one is")
    back = champion.add_parser("rollback", parents=[place], help="back to a former one")
    back.add_argument("number", type=int, metavar="NUMBER", help="as in the list")
    return parser.parse_args(words)


def _place() -> argparse.ArgumentParser:
    """Options of every command."""
    place = argparse.ArgumentParser(add_help=False)
    store = os.environ.get("CHARREC_STORE") or Runtime().store
    place.add_argument("--store", default=store, help="a folder, or s3://bucket/prefix; CHARREC_STORE, else results")
    endpoint = os.environ.get("CHARREC_ENDPOINT") or None
    place.add_argument("--endpoint", default=endpoint, help="URL of an S3-compatible server; CHARREC_ENDPOINT")
    return place


def _run(options: argparse.Namespace) -> None:
    store = open_store(options.store, endpoint=options.endpoint)
    if options.command == "predict":
        from charrec.commands import predict

        predict.show(store, options.images, options.model, options.json)
    elif options.command == "report":
        from charrec.commands import report

        report.show(store, options.to)
    else:
        from charrec.commands import champion

        champion.back(store, options.number) if options.action == "rollback" else champion.show(store)


if __name__ == "__main__":
    sys.exit(main())
