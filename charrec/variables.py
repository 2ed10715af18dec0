"""The CHARREC_ variables of the environment. One that nothing reads is an error: in silence, a default would hold."""

import os
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

from pydantic import BaseModel

from charrec.errors import InputError
from charrec.study import Runtime, Study

PREFIX = "CHARREC_"
# Read elsewhere than by a study's options.
ELSEWHERE = {
    "CHARREC_SIZE": "flows/command_line.py",
    "CHARREC_COMMIT": "charrec/machine/provenance.py",
    "CHARREC_HOME": "deployments/prefect.yaml",
    "CHARREC_NOTIFY_URL": "deployments/setup.py",
    "CHARREC_STACK": "infra/local/stack.py",
    "CHARREC_BIND": "infra/compose/compose.yaml",
    "CHARREC_UI_PORT": "infra/compose/compose.yaml",
    "CHARREC_STORE_PORT": "infra/compose/compose.yaml",
    "CHARREC_TEST_LONG": "tests/thorough.py",
    "CHARREC_TEST_SEED": "tests/thorough.py",
    "CHARREC_CHARTS": "tests/infra/charts.py",
}


def known() -> set[str]:
    """Every CHARREC_ variable that means something."""
    return {*ELSEWHERE, *_of(Study, PREFIX), *_of(Runtime, PREFIX)}


def require_known(environ: Mapping[str, str] = os.environ) -> None:
    """Raises InputError that names the variables nothing reads, and the nearest one that there is to each."""
    names = known()
    unknown = sorted(name for name in environ if name.upper().startswith(PREFIX) and name not in names)
    if unknown:
        nearest = dict.fromkeys(_nearest(name.upper(), names) for name in unknown)
        raise InputError(
            f"the environment has {', '.join(unknown)}, which nothing reads",
            f"{' and '.join(nearest)}, by the nearest name" if len(nearest) < 4 else "names as in docs/settings.md",
            f"Correct or unset {'it' if len(unknown) == 1 else 'them'}; two underscores lead into a group.",
        )


def _nearest(name: str, names: set[str]) -> str:
    def likeness(other: str) -> float:
        return SequenceMatcher(None, name.removeprefix(PREFIX), other.removeprefix(PREFIX)).ratio()

    return max(sorted(names), key=likeness)


def _of(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """The variables of a model: of each field, and of the fields within."""
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        yield variable
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _of(field.annotation, f"{variable}__")
