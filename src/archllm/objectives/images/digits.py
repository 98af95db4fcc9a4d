"""Handwritten digits that come with scikit-learn: no download."""

from __future__ import annotations

import numpy as np

from archllm.errors import MissingExtra
from archllm.objectives.images.images import Images


def load_digits() -> Images:
    """1,797 grey images of 8 x 8 pixels, 10 classes (Alpaydin & Kaynak, 1998; UCI optical digits).

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingExtra("the images `digits`", "images") from error
    found = datasets.load_digits()
    x = (found.images[:, None] / 16).astype(np.float32)  # brightness 0 to 16
    return Images("digits", x, found.target.astype(np.int64), tuple("0123456789"))
