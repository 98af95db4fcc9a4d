"""Tables of the README, which stand between markers."""

from __future__ import annotations


def between_markers(whole: str, name: str, text: str) -> str:
    """The README with another text between the markers of that name."""
    start, end = whole.index(f"<!-- {name}"), whole.index(f"<!-- end of {name} -->")
    start = whole.index("-->", start) + len("-->")
    return f"{whole[:start]}\n{text}\n{whole[end:]}"
