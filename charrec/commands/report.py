"""`charrec report`: the path of the latest report, or its files."""

from pathlib import Path
from tempfile import TemporaryDirectory

from charrec.errors import InputError
from charrec.report.stored import PAGE, reports
from charrec.storage import Store
from charrec.storage.disk import told


def show(store: Store, to: Path | None) -> None:
    """Print the path of the latest report; with `to`, fetch its files into that folder."""
    key = reports(store)[0]
    if to is None:
        print(f"{store.url}/{key}/{PAGE}")
    else:
        fetch(store, key, to)
        print(to / PAGE)


def fetch(store: Store, report: str, folder: Path) -> None:
    """A report's files in a folder that is there whole or not at all. Raises InputError where it holds others."""
    require_free(folder)
    with told(folder, f"the report in {folder}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as near:  # a rename stays on one disk
            whole = Path(near, "whole")
            for entry in store.list(f"{report}/"):
                name = entry.key.removeprefix(f"{report}/")
                if not name.startswith("result-"):  # how the step remembers that it is done
                    store.download(entry.key, whole / name)
            whole.replace(folder)


def require_free(folder: Path) -> None:
    """Raises InputError where the folder holds anything."""
    with told(folder, f"the report in {folder}"):
        taken = folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
    if taken:
        raise InputError(f"{folder} exists", "a folder to be made, or an empty one", "Name another, or remove it.")
