"""Train a tokenizer and a prior on a space."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from archllm.conditional.bins import Conditions
from archllm.conditional.request import COUNTED
from archllm.data.corpus import Corpus
from archllm.data.split import known, split_cells, with_permutations
from archllm.errors import InvalidInput, RunFolderError
from archllm.files import publish
from archllm.generation.config import TrainConfig
from archllm.generation.generator import ArchLLM, load
from archllm.generation.recommended import recommended
from archllm.generation.run_folder import (
    RunInfo,
    check_same,
    check_same_definition,
    check_startable,
    read_interrupted,
    work_folder,
    write_info,
    write_space,
)
from archllm.graphs import Graphs
from archllm.prior import Prior, build_prior, check_language, load_prior
from archllm.spaces import SearchSpace
from archllm.tokenizer import Tokenizer, build_tokenizer, load_tokenizer
from archllm.tokenizer.hints import code_layout
from archllm.training.log import Journal, read_journal
from archllm.training.loop import resolve_device
from archllm.training.processes import ProcessGroup, process_group, started
from archllm.training.progress import Event, Listener
from archllm.workflows.condition_values import ConditionValues
from archllm.workflows.corpus import read_corpus
from archllm.workflows.inputs import as_space
from archllm.workflows.logs import Work, listening
from archllm.workflows.options import TrainOptions
from archllm.workflows.progress import Progress

_log = logging.getLogger(__name__)

_Made = TypeVar("_Made", Tokenizer, Prior)

_USAGE_CELLS = 100_000  # training cells on which reconstruction and codebook usage are measured at most


def train(
    space: SearchSpace | str | TrainOptions,
    config: TrainConfig | None = None,
    seed: int | None = None,
    *,
    progress: Progress = "auto",
    **settings: Any,
) -> ArchLLM:
    """Trains the tokenizer, then the prior, and measures both on held-out architectures.

    Of several processes that `accelerate launch` has started, all call this with the same arguments and get the same
    model. They train the prior together; the tokenizer is trained, and `out` written, by the main one alone, whose
    settings count.

    Args:
        space: the space, its name or its file; or all options at once.
        config: what is learned and how; by default what benchmarks found good for the space.
        seed: seed of the split, the weights and the order of the batches; by default 0.
        progress: whether steps are shown, or a listener that is told of them; of several processes, that of the main
            one.
        settings: further fields of `TrainOptions`: `out`, `device`, `resume`, `overwrite`, `log`.

    Example:
        >>> model = train("nasbench201", out="runs/mine")  # doctest: +SKIP

    Raises:
        InvalidInput: a setting can't be used.
        DataMissing: the table of a condition, or the corpus, is not there.
        DataError: it can't be used.
        ModelUnusable: the pre-trained language model is not there, or can't write codes.
        RunFolderError: `out` exists, there is nothing to resume, or the folder can't be written.
        PeerFailed: another of several processes failed.
    """
    whole = space if isinstance(space, TrainOptions) else None
    given = {"space": None if whole is not None else space, "config": config, "seed": seed}
    given = {name: value for name, value in given.items() if value is not None}
    options = TrainOptions.given(whole, given | settings)
    searched = as_space(options.space)
    options = replace(options, config=options.config or recommended(searched))
    main = started()[0] == 0  # of several processes, one speaks
    with listening(progress, options.log if main else (), Work("train", options)) as listener:
        return _train(options, searched, listener)


def _train(options: TrainOptions, space: SearchSpace, listener: Listener | None) -> ArchLLM:
    asked, out, seed = options.config or recommended(space), options.out, options.seed
    device = resolve_device(options.device)
    check_language(asked.prior, space, asked.tokenizer.codebook_size, code_layout(space).length)
    group = process_group(device)
    settings, seed = group.broadcast(lambda: (asked, seed))

    def begin() -> tuple[ConditionValues, _Work | None, Corpus | None, ArchLLM | None]:
        values = ConditionValues.of(space, settings.conditions)  # what is missing is told before anything is trained
        if settings.labels and not values.tables:
            raise InvalidInput("labels are looked up in tables, and no condition is a column of one (--condition)")
        info = RunInfo(space.name, seed, settings)
        start = _start(space, settings) if settings.start else None
        corpus = read_corpus(Path(settings.corpus), space) if settings.corpus and not options.resume else None
        work = _Work(options, space, info, corpus) if out is not None else None
        return values, work, work.corpus if work is not None else corpus, start

    values, work, corpus, start = group.on_main(begin) or (None, None, None, None)
    corpus = group.broadcast(lambda: corpus)
    if corpus is not None and (corpus.repeats or corpus.strangers):
        _log.warning("%s: %s", settings.corpus, corpus.told)
    try:
        model = _Training(space, settings, seed, group, values, work, listener, corpus, start).run()
    except InvalidInput:
        if work is not None:
            work.give_up()
        raise
    group.on_main(lambda: work.publish(model) if work is not None else None)
    return model


def _start(space: SearchSpace, config: TrainConfig) -> ArchLLM:
    """The run that a training begins with.

    Raises:
        RunFolderError: there is none, or it is damaged.
        InvalidInput: it is of another space, or its tokenizer or the shape of its prior is not what is asked for.
    """
    start = load(config.start)
    if start.space.identity != space.identity:
        raise InvalidInput(
            f"{config.start} is a run of {start.space.name}; a run of {space.name} can begin with its own"
        )
    if start.conditions is not None:
        raise InvalidInput(f"{config.start} was trained on conditions; a corpus is learned by a run without any")
    asked, theirs = asdict(config), asdict(start.config)
    fixed = {f"tokenizer.{name}": (value, asked["tokenizer"][name]) for name, value in theirs["tokenizer"].items()}
    shape = ("kind", "width", "layers", "heads", "dropout", "unigram_init", "base", "format", "tuning", "rank")
    fixed |= {f"prior.{name}": (theirs["prior"][name], asked["prior"][name]) for name in shape}
    for name, (found, wanted) in fixed.items():
        if found != wanted:
            raise InvalidInput(f"{name} is {found!r} in {config.start}, which the training begins with, not {wanted!r}")
    return start


class _Training:
    """One training, in one process or several; only the main one has values of conditions and a folder to work in."""

    def __init__(
        self,
        space: SearchSpace,
        config: TrainConfig,
        seed: int,
        group: ProcessGroup,
        values: ConditionValues | None,
        work: _Work | None,
        listener: Listener | None,
        corpus: Corpus | None,
        start: ArchLLM | None,
    ) -> None:
        self.space, self.config, self.seed = space, config, seed
        self.group, self.values, self.work = group, values, work
        self.corpus, self.start = corpus, start
        self.clock = _Clock(listener, work)

    def run(self) -> ArchLLM:
        space, config, seed = self.space, self.config, self.seed
        corpus = self.corpus.graphs if self.corpus is not None else None
        cells = split_cells(space, config.split, config.cells, seed, streamed=not config.conditions, corpus=corpus)
        # Cells are put aside, not sequences: all orders of a cell stay on one side.
        aside = _validation_cells(config, len(cells.train))
        written = with_permutations(space, cells.train[aside:], config.permutations, seed)
        known_values = self.group.broadcast(
            lambda: self._known(cells.train)
        )  # says what is wrong with them before long work
        tokenizer = self._tokenizer(written)

        def codes_of(graphs: Graphs) -> NDArray[np.int64]:
            """Codes to learn from; of members that the tokenizer can't write there are none."""
            found = tokenizer.encode_as_written(with_permutations(space, graphs, config.permutations, seed))
            # conditions go row by row
            return found if config.conditions else found[tokenizer.told(found)]

        def sequences() -> tuple[NDArray[np.int64], NDArray[np.int64], Conditions | None, NDArray[np.int64]]:
            codes, keys = [codes_of(cells.train[aside:])], [known(space, cells.train)]
            for chunk in cells.further or ():
                codes.append(codes_of(chunk))
                keys.append(space.keys(chunk))
            validation = codes_of(cells.train[:aside])
            if not sum(map(len, codes)):
                raise InvalidInput(
                    f"the tokenizer can write none of the {len(cells.train):,} architectures: they are unlike all that "
                    "it was trained on; train without --start"
                )
            conditions = self._conditions(tokenizer, cells.train, known_values)
            return np.concatenate(codes), validation, conditions, np.unique(np.concatenate(keys))

        codes, validation, conditions, keys = self.group.broadcast(sequences)
        prior = self._prior(tokenizer, codes, validation, conditions, aside)

        model = ArchLLM(space, config, seed, tokenizer, prior, conditions=conditions, corpus=self.corpus)
        model.cells, model.training_keys = cells, keys
        model.report = self.group.broadcast(lambda: _report(model, codes, self.clock))
        return model

    def _tokenizer(self, written: Graphs) -> Tokenizer:
        tokenizer = self.group.on_main(lambda: self._own_tokenizer(written))
        return self._shared_folder(tokenizer, lambda folder: load_tokenizer(folder, self.space))

    def _own_tokenizer(self, written: Graphs) -> Tokenizer:
        work, clock = self.work, self.clock
        if work is not None and (work.folder / "tokenizer.json").exists():
            return load_tokenizer(work.folder, self.space).to(self.group.device)
        if self.start is not None:
            tokenizer: Tokenizer = self.start.tokenizer.to(self.group.device)
        else:
            tokenizer = build_tokenizer(self.space, self.config.tokenizer).to(self.group.device)
            tokenizer.fit(written, self.seed, clock.start("tokenizer"), work.checkpoint("tokenizer") if work else None)
            clock.stop("tokenizer")
        if work is not None:
            tokenizer.save(work.folder)
        return tokenizer

    def _known(self, cells: Graphs) -> NDArray[np.float64] | None:
        if not self.config.conditions or self.values is None:
            return None
        return self.values.known(cells, self.config.labels, self.seed)

    def _conditions(self, tokenizer: Tokenizer, cells: Graphs, known: NDArray[np.float64] | None) -> Conditions | None:
        if known is None or self.values is None:
            return None
        config = self.config
        values = self.values.completed(tokenizer, cells, known, self.seed)
        fine, coarse = config.prior.bins, min(config.levels, config.prior.bins)
        bins = [fine if text in COUNTED else coarse for text in config.conditions]
        return Conditions.of(config.condition_names, values, bins)

    def _prior(
        self,
        tokenizer: Tokenizer,
        codes: NDArray[np.int64],
        validation: NDArray[np.int64],
        conditions: Conditions | None,
        aside: int,
    ) -> Prior:
        config, work, clock = self.config, self.work, self.clock
        size, length, end = tokenizer.codebook_size, tokenizer.length, tokenizer.end
        saved = work.folder / "prior" if work is not None else None
        if self.group.broadcast(lambda: saved is not None and (saved / "prior.json").exists()):
            done = self.group.on_main(lambda: load_prior(saved or Path(), size, length, end).to(self.group.device))
            return self._shared_folder(done, lambda folder: load_prior(folder, size, length, end))
        names = config.condition_names
        prior = self._beginning(build_prior(config.prior, size, length, names, self.space.name, end=end))
        told = conditions.bins(conditions.values) if conditions is not None else None
        prior.fit(
            codes,
            validation,
            self.seed,
            clock.start("prior"),
            work.checkpoint("prior") if work else None,
            conditions=np.tile(told[aside:], (config.permutations, 1)) if told is not None else None,
            validation_conditions=np.tile(told[:aside], (config.permutations, 1)) if told is not None else None,
            group=self.group,
            **({"fresh": False} if config.start else {}),
        )
        clock.stop("prior")
        if saved is not None:
            prior.save(saved)
        return prior

    def _beginning(self, prior: Prior) -> Prior:
        """The prior with the weights to begin with: those of the run that is named, if one is."""
        if not self.config.start:
            return prior.to(self.group.device)
        start = self.start.prior if self.start is not None else None
        size, length, end = prior.codebook_size, prior.length, prior.end
        begun = self._shared_folder(start, lambda folder: load_prior(folder, size, length, end))
        begun.config = prior.config
        return begun.to(self.group.device)

    def _shared_folder(self, made: _Made | None, load: Callable[[Path], _Made]) -> _Made:
        """What the main process has, in all processes."""
        if made is not None and self.group.size == 1:
            return made
        with self.group.shared_folder(lambda folder: made.save(folder) if made is not None else None) as folder:
            return made if made is not None else load(folder).to(self.group.device)


def _validation_cells(config: TrainConfig, training: int) -> int:
    """How many of the training cells, the first ones, decide when to stop instead of being trained on."""
    return max(1, int(training * config.prior.validation))


def _report(model: ArchLLM, codes: NDArray[np.int64], clock: _Clock) -> dict[str, Any]:
    """`metrics.json`: what the training measured."""
    used, perplexity = model.tokenizer.usage(codes)
    held_out = model.tokenizer.encode(model.cells.held_out[:_USAGE_CELLS])
    held_out_used, held_out_perplexity = model.tokenizer.usage(held_out)
    fit = model.fit_of_held_out
    aside = _validation_cells(model.config, len(model.cells.train))
    return {
        "space": model.space.name,
        "reconstruction": fit["reconstruction"],
        "train_reconstruction": model.tokenizer.reconstruction(model.cells.train[aside : aside + _USAGE_CELLS]),
        "held_out_nats": fit["held_out_nats"],
        "ideal_nats": model.space.ideal_nats,
        "code_length": model.tokenizer.length,
        "codebook": {
            "size": model.tokenizer.capacity,
            "used": used,
            "perplexity": perplexity,
            "held_out_used": held_out_used,
            "held_out_perplexity": held_out_perplexity,
        },
        "cells": {"train": len(model.training_keys), "held_out": len(model.cells.held_out)},
        "seconds": {name: round(clock.seconds.get(name, 0.0), 2) for name in ("tokenizer", "prior")},
        "parameters": {"tokenizer": model.tokenizer.parameters(), "prior": model.prior.parameters()},
    }


class _Clock:
    """Passes events on with the seconds of their stage, earlier parts of an interrupted run included."""

    def __init__(self, listener: Listener | None, work: _Work | None) -> None:
        self.listener = listener
        self.journal = work.journal if work is not None else None
        self.seconds: dict[str, float] = {}
        for record in read_journal(work.folder) if work is not None else []:
            self.seconds[record["stage"]] = float(record["seconds"])
        self._since = 0.0

    def start(self, stage: str) -> Callable[[Event], None]:
        self._since = time.perf_counter() - self.seconds.get(stage, 0.0)

        def hear(event: Event) -> None:
            if self.journal is not None:
                self.journal(event, time.perf_counter() - self._since)
            if self.listener is not None:
                self.listener(event)

        return hear

    def stop(self, stage: str) -> None:
        self.seconds[stage] = time.perf_counter() - self._since


class _Work:
    """The folder in which a run grows, beside its final place."""

    def __init__(self, options: TrainOptions, space: SearchSpace, info: RunInfo, corpus: Corpus | None) -> None:
        assert options.out is not None
        self.corpus = corpus
        out = self.out = options.out
        self.overwrite = options.overwrite
        self.folder = work_folder(out)
        if options.resume:
            check_same(out, read_interrupted(out), info)
            check_same_definition(self.folder, info, space)
            self.corpus = Corpus.load(self.folder, space) if info.config.corpus else None
        else:
            check_startable(out, self.overwrite)
            shutil.rmtree(self.folder, ignore_errors=True)
            try:
                self.folder.mkdir(parents=True)
            except OSError as error:
                raise RunFolderError(f"can't create {self.folder}: {error.strerror}") from error
            write_info(self.folder, info)
            write_space(self.folder, space)
            if corpus is not None:
                corpus.save(self.folder)
        self.journal = Journal(self.folder)

    def give_up(self) -> None:
        """Removes the folder if no step was done, so that a corrected command can start."""
        if not self.journal.path.exists():
            shutil.rmtree(self.folder, ignore_errors=True)

    def checkpoint(self, stage: str) -> Path:
        return self.folder / f"checkpoint-{stage}"

    def publish(self, model: ArchLLM) -> None:
        from archllm.reporting.figures import write_figures

        self.journal.settle()
        model.write_into(self.folder)
        write_figures(self.folder, model)
        for path in self.folder.glob("checkpoint-*"):
            path.unlink()
        publish(self.folder, self.out, self.overwrite)
