"""JSON documents in a store: of the shape that charrec writes, or refused with their first defect."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from charrec.errors import InputError

Model = TypeVar("Model", bound=BaseModel)

LARGEST = 8 << 20  # bytes; a full study's largest, its report's study.json, has less than 2 MB
ANEW = "Delete it and run again: whatever made it makes it anew."


class Foreign(InputError):
    """A document that this charrec did not write, whatever its SHA-256 says."""


def document(kind: type[Model], data: bytes, where: str, remedy: str = ANEW) -> Model:
    """The document's value. Raises Foreign, with the first defect."""
    if len(data) > LARGEST:
        raise foreign(where, too_large(data), remedy)
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise foreign(where, defect(error), remedy) from None


def defect(error: ValidationError) -> str:
    """The first: where, and what is expected there."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")


def too_large(data: bytes) -> str:
    """What is found in place of a document: lists in lists would take 60 times their bytes of memory."""
    return f"{len(data):,} bytes, more than the {LARGEST:,} of any document"


def foreign(where: str, found: str, remedy: str = ANEW) -> Foreign:
    """The error for a document that holds something else; `found` may be anybody's text."""
    plain = "".join(one if one.isprintable() else "?" for one in found)[:300]
    return Foreign(f"{where} holds {plain}", "what charrec writes there, in this version's format", remedy)
