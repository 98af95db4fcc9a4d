"""An ensemble of small neural networks, trained side by side: predictions with a spread."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from archllm.training.randomness import torch_seeded


class MLPEnsemble:
    """Multilayer perceptrons of one shape, told apart by their initial weights alone.

    All are trained in one batched pass, by AdamW on the mean absolute error of standardised targets.

    Args:
        members: how many networks.
        hidden: width of each hidden layer.
        steps: optimiser steps, each on all examples.
        learning_rate: peak learning rate; it falls to zero along a cosine.
    """

    def __init__(self, members: int, hidden: Sequence[int], steps: int, learning_rate: float) -> None:
        self.members, self.hidden, self.steps, self.learning_rate = members, tuple(hidden), steps, learning_rate
        self._layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []

    def fit(self, features: NDArray[np.float32], targets: NDArray[np.float64], seed: int) -> None:
        """Trains anew.

        Args:
            features: `n x d`.
            targets: `n x m`, standardised.
            seed: seed of the initial weights.
        """
        import torch

        inputs = torch.from_numpy(np.ascontiguousarray(features)).expand(self.members, -1, -1)  # (E, n, d)
        goals = torch.from_numpy(targets.astype(np.float32))
        widths = [features.shape[1], *self.hidden, targets.shape[1]]
        weights, biases = [], []
        with torch_seeded(seed):
            for before, after in pairwise(widths):
                weights.append((torch.randn(self.members, before, after) * (2.0 / before) ** 0.5).requires_grad_())
                biases.append(torch.zeros(self.members, 1, after, requires_grad=True))
        optimiser = torch.optim.AdamW([*weights, *biases], lr=self.learning_rate, weight_decay=1e-4, foreach=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.steps)
        for _ in range(self.steps):
            values = inputs
            for depth, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
                values = torch.baddbmm(bias, values, weight)
                if depth < len(self.hidden):
                    values = torch.relu(values)
            loss = (values - goals).abs().mean((1, 2)).sum()  # each network has its own gradient
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        self._layers = [
            (weight.detach().numpy(), bias.detach().numpy()) for weight, bias in zip(weights, biases, strict=True)
        ]

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """`members x n x m` predictions, one row of networks after the other."""
        values: NDArray[np.float32] = np.broadcast_to(features, (self.members, *features.shape))
        for depth, (weight, bias) in enumerate(self._layers):
            values = values @ weight + bias
            if depth < len(self.hidden):
                values = np.maximum(values, 0)
        return values
