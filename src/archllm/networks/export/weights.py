"""Weights of a network, from and to safetensors files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from archllm.errors import DataError

_COUNTED = ".num_batches_tracked"
"""Batches that a batch norm has seen: nothing that it computes with, and other tools leave it out."""

_WRAPPERS = {
    "module.": "DataParallel",
    "_orig_mod.": "torch.compile",
    "model.": "a Lightning module",
    "network.": "a Lightning module",
}


def load_weights(network: nn.Module, weights: str | Path | nn.Module) -> None:
    """Puts weights into a network.

    Counts of batches that batch norms have seen may be left out: they are not computed with.

    Args:
        network: the network to fill.
        weights: a safetensors file, or another network of the same shape.

    Raises:
        DataError: the file can't be read, holds the weights of another network, or values that are not finite.
    """
    if isinstance(weights, nn.Module):
        source, found = "the given network", dict(weights.state_dict())
    else:
        source, found = str(weights), _read(Path(weights))
    wanted = network.state_dict()
    found = {name: tensor for name, tensor in wanted.items() if name.endswith(_COUNTED)} | found
    if found.keys() != wanted.keys():
        raise DataError(f"{source} {_difference(set(found), set(wanted))}")
    for name, tensor in found.items():
        if tensor.shape != wanted[name].shape:
            raise DataError(
                f"{source}: tensor {name!r} should have shape {tuple(wanted[name].shape)}, has {tuple(tensor.shape)}; "
                f"are these the weights of a network of this size?"
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise DataError(f"{source}: tensor {name!r} holds values that are infinite or not a number")
    network.load_state_dict(found)


def _difference(found: set[str], wanted: set[str]) -> str:
    """What is wrong with the names of tensors, and where that comes from."""
    missing, foreign = wanted - found, found - wanted
    first = min(name for name in wanted if not name.endswith(_COUNTED))
    prefix = next((name.removesuffix(first) for name in sorted(found) if name.endswith(f".{first}")), "")
    if prefix and all(f"{prefix}{name}" in found for name in missing if not name.endswith(_COUNTED)):
        wrapper = _WRAPPERS.get(prefix, "something around the network")
        return (
            f"names its tensors '{prefix}…', as {wrapper} does: save the state_dict of the network inside, or take the "
            "prefix off the names"
        )
    auxiliary = [name for name in foreign if any("aux" in part for part in name.split(".")[:2])]
    if foreign and len(auxiliary) == len(foreign) and not missing:
        return (
            f"holds an auxiliary head ({_some(foreign)}), which only training needs and this network has not: leave "
            "these tensors out"
        )
    if missing:
        return f"lacks tensor {_some(missing)}: it holds the weights of another network"
    return f"has a foreign tensor {_some(foreign)}: it holds the weights of another network"


def _some(names: set[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{min(names)!r}{more}"


def save_weights(network: nn.Module, file: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Writes a network's weights and buffers as safetensors, with texts by name in its header, if there are any."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, str(file), metadata=dict(metadata) if metadata else None)


def _read(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise DataError(f"there is no file of weights {file}")
    try:
        return load_file(str(file))
    except (SafetensorError, OSError) as error:
        raise DataError(f"can't read weights from {file}: {error}; a safetensors file is expected") from error
