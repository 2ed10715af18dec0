"""Functions that a script gives, as its builder: whether they can be called as they will be."""

import inspect
from collections.abc import Callable
from typing import Any

from charrec.errors import InputError


def require_takes(function: Callable[..., Any], name: str, argument: str) -> None:
    """Raises InputError for a function that cannot be called with this one argument."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # as of some that are written in C
        return
    try:
        signature.bind(None)
    except TypeError:
        raise InputError(
            f"`{name}` is a function of {signature}", f"one of ({argument})", "Let it take that argument alone."
        ) from None
