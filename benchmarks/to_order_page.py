"""docs/results/to_order.{json,md} from the files of the jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archllm.files import write_text
from benchmarks.llm_prior import mean_std
from benchmarks.record import write_json
from benchmarks.to_order import DRAWS, LABELS, TRIALS, TUNING, TUNING_SEED

Result = dict[str, Any]

INTRO = f"""\
NAS-Bench-201, {DRAWS:,} raw draws a request (temperature 1, nothing rejected), the small prior from scratch trained on
conditions with the settings that `archllm train nasbench201 --condition …` recommends. Guidance of 1 draws from the
conditional distribution itself. Mean ± standard deviation over seeds, each with a split, weights, labels and draws of
its own."""


SIZES = """\
Share of the draws inside the range, and, in brackets, different ones inside ÷ what as many uniform draws from the
members of the range would hold. Target: at least 90 % inside."""

TOPS = """\
Asked for: a validation accuracy that 5 % of the labelled cells have. *Mean rank* is the share of the space that is
truly better, averaged over the draws that were not among the labelled cells (labels of all cells judge); target: at
most 5 %. *Bound*: the same of the training cells that the predictor puts above the threshold. *Distinct* is against
uniform draws from all cells that truly are above it; more means that others were drawn too."""


def write_page(results: dict[str, Result], folder: Path) -> None:
    """Writes both files."""
    write_json(folder / "to_order.json", results)
    write_text(folder / "to_order.md", page(results))


def page(results: dict[str, Result]) -> str:
    """The page."""
    parts = ["# Generation to order", "", INTRO, ""]
    small = [result for result in results.values() if "text" not in result]
    text = [result for result in results.values() if "text" in result]
    sized = [result for result in small if result["conditions"] == ["params"]]
    parts += ["## A size: each tenth of the spread of parameters", "", SIZES, "", *_sizes(sized), ""]
    parts += [f"## The best twentieth, learned from {LABELS} labels", "", TOPS, "", *_tops(small), ""]
    if text:
        parts += ["## The same of a pre-trained language model", "", _text_intro(text), ""]
        sized = [result for result in text if result["conditions"] == ["params"]]
        parts += [*_sizes(sized), ""] if sized else []
        parts += [*_tops(text), ""] if len(sized) < len(text) else []
    trials = [result for result in results.values() if "trial" in result]
    if trials:
        parts += ["## What was tried", "", *_trials(trials), ""]
    joint = [result for result in results.values() if len(result["conditions"]) > 1]
    if joint:
        parts += ["## Small and good at once", "", *_joint(joint[0]), ""]
    notes = Path(__file__).parent / "notes" / "to_order.md"
    parts += ["## What was found", "", notes.read_text(encoding="utf-8").strip(), "", "## The models", ""]
    parts += [*_models(results), "", "## How it was measured", "", _measured(results), ""]
    return "\n".join(parts)


def _sizes(results: list[Result]) -> list[str]:
    strengths = list(results[0]["found"])
    lines = ["| parameters (thousands) | members | " + " | ".join(f"guidance {g}" for g in strengths) + " |"]
    lines += ["|---|---|" + "---|" * len(strengths)]
    for number, first in enumerate(results[0]["found"][strengths[0]]):
        cells = []
        for strength in strengths:
            found = [result["found"][strength][number] for result in results]
            distinct = mean_std([one["distinct_inside"] / one["ceiling"] for one in found])[0]
            cells.append(f"{_share([one['inside'] for one in found])} ({distinct:.2f})")
        low, high = first["range"]
        lines.append(f"| {low / 1e3:.0f} – {high / 1e3:.0f} | {first['members']:,} | {' | '.join(cells)} |")
    return lines


def _text_intro(results: list[Result]) -> str:
    base, steps, batch = (results[0][name] for name in ("base", "steps", "batch"))
    return f"""\
`{base}` with adapters, {steps} steps of {batch} sequences, a token for each code and for each bucket of a
condition; the same requests, judged in the same way."""


def _tops(results: list[Result]) -> list[str]:
    lines = [
        "| data | guidance | mean rank | of held-out cells | bound | in the top 5 % | valid | distinct ÷ ceiling |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for data in ("cifar10", "cifar100"):
        members = [result for result in results if result["conditions"] == [data]]
        for strength in members[0]["found"] if members else ():
            found = [result["found"][strength] for result in members]
            shares = ("mean_rank", "mean_rank_held_out", "predicted_rank", "in_top", "valid")
            cells = [_share([one[name] for one in found]) for name in shares]
            distinct = _spread([one["distinct"] / one["ceiling"] for one in found], 2)
            lines.append(f"| {data} | {strength} | {' | '.join(cells)} | {distinct} |")
    return lines


def _trials(results: list[Result]) -> list[str]:
    lines = [
        f"The same request for the best twentieth of `{TUNING}`, seed {TUNING_SEED}, by which settings were chosen;",
        "one change each.",
        "",
        "| change | guidance | mean rank | bound | valid | distinct ÷ ceiling | nats above ln(size) |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in TRIALS:
        for result in results:
            if result["trial"] != name:
                continue
            nats = result["held_out_nats"] - result["ideal_nats"]
            for strength, found in result["found"].items():
                shares = " | ".join(f"{found[key]:.1%}" for key in ("mean_rank", "predicted_rank", "valid"))
                distinct = found["distinct"] / found["ceiling"]
                lines.append(f"| {name} | {strength} | {shares} | {distinct:.2f} | {nats:.3f} |")
    return lines


def _joint(result: Result) -> list[str]:
    first = next(iter(result["found"].values()))
    lines = [
        f"At most {first['most_params']:,.0f} parameters and at least {first['threshold']:.2f} % on cifar10, one seed;",
        f"{first['both_in_space']:.1%} of the space are both.",
        "",
        "| guidance | small | good | both | valid | distinct |",
        "|---|---|---|---|---|---|",
    ]
    for strength, found in result["found"].items():
        shares = " | ".join(f"{found[name]:.1%}" for name in ("small", "good", "both", "valid"))
        lines.append(f"| {strength} | {shares} | {found['distinct']} |")
    return lines


def _models(results: dict[str, Result]) -> list[str]:
    lines = [
        "What conditions cost when nothing is asked for:",
        "",
        "| conditions | seeds | nats above ln(size) | valid | cycle | CPU seconds of training |",
        "|---|---|---|---|---|---|",
    ]
    groups: dict[str, list[Result]] = {}
    for result in results.values():
        if "trial" in result:
            continue
        name = ", ".join(result["conditions"]) + (" (pre-trained)" if "text" in result else "")
        groups.setdefault(name, []).append(result)
    for name, members in groups.items():
        nats = mean_std([result["held_out_nats"] - result["ideal_nats"] for result in members])[0]
        valid, cycle = (_share([result["unasked"][key] for result in members]) for key in ("valid", "cycle"))
        seconds = mean_std([result["train_cpu_seconds"] for result in members])[0]
        lines.append(f"| {name} | {len(members)} | {nats:.3f} | {valid} | {cycle} | {seconds:,.0f} |")
    return lines


def _measured(results: dict[str, Result]) -> str:
    commits = ", ".join(sorted({result["about"]["commit"] for result in results.values()}))
    about = next(iter(results.values()))["about"]
    seeds = ", ".join(sorted({str(result["seed"]) for result in results.values() if "trial" not in result}))
    return f"""\
`python -m benchmarks.to_order`, seeds {seeds}, commits {commits}, {about["machine"]}, one thread, torch
{about["torch"]}, {about["date"]}."""


def _share(values: list[float]) -> str:
    return _spread([100 * value for value in values], 1) + " %"


def _spread(values: list[float], digits: int) -> str:
    """Mean and standard deviation; of one seed, there is none."""
    mean, std = mean_std(values)
    return f"{mean:.{digits}f}" + (f" ± {std:.{digits}f}" if len(values) > 1 else "")
