"""Which networks a space has: those of its benchmark, or of what its file names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archllm.networks.base import SpaceNetworks
from archllm.networks.cells.kinds import EdgeDagNetworks, GenotypeNetworks, NodeDagNetworks
from archllm.networks.choices.networks import ChoicesNetworks
from archllm.networks.darts.networks import DARTSNetworks
from archllm.networks.grammar.networks import GrammarNetworks
from archllm.networks.nasbench101.networks import NASBench101Networks
from archllm.networks.nasbench201 import NASBench201Networks
from archllm.networks.nats_size.networks import NATSSizeNetworks
from archllm.networks.product.networks import ProductNetworks
from archllm.networks.transformer.networks import TransformerNetworks
from archllm.spaces.base import SearchSpace
from archllm.spaces.definition import CellDefinition, ChoicesDefinition, Definition
from archllm.spaces.kinds.grammar.definition import GrammarDefinition
from archllm.spaces.kinds.product.definition import ProductDefinition
from archllm.spaces.registry import load_space

_BENCHMARKS: dict[str, Callable[[Any], SpaceNetworks]] = {
    "nasbench101": NASBench101Networks,
    "nasbench201": NASBench201Networks,
    "darts": DARTSNetworks,
    "nats-size": NATSSizeNetworks,
    "transformer": TransformerNetworks,
}
"""Name of a built-in space -> its own networks."""

_KINDS: dict[str, Callable[[Any], SpaceNetworks]] = {
    "edge_dag": EdgeDagNetworks,
    "node_dag": NodeDagNetworks,
    "genotype": GenotypeNetworks,
    "choices": ChoicesNetworks,
    "grammar": GrammarNetworks,
    "product": ProductNetworks,
}
"""Kind -> networks of what a space names: blocks for its operations, or a builder."""


def networks_of(space: SearchSpace) -> SpaceNetworks | None:
    """The networks of a space's members; `None` where none are made of them."""
    own = _BENCHMARKS.get(space.name)
    if own is not None and space.identity == load_space(space.name).identity:
        return own(space)
    return _KINDS[space.kind](space) if _names_networks(space.definition) else None


def _names_networks(definition: Definition) -> bool:
    """Whether a definition says how networks are made."""
    if isinstance(definition, ChoicesDefinition):
        return bool(definition.builder)
    if isinstance(definition, ProductDefinition):
        return bool(definition.network)
    return isinstance(definition, CellDefinition | GrammarDefinition) and bool(definition.callables)
