"""The error for bad input: what was found, what was expected, how to fix it."""


class InputError(ValueError):
    """Unusable input; raised before anything is written."""

    def __init__(self, found: str, expected: str, remedy: str) -> None:
        super().__init__(f"{found}; expected {expected}. {remedy}")
        self.found, self.expected, self.remedy = found, expected, remedy

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        return type(self), (self.found, self.expected, self.remedy)  # pickles between processes


def worded(message: str) -> str:
    """What pydantic says of a wrong value, in words of ours: `Input should be greater than 0` as `expected ...`."""
    found, should, wanted = message.removeprefix("Value error, ").partition("Input should be ")
    return f"{found}expected {wanted.partition(', unable to parse')[0]}" if should else found
