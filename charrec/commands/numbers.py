"""Numbers on the command line."""

import argparse
from math import inf

from pydantic import ValidationError

from charrec.errors import worded
from charrec.study import Runtime

MOST = 10_000  # workers, rounds, configurations or epochs


def count(text: str) -> int:
    """From 1 to MOST."""
    if not text.isdecimal() or not 0 < int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a number from 1 to {MOST}")
    return int(text)


def above_zero(text: str) -> float:
    """Finite."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < inf:
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a number above 0")
    return number


def lease(text: str) -> float:
    """Seconds, within the bounds of a study's."""
    try:
        return Runtime.model_validate({"lease": text}).lease
    except ValidationError as error:
        raise argparse.ArgumentTypeError(f"found {text!r}; {worded(error.errors()[0]['msg'])}") from None
