"""Write the network of an architecture as a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from archllm.errors import InvalidInput, shown
from archllm.spaces import Architecture
from archllm.workflows.inputs import as_architecture
from archllm.workflows.options import ExportOptions
from archllm.workflows.stored_trial import StoredTrial, names_store, stored_trial
from archllm.workflows.studies import network_options

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

    source: StoredTrial | None = None
    """The trial that it is of, where it was named by one."""

    @property
    def changed(self) -> dict[str, Any]:
        """Fields of the network that are not as in the study of the trial."""
        own = (self.source.study.network or {}) if self.source is not None else {}
        return {name: value for name, value in self.options.items() if own.get(name, value) != value}

    def to_json(self) -> dict[str, Any]:
        """What `archllm export --json` prints."""
        file, source = self.file, self.source
        return {
            "space": self.arch.space.name,
            "text": self.arch.text,
            "store": source.store if source else None,
            "study": source.study.name if source else None,
            "trial": source.trial.number if source else None,
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

    A trial of a store is written as the network that was scored: with the network setting of its study.

    Args:
        options: what to write, and where to.
        settings: fields of `ExportOptions`, in place of `options` or on top of them.

    Raises:
        FormatError: the text can't be read.
        InvalidArchitecture: it is not a member of the space.
        InvalidInput: an option or the path can't be used.
        StoreError: there is no such study or trial, or the store can't be read.
        DataError: the weights can't be used.
        ExportError: what was to be written computes something else.
    """
    chosen = ExportOptions.given(options, settings)
    source = None
    if isinstance(chosen.arch, str) and names_store(chosen.arch):
        source = stored_trial(chosen.arch, chosen.space)
    elif isinstance(chosen.arch, str) and chosen.space is None:
        raise InvalidInput(
            f"{shown(chosen.arch)} is no store that is there, alone or with a study and a trial; the text of "
            "an architecture needs its space (--space)"
        )
    arch = source.arch if source is not None else as_architecture(chosen.arch, chosen.space)
    networks = arch.space.require_networks()
    named = {name: getattr(chosen, name) for name in ("num_classes", "in_channels", "image_size", "channels")}
    asked = {name: value for name, value in named.items() if value is not None}
    scored = (source.study.network or {}) if source is not None else {}
    setting = networks.setting(**scored | asked | network_options(chosen.network, arch.space))
    file = networks.export(
        arch.graph,
        chosen.out,
        chosen.to,
        setting=setting,
        weights=chosen.weights,
        seed=chosen.seed,
        opset=chosen.opset,
    )
    return Export(arch, file, int(networks.macs(arch.graph, setting)[0]), asdict(setting), source)
