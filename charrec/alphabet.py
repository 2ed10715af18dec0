"""The 62 classes, in the order of Chars74K's folders Sample001 ... Sample062."""

from string import ascii_lowercase, ascii_uppercase, digits

CLASSES = digits + ascii_uppercase + ascii_lowercase
INDEX = {character: index for index, character in enumerate(CLASSES)}

DIGITS = tuple(INDEX[c] for c in digits)
CAPITALS = tuple(INDEX[c] for c in ascii_uppercase)

# Class index -> class index with both cases of a letter merged into the capital.
FOLDED = tuple(INDEX[c.upper()] for c in CLASSES)
