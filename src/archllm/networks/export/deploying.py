"""A trained network as files for use: raw images in, probabilities out, with names of classes and figures inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archllm.errors import ExportError
from archllm.files import replacing
from archllm.networks.blueprint import Blueprint
from archllm.networks.counting import count_params
from archllm.networks.export.device_programs import DEVICE_FORMATS, device_program
from archllm.networks.export.programs import (
    AnyLength,
    Runner,
    need_onnx,
    onnx_program,
    onnx_runner,
    run_source,
    torch_program,
)
from archllm.networks.export.raw_images import RawImages
from archllm.networks.export.standalone import Around, standalone_source
from archllm.networks.export.weights import save_weights

FILES = {"onnx": "model.onnx", "python": "model.py", "torch": "model.pt2"}
"""Formats of a deployed network, and the names of their files; `model.py` has its weights in `model.safetensors`."""

DEVICE_FILES = {"executorch": "model.pte", "tflite": "model.tflite"}
"""Forms for phones and small boards, and the names of their files, which take one image, of the network's own size."""

WEIGHTS = "model.safetensors"

TOLERANCE = 1e-4
"""Largest difference between a probability that a file gives and that of the trained network."""

Bytes = NDArray[np.uint8]

_MAIN = """
if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(f"usage: python {sys.argv[0]} IMAGE ...")
    model = network()
    for name in sys.argv[1:]:
        from PIL import Image, ImageOps  # only to read files

        try:
            with Image.open(name) as opened:
                image = ImageOps.exif_transpose(opened).convert("L" if ABOUT["channels"] == 1 else "RGB")
        except OSError as error:  # it is damaged, no image, or not there
            print(f"{name}: {error}", file=sys.stderr)
            continue
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        with torch.inference_mode():
            probabilities = model(pixels.reshape(1, image.height, image.width, ABOUT["channels"]))[0]
        best = int(probabilities.argmax())
        print(f"{name}: {ABOUT['classes'][best]} ({float(probabilities[best]):.1%})")
"""


@dataclass(frozen=True)
class Deployed:
    """A file that was written and verified."""

    format: str
    """What it holds."""

    path: Path
    """The file."""

    size: int
    """Bytes of the file, and of its file of weights."""

    difference: float
    """Largest difference of a probability from that of the trained network, over the images that it was verified on."""

    images: int
    """How many these were."""


class _OwnSize(nn.Module):
    """The same for images that have the network's own size already: bytes `1 x size x size x c` to probabilities."""

    def __init__(self, raw: RawImages) -> None:
        super().__init__()
        self.raw = raw

    def forward(self, images: Tensor) -> Tensor:
        return self.raw.of_own_size(images.permute(0, 3, 1, 2).to(torch.float32))


class Deployment:
    """A trained network with what raw images need before it and probabilities after it.

    Args:
        blueprint: how the network is made.
        network: the trained network, in evaluation mode and on the CPU.
        mean: of each channel of the training images, as bytes from 0 to 255.
        std: likewise.
    """

    def __init__(self, blueprint: Blueprint, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        self.blueprint, self.network = blueprint, network
        self.arguments: dict[str, Any] = {
            "size": blueprint.image[1],
            "mean": tuple(float(value) for value in mean),
            "std": tuple(float(value) for value in std),
        }
        self.module = RawImages(network, **self.arguments).eval()

    def probabilities(self, images: Bytes) -> NDArray[np.float32]:
        """`n x classes` probabilities of `n x h x w x c` images, by the trained network itself."""
        return _run(self.module, images)

    @cached_property
    def onnx(self) -> bytes:
        """The ONNX model, without metadata: what latency is measured on.

        Raises:
            MissingExtra: what ONNX needs is not installed.
            ExportError: it can't be made.
        """
        need_onnx()
        return onnx_program(self.module, self._example, _any_size(), "probabilities")

    def write(self, folder: Path, to: str, about: Mapping[str, Any], batches: Sequence[Bytes]) -> Deployed:
        """Writes one file, after making sure that it gives the probabilities of the trained network.

        Args:
            folder: where to; an existing file of the name is replaced.
            to: a key of `FILES` or `DEVICE_FILES`.
            about: names of classes and figures that go into the file, values that JSON can hold.
            batches: images `n x h x w x c` to verify with, of one size in each batch; files for devices are verified
                on those of the network's own size.

        Raises:
            ExportError: what was to be written computes something else.
            RunFolderError: the file can't be written.
            MissingExtra: what the form needs is not installed.
        """
        path = folder / (FILES | DEVICE_FILES)[to]
        texts = {name: json.dumps(value) for name, value in about.items()}
        more = 0
        if to == "onnx":
            content = _described(self.onnx, texts)
            run = onnx_runner(content)
        elif to == "torch":
            content, run = torch_program(
                self.module, self._example, _any_size(), {"about.json": json.dumps(dict(about))}
            )
        elif to in DEVICE_FILES:
            batches = [images for images in batches if images.shape[1:] == self._own_shape]
            content, run = self.for_device(to, about)
        else:
            source = self._source(about)
            content, run = source.encode(), run_source(source, path, self.network, WEIGHTS)
        difference = self._difference(path, run, batches)
        if to == "python":
            with replacing(folder / WEIGHTS) as aside:
                save_weights(self.network, aside, texts)
            more = (folder / WEIGHTS).stat().st_size
        with replacing(path) as aside:
            aside.write_bytes(content)
        return Deployed(to, path, len(content) + more, difference, sum(map(len, batches)))

    def for_device(self, to: str, about: Mapping[str, Any]) -> tuple[bytes, Runner]:
        """The file of a form for devices, and what runs it.

        Raises:
            MissingExtra: what it needs is not installed.
            ExportError: its library can't compile the network.
        """
        form = next(form for form in DEVICE_FORMATS if form == to)
        height, width, channels = self._own_shape
        told = {**about, "input": f"bytes 1 x {height} x {width} x {channels}", "output": "probabilities: 1 x classes"}
        image = torch.zeros(1, *self._own_shape, dtype=torch.uint8)
        return device_program(form, _OwnSize(self.module).eval(), image, json.dumps(told))

    @property
    def _own_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that the network was trained with."""
        channels, height, width = self.blueprint.image
        return height, width, channels

    def _source(self, about: Mapping[str, Any]) -> str:
        takes = "bytes n x h x w x c, images of any height\nand width, to probabilities n x classes"
        around = Around(RawImages, self.arguments, takes, dict(about), _MAIN.strip(), "import sys\n")
        return standalone_source(self.blueprint, count_params(self.network), WEIGHTS, around)

    def _difference(self, path: Path, run: Runner, batches: Sequence[Bytes]) -> float:
        worst = 0.0
        for images in batches:
            expected, found = self.probabilities(images), _run(run, images)
            off = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
            if not off <= TOLERANCE:
                raise ExportError(
                    f"{path.name} gives probabilities that are off by {off:.1e} from those of the trained network on "
                    f"images {images.shape[1]} x {images.shape[2]}; {TOLERANCE:.0e} is allowed"
                )
            worst = max(worst, off)
        return worst

    @property
    def _example(self) -> Tensor:
        channels, size, _ = self.blueprint.image
        return _example(size, channels)


def load_onnx() -> None:
    """Loads what ONNX needs, by exporting next to nothing: the first file takes seconds more than others.

    Raises:
        MissingExtra: it is not installed.
    """
    need_onnx()
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    onnx_program(RawImages(network, 1, (0.0,), (1.0,)).eval(), _example(1, 1), _any_size(), "probabilities")


def _example(size: int, channels: int) -> Tensor:
    """Images to trace with: no length is that of another, or of the network's own images."""
    shape = (3, size + 7, size + 12, channels)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def _any_size() -> AnyLength:
    return {at: torch.export.Dim(name, min=1) for at, name in enumerate(("batch", "height", "width"))}


def _run(run: Callable[[Tensor], Tensor], images: Bytes) -> NDArray[np.float32]:
    with torch.no_grad():
        return run(torch.from_numpy(images)).numpy()


def _described(content: bytes, texts: Mapping[str, str]) -> bytes:
    """An ONNX model with texts by name in its metadata."""
    import onnx

    model = onnx.load_model_from_string(content)
    onnx.helper.set_model_props(model, dict(texts))
    described: bytes = model.SerializeToString()
    return described
