"""A network as a program of a runtime for phones and small boards: ExecuTorch and LiteRT, for one image of one size.

Both compile for fixed shapes, as memory is planned ahead there, so their programs take one image at a time.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archllm.errors import ExportError
from archllm.networks.device_forms import RUNTIMES, need_device_format
from archllm.networks.export.programs import Runner, quietly
from archllm.spaces.network_interface import DeviceFormat

DEVICE_FORMATS: tuple[DeviceFormat, ...] = ("executorch", "tflite")
"""Forms of a network for phones and small boards."""

ABOUT = "about"
"""Where a program says what it is: a method of this name in a `.pte` file, `about.json` behind a `.tflite` one."""

_Run = Callable[[Tensor], Tensor]


def load_libraries(to: DeviceFormat) -> None:
    """Loads what a form needs, by compiling next to nothing: the first program takes many seconds more than others.

    Raises:
        MissingExtra: it is not installed.
    """
    device_program(to, nn.ReLU(), torch.zeros(1, 1))


def device_program(
    to: DeviceFormat, module: nn.Module, image: Tensor, about: str | None = None
) -> tuple[bytes, Runner]:
    """A program for one image, as a file holds it, and a function that runs it in its runtime, image by image.

    Args:
        to: which runtime.
        module: what is compiled.
        image: one image, `1 x ...`, of the shape and type that the program takes.
        about: a text to put in, such as JSON with names of classes.

    Raises:
        MissingExtra: its library is not installed.
        ExportError: the library can't compile the module, or its runtime does not take the program.
    """
    need_device_format(to)
    try:
        with quietly(), _nothing_printed(), torch.no_grad():
            if to == "executorch":
                content = _executorch(module, image, about)
                run = _load_executorch(content)
            else:
                content = _tflite(module, image, about)
                run = _load_tflite(content)
    except Exception as error:  # these libraries raise whatever their many layers do
        reason = str(error).strip().partition("\n")[0]
        raise ExportError(f"{RUNTIMES[to]} can't compile this network: {type(error).__name__}: {reason}") from error
    return content, lambda images: torch.cat([run(each) for each in images.split(1)])


@contextlib.contextmanager
def _nothing_printed() -> Iterator[None]:
    """Keeps what the compilers print off this process' output: they are C++, which knows file descriptors alone."""
    kept = [(number, os.dup(number)) for number in (1, 2)]
    try:
        with Path(os.devnull).open("wb") as nowhere:
            for number, _ in kept:
                os.dup2(nowhere.fileno(), number)
            yield
    finally:
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)


def _executorch(module: nn.Module, image: Tensor, about: str | None) -> bytes:
    """XNNPACK's kernels where it has one, ExecuTorch's portable ones elsewhere; `about` is a method that returns it."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    lowered = to_edge_transform_and_lower(
        torch.export.export(module, (image,)),
        partitioner=[XnnpackPartitioner()],
        constant_methods=None if about is None else {ABOUT: about},
    )
    return bytes(lowered.to_executorch().buffer)


def _load_executorch(content: bytes) -> _Run:
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(content)
    method = program.load_method("forward")

    def run(image: Tensor, _kept: tuple[Any, ...] = (program, content)) -> Tensor:  # the method reads from both
        found: Tensor = method.execute([image.contiguous()])[0].clone()  # the next run writes to the same memory
        return found

    return run


def _tflite(module: nn.Module, image: Tensor, about: str | None) -> bytes:
    import litert_torch

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        litert_torch.convert(module, (image,)).export(str(file))
        content = file.read_bytes()
    if about is None:
        return content
    # TensorFlow Lite's convention for files that belong to a model: a zip archive behind it, at which the runtime
    # doesn't look and which any unzip reads.
    packed = io.BytesIO(content)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(zipfile.ZipInfo(f"{ABOUT}.json"), about)
    return packed.getvalue()


def _load_tflite(content: bytes) -> _Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter(model_content=content, num_threads=torch.get_num_threads())
    interpreter.allocate_tensors()
    (takes,), (gives,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(image: Tensor) -> Tensor:
        interpreter.set_tensor(takes["index"], image.numpy())
        interpreter.invoke()
        return torch.from_numpy(interpreter.get_tensor(gives["index"]))

    return run
