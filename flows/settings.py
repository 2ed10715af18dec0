"""The default runtime of a flow: from the environment of its process."""

from pydantic_settings import BaseSettings, SettingsConfigDict

from charrec.study import Runtime
from charrec.variables import require_known


class _Here(Runtime, BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="CHARREC_")


def runtime_here() -> Runtime:
    """CHARREC_STORE, CHARREC_ENDPOINT, CHARREC_CACHE, ...: a worker's pool sets them for all its runs.

    Raises InputError for a variable of another name, which would leave its setting at the default.
    """
    require_known()
    return Runtime.model_validate(_Here().model_dump())
