"""What is known of one architecture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from archllm.errors import InvalidInput
from archllm.graphs import ABSENT
from archllm.spaces import Architecture, SearchSpace, load_space
from archllm.spaces.nasbench201.space import NASBench201


@dataclass(frozen=True)
class Info:
    """Names and measures of one architecture."""

    space: str
    """Name of its space."""

    text: str
    """Its text in the space's standard format."""

    key: int
    """Its canonical key: equal exactly for isomorphic architectures."""

    hash: str | None
    """The identifier that the benchmark itself gives it, if any."""

    vertices: int
    """Vertices of its graph, operations on vertices."""

    edges: int
    """Edges of that graph."""

    class_key: int | None = None
    """Its key under the space's coarser notion of "the same network", if there is one."""

    index: int | None = None
    """Its index in NAS-Bench-201."""

    naslib: tuple[int, ...] | None = None
    """NASLib's tuple, for NAS-Bench-201."""

    def to_json(self) -> dict[str, Any]:
        """The contract of `archllm info --json`; what the space does not have is left out."""
        always = ("space", "text", "key", "hash", "vertices", "edges")
        return {name: value for name, value in asdict(self).items() if name in always or value is not None}


def info(architecture: str | Architecture, space: str | SearchSpace | None = None) -> Info:
    """Names and measures of an architecture.

    Args:
        architecture: the architecture, or its text.
        space: the space of the text, or its name.

    Raises:
        FormatError: the text can't be read.
        InvalidArchitecture: it is not a member of the space.
    """
    arch = as_architecture(architecture, space)
    graph, home = arch.graph, arch.space
    classes = home.class_keys(graph)
    found = Info(
        space=home.name,
        text=arch.text,
        key=arch.key,
        hash=arch.official_hash,
        vertices=int((graph.ops != ABSENT).sum()),
        edges=int(graph.adjacency.sum()),
        class_key=int(classes[0]) if classes is not None else None,
    )
    if isinstance(home, NASBench201):
        return Info(**{**asdict(found), "index": arch.key, "naslib": home.naslib(graph)})
    return found


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
    home = load_space(space) if isinstance(space, str) else space
    return home.parse(architecture.strip())
