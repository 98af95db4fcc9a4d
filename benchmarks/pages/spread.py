"""The page of the spread over training seeds and ways of rounding."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import markdown, notes, percent, provenance, spread

TARGET = 0.999
"""Least share of valid draws, of each training seed."""

SEEDS, WAYS = 10, 2
"""Training seeds and ways of rounding that a space needs, so that its target can be met."""

TITLES = {
    "nasbench201": "NAS-Bench-201",
    "transnasbench": "transnasbench, 4,096 members",
    "choices-4096": "own file: six choices of four values, 4,096 members",
    "nodes-4117": "own file: cells of up to 5 nodes, 4,117 members",
}

README: dict[str, Callable[[list[Result]], str]] = {}

INTRO = """\
The recommended settings, trained once for each training seed and way of rounding; then 10,000 raw draws (temperature 1,
nothing masked, nothing rejected) of each training. Other numbers of threads and other instructions add up in another
order, and hundreds of optimiser steps make another model of it, so they stand in for other machines. *No member*: the
probability that the codes of a draw are not those of a member, added up over all members instead of drawn; of 10,000
draws, the share that is invalid scatters around it. *÷ expected*: what as many independent uniform draws give on
average. Target: at least 99.9 % of the draws valid in each training, not only on average."""

HEAD = [
    "space",
    "rounding",
    "seeds",
    "valid",
    "lowest",
    "at least 99.9 %",
    "no member (highest)",
    "distinct ÷ expected",
    "novel ÷ expected",
    "cycle",
    "nats above ln(size)",
    "CPU seconds of training",
]

TRIED = """\
NAS-Bench-201, on training seeds that are not in the table above; mean ± standard deviation over them, where there are
two. All keep the weights of the last step, unless it says that validation chose."""


def page(results: list[Result]) -> str:
    """The page."""
    final = of(results, trial="")
    parts = ["# Spread over training seeds and machines", INTRO, _verdict(final), markdown(HEAD, _rows(final))]
    tried = [result for result in results if result["trial"]]
    if tried:
        parts += ["## Settings that were tried", TRIED, _tried(tried)]
    return "\n\n".join([*parts, notes("spread"), "## How it was measured", provenance(results)]) + "\n"


def _verdict(final: list[Result]) -> str:
    """For each space, how many trainings reach the target."""
    lines = []
    for space, title in TITLES.items():
        done = of(final, space=space)
        valid = [result["valid"] for result in done]
        seeds, ways = (len({result[key] for result in done}) for key in ("seed", "rounding"))
        if valid:
            reached = sum(value >= TARGET for value in valid)
            if reached < len(valid):
                told = f"missed by {100 * (TARGET - min(valid)):.2f} points at the worst"
            else:
                told = "met" if seeds >= SEEDS and ways >= WAYS else f"open, as the target speaks of {SEEDS} seeds"
            trained = f"{len(valid)} trainings ({seeds} seeds, {ways} ways of rounding)"
            lines.append(f"- {title}: {reached} of {trained} reach 99.9 %, {told}.")
        else:
            lines.append(f"- {title}: not measured yet.")
    return "\n".join(lines)


def _rows(final: list[Result]) -> list[list[str]]:
    rows = []
    for space, title in TITLES.items():
        own = of(final, space=space)
        roundings = list(dict.fromkeys(result["rounding"] for result in own))
        rows += [[title, rounding, *_cells(of(own, rounding=rounding))] for rounding in roundings]
        if len(roundings) > 1:
            rows.append([title, "**all**", *_cells(own)])
    return rows


def _cells(own: list[Result]) -> list[str]:
    valid = [result["valid"] for result in own]
    return [
        str(len(own)),
        percent(valid),
        f"{100 * min(valid):.2f} %",
        f"{sum(value >= TARGET for value in valid)} of {len(valid)}",
        _no_member(own),
        spread((result["distinct"] for result in own), 4),
        spread((result["novel"] for result in own), 3),
        percent(result["cycle"] for result in own),
        spread((result["nats_above"] for result in own), 3),
        spread((result["train_cpu_seconds"] for result in own), 0),
    ]


def _no_member(own: list[Result]) -> str:
    highest = max(result["no_member"] for result in own)
    return f"{percent((result['no_member'] for result in own), 3)} ({100 * highest:.3f} %)"


def _tried(tried: list[Result]) -> str:
    rows = []
    for trial in dict.fromkeys(result["trial"] for result in tried):
        own = of(tried, trial=trial)
        more = (spread((result[key] for result in own), digits) for key, digits in (("novel", 3), ("nats_above", 3)))
        rows.append([trial, ", ".join(str(result["seed"]) for result in own), _no_member(own), *more])
    head = ["settings", "training seeds", "no member (highest)", "novel ÷ expected", "nats above ln(size)"]
    return markdown(head, rows)
