"""product: several parts, each a space of some kind, in one architecture."""
