"""Networks: what a space's networks offer. Only the interface is here; `archllm.networks` makes them.

So what an architecture is can be said, and this file imported, without a deep-learning library.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs

DeviceFormat = Literal["executorch", "tflite"]
"""Forms of a network for phones and small boards."""

ExportFormat = Literal["python", "torch", "onnx", "executorch", "tflite"]
"""What a network can be exported to."""


class Networks(Protocol):
    """What becomes of the members of one space; `archllm.networks.base.SpaceNetworks` is the class to build on.

    A setting says what a member does not: channels, cells, classes, images. One setting and one member make one
    network. Where a method takes a setting, `None` stands for that of the space's paper.
    """

    setting_type: type[Any]
    """Class of the settings, a frozen dataclass: a subclass of `archllm.networks.setting.NetworkSetting`."""

    small: Mapping[str, Any]
    """Options for small images and short trainings on a CPU, where the paper's network would take hours."""

    @property
    def settings_import(self) -> bool:
        """Whether making a setting takes importing modules of others already; then counting does, too."""
        ...

    def counts_import(self, setting: Any = None) -> bool:
        """Whether counting sizes under a setting takes importing modules of others, which no report does."""
        ...

    @property
    def countable(self) -> bool:
        """Whether sizes at the paper's setting can be counted here: without an import, or with modules that exist."""
        ...

    def imports(self) -> Mapping[str, Path | None]:
        """Modules of others that building a network imports, and the files that Python would import them from."""
        ...

    def record(self) -> str | None:
        """What a run folder keeps of blocks of others, as text; see `SearchSpace.blocks`. `None` if there are none."""
        ...

    def setting(self, **options: Any) -> Any:
        """The setting with these fields; the rest, and what is `None`, is as in the space's paper.

        Raises:
            InvalidInput: a field does not exist or is out of range.
        """
        ...

    def params(self, graphs: Graphs, setting: Any = None) -> NDArray[np.int64]:
        """`n` counts of trainable parameters of the members' networks, exact, without building them.

        Raises:
            InvalidArchitecture: a graph is not a member.
        """
        ...

    def macs(self, graphs: Graphs, setting: Any = None) -> NDArray[np.int64]:
        """`n` counts of multiply-accumulates of the members' networks for one image, without building them.

        Convolutions and linear layers count, and an addition per bias of a linear layer, as in NAS-Bench-201's own
        figures; batch norm, pooling, additions and activations don't.

        Raises:
            InvalidArchitecture: a graph is not a member.
        """
        ...

    def work(self, graphs: Graphs, setting: Any = None) -> NDArray[np.float64]:
        """`n x k` amounts that the latency of the members' networks follows: what is computed, read and written.

        The same `k` amounts for all members: multiply-accumulates and parameters at least.

        Raises:
            InvalidArchitecture: a graph is not a member.
        """
        ...

    def blueprint(self, graph: Graphs, setting: Any = None) -> Any:
        """All that it takes to make the network of one member: an `archllm.networks.blueprint.Blueprint`.

        Raises:
            InvalidArchitecture: the graph is not a member.
        """
        ...

    def build(self, graph: Graphs, setting: Any = None) -> Any:
        """A new `torch.nn.Module` of one member, its weights drawn from torch's generator.

        Raises:
            InvalidArchitecture: the graph is not a member.
        """
        ...

    def export(
        self,
        graph: Graphs,
        path: str | Path,
        to: ExportFormat | None = None,
        *,
        setting: Any = None,
        weights: Any = None,
        seed: int = 0,
        opset: int | None = None,
    ) -> Any:
        """Writes the network of one member as a file, verified; see `archllm.networks.export.export`.

        Raises:
            InvalidArchitecture: the graph is not a member.
            ExportError: the file can't be written, or computes something else.
        """
        ...
