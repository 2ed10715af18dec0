"""What a script says of its search: a mistake in it is one InputError, not pydantic's list of them."""

import reprlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from charrec.errors import InputError
from charrec.study import Frozen

ELSEWHERE = {  # names of Keras Tuner's and Keras's, and where a search has the same
    "hyperband_iterations": "rounds",
    "epochs": "max_epochs",
    "max_trials": "schedule=Random(trials=...)",
    "directory": "store=... to search()",
    "project_name": "name=... to search()",
}
VALUES = {  # of fields that are data in the store, of which pydantic would say so
    "objective": "one name that `fit` reports, or Objective(name=..., direction=...)",
    "schedule": "Random(trials=...), BestOf(trials=...) or Asha(trials=...); none: Hyperband",
    "budget": "Budget(hours=...), of device_hours, or of money and price",
}


class Settings(Frozen):
    """Data that scripts write. In a document it stays pydantic's, whose errors are the document's."""

    if not TYPE_CHECKING:  # the fields stay the arguments for whoever checks types

        def __init__(self, *values: object, **fields: object) -> None:
            if values:
                name = type(self).__name__
                first = next(field for field in type(self).model_fields if field != "kind")
                raise InputError(
                    f"{name}({_short(values[0])})",
                    f"arguments by their names, as in {name}({first}=...)",
                    "Name each.",
                )
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise _first(type(self), fields, error) from None

        __init__.__pydantic_base_init__ = True  # documents are read past it, strictly where they are read so


def _first(kind: type[Frozen], fields: Mapping[str, object], error: ValidationError) -> InputError:
    """The first mistake, in words of the script."""
    wrong = error.errors(include_url=False)[0]
    where = ".".join(map(str, wrong["loc"]))
    field = where.partition(".")[0]
    said = " ".join(wrong["msg"].removeprefix("Value error, ").removeprefix("Input should be ").split())
    if not field:
        found, _, remedy = said.partition("; ")
        remedy = f"{remedy[:1].upper()}{remedy[1:]}." if remedy else "Correct one of them."
        return InputError(f"{kind.__name__}({', '.join(fields)}): {found}", "arguments that fit together", remedy)
    if wrong["type"] == "missing":
        return InputError(f"{kind.__name__}() without {field}", f"{kind.__name__}({field}=...)", "Add it.")
    value = fields[field]
    found = f"{kind.__name__}({field}={_short(value)})"
    if wrong["type"] == "extra_forbidden":
        near = ELSEWHERE.get(field) or next(iter(get_close_matches(field, kind.model_fields, 1)), None)
        remedy = f"Write {near} for {field}." if near else "Leave it out."
        return InputError(found, f"one of {', '.join(kind.model_fields)}", remedy)
    expected = VALUES.get(field) if not isinstance(value, dict) else f"{where}: {said}"
    return InputError(found, expected or said, f"Correct {field}.")


def _short(value: Any) -> str:
    return " ".join(reprlib.repr(value).split())
