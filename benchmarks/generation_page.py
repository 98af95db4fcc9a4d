"""docs/results/generation.{json,md} from the files of the jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from archllm.reporting.published import published, sources
from benchmarks.record import ROOT, put_into_readme, write_json

Result = dict[str, Any]

TITLES = {"nasbench101": "NAS-Bench-101", "nasbench201": "NAS-Bench-201", "darts": "DARTS"}
METHODS = {
    "vq": "**ArchLLM** (VQ codes + language model)",
    "plain": "language model on plain node words, no VQ",
    "marginal": "VQ codes drawn independently (floor)",
    "vae": "VAE, Gaussian prior",
    "uniform": "uniform sampler (ceiling)",
}
TARGETS: dict[str, dict[str, float]] = {
    "nasbench101": {"reconstruction": 0.9999, "valid": 0.995, "ratio": 0.99, "novel": 0.9, "cycle": 0.95, "nats": 0.2},
    "nasbench201": {
        "reconstruction": 1.0,
        "valid": 0.999,
        "ratio_1k": 0.99,
        "ratio": 0.99,
        "novel": 0.9,
        "cycle": 0.98,
        "nats": 0.1,
    },
    "darts": {"reconstruction": 0.999, "valid": 0.999, "ratio": 0.999, "novel": 1.0, "cycle": 0.9},
}
FEW = 0.85
SECONDS = {"nasbench101": 900, "nasbench201": 90, "darts": 1200}


def write_page(results: list[Result], folder: Path) -> None:
    """Writes the raw figures as JSON and the page that shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "generation.json", results)
    notes = ROOT / "benchmarks" / "notes" / "generation.md"
    intro = (
        "Raw draws at temperature 1, nothing masked or repaired. Where a figure has a ±, it is the mean and standard "
        "deviation over training seeds, each with its own split, training and draws; where it has none, one seed. "
        "Training times are those of jobs that shared the machine, so only their order of size holds. "
        "*distinct ÷ ceiling* is distinct valid cells "
        "per draw over what independent uniform draws give on average. *Nats* are negative log-likelihoods of held-out "
        "cells above ln(size). A figure of a finite sample may lie a little above its ceiling by chance."
    )
    parts = [
        "# Generation quality",
        _head(results),
        intro,
        notes.read_text(encoding="utf-8") if notes.exists() else "",
        "## Targets\n\n" + _targets(results),
        *(f"## {TITLES[space]}\n\n" + _methods(results, space) + _literature(space) for space in TITLES),
        "## Few training cells\n\n" + _small(results),
        "## Temperature (10,000 draws)\n\n" + _sweeps(results),
        "## Ablation\n\n" + _ablation(results),
        "## Speed and memory (one thread)\n\n" + _speed(results),
    ]
    (folder / "generation.md").write_text("\n\n".join(part for part in parts if part.strip()) + "\n", encoding="utf-8")
    _write_readme(results)


def _literature(space: str) -> str:
    """The published figures of a space, with where they come from."""
    figures = published(space)
    names = ("valid", "valid_loose", "unique", "valid_unique", "novel")
    rows = [
        [each.method, f"{each.draws:,}" if each.draws else "not said", *(each.percent.get(name, "–") for name in names)]
        for each in figures
    ]
    table = _table(["published", "n", *(name.replace("_", " ") + " %" for name in names)], rows)
    return f"\n\n{table}\n\n{sources(figures)}. Splits and rules of validity may differ from ours."


def _write_readme(results: list[Result]) -> None:
    """Puts the main figures into the README, between its markers."""
    rows = []
    for space in TITLES:
        runs = _of(results, part="main", space=space, method="vq")
        if not runs:
            continue
        draws = [r["draws"]["10000"] for r in runs]
        rows.append(
            [
                TITLES[space],
                _figure([r["report"]["reconstruction"] for r in runs], 3, unit=" %"),
                _figure([d["valid"] for d in draws], 2, unit=" %"),
                next(f"{each.percent['valid']} %" for each in published(space) if each.method == "Arch-VQ"),
                _figure([_ratio(r, 10_000) for r in runs], 3, 1),
                _figure(map(_novelty, runs), 3, 1),
                _figure([d["cycle"] for d in draws], 2, unit=" %"),
                _figure([sum(r["report"]["seconds"].values()) for r in runs], 0, 1, " s"),
            ]
        )
    table = _table(
        ["10,000 raw draws", "reconstruction", "valid (strict)", "Arch-VQ, published (n and rule unknown)",
         "distinct ÷ ceiling",
         "novel ÷ held-out share", "cycle", "training, one CPU thread"],
        rows,
    )  # fmt: skip
    put_into_readme("results", table, ROOT)


def _head(results: list[Result]) -> str:
    commits = ", ".join(sorted({r["commit"] for r in results}))
    seeds = sorted({r["seed"] for r in results if "seed" in r})
    minutes = sum(r["seconds_in_all"] for r in results) / 60
    load = [r["load"] for r in results]
    loads = f"load average {min(load):.0f} to {max(load):.0f} at the start of jobs"
    machine, one = sorted({r["machine"] for r in results}), results[0]
    return (
        f"`python -m benchmarks.generation --seeds {' '.join(map(str, seeds))}` · commit {commits} · "
        f"{', '.join(machine)}, {one['threads']} thread a job, {loads} · torch {one['torch']} · "
        f"{max(r['date'] for r in results)} · {minutes:.0f} minutes of jobs"
    )


def _of(results: list[Result], **wanted: Any) -> list[Result]:
    return [r for r in results if all(r.get(key) == value for key, value in wanted.items())]


def _figure(values: Iterable[float | None], digits: int = 2, scale: float = 100.0, unit: str = "") -> str:
    numbers = np.array([v for v in values if v is not None], dtype=float) * scale
    if not len(numbers):
        return "–"
    spread = f" ± {numbers.std(ddof=1):.{digits}f}" if len(numbers) > 1 else ""
    return f"{numbers.mean():.{digits}f}{spread}{unit}"


def _ratio(result: Result, n: int) -> float:
    return result["draws"][str(n)]["valid_unique"] / result["ceilings"][str(n)]["valid_unique"]


def _novelty(result: Result, n: int = 10_000) -> float:
    return result["draws"][str(n)]["novel"] / result["ceilings"][str(n)]["novel"]


def _excess(result: Result) -> float | None:
    nats = result["report"].get("held_out_nats")
    return None if nats is None else nats - result["report"]["ideal_nats"]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


CHECKS: dict[str, tuple[str, Callable[[Result], float | None], float, int]] = {
    "reconstruction": ("exact reconstruction of held-out cells, %", lambda r: r["report"]["reconstruction"], 100, 3),
    "valid": ("strictly valid, n = 10,000, %", lambda r: r["draws"]["10000"]["valid"], 100, 2),
    "ratio_1k": ("distinct valid ÷ ceiling, n = 1,000", lambda r: _ratio(r, 1_000), 1, 4),
    "ratio": ("distinct valid ÷ ceiling, n = 10,000", lambda r: _ratio(r, 10_000), 1, 4),
    "novel": ("novel ÷ held-out share", _novelty, 1, 3),
    "nats": ("held-out nats above ln(size)", _excess, 1, 3),
    "cycle": ("cycle, n = 10,000, %", lambda r: r["draws"]["10000"]["cycle"], 100, 2),
}


def _targets(results: list[Result]) -> str:
    rows = []
    for space in TITLES:
        runs = _of(results, part="main", space=space, method="vq")
        if not runs:
            continue
        for name, target in TARGETS[space].items():
            label, get, scale, digits = CHECKS[name]
            mean = float(np.mean([get(r) for r in runs]))
            met = mean <= target if name == "nats" else mean >= target
            sign = "≤" if name == "nats" else "≥"
            rows.append(
                [
                    TITLES[space],
                    label,
                    f"{sign} {target * scale:g}",
                    _figure([get(r) for r in runs], digits, scale),
                    "met" if met else f"missed by {abs(mean - target) * scale:.{digits}f}",
                ]
            )
        seconds = [sum(r["report"]["seconds"].values()) for r in runs]
        met = np.mean(seconds) <= SECONDS[space]
        rows.append(
            [
                TITLES[space],
                "training, seconds",
                f"≤ {SECONDS[space]}",
                _figure(seconds, 0, 1),
                "met" if met else "missed",
            ]
        )
    few = _of(results, part="small", space="nasbench101", variant="vq")
    if few:
        new = [r["draws"]["10000"]["valid_unique"] * r["draws"]["10000"]["novel"] for r in few]
        met = "met" if np.mean(new) >= FEW else f"missed by {FEW - np.mean(new):.3f}"
        label = "trained on 1 % of the cells: distinct ∧ valid ∧ novel / drawn"
        rows.append([TITLES["nasbench101"], label, f"≥ {FEW}", _figure(new, 3, 1), met])
    return _table(["space", "figure", "target", "measured", ""], rows)


def _methods(results: list[Result], space: str) -> str:
    rows = []
    for method, label in METHODS.items():
        runs = _of(results, part="main", space=space, method=method)
        if not runs:
            continue
        draws = {n: [r["draws"][str(n)] for r in runs] for n in (1_000, 10_000)}
        rows.append(
            [
                label,
                _figure([r["report"].get("reconstruction") for r in runs], 3),
                ("≤ " if method == "vae" else "") + _figure(map(_excess, runs), 3, 1),
                _figure([d["valid"] for d in draws[1_000]]),
                _figure([d["valid"] for d in draws[10_000]]),
                _figure([d.get("valid_loose") for d in draws[10_000]]),
                _figure([_ratio(r, 1_000) for r in runs], 3, 1),
                _figure([_ratio(r, 10_000) for r in runs], 4, 1),
                _figure(map(_novelty, runs), 3, 1),
                _figure([d.get("cycle") for d in draws[10_000]]),
                _figure([sum(r["report"].get("seconds", {}).values()) for r in runs], 0, 1),
                f"{sum(runs[0]['report'].get('parameters', {}).values()):,}",
            ]
        )
    head = [
        "method", "reconstruction %", "nats above ideal", "valid %, 1k", "valid %, 10k", "loosely valid %, 10k",
        "distinct ÷ ceiling, 1k", "distinct ÷ ceiling, 10k", "novel ÷ held-out", "cycle %", "training s", "parameters",
    ]  # fmt: skip
    ceilings = next(iter(_of(results, part="main", space=space)), None)
    note = ""
    if ceilings:
        c = ceilings["ceilings"]
        note = (
            f"\n\nCeilings: distinct {c['1000']['valid_unique']:.2%} of 1,000 and {c['10000']['valid_unique']:.2%} of "
            f"10,000 draws; novel {c['10000']['novel']:.1%} of distinct."
        )
        if "unique_classes" in c["10000"]:
            ours = _of(results, part="main", space=space, method="vq")
            classes = _figure([r["draws"]["10000"]["unique_classes"] for r in ours])
            note += f" Distinct up to equivalence, ours: {classes} % of 10,000 draws (ceiling "
            note += f"{c['10000']['unique_classes']:.2%})."
    sampled = _of(results, part="main", space=space, method="vae")
    if sampled and "draws_of_sampled_decoder" in sampled[0]:
        valid = _figure([r["draws_of_sampled_decoder"]["10000"]["valid"] for r in sampled])
        note += f" The VAE decodes by argmax; drawing labels and edges instead gives {valid} % valid."
    return _table(head, rows) + note


def _small(results: list[Result]) -> str:
    rows = []
    for space in TITLES:
        for variant in dict.fromkeys(r["variant"] for r in _of(results, part="small", space=space)):
            runs = _of(results, part="small", space=space, variant=variant)
            draws = [r["draws"]["10000"] for r in runs]
            rows.append(
                [
                    TITLES[space],
                    f"{runs[0]['report']['cells']['train']:,}",
                    variant,
                    _figure([r["report"]["reconstruction"] for r in runs]),
                    _figure(map(_excess, runs), 2, 1),
                    _figure([d["valid"] for d in draws]),
                    _figure([d["novel"] for d in draws]),
                    _figure([d["valid_unique"] * d["novel"] for d in draws], 4, 1),
                    f"{runs[0]['ceilings']['10000']['valid_unique'] * runs[0]['ceilings']['10000']['novel']:.4f}",
                    _figure([d["cycle"] for d in draws]),
                ]
            )
    return _table(
        ["space", "training cells", "variant", "reconstruction %", "nats above ideal", "valid %", "novel % of distinct",
         "distinct ∧ valid ∧ novel / drawn", "ceiling", "cycle %"],
        rows,
    )  # fmt: skip


def _sweeps(results: list[Result]) -> str:
    rows = []
    for run in [r for r in _of(results, part="main", method="vq") if r["sweep"]]:
        for temperature, d in run["sweep"].items():
            rows.append(
                [TITLES[run["space"]], temperature]
                + [f"{d[k]:.2%}" for k in ("valid", "unique", "valid_unique", "novel", "cycle")]
            )
    return _table(["space", "T", "valid", "unique of valid", "distinct / drawn", "novel of distinct", "cycle"], rows)


def _ablation(results: list[Result]) -> str:
    rows = []
    for space in TITLES:
        for variant in dict.fromkeys(r["variant"] for r in _of(results, part="ablation", space=space)):
            runs = _of(results, part="ablation", space=space, variant=variant)
            draws = [r["draws"]["10000"] for r in runs]
            rows.append(
                [
                    TITLES[space],
                    variant,
                    str(runs[0]["report"]["code_length"]),
                    _figure([r["report"]["codebook"]["used"] for r in runs], 0, 1),
                    _figure([r["report"]["codebook"]["perplexity"] for r in runs], 0, 1),
                    _figure([r["report"]["reconstruction"] for r in runs], 3),
                    _figure(map(_excess, runs), 3, 1),
                    _figure([d["valid"] for d in draws]),
                    _figure([_ratio(r, 10_000) for r in runs], 3, 1),
                    _figure([d["cycle"] for d in draws]),
                    _figure([sum(r["report"]["seconds"].values()) for r in runs], 0, 1),
                ]
            )
    return _table(
        ["space", "variant", "codes", "codes in use", "perplexity", "reconstruction %", "nats above ideal", "valid %",
         "distinct ÷ ceiling", "cycle %", "training s"],
        rows,
    )  # fmt: skip


def _speed(results: list[Result]) -> str:
    runs = _of(results, part="speed")
    rows = []
    if runs:
        run = runs[0]
        rows = [
            ["enumerate NAS-Bench-101, s", "≤ 2", f"{run['enumerate_seconds']:.2f}"],
            ["canonical keys of 423,624 cells, s", "≤ 5", f"{run['keys_seconds']:.2f}"],
            ["the same, nodes in random order, s", "≤ 5", f"{run['keys_of_relabelled_seconds']:.2f}"],
        ]
    for space in TITLES:
        for rate in [r["rate"] for r in _of(results, part="main", space=space, method="vq") if "rate" in r]:
            target = "≥ 5,000" if space == "nasbench101" else ""
            figure = f"{rate['mean']:,.0f} ± {rate['std']:,.0f}"
            rows.append([f"distinct valid {TITLES[space]} cells per second (10,000 asked for)", target, figure])
    for space in TITLES:
        peaks = [r["peak_gb"] for r in _of(results, part="main", space=space, method="vq")]
        if peaks:
            rows.append([f"peak memory of a whole job on {TITLES[space]}, GB", "≤ 3", f"{max(peaks):.2f}"])
    return _table(["what", "target", "measured"], rows)
