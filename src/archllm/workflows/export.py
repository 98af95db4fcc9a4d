"""Write the network of an architecture as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from archllm.config import parse_words
from archllm.spaces import Architecture
from archllm.workflows.inputs import as_architecture
from archllm.workflows.options import ExportOptions

if TYPE_CHECKING:
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


def export(options: ExportOptions | None = None, /, **settings: Any) -> Export:
    """Writes the network of an architecture as a file that other tools read, verified.

    Args:
        options: what to write, and where to.
        settings: fields of `ExportOptions`, in place of `options` or on top of them.

    Raises:
        FormatError: the text can't be read.
        InvalidArchitecture: it is not a member of the space.
        InvalidInput: an option or the path can't be used.
        DataError: the weights can't be used.
        ExportError: what was to be written computes something else.
    """
    chosen = ExportOptions.given(options, settings)
    arch = as_architecture(chosen.arch, chosen.space)
    networks = arch.space.require_networks()
    further = chosen.options
    if not isinstance(further, Mapping):
        further = parse_words(further, networks.setting_type, "the network")
    sizes = {name: getattr(chosen, name) for name in ("num_classes", "in_channels", "image_size", "channels")}
    setting = networks.setting(**sizes | dict(further))
    file = networks.export(arch.graph, chosen.out, chosen.to, setting=setting, weights=chosen.weights, seed=chosen.seed)
    return Export(arch, file, int(networks.macs(arch.graph, setting)[0]), asdict(setting))
