"""The page of conditional generation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import commits, markdown, notes, percent, provenance, spread

README: dict[str, Callable[[list[Result]], str]] = {}

INTRO = """\
NAS-Bench-201, 1,000 raw draws per request (temperature 1, nothing rejected), the small prior from scratch trained on
conditions with the settings that `archllm train nasbench201 --condition …` recommends. Guidance of 1 samples from the
conditional distribution itself. Mean ± standard deviation over seeds, each with a split, weights, labels and draws of
its own."""

SIZES = """\
Share of the draws inside the requested range, and, in brackets, distinct ones inside over the expected number of as
many uniform draws from the members of the range. Target: at least 90 % inside."""

TOPS = """\
Requested: a validation accuracy that 5 % of the labelled cells have. *Mean rank* is the share of the space that is
truly better, averaged over the draws that were not among the labelled cells (the labels of all cells judge); target:
at most 5 %. *Bound*: the same of the training cells that the predictor puts above the threshold. *Distinct ÷ expected*
compares with uniform draws from all cells that truly are above it; more than 1 means that others were sampled, too."""


def page(results: list[Result]) -> str:
    """The page."""
    tops, text = of(results, part="top"), of(results, part="text")
    parts = ["# Conditional generation", INTRO]
    parts += ["## A size: each tenth of the range of parameters", SIZES, _sizes(of(results, part="params"))]
    parts += ["## The top 5 %, learned from 500 labels", TOPS, _tops(tops)]
    if text:
        parts += ["## The same with a pretrained language model", _text_intro(text[0])]
        if sized := of(text, conditions=["params"]):
            parts += [_sizes(sized)]
        if others := [result for result in text if result["conditions"] != ["params"]]:
            parts += [_tops(others)]
    if trials := of(results, part="trial"):
        parts += ["## Settings that were tried", _trials(trials)]
    for result in of(results, part="joint"):
        parts += ["## Small and good at once", _joint(result)]
    parts += ["## Findings", notes("conditional_generation"), "## The models", _models(results)]
    return "\n\n".join([*parts, "## How it was measured", provenance(results)]) + "\n"


def _sizes(results: list[Result]) -> str:
    strengths = list(results[0]["found"])
    rows = []
    for number, first in enumerate(results[0]["found"][strengths[0]]):
        cells = []
        for strength in strengths:
            found = [result["found"][strength][number] for result in results]
            distinct = np.mean([one["distinct_inside"] / one["expected"] for one in found])
            cells.append(f"{percent([one['inside'] for one in found], 1)} ({distinct:.2f})")
        low, high = first["range"]
        rows.append([f"{low / 1e3:.0f} – {high / 1e3:.0f}", f"{first['members']:,}", *cells, commits(results)])
    head = ["parameters (thousands)", "members", *(f"guidance {strength}" for strength in strengths), "commit"]
    return markdown(head, rows)


def _text_intro(result: Result) -> str:
    return (
        f"`{result['base']}` with adapters, {result['steps']} steps of {result['batch']} sequences, a token for each "
        "code and for each bin of a condition; the same requests, judged in the same way."
    )


def _tops(results: list[Result]) -> str:
    rows = []
    for data in ("cifar10", "cifar100"):
        members = of(results, conditions=[data])
        for strength in members[0]["found"] if members else ():
            found = [result["found"][strength] for result in members]
            names = ("mean_rank", "mean_rank_held_out", "predicted_rank", "in_top", "valid")
            shares = (percent([one[name] for one in found], 1) for name in names)
            distinct = spread([one["distinct"] / one["expected"] for one in found], 2)
            rows.append([data, strength, *shares, distinct, commits(members)])
    head = ["data", "guidance", "mean rank", "of held-out cells", "bound", "in the top 5 %", "valid"]
    return markdown([*head, "distinct ÷ expected", "commit"], rows)


def _trials(trials: list[Result]) -> str:
    rows = []
    for result in trials:
        nats = result["held_out_nats"] - result["ideal_nats"]
        for strength, found in result["found"].items():
            shares = (f"{found[name]:.1%}" for name in ("mean_rank", "predicted_rank", "valid"))
            distinct = f"{found['distinct'] / found['expected']:.2f}"
            rows.append([result["trial"], strength, *shares, distinct, f"{nats:.3f}", commits([result])])
    head = ["change", "guidance", "mean rank", "bound", "valid", "distinct ÷ expected", "nats above ln(size)", "commit"]
    first = trials[0]
    return (
        f"The same request for the top 5 % on a development task, `{first['conditions'][0].partition('=')[2]}` with "
        f"seed {first['seed']}, by which settings were chosen; one change each.\n\n{markdown(head, rows)}"
    )


def _joint(result: Result) -> str:
    first = next(iter(result["found"].values()))
    rows = [
        [strength, *(f"{found[name]:.1%}" for name in ("small", "good", "both", "valid")), str(found["distinct"])]
        for strength, found in result["found"].items()
    ]
    return (
        f"At most {first['most_params']:,.0f} parameters and at least {first['threshold']:.2f} % on cifar10, one seed; "
        f"{first['both_in_space']:.1%} of the space are both ({commits([result])}).\n\n"
        + markdown(["guidance", "small", "good", "both", "valid", "distinct"], rows)
    )


def _models(results: list[Result]) -> str:
    groups: dict[str, list[Result]] = {}
    for result in results:
        if result["part"] != "trial":
            name = ", ".join(result["conditions"]) + (" (pretrained)" if result["part"] == "text" else "")
            groups.setdefault(name, []).append(result)
    rows = []
    for name, members in groups.items():
        nats = np.mean([result["held_out_nats"] - result["ideal_nats"] for result in members])
        shares = (percent([result["unconditional"][key] for result in members], 1) for key in ("valid", "cycle"))
        seconds = np.mean([result["train_cpu_seconds"] for result in members])
        rows.append([name, str(len(members)), f"{nats:.3f}", *shares, f"{seconds:,.0f}", commits(members)])
    head = ["conditions", "seeds", "nats above ln(size)", "valid", "cycle consistency", "CPU seconds of training"]
    table = markdown([*head, "commit"], rows)
    return f"The cost of conditions when samples are unconditional:\n\n{table}"
