"""The page of a pretrained language model as the prior."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archllm.generation.metrics import expected_distinct
from benchmarks.harness.results import Result
from benchmarks.harness.tables import commits, markdown, notes, percent, provenance, spread, verdict

README: dict[str, Callable[[list[Result]], str]] = {}

DRAWS = 1_000
EXPECTED = expected_distinct(15_625, DRAWS) / DRAWS

LABELS = {
    "numbers-epoch-0": "numbers, adapters, one epoch",
    "numbers-epoch-1e-3-0": "numbers, adapters, one epoch, half the learning rate",
    "numbers-short": "numbers, adapters",
    "tokens-short-0": "one token per code, adapters",
    "tokens-epoch-0": "one token per code, adapters, one epoch",
    "full-1e-4-short-0": "numbers, all weights, learning rate 1e-4",
    "full-3e-4-short-0": "numbers, all weights, learning rate 3e-4",
    "random-3e-4-short-0": "numbers, **random weights**, all trained, learning rate 3e-4",
    "random-1e-3-short-0": "numbers, **random weights**, all trained, learning rate 1e-3",
    "one-hot-targets-short-0": "numbers, adapters, one-hot targets",
    "code-0": "small code prior from scratch",
}

AGAINST_TARGETS = ("numbers-epoch-0", "numbers-epoch-1e-3-0", "tokens-epoch-0")

MEASURED = """\
Minutes are CPU minutes of the process. Training set: 13,359 cells; of a validation split of 703 others the first 128
decide which weights are kept; 1,563 are held out and measure nats and novelty. The learning rate of adapters, 2e-3, was
chosen in a trial of 60 steps by validation cells; when all weights are trained, the learning rates in the table were
tried."""


def page(results: list[Result]) -> str:
    """The page."""
    groups = _grouped(results)
    parts = ["# A pretrained language model as the prior", _intro(results), "## Targets", _targets(results)]
    parts += ["## Raw draws", _draws(groups), "## Learning curves", _curves(groups)]
    parts += ["## Temperature", _temperatures(results), "## Findings", notes("llm_prior")]
    return "\n\n".join([*parts, "## How it was measured", MEASURED, provenance(results)]) + "\n"


def _grouped(results: list[Result]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for result in results:
        name = "numbers-short" if result["name"].startswith("numbers-short") else result["name"]
        groups.setdefault(name, []).append(result)
    return {name: groups[name] for name in LABELS if name in groups}


def _intro(results: list[Result]) -> str:
    first = next(result for result in results if result["name"] == AGAINST_TARGETS[0])
    return (
        f"`{first['base']}` fine-tuned to write the codes of NAS-Bench-201: `{first['text']}` is a cell. Low-rank "
        "adapters (rank 16) on all linear layers and the embeddings of the tokens in use are trained, "
        f"{first['trained_parameters']:,} parameters in all; all other tokens are removed. One tokenizer (75 codes, 3 "
        "a cell, exact) is shared by all rows. Batches of 32 sequences; targets are the empirical next-token "
        f"distribution of the training set (soft targets). An epoch is {first['prior']['steps']} steps; rows of 120 "
        "steps are short."
    )


def _nats(result: Result) -> float:
    return float(result["held_out_nats"] - result["ideal_nats"])


def _mean(result: Result, metric: str) -> float:
    return float(np.mean([draw[metric] for draw in result["draws"]]))


def _targets(results: list[Result]) -> str:
    rows = []
    for result in [result for result in results if result["name"] in AGAINST_TARGETS]:
        valid, cycle, distinct = (_mean(result, metric) for metric in ("valid", "cycle", "valid_unique"))
        rows.append(
            [
                LABELS[result["name"]],
                f"{valid:.2%} ({verdict(100 * valid, 99.5, 2)})",
                f"{distinct / EXPECTED:.3f} ({verdict(distinct / EXPECTED, 0.99, 3)})",
                f"{cycle:.2%} ({verdict(100 * cycle, 50, 2)})",
                f"{_nats(result):.3f} ({verdict(_nats(result), 2, 3, at_least=False)})",
                commits([result]),
            ]
        )
    head = ["", "strictly valid (≥ 99.5 %)", "distinct valid ÷ expected (≥ 0.99)", "cycle consistency (≥ 50 %)"]
    return markdown([*head, "held-out nats above ln(size) (≤ 2)", "commit"], rows)


def _draws(groups: dict[str, list[Result]]) -> str:
    rows = []
    for name, members in groups.items():
        draws = [draw for member in members for draw in member["draws"]]
        steps = members[0]["prior"]["steps"] if members[0]["prior"] else "–"
        minutes = np.mean([member["train_cpu_seconds"] for member in members]) / 60
        rows.append(
            [
                LABELS[name] + (f" ({len(members)} seeds)" if len(members) > 1 else ""),
                f"{steps} ({minutes:.1f} min)",
                spread(map(_nats, members), 3),
                percent([draw["valid"] for draw in draws]),
                spread([draw["valid_unique"] / EXPECTED for draw in draws], 3),
                percent([draw["cycle"] for draw in draws]),
                percent([draw["novel"] for draw in draws]),
                spread([draw["valid_unique"] * draw["novel"] for draw in draws], 3),
                commits(members),
            ]
        )
    head = ["prior", "steps", "nats above ln(size)", "valid", "distinct ÷ expected", "cycle consistency"]
    table = markdown([*head, "novel of distinct", "novel per draw", "commit"], rows)
    return f"1,000 draws at temperature 1, mean ± standard deviation over three or ten seeds of draws.\n\n{table}"


def _curves(groups: dict[str, list[Result]]) -> str:
    wanted = [20, 40, 60, 80, 100, 120]
    rows = []
    for name, members in groups.items():
        member = members[0]
        if member["prior"] is None or member["prior"]["steps"] != wanted[-1]:
            continue
        found = {point["step"]: point["validation_loss"] for point in member["curve"]}
        cells = [f"{found[step] - member['ideal_nats']:.2f}" if step in found else "–" for step in wanted]
        rows.append([LABELS[name], *cells, commits([member])])
    text = (
        "Nats of validation cells above ln(size) after so many steps, learning rates decaying to zero at the last one. "
        "Equally likely legal codes would have 3.30 (3 · ln 75 − ln 15,625)."
    )
    return f"{text}\n\n{markdown(['prior', *map(str, wanted), 'commit'], rows)}"


def _temperatures(results: list[Result]) -> str:
    swept = [result for result in results if result["temperatures"]]
    rows = []
    for result in swept:
        cells = [
            f"{found['valid']:.1%} / {found['valid_unique'] / EXPECTED:.3f}"
            for found in result["temperatures"].values()
        ]
        rows.append([LABELS[result["name"]], *cells, commits([result])])
    table = markdown(["prior", *swept[0]["temperatures"], "commit"], rows)
    return f"Valid / distinct valid ÷ expected, one seed.\n\n{table}"
