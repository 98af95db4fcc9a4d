"""The page of custom spaces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import commits, markdown, notes, percent, provenance, spread

README: dict[str, Callable[[list[Result]], str]] = {}

DRAWS = ("1000", "10000")
VALID, DISTINCT, SECONDS = 0.999, 0.99, 180
"""Targets: share of valid draws, distinct valid ones over their expected number, seconds of training on two cores."""

INTRO = f"""\
The custom spaces that ship with the package, trained with the settings that `archllm train SPACE` recommends on 90 %
of the members, or on a sample where they can't be enumerated; then raw draws (temperature 1, nothing masked, nothing
rejected) in five batches of each number. *Valid*: members of the space, by its strict rule. *Distinct ÷ expected*:
different valid draws over the expected number under uniform sampling, so that slightly more than 1 happens by chance.
Mean ± standard deviation over seeds, each with a split, weights and draws of its own. Targets: at least {VALID:.1%}
valid, at least {DISTINCT} distinct ÷ expected, at most {SECONDS} seconds of training on two cores."""

TRIED = """\
Changes of the recommended settings, one seed; *recommended* is the same seed without a change."""

TRAINING = """\
Training on spaces of 15 decision variables with ever more values, two of them joined by a constraint, in few steps, on
which memory does not depend. Cells that are not held in memory are drawn anew whenever they are needed. *Before*: peak
memory of the process, libraries included, before the training."""

DISTINCT_MEMBERS = """\
Distinct members among random draws (`ArchLLM.stream`) of a prior of marginals, the fastest there is. *Keys*: memory of
the keys of the members found. Target: ten million within 2 GB in all."""


def page(results: list[Result]) -> str:
    """The page."""
    parts = ["# Custom spaces", INTRO]
    quality = of(results, part="quality")
    if quality:
        parts += [_quality(quality), _verdict(quality), "The models:", _models(quality)]
    if trials := of(results, part="trial"):
        parts += ["## Settings that were tried", TRIED, _trials(trials, quality)]
    if training := of(results, part="training"):
        parts += ["## Very large spaces", TRAINING, _training(training)]
    if distinct := of(results, part="distinct"):
        parts += ["## Ten million distinct members", DISTINCT_MEMBERS, _distinct(distinct)]
    parts += ["## Findings", notes("spaces"), "## How it was measured", provenance(results)]
    return "\n\n".join(parts) + "\n"


def _spaces(results: list[Result]) -> dict[str, list[Result]]:
    return {name: of(results, space=name) for name in dict.fromkeys(result["space"] for result in results)}


def _valid(result: Result, n: str) -> float:
    return float(result["draws"][n]["valid"]["mean"])


def _over_expected(result: Result, n: str, metric: str = "valid_unique") -> float:
    return float(result["draws"][n][metric]["mean"] / result["draws"][n][metric]["expected"])


def _nats(result: Result) -> float:
    return float(result["report"]["held_out_nats"] - result["report"]["ideal_nats"])


def _quality(results: list[Result]) -> str:
    rows = []
    for name, own in _spaces(results).items():
        cells = []
        for n in DRAWS:
            cells += [percent([_valid(each, n) for each in own]), spread([_over_expected(each, n) for each in own], 3)]
        seconds = spread([each["train_cpu_seconds"] for each in own], 0)
        rows.append([name, _count(own[0]["size"]), str(len(own)), *cells, seconds, commits(own)])
    heads = [f"{what}, n = {int(n):,}" for n in DRAWS for what in ("valid", "distinct ÷ expected")]
    return markdown(["space", "members", "seeds", *heads, "CPU seconds of training", "commit"], rows)


def _verdict(results: list[Result]) -> str:
    missed = []
    for name, own in _spaces(results).items():
        for n in DRAWS:
            for what, measure, target in (("valid", _valid, VALID), ("distinct", _over_expected, DISTINCT)):
                if np.mean([measure(each, n) for each in own]) < target:
                    missed.append(f"{name} ({what}, n = {int(n):,})")
        if np.mean([each["train_cpu_seconds"] for each in own]) > SECONDS:
            missed.append(f"{name} (seconds)")
    if not missed:
        return "Every target is met by the mean over the seeds."
    return f"Missed by the mean over the seeds: {', '.join(missed)}. All others are met."


def _models(results: list[Result]) -> str:
    rows = []
    for name, own in _spaces(results).items():
        report, n = own[0]["report"], DRAWS[-1]
        wall = [each["train_seconds"] for each in own]
        rows.append(
            [
                name,
                f"{report['cells']['train']:,}",
                str(report["code_length"]),
                str(report["codebook"]["used"]),
                f"{np.mean([each['report']['reconstruction'] for each in own]):.2%}",
                f"{np.mean([_nats(each) for each in own]):.3f}",
                f"{np.mean([each['draws'][n]['cycle']['mean'] for each in own]):.2%}",
                f"{np.mean([_over_expected(each, n, 'novel') for each in own]):.3f}",
                f"{min(wall):.0f} – {max(wall):.0f}",
            ]
        )
    head = ["space", "training cells", "codes per cell", "codes in use", "reconstruction", "nats above ln(size)"]
    return markdown([*head, "cycle consistency", "novel ÷ expected", "wall seconds of training"], rows)


def _trials(trials: list[Result], quality: list[Result]) -> str:
    rows = []
    for name, seed in dict.fromkeys((trial["space"], trial["seed"]) for trial in trials):
        for result in [*of(quality, space=name, seed=seed), *of(trials, space=name)]:
            n = DRAWS[-1]
            cells = [name, result.get("trial", "recommended"), f"{_valid(result, n):.2%}"]
            cells += [f"{_over_expected(result, n):.3f}", f"{_over_expected(result, n, 'novel'):.3f}"]
            rows.append([*cells, f"{_nats(result):.3f}", f"{result['train_cpu_seconds']:.0f}", commits([result])])
    head = ["space", "settings", "valid, n = 10,000", "distinct ÷ expected, n = 10,000", "novel ÷ expected"]
    return markdown([*head, "nats above ln(size)", "CPU seconds of training", "commit"], rows)


def _training(results: list[Result]) -> str:
    rows = [
        [
            _count(result["members"]),
            f"{result['cells']:,}",
            f"{result['cells_in_memory']:,}",
            _bytes(result["bytes_before"]),
            _bytes(result["peak_bytes"]),
            commits([result]),
        ]
        for result in sorted(results, key=lambda result: float(result["members"]))
    ]
    return markdown(["members", "training cells", "of them in memory", "before", "peak", "commit"], rows)


def _distinct(results: list[Result]) -> str:
    rows = [
        [
            _count(result["members"]),
            f"{result['found']:,}",
            f"{result['drawn']:,}",
            *(_bytes(result[name]) for name in ("key_bytes", "bytes_before", "peak_bytes")),
            f"{result['cpu_seconds']:.0f}",
            commits([result]),
        ]
        for result in sorted(results, key=lambda result: float(result["members"]))
    ]
    return markdown(["members", "found", "drawn", "keys", "before", "peak", "CPU seconds", "commit"], rows)


def _count(members: int) -> str:
    return f"{members:,}" if members < 1e9 else f"{members:.2e}"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
