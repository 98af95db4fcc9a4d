"""ArchLLM: the tokenizer and the prior of one space, trained together; it generates architectures."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from archllm.conditional.bins import Conditions
from archllm.conditional.request import Request
from archllm.data.corpus import Corpus
from archllm.data.split import Cells, known, split_cells
from archllm.files import assembling, write_text
from archllm.generation import metrics
from archllm.generation.architectures import Architectures
from archllm.generation.config import EvaluationOptions, SamplingOptions, TrainConfig
from archllm.generation.hub import local
from archllm.generation.metrics import Metric
from archllm.generation.rejection import Distinct, most_at_once
from archllm.generation.run_folder import (
    RunInfo,
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
from archllm.spaces import Architecture, SearchSpace
from archllm.spaces.sizes import written_size
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

    def __repr__(self) -> str:
        return f"<Sample: {self.drawn:,} drawn, {self.valid:,} valid, {self.kept:,} kept, {self.seconds:.2f} s>"


@dataclass(frozen=True)
class Quality:
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

    metrics: dict[str, Metric]
    """The metrics of `archllm.generation.metrics`."""

    seconds: float
    """Time taken."""

    def to_json(self) -> dict[str, Any]:
        """The contract of `archllm evaluate --json`."""
        head = {name: value for name, value in vars(self).items() if name not in ("metrics", "seconds")}
        absent = {"valid_loose": None, "cycle": None}
        measured = {name: metric.to_json() for name, metric in self.metrics.items()}
        return head | {"seeds": list(self.seeds)} | absent | measured | {"seconds": self.seconds}


@dataclass(eq=False)
class ArchLLM:
    """A trained generator.

    Example:
        >>> from archllm import train
        >>> parts = {"tokenizer": {"kind": "plain"}, "prior": {"kind": "marginal"}}  # of which nothing is learned
        >>> model = train("nasbench201", TrainConfig.from_mapping(parts))
        >>> cells = model.generate(3, temperature=0.8, novel=True, where="params <= 1e6")
        >>> max(cell.params for cell in cells) <= 1e6, model.tokenizer.encode(cells).shape
        (True, (3, 6))
    """

    space: SearchSpace
    """The space whose members it generates."""

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

    corpus: Corpus | None = None
    """The architectures whose distribution it learned; `None` if that is the uniform one of the space."""

    def __repr__(self) -> str:
        sizes = f"tokenizer {self.tokenizer.parameters():,}, prior {self.prior.parameters():,}"
        return f"<ArchLLM of {self.space.name}, seed {self.seed}, parameters: {sizes}>"

    def _repr_html_(self) -> str:
        """Its facts as a table, for notebooks."""
        facts: dict[str, str] = {
            "space": f"{self.space.name}, {written_size(self.space.size)} architectures",
            "seed": str(self.seed),
            "tokenizer": f"{self.tokenizer.length} codes of {self.tokenizer.codebook_size}, "
            f"{self.tokenizer.parameters():,} parameters",
            "prior": f"{self.config.prior.kind}, {self.prior.parameters():,} parameters",
            "conditions": ", ".join(self.config.condition_names) or "none",
        }
        if self.report:
            facts["reconstruction"] = f"{self.report['reconstruction']:.2%} of held-out architectures"
            nats = f"{self.report['held_out_nats']:.3f} nats"
            facts["likelihood"] = (
                f"{nats} per held-out architecture ({self.config.yardstick} {self.report['ideal_nats']:.3f})"
            )
        rows = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in facts.items())
        return f"<table><caption>ArchLLM</caption>{rows}</table>"

    def generate(self, n: int | SamplingOptions, **settings: Any) -> Architectures:
        """`n` valid, pairwise different architectures.

        Args:
            n: how many, or all options of the draws.
            settings: fields of `SamplingOptions`: `temperature`, `seed`, `novel`, `where`, `guidance`, `max_draws`.

        Example:
            >>> cells = load("runs/nasbench201").generate(10, temperature=0.8, where="params <= 1e6")  # doctest: +SKIP

        Raises:
            InvalidInput: a setting can't be used.
            BudgetExhausted: the space or the draws hold fewer than `n`; the message says how many were found.
        """
        return Architectures(arch for arch in self.sample(n, **settings).architectures if arch is not None)

    def sample(self, n: int | SamplingOptions, **settings: Any) -> Sample:
        """Like `generate`, with the counts; with `raw`, exactly `n` draws as they come, invalid ones as `None`.

        Raises:
            InvalidInput: a setting can't be used, or `raw` is joined with a filter.
            BudgetExhausted: fewer than `n` were found.
        """
        options = _sampling(n, settings)
        if options.raw:
            return self._raw(options)
        found = self.stream(options)
        architectures: list[Architecture | None] = []
        for batch in found:
            architectures += self.space.architectures(batch)
        return Sample(architectures, found.drawn, found.valid, found.seconds)

    def _raw(self, options: SamplingOptions) -> Sample:
        request = self._request(options)
        start = time.perf_counter()
        generator = torch.Generator().manual_seed(options.seed)
        graphs = self.draw(options.n, options.temperature, generator, request)[1]
        valid = self.space.validate(graphs)
        members = iter(self.space.architectures(graphs[valid]))
        drawn: list[Architecture | None] = [next(members) if good else None for good in valid]
        return Sample(drawn, options.n, int(valid.sum()), time.perf_counter() - start)

    def stream(self, n: int | SamplingOptions, **settings: Any) -> Distinct:
        """The architectures of `generate` in batches of graphs, for more of them than memory would hold as objects.

        Example:
            >>> for graphs in load("runs/darts").stream(10_000_000):  # doctest: +SKIP
            ...     texts = model.space.format(graphs)

        Raises:
            InvalidInput: a setting can't be used.
            BudgetExhausted: the space holds fewer than `n`, or, while iterating, the draws do.
        """
        options = _sampling(n, settings)
        request = self._request(options)
        generator = torch.Generator().manual_seed(options.seed)
        return Distinct(
            self.space,
            lambda count: self.draw(count, options.temperature, generator, request)[1],
            options,
            lambda members: request.fulfilling(self.space, members),
            self.training_keys if options.novel else None,
        )

    def _request(self, options: SamplingOptions) -> Request:
        return Request.of(options.where, self.conditions, options.guidance, options.seed, raw=options.raw)

    def draw(
        self, n: int, temperature: float, generator: torch.Generator, request: Request | None = None
    ) -> tuple[NDArray[np.int64], Graphs]:
        """`n` raw draws: their codes (`n x length`) and the graphs that they decode to."""
        asked = request.bins(n) if request is not None else None
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

    def evaluate(
        self, n: int | EvaluationOptions | None = None, seeds: Sequence[int] | None = None, **settings: Any
    ) -> Quality:
        """Measures raw draws, see `archllm.generation.metrics`.

        Args:
            n: draws per seed, or all options; by default 1,000.
            seeds: one batch of draws each; by default three.
            settings: fields of `EvaluationOptions`: `temperature`.

        Raises:
            InvalidInput: a setting can't be used.
        """
        whole = n if isinstance(n, EvaluationOptions) else None
        given: dict[str, Any] = {"n": None if whole is not None else n, "seeds": seeds}
        given = {name: value for name, value in given.items() if value is not None}
        options = EvaluationOptions.given(whole, given | settings)
        start, most = time.perf_counter(), most_at_once(self.space)
        runs = []
        for seed in options.seeds:
            generator = torch.Generator().manual_seed(seed)
            tally = metrics.Tally(self.space, self.training_keys)
            for at in range(0, options.n, most):
                codes, graphs = self.draw(min(most, options.n - at), options.temperature, generator)
                tally.add(graphs, self.cycles(codes, graphs))
            runs.append(tally.metrics())
        valid = sum(run["valid"] for run in runs) / len(runs)
        expected = metrics.expected_metrics(self.space, options.n, len(self.training_keys), valid)
        fit = self.fit_of_held_out
        return Quality(
            space=self.space.name,
            n=options.n,
            seeds=options.seeds,
            temperature=options.temperature,
            reconstruction=fit["reconstruction"],
            held_out_nats=fit["held_out_nats"],
            ideal_nats=self.space.ideal_nats,
            metrics=metrics.summarise(runs, expected),
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
        corpus = self.corpus.graphs if self.corpus is not None else None
        return split_cells(
            self.space, self.config.split, self.config.cells, self.seed, streamed=streamed, corpus=corpus
        )

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
        if self.corpus is not None:
            self.corpus.save(folder)
        write_text(folder / "metrics.json", json.dumps(self.report, indent=2, allow_nan=False) + "\n")
        seal(folder)


def _sampling(n: int | SamplingOptions, settings: Mapping[str, Any]) -> SamplingOptions:
    """The options of draws, given whole, by keyword, or both."""
    if isinstance(n, SamplingOptions):
        return SamplingOptions.given(n, settings)
    return SamplingOptions.given(None, {"n": n, **settings})


def load(folder: str | Path) -> ArchLLM:
    """The generator saved in a run folder, or of a run on the hub: `hf:OWNER/NAME`, or `hf:OWNER/NAME@REVISION`.

    Raises:
        RunFolderError: the folder is missing, incomplete, damaged, not a run folder, or holds files of another run.
        DataMissing: the hub has no such run, or can't be reached.
    """
    folder = local(folder)
    info: RunInfo = read_info(folder)
    space = read_space(folder, info)
    report = read_report(folder)
    tokenizer = load_tokenizer(folder, space)
    prior = load_prior(folder / "prior", tokenizer.codebook_size, tokenizer.length, tokenizer.end)
    conditions = Conditions.load(folder, prior.conditions) if prior.conditions else None
    corpus = Corpus.load(folder, space) if info.config.corpus else None
    check_seal(folder)  # last: a file that can't be read at all has its own, better message
    return ArchLLM(space, info.config, info.seed, tokenizer, prior, report, conditions, corpus)
