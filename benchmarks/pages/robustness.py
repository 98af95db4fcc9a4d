"""The page of attacks: what was done how often, and what gave way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from benchmarks.harness.results import Result, of
from benchmarks.harness.tables import NONE, commits, markdown, notes, provenance
from benchmarks.robust.attack import ROWS, Row
from benchmarks.robust.catalogue import ATTACKS

README: dict[str, Callable[[list[Result]], str]] = {}

INTRO = """\
Each attack is made round by round, with other seeds, and counts what gave way; what may not happen is listed by attack
below, zeros included. A target is met when everything was done as often as it asks for and nothing gave way. What was
done less often than the target asks for is *open*, whatever was found so far."""

HEAD = ["attack", "target", "done", "gave way", "verdict"]
DETAIL = [
    "attacked",
    "done",
    "of",
    "what may not happen: how often it did",
    "measured (the most of all rounds)",
    "commit",
]


def page(results: list[Result]) -> str:
    """The page."""
    parts = ["# What ArchLLM stands", INTRO, markdown(HEAD, [_line(name, row, results) for name, row in ROWS.items()])]
    for name, row in ROWS.items():
        lines = [_detail(each, results) for each, attack in ATTACKS.items() if attack.row == name]
        if lines:
            parts += [f"## {row.title[0].upper()}{row.title[1:]}", f"Counted are {row.unit}.", markdown(DETAIL, lines)]
            said = [f"- {note}" for result in _of_row(name, results) for note in result["notes"]]
            parts += ["\n".join(dict.fromkeys(said))] if said else []
    return "\n\n".join([*parts, notes("robustness"), "## How it was measured", provenance(results)]) + "\n"


def _line(name: str, row: Row, results: list[Result]) -> list[str]:
    own = _of_row(name, results)
    done, wrong = sum(result["done"] for result in own), _wrong(own)
    bad = {what: times for what, times in wrong.items() if times}
    if bad:
        verdict = "missed"
    elif not own:
        verdict = "not measured yet"
    else:
        verdict = "met" if _complete(name, own) and done >= row.wanted else "open"
    told = ", ".join(f"{what}: {times:,}" for what, times in bad.items()) or ("nothing" if own else NONE)
    return [row.title, f"{row.wanted:,} {row.unit}: {row.target}", f"{done:,}", told, verdict]


def _detail(name: str, results: list[Result]) -> list[str]:
    attack, own = ATTACKS[name], of(results, attack=name)
    if not own:
        return [attack.about, "0", f"{attack.count * attack.rounds:,}", NONE, NONE, NONE]
    figures: dict[str, float] = {}
    for result in own:
        for what, value in result["figures"].items():
            figures[what] = max(value, figures.get(what, value))
    return [
        attack.about,
        f"{sum(result['done'] for result in own):,}",
        f"{attack.count * attack.rounds:,}",
        ", ".join(f"{what}: {times:,}" for what, times in _wrong(own).items()),
        ", ".join(f"{what} {value:,.4g}" for what, value in figures.items()) or NONE,
        commits(own),
    ]


def _of_row(name: str, results: list[Result]) -> list[Result]:
    return [result for result in results if ATTACKS[result["attack"]].row == name]


def _complete(name: str, own: list[Result]) -> bool:
    """Whether every round of every attack of a row was made."""
    return all(len(of(own, attack=each)) >= attack.rounds for each, attack in ATTACKS.items() if attack.row == name)


def _wrong(own: list[Result]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for result in own:
        for what, times in result["wrong"].items():
            total[what] += times
    return dict(total)
