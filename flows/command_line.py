"""`python flows/full_study.py`: choose the study, its data and its store, then run it.

Prefect, 1.5 s of a core, is imported when the options are read and its server is starting.
"""

import json
import os
import sys
from pathlib import Path
from signal import SIGINT
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from charrec.data.sources import kaggle
from charrec.errors import InputError, without_password, worded
from charrec.machine.backend import backend
from charrec.machine.hardware import gpu_names
from charrec.paths import at_home
from charrec.study import EMBEDDED, STUDIES, Choices, Runtime, Study
from charrec.variables import require_known
from flows.local_server import begun_early
from flows.surroundings import end, import_prefect

SPACE = "--search.space"


class Environment(EnvSettingsSource):
    """The environment, its lists written as on the command line."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """APR,2023 as well as ["APR", "2023"]; groups of settings as JSON objects, a space's also as a file."""
        text = str(value)
        if (field_name == "texts" or field_name in Choices.model_fields) and not text.lstrip().startswith("["):
            return text.split(",")
        if field_name == "space":
            value = spelled_out(text)
        try:
            return super().decode_complex_value(field_name, field, value)
        except RecursionError:
            raise ValueError("lists in lists without end") from None


class Options(Study, Runtime, BaseSettings):
    """A character-recognition study, from data to report. Run it again to resume it.

    Every option can also be set in the environment, as CHARREC_STORE or CHARREC_DATA__GLYPHS. All other values are
    those of the chosen size: full is the study as published, quick the same steps for 2 cores.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="CHARREC_", env_nested_delimiter="__",
        cli_prog_name="full_study.py", cli_kebab_case=True, cli_hide_none_type=True, cli_avoid_json=True,
        cli_exit_on_error=False, cli_parse_none_str="none", env_parse_none_str="none",
    )  # fmt: skip

    size: Literal["auto", "full", "quick"] = Field("auto", description="auto: full where a GPU is visible")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, Environment(settings_cls)


def main(arguments: list[str] | None = None) -> None:
    """Print what will run and why, run it, print the path of the report. An explained failure ends with its message."""
    try:
        study, runtime, why = choose(_parsed(sys.argv[1:] if arguments is None else arguments))
        print(*why, sep="\n", flush=True)
        server = begun_early()
        import_prefect()
        from flows.desk import run
    except InputError as error:
        end(2, str(error))
    except KeyboardInterrupt:
        end(128 + SIGINT, "interrupted; the same command resumes it")
    run(study, runtime, server)


def _parsed(arguments: list[str]) -> Options:
    require_known()
    try:
        return Options(_cli_parse_args=_with_space(arguments))
    except ValidationError as error:
        end(2, "; ".join(_told(**each) for each in error.errors()))
    except SettingsError as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None
        end(2, f"{error}; --help lists every option")


def _with_space(arguments: list[str]) -> list[str]:
    """The arguments with the content of the file that --search.space names."""
    spelled = list(arguments)
    for at, argument in enumerate(arguments):
        if argument == SPACE and at + 1 < len(arguments):
            spelled[at + 1] = spelled_out(arguments[at + 1])
        elif argument.startswith(f"{SPACE}="):
            spelled[at] = f"{SPACE}={spelled_out(argument.removeprefix(f'{SPACE}='))}"
    return spelled


def spelled_out(space: str) -> str:
    """A search space as a JSON object, which may lie in a file. Raises InputError for a file of anything else."""
    if space.lstrip().startswith("{"):
        return space
    expected = 'a file with a JSON object of lists, as {"learning_rate": [0.0003, 0.001]}'
    remedy = f"Correct {SPACE} or the file; hyperparameters that it does not name keep their values."
    path = Path(at_home(space))
    try:
        text = path.read_text(encoding="utf-8")
        found = None if isinstance(json.loads(text), dict) else "no object"
    except (OSError, ValueError, RecursionError) as error:
        found = getattr(error, "strerror", None) or str(error)
    if found:
        raise InputError(f"{SPACE} {space!r}: {found}", expected, remedy) from None
    return text


def _told(loc: tuple[str | int, ...], msg: str, input: Any, **_: Any) -> str:
    """One wrong value: its option, and its variable if that is set; what was found, what was expected."""
    expected = worded(msg)
    found = expected if expected.startswith("found") else f"found {input!r}; {expected}"
    variable = f"CHARREC_{'__'.join(str(part) for part in loc if isinstance(part, str))}".upper()
    option = "--" + ".".join(part for part in loc if isinstance(part, str)).replace("_", "-")
    return f"{option}{f' or {variable}' if variable in os.environ else ''}: {found}"


def choose(options: Options) -> tuple[Study, Runtime, list[str]]:
    """The study and the runtime that the options choose, and the lines that announce them."""
    given = options.model_dump(exclude_unset=True)
    backend()  # one that cannot run is told before anything is fetched
    gpus = gpu_names() if options.devices != "cpu" else ()
    size = options.size if options.size != "auto" else ("full" if gpus else "quick")
    because = (
        "as asked" if options.size != "auto"
        else f"since a GPU is visible ({gpus[0]})" if gpus
        else "since no GPU is visible"
    )  # fmt: skip
    other = "quick" if size == "full" else "full"
    lines = [f"Study: {size}, {because}; --size {other} for the other, --help for every setting."]
    overrides = {name: value for name, value in given.items() if name in Study.model_fields}
    data, line = _data(overrides.get("data", {}))
    overrides["data"] = data
    study = Study.model_validate(_merged(STUDIES[size].model_dump(), overrides))
    if study.search != STUDIES[size].search:  # which have room
        from charrec.tuning.space import require_room  # a tenth of a second of a core

        require_room(study.search)
    runtime = Runtime.model_validate({k: v for k, v in given.items() if k in Runtime.model_fields})
    lines.append(line)
    lines.append(f"Store: {without_password(runtime.store)}; finished steps are recalled from it.")
    return study, runtime, lines


def _data(given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Kaggle's data sets if there are credentials, else the installed ones; the line says which."""
    open_roles = [role for role in EMBEDDED if role not in given]
    named = ", ".join(f"{role} {given[role]}" for role in EMBEDDED if role in given)
    if not open_roles or kaggle.credentials_found():
        rest = f"{', '.join(open_roles)} from Kaggle" if open_roles else ""
        return given, "Data: " + "; ".join(part for part in (named, rest) if part) + "."
    rest = f"{', '.join(open_roles)} from fonts and digits installed with charrec, since no Kaggle credentials"
    hint = "set KAGGLE_API_TOKEN, or --data.glyphs PATH, for the published data"
    return (
        {**{role: EMBEDDED[role] for role in open_roles}, **given},
        "Data: " + "; ".join(part for part in (named, f"{rest} are found ({hint})") if part) + ".",
    )


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    return base | {
        name: _merged(base[name], value) if isinstance(value, dict) and isinstance(base.get(name), dict) else value
        for name, value in over.items()
    }
