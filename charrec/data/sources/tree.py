"""The files of a folder or archive, through the links that stay inside."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from charrec.data.sources.limits import HOPS, MEMBERS, too_many
from charrec.data.sources.names import ABSOLUTE, check, is_litter, plain, shown, twice
from charrec.errors import InputError

DEREFERENCE = "Put the file itself in the link's place (cp -L; tar --dereference; zip without -y)."


@dataclass(frozen=True)
class Entry:
    """A file: its size in bytes, and how to read it."""

    size: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Link:
    target: str
    hard: bool = False  # then the target is a name from the archive's root


def walk(
    where: Path, root: str, children: Callable[[str, str], Iterable[tuple[str, str, bool]]]
) -> Iterator[tuple[str, str]]:
    """(name, true place) of every file. `children(folder, prefix)` lists (part of the name, true place, is a folder).

    Follows links to folders; one to a folder that it lies in adds nothing. Raises InputError beyond the limits.
    """
    waiting: list[tuple[str, str, tuple[str, ...]]] = [("", root, (root,))]
    met = 0
    while waiting:
        prefix, folder, above = waiting.pop()
        for part, place, is_folder in children(folder, prefix):
            met += 1
            if met > MEMBERS:
                raise too_many(where)
            name = prefix + part
            check(where, name)
            if not is_folder:
                yield name, place
            elif place not in above:
                waiting.append((f"{name}/", place, (*above, place)))


def led_astray(where: object, name: str, target: str, why: str) -> InputError:
    found = f"{where}: {shown(name)} is a link to {shown(target)}, {why}"
    return InputError(found, "files, or links to files within it", DEREFERENCE)


class Tree:
    """What an archive lists. Raises InputError, which names the archive, for a name that is refused."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.nodes: dict[str, Entry | Link] = {}
        self.folders: dict[str, list[str]] = {"": []}  # name -> the parts in it

    def add(self, name: str, node: Entry | Link) -> None:
        """A file or link under the name that the archive gives it."""
        name = plain(name)
        check(self.where, name)
        if isinstance(node, Link) and node.hard and plain(node.target) == name:  # GNU tar, for a file packed twice
            return
        if name in self.nodes:
            raise twice(self.where, name)
        self.nodes[name] = node
        while True:
            folder, _, part = name.rpartition("/")
            known = folder in self.folders
            self.folders.setdefault(folder, []).append(part)
            if known:
                return
            name = folder

    def files(self) -> dict[str, Entry]:
        """Every file that is not an operating system's, links followed."""
        if both := self.nodes.keys() & self.folders.keys():
            raise twice(self.where, min(both))
        found = {}
        for name, place in walk(self.where, "", self._children):
            node = self.nodes[place]
            assert isinstance(node, Entry)
            found[name] = node
        return found

    def _children(self, folder: str, prefix: str) -> Iterator[tuple[str, str, bool]]:
        for part in self.folders[folder]:
            if is_litter(part):
                continue
            name = f"{folder}/{part}" if folder else part
            node = self.nodes.get(name)
            place = self._followed(name, node.target) if isinstance(node, Link) else name
            if place not in self.nodes and place not in self.folders:
                assert isinstance(node, Link)
                raise led_astray(self.where, prefix + part, node.target, "which it does not hold")
            yield part, place, place in self.folders

    def _followed(self, name: str, target: str) -> str:
        """The true place of a name: no part of it is a link."""
        parts, place, hops = name.split("/")[::-1], list[str](), 0
        while parts:
            part = parts.pop()
            if part == "..":
                if not place:
                    raise led_astray(self.where, name, target, "which lies outside of it")
                place.pop()
            elif part not in ("", "."):
                place.append(part)
                node = self.nodes.get("/".join(place))
                if isinstance(node, Link):
                    hops += 1
                    if hops > HOPS:
                        raise led_astray(self.where, name, target, "which leads round in a circle")
                    if ABSOLUTE.match(node.target.replace("\\", "/")):
                        raise led_astray(self.where, name, target, "which lies outside of it")
                    place = [] if node.hard else place[:-1]
                    parts += node.target.replace("\\", "/").split("/")[::-1]
        return "/".join(place)
