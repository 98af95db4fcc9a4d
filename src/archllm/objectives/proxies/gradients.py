"""Proxies that look at gradients: of the loss, of a network without data (SynFlow), of the outputs by the images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from archllm.errors import EvaluationFailed
from archllm.objectives.proxies.passes import copied, frozen, logits, weights

JACOBIAN_STEP = 1e-5
"""What is added to eigenvalues (k in Mellor et al., 2020)."""


def grad_norm(network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> float:
    """Sum over layers of the Euclidean norm of the weights' gradient of the loss (Abdelfattah et al., 2021)."""
    return sum(gradient.norm().item() for _, gradient in _loss_gradients(network, images, labels))


def snip(network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> float:
    """Sum over weights of |w dL/dw|: how much the loss L hangs on them (Lee et al., 2019; summed by Abdelfattah)."""
    return sum((weight * gradient).abs().sum().item() for weight, gradient in _loss_gradients(network, images, labels))


def synflow(network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> float:
    """ln of SynFlow: the strength of all paths through the network (Tanaka et al., 2020, section 6).

    SynFlow is the sum over weights of w dR/dw, where every parameter takes its absolute value, batch norm is left out
    (as by Abdelfattah et al., 2021), and R is the sum of the outputs on one image of ones; images and labels are not
    looked at. In double precision; the logarithm keeps the order and deep networks readable.

    Raises:
        EvaluationFailed: no path leads from the image to the outputs, or the sum is too large for a number.
    """
    twin = copied(network).double()
    for parent in twin.modules():
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, nn.Identity())
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.abs_()
    ones = torch.ones(1, *images.shape[1:], dtype=torch.float64, requires_grad=True)
    own = weights(twin)
    total = logits(twin, ones).sum()
    reached, *gradients = torch.autograd.grad(total, [ones, *own], allow_unused=True)
    if reached is None or not bool(reached.any()):
        raise EvaluationFailed("no path leads from the image to the outputs")
    found = sum((w.detach() * g).sum() for w, g in zip(own, gradients, strict=True) if g is not None)
    value: float = torch.as_tensor(found).log().item()
    if value == float("inf"):
        raise EvaluationFailed("the sum is too large for a number in double precision")
    return value


def jacob_cov(network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> float:
    """How unlike the local linear maps at different images are (Mellor et al., 2020, version 1; Abdelfattah, 2021).

    With `v` the eigenvalues of the correlations between images of the gradient of summed logits by the image, the
    score is -sum(ln(v + k) + 1 / (v + k)), k = 1e-5. Batch norms keep the statistics of the batch, see `frozen`.

    Raises:
        EvaluationFailed: the gradient of an image is constant over pixels, such as zero.
    """
    twin = frozen(network, images)
    images = images.clone().requires_grad_(True)
    (jacobian,) = torch.autograd.grad(logits(twin, images).sum(), images, allow_unused=True)
    if jacobian is None or bool((jacobian.flatten(1).std(dim=1) == 0).any()):
        raise EvaluationFailed("the outputs don't depend on the image, or on all of its pixels alike")
    correlations = np.corrcoef(jacobian.flatten(1).double().numpy())
    values = np.linalg.eigvalsh(correlations).clip(0) + JACOBIAN_STEP
    return float(-(np.log(values) + 1 / values).sum())


def _loss_gradients(network: nn.Module, images: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Weights, and the gradient of the cross-entropy by them; those that the outputs don't depend on are left out."""
    twin = copied(network)
    own = weights(twin)
    loss = F.cross_entropy(logits(twin, images), labels)
    gradients = torch.autograd.grad(loss, own, allow_unused=True)
    return [(w.detach(), g) for w, g in zip(own, gradients, strict=True) if g is not None]
