"""docs/results/llm_prior.{json,md} from the files of the jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from archllm.files import write_text
from archllm.generation.metrics import expected_distinct
from benchmarks.llm_prior import DRAWS, EPOCH, SHORT, SPACE, mean_std
from benchmarks.record import write_json

Result = dict[str, Any]

SIZE = 15_625
CEILING = expected_distinct(SIZE, DRAWS) / DRAWS
CELLS = 13_359  # that each prior is trained on: the training cells without those that decide when to stop

LABELS = {
    "numbers-epoch-0": "numbers, adapters, one epoch",
    "numbers-epoch-1e-3-0": "numbers, adapters, one epoch, half the rate",
    "numbers-short": "numbers, adapters",
    "tokens-short-0": "one token per code, adapters",
    "tokens-epoch-0": "one token per code, adapters, one epoch",
    "full-1e-4-short-0": "numbers, all weights, rate 1e-4",
    "full-3e-4-short-0": "numbers, all weights, rate 3e-4",
    "random-3e-4-short-0": "numbers, **random weights**, all trained, rate 3e-4",
    "random-1e-3-short-0": "numbers, **random weights**, all trained, rate 1e-3",
    "one-target-short-0": "numbers, adapters, one target per step instead of the shares of all",
    "code-0": "small code prior from scratch",
}


def write_page(results: list[Result], base: str, folder: Path) -> None:
    """Writes both files."""
    write_json(folder / "llm_prior.json", {"base": base, "results": results})
    write_text(folder / "llm_prior.md", page(results, base))


def page(results: list[Result], base: str) -> str:
    """The page."""
    by_name = {result["name"]: result for result in results}
    groups = _grouped(by_name)
    parts = ["# A pre-trained language model as the prior", "", _intro(by_name, base), ""]
    parts += ["## Against the targets", "", *_targets(by_name), ""]
    parts += ["## Raw draws", "", *_draws(groups), "", "## How fast it is learned", "", *_curves(groups), ""]
    parts += ["## Temperature", "", *_temperatures(by_name), "", "## What was found", "", _findings(by_name), ""]
    parts += ["## How it was measured", "", _measured(results), ""]
    return "\n".join(parts)


def _grouped(by_name: dict[str, Result]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for name, result in by_name.items():
        label = "numbers-short" if name.startswith("numbers-short") else name
        groups.setdefault(label, []).append(result)
    return {label: groups[label] for label in LABELS if label in groups}


def _intro(by_name: dict[str, Result], base: str) -> str:
    text, trained = by_name["numbers-epoch-0"]["text"], by_name["numbers-epoch-0"]["trained_parameters"]
    return f"""\
`{base}` fine-tuned to write the codes of {SPACE}: `{text}` is a cell. Low-rank
adapters (rank 16) on all linear layers and the rows of the words in use are trained, {trained:,} numbers in all;
all other words are cut off. One tokenizer (75 codes, 3 a cell, exact) is shared by all rows. Batches of 32
sequences, targets are the shares of all tokens that follow each beginning in the training set. An epoch is
{EPOCH} steps (3 % more than one); *short* rows train for {SHORT} steps."""


def _targets(by_name: dict[str, Result]) -> list[str]:
    shown = {
        "numbers-epoch-0": "numbers, one epoch",
        "numbers-epoch-1e-3-0": "the same at half the rate",
        "tokens-epoch-0": "one token per code, one epoch",
    }
    shown = {name: title for name, title in shown.items() if name in by_name}
    lines = [f"| | target | {' | '.join(shown.values())} |", "|---|---|" + "---|" * len(shown)]
    rows: list[tuple[str, str, Callable[[Result], tuple[str, bool]]]] = [
        ("strictly valid", "≥ 99.5 %", lambda job: (f"{_mean(job, 'valid'):.2%}", _mean(job, "valid") >= 0.995)),
        (
            "distinct valid ÷ ceiling",
            "≥ 0.99",
            lambda job: (f"{_mean(job, 'valid_unique') / CEILING:.3f}", _mean(job, "valid_unique") / CEILING >= 0.99),
        ),
        ("cycle", "≥ 50 %", lambda job: (f"{_mean(job, 'cycle'):.2%}", _mean(job, "cycle") >= 0.5)),
        (
            "held-out nats above ln(size)",
            "≤ 2",
            lambda job: (f"{_above(job):.3f}", _above(job) <= 2),
        ),
    ]
    for name, goal, measure in rows:
        found = [measure(by_name[job]) for job in shown]
        cells = [value + (" (met)" if met else " (missed)") for value, met in found]
        lines.append(f"| {name} | {goal} | {' | '.join(cells)} |")
    return lines


def _draws(groups: dict[str, list[Result]]) -> list[str]:
    lines = [
        f"{DRAWS:,} draws at temperature 1, mean ± standard deviation over three or ten seeds of draws. *free* is",
        "without the automaton: an illegal text is an invalid draw.",
        "",
        "| prior | steps | nats above ideal | valid | distinct ÷ ceiling | cycle | novel | legal, free | valid, free |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for label, members in groups.items():
        draws = [draw for member in members for draw in member["draws"]]
        free = [draw for member in members for draw in member.get("free", [])]
        nats = [member["held_out_nats"] - member["ideal_nats"] for member in members]
        steps = members[0]["settings"]["steps"] if members[0]["settings"] else "–"
        cells = [
            LABELS[label] + (f" ({len(members)} seeds)" if len(members) > 1 else ""),
            f"{steps} ({sum(member['train_cpu_seconds'] for member in members) / len(members) / 60:.1f} min)",
            _spread(nats, 3),
            _share([draw["valid"] for draw in draws]),
            _spread([draw["valid_unique"] / CEILING for draw in draws], 3),
            _share([draw["cycle"] for draw in draws]),
            _share([draw["novel"] for draw in draws]),
            _share([draw["legal"] for draw in free]) if free else "–",
            _share([draw["valid"] for draw in free]) if free else "–",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _curves(groups: dict[str, list[Result]]) -> list[str]:
    wanted = [20, 40, 60, 80, 100, 120]
    lines = [
        "Nats of validation cells above ln(size) after so many steps, learning rates decaying to zero at the last one.",
        "Equally likely legal codes would have 3.30 (3 · ln 75 − ln 15,625).",
        "",
        "| prior | " + " | ".join(map(str, wanted)) + " |",
        "|---|" + "---|" * len(wanted),
    ]
    for label, members in groups.items():
        if members[0]["settings"] is None or members[0]["settings"]["steps"] != SHORT:
            continue
        member = members[0]
        found = {p["step"]: p["validation_loss"] for p in member["curve"] if "validation_loss" in p}
        cells = [f"{found[step] - member['ideal_nats']:.2f}" if step in found else "–" for step in wanted]
        lines.append(f"| {LABELS[label]} | {' | '.join(cells)} |")
    return lines


def _temperatures(by_name: dict[str, Result]) -> list[str]:
    swept = [result for result in by_name.values() if result["temperatures"]]
    temperatures = list(swept[0]["temperatures"])
    lines = ["Valid / distinct valid ÷ ceiling, one seed.", "", "| prior | " + " | ".join(temperatures) + " |"]
    lines.append("|---|" + "---|" * len(temperatures))
    for result in swept:
        cells = [
            f"{found['valid']:.1%} / {found['valid_unique'] / CEILING:.3f}" for found in result["temperatures"].values()
        ]
        lines.append(f"| {LABELS[result['name']]} | {' | '.join(cells)} |")
    return lines


def _findings(by_name: dict[str, Result]) -> str:
    notes = Path(__file__).parent / "notes" / "llm_prior.md"
    return notes.read_text(encoding="utf-8").strip()


def _measured(results: list[Result]) -> str:
    commits = ", ".join(sorted({result["about"]["commit"] for result in results}))
    about = results[0]["about"]
    return f"""\
`python -m benchmarks.llm_prior --base MODEL.gguf`, commits {commits}, {about["machine"]}, one thread a job,
torch {about["torch"]}, {about["date"]}; other jobs ran beside it (load {about["load"]} and more), minutes are CPU
minutes of the process. Training set: {CELLS:,} cells; of 703 others the first 128 decide which weights are kept;
1,563 are held out and measure nats and novelty. The learning rate of adapters, 2e-3, was chosen in a trial of 60
steps by validation cells; when all weights are trained, the rates in the table were tried."""


def _above(result: Result) -> float:
    return float(result["held_out_nats"] - result["ideal_nats"])


def _mean(result: Result, figure: str) -> float:
    return mean_std([draw[figure] for draw in result["draws"]])[0]


def _share(values: list[float]) -> str:
    mean, std = mean_std(values)
    return f"{100 * mean:.2f} ± {100 * std:.2f} %"


def _spread(values: list[float], digits: int) -> str:
    mean, std = mean_std(values)
    return f"{mean:.{digits}f}" + (f" ± {std:.{digits}f}" if len(values) > 1 else "")
