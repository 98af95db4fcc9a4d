"""Classes of images by a trained network: the file of a fit, run on files as its training read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.classifier.folder import MODEL
from archllm.errors import DataError
from archllm.networks.export.deployed import DeployedModel
from archllm.objectives.images import read_image

BATCH = 64
"""Images that are run at once."""


@dataclass(frozen=True)
class Prediction:
    """What a network says of one file.

    Example:
        >>> Prediction(Path("cat.png"), (0.1, 0.9)).best()
        (1, 0.9)
    """

    file: Path
    """The file."""

    probabilities: tuple[float, ...] | None
    """Of each class; `None` if the image can't be read."""

    failure: str | None = None
    """Why it can't be read."""

    def best(self) -> tuple[int, float]:
        """The most probable class and its probability."""
        assert self.probabilities is not None
        at = max(range(len(self.probabilities)), key=self.probabilities.__getitem__)
        return at, self.probabilities[at]


class Classifier:
    """The trained network of a run folder.

    Args:
        run: the run folder of a fit, or its `model.onnx`.

    Raises:
        DataError: there is no such network, or it is damaged.
        MissingExtra: ONNX Runtime is not installed.
    """

    def __init__(self, run: Path) -> None:
        self.path = run if run.suffix == ".onnx" else run / MODEL
        self._model = DeployedModel(self.path)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self._model.classes

    def predict(self, images: Sequence[Path], listener: Callable[[int], None] | None = None) -> list[Prediction]:
        """What the network says of files; one that can't be read is told with the reason, and the rest goes on.

        Args:
            images: the files.
            listener: told how many are done.
        """
        found: list[Prediction] = []
        for start in range(0, len(images), BATCH):
            some = images[start : start + BATCH]
            read = [self._read(file) for file in some]
            good = [image for image in read if isinstance(image, np.ndarray)]
            answers = iter(self._model.probabilities(np.stack(good)).tolist() if good else [])
            for file, image in zip(some, read, strict=True):
                if isinstance(image, str):
                    found.append(Prediction(file, None, image))
                else:
                    found.append(Prediction(file, tuple(next(answers))))
            if listener is not None:
                listener(len(found))
        return found

    def _read(self, file: Path) -> NDArray[Any] | str:
        """`h x w x c` bytes, read and resized exactly as for the training; or why not."""
        model = self._model
        try:
            image = read_image(file, (model.size, model.size), model.channels, model.white)
        except DataError as error:
            return str(error)
        if image.dtype != np.uint8:
            image = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
        return np.ascontiguousarray(image.transpose(1, 2, 0))
