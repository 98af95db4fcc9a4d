"""ArchLLM: the tokenizer and the prior of one space, trained together; it generates architectures."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from archllm.conditional.bins import Conditions
from archllm.conditional.request import Request
from archllm.data.split import Cells, check_seed, known, split_cells
from archllm.errors import InvalidInput
from archllm.files import assembling, write_text
from archllm.generation import metrics
from archllm.generation.metrics import Figure
from archllm.generation.rejection import Distinct, most_at_once
from archllm.generation.run_folder import (
    RunInfo,
    TrainConfig,
    check_seal,
    read_info,
    read_report,
    read_space,
    seal,
    write_info,
    write_space,
)
from archllm.graphs import Graphs
from archllm.prior import Prior, load_prior
from archllm.prior.config import check_draws, check_guidance
from archllm.spaces import Architecture, SearchSpace
from archllm.tokenizer import Tokenizer, load_tokenizer

_RECONSTRUCTED = 100_000  # cells on which reconstruction and likelihood are measured at most


@dataclass(frozen=True)
class Sample:
    """Generated architectures and what they took."""

    architectures: list[Architecture | None]
    """The architectures; `None` for an invalid draw, which only raw samples hold."""

    drawn: int
    """Code sequences drawn."""

    valid: int
    """Draws that decoded to a member of the space."""

    seconds: float
    """Time for drawing, decoding, checking and canonical keys."""

    @property
    def kept(self) -> int:
        """Number of architectures returned."""
        return sum(arch is not None for arch in self.architectures)


@dataclass(frozen=True)
class Evaluation:
    """Quality of raw draws and of the tokenizer behind them."""

    space: str
    """Name of the space."""

    n: int
    """Draws per seed."""

    seeds: tuple[int, ...]
    """Seeds of the draws."""

    temperature: float
    """Sampling temperature."""

    reconstruction: float
    """Share of held-out cells that encode -> decode gives back exactly."""

    held_out_nats: float
    """Negative log-likelihood of held-out cells, in nats per cell."""

    ideal_nats: float
    """ln(size): what a perfect prior of a uniform space needs."""

    figures: dict[str, Figure]
    """The figures of `archllm.generation.metrics`."""

    seconds: float
    """Time taken."""

    def to_json(self) -> dict[str, Any]:
        """The contract of `archllm evaluate --json`."""
        head = {name: value for name, value in vars(self).items() if name not in ("figures", "seconds")}
        absent = {"valid_loose": None, "cycle": None}
        figures = {name: vars(figure) for name, figure in self.figures.items()}
        return head | {"seeds": list(self.seeds)} | absent | figures | {"seconds": self.seconds}


@dataclass(eq=False)
class ArchLLM:
    """A trained generator.

    Example:
        >>> model = load("runs/nasbench201")  # doctest: +SKIP
        >>> cells = model.generate(100)  # doctest: +SKIP
    """

    space: SearchSpace
    """The space that it speaks."""

    config: TrainConfig
    """How it was trained."""

    seed: int
    """With which seed."""

    tokenizer: Tokenizer
    """Architectures <-> codes."""

    prior: Prior
    """The distribution of codes."""

    report: dict[str, Any] = field(default_factory=dict)
    """What the training measured; `metrics.json` of the run folder."""

    conditions: Conditions | None = None
    """What generation can be steered by, if the prior was trained on conditions."""

    def generate(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        novel: bool = False,
        max_draws: int | None = None,
        where: Sequence[str] = (),
        guidance: float = 1.0,
    ) -> list[Architecture]:
        """`n` valid, pairwise different architectures.

        Args:
            n: how many.
            temperature: sampling temperature.
            seed: seed of the draws.
            novel: leave out members of the training set.
            max_draws: most code sequences to draw; by default 50 for each that is asked for, and 10,000 more.
            where: requirements, such as `"params <= 1e6"` or `"cifar10 >= 93"`. Those that the run was trained on steer
                the draws; `params` and `macs`, which can be counted, are also checked, whether it was or not.
            guidance: how strongly requirements steer; 1 draws from the conditional distribution itself.

        Raises:
            InvalidInput: `n`, the temperature, the guidance or a requirement can't be used.
            BudgetExhausted: the space or the draws hold fewer than `n`; the message says how many were found.
        """
        sample = self.sample(
            n,
            temperature=temperature,
            seed=seed,
            novel=novel,
            max_draws=max_draws,
            where=where,
            guidance=guidance,
        )
        return [arch for arch in sample.architectures if arch is not None]

    def sample(
        self,
        n: int,
        *,
        raw: bool = False,
        temperature: float = 1.0,
        seed: int = 0,
        novel: bool = False,
        max_draws: int | None = None,
        where: Sequence[str] = (),
        guidance: float = 1.0,
    ) -> Sample:
        """Like `generate`, with the counts; with `raw`, exactly `n` draws as they come, invalid ones as `None`.

        Raises:
            InvalidInput: `n`, the temperature, the guidance or a requirement can't be used, or `raw` is joined with a
                filter.
            BudgetExhausted: fewer than `n` were found.
        """
        if raw:
            if novel or max_draws is not None:
                raise InvalidInput("raw returns every draw; it can't be joined with novel or max_draws")
            check_seed(seed)
            check_guidance(guidance)
            request = Request.of(where, self.conditions, guidance, seed, raw=True)
            start = time.perf_counter()
            graphs = self.draw(n, temperature, torch.Generator().manual_seed(seed), request)[1]
            valid = self.space.validate(graphs)
            members = iter(self.space.architectures(graphs[valid]))
            drawn: list[Architecture | None] = [next(members) if good else None for good in valid]
            return Sample(drawn, n, int(valid.sum()), time.perf_counter() - start)
        found = self.stream(
            n,
            temperature=temperature,
            seed=seed,
            novel=novel,
            max_draws=max_draws,
            where=where,
            guidance=guidance,
        )
        architectures: list[Architecture | None] = []
        for batch in found:
            architectures += self.space.architectures(batch)
        return Sample(architectures, found.drawn, found.valid, found.seconds)

    def stream(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        novel: bool = False,
        max_draws: int | None = None,
        where: Sequence[str] = (),
        guidance: float = 1.0,
    ) -> Distinct:
        """The architectures of `generate` in batches of graphs, for more of them than memory would hold as objects.

        Example:
            >>> for graphs in load("runs/darts").stream(10_000_000):  # doctest: +SKIP
            ...     texts = model.space.format(graphs)

        Raises:
            InvalidInput: `n`, the temperature, the guidance or a requirement can't be used.
            BudgetExhausted: the space holds fewer than `n`, or, while iterating, the draws do.
        """
        check_seed(seed)
        check_guidance(guidance)
        check_draws(n, temperature)
        request = Request.of(where, self.conditions, guidance, seed, raw=False)
        generator = torch.Generator().manual_seed(seed)
        return Distinct(
            self.space,
            lambda count: self.draw(count, temperature, generator, request)[1],
            n,
            50 * n + 10_000 if max_draws is None else max_draws,
            lambda members: request.fulfilling(self.space, members),
            self.training_keys if novel else None,
        )

    def draw(
        self, n: int, temperature: float, generator: torch.Generator, request: Request | None = None
    ) -> tuple[NDArray[np.int64], Graphs]:
        """`n` raw draws: their codes (`n x length`) and the graphs that they decode to."""
        asked = request.buckets(n) if request is not None else None
        guidance = request.guidance if request is not None else 1.0
        codes = self.prior.sample(n, temperature, generator=generator, conditions=asked, guidance=guidance)
        return codes, self.tokenizer.decode(codes)

    def cycles(self, codes: NDArray[np.int64], graphs: Graphs) -> NDArray[np.bool_]:
        """`n` booleans: which codes are those that the tokenizer gives to the architecture they decode to."""
        result = np.zeros(len(codes), dtype=np.bool_)
        rows = np.flatnonzero(self.space.validate(graphs))
        if len(rows):
            result[rows] = (self.tokenizer.encode(graphs[rows]) == codes[rows]).all(1)
        return result

    def evaluate(self, n: int = 1000, seeds: Sequence[int] = (0, 1, 2), temperature: float = 1.0) -> Evaluation:
        """Measures raw draws, see `archllm.generation.metrics`.

        Args:
            n: draws per seed.
            seeds: one batch of draws each.
            temperature: sampling temperature.

        Raises:
            InvalidInput: `n`, the seeds or the temperature can't be used.
        """
        if not seeds:
            raise InvalidInput("at least one seed is needed")
        check_draws(n, temperature)
        for seed in seeds:
            check_seed(seed)
        start, most = time.perf_counter(), most_at_once(self.space)
        runs = []
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            tally = metrics.Tally(self.space, self.training_keys)
            for at in range(0, n, most):
                codes, graphs = self.draw(min(most, n - at), temperature, generator)
                tally.add(graphs, self.cycles(codes, graphs))
            runs.append(tally.figures())
        valid = sum(run["valid"] for run in runs) / len(runs)
        ceiling = metrics.ceilings(self.space, n, len(self.training_keys), valid)
        fit = self.fit_of_held_out
        return Evaluation(
            space=self.space.name,
            n=n,
            seeds=tuple(seeds),
            temperature=temperature,
            reconstruction=fit["reconstruction"],
            held_out_nats=fit["held_out_nats"],
            ideal_nats=self.space.ideal_nats,
            figures=metrics.summarise(runs, ceiling),
            seconds=time.perf_counter() - start,
        )

    @cached_property
    def fit_of_held_out(self) -> dict[str, float]:
        """Reconstruction of held-out cells and their negative log-likelihood in nats."""
        cells = self.cells.held_out[:_RECONSTRUCTED]
        codes = self.tokenizer.encode(cells)
        return {
            "reconstruction": self.tokenizer.reconstruction(cells),
            "held_out_nats": -float(self.prior.log_prob(codes).mean()),
        }

    @cached_property
    def cells(self) -> Cells:
        """The cells that it was trained on and those held out, drawn again from the seed."""
        streamed = not self.config.conditions  # their values are known for cells in memory
        return split_cells(self.space, self.config.split, self.config.cells, self.seed, streamed=streamed)

    @cached_property
    def training_keys(self) -> NDArray[np.int64]:
        """Sorted keys of the training cells."""
        cells = self.cells
        further = [self.space.keys(chunk) for chunk in cells.further or ()]
        return np.unique(np.concatenate([known(self.space, cells.train), *further]))

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Writes a run folder: aside first, then renamed into place.

        Raises:
            RunFolderError: the folder exists and `overwrite` is false, or it can't be written.
        """
        folder = Path(folder)
        with assembling(folder, overwrite) as aside:
            self.write_into(aside)

    def write_into(self, folder: Path) -> None:
        """Writes the parts of a run folder into a folder that exists."""
        write_info(folder, RunInfo(self.space.name, self.seed, self.config))
        write_space(folder, self.space)
        self.tokenizer.save(folder)
        self.prior.save(folder / "prior")
        if self.conditions is not None:
            self.conditions.save(folder)
        write_text(folder / "metrics.json", json.dumps(self.report, indent=2, allow_nan=False) + "\n")
        seal(folder)


def load(folder: str | Path) -> ArchLLM:
    """The generator saved in a run folder.

    Raises:
        RunFolderError: the folder is missing, incomplete, damaged, not a run folder, or holds files of another run.
    """
    folder = Path(folder)
    info: RunInfo = read_info(folder)
    space = read_space(folder, info)
    report = read_report(folder)
    tokenizer = load_tokenizer(folder, space)
    prior = load_prior(folder / "prior", tokenizer.codebook_size, tokenizer.length)
    conditions = Conditions.load(folder, prior.conditions) if prior.conditions else None
    check_seal(folder)  # last: a file that can't be read at all has its own, better message
    return ArchLLM(space, info.config, info.seed, tokenizer, prior, report, conditions)
