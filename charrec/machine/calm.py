"""Python's warnings in a program that is used, not developed."""

import os
import sys
import warnings


def calm() -> None:
    """Where PYTHONWARNINGS or -W turn warnings into errors, filter them as Python does by itself; child processes too.

    A library's deprecation would end a study; those who mend warnings run the tests.
    """
    if all(action != "error" for action, *_ in warnings.filters):
        return
    os.environ.pop("PYTHONWARNINGS", None)
    sys.warnoptions.clear()  # multiprocessing hands them on
    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)
