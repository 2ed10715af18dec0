"""How much of a folder or an archive is read. Every bound is checked before the content is.

The published sets are far from all of them: Chars74K has 62,992 files of 1 KiB in 70 MB, 5 folders deep; the alphabet
set 389,740 PNGs and a table of some 400 MB; MNIST's largest file has 47 MB and packs 6 to 1.
"""

from pathlib import Path

from charrec.errors import InputError

MEMBERS = 1_000_000  # files and folders of one source, twice the alphabet set's; a million cost some 600 MB of memory
CONTENTS = 128 << 20  # bytes of a zip's table of contents, which zipfile reads whole: 128 for each of a million names
HEADER = 1 << 20  # bytes of one extended tar header, which tarfile reads whole: a name and a few times
DEPTH = 64  # folders within folders: a tree that deep holds no data set, and the system's paths end at 4,096 bytes
NAME = 4096  # characters of a name with its folders, Linux's PATH_MAX
HOPS = 40  # links that one name may lead through, as Linux allows
UNPACKED = 8 << 30  # bytes that one archive may unpack to: ten times the largest published set
RATIO = 100  # bytes unpacked for each byte of the archive; of images, which are packed already, about 1
SMALL = 64 << 20  # bytes that may be unpacked whatever the ratio: blank pictures pack well, and these do no harm
PICTURE = 1 << 20  # bytes of one PNG: 128x128 pixels have 131,072 with 16 bits in 4 channels, not packed at all
PIXELS = 8 << 30  # bytes of all the decoded images of one set, which lie in memory: half a million of 128x128
PIECE = 1 << 20  # bytes read at once
# zipfile unpacks a piece of bz2 or LZMA whole, whatever the member's size says: 4 KiB become some 80 MiB at most.
SMALL_PIECE = 4096

REDUCE = "Unpack it yourself if you trust it, and pass the folder with the images alone."


class Allowance:
    """What an archive may still unpack to and list; InputError names the archive once it is spent."""

    def __init__(self, path: Path, packed: int) -> None:
        self.path, self.packed = path, packed
        self.most = min(UNPACKED, max(SMALL, RATIO * packed))
        self.unpacked = self.listed = 0

    def unpack(self, size: int) -> None:
        """Count `size` bytes before, or as soon as, they are unpacked."""
        self.unpacked += size
        if self.unpacked > self.most:
            found = f"{self.path} has {self.packed:,} bytes and unpacks to more than {self.most:,}"
            raise InputError(found, f"at most {RATIO} times its size, and {UNPACKED >> 30} GiB", REDUCE)

    def list(self, names: int = 1) -> None:
        self.listed += names
        if self.listed > MEMBERS:
            raise too_many(self.path)


def too_many(path: Path) -> InputError:
    return InputError(f"{path} lists more than {MEMBERS:,} files", f"at most {MEMBERS:,}", "Pass the images alone.")
