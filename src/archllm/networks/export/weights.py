"""Weights of a network, from and to safetensors files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from archllm.errors import DataError


def load_weights(network: nn.Module, weights: str | Path | nn.Module) -> None:
    """Puts weights into a network.

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
    for kind, names in (("lacks", wanted.keys() - found.keys()), ("has a foreign", found.keys() - wanted.keys())):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise DataError(f"{source} {kind} tensor {min(names)!r}{more}: it holds the weights of another network")
    for name, tensor in found.items():
        if tensor.shape != wanted[name].shape:
            raise DataError(
                f"{source}: tensor {name!r} should have shape {tuple(wanted[name].shape)}, has {tuple(tensor.shape)}; "
                f"are these the weights of a network of this size?"
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise DataError(f"{source}: tensor {name!r} holds values that are infinite or not a number")
    network.load_state_dict(found)


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
