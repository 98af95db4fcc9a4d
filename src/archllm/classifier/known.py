"""Small networks that people know, trained as shortly as candidates: what the page of a fit compares with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from archllm.errors import EvaluationFailed
from archllm.objectives.train import TrainObjective


@dataclass(frozen=True)
class Known:
    """A known network after a short training.

    Example:
        >>> Known("ResNet-8", 71.5, 78_042, 12_500_000).to_json()["params"]
        78042
    """

    name: str
    """What it is called."""

    accuracy: float
    """Validation accuracy, in percent."""

    params: int
    """Trainable parameters."""

    macs: int
    """Multiply-accumulates for one image."""

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return asdict(self)


def train_known(objective: TrainObjective, clock: Callable[[], float], seconds: float) -> list[Known]:
    """Trains known networks with the images, passes and recipe of an objective, as far as there is time.

    Args:
        objective: of the short trainings of a search.
        clock: what time it is.
        seconds: time after which no further one is begun.
    """
    import time

    from archllm.baselines.small_networks import SMALL_NETWORKS
    from archllm.networks.counting import count_macs, count_params
    from archllm.objectives.fitting import fit
    from archllm.training.randomness import torch_seeded

    found: list[Known] = []
    ends = clock() + seconds
    train, valid, _ = objective.sets
    image: tuple[int, int, int] = objective.network_setting.image
    for name, build in SMALL_NETWORKS.items():
        if clock() >= ends:
            break
        with torch_seeded(objective.seed):
            network = build(len(objective.images.classes), image[0])
            macs = count_macs(network.eval(), image)
            try:
                deadline = time.monotonic() + objective.config.time_limit
                fitted = fit(
                    network.to(train[0].device), train, valid, objective.config, objective.seed, deadline=deadline
                )
            except EvaluationFailed:  # a network that diverges with this recipe is of no use as a comparison
                continue
        found.append(Known(name, fitted.curve[-1], count_params(network), macs))
    return found
