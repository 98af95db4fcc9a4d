"""Names and paths -> images."""

from __future__ import annotations

from pathlib import Path

from archllm.errors import DataMissing, InvalidInput
from archllm.objectives.images import cifar, folder, idx, npz
from archllm.objectives.images.digits import load_digits
from archllm.objectives.images.images import Images

FORMS = (
    "digits, a folder with a subfolder of PNG or JPEG images per class, an .npz file with x and y, a folder of "
    "MNIST's IDX files, or CIFAR-10's python version (its folder or .tar.gz)"
)
"""What can be named."""


def load_images(source: str, image_size: int | None = None) -> Images:
    """Reads labelled images.

    Args:
        source: `digits`, or a path; see `FORMS`.
        image_size: height and width that images of a folder are resized to; without it they must be of one size.

    Raises:
        DataMissing: there is no such file or folder.
        InvalidInput: it is none of the forms.
        DataError: it is damaged, or its images can't be used; the message names the file.
        MissingExtra: an optional library is not installed.
    """
    if source == "digits":
        return load_digits()
    path = Path(source).expanduser()
    if not path.exists():
        raise DataMissing(f"there is no file or folder {path}; images are {FORMS}")
    if path.is_file() and path.suffix == ".npz":
        return npz.load_npz(path)
    if path.name.endswith((".tar.gz", ".tgz")):
        return cifar.load_archive(path)
    if path.is_dir() and cifar.is_folder(path):
        return cifar.load_folder(path)
    if path.is_dir() and idx.is_folder(path):
        return idx.load_idx(path)
    if path.is_dir():
        return folder.load_folder(path, image_size)
    raise InvalidInput(f"{path} is none of the forms that images come in: {FORMS}")
