"""The page of search where candidates can't be listed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import NONE, markdown, notes, provenance, spread, verdict
from benchmarks.unlisted import EPOCHS, GP, METHODS, PRE_TRAINING, SEQUENCE, TASKS, Task

README: dict[str, Callable[[list[Result]], str]] = {}

AFTER = (50, 100, 200)
"""Evaluations after which the best is told."""

FEWER, SECONDS = 100, 20.0
"""Targets: evaluations until learning pays, and CPU seconds of a method for 100 evaluations."""

TITLES = {
    "random": "`random`: random search",
    "evolution": "`evolution`: regularised evolution",
    "local": "`local`: local search",
    "gp": "`gp`: Bayesian optimisation, random members and neighbours of the best",
    "sequence-plain": "`sequence`, plain tokens",
    "sequence-plain-fixed": "`sequence`, plain tokens, − learning",
    "sequence-learned": "`sequence`, learned codes",
    "sequence-learned-fixed": "`sequence`, learned codes, − learning",
}

INTRO = f"""\
The best value after so many evaluations, one at a time and all different, mean ± standard deviation over seeds; more is
better. *Seconds*: CPU time of the method itself for 100 evaluations, scores left out; the target is at most
{SECONDS:.0f}. `sequence` starts from generators whose language models were trained for {PRE_TRAINING:.0f} CPU seconds
without scores, and sees {SEQUENCE["replay"]:,} of their draws, {SEQUENCE["draws"]} of the fine-tuned one and neighbours
of the best; `gp` sees {GP["random"]} random members and neighbours of the best, but for the pool, all of which both
rank. − *learning*: the generator is not fine-tuned."""

LEARNING = f"""\
## Does the generator matter?

Evaluations until `sequence` with learning has what the search of the same seed without it has after its last
evaluation; a search that does not come to it counts with its budget, and the mean is then marked ≥. The target is at
most {FEWER}, on three of five tasks."""


def page(results: list[Result]) -> str:
    """The page."""
    measured = [task for task in TASKS if of(results, task=task)]
    parts = ["# Search where candidates can't be listed", INTRO]
    for task in measured:
        parts += [f"## {TASKS[task].title}", _about(TASKS[task], of(results, task=task)), _table(task, results)]
    parts += [LEARNING, _learning(measured, results)]
    missing = [TASKS[task].title for task in TASKS if task not in measured]
    if missing:
        parts.append(f"Not run: {'; '.join(missing)}.")
    return "\n\n".join([*parts, notes("unlisted"), "## How it was measured", provenance(results)]) + "\n"


def _about(task: Task, results: list[Result]) -> str:
    """What the scores of a task are."""
    about, points = results[0]["surrogate"], task.points
    if task.score == "pool":
        return f"The best of the pool has {points * about['optimum']:.2f}."
    if task.score == "digits":
        return (
            f"Validation accuracy after {EPOCHS} passes, in percent, of members whose networks have no more "
            "multiply-accumulates than the median member. In its conditions a training is the same whenever it is made."
        )
    if task.score == "zen":
        return "Members whose networks have no more multiply-accumulates than the median member."
    return (
        f"Gradient-boosted trees on {about['members'] - 3_000:,} scored members; of 3,000 others, whose scores have a "
        f"standard deviation of {points * about['deviation']:.2f}, they miss {points * about['error']:.2f} (root mean "
        f"square) and order them with Kendall's tau {about['tau']:.2f}. Noise with a standard deviation of "
        f"{points * about['noise']:.2f} is added, what they miss of the better half; it is the same whenever a member "
        "is evaluated."
    )


def _table(task: str, results: list[Result]) -> str:
    head = ["method", "seeds", *(f"best after {after}" for after in AFTER), "seconds"]
    rows = []
    for method in METHODS:
        own = of(results, task=task, method=method)
        if own:
            points = TASKS[task].points
            best = [spread((_best(result, after) for result in own), 2, points) for after in AFTER]
            seconds = spread((100 * result["method_seconds"] / result["queries"] for result in own), 1)
            rows.append([TITLES[method], str(len(own)), *best, seconds])
    return markdown(head, rows)


def _best(result: Result, after: int) -> float | None:
    """The best value of the first evaluations, if there were as many."""
    if result["budget"] < after:
        return None
    return max((value for query, value in result["incumbents"] if query <= after), default=None)


def _learning(tasks: list[str], results: list[Result]) -> str:
    """How soon learning on has what learning off has in the end, task by task."""
    methods = {"sequence-plain": "plain tokens", "sequence-learned": "learned codes"}
    rows, met = [], dict.fromkeys(methods, 0)
    for task in tasks:
        row = [TASKS[task].title]
        for method in methods:
            fixed = {result["seed"]: result for result in of(results, task=task, method=f"{method}-fixed")}
            pairs = [(one, fixed[one["seed"]]) for one in of(results, task=task, method=method) if one["seed"] in fixed]
            if not pairs:
                row += ["0", NONE, NONE]
                continue
            found = [_until(one, _best(other, other["budget"])) for one, other in pairs]
            queries = [one["budget"] if query is None else query for query, (one, _) in zip(found, pairs, strict=True)]
            same = all(one["incumbents"] == other["incumbents"] for one, other in pairs)
            judged = not (same or TASKS[task].tried)
            met[method] += (mean := float(np.mean(queries))) <= FEWER and judged
            told = "the same search" if same else verdict(mean, FEWER, 0, at_least=False)
            row += [str(len(pairs)), ("≥ " if None in found else "") + spread(queries, 0), told]
        rows.append(row)
    head = ["task", *(word for name in methods.values() for word in ("seeds", name, f"at most {FEWER}"))]
    counts = ", ".join(f"{name} on {met[method]}" for method, name in methods.items())
    of_all = [task for task in TASKS if not TASKS[task].tried]
    tried = [f"`{task}`" for task in tasks if TASKS[task].tried]
    each = "them" if len(tried) > 1 else "it"
    told = f" Methods were tried on {' and '.join(tried)}, so the target is not judged by {each}." if tried else ""
    measured = sum(task in tasks for task in of_all)
    return markdown(head, rows) + f"\n\nMet: {counts}, of {measured} measured and {len(of_all)} in all.{told}"


def _until(result: Result, value: float | None) -> int | None:
    """Evaluations until a search has a value."""
    return next((query for query, own in result["incumbents"] if value is not None and own >= value), None)
