"""SpaceNetworks: the networks of the members of one space."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.networks.blueprint import Blueprint
from archllm.networks.record import NOTHING_RECORDED, BlockRecord
from archllm.networks.setting import NetworkSetting
from archllm.spaces.base import SearchSpace
from archllm.spaces.network_interface import ExportFormat, Networks

if TYPE_CHECKING:
    from torch import nn

    from archllm.networks.export import Exported


class SpaceNetworks(Networks, ABC):
    """Settings, sizes, modules and files of the networks of a space's members; the methods are those of `Networks`.

    A subclass counts in `_params` and `_macs`, and says in `_blueprint` how one network is made.

    Args:
        space: the space.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> networks = space.require_networks()
        >>> setting = networks.setting(channels=8, cells=1, num_classes=5)
        >>> networks.params(space.parse("1").graph, setting)
        array([55197])
        >>> networks.build(space.parse("1").graph, setting).classifier
        Linear(in_features=32, out_features=5, bias=True)
    """

    setting_type: type[NetworkSetting] = NetworkSetting
    small: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, space: SearchSpace) -> None:
        self.space: Any = space

    def __reduce__(self) -> Any:
        """Pickled as what its space gives: counts are made anew where they are needed."""
        return getattr, (self.space, "networks")

    @abstractmethod
    def _params(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        """`params` for normalised members."""

    @abstractmethod
    def _macs(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        """`macs` for normalised members."""

    def _work(self, graphs: Graphs, setting: Any) -> NDArray[np.float64]:
        """`work` for normalised members; networks that are known layer by layer can tell more than sizes."""
        sizes = np.stack([self._macs(graphs, setting), self._params(graphs, setting)], axis=1)
        return np.asarray(sizes.astype(np.float64))

    @abstractmethod
    def _blueprint(self, graph: Graphs, text: str, setting: Any) -> Blueprint:
        """`blueprint` for a normalised member and its text."""

    @property
    def settings_import(self) -> bool:
        return False

    def counts_import(self, setting: NetworkSetting | None = None) -> bool:
        return False

    @property
    def countable(self) -> bool:
        found = [file is not None or module in sys.modules for module, file in self.imports().items()]
        return all(found) or not self.counts_import()

    def imports(self) -> Mapping[str, Path | None]:
        return {}

    def record(self) -> str | None:
        return None

    @cached_property
    def _record(self) -> BlockRecord:
        """What the run folder of the space has recorded of modules of others."""
        if self.space.blocks is None:
            return NOTHING_RECORDED
        return BlockRecord.read(self.space.blocks, f"blocks.json beside {self.space.origin}")

    def setting(self, **options: Any) -> NetworkSetting:
        return self.setting_type.of(options)

    def params(self, graphs: Graphs, setting: NetworkSetting | None = None) -> NDArray[np.int64]:
        return self._params(self._members(graphs), self._complete(setting))

    def macs(self, graphs: Graphs, setting: NetworkSetting | None = None) -> NDArray[np.int64]:
        return self._macs(self._members(graphs), self._complete(setting))

    def work(self, graphs: Graphs, setting: NetworkSetting | None = None) -> NDArray[np.float64]:
        return self._work(self._members(graphs), self._complete(setting))

    def blueprint(self, graph: Graphs, setting: NetworkSetting | None = None) -> Blueprint:
        arch = self.space.architecture(graph)
        return self._blueprint(arch.graph, arch.text, self._complete(setting))

    def build(self, graph: Graphs, setting: NetworkSetting | None = None) -> nn.Module:
        return self.blueprint(graph, setting).build()

    def export(
        self,
        graph: Graphs,
        path: str | Path,
        to: ExportFormat | None = None,
        *,
        setting: NetworkSetting | None = None,
        weights: str | Path | nn.Module | None = None,
        seed: int = 0,
        opset: int | None = None,
    ) -> Exported:
        from archllm.networks.export import export

        return export(self.blueprint(graph, setting), Path(path), to, weights=weights, seed=seed, opset=opset)

    def _members(self, graphs: Graphs) -> Graphs:
        """The graphs, normalised.

        Raises:
            InvalidArchitecture: one is not a member.
        """
        self.space.check_members(graphs)
        normal: Graphs = self.space.normalise(graphs)
        return normal

    def _complete(self, setting: NetworkSetting | None) -> NetworkSetting:
        """The setting, or that of the space's paper."""
        if setting is None:
            return self.setting()
        if not isinstance(setting, self.setting_type):
            raise InvalidInput(
                f"networks of {self.space.name} need a {self.setting_type.__name__}, such as `setting` makes, got a "
                f"{type(setting).__name__}"
            )
        return setting
