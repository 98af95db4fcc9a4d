"""`archllm train`."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tyro

from archllm.cli.command import Command, Switch, use_threads
from archllm.cli.console import Console, duration
from archllm.cli.console import fields as columns
from archllm.errors import InvalidInput
from archllm.generation.recommended import PRESETS, base_of, recommended
from archllm.generation.run_folder import (
    RunInfo,
    TrainConfig,
    check_same,
    check_startable,
    config_from_dict,
    read_interrupted,
)
from archllm.training.processes import started

_FAITHFUL = 0.9  # share of held-out cells that a tokenizer must give back for the figures of the prior to count


@dataclass(frozen=True, kw_only=True)
class Train(Command):
    """Train a tokenizer and a prior on a space, and write a run folder.

    Defaults are those that benchmarks found good for SPACE: name it before --help to see them. What counts is an
    option; else the configuration file; else the recommended value, its steps scaled by the preset.
    """

    space: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SPACE")]
    """The search space, or the path of a space file; `archllm spaces` lists the spaces."""

    out: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """Run folder to write; it appears when it is complete."""

    seed: int = 0
    """Seed of the split, the weights and the order of the batches."""

    prior: Annotated[str, tyro.conf.arg(metavar="code|MODEL")] = "code"
    """The language model of the codes: `code` for a small one from scratch, or a pre-trained one to fine-tune: its
    folder, a GGUF file, or its name on the hub."""

    preset: Literal["quick", "standard", "thorough"] = "standard"
    """How long to train: about a third of the recommended steps (150 at least), those, or three times as many."""

    config_file: Annotated[Path | None, tyro.conf.arg(name="config", metavar="FILE.toml")] = None
    """TOML file with the options below, or the config.toml of another run."""

    threads: int = 1
    """Threads to compute with; results depend on it, `archllm doctor` tells which number is fastest."""

    device: str = "auto"
    """Where to compute: cpu, cuda, or auto for a GPU where there is one."""

    resume: Switch = False
    """Go on with an interrupted training to RUN, with its settings."""

    overwrite: Switch = False
    """Replace an existing run folder once the new run is complete; an interrupted training to it is discarded."""

    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)

    @classmethod
    def defaults(cls, words: list[str]) -> Self:
        """The defaults for the space, split, preset, file and interrupted run that the words name."""
        switches, asks_help = _switches(), bool({"-h", "--help"} & set(words))
        name, out = positional(words, switches), option(words, "out")
        seed, config = 0, TrainConfig()
        main = started()[0] == 0  # of several processes, the main one's settings count
        fresh = asks_help or bool(option(words, "preset") or option(words, "config"))
        if "--resume" in words and out and main and not fresh:
            interrupted = read_interrupted(Path(out))
            seed, config = interrupted.seed, interrupted.config
            prior = option(words, "prior")
            if prior is not None:  # another one than before is then told of as any other changed setting
                base = base_of(prior)
                config = replace(config, prior=replace(config.prior, kind="text" if base else "code", base=base))
        elif name is not None and not (asks_help and not _known(name)):
            conditions = options(words, "condition")
            asked = {key: option(words, key) for key in ("split", "preset", "config", "prior")}
            config = _config(name, asked["split"], asked["preset"], asked["config"], asked["prior"], conditions)
        if options(words, "condition"):
            config = replace(config, conditions=())  # the parser adds those of the command line to these
        return cls(space=tyro.MISSING, out=tyro.MISSING, seed=seed, config=config)

    def run(self, console: Console) -> None:
        use_threads(self.threads)
        from archllm.data.split import check_seed, check_split
        from archllm.spaces import load_space

        space = load_space(self.space)
        check_seed(self.seed)
        check_split(self.config.split)
        if started()[0] == 0:
            self._check_out(space.name)
        from archllm.workflows.train import train

        run = shlex.quote(str(self.out))
        try:
            with console.progress() as listener:
                model = train(
                    space,
                    self.config,
                    self.seed,
                    out=self.out,
                    resume=self.resume,
                    overwrite=self.overwrite,
                    device=self.device,
                    listener=listener,
                )
        except KeyboardInterrupt:
            console.note(f"Go on with: archllm train {shlex.quote(self.space)} --out {run} --resume")
            raise
        report = model.report
        console.document({"run": str(self.out), **report})
        parameters, seconds = report["parameters"], report["seconds"]
        cells, codebook = report["cells"], report["codebook"]
        parts = ("tokenizer", "prior")
        pairs = {
            "run": str(self.out),
            "space": f"{space.name}, {cells['train']:,} cells to train on, {cells['held_out']:,} held out",
            "reconstruction": f"{report['reconstruction']:.2%} of held-out cells",
            "likelihood": f"{report['held_out_nats']:.3f} nats per held-out cell (ideal {report['ideal_nats']:.3f})",
            "codebook": f"{codebook['used']} of {codebook['size']} codes in use, perplexity "
            f"{codebook['perplexity']:.1f}, {report['code_length']} codes per cell",
            "parameters": ", ".join(f"{part} {parameters[part]:,}" for part in parts),
            "time": ", ".join(f"{part} {duration(seconds[part])}" for part in parts),
        }
        for line in columns(pairs):
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
        if self.resume:
            check_same(self.out, read_interrupted(self.out), RunInfo(space, self.seed, self.config))
        else:
            check_startable(self.out, self.overwrite)


def positional(words: list[str], switches: frozenset[str]) -> str | None:
    """The first word that is neither an option nor the value of one; `switches` are the options without a value."""
    value = False
    for word in words:
        if value:
            value = False
        elif word.startswith("--"):
            value = "=" not in word and word not in switches
        elif not word.startswith("-"):
            return word
    return None


def option(words: list[str], name: str) -> str | None:
    """The value of the option, the last one where it is repeated; `None` where it is not there."""
    found = None
    for word, following in zip(words, [*words[1:], None], strict=True):
        if word == f"--{name}":
            found = following
        elif word.startswith(f"--{name}="):
            found = word.partition("=")[2]
    return found


def options(words: list[str], name: str) -> list[str]:
    """All values of an option that may be repeated."""
    found = []
    for word, following in zip(words, [*words[1:], None], strict=True):
        if word == f"--{name}" and following is not None:
            found.append(following)
        elif word.startswith(f"--{name}="):
            found.append(word.partition("=")[2])
    return found


def _switches() -> frozenset[str]:
    names = {"--help", "--json", "--debug"}

    def collect(kind: type, prefix: str) -> None:
        for entry in fields(kind):
            flag = f"{prefix}{entry.name.replace('_', '-')}"
            default = entry.default_factory() if callable(entry.default_factory) else entry.default
            if isinstance(default, bool):
                names.update({f"--{flag}", f"--{prefix}no-{entry.name.replace('_', '-')}"})
            elif is_dataclass(default):
                collect(type(default), "" if entry.name in ("config", "common") else f"{flag}.")

    collect(Train, "")
    return frozenset(names)


def _known(name: str) -> bool:
    from archllm.spaces.registry import is_file_name, space_names

    return name in space_names() or (is_file_name(name) and Path(name).is_file())


def _config(
    name: str,
    split: str | None,
    preset: str | None,
    file: str | None,
    prior: str | None,
    conditions: list[str],
) -> TrainConfig:
    """The recommended configuration for what is asked for, scaled by the preset, with what the file says."""
    from archllm.spaces import load_space

    space = load_space(name)
    data = _read(Path(file)) if file is not None else {}
    share = _share(split) or _share(data.get("split")) or TrainConfig().split
    told = conditions or data.get("conditions") or ()
    config = recommended(space, share, base_of(prior or "code"), tuple(map(str, told))).scaled(
        PRESETS.get(preset or "standard", 1.0)
    )
    try:
        return config_from_dict(data, config)
    except InvalidInput as error:
        raise InvalidInput(f"{file}: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"can't read the configuration {path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"{path} is not a TOML file: {error}") from error
    inner = data.get("train")
    return inner if "format" in data and isinstance(inner, dict) else data


def _share(value: object) -> float | None:
    """The value as a share; what is none is left for later checks to refuse."""
    try:
        share = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return share if 0 < share < 1 else None
