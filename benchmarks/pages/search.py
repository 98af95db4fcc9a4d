"""The page of searches, their curves, and the README's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import optuna_loop
from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import commits, markdown, notes, provenance, spread, verdict
from benchmarks.pages.search_measure import (
    AFTER,
    NEAR,
    against,
    curves,
    mean_ranks,
    queries_within,
    regrets,
)
from benchmarks.tasks import TASKS, Role, applicable, named

TITLES = {
    "sequence": "`sequence`: a predictor on learned and training-free features ranks all members",
    "random": "`random`: random search",
    "largest": "`largest`: most parameters first",
    "local": "`local`: local search",
    "evolution": "`evolution`: regularised evolution",
    "gp": "`gp`: Bayesian optimisation with a Gaussian process",
    "ensemble": "`ensemble`: network ensemble, mutations of the best",
    "latent": "`latent`: Gaussian process in a VAE's latent space",
    "optuna:tpe": "`optuna:tpe`: Optuna's tree-structured Parzen estimator",
    "optuna:gp": "`optuna:gp`: Optuna's Gaussian process",
    "optuna:nsga2": "`optuna:nsga2`: Optuna's NSGA-II",
    "smac:hpo": "`smac:hpo`: SMAC3's random forest",
    "nevergrad:ngopt": "`nevergrad:ngopt`: Nevergrad's NGOpt",
}

FRONTS_ONLY = ("optuna:nsga2",)
"""Methods of several objectives alone."""

SINGLE = tuple(method for method in TITLES if method not in FRONTS_ONLY)

HEADINGS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16": "ImageNet16-120"}
"""Test tasks of NAS-Bench-201."""

PARTS: dict[Role, str] = {"test": "methods", "development": "development"}
"""Parts of the benchmark in which all methods search."""

INTRO = f"""\
Searches are those of `archllm compare`. Each evaluates one architecture at a time, all different by canonical key, and
sees validation scores only; random draws of methods are independent of each other, but for the first ten of Optuna's
two samplers, which are the same. *Regret*: the best score of the whole table minus that of the incumbent, in percentage
points (hundredths of a loss), mean ± standard deviation over seeds. *Within {NEAR}*: evaluations until the regret was
at most {NEAR}; *to the best*: until the best of all was evaluated; a search that came to neither counts with its
budget, and the mean is then marked ≥. *Test*: mean test accuracy of the incumbents after 100, where the table has one.
*Seconds*: CPU time of 100 evaluations, which is that of the method, as scores are looked up. Curves with quartiles are
in [search-curves.csv](search-curves.csv)."""

RANKED = """\
*Mean rank*: methods are ranked on each task by their mean regret, and ranks averaged over tasks; in brackets the 95 %
interval of a bootstrap over tasks and, within them, over seeds. *Against `sequence`*: on how many tasks `sequence` has
a lower / an indistinguishable / a higher regret after 50 and after 100, by permutation tests corrected for the number
of tasks (Holm)."""

ROLES: dict[Role, str] = {
    "test": "Test tasks: nothing was chosen by them",
    "development": "Development tasks: settings of `sequence` and `gp` were chosen by them",
}

ABLATION = """\
`sequence` with one change at a time, the same seeds in all rows; − leaves an ingredient out, + adds one. Queries to the
best, mean ± standard deviation, and how many searches had not found it within 100 evaluations."""

FRONTS = """\
The accuracy on CIFAR-10 is maximised and the latency on a device minimised, 100 evaluations, one at a time. Hypervolume
as a share of that of all 15,625 cells, mean ± standard deviation over seeds; the reference point is the median of all
cells in each objective."""

TRIED = """\
Settings were chosen on development tasks. One change at a time; regret after 50, mean ± standard deviation over
seeds."""

LOOP = f"""\
`sequence` as a sampler of Optuna beside Optuna's own at their defaults, on NAS-Bench-201 as six categorical parameters.
Trials until one is within {NEAR} points of the best, mean ± standard deviation; repeats count, and a study that did not
come there counts with all its trials, and the mean is then marked ≥. Target: half of those of the best of Optuna's or
fewer."""

LOOP_SHARE = 0.5
"""Trials of `sequence`, of those that the best of Optuna's samplers needs, that are aimed at."""

TARGETS = {"cifar10": (20, 15), "cifar100": (13, 12), "imagenet16": (40, 25)}
"""Task -> mean queries that `sequence` is to need to the best, and to within 0.2 points of it."""


def page(results: list[Result]) -> str:
    """The page."""
    methods = of(results, part="methods")
    parts = ["# Search", INTRO, _missing(results), _targets(methods), _against_all(methods), _whole(results)]
    parts += [notes("search")]
    for role, heading in ROLES.items():
        found = of(results, part=PARTS[role])
        if not found:
            continue
        parts += [f"## {heading}", _ranking(found, role)]
        for task in named(role):
            if done := _by_method(found, task):
                best = TASKS[task].points * next(iter(done.values()))["optimum"]
                parts += [f"### {TASKS[task].title} (best score {best:.2f})", _table(done, task)]
    if changed := of(results, part="ablation"):
        parts += ["## What each ingredient of `sequence` contributes", ABLATION, _ablation(changed)]
    if fronts := of(results, part="front"):
        parts += ["## Accuracy and latency at once", FRONTS, _fronts(fronts), _fronts_seconds(fronts)]
    if loop := of(results, part="loop"):
        parts += ["## Within Optuna's own loop", LOOP, _loop(loop)]
    if trials := of(results, part="trials"):
        parts += ["## How settings were chosen", TRIED, _trials(trials)]
    parts += ["## How it was measured", provenance(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def curves_file(results: list[Result]) -> str:
    """Regrets over evaluations of all methods on all tasks, as CSV."""
    found = {}
    for role, part in PARTS.items():
        for task in named(role):
            for method, result in _by_method(of(results, part=part), task).items():
                found[task, method] = result["runs"], result["optimum"], TASKS[task].points
    return curves(found)


FILES = {"search-curves.csv": curves_file}
"""Further files beside the page."""


def readme(results: list[Result]) -> str:
    """Queries to the best of all methods that searched all data sets of NAS-Bench-201 with the longest budget."""
    rows = []
    longest = max((each["budget"] for each in of(results, part="methods")), default=0)
    for method, title in TITLES.items():
        found = [_by_method(of(results, part="methods"), task).get(method) for task in HEADINGS]
        if all(each and each["budget"] == longest for each in found):
            told = title + (_fine_tuning(of(results, part="ablation")) if method == "sequence" else "")
            rows.append([told, *(_queries(result) for result in found if result)])
    return markdown(["evaluations until the best cell of NAS-Bench-201 is found", *HEADINGS.values()], rows)


DRAWN = ("candidates: draws and neighbours of the best", "candidates: draws and neighbours, − learning")
"""Changes that differ in fine-tuning alone."""

README = {"search": readme}


def _fine_tuning(ablation: list[Result]) -> str:
    """What fine-tuning the generator on scores contributes where its draws are ranked, as the ablation tells."""
    rows = [of(ablation, change=change, task="cifar100") for change in DRAWN]
    if not all(rows):
        return ""
    on, off = ([run["queries"] for run in found[0]["runs"]] for found in rows)
    same = abs(np.mean(on) - np.mean(off)) < np.std(on, ddof=1) / len(on) ** 0.5
    effect = "changes nothing" if same else "matters"
    seen = f"CIFAR-100, {len(on)} seeds: {np.mean(on):.1f} with, {np.mean(off):.1f} without"
    return f"; with draws as candidates, fine-tuning {effect} ({seen})"


def _by_method(methods: list[Result], task: str) -> dict[str, Result]:
    found = {result["method"]: result for result in of(methods, task=task)}
    return {method: found[method] for method in TITLES if method in found}


def _missing(results: list[Result]) -> str:
    told: dict[str, list[str]] = {}
    for role, part in PARTS.items():
        for task in named(role):
            done = _by_method(of(results, part=part), task)
            missing = [f"`{method}`" for method in SINGLE if method not in done and applicable(method, task)]
            if missing:
                told.setdefault(", ".join(missing) if done else "all methods", []).append(task)
    each = [f"{who} on {', '.join(tasks)}" for who, tasks in told.items()]
    return f"**Not yet run:** {'; '.join(each)}." if told else ""


def _targets(methods: list[Result]) -> str:
    rows = []
    for task, bounds in TARGETS.items():
        result = _by_method(methods, task).get("sequence")
        if result is None:
            continue
        shown = []
        for near, bound in zip((0.0, NEAR), bounds, strict=True):
            mean = float(np.mean([each for each, _ in _reached(result, near)]))
            shown.append(f"{mean:.1f} (≤ {bound}, {verdict(mean, bound, 1, at_least=False)})")
        rows.append([HEADINGS[task], *shown])
    if not rows:
        return ""
    return markdown(["`sequence`, targets", "mean queries to the best", f"to within {NEAR} points"], rows)


def _against_all(found: list[Result]) -> str:
    """Targets of `sequence` among all methods on the test tasks that it searched."""
    tasks, methods = _ranked(found, "test")
    if not tasks or len(methods) < 2 or "sequence" not in methods:
        return ""
    rows = []
    values = _regrets(found, tasks, methods)
    own = methods.index("sequence")
    for after in (50, 100):
        at = AFTER.index(after)
        mean, _, high = mean_ranks([[each[:, at] for each in task] for task in values])
        second = min(np.delete(mean, own))
        told = "met" if high[own] < second else "first, not by as much" if mean[own] < second else "missed"
        what = f"mean rank after {after}, {len(tasks)} tasks: first, the interval excludes the second"
        rows.append([what, f"{mean[own]:.2f}, at most {high[own]:.2f}; the second {second:.2f}", told])
    for after in (50, 100):
        behind = [f"{task} ({more:.2f})" for task in tasks if (more := _behind(found, task, after)) > 0]
        told = "met" if not behind else f"missed on {len(behind)}"
        what = f"regret after {after} at most one standard error above the best other method's, on each task"
        rows.append([what, ", ".join(behind) or "on each", told])
    if "nasbench101" in tasks:
        share = _share_of_best(found, "nasbench101", 100)
        what = "NAS-Bench-101 pool, regret after 100, of the best other method's: at most half"
        rows.append([what, f"{share:.2f}", verdict(share, 0.5, 2, at_least=False)])
    return markdown(["`sequence`, targets among all methods", "measured", "verdict"], rows)


def _others(found: list[Result], task: str, after: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Regrets of `sequence` on a task, and of the method with the least mean regret of all others."""
    at = AFTER.index(after)
    done = {
        method: regrets(each["runs"], each["optimum"], TASKS[task].points)[:, at]
        for method, each in _by_method(found, task).items()
    }
    own = done.pop("sequence")
    return own, min(done.values(), key=lambda each: float(each.mean()))


def _behind(found: list[Result], task: str, after: int) -> float:
    """By how much the regret of `sequence` is above the least of all others, if by more than one standard error."""
    own, best = _others(found, task, after)
    error = np.sqrt(own.var(ddof=1) / len(own) + best.var(ddof=1) / len(best))
    more = float(own.mean() - best.mean())
    return more if more > error else 0.0


def _share_of_best(found: list[Result], task: str, after: int) -> float:
    own, best = _others(found, task, after)
    return float(own.mean() / best.mean()) if best.mean() else float("inf")


def _whole(results: list[Result]) -> str:
    """What the comparison of all methods on all tasks costs."""
    done = [result for part in PARTS.values() for result in of(results, part=part)]
    if len(done) < sum(applicable(method, task) for task in TASKS for method in SINGLE):
        return ""
    minutes = sum(result["wall"] for result in done) / 60
    return (
        f"All methods, tasks and seeds took {minutes:.0f} minutes of jobs of one thread, that is {minutes / 2:.0f} "
        f"minutes on two cores (target: at most two hours, {verdict(minutes / 2, 120, 0, at_least=False)}), "
        "pre-training not included."
    )


def _ranking(found: list[Result], role: Role) -> str:
    """Mean ranks of the methods that searched all tasks of a role that `sequence` searched; without it, any method."""
    tasks, methods = _ranked(found, role)
    if len(methods) < 2:
        return ""
    values = _regrets(found, tasks, methods)
    columns = [mean_ranks([[each[:, at] for each in task] for task in values]) for at in range(len(AFTER))]
    rows = []
    for number, method in enumerate(methods):
        shown = [f"{mean[number]:.1f} ({low[number]:.1f} to {high[number]:.1f})" for mean, low, high in columns]
        rows.append([TITLES[method], *shown, *_against(values, methods, number)])
    head = ["method", *(f"mean rank after {after}" for after in AFTER), "against `sequence`, 50", "100"]
    left_out = [f"`{method}`" for method in SINGLE if method not in methods]
    told = f" Not ranked, as they did not search all of them: {', '.join(left_out)}." if left_out else ""
    return f"{RANKED} Over {len(tasks)} tasks: {', '.join(tasks)}.{told}\n\n{markdown(head, rows)}"


def _ranked(found: list[Result], role: Role) -> tuple[list[str], list[str]]:
    """Tasks that `sequence` searched (without it, that any method did), and the methods that searched all of them."""
    done = {task: _by_method(found, task) for task in named(role)}
    tasks = [task for task in done if "sequence" in done[task]] or [task for task in done if done[task]]
    return tasks, [method for method in TITLES if all(method in done[task] for task in tasks)]


def _regrets(found: list[Result], tasks: Sequence[str], methods: Sequence[str]) -> list[list[NDArray[np.float64]]]:
    """For each task and method, `seeds x len(AFTER)` regrets."""
    return [
        [regrets(result["runs"], result["optimum"], TASKS[task].points) for result in _of_all(found, task, methods)]
        for task in tasks
    ]


def _against(values: Sequence[Sequence[Any]], methods: Sequence[str], number: int) -> list[str]:
    """How many tasks `sequence` is better, level and worse on than the method of a number."""
    if "sequence" not in methods or methods[number] == "sequence":
        return ["", ""]
    own = methods.index("sequence")
    found = []
    for at in (AFTER.index(50), AFTER.index(100)):
        counts = against([task[own][:, at] for task in values], [task[number][:, at] for task in values])
        found.append(" / ".join(map(str, counts)))
    return found


def _of_all(found: list[Result], task: str, methods: Sequence[str]) -> list[Result]:
    done = _by_method(found, task)
    return [done[method] for method in methods]


def _ablation(results: list[Result]) -> str:
    tasks = [task for task in HEADINGS if of(results, task=task)]
    rows = []
    for change in dict.fromkeys(result["change"] for result in results):
        found = [of(results, change=change, task=task) for task in tasks]
        shown = [_ablated(each[0]) if each else "–" for each in found]
        rows.append([change, *shown, commits(result for each in found for result in each)])
    return markdown([f"`sequence`, {results[0]['seeds']} seeds", *(HEADINGS[task] for task in tasks), "commit"], rows)


def _ablated(result: Result) -> str:
    runs = result["runs"]
    missed = sum(not within_100(run, result["optimum"]) for run in runs)
    extra = float(np.mean([run.get("lower_fidelity", 0) for run in runs]))
    cost = f", and {extra:.0f} lower-fidelity evaluations at 6 % of the cost each" if extra else ""
    return _queries(result) + (f"; not found within 100: {missed} of {len(runs)}" if missed else "") + cost


def _trials(results: list[Result]) -> str:
    tasks = list(dict.fromkeys(result["task"] for result in results))
    rows = []
    for trial in dict.fromkeys(result["trial"] for result in results):
        found = [of(results, trial=trial, task=task) for task in tasks]
        shown = [_tried(each[0]) if each else "–" for each in found]
        rows.append([trial, *shown, commits(result for each in found for result in each)])
    seeds = max(result["seeds"] for result in results)
    return markdown([f"`sequence`, {seeds} seeds", *tasks, "commit"], rows)


def _tried(result: Result) -> str:
    return spread(regrets(result["runs"], result["optimum"], TASKS[result["task"]].points, (50,))[:, 0], 2)


def _fronts(results: list[Result]) -> str:
    methods = [method for method in TITLES if of(results, method=method)]
    rows = []
    for device in dict.fromkeys(result["device"] for result in results):
        found = [of(results, device=device, method=method) for method in methods]
        shares = [spread([run["shares"]["100"] for result in each for run in result["runs"]], 3) for each in found]
        rows.append([device, *shares, commits(result for each in found for result in each)])
    head = [f"device, {results[0]['seeds']} seeds", *(f"`{method}`" for method in methods), "commit"]
    return markdown(head, rows)


def _fronts_seconds(results: list[Result]) -> str:
    spent = {
        method: [run["seconds"] for result in of(results, method=method) for run in result["runs"]] for method in TITLES
    }
    each = ", ".join(f"`{method}` {np.mean(seconds):.1f}" for method, seconds in spent.items() if seconds)
    return f"CPU seconds of a method for 100 evaluations: {each}."


def _loop(results: list[Result]) -> str:
    rows = []
    for task in dict.fromkeys(result["task"] for result in results):
        found = {result["method"]: result for result in of(results, task=task)}
        means = {method: float(np.mean([run["trials"] for run in each["runs"]])) for method, each in found.items()}
        own, others = means.pop("sequence", None), list(means.values())
        share = own / min(others) if own is not None and others else None
        told = "–" if share is None else f"{share:.2f} ({verdict(share, LOOP_SHARE, 2, at_least=False)})"
        cells = [_studies(found[method]) if method in found else "–" for method in optuna_loop.METHODS]
        rows.append([TASKS[task].title, *cells, told, commits(found.values())])
    head = [f"task, {results[0]['seeds']} studies each", *(f"`{method}`" for method in optuna_loop.METHODS)]
    return markdown([*head, "share of the best of Optuna's", "commit"], rows)


def _studies(result: Result) -> str:
    all_there = all(run["reached"] for run in result["runs"])
    return ("" if all_there else "≥ ") + spread([run["trials"] for run in result["runs"]], 1)


def _table(done: dict[str, Result], task: str) -> str:
    rows = []
    for method, result in done.items():
        values = regrets(result["runs"], result["optimum"], TASKS[task].points)
        rows.append(
            [
                TITLES[method],
                *(spread(column, 2) for column in values.T),
                _queries(result, NEAR),
                _queries(result),
                _tests(result),
                _seconds(result),
                commits([result]),
            ]
        )
    head = ["method", *(f"regret after {after}" for after in AFTER), f"within {NEAR}", "to the best", "test"]
    return markdown([*head, "seconds", "commit"], rows)


def found_best(run: dict[str, Any], optimum: float) -> bool:
    """Whether a search found the best of all."""
    return bool(run["incumbents"][-1][1] >= optimum)


def within_100(run: dict[str, Any], optimum: float) -> bool:
    """Whether it did so within 100 evaluations."""
    return found_best(run, optimum) and run["queries"] <= 100


def incumbent(run: dict[str, Any], after: int) -> list[Any]:
    """The best after so many evaluations: evaluation, score, test score."""
    found: list[Any] = [each for each in run["incumbents"] if each[0] <= after][-1]
    return found


def _reached(result: Result, near: float = 0.0) -> list[tuple[int, bool]]:
    """Queries of each search to so many points from the best, and whether it came there."""
    points = TASKS[result["task"]].points
    return [queries_within(run, near, result["optimum"], points, result["budget"]) for run in result["runs"]]


def _queries(result: Result, near: float = 0.0) -> str:
    """Mean and standard deviation; a search that did not come there counts with its budget."""
    found = _reached(result, near)
    return ("" if all(there for _, there in found) else "≥ ") + spread([queries for queries, _ in found], 1)


def _tests(result: Result) -> str:
    tests = [incumbent(run, 100)[2] for run in result["runs"]]
    return "–" if None in tests else f"{np.mean(tests):.2f}"


def _seconds(result: Result) -> str:
    total = sum(run["seconds"] for run in result["runs"])
    spent = 100 * total / sum(run["queries"] for run in result["runs"])
    shown = "< 0.1" if spent < 0.1 else f"{spent:.1f}"
    return shown + (f" + {result['pre_training']:.0f} of pre-training" if result["pre_training"] else "")
