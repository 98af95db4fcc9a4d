"""Generate architectures with a trained run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archllm.conditional.request import check_names
from archllm.conditional.requirements import parse_all
from archllm.data.split import check_seed
from archllm.errors import InvalidInput
from archllm.generation.run_folder import read_info
from archllm.prior.config import check_draws, check_guidance

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


def sample(
    run: str | Path,
    n: int,
    *,
    temperature: float = 1.0,
    raw: bool = False,
    novel: bool = False,
    seed: int = 0,
    max_draws: int | None = None,
    where: Sequence[str] = (),
    guidance: float = 1.0,
) -> Generated:
    """Draws from the generator of a run folder.

    Args:
        run: the run folder.
        n: how many architectures.
        temperature: sampling temperature.
        raw: exactly `n` draws as they come, invalid ones and repeats included.
        novel: leave out members of the training set.
        seed: seed of the draws.
        max_draws: most code sequences to draw; by default 50 for each that is asked for, and 10,000 more.
        where: requirements, see `ArchLLM.generate`.
        guidance: how strongly they steer.

    Raises:
        InvalidInput: an argument can't be used.
        RunFolderError: there is no such run.
        BudgetExhausted: fewer than `n` were found.
    """
    if raw and (novel or max_draws is not None):
        raise InvalidInput("raw returns every draw; it can't be joined with novel or max_draws")
    model = _model(run, n, temperature, seed, max_draws, where, guidance)
    drawn = model.sample(
        n,
        raw=raw,
        temperature=temperature,
        seed=seed,
        novel=novel,
        max_draws=max_draws,
        where=where,
        guidance=guidance,
    )
    return Generated(model.space.name, drawn)


def stream(
    run: str | Path,
    n: int,
    *,
    temperature: float = 1.0,
    novel: bool = False,
    seed: int = 0,
    max_draws: int | None = None,
    where: Sequence[str] = (),
    guidance: float = 1.0,
) -> Distinct:
    """The architectures of `sample` in batches of graphs, as they are found; see there and `ArchLLM.stream`."""
    model = _model(run, n, temperature, seed, max_draws, where, guidance)
    return model.stream(
        n, temperature=temperature, seed=seed, novel=novel, max_draws=max_draws, where=where, guidance=guidance
    )


def _model(
    run: str | Path,
    n: int,
    temperature: float,
    seed: int,
    max_draws: int | None,
    where: Sequence[str],
    guidance: float,
) -> ArchLLM:
    """The generator of a run folder; arguments that can't be used are told before the slow import."""
    check_draws(n, temperature)
    check_seed(seed)
    if max_draws is not None and max_draws < 1:
        raise InvalidInput(f"max_draws must be at least 1, got {max_draws}")
    check_guidance(guidance)
    ranges = parse_all(where)
    info = read_info(Path(run))
    check_names(ranges, info.config.condition_names, f"the run {run}")
    from archllm.generation.generator import load

    return load(run)
