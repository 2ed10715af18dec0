"""`python -m charrec.report STORE`: the report of the latest study again, or of as much of it as there is."""

import argparse
import sys
from pathlib import Path

from charrec.commands import rebuild
from charrec.commands.place import add_endpoint
from charrec.commands.terminal import noted, status_of
from charrec.machine.calm import calm
from charrec.report.language import LANGUAGES
from charrec.storage import open_store
from charrec.variables import require_known


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 2 for wrong input, 1 where something else failed."""
    calm()
    parser = argparse.ArgumentParser(prog="python -m charrec.report", description=__doc__)
    parser.add_argument("store", metavar="STORE", help="a folder, or s3://bucket/prefix; nothing is written to it")
    add_endpoint(parser)
    parser.add_argument("--to", type=Path, metavar="FOLDER", default=Path("report"), help="made, or empty; else report")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="that the page opens in, with a switch")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)

    def run() -> int:
        require_known()
        rebuild.show(open_store(options.store, endpoint=options.endpoint), options.to, options.language)
        return 0

    with noted():
        return status_of(run)


if __name__ == "__main__":
    sys.exit(main())
