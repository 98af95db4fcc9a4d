from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archllm.errors import DataMissing, InvalidInput
from archllm.objectives.images import load_images


def test_the_digits_are_the_1797_images_of_scikit_learn_scaled_to_one() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    images, found = load_images("digits"), datasets.load_digits()
    assert images.x.shape == (1_797, 1, 8, 8) and images.x.dtype == np.float32
    assert images.classes == tuple("0123456789")
    assert np.array_equal(images.x[:, 0] * 16, found.images) and images.y.tolist() == found.target.tolist()


def test_a_path_that_does_not_exist_is_answered_with_the_forms_there_are() -> None:
    with pytest.raises(DataMissing, match=r"no/such.*digits.*subfolder.*npz.*MNIST.*CIFAR"):
        load_images("no/such")


def test_a_file_of_an_unknown_kind_is_answered_with_the_forms_there_are(tmp_path: Path) -> None:
    (tmp_path / "images.txt").write_text("hello")
    with pytest.raises(InvalidInput, match=r"images\.txt is none of the forms.*digits.*npz"):
        load_images(str(tmp_path / "images.txt"))
