"""Export: turn a network into the content of a file, run that, compare, and only then write it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from archllm.errors import ExportError, InvalidInput, shown
from archllm.files import replacing
from archllm.networks.blueprint import Blueprint
from archllm.networks.counting import count_params
from archllm.networks.device_forms import need_device_format
from archllm.networks.export.device_programs import DEVICE_FORMATS, device_program
from archllm.networks.export.programs import (
    AnyLength,
    Runner,
    check_opset,
    need_onnx,
    onnx_program,
    onnx_runner,
    run_source,
    torch_program,
)
from archllm.networks.export.standalone import standalone_source
from archllm.networks.export.weights import load_weights, save_weights
from archllm.spaces.network_interface import DeviceFormat, ExportFormat
from archllm.training.randomness import torch_seeded

FORMATS: tuple[ExportFormat, ...] = ("python", "torch", "onnx", *DEVICE_FORMATS)
"""What a network can be exported to."""

ENDINGS: dict[str, ExportFormat] = {
    ".py": "python",
    ".pt2": "torch",
    ".onnx": "onnx",
    ".pte": "executorch",
    ".tflite": "tflite",
}
"""Ending of a file -> what it holds."""

TOLERANCE = 1e-4
"""Largest difference between outputs of the file and of the network, relative to the largest output."""

_ROUNDING, _AT_MOST = 10.0, 1e-2
"""A network of hundreds of untrained layers is itself off by more than that in single precision. Sums in another order
are off as much, by a few samples of the same error: so many times that error is allowed, and never more than the
second."""

BATCHES = (2, 5)
"""Batch sizes at which they are compared; the file is traced at neither of them."""

_TRACED_BATCH = 3


@dataclass(frozen=True)
class Exported:
    """A file that was written and verified.

    Example:
        >>> from archllm.spaces import load_space
        >>> chain = load_space("nasbench101").parse('{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}')
        >>> found = chain.export("chain.py", to="python", channels=4, image_size=8)  # doctest: +SKIP
        >>> found.params, found.difference  # doctest: +SKIP
        (2314, 0.0)
    """

    path: Path
    """The file."""

    format: ExportFormat
    """What it holds."""

    weights: Path | None
    """The file of weights that was written beside Python source; `None` where there is none."""

    params: int
    """Trainable parameters of the network."""

    image: tuple[int, int, int]
    """Channels, height and width of the images that it was verified with."""

    difference: float
    """Largest relative difference between its outputs and those of the network."""

    size: int
    """Bytes of the file."""


def export(
    blueprint: Blueprint,
    path: Path,
    to: ExportFormat | None = None,
    *,
    weights: str | Path | nn.Module | None = None,
    seed: int = 0,
    opset: int | None = None,
) -> Exported:
    """Writes a network as a file, after making sure that the file computes the same.

    Python source needs torch alone; with weights, these go into a safetensors file beside it. `torch` and `onnx` take
    batches of any size; `executorch` and `tflite`, for phones and small boards, take one image.

    Args:
        blueprint: the network.
        path: file to write; an existing one is replaced, but not by a file that fails the comparison.
        to: `python`, `torch` (`torch.export`), `onnx`, `executorch` or `tflite`; by default what the ending says:
            `.py`, `.pt2`, `.onnx`, `.pte` or `.tflite`.
        weights: a safetensors file or a trained network; by default fresh weights.
        seed: seed of fresh weights and of the images of the comparison.
        opset: version of ONNX' operators, for older runtimes; by default that of torch's exporter.

    Raises:
        InvalidInput: there is no such format or opset, the ending is that of another one, or the path names no file in
            an existing folder.
        DataError: the weights can't be read, are those of another network, or are not finite.
        ExportError: what was written computes something else.
        RunFolderError: the file can't be written.
        MissingExtra: what the format needs is not installed.
    """
    to = format_of(path, to)
    if opset is not None and to != "onnx":
        raise InvalidInput(f"an opset is of ONNX, not of {to}")
    if to == "onnx":
        need_onnx()
    device = _for_device(to)
    if device is not None:
        need_device_format(device)
    if opset is not None:
        check_opset(opset)
    _check_target(path)
    network = _network(blueprint, weights, seed)
    beside = path.with_suffix(".safetensors") if to == "python" and weights is not None else None
    if to == "python":
        content, run = _python(blueprint, network, path, beside.name if beside else None)
    elif device is not None:
        content, run = device_program(device, network, _images(blueprint, 1, 0))
    elif to == "torch":
        content, run = torch_program(network, _images(blueprint, _TRACED_BATCH, 0), _any_batch())
    else:
        content, run = _onnx(blueprint, network, opset)
    difference = _difference(network, run, blueprint, seed)
    if beside is not None:
        with replacing(beside) as aside:
            save_weights(network, aside)
    with replacing(path) as aside:
        aside.write_bytes(content)
    return Exported(path, to, beside, count_params(network), blueprint.image, difference, len(content))


def format_of(path: Path, to: ExportFormat | None = None) -> ExportFormat:
    """The format of a file that is to be written: the one asked for, or that of its ending.

    Raises:
        InvalidInput: there is no such format, neither says which, or they differ.
    """
    if to is not None and to not in FORMATS:
        raise InvalidInput(f"a network is exported to {', '.join(FORMATS)}, got {shown(to)}")
    said = ENDINGS.get(path.suffix.lower())
    if said is not None and to not in (None, said):
        ending = next(ending for ending, form in ENDINGS.items() if form == to)
        raise InvalidInput(f"{path} ends as {said} does, and {to} is asked for; name a file that ends in {ending}")
    found = to or said
    if found is None and path.is_dir():
        raise InvalidInput(f"{path} is a folder; name a file in it")
    if found is None:
        raise InvalidInput(
            f"what to write is said by the ending of the file, {', '.join(ENDINGS)}, or by name, {', '.join(FORMATS)}; "
            f"got {path.name!r}"
        )
    return found


def _for_device(to: ExportFormat) -> DeviceFormat | None:
    return next((form for form in DEVICE_FORMATS if form == to), None)


def _check_target(path: Path) -> None:
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise InvalidInput(f"there is no folder {path.parent} to write {path.name} to; make it first")


def _network(blueprint: Blueprint, weights: str | Path | nn.Module | None, seed: int) -> nn.Module:
    with torch_seeded(seed):
        network = blueprint.build()
    if weights is not None:
        load_weights(network, weights)
    return network.eval()


def _python(blueprint: Blueprint, network: nn.Module, path: Path, weights: str | None) -> tuple[bytes, Runner]:
    """The source, and what it computes as a module of its own."""
    source = standalone_source(blueprint, count_params(network), weights)
    return source.encode(), run_source(source, path, network, weights)


def _onnx(blueprint: Blueprint, network: nn.Module, opset: int | None) -> tuple[bytes, Runner]:
    content = onnx_program(network, _images(blueprint, _TRACED_BATCH, 0), _any_batch(), "logits", opset)
    return content, onnx_runner(content)


def _any_batch() -> AnyLength:
    return {0: torch.export.Dim("batch", min=1)}


def _images(blueprint: Blueprint, batch: int, seed: int) -> Tensor:
    return torch.randn(batch, *blueprint.image, generator=torch.Generator().manual_seed(seed))


def _difference(network: nn.Module, run: Runner, blueprint: Blueprint, seed: int) -> float:
    """The largest relative difference over the batches, if it is small enough."""
    worst = 0.0
    for batch in BATCHES:
        images = _images(blueprint, batch, seed + batch)
        with torch.no_grad():
            expected, found = network(images), run(images)
        if found.shape != expected.shape:
            raise ExportError(f"the file gives {tuple(found.shape)} where the network gives {tuple(expected.shape)}")
        scale = float(expected.abs().max()) or 1.0
        off = float((found - expected).abs().max()) / scale
        if not off <= TOLERANCE:
            allowed = min(max(TOLERANCE, _ROUNDING * _rounding(network, images, expected)), _AT_MOST)
            if not off <= allowed:
                raise ExportError(f"the file's outputs are off by {off:.1e} of the largest, {allowed:.0e} is allowed")
        worst = max(worst, off)
    return worst


def _rounding(network: nn.Module, images: Tensor, expected: Tensor) -> float:
    """How far the network is off itself, computed in double precision, as a share of the largest output."""
    exact = copy.deepcopy(network).double()
    with torch.no_grad():
        off = float((exact(images.double()) - expected).abs().max())
    return off / (float(expected.abs().max()) or 1.0)
