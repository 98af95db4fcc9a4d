"""The page of fits: from images to a network, beside known small networks and random search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from archllm.classifier.judging import wilson
from benchmarks.fit import CONTROLS, DATA, OURS, RATES
from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import NONE, commits, markdown, notes, provenance, spread, verdict

ENOUGH = 3
"""Sets of images on which the target is to be reached."""

TITLES = {
    "digits": "Digits (scikit-learn): 8 x 8, grey, 10 classes",
    "shapes": "Coloured shapes: 64 x 48, colour, 3 classes, 300 images",
    "photos5": "photos5: 32 x 32 photos, 5 classes",
    "fashion": "Fashion-MNIST: 28 x 28, grey, 10 classes",
}

INTRO = """\
`archllm fit` with images, minutes and a limit on latency, beside random search in the same space under the same
limit, and known small networks. The limit is a little less than half of what the control took that is best on the
validation images of the same seed, as its own run measured it. All share images, split, training recipe and CPU time
on one thread; controls have the best of {rates} learning rates, found in shorter runs with another seed. Accuracy is
of test images that nothing saw, with the 95 % interval (Wilson) of all seeds together; milliseconds are those of the
ONNX file with normalisation inside, one image of the network's own size, which needs no resizing, one thread{timed}."""

TIMED = "; all files of a seed took turns, and of the fastest runs of all rounds the first tenth counts"


DESIGNS = """\
Known designs of `mobile` (blocks, and how many each stage has), each as large as the same limit allows, trained from
scratch for so many seconds; accuracy in % on validation images."""


def page(results: list[Result]) -> str:
    """The text of the page."""
    runs, timed = _with_turns(results)
    told = TIMED if timed else ", measured by each run on its own"
    parts = ["# From images to a network", INTRO.format(rates=len(RATES), timed=told)]
    for data in DATA:
        own = of(runs, data=data)
        if own:
            parts += [f"## {TITLES[data]}", _table(own), _verdicts(own), _nothing(results, data)]
            parts += [_designs(of(results, part="designs", data=data))]
    missing = [TITLES[data] for data in DATA if not of(runs, data=data)]
    if missing:
        parts.append(f"Not run: {'; '.join(missing)}.")
    parts += [_target(results, runs), _limits(runs), notes("fit"), "## How it was run", provenance(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _with_turns(results: Sequence[Result]) -> tuple[list[Result], bool]:
    """The runs, with the milliseconds of their files when those took turns; and whether all have them."""
    turns = {name: timing for result in of(results, part="latency") for name, timing in result["timings"].items()}
    runs = [result for result in results if result["part"] in ("fit", "control") and "nothing" not in result]
    found = [
        run | {"latency_ms": turns[run["name"]]["fastest"], "took_turns": True} if run["name"] in turns else run
        for run in runs
    ]
    return found, all(run["name"] in turns for run in runs)


def _limits(runs: Sequence[Result]) -> str:
    """Whether files kept to what was asked for."""
    asked = [run for run in runs if run.get("max_latency") and run.get("took_turns")]
    if not asked:
        return ""
    kept = sum(run["latency_ms"] <= run["max_latency"] for run in asked)
    used = [run["latency_ms"] / run["max_latency"] for run in asked]
    return (
        f"## Limits\n\n{kept} of {len(asked)} files of fits and random searches keep to their limit when all take "
        f"turns; they use {np.median(used):.0%} of it in the middle, {max(used):.0%} at most."
    )


def _table(runs: Sequence[Result]) -> str:
    rows = []
    for name in (*OURS, *CONTROLS):
        own = _of(runs, name)
        if not own:
            rows.append([name, "0", *[NONE] * 8])
            continue
        low, high = _interval(own)
        rows.append(
            [
                name,
                str(len(own)),
                spread([result["test_accuracy"] for result in own], 1),
                f"{low:.1f} to {high:.1f}",
                spread([result["latency_ms"] for result in own], 3),
                spread([result["max_latency"] for result in own], 3) if name in OURS else NONE,
                spread([result["params"] / 1000 for result in own], 0, unit=" k"),
                spread([result["macs"] / 1e6 for result in own], 1, unit=" M"),
                spread([result["minutes_spent"] for result in own], 1),
                commits(own),
            ]
        )
    head = [
        "",
        "runs",
        "test accuracy, %",
        "interval",
        "ms",
        "limit, ms",
        "parameters",
        "MACs",
        "CPU minutes",
        "commit",
    ]
    return markdown(head, rows)


def _verdicts(runs: Sequence[Result]) -> str:
    """The targets, as far as what they compare was run."""
    ours, random = _of(runs, "fit"), _of(runs, "random search")
    controls = {name: own for name in CONTROLS if (own := _of(runs, name))}
    told = []
    if ours and len(controls) == len(CONTROLS):
        best = max(controls, key=lambda name: _mean(controls[name], "test_accuracy"))
        accuracy = verdict(_mean(ours, "test_accuracy"), _mean(controls[best], "test_accuracy"), 1)
        speed = verdict(_mean(ours, "latency_ms"), 0.5 * _mean(controls[best], "latency_ms"), 3, at_least=False)
        told.append(f"Accuracy of the best control ({best}), in points: {accuracy}. Half its milliseconds: {speed}.")
    elif ours:
        told.append("The target against the controls can't be judged: not all of them were run.")
    if ours and random:
        more = _mean(ours, "test_accuracy") - _mean(random, "test_accuracy")
        slower = _mean(ours, "latency_ms") / _mean(random, "latency_ms")
        told.append(f"Against random search: {more:+.1f} points, at {slower:.2f} times its milliseconds.")
    return " ".join(told)


def _designs(results: Sequence[Result]) -> str:
    """How known designs do in short and in longer trainings."""
    if not results:
        return ""
    found: dict[str, list[Result]] = {}
    for result in results:
        for each in result["designs"]:
            slots = dict(slot.split("=") for slot in each["architecture"].strip("[]").split())
            depths = "-".join(slots[f"depth{stage}"] for stage in (1, 2, 3))
            name = f"{slots['block1']} {depths}" + (", whole resolution" if slots["stem_stride"] == "1" else "")
            found.setdefault(name, []).append(each)
    lengths = results[0]["lengths"]
    rows = [
        [
            f"`{name}`",
            *(spread([each["validation_accuracy"][at] for each in own], 1) for at in range(len(lengths))),
            spread([each["latency_ms"] for each in own], 3),
            spread([each["params"] / 1000 for each in own], 0, unit=" k"),
            str(len(own)),
        ]
        for name, own in found.items()
    ]
    head = ["design", *(f"after {seconds:g} s" for seconds in lengths), "ms", "parameters", "seeds"]
    return f"{DESIGNS}\n\n{markdown(head, rows)}\n\nMade at {commits(list(results))}."


def _nothing(results: Sequence[Result], data: str) -> str:
    """Fits that found no network within the limit, and why."""
    failed = [result for result in of(results, data=data, part="fit") if "nothing" in result]
    if not failed:
        return ""
    told = failed[0]["nothing"]
    return f"{len(failed)} fits and random searches end without a network, {failed[0]['name']} with: *{told}*"


def _target(results: Sequence[Result], runs: Sequence[Result]) -> str:
    """On how many sets a fit reaches the best control within half its milliseconds."""
    met = {}
    for data in DATA:
        ours, controls = of(runs, data=data, method="fit"), [of(runs, data=data, network=name) for name in CONTROLS]
        failed = any("nothing" in result for result in of(results, data=data, method="fit"))
        if (ours or failed) and all(controls):
            best = max(controls, key=lambda own: _mean(own, "test_accuracy"))
            met[data] = not failed and (
                _mean(ours, "test_accuracy") >= _mean(best, "test_accuracy")
                and _mean(ours, "latency_ms") <= 0.5 * _mean(best, "latency_ms")
            )
    if not met:
        return ""
    sets = ", ".join(data for data, each in met.items() if each) or "none"
    reached = "met" if sum(met.values()) >= ENOUGH else "missed"
    return (
        f"## Target\n\nTo be at least as accurate as the best control at half its milliseconds, on {ENOUGH} of "
        f"{len(DATA)} sets: {reached}, with {sum(met.values())} of the {len(met)} that were run ({sets})."
    )


def _of(runs: Sequence[Result], name: str) -> list[Result]:
    return of(runs, method=name) if name in OURS else of(runs, network=name)


def _mean(runs: Sequence[Result], name: str) -> float:
    return float(np.mean([result[name] for result in runs]))


def _interval(runs: Sequence[Result]) -> tuple[float, float]:
    """The interval of all test images of all runs."""
    images = sum(result["test_images"] for result in runs)
    right = sum(round(result["test_accuracy"] / 100 * result["test_images"]) for result in runs)
    low, high = wilson(right, images)
    return 100 * low, 100 * high


def _readme(results: list[Result]) -> str:
    """What a fit reaches beside the best control, for each set of images that was run."""
    runs, _ = _with_turns(results)
    rows = []
    for data in DATA:
        ours, controls = of(runs, data=data, method="fit"), [of(runs, data=data, network=name) for name in CONTROLS]
        if not (ours and all(controls)):
            continue
        best = max(controls, key=lambda own: _mean(own, "test_accuracy"))
        row = [TITLES[data].partition(":")[0]]
        for own in (ours, best):
            low, high = _interval(own)
            accuracy = spread([run["test_accuracy"] for run in own], 1)
            row += [f"{accuracy} % ({low:.1f} to {high:.1f})", spread([run["latency_ms"] for run in own], 3)]
        rows.append([*row, best[0]["network"], str(len(ours))])
    head = ["images", "`archllm fit`", "ms", "best known network", "ms", "which", "seeds"]
    return "\n" + markdown(head, rows) + "\n"


README: dict[str, Callable[[list[Result]], str]] = {"fit": _readme}
