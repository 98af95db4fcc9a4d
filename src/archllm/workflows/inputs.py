"""Spaces and architectures as users hand them in: by name or text, or as objects."""

from __future__ import annotations

from pathlib import Path

from archllm.errors import InvalidInput, shown
from archllm.spaces import Architecture, SearchSpace, load_space


def as_space(space: object) -> SearchSpace:
    """The space of that name or file; a space stands for itself.

    Example:
        >>> as_space("nasbench201").size
        15625

    Raises:
        InvalidInput: no space has that name, there is no such file, or it is something else.
        DefinitionError: the file defines no space that can be worked with.
    """
    if isinstance(space, SearchSpace):
        return space
    if isinstance(space, str | Path):
        return load_space(space)
    raise InvalidInput(f"a space is named, or a SearchSpace, got {shown(space)}")


def as_architecture(architecture: str | Architecture, space: str | SearchSpace | None) -> Architecture:
    """The architecture that a text of a space stands for; an architecture stands for itself.

    Raises:
        FormatError: the text can't be read.
        InvalidArchitecture: it is not a member of the space.
        InvalidInput: there is a text, but no space.
    """
    if isinstance(architecture, Architecture):
        return architecture
    if space is None:
        raise InvalidInput("the text of an architecture needs its space")
    return as_space(space).parse(architecture.strip())
