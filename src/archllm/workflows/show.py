"""Draw one architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from archllm.errors import InvalidInput
from archllm.spaces import Architecture, SearchSpace
from archllm.workflows.inputs import as_architecture

Form = Literal["svg", "dot"]
"""What a drawing can be written as."""

_ENDINGS: dict[str, Form] = {".svg": "svg", ".dot": "dot", ".gv": "dot"}


def form_of(path: Path) -> Form:
    """What a file holds, by its ending.

    Raises:
        InvalidInput: drawings are not written that way.

    Example:
        >>> form_of(Path("cell.gv"))
        'dot'
    """
    found = _ENDINGS.get(path.suffix.lower())
    if found is None:
        raise InvalidInput(
            f"drawings are written as .svg, or as .dot or .gv for Graphviz, not as {path.suffix or path.name}; other "
            f"programs make PNG or PDF of an SVG, such as a browser, Inkscape, or dot -Tpng of the .dot"
        )
    return found


def show(
    architecture: str | Architecture,
    space: str | SearchSpace | None = None,
    form: Form = "svg",
) -> str:
    """A drawing of an architecture.

    Args:
        architecture: the architecture, or its text.
        space: the space of the text, or its name.
        form: `svg`, or `dot` for Graphviz.

    Returns:
        One SVG document, or a graph in the DOT language.

    Raises:
        FormatError: the text can't be read.
        InvalidArchitecture: it is not a member of the space.
    """
    arch = as_architecture(architecture, space)
    return arch.svg() if form == "svg" else arch.dot()
