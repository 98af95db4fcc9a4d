"""Generate architectures with a trained run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archllm.conditional.request import check_names
from archllm.conditional.requirements import parse_all
from archllm.generation.hub import local
from archllm.generation.run_folder import read_info
from archllm.workflows.options import SampleOptions

if TYPE_CHECKING:
    from archllm.generation.generator import ArchLLM, Sample
    from archllm.generation.rejection import Distinct


@dataclass(frozen=True)
class Generated:
    """A sample and the space that it is of."""

    space: str
    """Name of the space."""

    sample: Sample
    """The architectures, and what they took."""

    def texts(self) -> list[str | None]:
        """The text of each architecture, `None` for an invalid draw."""
        return [arch.text if arch is not None else None for arch in self.sample.architectures]

    def to_json(self) -> dict[str, Any]:
        """The contract of `archllm sample --json`."""
        return {
            "space": self.space,
            "architectures": self.texts(),
            "drawn": self.sample.drawn,
            "valid": self.sample.valid,
            "kept": self.sample.kept,
            "seconds": self.sample.seconds,
        }


def sample(options: SampleOptions | None = None, /, **settings: Any) -> Generated:
    """Draws from the generator of a run folder.

    Args:
        options: what to draw.
        settings: fields of `SampleOptions`, in place of `options` or on top of them.

    Raises:
        InvalidInput: an option can't be used.
        RunFolderError: there is no such run.
        BudgetExhausted: fewer than `n` were found.
    """
    chosen = SampleOptions.given(options, settings)
    model = _model(chosen)
    return Generated(model.space.name, model.sample(chosen))


def stream(options: SampleOptions | None = None, /, **settings: Any) -> Distinct:
    """The architectures of `sample` in batches of graphs, as they are found; see there and `ArchLLM.stream`."""
    chosen = SampleOptions.given(options, settings)
    return _model(chosen).stream(chosen)


def _model(options: SampleOptions) -> ArchLLM:
    """The generator of a run folder; requirements that it can't heed are told before the slow import."""
    ranges = parse_all(options.where)
    info = read_info(local(options.run))
    check_names(ranges, info.config.condition_names, f"the run {options.run}")
    from archllm.generation.generator import load

    return load(options.run)
