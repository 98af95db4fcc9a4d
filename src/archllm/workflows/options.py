"""The options of every command, for the command line, Python and TOML files alike.

A docstring is the help of the command line. Nothing here imports numpy or torch, so help comes at once.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from archllm.classifier.config import FitRequest
from archllm.config import Bounds, Option, Seed, Settings, written
from archllm.errors import InvalidInput
from archllm.generation.config import EvaluationOptions, Requirements, SamplingOptions, TrainConfig
from archllm.objectives.candidate import CandidateTraining

if TYPE_CHECKING:
    from archllm.objectives import Objective
    from archllm.predictor.knowledge import Source
    from archllm.searchers.base import Searcher
    from archllm.spaces import Architecture, SearchSpace
    from archllm.training.progress import Listener

    Log: TypeAlias = str | Listener
    Arch: TypeAlias = str | Architecture
    Space: TypeAlias = str | SearchSpace
    Goal: TypeAlias = str | Objective | Callable[[Any], float]
    Method: TypeAlias = str | type[Searcher]
    OtherTask: TypeAlias = str | Source
else:  # the classes themselves are looked at where they are used
    Arch = Space = Goal = Log = Method = OtherTask = str | object

NetworkOptions: TypeAlias = Annotated[dict[str, Any] | tuple[str, ...], Option("KEY=VALUE")]
"""Fields of a space's network setting."""

Logs: TypeAlias = Annotated[tuple[Log, ...], Option("SPEC", each=True)]
"""Where long work is logged."""


@dataclass(frozen=True, kw_only=True)
class SampleOptions(SamplingOptions):
    """Options of `archllm sample`.

    Example:
        >>> SampleOptions(run=Path("runs/a"), n=5).n
        5
    """

    run: Annotated[Path, Option("RUN", positional=True)]
    """Run folder, or hf:OWNER/NAME for a run on the hub."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(EvaluationOptions):
    """Options of `archllm evaluate`.

    Example:
        >>> EvaluateOptions(run=Path("runs/a"), n=100).seeds
        (0, 1, 2)
    """

    run: Annotated[Path, Option("RUN", positional=True)]
    """Run folder, or hf:OWNER/NAME for a run on the hub."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Settings):
    """Options of `archllm train` that do not change what is learned, but for the seed; those that do are `config`.

    Example:
        >>> TrainOptions(space="nasbench201", out=Path("runs/a")).seed
        0
    """

    space: Annotated[Space, Option("SPACE", positional=True)]
    """The search space, or the path of a space file; `archllm spaces` lists the spaces."""

    out: Annotated[Path | None, Option("RUN", needed=True)] = None
    """Run folder to write; it appears when it is complete."""

    seed: Seed = 0
    """Seed of the split, the weights and the order of the batches. One seed on one machine gives one result."""

    device: str = "auto"
    """Where to compute: cpu, cuda, or auto for a GPU where there is one."""

    resume: bool = False
    """Go on with an interrupted training to RUN, with its settings; the result is that of an uninterrupted one."""

    overwrite: bool = False
    """Replace an existing run folder once the new run is complete; an interrupted training to it is discarded."""

    log: Logs = ()
    """Where steps are logged, too: csv:FILE, tensorboard:DIR, mlflow:URI, or python:MODULE:FUNCTION, which is called
    with an Event; may be repeated."""

    config: Annotated[TrainConfig | None, Option(flat=True)] = None
    """What is learned and how; by default what benchmarks found good for the space, see `recommended`."""

    def _check_together(self) -> None:
        if self.out is None and (self.resume or self.overwrite):
            raise InvalidInput("resume and overwrite are of a run folder; name it (out)")


@dataclass(frozen=True, kw_only=True)
class _Searching(Settings):
    """What a search and a comparison of searches have in common."""

    space: Annotated[Space | None, Option("SPACE")] = None
    """The space to search, where there is no run folder."""

    objective: Annotated[tuple[Goal, ...], Option("SPEC", each=True)]
    """Where a score comes from; name several to search for a Pareto front."""

    budget: Annotated[int, Bounds(1), Option("N")]
    """Different architectures that each search evaluates, those of an interrupted one and failed ones included."""

    where: Requirements = ()
    """Requirements that architectures must meet to be evaluated: "params <= 1e6", "macs in [1e7, 5e7]"; may be
    repeated."""

    workers: Annotated[int | str | None, Option("WHERE")] = None
    """Where evaluations run: own (this process), a number of processes, ray, or ray://HOST:PORT; by default own, or one
    process if the objective is a function of yours, as it may hang. With several, a method hears of scores in the order
    in which they come, so one seed gives other trials than with one."""

    time_limit: Annotated[float | None, Bounds(above=0), Option("SECONDS")] = None
    """How long one evaluation may take, for objectives that take time; by default an hour."""

    network: NetworkOptions = ()
    """The networks that are scored, counted, shown and exported: fields of the space's network setting, such as
    `channels=16 cells=2`; by default those of the objective, or of the space's paper."""

    reuse: bool = True
    """Take over evaluations of other studies in the store, where the objectives' settings and data are the same."""

    transfer: Annotated[tuple[OtherTask, ...], Option("SOURCE", each=True)] = ()
    """Scores of another task to begin with, for the methods sequence and gp: table:TABLE/METRIC, or STORE#STUDY, an
    earlier search of yours; may be repeated. In a comparison, NAME=SOURCE is for one method alone."""

    train: CandidateTraining = field(default_factory=CandidateTraining)
    """How `train:` trains a candidate; what the objective sets itself, `train:photos?epochs=20`, goes first."""

    def _check_together(self) -> None:
        if not self.objective:
            raise InvalidInput("a search needs at least one objective")


@dataclass(frozen=True, kw_only=True)
class SearchOptions(_Searching):
    """Options of `archllm search`.

    Example:
        >>> SearchOptions(space="nasbench201", objective=("params",), budget=10).resume
        False
    """

    run: Annotated[Path | None, Option("RUN", positional=True)] = None
    """Run folder of a trained generator, or hf:OWNER/NAME, for methods that use one; its space is searched, and trials
    are kept in the folder."""

    method: Annotated[Method | None, Option("METHOD")] = None
    """Search method: sequence, random, largest, local, evolution, gp, halving, ensemble, latent; optuna:tpe, optuna:gp,
    optuna:nsga2, smac:hpo or nevergrad:ngopt of other libraries (extra peers); or python:MODULE:CLASS for one of yours.
    By default sequence where there is a run folder, and gp where there is none."""

    options: Annotated[dict[str, Any] | tuple[str, ...], Option("KEY=VALUE", name="set")] = ()
    """Options of the method."""

    seed: Seed = 0
    """Seed of the method."""

    store: Annotated[str | Path | None, Option("URL")] = None
    """Where trials are kept: an SQLite file, or postgresql+psycopg://USER@HOST/DATABASE; by default search.db in the
    run folder, or search-SPACE.db here."""

    study: Annotated[str | None, Option("NAME")] = None
    """Name of this search in its store; by default METHOD-OBJECTIVE-SEED."""

    resume: bool = False
    """Go on with the search that is in the store, or help a process that works on it."""

    batch: Annotated[int, Bounds(1)] = 1
    """Architectures that the method is asked for at once, at least."""

    log: Logs = ()
    """Where trials are logged as they end, too: csv:FILE, tensorboard:DIR, mlflow:URI, or python:MODULE:FUNCTION, which
    is called with an Event; may be repeated."""


@dataclass(frozen=True, kw_only=True)
class CompareOptions(_Searching):
    """Options of `archllm compare`.

    Example:
        >>> options = CompareOptions(
        ...     space="nasbench201", objective=("params",), methods=("random", "gp"), seeds=2, budget=9, out=Path("out")
        ... )
        >>> options.until_best
        False
    """

    run: Annotated[Path | None, Option("RUN")] = None
    """Run folder of a trained generator, or hf:OWNER/NAME, for methods that need one."""

    methods: Annotated[tuple[Method, ...], Option("METHOD")]
    """Methods to compare, see `archllm search --method`; NAME=METHOD compares one under another name, as with other
    options."""

    seeds: Annotated[int, Bounds(1), Option("N")]
    """Searches of each method, with seeds from 0."""

    options: Annotated[dict[str, Any] | tuple[str, ...], Option("NAME.KEY=VALUE", name="set")] = ()
    """Options of the methods."""

    until_best: bool = False
    """End a search as soon as it has found the best there is; for one objective whose scores are looked up."""

    resume: bool = False
    """Go on with the comparison in the folder; more methods, seeds or evaluations are added to it."""

    out: Annotated[Path, Option("DIR")]
    """Folder to write."""


@dataclass(frozen=True, kw_only=True)
class ReportOptions(Settings):
    """Options of `archllm report`.

    Example:
        >>> ReportOptions(run="runs/mine").study is None
        True
    """

    run: Annotated[str | Path, Option("RUN", positional=True)]
    """Run folder of a generator, or hf:OWNER/NAME, folder of a comparison, or a store of trials: an SQLite file, or
    postgresql+psycopg://USER@HOST/DATABASE."""

    study: Annotated[str | None, Option("NAME")] = None
    """Which search of the store; by default the latest that is not random search."""

    space: Annotated[str | Path | None, Option("FILE")] = None
    """Space file of a store whose trials are of a custom space; a run folder has its own."""

    out: Annotated[Path | None, Option("FILE")] = None
    """File to write; by default report.html in the folder, or a file beside the store; in the working directory where
    these may not be written. An existing one is replaced."""


@dataclass(frozen=True, kw_only=True)
class ExportOptions(Settings):
    """Options of `archllm export`."""

    arch: Annotated[Arch, Option("ARCH", positional=True)]
    """Text of the architecture, or a trial of a search, STORE[:STUDY[:TRIAL]]: by default the best one of the latest
    study, TRIAL being the number that `archllm trials` and reports tell; on the command line, `-` reads the text from
    stdin and `@FILE` from a file."""

    space: Annotated[Space | None, Option("SPACE")] = None
    """The space it is of; a trial of a built-in space or of a run folder tells it."""

    to: Literal["python", "torch", "onnx", "executorch", "tflite"] | None = None
    """`python`: one file that needs torch alone; `torch`: a torch.export program; `onnx`: any batch size; `executorch`
    and `tflite`, for phones: one image. By default as FILE ends: .py, .pt2, .onnx, .pte or .tflite."""

    out: Annotated[Path, Option("FILE")]
    """File to write; an existing one is replaced."""

    num_classes: Annotated[int | None, Bounds(1), Option("INT")] = None
    """Classes that the network tells apart; this and what follows is by default as the study of a trial has it, else as
    in the space's paper."""

    in_channels: Annotated[int | None, Bounds(1), Option("INT")] = None
    """Channels of the images: 3 for colour, 1 for grey."""

    image_size: Annotated[int | None, Bounds(1), Option("INT")] = None
    """Height and width of the images in pixels."""

    channels: Annotated[int | None, Bounds(1), Option("INT")] = None
    """Channels of the first cells."""

    network: Annotated[dict[str, Any] | tuple[str, ...], Option("KEY=VALUE", short="--set")] = ()
    """Any fields of the space's network setting, such as `cells=1` or, for DARTS, `layers=8`."""

    weights: Annotated[Path | None, Option("FILE")] = None
    """Weights to put in, a safetensors file; by default fresh ones. `--to python` writes them beside its file."""

    seed: Seed = 0
    """Seed of fresh weights."""

    opset: Annotated[int | None, Bounds(15), Option("N")] = None
    """Version of ONNX' operators, for older runtimes; by default that of torch's exporter."""


@dataclass(frozen=True, kw_only=True)
class FitOptions(FitRequest):
    """Options of `archllm fit`.

    Example:
        >>> FitOptions(data="photos", minutes=20, max_params="300k", out="runs/photos").limits.params
        300000.0
    """

    out: Annotated[Path, Option("RUN")]
    """Run folder to write: model.onnx, model.py with model.safetensors, model.pt2, report.html, and what --also asks
    for."""

    resume: bool = False
    """Go on with an interrupted fit in RUN; the time that it took counts."""

    log: Logs = ()
    """Where its course is logged, too: csv:FILE, tensorboard:DIR, mlflow:URI, or python:MODULE:FUNCTION, which is
    called with an Event; may be repeated."""


@dataclass(frozen=True, kw_only=True)
class PredictOptions(Settings):
    """Options of `archllm predict`.

    Example:
        >>> PredictOptions(run="runs/photos", images=("new/1.jpg", "new/2.jpg")).images[1].name
        '2.jpg'
    """

    run: Annotated[Path, Option("RUN", positional=True)]
    """Run folder of a fit, or a model.onnx of one."""

    images: Annotated[tuple[Path, ...], Option("IMAGE", positional=True)]
    """Files of images: PNG, JPEG, WebP, BMP, TIFF."""

    csv: Annotated[Path | None, Option("FILE")] = None
    """Table to write: file, class, and the probability of each class; an existing one is replaced."""


@dataclass(frozen=True, kw_only=True)
class UiOptions(Settings):
    """Options of `archllm ui`.

    Example:
        >>> UiOptions(folder="runs").host
        '127.0.0.1'
    """

    folder: Annotated[Path, Option("FOLDER", positional=True)] = Path()
    """Folder that holds runs and stores of trials; the page shows what is in it, and nothing else."""

    port: Annotated[int | None, Bounds(0, 65_535), Option("P")] = None
    """Port to listen at; by default 8760, or the next one that is free."""

    host: str = "127.0.0.1"
    """Address to listen at. Any but this machine's own lets others in: it takes --token-file, and nothing that is sent
    is encrypted."""

    token_file: Annotated[Path | None, Option("FILE")] = None
    """File that holds the token of the address, readable by you alone; by default a new token for each start."""

    open: bool = False
    """Open the page in your browser."""


@dataclass(frozen=True, kw_only=True)
class DemoOptions(Settings):
    """Options of `archllm demo`."""

    out: Annotated[Path, Option("RUN")] = Path("runs/demo-nasbench201")
    """Run folder to write; one that an earlier demo wrote is replaced, anything else is left alone."""

    seed: Seed = 0
    """Seed of the training."""


def command_line(command: str, options: Settings) -> str:
    """The command line that stands for options: what is at its default is left out.

    Objects that a command line can't hold, such as a function, are written as they are called.

    Example:
        >>> command_line("search", SearchOptions(space="darts", objective="params", budget=9, resume=True))
        'archllm search --space darts --objective params --budget 9 --resume'
        >>> command_line("fit", FitOptions(data="photos", minutes=5, out="runs/photos"))
        'archllm fit photos --minutes 5 --out runs/photos'
    """
    return shlex.join(["archllm", command, *written(options, _called)])


def _called(value: object) -> str:
    if isinstance(value, str | Path | int | float):  # a path has a name, too, which is a part of it
        return str(value).removesuffix(".0")
    for name in ("spec", "name", "__name__"):
        if isinstance(found := getattr(value, name, None), str):
            return found
    return str(value)
