"""A study's search space from the command line, the environment, a file, and a form."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from prefect.utilities.callables import parameter_schema

from charrec.errors import InputError
from charrec.study import QUICK, Choices, Search, Study
from flows.command_line import _parsed, choose, main
from flows.full_study import full_study

PAGE = Path(__file__).parents[2] / "docs/settings.md"
RATES = Choices(learning_rate=(0.0003, 0.001, 0.003))


@pytest.fixture(autouse=True)
def at_a_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CHARREC_STORE", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def chosen(*arguments: str) -> Search:
    return choose(_parsed(["--size", "quick", *arguments]))[0].search


@pytest.fixture
def files() -> None:
    Path("rates.json").write_text('{"learning_rate": [0.003, 0.001, 0.0003]}')
    Path("list.json").write_text("[1]")
    Path("torn.json").write_text('{"units": [64')


@pytest.mark.parametrize(
    "arguments",
    [
        ("--search.space.learning-rate", "0.0003,0.001,0.003"),
        ("--search.space.learning-rate=0.003,0.0003,0.001",),
        ("--search.space", '{"learning_rate": [0.0003, 0.001, 0.003]}'),
        ("--search.space", "rates.json"),
        ("--search.space=./rates.json",),
    ],
)
def test_learning_rates_are_searched_on_the_command_line(arguments: tuple[str, ...], files: None) -> None:
    assert chosen(*arguments) == QUICK.search.model_copy(update={"space": RATES})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHARREC_SEARCH__SPACE__LEARNING_RATE", "0.0003,0.001,0.003"),
        ("CHARREC_SEARCH__SPACE__LEARNING_RATE", "[0.0003, 0.001, 0.003]"),
        ("CHARREC_SEARCH__SPACE", '{"learning_rate": [0.0003, 0.001, 0.003]}'),
        ("CHARREC_SEARCH__SPACE", "rates.json"),
    ],
)
def test_and_in_the_environment(variable: str, value: str, files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    assert chosen() == QUICK.search.model_copy(update={"space": RATES})


def test_an_option_goes_before_the_file(files: None) -> None:
    space = chosen("--search.space", "rates.json", "--search.space.learning-rate", "0.01", "--search.space.units", "64")
    assert space.space == Choices(learning_rate=(0.01,), units=(64,))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--search.space", "gone.json"], "--search.space 'gone.json': No such file or directory; expected a file"),
        (["--search.space", "list.json"], "--search.space 'list.json': no object; expected a file with a JSON object"),
        (["--search.space", "torn.json"], "--search.space 'torn.json': Expecting ',' delimiter"),
        (["--search.space", '{"unit": [64]}'], "--search.space: found 'unit'; expected some of filters_hp_1, "),
        (["--search.space.dropout", "0.5,1.2"], "--search.space.dropout: found 1.2; expected less than 1"),
        (["--search.space.units", "64,64"], "--search.space.units: found 64 2 times; expected each value once"),
        (["--search.space.units", "[]"], "--search.space.units: found no value; expected at least one"),
        (
            ["--search.space", '{"filters_hp_3": [16], "dropout": [0.5], "units": [64]}', "--size", "full"],
            "a space of 4 points; expected at least 22, which the search tries. Widen the space, or",
        ),
    ],
)
def test_a_wrong_space_ends_with_status_2_and_one_line(
    arguments: list[str], told: str, files: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (2, "")
    assert said.err.startswith("error: ") and told in said.err and said.err.count("\n") == 1


def test_a_file_that_the_environment_names_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARREC_SEARCH__SPACE", "gone.json")
    with pytest.raises(InputError, match="'gone.json': No such file or directory; expected a file with a JSON object"):
        chosen()


def test_a_run_from_the_form_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    narrow = Choices(filters_hp_3=(16,), dropout=(0.5,), units=(256,))
    with pytest.raises(InputError, match="a space of 4 points; expected at least 22"):
        asyncio.run(full_study.fn(Study(search=Search(space=narrow))))
    assert not list(tmp_path.iterdir())


def test_the_form_has_a_list_for_each_hyperparameter() -> None:
    schema = parameter_schema(full_study).definitions
    assert schema["Search"]["properties"]["space"]["$ref"].endswith("/Choices")
    lists = schema["Choices"]["properties"]
    assert set(lists) == set(Choices.model_fields)
    assert all(one["type"] == "array" and "default" in one and one["description"] for one in lists.values())


def test_the_examples_of_the_page_are_spaces(files: None) -> None:
    text = PAGE.read_text(encoding="utf-8")
    (file,) = re.findall(r"`space\.json`:\n\n```json\n(.*?)```", text, re.DOTALL)
    Path("space.json").write_text(file)
    commands = re.findall(r"full_study\.py (--search\.space\S* \S+)", text)
    assert [command.split()[0] for command in commands] == ["--search.space.learning-rate", "--search.space"]
    for command in commands:
        assert chosen(*command.split()).space != Choices()
    assert Choices.model_validate(json.loads(file)) == chosen("--search.space", "space.json").space
