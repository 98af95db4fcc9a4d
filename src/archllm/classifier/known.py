"""Small networks that people know, trained as shortly as candidates: what the page of a fit compares with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from archllm.classifier.timed import TimedTraining
from archllm.errors import EvaluationFailed


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


def train_known(objective: TimedTraining, seconds: float) -> list[Known]:
    """Trains known networks with the images, seconds and recipe of a search, as far as there is time.

    Args:
        objective: what the search trains for.
        seconds: time after which no further one is begun.
    """
    from archllm.baselines.small_networks import SMALL_NETWORKS
    from archllm.networks.counting import count_macs, count_params
    from archllm.objectives.fitting import Training
    from archllm.training.randomness import torch_seeded

    found: list[Known] = []
    full, clock = objective.full, objective.clock
    ends = clock() + seconds
    train = full.sets[0]
    image: tuple[int, int, int] = full.network_setting.image
    for name, build in SMALL_NETWORKS.items():
        if clock() >= ends:
            break
        with torch_seeded(full.seed):
            network = build(len(full.images.classes), image[0])
        macs = count_macs(network.eval(), image)
        try:
            training = Training(network.to(train[0].device), train, full.config, full.seed)
            accuracy, _ = objective.accuracy_of(training)
        except EvaluationFailed:  # a network that diverges with this recipe is of no use as a comparison
            continue
        found.append(Known(name, accuracy, count_params(network), macs))
    return found
