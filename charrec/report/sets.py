"""Packed sets in a store, found by the digest of their content."""

from charrec.data.sources.source import Role
from charrec.memo.outcome import name_of, parsed
from charrec.results import PackResult
from charrec.storage import Corrupt, NotFound, Store
from charrec.storage.document import Foreign


def packed_set(store: Store, role: Role, digest: str) -> PackResult | None:
    """The set of this digest, from this store; None where there is none, or its file is gone."""
    return next((one for one in packed_sets(store, role) if one.manifest.digest == digest), None)


def packed_sets(store: Store, role: Role) -> list[PackResult]:
    """Every set of this role whose file is there, the latest first."""
    suffix = name_of("", PackResult)
    found = [entry for entry in store.list(f"{role}/") if entry.key.endswith(suffix)]
    sets = []
    for entry in sorted(found, key=lambda entry: entry.modified, reverse=True):
        key = entry.key.removesuffix(suffix)
        try:
            packed = parsed(store.get(entry.key), key, PackResult).value
        except (NotFound, Corrupt, Foreign):  # whoever needs that very set says that it is not there
            continue
        if store.exists(packed.file.key):
            sets.append(packed)
    return sets
