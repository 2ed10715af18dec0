"""One way to refuse: what was found, what was expected, what to do."""


class InputError(ValueError):
    """Input that the study cannot use; nothing was written when it is raised."""

    def __init__(self, found: str, expected: str, remedy: str) -> None:
        super().__init__(f"{found}; expected {expected}. {remedy}")
        self.found, self.expected, self.remedy = found, expected, remedy

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        return type(self), (self.found, self.expected, self.remedy)  # crosses process borders whole
