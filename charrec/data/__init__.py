"""Images in: fetched from a source, packed, split, loaded."""
