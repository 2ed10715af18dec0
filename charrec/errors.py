"""The error for bad input: what was found, what was expected, how to fix it."""

import re


class InputError(ValueError):
    """Unusable input; raised before anything is written."""

    def __init__(self, found: str, expected: str, remedy: str) -> None:
        super().__init__(f"{found}; expected {expected}. {remedy}")
        self.found, self.expected, self.remedy = found, expected, remedy

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        return type(self), (self.found, self.expected, self.remedy)  # pickles between processes


def without_password(text: str) -> str:
    """The same without what stands before an @ in its addresses."""
    return re.sub(r"(?<=//)[^/\s]*@", "", text)


def worded(message: str) -> str:
    """What pydantic says of a wrong value, in words of ours: `Input should be greater than 0` as `expected ...`."""
    found, should, wanted = message.removeprefix("Value error, ").partition("Input should be ")
    return f"{found}expected {wanted.partition(', unable to parse')[0]}" if should else found
