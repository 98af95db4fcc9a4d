"""Names and paths -> images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archllm.errors import DataMissing, InvalidInput, MissingExtra
from archllm.objectives.images import cifar, folder, idx, npz
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


FORMS = (
    "digits (those of scikit-learn), a folder or .zip with a subfolder of images per class, perhaps inside of train, "
    "val and test, an .npz file with x and y, the folder of MNIST's IDX files, or the folder or .tar.gz of CIFAR-10's "
    "python version"
)
"""What can be named."""


def load_images(source: str, image_size: int | None = None) -> Images:
    """Reads labelled images.

    Args:
        source: `digits`, or a path; see `FORMS`.
        image_size: height and width that images of a folder or .zip are resized to; without it, one is chosen where
            they are of several sizes, or large.

    Raises:
        DataMissing: there is no such file or folder, or one of its files is missing.
        InvalidInput: it is none of the forms.
        DataError: it is damaged, or its images can't be used; the message names the file.
        MissingExtra: an optional library is not installed.
    """
    if source == "digits":
        return load_digits()
    path = Path(source).expanduser()
    try:
        if idx.is_idx(path):  # first, as a beginning of file names is no path that exists
            return idx.load_idx(path)
        if path.is_dir():
            return cifar.load_folder(path) if cifar.is_folder(path) else folder.load_folder(path, image_size)
        if not path.exists():
            raise DataMissing(f"no images {source!r}: there is no such file or folder; images are {FORMS}")
    except OSError as error:
        raise DataMissing(f"{path} can't be read: {error.strerror}") from error
    if path.suffix.lower() == ".zip":
        return folder.load_folder(path, image_size)
    if path.suffix == ".npz":
        return npz.load_npz(path)
    if path.name.endswith((".tar.gz", ".tgz", ".tar")):
        return cifar.load_archive(path)
    raise InvalidInput(f"{path} is none of the forms that images come in: {FORMS}")
