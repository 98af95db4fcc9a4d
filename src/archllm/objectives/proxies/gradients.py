"""Proxies that look at gradients: of the loss, of a network without data (SynFlow), of the outputs by the images."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from archllm.errors import EvaluationFailed
from archllm.objectives.proxies.passes import copied, frozen, logits, weights

JACOBIAN_STEP = 1e-5
"""What is added to eigenvalues (k in Mellor et al., 2020)."""


def grad_norm(network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> float:
    """Sum over layers of the Euclidean norm of the weights' gradient of the loss (Abdelfattah et al., 2021)."""
    return float(sum(gradient.norm().item() for _, gradient in _loss_gradients(network, images, labels)))


def snip(network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> float:
    """Sum over weights of |w dL/dw|: how much the loss L hangs on them (Lee et al., 2019; summed by Abdelfattah)."""
    saliencies = [(weight * gradient).abs() for weight, gradient in _loss_gradients(network, images, labels)]
    return float(sum(saliency.sum().item() for saliency in saliencies))


def synflow(network: nn.Module, images: Tensor, labels: Tensor, generator: torch.Generator) -> float:
    """Logarithm of SynFlow: the strength of all paths through the network (Tanaka et al., 2020, section 6).

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
    through, *gradients = _gradients(logits(twin, ones).sum(), [ones, *own])
    if not through.any():
        raise EvaluationFailed("no path leads from the image to the outputs")
    value = math.log(sum((w * g).sum().item() for w, g in zip(own, gradients, strict=True)))
    if not math.isfinite(value):
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
    (jacobian,) = _gradients(logits(twin, images).sum(), [images])
    return jacobian_score(jacobian.flatten(1).double().numpy())


def jacobian_score(rows: NDArray[np.float64]) -> float:
    """`jacob_cov` of `n` gradients, one a row.

    Raises:
        EvaluationFailed: one is constant, so that it has no correlation with others.
    """
    if (np.ptp(rows, axis=1) == 0).any():
        raise EvaluationFailed("the outputs don't depend on the image, or on all of its pixels alike")
    values = np.linalg.eigvalsh(np.corrcoef(rows)) + JACOBIAN_STEP
    return float(-(np.log(values) + 1 / values).sum())


def _loss_gradients(network: nn.Module, images: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Weights, each with the gradient of the cross-entropy by it."""
    twin = copied(network)
    own = weights(twin)
    loss = F.cross_entropy(logits(twin, images), labels)
    return [(weight.detach(), gradient) for weight, gradient in zip(own, _gradients(loss, own), strict=True)]


def _gradients(value: Tensor, by: list[Tensor]) -> list[Tensor]:
    """Gradients of a number; zeros by what it does not depend on."""
    return list(torch.autograd.grad(value, by, allow_unused=True, materialize_grads=True))
