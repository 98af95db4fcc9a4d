"""Sessions of ONNX Runtime: a model made ready to run."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from archllm.config import unknown
from archllm.errors import DataError, InvalidInput, MissingExtra
from archllm.networks.latency.setting import RuntimeSetting

_ENDING = "ExecutionProvider"
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


def runtime_version() -> str:
    """Version of ONNX Runtime.

    Raises:
        MissingExtra: it is not installed.
    """
    return str(_library().__version__)


def runnable(model: bytes | Path, runtime: RuntimeSetting, image: tuple[int, ...] | None = None) -> Callable[[], None]:
    """A model made ready: a call runs it once on random images.

    Args:
        model: an ONNX model, or its file.
        runtime: how it is to be computed.
        image: shape of one image, where the model leaves it open.

    Raises:
        InvalidInput: there is no such provider, or an open shape is not named.
        DataError: the file can't be read as a model.
        MissingExtra: ONNX Runtime is not installed.
    """
    library = _library()
    options = library.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = runtime.threads, 1
    options.log_severity_level = 3  # errors; they are raised besides
    content = model if isinstance(model, bytes) else str(model)
    provider = _provider(library, runtime.provider)
    try:
        session = library.InferenceSession(content, options, providers=[provider])
    except Exception as error:  # the library's own errors have no common base
        what = "the model" if isinstance(model, bytes) else str(model)
        raise DataError(f"ONNX Runtime can't load {what}: {error}") from error
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise InvalidInput(f"a model with one input, the images, is expected; it has {len(inputs)}")
    fed = {inputs[0].name: _images(inputs[0], runtime.batch, image)}
    names = [each.name for each in session.get_outputs()]

    def run() -> None:
        session.run(names, fed)

    return run


def _images(wanted: Any, batch: int, image: tuple[int, ...] | None) -> Any:
    """Random images of the type and shape that a model wants."""
    if wanted.type not in _TYPES:
        raise InvalidInput(f"images of type {', '.join(_TYPES)} are expected, the model takes {wanted.type}")
    first, *rest = wanted.shape
    if image is not None and len(image) == len(rest):
        rest = [own if isinstance(own, int) else asked for own, asked in zip(rest, image, strict=True)]
    if not all(isinstance(size, int) for size in rest):
        raise InvalidInput(f"the model takes images of any size; name one (it wants {wanted.shape})")
    shape = (first if isinstance(first, int) else batch, *rest)
    rng, kind = np.random.default_rng(0), _TYPES[wanted.type]
    if kind is np.uint8:
        return rng.integers(0, 256, shape).astype(kind)
    return rng.standard_normal(shape).astype(kind)


def _provider(library: Any, name: str) -> str:
    available = {each.removesuffix(_ENDING).lower(): str(each) for each in library.get_available_providers()}
    if name.lower() not in available:
        raise InvalidInput(unknown("provider", name, sorted(available), "ONNX Runtime on this machine"))
    return available[name.lower()]


def _library() -> Any:
    if not all(find_spec(name) for name in ("onnx", "onnxruntime")):
        raise MissingExtra("measuring latency", "onnx")
    import onnxruntime

    return onnxruntime
