"""What `make deploy` puts on the server of the tests' stack."""

import subprocess

import pytest

from infra.local.stack import ROOT, Stack


def deploy(stack: Stack) -> None:
    ended = subprocess.run(
        ["make", "-o", "install", "deploy"], cwd=ROOT, env=stack.environment({"CHARREC_HOME": "/elsewhere"}),
        capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="session")
def deployed(stack: Stack) -> Stack:
    """Everything of prefect.yaml."""
    deploy(stack)
    return stack
