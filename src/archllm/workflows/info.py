"""What is known of one architecture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from archllm.graphs import ABSENT
from archllm.spaces import Architecture, SearchSpace
from archllm.workflows.inputs import as_architecture


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

    params: int | None = None
    """Trainable parameters of its network as in the space's paper (CIFAR-10), if networks are made of it."""

    macs: int | None = None
    """Multiply-accumulates of that network for one image."""

    imports: tuple[str, ...] = ()
    """Modules of blocks that Python does not find, without which the network's size is not known."""

    other_names: dict[str, Any] = field(default_factory=dict)
    """Names in use elsewhere, by what they are called."""

    def to_json(self) -> dict[str, Any]:
        """The contract of `archllm info --json`; what the space does not have is left out."""
        optional = {"class_key": self.class_key, "params": self.params, "macs": self.macs}
        return {
            "space": self.space,
            "text": self.text,
            "key": self.key,
            "hash": self.hash,
            "vertices": self.vertices,
            "edges": self.edges,
            **{name: value for name, value in optional.items() if value is not None},
            **self.other_names,
        }


def info(architecture: str | Architecture, space: str | SearchSpace | None = None, *, sizes: bool = True) -> Info:
    """Names and measures of an architecture.

    Args:
        architecture: the architecture, or its text.
        space: the space of the text, or its name.
        sizes: whether networks are counted, where that can be done.

    Raises:
        FormatError: the text can't be read.
        InvalidArchitecture: it is not a member of the space.
    """
    arch = as_architecture(architecture, space)
    graph, home = arch.graph, arch.space
    classes = home.class_keys(graph)
    counted = sizes and home.networks is not None and home.networks.countable
    return Info(
        space=home.name,
        text=arch.text,
        key=arch.key,
        hash=arch.official_hash,
        vertices=int((graph.ops != ABSENT).sum()),
        edges=int(graph.adjacency.sum()),
        class_key=int(classes[0]) if classes is not None else None,
        params=arch.params if counted else None,
        macs=arch.macs if counted else None,
        imports=tuple(home.networks.imports()) if home.networks is not None and not counted else (),
        other_names=home.other_names(graph),
    )
