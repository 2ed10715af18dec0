"""Warnings are errors for those who develop, not for those who use."""

import subprocess
import sys

import pytest

from tests.toy import ROOT

PROGRAM = """
import os, sys, warnings
from charrec.machine.calm import calm
calm()
warnings.warn("an old way", DeprecationWarning)
warnings.warn("something odd")
print(os.environ.get("PYTHONWARNINGS"), sys.warnoptions)
"""


@pytest.mark.parametrize(
    ("options", "environment", "shown", "left"),
    [
        (["-W", "error"], {}, True, "None []"),
        ([], {"PYTHONWARNINGS": "error"}, True, "None []"),
        ([], {"PYTHONWARNINGS": "e::UserWarning"}, True, "None []"),
        ([], {"PYTHONWARNINGS": "ignore"}, False, "ignore ['ignore']"),
        ([], {}, True, "None []"),
    ],
)
def test_no_warning_ends_a_program_and_other_wishes_are_kept(
    options: list[str], environment: dict[str, str], shown: bool, left: str
) -> None:
    ran = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == left
    assert ("UserWarning: something odd" in ran.stderr) is shown
