"""What the proxies share: copies of the network to work on, its logits, its layers."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

WEIGHTED = (nn.Conv2d, nn.Linear)
"""Layers whose weights the proxies look at, as in Abdelfattah et al. (2021): batch norm and biases don't count."""


def copied(network: nn.Module) -> nn.Module:
    """A copy in training mode (batch norm looks at the batch), all of its parameters trainable and without gradient."""
    twin = copy.deepcopy(network).train().requires_grad_(True)
    twin.zero_grad()
    return twin


def frozen(network: nn.Module, images: Tensor) -> nn.Module:
    """A copy in evaluation mode whose batch norms keep the statistics of `images`.

    It computes what training mode computes on `images`, but each output depends on its own image only: statistics are
    constants. A gradient of summed outputs would vanish otherwise wherever batch norm comes last, as in DARTS: what it
    returns has the same sum over a batch, whatever goes in.
    """
    return freeze(copied(network), images)


def freeze(own: nn.Module, images: Tensor) -> nn.Module:
    """The same of a copy in training mode, in place: copying a network of many blocks takes longer than a pass."""
    for norm in norms(own):
        norm.momentum = 1.0
    with torch.no_grad():
        own(images)
    return own.eval()


def logits(network: nn.Module, images: Tensor) -> Tensor:
    """Logits `n x classes`; those of an auxiliary classifier are left aside."""
    found = network(images)
    answer: Tensor = found[0] if isinstance(found, tuple) else found
    return answer


def weights(network: nn.Module) -> list[Tensor]:
    """Weights of the convolutions and linear layers."""
    return [module.weight for module in network.modules() if isinstance(module, WEIGHTED)]


def norms(network: nn.Module) -> Iterator[_BatchNorm]:
    """All batch norms."""
    return (module for module in network.modules() if isinstance(module, _BatchNorm))
