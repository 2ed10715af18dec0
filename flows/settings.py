"""The default runtime of a flow: from the environment of its process."""

import os

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from charrec.errors import InputError, worded
from charrec.study import Runtime
from charrec.variables import require_known
from tasks.pool import deployed


class _Here(Runtime, BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="CHARREC_")


def runtime_here() -> Runtime:
    """CHARREC_STORE, CHARREC_ENDPOINT, CHARREC_CACHE, ...: of the worker, and of its pool's job template.

    Raises InputError for a variable of another name, which would leave its setting at the default, and for a value
    without sense.
    """
    require_known()
    try:
        return Runtime.model_validate(_Here().model_dump())
    except ValidationError as error:
        wrong = error.errors()[0]
        variable = f"CHARREC_{wrong['loc'][0]}".upper()
        remedy = "Correct or unset it in the worker's environment or its pool's job template."
        raise InputError(
            f"{variable} is {wrong['input']!r}", worded(wrong["msg"]).rpartition("expected ")[2], remedy
        ) from None


def settled(runtime: Runtime | None) -> Runtime:
    """A flow's runtime. A deployment's run has the rest from the environment, or a lease alone would move its store.

    At a desk the command line has read the environment.
    """
    if runtime is None:
        return runtime_here()
    if not deployed():
        return runtime
    return runtime_here().model_copy(update={name: getattr(runtime, name) for name in runtime.model_fields_set})


def on_this_machine(runtime: Runtime) -> Runtime:
    """What a study gave its child, but for the cache: a child on a work pool keeps its copies where its machine does.

    CHARREC_CACHE names that place. At a desk it is the study's own, whose options precede the variable.
    """
    elsewhere = deployed() and os.environ.get("CHARREC_CACHE")
    return runtime.model_copy(update={"cache": runtime_here().cache}) if elsewhere else runtime
