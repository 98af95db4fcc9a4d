"""A network as an ONNX graph in a fraction of a second, for timing it; `archllm.networks.export` writes files for use.

The exporter traces, decomposes and verifies, which takes seconds. Here the network runs once on tensors without
storage, and each of torch's own operations becomes the node that the exporter would write. ONNX Runtime then fuses and
lays out both alike, so both take equally long. What has no node here is left to the exporter (`UnknownOperation`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

OPSET = 20
"""Version of the operators, that of the exporter."""

_IR_VERSION = 10  # of files with these operators
_BATCH = "batch"


class UnknownOperation(Exception):
    """The network uses an operation that has no node here."""


def onnx_graph(network: nn.Module, image: tuple[int, int, int]) -> bytes:
    """A network's ONNX model for batches of any size, with input `images` and output `logits`.

    Args:
        network: the network, in evaluation mode; it takes images `n x c x h x w` and returns logits.
        image: channels, height and width.

    Raises:
        UnknownOperation: it uses an operation that is not known here.
    """
    values = {name: value.detach().numpy() for name, value in [*network.named_parameters(), *network.named_buffers()]}
    twin = copy.deepcopy(network).to("meta")
    writer = _Writer()
    for name, value in [*twin.named_parameters(), *twin.named_buffers()]:
        writer.keep(value, writer.constant(values[name]))
    images = torch.empty(1, *image, device="meta")
    writer.keep(images, "images")
    with torch.no_grad(), writer:
        logits = twin(images)
    return writer.model(logits, image)


class _Writer(TorchDispatchMode):
    """Sees every operation that torch computes, and writes its node."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._names: dict[int, str] = {}
        self.rows: dict[str, tuple[str, torch.Size]] = {}  # tokens put below each other: by whose name, of what shape
        self._alive: list[Tensor] = []  # an address stands for one tensor as long as that lives

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        result = func(*args, **given)
        kind = str(func).removeprefix("aten.").rpartition(".")[0]
        if kind not in _SILENT:
            rule = _RULES.get(kind.removesuffix("_"))
            if rule is None:
                raise UnknownOperation(kind)
            rule(self, result, *args, **given)
        return result

    def keep(self, tensor: Tensor, name: str) -> None:
        """Names what a tensor holds from here on."""
        self._names[id(tensor)] = name
        self._alive.append(tensor)

    def name(self, value: Tensor | float) -> str:
        """The name of an operand; numbers become constants."""
        if not isinstance(value, Tensor):
            return self.constant(np.array(value, dtype=np.float32))
        if id(value) not in self._names:
            raise UnknownOperation("a constant made on the way")
        return self._names[id(value)]

    def constant(self, value: NDArray[Any] | Sequence[int]) -> str:
        """The name of a new constant; a list of numbers is one of shapes or axes."""
        array = value if isinstance(value, np.ndarray) else np.array(value, dtype=np.int64)
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        return name

    def add(self, op: str, inputs: Sequence[str], result: Tensor | None = None, **attributes: Any) -> str:
        """Adds a node, whose output a tensor then stands for."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        if result is not None:
            self.keep(result, name)
        return name

    def model(self, logits: Tensor, image: tuple[int, int, int]) -> bytes:
        """The model that ends here."""
        self.nodes.append(helper.make_node("Identity", [self.name(logits)], ["logits"]))
        read = {name for node in self.nodes for name in node.input}
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [_BATCH, *image])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [_BATCH, *logits.shape[1:]])],
            [each for each in self.initializers if each.name in read],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)
        content: bytes = model.SerializeToString()
        return content


Rule = Callable[..., None]
"""Takes the writer, what the operation returned, and the operation's own arguments."""


def _elementwise(op: str, **attributes: Any) -> Rule:
    def rule(writer: _Writer, result: Tensor, x: Tensor, *others: Any) -> None:
        writer.add(op, [writer.name(x)], result, **attributes)

    return rule


def _binary(op: str) -> Rule:
    def rule(writer: _Writer, result: Tensor, x: Tensor, y: Tensor | float, *, alpha: float = 1) -> None:
        if alpha != 1:
            raise UnknownOperation(f"{op} with a factor")
        writer.add(op, [writer.name(x), writer.name(y)], result)

    return rule


def _same(writer: _Writer, result: Tensor, x: Tensor, *others: Any, **more: Any) -> None:
    if result.shape != x.shape:
        raise UnknownOperation("expanding")
    writer.keep(result, writer.name(x))


def _reshape(writer: _Writer, result: Tensor, x: Tensor, *others: Any) -> None:
    # A linear layer on tokens is, to torch, one on rows between two changes of shape; the exporter writes a product of
    # tokens. `rows` remembers what has to be skipped for that.
    name = writer.name(x)
    source, shape = writer.rows.get(name, (name, x.shape))
    if source == name and shape == result.shape:
        writer.keep(result, name)
        return
    # Images come first in every tensor, so the first size is the one that follows the batch.
    made = writer.add("Reshape", [name, writer.constant([-1, *result.shape[1:]])], result)
    if x.dim() == 3 and result.dim() == 2 and result.shape[1] == x.shape[2]:
        writer.rows[made] = name, x.shape


def _transpose(writer: _Writer, result: Tensor, x: Tensor, *axes: Any) -> None:
    order = list(range(x.dim()))
    if len(axes) == 2:
        a, b = axes
        order[a], order[b] = order[b], order[a]
    else:
        order = [axis % x.dim() for axis in axes[0]] if axes else order[::-1]
    writer.add("Transpose", [writer.name(x)], result, perm=order)


def _convolution(
    writer: _Writer,
    result: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> None:
    if transposed:
        raise UnknownOperation("a transposed convolution")
    operands = [x, weight] if bias is None else [x, weight, bias]
    writer.add(
        "Conv",
        [writer.name(each) for each in operands],
        result,
        kernel_shape=list(weight.shape[2:]),
        strides=list(stride),
        pads=[*padding, *padding],
        dilations=list(dilation),
        group=groups,
    )


def _batch_norm(
    writer: _Writer,
    result: Sequence[Tensor],
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    training: bool,
    momentum: float,
    eps: float,
) -> None:
    channels = x.shape[1]
    scale = writer.constant(np.ones(channels, np.float32)) if weight is None else writer.name(weight)
    shift = writer.constant(np.zeros(channels, np.float32)) if bias is None else writer.name(bias)
    operands = [writer.name(x), scale, shift, writer.name(mean), writer.name(variance)]
    writer.add("BatchNormalization", operands, result[0], epsilon=eps)


def _layer_norm(
    writer: _Writer,
    result: Sequence[Tensor],
    x: Tensor,
    shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> None:
    scale = writer.constant(np.ones(tuple(shape), np.float32)) if weight is None else writer.name(weight)
    operands = [writer.name(x), scale, *([] if bias is None else [writer.name(bias)])]
    writer.add("LayerNormalization", operands, result[0], axis=-len(shape), epsilon=eps)


def _average(
    writer: _Writer,
    result: Tensor,
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0),
    ceil: bool = False,
    count_padding: bool = True,
    divisor: int | None = None,
) -> None:
    if divisor is not None:
        raise UnknownOperation("an average with a divisor")
    window = _window(kernel, stride, padding, ceil)
    writer.add("AveragePool", [writer.name(x)], result, **window, count_include_pad=int(count_padding))


def _maximum(
    writer: _Writer,
    result: Sequence[Tensor],
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    ceil: bool = False,
) -> None:
    window = _window(kernel, stride, padding, ceil)
    writer.add("MaxPool", [writer.name(x)], result[0], **window, dilations=_pair(dilation))


def _window(kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], ceil: bool) -> dict[str, Any]:
    around = _pair(padding)
    strides = _pair(stride) if stride else _pair(kernel)
    return {"kernel_shape": _pair(kernel), "strides": strides, "pads": around + around, "ceil_mode": int(ceil)}


def _pair(value: int | Sequence[int]) -> list[int]:
    several = [value] if isinstance(value, int) else list(value)
    return several * 2 if len(several) == 1 else several


def _mean(writer: _Writer, result: Tensor, x: Tensor, axes: Sequence[int], keep: bool = False) -> None:
    writer.add("ReduceMean", [writer.name(x), writer.constant(list(axes))], result, keepdims=int(keep))


def _join(writer: _Writer, result: Tensor, parts: Sequence[Tensor], axis: int = 0) -> None:
    writer.add("Concat", [writer.name(part) for part in parts], result, axis=axis)


def _slice(
    writer: _Writer,
    result: Tensor,
    x: Tensor,
    axis: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> None:
    if result.shape == x.shape:
        writer.keep(result, writer.name(x))
        return
    ends = x.shape[axis] if end is None else min(end, x.shape[axis])
    where = [writer.constant([each]) for each in (start or 0, ends, axis, step)]
    writer.add("Slice", [writer.name(x), *where], result)


def _unbind(writer: _Writer, result: Sequence[Tensor], x: Tensor, axis: int = 0) -> None:
    for at, part in enumerate(result):
        writer.add("Gather", [writer.name(x), writer.constant(np.array(at, dtype=np.int64))], part, axis=axis)


def _linear(writer: _Writer, result: Tensor, bias: Tensor, x: Tensor, weight: Tensor) -> None:
    name = writer.name(x)
    if name not in writer.rows:
        writer.add("Gemm", [name, writer.name(weight), writer.name(bias)], result)
        return
    source, shape = writer.rows[name]
    product = writer.add("MatMul", [source, writer.name(weight)])
    made = writer.add("Add", [product, writer.name(bias)], result)
    writer.rows[made] = made, torch.Size([*shape[:2], result.shape[1]])


def _softmax(writer: _Writer, result: Tensor, x: Tensor, axis: int, *others: Any) -> None:
    writer.add("Softmax", [writer.name(x)], result, axis=axis)


def _clip(writer: _Writer, result: Tensor, x: Tensor, low: float = -1.0, high: float = 1.0) -> None:
    writer.add("Clip", [writer.name(x), writer.name(low), writer.name(high)], result)


def _swish(writer: _Writer, result: Tensor, x: Tensor) -> None:
    gate = writer.add("Sigmoid", [writer.name(x)])
    writer.add("Mul", [writer.name(x), gate], result)


def _gelu(writer: _Writer, result: Tensor, x: Tensor, *, approximate: str = "none") -> None:
    writer.add("Gelu", [writer.name(x)], result, approximate=approximate)


def _zeros(writer: _Writer, result: Tensor, x: Tensor, **more: Any) -> None:
    writer.add("Expand", [writer.name(0.0), writer.add("Shape", [writer.name(x)])], result)


_SILENT = frozenset({"empty"})
"""Operations whose result nothing reads."""

_RULES: dict[str, Rule] = {
    "_safe_softmax": _softmax,
    "_softmax": _softmax,
    "_unsafe_view": _reshape,
    "add": _binary("Add"),
    "addmm": _linear,
    "alias": _same,
    "avg_pool2d": _average,
    "bmm": _binary("MatMul"),
    "cat": _join,
    "clone": _same,
    "convolution": _convolution,
    "detach": _same,
    "div": _binary("Div"),
    "expand": _same,
    "gelu": _gelu,
    "hardsigmoid": _elementwise("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hardswish": _elementwise("HardSwish"),
    "hardtanh": _clip,
    "max_pool2d_with_indices": _maximum,
    "mean": _mean,
    "mm": _binary("MatMul"),
    "mul": _binary("Mul"),
    "native_batch_norm": _batch_norm,
    "native_layer_norm": _layer_norm,
    "permute": _transpose,
    "relu": _elementwise("Relu"),
    "sigmoid": _elementwise("Sigmoid"),
    "silu": _swish,
    "slice": _slice,
    "sub": _binary("Sub"),
    "t": _transpose,
    "tanh": _elementwise("Tanh"),
    "transpose": _transpose,
    "unbind": _unbind,
    "view": _reshape,
    "zeros_like": _zeros,
}
"""Names of torch's operations, without what tells their variants apart -> how each becomes nodes."""
