"""RankingEnsemble: small networks trained side by side to put cells in order; where they disagree, they don't know."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from archllm.errors import TrainingDiverged
from archllm.predictor.base import Prediction, Predictor
from archllm.predictor.config import Loss
from archllm.predictor.features import Features
from archllm.training.loop import Schedule


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


_INPUT_SCALE = 4 * math.sqrt(2)  # of features whose blocks have a mean squared distance of 1


class RankingEnsemble(Predictor):
    """A deep ensemble (Lakshminarayanan et al., 2017) of perceptrons, told apart by their seeds.

    A ranking leaves the scale of predictions open, so each member's are brought to that of the targets by least
    squares; `std` is the spread among members.

    Example:
        >>> from archllm.predictor import PredictorConfig
        >>> cells = Features(np.linspace(0, 1, 20, dtype=np.float32)[:, None], (slice(0, 1),))
        >>> ensemble = RankingEnsemble(PredictorConfig(kind="ensemble", members=2, steps=50))
        >>> found = ensemble.fit(cells[::2], np.arange(10.0), seed=0).predict(cells[1::2])
        >>> bool(found.mean[-1] > found.mean[0])
        True
    """

    def _fit(self, features: Features, values: NDArray[np.float64], seed: int) -> None:
        config = self.config
        generator = torch.Generator().manual_seed(seed)
        inputs = torch.from_numpy(features.values) * _INPUT_SCALE
        y = torch.from_numpy(values).float()
        self._weights = self._initial(inputs.shape[1], generator)
        optimizer = torch.optim.AdamW(self._weights, lr=config.learning_rate, weight_decay=config.weight_decay)
        schedule = Schedule(config.steps, config.batch, config.learning_rate, config.weight_decay, warmup=15, hold=0.1)
        for step in range(config.steps):
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate(step)
            rows = torch.arange(len(y))
            if len(y) > config.batch:
                rows = torch.randperm(len(y), generator=generator)[: config.batch]
            loss = ranking_loss(config.loss, self._forward(inputs[rows]), y[rows], config.margin)
            if not math.isfinite(loss.item()):
                raise TrainingDiverged(
                    f"the training of the predictor diverged at step {step + 1} of {config.steps}; "
                    f"try a smaller predictor.learning_rate than {config.learning_rate:g}"
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for weight in self._weights:
            weight.requires_grad_(False)
        # Least squares of y on each member's predictions p: slope = <p - mean p, y - mean y> / |p - mean p|^2
        predicted = self._forward(inputs)
        centred = predicted - predicted.mean(1, keepdim=True)
        slope = (centred @ (y - y.mean())) / centred.square().sum(1).clamp_min(1e-12)
        self._slope = slope.clamp_min(0)[:, None]  # a member that learned nothing says nothing
        self._shift = y.mean() - self._slope * predicted.mean(1, keepdim=True)

    def _initial(self, inputs: int, generator: torch.Generator) -> list[torch.Tensor]:
        def normal(*shape: int, scale: float) -> torch.Tensor:
            return torch.randn(self.config.members, *shape, generator=generator) * scale

        width = self.config.width
        weights = [normal(inputs, width, scale=inputs**-0.5), normal(1, width, scale=0.1)]
        for _ in range(self.config.layers - 1):
            weights += [normal(width, width, scale=(2 / width) ** 0.5), normal(1, width, scale=0.0)]
        weights.append(normal(width, 1, scale=width**-0.5))
        return [weight.requires_grad_() for weight in weights]

    def _forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """`(E, n)` predictions, each member's in a scale of its own."""
        hidden = inputs.expand(self.config.members, -1, -1)
        for weight, bias in zip(self._weights[:-1:2], self._weights[1:-1:2], strict=True):
            hidden = torch.relu(torch.baddbmm(bias, hidden, weight))
        return torch.bmm(hidden, self._weights[-1])[..., 0]

    def _predict(self, features: Features) -> Prediction:
        predicted = self._forward(torch.from_numpy(features.values) * _INPUT_SCALE) * self._slope + self._shift
        return Prediction(predicted.mean(0).double().numpy(), predicted.std(0, correction=0).double().numpy())
