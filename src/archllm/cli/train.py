"""`archllm train`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from archllm.cli.command import LongCommand
from archllm.cli.console import Console, duration, fields
from archllm.cli.parsing import file_values, option, options, positional
from archllm.config import Option, read_toml
from archllm.errors import InvalidInput
from archllm.generation.config import TrainConfig
from archllm.generation.hub import local
from archllm.generation.recommended import PRESETS, base_of, recommended, recommended_for_corpus
from archllm.generation.run_folder import RunInfo, check_same, check_startable, read_info, read_interrupted
from archllm.training.processes import started
from archllm.workflows.options import TrainOptions

_FAITHFUL = 0.9  # share of held-out cells that a tokenizer must give back for the likelihood of the prior to count


@dataclass(frozen=True, kw_only=True)
class Train(LongCommand):
    """Train a tokenizer and a prior on a space, and write a run folder.

    Defaults are those that benchmarks found good for SPACE: name it before --help to see them. What counts is an
    option; else the configuration file; else the recommended value, its steps scaled by the preset.
    """

    prior: Annotated[str, Option("code|MODEL")] = "code"
    """The language model of the codes: `code` for a small one from scratch, or a pre-trained one to fine-tune: its
    folder, a GGUF file, or its name on the hub."""

    preset: Literal["quick", "standard", "thorough"] = "standard"
    """How long to train: about a third of the recommended steps (150 at least), those, or three times as many."""

    options: Annotated[TrainOptions, Option(flat=True)]

    @classmethod
    def defaults(cls, words: Sequence[str]) -> dict[str, Any]:
        """Those for the space, split, preset, file and interrupted run that the words name."""
        asks_help = bool({"-h", "--help"} & set(words))
        file = option(words, "config")
        data = read_toml(Path(file), "train") if file is not None else {}
        heads = {name: data[name] for name in ("prior", "preset") if isinstance(data.get(name), str)}
        values = file_values(cls, {name: data[name] for name in data if name not in heads}, str(file)) | heads
        given = values.setdefault("options", {})
        name, out = positional(words, cls) or given.get("space"), option(words, "out") or given.get("out")
        main = started()[0] == 0  # of several processes, the main one's settings count
        fresh = asks_help or bool(option(words, "preset") or file)
        if "--resume" in words and out and main and not fresh:
            interrupted = read_interrupted(Path(out))
            config = interrupted.config
            prior = option(words, "prior")
            if prior is not None:  # another one than before is then told of as any other changed setting
                base = base_of(prior)
                config = replace(config, prior=replace(config.prior, kind="text" if base else "code", base=base))
            return {"options": {"seed": interrupted.seed, "config": config}}
        if name is not None and not (asks_help and not _known(name)):
            chosen = given.get("config", {})
            try:
                config = TrainConfig.from_mapping(chosen, default=_recommended(name, words, values, chosen))
            except InvalidInput as error:
                raise InvalidInput(f"{file}: {error}" if chosen else str(error)) from error
            given["config"] = config
        return values

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.spaces import load_space

        asked = self.options
        space = load_space(str(asked.space))
        if started()[0] == 0:
            self._check_out(space.name)
        from archllm.workflows.train import train

        run = shlex.quote(str(asked.out))
        try:
            with console.progress() as listener:
                model = train(replace(asked, space=space), progress=listener)
        except KeyboardInterrupt:
            console.note(f"Go on with: archllm train {shlex.quote(str(asked.space))} --out {run} --resume")
            raise
        report = model.report
        console.document({"run": str(asked.out), **report})
        parameters, seconds = report["parameters"], report["seconds"]
        cells, codebook = report["cells"], report["codebook"]
        parts = ("tokenizer", "prior")
        pairs = {
            "run": str(asked.out),
            "space": f"{space.name}, {cells['train']:,} cells to train on, {cells['held_out']:,} held out",
            "reconstruction": f"{report['reconstruction']:.2%} of held-out cells",
            "likelihood": f"{report['held_out_nats']:.3f} nats per held-out cell "
            f"({model.config.yardstick} {report['ideal_nats']:.3f})",
            "codebook": f"{codebook['used']} of {codebook['size']} codes in use, perplexity "
            f"{codebook['perplexity']:.1f}, {report['code_length']} codes per cell",
            "parameters": ", ".join(f"{part} {parameters[part]:,}" for part in parts),
            "time": ", ".join(f"{part} {duration(seconds[part])}" for part in parts),
        }
        for line in fields(pairs):
            console.say(line)
        if report["reconstruction"] < _FAITHFUL:
            console.note(
                f"The tokenizer gives back only {report['reconstruction']:.1%} of held-out cells, so the likelihood "
                "means little; train it longer (--tokenizer.steps)."
            )
        console.say()
        console.say(f"Try next: archllm evaluate {run} -n 1000")

    def _check_out(self, space: str) -> None:
        """Tells what can be told of the run folder before the slow import."""
        asked = self.options
        out, config = asked.out or Path(), asked.config or TrainConfig()
        if asked.resume:
            check_same(out, read_interrupted(out), RunInfo(space, asked.seed, config))
        else:
            check_startable(out, asked.overwrite)


def _known(name: str) -> bool:
    from archllm.spaces.registry import is_file_name, is_name

    return is_name(name) or (is_file_name(name) and Path(name).is_file())


def _recommended(name: str, words: Sequence[str], values: dict[str, Any], chosen: dict[str, Any]) -> TrainConfig:
    """The recommended configuration for what words and file ask for, scaled by the preset."""
    from archllm.spaces import load_space

    prior, preset = (option(words, each) or values.get(each) for each in ("prior", "preset"))
    split = _share(option(words, "split")) or chosen.get("split") or TrainConfig().split
    conditions = tuple(options(words, "condition")) or chosen.get("conditions") or ()
    corpus, start = (option(words, each) or chosen.get(each, "") for each in ("corpus", "start"))
    if start:
        config = read_info(local(start)).config
    else:
        config = recommended(load_space(name), split, base_of(prior or "code"), conditions)
    if corpus and not (prior and prior != "code"):
        config = recommended_for_corpus(config, corpus, start)
    return config.scaled(PRESETS.get(preset or "standard", 1.0))


def _share(value: str | None) -> float | None:
    """The value as a share; what is none is left for later checks to refuse."""
    try:
        share = float(value or "")
    except ValueError:
        return None
    return share if 0 < share < 1 else None
