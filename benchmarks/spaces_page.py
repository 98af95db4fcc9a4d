"""docs/results/spaces.{json,md} from the files of the jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archllm.files import write_text
from benchmarks.record import write_json
from benchmarks.spaces import BATCHES, DRAWS, SLOTS, SPACES, mean_std

Result = dict[str, Any]

VALID, DISTINCT, SECONDS = 0.999, 0.99, 180
"""Targets: share of valid draws, distinct valid ones against the ceiling, seconds of training on two cores."""

INTRO = f"""\
The spaces that come along as files, trained with the settings that `archllm train SPACE` recommends on 90 % of the
members, or on a sample where they can't be listed; then raw draws (temperature 1, nothing masked, nothing rejected) in
{BATCHES} batches of each number. *Valid*: members of the space, by its strict rule. *Distinct ÷ ceiling*: different
valid draws against what as many uniform draws would give, so that a little more than 1 happens by chance. Mean ±
standard deviation over seeds, each with a split, weights and draws of its own. Targets: at least {VALID:.1%} valid, at
least {DISTINCT} distinct ÷ ceiling, at most {SECONDS} seconds of training on two cores."""

TRIED = """\
Changes of the recommended settings, one seed; *recommended* is the same seed without a change."""

TRAINING = f"""\
Training on spaces of {SLOTS} slots with ever more values, two of them joined by a constraint, in few steps, on which
memory does not depend. Cells that are not held in memory are drawn anew whenever they are needed. *Before*: the peak
of the process, libraries included, before the training."""

APART = """\
Distinct members among random draws (`ArchLLM.stream`) of a prior of marginals, the fastest there is. *Keys*: what the
keys of the found members take. Target: ten million within 2 GB, everything included."""


def write_page(results: list[Result], folder: Path) -> None:
    """Writes both files."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "spaces.json", results)
    write_text(folder / "spaces.md", page(results))


def page(results: list[Result]) -> str:
    """The page."""
    parts = ["# Spaces from files", INTRO]
    quality = [result for result in results if result["part"] == "quality"]
    if quality:
        parts += [_quality(quality), _verdict(quality), "The models:", _models(quality)]
    trials = [result for result in results if result["part"] == "trial"]
    if trials:
        parts += ["## Settings that were tried", TRIED, _trials(trials, quality)]
    training = [result for result in results if result["part"] == "training"]
    if training:
        parts += ["## Very large spaces", TRAINING, _training(training)]
    apart = [result for result in results if result["part"] == "apart"]
    if apart:
        parts += ["## Ten million generated members", APART, _apart(apart)]
    notes = Path(__file__).parent / "notes" / "spaces.md"
    parts += ["## What was found", notes.read_text(encoding="utf-8").strip()]
    parts += ["## How it was measured", _measured(results)]
    return "\n\n".join(parts) + "\n"


def _quality(results: list[Result]) -> str:
    heads = [f"{what}, n = {n:,}" for n in DRAWS for what in ("valid", "distinct ÷ ceiling")]
    lines = [
        f"| space | members | seeds | {' | '.join(heads)} | CPU seconds of training |",
        "|---|---|---|" + "---|" * (len(heads) + 1),
    ]
    for name in SPACES:
        own = [result for result in results if result["space"] == name]
        if own:
            cells = [_figure(own, n, what) for n in DRAWS for what in ("valid", "distinct")]
            seconds, std = mean_std([result["train_cpu_seconds"] for result in own])
            cells.append(f"{seconds:.0f} ± {std:.0f}")
            lines.append(f"| {name} | {_count(own[0]['size'])} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _figure(own: list[Result], n: int, what: str) -> str:
    mean, std = mean_std([_value(result, n, what) for result in own])
    return f"{100 * mean:.2f} ± {100 * std:.2f} %" if what == "valid" else f"{mean:.3f} ± {std:.3f}"


def _value(result: Result, n: int, what: str) -> float:
    draws = result["draws"][str(n)]
    if what == "valid":
        return float(draws["valid"]["mean"])
    return float(draws["valid_unique"]["mean"] / draws["valid_unique"]["ceiling"])


def _verdict(results: list[Result]) -> str:
    missed = []
    for name in SPACES:
        own = [result for result in results if result["space"] == name]
        if not own:
            continue
        for n in DRAWS:
            for what, target in (("valid", VALID), ("distinct", DISTINCT)):
                if mean_std([_value(result, n, what) for result in own])[0] < target:
                    missed.append(f"{name} ({what}, n = {n:,})")
        if mean_std([result["train_cpu_seconds"] for result in own])[0] > SECONDS:
            missed.append(f"{name} (seconds)")
    if not missed:
        return "Every target is met by the mean over the seeds."
    return f"Missed by the mean over the seeds: {', '.join(missed)}. All others are met."


def _models(results: list[Result]) -> str:
    heads = ["space", "training cells", "codes of a cell", "codes in use", "reconstruction", "nats above ln(size)"]
    heads += ["cycle", "novel ÷ ceiling", "wall seconds of training"]
    lines = [
        f"| {' | '.join(heads)} |",
        "|" + "---|" * len(heads),
    ]
    for name in SPACES:
        own = [result for result in results if result["space"] == name]
        if not own:
            continue
        report = own[0]["report"]
        n = str(DRAWS[-1])
        nats = mean_std([_nats(each) for each in own])[0]
        cycle = mean_std([each["draws"][n]["cycle"]["mean"] for each in own])[0]
        novel = mean_std([_novel(each) for each in own])[0]
        exact = mean_std([each["report"]["reconstruction"] for each in own])[0]
        wall = [each["train_seconds"] for each in own]
        lines.append(
            f"| {name} | {report['cells']['train']:,} | {report['code_length']} | {report['codebook']['used']} | "
            f"{exact:.2%} | {nats:.3f} | {cycle:.2%} | {novel:.3f} | {min(wall):.0f} – {max(wall):.0f} |"
        )
    return "\n".join(lines)


def _trials(trials: list[Result], quality: list[Result]) -> str:
    heads = ["space", "settings", "valid, n = 10,000", "distinct ÷ ceiling, n = 10,000", "novel ÷ ceiling"]
    heads += ["nats above ln(size)", "CPU seconds of training"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name, seed in dict.fromkeys((trial["space"], trial["seed"]) for trial in trials):
        base = [result for result in quality if (result["space"], result["seed"]) == (name, seed)]
        for result in [*base, *(trial for trial in trials if trial["space"] == name)]:
            valid, distinct = (_value(result, DRAWS[-1], what) for what in ("valid", "distinct"))
            cells = [name, result.get("trial", "recommended"), f"{valid:.2%}", f"{distinct:.3f}"]
            cells += [f"{_novel(result):.3f}", f"{_nats(result):.3f}", f"{result['train_cpu_seconds']:.0f}"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _novel(result: Result) -> float:
    novel = result["draws"][str(DRAWS[-1])]["novel"]
    return float(novel["mean"] / novel["ceiling"])


def _nats(result: Result) -> float:
    return float(result["report"]["held_out_nats"] - result["report"]["ideal_nats"])


def _training(results: list[Result]) -> str:
    lines = ["| members | training cells | of them in memory | before | peak |", "|---|---|---|---|---|"]
    lines += [
        f"| {_count(result['members'])} | {result['cells']:,} | {result['cells_in_memory']:,} | "
        f"{_bytes(result['bytes_before'])} | {_bytes(result['peak_bytes'])} |"
        for result in sorted(results, key=lambda result: result["members"])
    ]
    return "\n".join(lines)


def _apart(results: list[Result]) -> str:
    lines = ["| members | found | drawn | keys | before | peak | CPU seconds |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {_count(result['members'])} | {result['found']:,} | {result['drawn']:,} | {_bytes(result['key_bytes'])} | "
        f"{_bytes(result['bytes_before'])} | {_bytes(result['peak_bytes'])} | {result['cpu_seconds']:.0f} |"
        for result in sorted(results, key=lambda result: result["members"])
    ]
    return "\n".join(lines)


def _measured(results: list[Result]) -> str:
    commits = ", ".join(sorted({result["about"]["commit"] for result in results}))
    about = results[0]["about"]
    loads = [result["about"]["load"] for result in results]
    dates = " and ".join(sorted({result["about"]["date"] for result in results}))
    return (
        f"`python -m benchmarks.spaces`, commits {commits}, {about['machine']}, one thread, torch {about['torch']}, "
        f"{dates}. Other programs ran beside it (load {min(loads)} to {max(loads)}), so CPU seconds say what a "
        "training costs, and wall seconds what it took here."
    )


def _count(members: int) -> str:
    return f"{members:,}" if members < 1e9 else f"{members:.2e}"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
