"""Losses by which an ensemble learns an order."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from archllm.predictor.config import Loss


def ranking_loss(kind: Loss, predicted: torch.Tensor, values: torch.Tensor, margin: float) -> torch.Tensor:
    """The loss of every member, added up, so that each gets the gradient of its own.

    Args:
        kind: `hinge` (Herbrich et al., 2000), `logistic` (Burges et al., 2005, "RankNet"), `listmle` (Xia et al.,
            2008), `squared` or `absolute`.
        predicted: `(E, n)` predictions of `E` members.
        values: `(n,)` targets.
        margin: of the hinge.
    """
    # With predictions p and targets y, and pairs (i, j) such that y_i > y_j:
    #     hinge      mean of max(0, margin - (p_i - p_j))
    #     logistic   mean of log(1 + exp(-(p_i - p_j))), the cross-entropy of P(i before j) = sigmoid(p_i - p_j)
    #     listmle    mean over i of log sum_{j >= i} exp(p_j) - p_i, best first: minus the log of the Plackett-Luce
    #                likelihood of the order; the inner sums are cumulative ones from the worst on
    loss: torch.Tensor
    if kind == "squared":
        loss = (predicted - values).square().mean(1).sum()
    elif kind == "absolute":
        loss = (predicted - values).abs().mean(1).sum()
    elif kind == "listmle":
        ordered = predicted[:, torch.argsort(values, descending=True)]
        loss = (ordered.flip(1).logcumsumexp(1).flip(1) - ordered).mean(1).sum()
    else:
        better = (values[:, None] > values[None]).float()
        lead = predicted[:, :, None] - predicted[:, None, :]
        each = (margin - lead).clamp_min(0) if kind == "hinge" else F.softplus(-lead)
        loss = (each * better).sum() / better.sum().clamp_min(1)
    return loss
