"""Use the results of studies: read images, find reports, follow a search, choose the network in use."""

import argparse
import sys
from pathlib import Path

from charrec.commands.place import add_endpoint, add_store
from charrec.commands.terminal import noted, status_of
from charrec.machine.calm import calm
from charrec.report.language import LANGUAGES, Language
from charrec.storage import NotFound, Store, open_store
from charrec.variables import require_known


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 2 for wrong input, 1 where something else failed, 141 where the reader of a pipe left."""
    calm()
    if status := status_of(_surroundings):
        return status
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["sweep"]:
        from charrec.commands.sweep import main as sweep

        return sweep(words[1:])
    options = _options(words)
    with noted():
        return status_of(lambda: _run(options), NotFound)


def _surroundings() -> int:
    require_known()
    return 0


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="charrec", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    place = _place()
    predict = commands.add_parser("predict", parents=[place], help="the characters in image files")
    files = "one character of either polarity; a folder with --recursive; - for standard input"
    predict.add_argument("images", nargs="+", metavar="IMAGE", help=files)
    named = "model_3, or trainings/model_3-0123456789abcdef; none: the champion, else the study's best network"
    predict.add_argument("--model", metavar="MODEL|KEY", help=named)
    study = "its identity, or its report as in reports/0123456789abcdef; none: the latest"
    predict.add_argument("--study", metavar="STUDY", help=study)
    predict.add_argument("--recursive", action="store_true", help="the images in folders, and in folders below them")
    predict.add_argument("--json", action="store_true", help="for programs")
    text = "the images are one text, a character each in their order; a single image is a line of characters"
    predict.add_argument("--text", action="store_true", help=f"{text}. Read as all digits, all capitals or all small")
    prior = "with --text, weights of the kinds before the images are seen, as digits=4,capitals=1,small=0.5"
    predict.add_argument("--prior", metavar="digits=4,...", help=prior)
    predict.add_argument("--kind", metavar="digits|capitals|small", help="with --text, if it is known")
    shears = "read each character slanted four ways too and take the mean, in five times the network's time"
    predict.add_argument("--shears", action="store_true", help=shears)
    report = commands.add_parser("report", parents=[place], help="where the latest report is")
    report.add_argument("--to", type=Path, metavar="FOLDER", help="fetch its files into this folder")
    sides = "a page that compares two studies, each by its identity, its report, or its store; --to names the file"
    report.add_argument("--compare", nargs=2, metavar=("A", "B"), help=f"{sides}, else comparison.html")
    live = "serve the report of a study that runs to this machine, until Ctrl-C; STORE in place of --store"
    report.add_argument("--watch", nargs="?", const="", metavar="STORE", help=live)
    opens = "that the page of --compare or --watch opens in, with a switch; none: en"
    report.add_argument("--language", choices=LANGUAGES, help=opens)
    report.add_argument("--port", type=_port, metavar="NUMBER", help="of --watch; none: a free one")
    commands.add_parser("sweep", help="how the search stands, or one more worker at it")
    champion = commands.add_parser("champion", help="the network in use").add_subparsers(dest="action", required=True)
    champion.add_parser("list", parents=[place], help="all that were in use, the last one is")
    back = champion.add_parser("rollback", parents=[place], help="back to a former one")
    back.add_argument("number", type=int, metavar="NUMBER", help="as in the list")
    stores = commands.add_parser("store", help="whether a store is whole").add_subparsers(dest="action", required=True)
    check = stores.add_parser("check", parents=[place], help="compare every object with what results record of it")
    check.add_argument("--write", action="store_true", help="record the SHA-256 of what agrees, as after a plain copy")
    options, others = parser.parse_known_args(words)
    if others and (options.command != "predict" or any(one.startswith("-") and one != "-" for one in others)):
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    if others:  # images behind an option, as in `predict a.png --recursive scans`, which argparse leaves over
        options.images += others
    if options.command == "report" and options.watch is not None and (options.compare or options.to):
        report.error("--watch stands alone")
    if options.command == "report" and options.port and options.watch is None:
        report.error("--port goes with --watch")
    if options.command == "report" and options.language and options.watch is None and not options.compare:
        report.error("--language goes with --compare or --watch; python -m charrec.report makes a stored report anew")
    return options


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a number from 1 to 65535")
    return int(text)


def _place() -> argparse.ArgumentParser:
    """Options of every command."""
    place = argparse.ArgumentParser(add_help=False)
    add_store(place)
    add_endpoint(place)
    return place


def _report(store: Store, options: argparse.Namespace) -> None:
    first: Language = options.language or "en"
    if options.compare:
        from charrec.commands import compare

        compare.show(store, tuple(options.compare), options.endpoint, options.to, first)
    elif options.watch is not None:
        from charrec.commands import watch

        watch.show(store, options.port or 0, first)
    else:
        from charrec.commands import report

        report.show(store, options.to)


def _run(options: argparse.Namespace) -> int:
    watched = options.watch if options.command == "report" else None
    store = open_store(watched or options.store, endpoint=options.endpoint)
    if options.command == "predict":
        from charrec.commands import predict
        from charrec.serving.in_use import in_use

        if options.text or options.prior is not None or options.kind is not None:
            from charrec.commands import text

            before = text.known(options.text, options.recursive, options.prior, options.kind)
            chosen = in_use(store, options.model, options.study)
            return text.show(store, chosen, options.images, before, options.json, options.shears)
        chosen = in_use(store, options.model, options.study)
        return predict.show(store, chosen, options.images, options.recursive, options.json, options.shears)
    if options.command == "report":
        _report(store, options)
    elif options.command == "store":
        from charrec.commands import store as stores

        return stores.check(store, options.write)
    else:
        from charrec.commands import champion

        champion.back(store, options.number) if options.action == "rollback" else champion.show(store)
    return 0


if __name__ == "__main__":
    sys.exit(main())
