"""A study and the processes that work for it may run different versions of charrec: an upgrade in the middle."""

from charrec.errors import InputError
from charrec.memo.outcome import Value
from charrec.memo.step import Given, Step


def require_same_code(step: Step[Given, Value], given: Given, key: str | None) -> None:
    """Raises InputError where the code of the step here is not that of the study, which waits for `key`; None: any."""
    mine = step.key(given)
    if key not in (None, mine):
        raise InputError(
            f"the study waits for {step.label(given)} as {key}, and the code here makes {mine}",
            "one version of charrec for a study and its workers, as far as this step's code goes",
            "charrec was upgraded under a study that runs, and this step changed: begin the study again, which recalls"
            " the steps that did not change; or put its version back on the workers, and it goes on.",
        )
