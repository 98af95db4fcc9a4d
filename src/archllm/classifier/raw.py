"""Between the images of a training and raw ones: bytes, their statistics, and the network that takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm.objectives.train import TrainObjective

if TYPE_CHECKING:
    from archllm.networks.export.deploying import Deployment
    from archllm.networks.latency import Timing

BATCH = 256
"""Images that are run at once."""

MEASURED = 3
"""Times that a file is measured before it counts as too slow."""


def as_bytes(objective: TrainObjective, x: NDArray[Any]) -> NDArray[np.uint8]:
    """Images of a source as bytes `n x h x w x c`, the way files of trained networks take them."""
    low, scale = value_range(objective)
    if x.dtype != np.uint8:
        x = np.clip(np.rint((x - low) / scale), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def value_range(objective: TrainObjective) -> tuple[float, float]:
    """What byte 0 stands for among the values of the source, and what one step does."""
    x = objective.images.x
    if x.dtype == np.uint8:
        return 0.0, 1.0
    low, high = (0.0, 1.0) if x.min() >= 0 and x.max() <= 1 else (float(x.min()), float(x.max()))
    return low, max(high - low, 1e-12) / 255


def bytes_statistics(objective: TrainObjective) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of each channel, as bytes."""
    mean, std = objective.statistics
    low, scale = value_range(objective)
    return (mean - np.float32(low)) / np.float32(scale), std / np.float32(scale)


def deployed(blueprint: Any, network: Any, mean: NDArray[np.float32], std: NDArray[np.float32]) -> Deployment:
    """A network with what raw images need before it."""
    from archllm.networks.export.deploying import Deployment

    return Deployment(blueprint, network, mean.tolist(), std.tolist())


def timed(deployment: Deployment, limit: float | None = None) -> Timing:
    """Measured latency of its ONNX file, for images of the network's own size.

    Other programs slow a file down and never speed it up. So one that takes longer than allowed is measured again, up
    to `MEASURED` times in all, and the shortest counts.

    Args:
        deployment: the network.
        limit: milliseconds that are allowed.
    """
    from archllm.networks.latency import measure_onnx

    channels, size, _ = deployment.blueprint.image
    found: Timing | None = None
    for _ in range(MEASURED):
        again = measure_onnx(deployment.onnx, image=(size, size, channels))
        found = again if found is None or again.ms < found.ms else found
        if limit is None or found.ms <= limit:
            break
    assert found is not None
    return found


def batches(images: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The images in parts that fit into memory."""
    return [images[start : start + BATCH] for start in range(0, len(images), BATCH)]


def other_sizes(images: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Some of the images, larger and cut, so that files are verified on other sizes, too."""
    few = images[:: max(1, len(images) // 4)][:4]
    large = few.repeat(2, axis=1).repeat(3, axis=2)
    return [large, np.ascontiguousarray(few[:, : max(1, few.shape[1] * 3 // 4)])]
