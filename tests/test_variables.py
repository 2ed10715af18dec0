"""Every CHARREC_ variable means something, or is an error."""

import subprocess
from pathlib import Path

import pytest

from charrec.__main__ import main
from charrec.errors import InputError
from charrec.report.__main__ import main as report
from charrec.variables import ELSEWHERE, known, require_known
from deployments.setup import set_up
from flows.settings import runtime_here

ROOT = Path(__file__).parents[1]
# They name variables that do not exist.
WRONG = "docs/troubleshooting.md", "tests/test_variables.py", "tests/flows/test_command_line.py"


def test_every_variable_that_the_repository_names_is_known() -> None:
    named = subprocess.run(
        ["git", "grep", "-hoE", r"\bCHARREC_[A-Z_]*[A-Z]", "--", *(f":!{file}" for file in WRONG)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(named.stdout.split()) <= known()


def test_every_variable_that_others_read_stands_in_their_file() -> None:
    """But for the size, which is a field there."""
    named = {name: name.replace("CHARREC_SIZE", "size: Literal") for name in ELSEWHERE}
    assert [name for name, file in ELSEWHERE.items() if named[name] not in (ROOT / file).read_text()] == []


def test_several_are_told_at_once_without_their_values() -> None:
    environ = {"CHARREC_SEEDS": "secret", "CHARREC_STOR": "secret", "CHARREC_SEED": "1", "OTHERS_SEEDS": "1"}
    with pytest.raises(InputError) as told:
        require_known(environ)
    assert str(told.value) == (
        "the environment has CHARREC_SEEDS, CHARREC_STOR, which nothing reads; expected CHARREC_SEED and "
        "CHARREC_STORE, by the nearest name. Correct or unset them; two underscores lead into a group."
    )


def test_a_name_in_small_letters_is_another() -> None:
    """Of which a study's settings would have made the same, and `charrec` not."""
    with pytest.raises(InputError, match="charrec_store, which nothing reads; expected CHARREC_STORE, by the nearest"):
        require_known({"charrec_store": "elsewhere"})


def test_whoever_reads_the_environment_refuses_unknown_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHARREC_STOER", "s3://bucket")
    told = "the environment has CHARREC_STOER, which nothing reads; expected CHARREC_STORE, by the nearest name"
    assert main(["report"]) == 2
    assert told in capsys.readouterr().err
    assert report(["store"]) == 2
    assert told in capsys.readouterr().err
    for read in (runtime_here, lambda: set_up({"CHARREC_STOER": "s3://bucket"})):
        with pytest.raises(InputError, match=told):
            read()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CHARREC_LEASE", "inf", "CHARREC_LEASE is 'inf'; expected a finite number"),
        (
            "CHARREC_STORE",
            "~nobody-here",
            "CHARREC_STORE is '~nobody-here'; expected the home of a user of this machine",
        ),
    ],
)
def test_a_worker_names_the_variable_that_makes_no_sense(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as refused:
        runtime_here()
    assert str(refused.value).startswith(told)
