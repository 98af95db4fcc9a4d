"""Draw one architecture."""

from __future__ import annotations

from typing import Literal

from archllm.spaces import Architecture, SearchSpace
from archllm.workflows.inputs import as_architecture


def show(
    architecture: str | Architecture,
    space: str | SearchSpace | None = None,
    form: Literal["svg", "dot"] = "svg",
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
