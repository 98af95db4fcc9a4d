"""The page of the local page under load."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import NONE, markdown, notes, provenance, verdict
from benchmarks.ui import STUDIES

README: dict[str, Callable[[list[Result]], str]] = {}

GROWTH = 0.1
"""Share of the memory at half time by which it may grow until the end and still count as flat."""

INTRO = """\
`archllm ui` in a process of its own, as a user starts it, asked over HTTP from another process on the same machine.
*Processor seconds* are those of the server alone, whatever else the machine did meanwhile; wall seconds hold the other
programs, too."""

HEAD = ["answer", "objectives", "the first, s", "then, s", "the first, processor s", "then, processor s"]


def page(results: list[Result]) -> str:
    """The page."""
    parts = ["# The local page under load", INTRO]
    for result in of(results, part="start"):
        parts += ["## Opening it", _start(result)]
    for result in of(results, part="clients"):
        parts += [f"## {result['clients']} clients at once", _clients(result)]
    many = of(results, part="trials")
    if many:
        parts += [f"## A study of {many[0]['trials']:,} trials", _many(many)]
    return "\n\n".join([*parts, notes("ui"), "## How it was measured", provenance(results)]) + "\n"


def _start(result: Result) -> str:
    opened, spent = (statistics.median(result[name]) for name in ("opened", "server_cpu"))
    return (
        f"From the command to the first page: {opened:.2f} s, {spent:.2f} processor s (medians of {result['times']} "
        f"starts, the slowest {max(result['opened']):.2f} s); a page then: {statistics.median(result['answered']):.3f} "
        f"s. Target: a second, of the processor: {verdict(spent, 1.0, 2, at_least=False)}."
    )


def _clients(result: Result) -> str:
    middle, late, last = result["quantiles"]
    memory = [each / 1e6 for each in result["memory"]]
    half, end = memory[len(memory) // 2], memory[-1]
    flat = end <= (1 + GROWTH) * half
    wrong = result["wrong"]
    count, growth = result["clients"], 100 * (end / half - 1)
    return (
        f"{count} clients for {result['seconds']:g} s, each even one as fast as it is answered, each odd one once a "
        f"second beside a stream of a search: {result['answers']:,} answers, {result['events']:,} messages of streams, "
        f"{wrong:,} errors. Half of the answers came within {middle:.3f} s, 95 % within {late:.3f} s, the last within "
        f"{last:.2f} s; the server took {result['server_cpu']:.0f} processor s. Its memory was {memory[0]:.0f} MB "
        f"before, {half:.0f} MB at half time, {end:.0f} MB at the end, {max(memory):.0f} MB at most.\n\n"
        f"Target: no error ({verdict(wrong, 0, 0, at_least=False)}), flat memory "
        f"({'met' if flat else f'missed: it grew by {growth:.0f} % in the second half'})."
    )


def _many(results: list[Result]) -> str:
    rows = []
    for title in results[0]["answers"]:
        for result in results:
            first, *later = result["answers"][title]
            then = [f"{statistics.median(each[at] for each in later):.2f}" if later else NONE for at in (0, 1)]
            rows.append(
                [
                    title,
                    str(len(STUDIES[result["study"]])),
                    f"{first[0]:.2f}",
                    then[0],
                    f"{first[1]:.2f}",
                    then[1],
                ]
            )
    grown = ", ".join(
        f"{(result['memory'][1] - result['memory'][0]) / 1e6:.0f} MB ({len(STUDIES[result['study']])})"
        for result in results
    )
    return f"{markdown(HEAD, rows)}\n\nMemory that the study takes in the server, by objectives: {grown}."
