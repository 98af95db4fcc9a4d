"""A module as a program of another tool, and a function that runs the program: what every kind of export shares."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archllm.errors import ExportError, MissingExtra
from archllm.networks.export.weights import save_weights
from archllm.training.randomness import torch_seeded

Runner = Callable[[Tensor], Tensor]
"""Images -> what the program makes of them."""

AnyLength = dict[int, Any]
"""Dimensions of the input that may have any length, by number, as `torch.export` wants them."""


def need_onnx() -> None:
    """Makes sure that what ONNX needs is installed.

    Raises:
        MissingExtra: it is not.
    """
    if not all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime")):
        raise MissingExtra("exporting to ONNX", "onnx")


def torch_program(
    module: nn.Module, images: Tensor, dynamic: AnyLength, files: Mapping[str, str] | None = None
) -> tuple[bytes, Runner]:
    """A `torch.export` program, as a file holds it.

    Args:
        module: what is exported.
        images: what it is traced with.
        dynamic: dimensions of any length.
        files: texts to put beside the program, by name.
    """
    with quietly():
        program = torch.export.export(module, (images,), dynamic_shapes=(dynamic,))
        file = io.BytesIO()
        torch.export.save(program, file, extra_files=dict(files or {}))
        loaded = torch.export.load(io.BytesIO(file.getvalue()))
    return file.getvalue(), loaded.module()


def onnx_program(module: nn.Module, images: Tensor, dynamic: AnyLength, output: str) -> bytes:
    """An ONNX model with the input `images`, as a file holds it.

    Args:
        module: what is exported.
        images: what it is traced with.
        dynamic: dimensions of any length.
        output: name of the output.

    Raises:
        ExportError: torch gives none.
    """
    with quietly():
        program = torch.onnx.export(
            module,
            (images,),
            input_names=["images"],
            output_names=[output],
            dynamic_shapes=(dynamic,),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ExportError("torch gives no ONNX program")
    content: bytes = program.model_proto.SerializeToString()
    return content


def onnx_runner(content: bytes) -> Runner:
    """What runs an ONNX model, with as many threads as torch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


def run_source(source: str, name: str, network: nn.Module, weights: str | None) -> nn.Module:
    """What `network()` of a Python file gives, with the weights of a network; the file stands in a folder of its own.

    Args:
        source: our own source, just written.
        name: name of the file.
        network: holds the weights.
        weights: name of the file of weights that the source reads; `None` if it reads none.
    """
    with tempfile.TemporaryDirectory() as folder, torch_seeded(0):
        file = Path(folder) / name
        file.write_text(source, encoding="utf-8")
        if weights is not None:
            save_weights(network, file.with_name(weights))
        module: dict[str, Any] = {"__name__": "exported_network", "__file__": str(file)}
        exec(compile(source, str(file), "exec"), module)  # noqa: S102 - our own, just written
        twin: nn.Module = module["network"]()
    if weights is None:
        twin.load_state_dict(network.state_dict())
    return twin.eval()


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keeps the exporters' progress and advice off the terminal; their errors are exceptions."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
