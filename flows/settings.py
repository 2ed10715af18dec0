"""The default runtime of a flow: from the environment of its process."""

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from charrec.errors import InputError
from charrec.study import Runtime
from charrec.variables import require_known


class _Here(Runtime, BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="CHARREC_")


def runtime_here() -> Runtime:
    """CHARREC_STORE, CHARREC_ENDPOINT, CHARREC_CACHE, ...: a worker's pool sets them for all its runs.

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
            f"{variable} is {wrong['input']!r}", wrong["msg"].rpartition("; expected ")[2], remedy
        ) from None
