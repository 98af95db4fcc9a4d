"""Proxies that look at what the layers make of images: NASWOT and Zen-Score."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archllm.errors import EvaluationFailed
from archllm.objectives.proxies.passes import WEIGHTED, copied, freeze, norms

ZEN_STEP = 0.01
"""Size of the perturbation relative to the noise (alpha in Lin et al., 2021, algorithm 1)."""


def naswot(network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> float:
    """How well the ReLUs tell images apart (Mellor et al., 2021, section 3).

    Each image has a binary code: which ReLU outputs are positive. The score is ln |det K|, where `K[i, j]` counts the
    places, over all ReLUs, at which the codes of images `i` and `j` agree.

    Raises:
        EvaluationFailed: `K` is singular.
    """
    kernel = code_kernel(network, images)
    if np.linalg.matrix_rank(kernel, hermitian=True) < len(kernel):
        raise EvaluationFailed(
            "the kernel of activation codes is singular: nothing reaches the ReLUs, or they can't tell the images apart"
        )
    return float(np.linalg.slogdet(kernel)[1])


def code_kernel(network: nn.Module, images: Tensor) -> NDArray[np.float64]:
    """`n x n` counts: at how many outputs of ReLUs two images are both active or both inactive."""
    twin = copied(network)
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64)

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        active = (output.detach() > 0).flatten(1).float()  # sums of a layer are exact up to 2^24 places
        inactive = 1 - active
        kernel.add_(active @ active.T + inactive @ inactive.T)

    for module in twin.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(add)
    with torch.no_grad():
        twin(images)
    return kernel.numpy()


def zen(network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> float:
    """How strongly the features react to a small change of the images (Zen-Score, Lin et al., 2021, section 4).

    ln of the mean over images of |f(x) - f(x + 0.01 e)|, plus, for each batch norm, ln of the standard deviation that
    it divides by (the root of the mean variance of its channels), so that normalisation takes nothing away. Weights
    are standard normal, `e` is Gaussian noise; `f(x)` are the features that go into global average pooling, found by
    the network's last `nn.AdaptiveAvgPool2d`. Batch norms keep the statistics of `x`; those that see a constant, in
    branches that carry nothing, don't count. Links past layers stay in place (the paper takes them out).

    Raises:
        EvaluationFailed: the features don't react, or nothing pools them.
    """
    own = copied(network)
    with torch.no_grad():
        for module in own.modules():
            if isinstance(module, WEIGHTED):
                module.weight.normal_(0, 1, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
        for norm in norms(own):
            norm.reset_parameters()
        noise = torch.randn(images.shape, generator=generator)
        freeze(own, images)
        change = _features(own, images + ZEN_STEP * noise) - _features(own, images)
        size = change.flatten(1).norm(dim=1).mean().item()
    if size == 0:
        raise EvaluationFailed("the features before global pooling don't depend on the image")
    kept = [(norm.running_var, norm.eps) for norm in norms(own)]
    spreads = [variance.mean().item() + eps for variance, eps in kept if variance is not None and variance.any()]
    return math.log(size) + 0.5 * sum(map(math.log, spreads))


def _features(network: nn.Module, images: Tensor) -> Tensor:
    """What goes into global average pooling, `n x c x h x w`."""
    pools = [module for module in network.modules() if isinstance(module, nn.AdaptiveAvgPool2d)]
    if not pools:
        raise EvaluationFailed("the network has no global average pooling (nn.AdaptiveAvgPool2d) to look into")
    seen: list[Tensor] = []
    handle = pools[-1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network(images)
    handle.remove()
    return seen[-1]
