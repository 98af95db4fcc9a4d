"""Architecture: one member of one space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archllm import drawing
from archllm.graphs import Graphs

if TYPE_CHECKING:
    from torch import nn

    from archllm.networks.export import Exported
    from archllm.spaces.base import SearchSpace


@dataclass(frozen=True, eq=False)
class Architecture:
    """One immutable member of a space. Equal, and of equal hash, exactly when isomorphic."""

    space: SearchSpace
    """The space that it is a member of."""

    graph: Graphs
    """Its normalised graph, a batch of one; its arrays are read-only."""

    key: int
    """Its canonical key in the space."""

    def __post_init__(self) -> None:
        own = Graphs(self.graph.ops.copy(), self.graph.adjacency.copy())
        own.ops.setflags(write=False)
        own.adjacency.setflags(write=False)
        object.__setattr__(self, "graph", own)

    @cached_property
    def text(self) -> str:
        """Its text in the space's standard format."""
        return self.space._format(self.graph)

    @property
    def official_hash(self) -> str | None:
        """The identifier that the benchmark itself gives it, if any."""
        return self.space.official_hash(self.graph)

    @cached_property
    def params(self) -> int:
        """Trainable parameters of its network as in the space's paper (CIFAR-10)."""
        return int(self.space.params(self.graph)[0])

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of its network as in the space's paper, for one CIFAR-10 image."""
        return int(self.space.macs(self.graph)[0])

    def build(self, num_classes: int = 10, channels: int | None = None, **options: Any) -> nn.Module:
        """A new network of this architecture, its weights drawn from torch's generator.

        Args:
            num_classes: classes that are told apart.
            channels: channels of the first cells; by default those of the space's paper.
            options: further fields of the space's `network_config`, such as `in_channels` or `image_size`.

        Returns:
            A plain module; it maps images `n x c x h x w` to logits `n x classes`.

        Raises:
            InvalidInput: an option does not exist or is out of range.
        """
        return self.space.blueprint(self, num_classes=num_classes, channels=channels, **options).build()

    def export(
        self,
        path: str | Path,
        to: Literal["python", "torch", "onnx"] = "python",
        *,
        weights: str | Path | nn.Module | None = None,
        seed: int = 0,
        **options: Any,
    ) -> Exported:
        """Writes its network as a file that other tools read, after making sure that it computes the same.

        Args:
            path: file to write; an existing one is replaced.
            to: `python` (one standalone file), `torch` (a `torch.export` program) or `onnx`.
            weights: a safetensors file or a trained network; by default fresh weights.
            seed: seed of fresh weights.
            options: fields of the space's `network_config`.

        Raises:
            InvalidInput: an option does not exist or is out of range, or the weights are those of another network.
            ExportError: the file can't be written, or computes something else.
            MissingExtra: `onnx` is not installed.
        """
        from archllm.networks.export import export

        return export(self.space.blueprint(self, **options), Path(path), to, weights=weights, seed=seed)

    def svg(self) -> str:
        """A layered drawing as one SVG document."""
        return drawing.to_svg(self.space.drawing_cells(self.graph))

    def dot(self) -> str:
        """The cell in Graphviz' DOT language."""
        return drawing.to_dot(self.space.drawing_cells(self.graph))

    def _repr_svg_(self) -> str:
        return self.svg()

    def __reduce__(self) -> Any:
        return Architecture, (self.space, self.graph, self.key)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Architecture)
            and self.key == other.key
            and (self.space is other.space or self.space.identity == other.space.identity)
        )

    def __hash__(self) -> int:
        return hash((self.space.name, self.key))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Architecture of {self.space.name}: {self.text}>"
