"""A deployed network, read again: its ONNX file may come from anybody, and is data, within bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from archllm.errors import DataError, shown
from archllm.networks.export.programs import need_onnx

LARGEST = 1 << 29
"""Most bytes of the file."""

LARGEST_IMAGE = 512
"""Height and width that images are resized to at most."""

MOST_CLASSES = 100_000
"""Most names of classes."""

MOST_NUMBERS = 1 << 28
"""Most numbers of a tensor while one image is run."""

_BYTES, _FLOATS = 2, 1  # types of tensors, as ONNX numbers them


class DeployedModel:
    """The ONNX file of a deployed network, read again.

    What `archllm fit` would not have written is refused by name before anything is run: programs within the program
    (loops, and branches within branches), operations of other libraries, tensors that are kept in other files, sizes
    beyond all images.

    Args:
        path: the file.

    Raises:
        DataError: it is missing, damaged, or not the file of a deployed network.
        MissingExtra: ONNX Runtime is not installed.
    """

    def __init__(self, path: Path) -> None:
        need_onnx()
        import onnxruntime

        self.path = path
        if not path.is_file():
            raise DataError(f"there is no trained network {path}; name the run folder of `archllm fit`")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # what it would print is in its errors
        try:
            content = _content(path)
            model = _model(content)
            self.about: dict[str, Any] = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
            self.classes = _classes(self.about)
            self.channels: int = _number(self.about, "channels", (1, 3))
            self.size: int = _number(self.about, "image_size", range(1, LARGEST_IMAGE + 1))
            self.white = _white(self.about)
            _check(model, self.size, self.channels)
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime has no exceptions of its own that say more
            reason = "it lacks" if isinstance(error, KeyError) else ""
            raise DataError(
                f"{path} is damaged, or was not written by `archllm fit`: {f'{reason} {error}'.strip()}"
            ) from error

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`n x classes` probabilities of `n x h x w x c` images.

        Raises:
            DataError: the network can't be run, or gives something else.
        """
        try:
            found: NDArray[np.float32] = self._session.run(None, {"images": images})[0]
        except Exception as error:
            raise DataError(f"{self.path} can't be run: {error}") from error
        if found.shape != (len(images), len(self.classes)) or not np.isfinite(found).all():
            raise DataError(
                f"{self.path} is damaged: of {len(images)} images and {len(self.classes)} classes it gives numbers of "
                f"shape {found.shape}, or some that are infinite or NaN"
            )
        return found


def _content(path: Path) -> bytes:
    if path.stat().st_size > LARGEST:
        raise DataError(f"it has more than {LARGEST:,} bytes")
    return path.read_bytes()


def _model(content: bytes) -> Any:
    import onnx

    return onnx.load_model_from_string(content)


def _classes(about: dict[str, Any]) -> tuple[str, ...]:
    found = about["classes"]
    if (
        not isinstance(found, list)
        or not 0 < len(found) <= MOST_CLASSES
        or not all(isinstance(each, str) for each in found)
    ):
        raise DataError(f"its classes must be a list of names, found {shown(found)}")
    return tuple(found)


def _number(about: dict[str, Any], name: str, known: Sequence[int]) -> int:
    found = about[name]
    if type(found) is not int or found not in known:
        told = f"{known[0]} to {known[-1]}" if isinstance(known, range) else " or ".join(map(str, known))
        raise DataError(f"its {name} must be {told}, found {shown(found)}")
    return found


def _white(about: dict[str, Any]) -> float:
    found = about["white"]
    if type(found) not in (int, float) or not 0 < found < math.inf:
        raise DataError(f"its white must be a number above 0, found {shown(found)}")
    return float(found)


def _check(model: Any, size: int, channels: int) -> None:
    """Makes sure that a model is one network, all in one file, whose tensors are no larger than networks' are."""
    import onnx

    if model.functions:
        raise DataError(f"it holds functions ({shown(model.functions[0].name)})")
    graphs = list(_graphs(model))
    for node in (node for graph in graphs for node in graph.node):
        if node.domain not in ("", "ai.onnx"):
            raise DataError(f"it holds the operation {shown(node.op_type)} of {shown(node.domain)}")
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for graph in graphs for tensor in _tensors(graph)):
        raise DataError("it keeps numbers in other files")
    (images,), (answer,) = model.graph.input, model.graph.output
    shape = images.type.tensor_type.shape.dim
    if images.type.tensor_type.elem_type != _BYTES or len(shape) != 4 or images.name != "images":
        raise DataError("its input must be bytes, n x h x w x c, called images")
    if answer.type.tensor_type.elem_type != _FLOATS:
        raise DataError("its output must be floats")
    for dimension, length in zip(shape, (1, size, size, channels), strict=True):
        dimension.dim_value = length
    for graph in graphs:
        del graph.value_info[:]
    for output in (output for node in model.graph.node if node.op_type == "If" for output in node.output):
        # What resizing makes of any image; inference does not look into branches for it.
        own = onnx.helper.make_tensor_value_info(output, _FLOATS, (1, channels, size, size))
        model.graph.value_info.append(own)
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    for tensor in (tensor for graph in _graphs(inferred) for tensor in graph.value_info):
        lengths = [dimension.dim_value for dimension in tensor.type.tensor_type.shape.dim]
        if math.prod(lengths) > MOST_NUMBERS:
            raise DataError(f"{shown(tensor.name)} would have {' x '.join(map(str, lengths))} numbers for one image")


def _graphs(model: Any) -> Iterator[Any]:
    """The graph of a model, and the two that it has for images of the network's own size and for others."""
    yield model.graph
    for node in model.graph.node:
        for inner in _programs(node):
            if node.op_type != "If" or any(_programs(deeper) for deeper in inner.node):
                raise DataError(f"it holds a program within the program ({shown(node.op_type)})")
            yield inner


def _programs(node: Any) -> list[Any]:
    """The graphs that a node carries."""
    own = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return own + [graph for attribute in node.attribute for graph in attribute.graphs]


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
