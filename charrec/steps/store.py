"""The store, as the steps use it: what took hours is not lost to some minutes in which it does not answer."""

from charrec.storage import Store, open_store
from charrec.storage.patience import PatientStore
from charrec.study import Runtime

OUTAGE = 900.0  # seconds that are waited out


def store_of(runtime: Runtime) -> Store:
    """Patient. Packing, the first step, is not: a wrong address is told at once."""
    return PatientStore(open_store(runtime.store, endpoint=runtime.endpoint), OUTAGE)
