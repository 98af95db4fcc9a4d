"""docs/results/search.{json,md} from the files of the jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from archllm.files import write_text
from benchmarks.record import ROOT, put_into_readme, write_json
from benchmarks.search import (
    ABLATED,
    CHANGES,
    DEVICES,
    FRONT_BUDGET,
    FRONT_METHODS,
    METHODS,
    SHORT,
    TASKS,
    TRIAL_TASKS,
    TRIALS,
)

Result = dict[str, Any]

TITLES = {
    "sequence": "`sequence`: a generator that learns what to write",
    "random": "`random`",
    "largest": "`largest`: most parameters first",
    "local": "`local`: local search",
    "evolution": "`evolution`: regularised evolution",
    "gp": "`gp`: Gaussian process",
    "ensemble": "`ensemble`: networks on paths, mutations of the best",
    "latent": "`latent`: Gaussian process in a VAE's latent space",
}

HEADINGS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16": "ImageNet16-120"}

INTRO = """\
Every evaluation is of another architecture (by canonical key), one at a time, and shows the searcher the validation
accuracy alone. *Queries to the best*: evaluations until the architecture with the highest validation accuracy of the
whole table was asked for, mean ± standard deviation over seeds; a search that did not get there within its budget
counts with the budget, and the mean is then marked ≥. *After 50*, *after 100*: validation accuracy of the best so far,
mean over seeds, and in brackets the mean test accuracy of the same architectures, which no searcher sees. *Seconds* are
CPU time of the search itself for 100 evaluations (asking, telling, looking up the score; the first look at the domain
included)."""

POOL = """\
The closed pool of the 30,001 cells of the sample, accuracy of one training of 108 epochs. *Regret*: the pool's best
validation accuracy less that of the best so far, in percentage points, mean ± standard deviation over seeds."""


ABLATION = """\
`sequence` with one change at a time, the same seeds in all rows: queries to the best, mean ± standard deviation, and
how many seeds needed more than 100."""

FRONTS = f"""\
The accuracy on CIFAR-10 is maximised and the latency on a device minimised, {FRONT_BUDGET} evaluations, one at a time.
Hypervolume as a share of that of all 15,625 cells, mean ± standard deviation over seeds; what is worse than the median
of all cells in either objective counts for nothing."""

TRIED = """\
Scores of shorter trainings (`@12`, `@36`: epochs), which are not judged, and seeds that are not judged. One change at a
time; all members are ranked and nothing is learned, which is quick. For NAS-Bench-201 mean queries to the best, of at
most 100, for NAS-Bench-101, with half as many seeds, the mean regret after 100."""

TARGETS = {"cifar10": (25, 20, 91.58), "cifar100": (15, 20, 73.45), "imagenet16": (40, 19, 46.6)}
"""Data set -> what `sequence` is to reach: mean queries, seeds of 20 within 100, validation accuracy after 50."""


def write_page(results: list[Result], folder: Path) -> None:
    """Writes what was measured as JSON and the page that shows what follows from it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "search.json", results)
    by_task = {task: _of(results, task) for task in TASKS}
    parts = ["# Search", _head(results), INTRO, _missing(by_task), _targets(by_task), _whole(by_task), _notes()]
    for task, heading in HEADINGS.items():
        if by_task[task]:
            best = next(iter(by_task[task].values()))["optimum"]
            parts += [f"## NAS-Bench-201, {heading} (best validation accuracy {best:.2f} %)", _table(by_task[task])]
    if by_task["nasbench101"]:
        parts += ["## NAS-Bench-101, a pool of 30,001 cells", POOL, _pool(by_task["nasbench101"])]
    changed = [result for result in results if "change" in result]
    if changed:
        parts += ["## What each ingredient of `sequence` does", ABLATION, _ablation(changed)]
    fronts = [result for result in results if "device" in result]
    if fronts:
        parts += ["## Accuracy and latency at once", FRONTS, _fronts(fronts), _fronts_seconds(fronts)]
    trials = [result for result in results if "trial" in result]
    if trials:
        parts += ["## How settings were chosen", TRIED, _trials(trials)]
    write_text(folder / "search.md", "\n\n".join(part for part in parts if part) + "\n")


def write_readme(results: list[Result], root: Path = ROOT) -> None:
    """Puts the queries to the best of all methods into the README."""
    rows = []
    for method in METHODS:
        found = [_of(results, task).get(method) for task in HEADINGS]
        if all(found):
            rows.append([TITLES[method], *(_queries(result) for result in found if result)])
    head = ["evaluations until the best cell of NAS-Bench-201 is found", *HEADINGS.values()]
    if rows:
        put_into_readme("search", _markdown(head, rows), root)


def _of(results: list[Result], task: str) -> dict[str, Result]:
    plain = [result for result in results if result.get("task") == task and "change" not in result]
    found = {result["method"]: result for result in plain}
    return {method: found[method] for method in METHODS if method in found}


def _head(results: list[Result]) -> str:
    about = results[-1]["about"]
    commits = ", ".join(sorted({result["about"]["commit"] for result in results}))
    loads = [result["about"]["load"] for result in results]
    main = [result for result in results if not {"change", "device", "trial"} & set(result)] or results
    budget = max(result["budget"] for result in main)
    return (
        f"`python -m benchmarks.search --seeds {main[0]['seeds']} --budget {budget}` · commit {commits} · "
        f"{about['machine']}, {about['threads']} thread a job, load average {min(loads):.0f} to {max(loads):.0f} at "
        f"the end of jobs · torch {about['torch']} · {about['date']} · "
        f"{sum(result['wall'] for result in results) / 60:.0f} minutes of jobs"
    )


def _missing(by_task: dict[str, dict[str, Result]]) -> str:
    missing = [f"`{method}` on {task}" for task, done in by_task.items() for method in METHODS if method not in done]
    return f"**Not yet run:** {', '.join(missing)}." if missing else ""


def _targets(by_task: dict[str, dict[str, Result]]) -> str:
    rows = []
    for task, (queries, seeds, after) in TARGETS.items():
        if "sequence" not in by_task[task]:
            continue
        result = by_task[task]["sequence"]
        runs = result["runs"]
        mean = float(np.mean([run["queries"] for run in runs]))
        within = sum(reached(run, result["optimum"]) and run["queries"] <= 100 for run in runs)
        best = float(np.mean([incumbent(run, 50)[2] for run in runs]))
        goals = (f"≤ {queries}", mean <= queries), (f"≥ {seeds} of 20", within >= seeds), (f"≥ {after}", best >= after)
        found = f"{mean:.1f}", f"{within} of {len(runs)}", f"{best:.2f}"
        each = [
            f"{value} ({goal}, {'met' if met else 'missed'})" for value, (goal, met) in zip(found, goals, strict=True)
        ]
        rows.append([HEADINGS[task], *each])
    if not rows:
        return ""
    head = ["`sequence` against its aims", "mean queries to the best", "within 100", "validation accuracy after 50"]
    return _markdown(head, rows)


def _whole(by_task: dict[str, dict[str, Result]]) -> str:
    """What the comparison of all methods on NAS-Bench-201 costs."""
    done = [result for task in HEADINGS for result in by_task[task].values()]
    if len(done) < len(HEADINGS) * len(METHODS):
        return ""
    minutes = sum(result["wall"] for result in done) / 60
    met = "met" if minutes <= 120 else "missed"
    return (
        f"All methods, data sets and seeds on NAS-Bench-201 took {minutes:.0f} minutes of jobs of one thread: "
        f"{minutes / 2:.0f} minutes on two cores (aim: at most an hour, {met}), pre-training apart."
    )


def _ablation(results: list[Result]) -> str:
    rows = []
    for change in CHANGES:
        found = {result["task"]: result for result in results if result["change"] == change}
        rows.append([change, *(_ablated(found[task]) if task in found else "–" for task in ABLATED)])
    seeds = results[0]["seeds"]
    return _markdown([f"`sequence`, {seeds} seeds", *(HEADINGS[task] for task in ABLATED)], rows)


def _ablated(result: Result) -> str:
    queries = [run["queries"] for run in result["runs"]]
    lost = any(not reached(run, result["optimum"]) for run in result["runs"])
    late = sum(
        count > 100 or not reached(run, result["optimum"]) for run, count in zip(result["runs"], queries, strict=True)
    )
    bought = float(np.mean([run.get("bought", 0) for run in result["runs"]]))
    price = f", and {bought:.0f} scores of 6 % of the epochs each" if bought else ""
    return ("≥ " if lost else "") + _spread(queries, 1) + (f", {late} late" if late else "") + price


def _trials(results: list[Result]) -> str:
    rows = []
    for trial in TRIALS:
        found = {result["task"]: result for result in results if result["trial"] == trial}
        rows.append([trial, *(_tried(found[task]) if task in found else "–" for task in TRIAL_TASKS)])
    return _markdown([f"`sequence`, {max(result['seeds'] for result in results)} seeds", *TRIAL_TASKS], rows)


def _tried(result: Result) -> str:
    if result["task"].startswith("nasbench101"):
        return _spread([result["optimum"] - run["incumbents"][-1][2] for run in result["runs"]], 2)
    return _spread([run["queries"] for run in result["runs"]], 1)


def _fronts(results: list[Result]) -> str:
    rows = []
    for device in DEVICES:
        found = {result["method"]: result for result in results if result["device"] == device}
        shares = [
            _spread([run["shares"][str(FRONT_BUDGET)] for run in found[method]["runs"]], 3) if method in found else "–"
            for method in FRONT_METHODS
        ]
        rows.append([device, *shares])
    return _markdown([f"device, {results[0]['seeds']} seeds", *(f"`{method}`" for method in FRONT_METHODS)], rows)


def _fronts_seconds(results: list[Result]) -> str:
    spent = {
        method: [run["seconds"] for result in results if result["method"] == method for run in result["runs"]]
        for method in FRONT_METHODS
    }
    each = ", ".join(f"`{method}` {np.mean(seconds):.1f}" for method, seconds in spent.items() if seconds)
    return f"CPU seconds of the search itself for {FRONT_BUDGET} evaluations: {each}."


def _notes() -> str:
    path = ROOT / "benchmarks" / "notes" / "search.md"
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _table(done: dict[str, Result]) -> str:
    rows = []
    for method, result in done.items():
        runs = result["runs"]
        queries = [run["queries"] for run in runs]
        found = [reached(run, result["optimum"]) for run in runs]
        rows.append(
            [
                TITLES[method],
                _queries(result),
                f"{np.median(queries):.0f}",
                f"{sum(ok and count <= 100 for ok, count in zip(found, queries, strict=True))} of {len(runs)}",
                *(_incumbent(runs, after) for after in (50, 100)),
                _seconds(result),
            ]
        )
    head = ["method", "queries to the best", "median", "within 100", "after 50 (test)", "after 100 (test)", "seconds"]
    return _markdown(head, rows)


def _pool(done: dict[str, Result]) -> str:
    last = SHORT["nasbench101"]
    rows = []
    for method, result in done.items():
        regrets = [[result["optimum"] - incumbent(run, after)[2] for run in result["runs"]] for after in (50, last)]
        rows.append([TITLES[method], *(_spread(regret, 3) for regret in regrets), _seconds(result)])
    return _markdown(["method", "regret after 50", f"regret after {last}", "seconds"], rows)


def reached(run: dict[str, Any], optimum: float) -> bool:
    """Whether a search found the best of all."""
    return bool(run["incumbents"][-1][2] >= optimum)


def incumbent(run: dict[str, Any], after: int) -> list[Any]:
    """The best after so many evaluations: evaluation, text, score, test score."""
    found: list[Any] = [each for each in run["incumbents"] if each[0] <= after][-1]
    return found


def _queries(result: Result) -> str:
    """Mean and standard deviation; a search that found the best in none of its evaluations counts with their number."""
    found = all(reached(run, result["optimum"]) for run in result["runs"])
    return ("" if found else "≥ ") + _spread([run["queries"] for run in result["runs"]], 1)


def _incumbent(runs: list[dict[str, Any]], after: int) -> str:
    best = [incumbent(run, after) for run in runs]
    tests = [each[3] for each in best]
    shown = f"{np.mean([each[2] for each in best]):.2f}"
    return shown if None in tests else f"{shown} ({np.mean(tests):.2f})"


def _seconds(result: Result) -> str:
    total = sum(run["seconds"] for run in result["runs"])
    spent = 100 * total / sum(run["queries"] for run in result["runs"])
    shown = "< 0.1" if spent < 0.1 else f"{spent:.1f}"
    return shown + (f" + {result['pre_training']:.0f} of pre-training" if result["pre_training"] else "")


def _spread(values: list[float], digits: int) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
