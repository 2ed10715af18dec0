"""Python's warnings in a program that is used, not developed."""

import os
import sys
import warnings


def calm() -> None:
    """Filter warnings as Python does by itself, whatever PYTHONWARNINGS or -W say, here and in child processes.

    A library's deprecation that is turned into an error would end a study; those who mend warnings run the tests.
    """
    os.environ.pop("PYTHONWARNINGS", None)
    if sys.warnoptions:
        sys.warnoptions.clear()  # multiprocessing hands them on
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
