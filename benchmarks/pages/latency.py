"""The page of latency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from scipy.stats import spearmanr

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import NONE, commits, markdown, provenance, spread

README: dict[str, Callable[[list[Result]], str]] = {}

DEVICES = """\
Ten networks of NAS-Bench-201 are chosen as `archllm device kit` does, by another seed each time; their latencies on a
device stand for the timings of the kit, and those of all other 15,615 cells are predicted. Nothing else of the device
is known, and no table of other devices is used. Mean ± standard deviation over kits; *worst* is the lowest
correlation of any kit. *Covered*: how many of the 90 % intervals hold the measured latency; the target is 85 to 95 %.
*All timings*: the rank correlation of a linear fit to all 15,625 latencies under the best assumption, which noise
keeps below 1."""

ABOUT_DEVICES = """\
Latencies are those of HW-NAS-Bench and HELP (MIT), networks of the paper's size on CIFAR-10. They were made with
other runtimes than ONNX Runtime, which differ in what they compute: most compute all that is written, the phone and
the Raspberry Pi what the output depends on, and convolutions that a zero follows. That last assumption was added
after looking at these two devices, and the priors of the noise were chosen on all six, so other devices may fare
worse. `eyeriss` and `fpga` are simulated, without noise: the model fits them to the rounding of the table, and their
narrow intervals hold everything. Coverage varies from kit to kit, as ten timings say little about their own noise."""

LIMITS = """\
Small networks of each space, as candidates are trained on a CPU (`networks.small`), one thread, one image. *First
use*: seconds until a space and a network setting are known, with the timings of 48 members. *Error*: median of the
relative difference between prediction and measurement of other random members. *Held*: a limit is asked for at every
twentieth part of the range from the lower quarter to the upper twentieth of the space; of 2,000 random members that
meet it, the largest is exported by the verified exporter, and the file is measured again, alone, by its median."""


NEAR = """\
Random members of a space are mostly large, and limits are often tight. With a limit, 60 more members are measured that
are expected there. Limits are shares of the median of random members; both models name the 25 of 5,000 members that
they expect nearest to one, all of which are measured, and those that take between half and twice the limit are
compared: *error* is the median relative difference, *bias* the median with its sign. Without the limit, the model has
the same 48 timings. Where nothing is compared, neither found a member: few or none take so little."""


def page(results: list[Result]) -> str:
    """The page."""
    devices, limits, near = (of(results, part=part) for part in ("device", "limits", "near"))
    parts = ["# Latency"]
    if devices:
        parts += ["## Another device in ten timings", DEVICES, _devices(devices), ABOUT_DEVICES]
    if limits:
        parts += ["## Limits on this machine", LIMITS, _limits(limits), _missed(limits)]
    if near:
        parts += ["## Near tight limits", NEAR, _near(near)]
    return "\n\n".join([*parts, "## How it was measured", provenance(results)]) + "\n"


def _devices(results: list[Result]) -> str:
    rows = []
    for result in results:
        kits = result["kits"]
        correlations = [kit["spearman"] for kit in kits]
        likeliest, times = Counter(kit["assumption"] for kit in kits).most_common(1)[0]
        rows.append(
            [
                f"`{result['device']}`",
                spread(correlations, 4),
                f"{min(correlations):.4f}",
                f"{result['ceiling']:.4f}",
                spread([kit["covered"] for kit in kits], 1, 100.0, " %"),
                spread([kit["error"] for kit in kits], 1, 100.0, " %"),
                f"{100 * np.mean([kit['half_width'] for kit in kits]):.1f} %",
                f"{likeliest} ({times} of {len(kits)})",
                str(len(kits)),
                commits([result]),
            ]
        )
    head = ["device", "Spearman", "worst", "all timings", "covered", "median error", "half-width of intervals"]
    return markdown([*head, "computes", "kits", "commit"], rows)


def _limits(results: list[Result]) -> str:
    rows = []
    for result in results:
        told, true = np.array(result["predicted"]), np.array(result["measured"])
        inside = (np.array(result["low"]) <= true) & (true <= np.array(result["high"]))
        answered = _answered(result)
        held = sum(each["ms"] <= each["bound"] for each in answered)
        rows.append(
            [
                f"`{result['space']}`",
                f"{true.min():.2f} to {true.max():.2f}",
                f"{result['sample_seconds']:.0f}",
                f"{spearmanr(told, true).statistic:.3f}",
                f"{100 * np.median(abs(told - true) / true):.1f} %",
                f"{100 * inside.mean():.0f} %",
                f"{held} of {len(answered)}",
                f"{100 * np.median([each['ms'] / each['bound'] for each in answered]):.0f} %",
                commits([result]),
            ]
        )
    head = ["space", "milliseconds", "first use, s", "Spearman", "error", "covered", "held", "share of the limit used"]
    return markdown([*head, "commit"], rows)


def _near(results: list[Result]) -> str:
    rows = [
        [
            f"`{result['space']}`",
            f"{share:g}",
            f"{each['limit']:.3f}",
            *(
                f"{100 * each[model][figure]:.0f} %" if each[model] else NONE
                for model in ("usual", "near")
                for figure in ("error", "bias")
            ),
            str(each["measured"]),
            f"{each['seconds']:.0f}",
            commits([result]),
        ]
        for result in results
        for share, each in zip(result["shares"], result["limits"], strict=True)
    ]
    head = ["space", "share of the median", "limit, ms", "error without", "bias without", "error", "bias"]
    return markdown([*head, "compared", "seconds more", "commit"], rows)


def _missed(results: list[Result]) -> str:
    answered = [each for result in results for each in _answered(result)]
    asked = sum(len(result["asked"]) for result in results)
    held = sum(each["ms"] <= each["bound"] for each in answered)
    above = max((each["ms"] / each["bound"] - 1 for each in answered), default=0.0)
    share = 100 * held / max(len(answered), 1)
    found = f"{held} of {len(answered)} limits held for the exported file, {share:.0f} %; the target is 95 %."
    if above > 0:
        found += f" The worst file took {100 * above:.0f} % more than its limit."
    if asked > len(answered):
        found += f" {asked - len(answered)} of {asked} limits were refused: no member was certain enough to meet them."
    return found


def _answered(result: Result) -> list[Result]:
    return [each for each in result["asked"] if each["met_by"]]
