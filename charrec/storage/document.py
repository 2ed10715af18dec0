"""JSON documents in a store: of the shape that charrec writes, or refused with their first defect."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from charrec.errors import InputError

Model = TypeVar("Model", bound=BaseModel)

ANEW = "Delete it and run again: whatever made it makes it anew."


class Foreign(InputError):
    """A document that this charrec did not write, whatever its SHA-256 says."""


def document(kind: type[Model], data: bytes, where: str, remedy: str = ANEW) -> Model:
    """The document's value. Raises Foreign, with the first defect."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise foreign(where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": "), remedy) from None


def foreign(where: str, found: str, remedy: str = ANEW) -> Foreign:
    """The error for a document that holds something else; `found` may be anybody's text."""
    plain = "".join(one if one.isprintable() else "?" for one in found)[:300]
    return Foreign(f"{where} holds {plain}", "what charrec writes there, in this version's format", remedy)
