"""`python flows/full_study.py`: which study, on what data, where; then the flow."""

import logging
import sys
from collections.abc import Callable
from typing import Any, Literal

from prefect.settings import (
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    temporary_settings,
)
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from charrec.errors import InputError
from charrec.hardware import gpu_names
from charrec.sources import kaggle
from charrec.storage import open_store
from charrec.study import EMBEDDED, STUDIES, Runtime, Study

# No telemetry from a local run, and time for a busy machine: a new database alone takes 14 s on 2 idle cores.
LOCAL = {PREFECT_SERVER_ANALYTICS_ENABLED: False, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 180}


class Options(Study, Runtime, BaseSettings):
    """A character-recognition study, from data to report. Run it again to go on where it stood.

    Every option can also stand in the environment, as CHARREC_STORE or CHARREC_DATA__GLYPHS. What is not
    given is as in the chosen size: full is the study as published, quick the same steps for 2 cores.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="CHARREC_", env_nested_delimiter="__",
        cli_prog_name="full_study.py", cli_kebab_case=True, cli_hide_none_type=True, cli_avoid_json=True,
    )  # fmt: skip

    size: Literal["auto", "full", "quick"] = Field("auto", description="auto: full where a GPU is visible")


def main(flow: Callable[[Study, Runtime], str], arguments: list[str] | None = None) -> None:
    """Say what will run and why, run it, say where the report is. Bad input ends with one line and status 2."""
    logging.basicConfig(level=logging.WARNING)
    try:
        study, runtime, why = choose(Options(_cli_parse_args=sys.argv[1:] if arguments is None else arguments))
        for line in why:
            print(line, flush=True)
        with temporary_settings(LOCAL):
            key = flow(study, runtime)
    except ValidationError as error:
        sys.exit("\n".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()))
    except InputError as error:
        sys.exit(f"error: {error}")
    store = open_store(runtime.store, endpoint=runtime.endpoint)
    print(f"Report: {store.url}/{key}")


def choose(options: Options) -> tuple[Study, Runtime, list[str]]:
    """The study and the runtime that the options mean, and the lines that say so."""
    given = options.model_dump(exclude_unset=True)
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
    runtime = Runtime.model_validate({k: v for k, v in given.items() if k in Runtime.model_fields})
    lines.append(line)
    lines.append(f"Store: {runtime.store}; what is done is found there and not done again.")
    return study, runtime, lines


def _data(given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Kaggle's data sets where there are credentials, else what is installed; never a silent change."""
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
