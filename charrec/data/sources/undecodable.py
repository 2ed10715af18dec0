"""What Pillow raises for bytes that are no whole image."""

import struct
import zlib

from PIL import Image

# TypeError: a TIFF's damaged tags; IndexError: a PNG's profile that is cut off behind its pixels.
UNDECODABLE = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, struct.error, zlib.error,
    Image.DecompressionBombError,
)  # fmt: skip
