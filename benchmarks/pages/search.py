"""The page of searches, and the README's table."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import commits, markdown, notes, provenance, spread, verdict

TITLES = {
    "sequence": "`sequence`: a predictor on learned and training-free features ranks all members",
    "random": "`random`: random search",
    "largest": "`largest`: most parameters first",
    "local": "`local`: local search",
    "evolution": "`evolution`: regularised evolution",
    "gp": "`gp`: Bayesian optimisation with a Gaussian process",
    "ensemble": "`ensemble`: network ensemble, mutations of the best",
    "latent": "`latent`: Gaussian process in a VAE's latent space",
}

HEADINGS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16": "ImageNet16-120"}

INTRO = """\
Searches are those of `archllm compare`. Each evaluates one architecture at a time, all different by canonical key, and
sees validation accuracies only. *Queries to the best*: evaluations until the architecture with the highest validation
accuracy of the whole table was evaluated, mean ± standard deviation over seeds; a search that did not find it within
its budget counts with the budget, and the mean is then marked ≥. *After 50*, *after 100*: validation accuracy of the
incumbent, mean over seeds, and in brackets the mean test accuracy of the same architectures. *Seconds*: CPU time of
100 evaluations, which is that of the method, as scores are looked up."""

POOL = """\
The closed pool of the 30,001 cells of the sample, accuracy of one training of 108 epochs. *Regret*: the pool's best
validation accuracy minus that of the incumbent, in percentage points, mean ± standard deviation over seeds."""

ABLATION = """\
`sequence` with one change at a time, the same seeds in all rows; − leaves an ingredient out, + adds one. Queries to the
best, mean ± standard deviation, and how many searches had not found it within 100 evaluations."""

FRONTS = """\
The accuracy on CIFAR-10 is maximised and the latency on a device minimised, 100 evaluations, one at a time. Hypervolume
as a share of that of all 15,625 cells, mean ± standard deviation over seeds; the reference point is the median of all
cells in each objective."""

TRIED = """\
Settings were chosen on development tasks, the scores of shorter trainings (`@12`, `@36`: epochs). One change at a
time. For NAS-Bench-201 mean queries to the best, of at most 100; for NAS-Bench-101, with half as many seeds, the mean
regret after 100. Before commit b7b451e hyperparameters were chosen after each evaluation, which makes no difference."""

TARGETS = {"cifar10": (25, 20, 91.58), "cifar100": (15, 20, 73.45), "imagenet16": (40, 19, 46.6)}
"""Task -> what `sequence` is to reach: mean queries, seeds of 20 within 100, validation accuracy after 50."""


def page(results: list[Result]) -> str:
    """The page."""
    methods = of(results, part="methods")
    parts = ["# Search", INTRO, _missing(methods), _targets(methods), _whole(methods), notes("search")]
    for task, heading in HEADINGS.items():
        if done := _by_method(methods, task):
            best = next(iter(done.values()))["optimum"]
            parts += [f"## NAS-Bench-201, {heading} (best validation accuracy {best:.2f} %)", _table(done)]
    if done := _by_method(methods, "nasbench101"):
        parts += ["## NAS-Bench-101, a pool of 30,001 cells", POOL, _pool(done)]
    if changed := of(results, part="ablation"):
        parts += ["## What each ingredient of `sequence` contributes", ABLATION, _ablation(changed)]
    if fronts := of(results, part="front"):
        parts += ["## Accuracy and latency at once", FRONTS, _fronts(fronts), _fronts_seconds(fronts)]
    if trials := of(results, part="trials"):
        parts += ["## How settings were chosen", TRIED, _trials(trials)]
    parts += ["## How it was measured", provenance(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def readme(results: list[Result]) -> str:
    """Queries to the best of all methods that searched all data sets of NAS-Bench-201."""
    rows = []
    for method, title in TITLES.items():
        found = [_by_method(of(results, part="methods"), task).get(method) for task in HEADINGS]
        if all(found):
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


def _missing(methods: list[Result]) -> str:
    missing = [
        f"`{method}` on {task}"
        for task in (*HEADINGS, "nasbench101")
        for method in TITLES
        if method not in _by_method(methods, task)
    ]
    return f"**Not yet run:** {', '.join(missing)}." if missing else ""


def _targets(methods: list[Result]) -> str:
    rows = []
    for task, (queries, seeds, after) in TARGETS.items():
        result = _by_method(methods, task).get("sequence")
        if result is None:
            continue
        runs = result["runs"]
        mean = float(np.mean([run["queries"] for run in runs]))
        within = sum(within_100(run, result["optimum"]) for run in runs)
        best = float(np.mean([incumbent(run, 50)[1] for run in runs]))
        rows.append(
            [
                HEADINGS[task],
                f"{mean:.1f} (≤ {queries}, {verdict(mean, queries, 1, at_least=False)})",
                f"{within} of {len(runs)} (≥ {seeds} of 20, {verdict(within, seeds, 0)})",
                f"{best:.2f} (≥ {after}, {verdict(best, after, 2)})",
            ]
        )
    if not rows:
        return ""
    head = ["`sequence`, targets", "mean queries to the best", "found within 100", "validation accuracy after 50"]
    return markdown(head, rows)


def _whole(methods: list[Result]) -> str:
    """What the comparison of all methods on NAS-Bench-201 costs."""
    done = [result for task in HEADINGS for result in _by_method(methods, task).values()]
    if len(done) < len(HEADINGS) * len(TITLES):
        return ""
    minutes = sum(result["wall"] for result in done) / 60
    return (
        f"All methods, data sets and seeds on NAS-Bench-201 took {minutes:.0f} minutes of jobs of one thread, that is "
        f"{minutes / 2:.0f} minutes on two cores (target: at most an hour, "
        f"{verdict(minutes / 2, 60, 0, at_least=False)}), pre-training not included."
    )


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
    if result["task"].startswith("nasbench101"):
        return spread([result["optimum"] - run["incumbents"][-1][1] for run in result["runs"]], 2)
    return spread([run["queries"] for run in result["runs"]], 1)


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


def _table(done: dict[str, Result]) -> str:
    rows = []
    for method, result in done.items():
        runs = result["runs"]
        rows.append(
            [
                TITLES[method],
                _queries(result),
                f"{np.median([run['queries'] for run in runs]):.0f}",
                f"{sum(within_100(run, result['optimum']) for run in runs)} of {len(runs)}",
                *(_incumbent(runs, after) for after in (50, 100)),
                _seconds(result),
                commits([result]),
            ]
        )
    head = ["method", "queries to the best", "median", "found within 100", "after 50 (test)", "after 100 (test)"]
    return markdown([*head, "seconds", "commit"], rows)


def _pool(done: dict[str, Result]) -> str:
    last = max(result["budget"] for result in done.values())
    rows = []
    for method, result in done.items():
        regrets = [[result["optimum"] - incumbent(run, after)[1] for run in result["runs"]] for after in (50, last)]
        shown = [spread(regret, 3) for regret in regrets]
        rows.append([TITLES[method], *shown, _seconds(result), commits([result])])
    return markdown(["method", "regret after 50", f"regret after {last}", "seconds", "commit"], rows)


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


def _queries(result: Result) -> str:
    """Mean and standard deviation; a search that did not find the best counts with its budget."""
    found = all(found_best(run, result["optimum"]) for run in result["runs"])
    return ("" if found else "≥ ") + spread([run["queries"] for run in result["runs"]], 1)


def _incumbent(runs: list[dict[str, Any]], after: int) -> str:
    best = [incumbent(run, after) for run in runs]
    tests = [each[2] for each in best]
    shown = f"{np.mean([each[1] for each in best]):.2f}"
    return shown if None in tests else f"{shown} ({np.mean(tests):.2f})"


def _seconds(result: Result) -> str:
    total = sum(run["seconds"] for run in result["runs"])
    spent = 100 * total / sum(run["queries"] for run in result["runs"])
    shown = "< 0.1" if spent < 0.1 else f"{spent:.1f}"
    return shown + (f" + {result['pre_training']:.0f} of pre-training" if result["pre_training"] else "")
