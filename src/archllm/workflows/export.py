"""Write the network of an architecture as a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archllm.config import parse_words
from archllm.spaces import Architecture, SearchSpace
from archllm.workflows.inputs import as_architecture

if TYPE_CHECKING:
    from torch import nn

    from archllm.networks.export import Exported


@dataclass(frozen=True)
class Export:
    """What was exported."""

    arch: Architecture
    """The architecture."""

    file: Exported
    """The file, as verified."""

    macs: int
    """Multiply-accumulates of the network for one image."""

    options: dict[str, Any]
    """Configuration of the network, every field."""

    def to_json(self) -> dict[str, Any]:
        """What `archllm export --json` prints."""
        file = self.file
        return {
            "space": self.arch.space.name,
            "text": self.arch.text,
            "to": file.format,
            "out": str(file.path),
            "weights": str(file.weights) if file.weights else None,
            "bytes": file.size,
            "params": file.params,
            "macs": self.macs,
            "network": self.options,
            "difference": file.difference,
        }


def export(
    architecture: str | Architecture,
    space: str | SearchSpace | None = None,
    *,
    to: Literal["python", "torch", "onnx"] = "python",
    out: str | Path,
    weights: str | Path | nn.Module | None = None,
    seed: int = 0,
    **options: Any,
) -> Export:
    """Writes the network of an architecture as a file that other tools read, verified.

    Args:
        architecture: the architecture, or its text.
        space: the space of the text, or its name.
        to: `python` (one standalone file), `torch` (a `torch.export` program) or `onnx`.
        out: file to write; an existing one is replaced.
        weights: a safetensors file or a trained network; by default fresh weights.
        seed: seed of fresh weights.
        options: fields of the space's network setting, such as `num_classes`, `channels`, `in_channels`.

    Raises:
        FormatError: the text can't be read.
        InvalidArchitecture: it is not a member of the space.
        InvalidInput: an option or the path can't be used.
        DataError: the weights can't be used.
        ExportError: what was to be written computes something else.
    """
    arch = as_architecture(architecture, space)
    networks = arch.space.require_networks()
    setting = networks.setting(**options)
    file = networks.export(arch.graph, out, to, setting=setting, weights=weights, seed=seed)
    return Export(arch, file, int(networks.macs(arch.graph, setting)[0]), asdict(setting))


def options_of_words(space: SearchSpace, words: tuple[str, ...]) -> dict[str, Any]:
    """Network options from `KEY=VALUE` words.

    Raises:
        InvalidInput: a word is not of that form, or the value is of another type.
    """
    return parse_words(words, space.require_networks().setting_type, "the network")
