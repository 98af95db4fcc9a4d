"""A module as a program of another tool, and a function that runs the program: what every kind of export shares."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archllm.errors import ExportError, InvalidInput, MissingExtra
from archllm.files import temporary_beside
from archllm.networks.export.weights import save_weights
from archllm.training.randomness import torch_seeded

_LOWEST, _LOWEST_TRACED = 15, 18  # opsets: below the first, ONNX' converter lacks operators of every network here

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


def check_opset(opset: int) -> None:
    """Makes sure, before any work, that a model can be written with an opset, which is one of ONNX' operators.

    Raises:
        InvalidInput: it is older than what can be written, or newer than the installed ONNX.
    """
    from onnx.defs import onnx_opset_version

    newest = onnx_opset_version()
    if not _LOWEST <= opset <= newest:
        raise InvalidInput(f"an opset is {_LOWEST} to {newest} with the ONNX that is installed, got {opset}")


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


def onnx_program(module: nn.Module, images: Tensor, dynamic: AnyLength, output: str, opset: int | None = None) -> bytes:
    """An ONNX model with the input `images`, as a file holds it.

    Args:
        module: what is exported.
        images: what it is traced with.
        dynamic: dimensions of any length.
        output: name of the output.
        opset: version of the operators; by default that of torch's exporter.

    Raises:
        ExportError: torch gives none, or an operator has no form of that version.
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
            opset_version=None if opset is None else max(opset, _LOWEST_TRACED),
        )
    if program is None:
        raise ExportError("torch gives no ONNX program")
    model = program.model_proto
    if opset is not None and opset < _LOWEST_TRACED:
        model = _lowered(model, opset)
    _check_written_with(model, opset)
    _strip(model)
    content: bytes = model.SerializeToString()
    return content


def onnx_runner(content: bytes) -> Runner:
    """What runs an ONNX model, with as many threads as torch has.

    Raises:
        ExportError: onnxruntime does not take it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ExportError(f"what would be written can't be run by onnxruntime: {error}") from error
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


def run_source(source: str, path: Path, network: nn.Module, weights: str | None) -> nn.Module:
    """What `network()` of a Python file gives, with the weights of a network, in a folder of its own beside the file.

    Args:
        source: our own source, whose syntax tree was looked at.
        path: the file that is to be written.
        network: holds the weights.
        weights: name of the file of weights that the source reads; `None` if it reads none.

    Raises:
        ExportError: the source does not run.
        RunFolderError: there is no room beside the file.
    """
    with temporary_beside(path) as folder, torch_seeded(0):
        file = folder / path.name
        if weights is not None:
            save_weights(network, file.with_name(weights))
        module: dict[str, Any] = {"__name__": "exported_network", "__file__": str(file)}
        try:
            exec(compile(source, str(file), "exec"), module)  # noqa: S102 - see above
            twin: nn.Module = module["network"]()
        except Exception as error:
            raise ExportError(f"what would be written does not run: {type(error).__name__}: {error}") from error
    if weights is None:
        twin.load_state_dict(network.state_dict())
    return twin.eval()


def _check_written_with(model: Any, opset: int | None) -> None:
    """Makes sure that a model has the opset asked for: the exporter leaves its own where it can't convert."""
    written = next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    if opset not in (None, written):
        raise ExportError(f"torch's exporter can't write opset {opset}; it wrote {written}")


def _lowered(model: Any, opset: int) -> Any:
    """The same model in an opset below those that torch writes, and of the oldest form of file that knows it.

    Raises:
        ExportError: an operator of the model has no such form.
    """
    from onnx import helper, version_converter

    try:
        lowered = version_converter.convert_version(model, opset)
    except RuntimeError as error:
        reason = str(error).partition("Assertion `false` failed: ")[2] or str(error)
        raise ExportError(f"this network can't be written with opset {opset}: {reason}") from error
    for node in lowered.graph.node:
        if node.op_type == "ReduceMean":  # an attribute of opset 18, which the converter leaves
            kept = [attribute for attribute in node.attribute if attribute.name != "noop_with_empty_axes"]
            del node.attribute[:]
            node.attribute.extend(kept)
    lowered.ir_version = helper.find_min_ir_version_for(list(lowered.opset_import))
    return lowered


def _strip(model: Any) -> None:
    """Removes what the exporter notes of this machine and of the code: paths, lines, stack traces, names of classes."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


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
