"""The page of a comparison: what came out, and what has to be known about how."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from archllm.objectives.evaluation import turned
from archllm.reporting.comparing import Comparison
from archllm.reporting.tables import Table
from archllm.reporting.words import duration

_NAMES = ("Methods", "Not applicable", "Known before", "Versions", "Cost of pre-training")  # begin with a name, kept

QUESTIONS = (
    "Were the settings of the methods chosen on other data than this, and with similar effort for each?",
    "Is each ingredient of a method that is yours compared with the method without it?",
    "Is the code of the methods and of the objective public?",
)
"""What nobody but who made a comparison can answer."""


@dataclass(frozen=True)
class Setup:
    """How a comparison was made."""

    space: str
    """The space."""

    command: str
    """The command that makes it again."""

    methods: Mapping[str, str]
    """Names in the comparison -> the method and its options."""

    random: bool
    """Whether random search is one of them."""

    pre_training: Mapping[str, float]
    """Names in the comparison -> seconds of training before its searches, of those that needed any."""

    looked_up: bool
    """Whether scores were looked up, not measured."""

    until_best: bool
    """Whether a search ends once it has found the optimum."""

    requirements: Sequence[str]
    """What architectures had to meet."""

    workers: str
    """Where evaluations ran."""

    machine: str
    """Processor and system."""

    versions: Mapping[str, str]
    """Versions of what matters."""

    date: str
    """When the last search ended."""

    transfer: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names in the comparison -> what the method knew from other tasks, and what that cost, of those that knew any."""

    network: str = ""
    """The network setting in words; empty where no networks are made."""

    not_applicable: Mapping[str, str] = field(default_factory=dict)
    """Methods that were left out -> why they can't search here."""


def page(found: Comparison, setup: Setup, results: Table, files: Mapping[str, str]) -> str:
    """The page in Markdown.

    Args:
        found: the comparison.
        setup: how it was made.
        results: its table.
        files: names of the files beside it, by what they are: `queries`, `seconds`, `trials`, `store`.
    """
    parts = [f"# Search methods on {_plain(setup.space)}: {_plain(', '.join(found.objectives))}", f"`{setup.command}`"]
    parts += [f"{results.title}.", markdown(results)]
    parts += ["\n".join(f"- {_plain(note)}" for note in results.notes)] if results.notes else []
    for name, told in (("queries", "against evaluations"), ("seconds", "against seconds of evaluations")):
        if name in files:
            parts.append(f"![Best so far {told}]({files[name]})")
    parts += ["## Checklist", "\n".join(map(_line, checks(found, setup, files, _plain)))]
    parts += ["To be answered by you:", "\n".join(f"- [ ] {question}" for question in QUESTIONS)]
    return "\n\n".join(parts) + "\n"


def _line(each: Check) -> str:
    return f"- [{'x' if each.done else ' '}] **{each.name}.** {each.told}."


def markdown(found: Table) -> str:
    """A table in Markdown."""
    rule = ["---" if column in found.left else "---:" for column in range(len(found.columns))]
    lines = [[_cell(text) for text in found.columns], rule, *([_cell(text) for text in row] for row in found.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True)
class Check:
    """One line of the checklist."""

    done: bool
    """Whether it is so."""

    name: str
    """What has to be known, or to be so."""

    told: str
    """What is known."""


def checks(found: Comparison, setup: Setup, files: Mapping[str, str], plain: Callable[[str], str] = str) -> list[Check]:
    """What has to be known about a comparison.

    Args:
        found: the comparison.
        setup: how it was made.
        files: names of the files beside it, by what they are.
        plain: what escapes texts for where they are going to stand.
    """
    goals = zip(found.directions, found.objectives, strict=True)
    seeds = found.methods[0].seeds
    enough = "" if len(seeds) >= 10 else "; few, so small differences mean nothing"
    reused = sum(each.reused for each in found.methods)
    measured = f"measured once for all searches ({reused} taken from another)" if reused else "measured by every search"
    scores = "looked up in tables" if setup.looked_up else measured
    costs = [f"{plain(each.method)} {duration(each.cost)}" for each in found.methods if each.cost]
    pre = [f"{plain(name)} {duration(seconds)}" for name, seconds in setup.pre_training.items()]
    left_out = [f"{plain(name)}: {plain(why)}" for name, why in setup.not_applicable.items()]
    volume = found.measures_volume
    done = {
        "One space for all": f"it is {plain(setup.space)}"
        + (f"; only where {plain('; '.join(setup.requirements))}" if setup.requirements else ""),
        "One objective for all": f"{plain(', '.join(f'{how} {spec}' for how, spec in goals))}; scores are {scores}",
        "No search sees test metrics": "searchers are told validation scores alone; a test metric is that of the "
        "architecture that validation chose",
        "One budget for all": f"{found.budget} different architectures (by canonical key) for each search"
        + (", which ends once it has found the optimum" if setup.until_best else ""),
        f"Seeds: {len(seeds)}": f"{', '.join(map(str, seeds))}, the same for all methods{enough}",
        **({"One network for all": plain(setup.network)} if setup.network else {}),
        "Methods": "; ".join(f"{plain(name)}: {plain(told)}" for name, told in setup.methods.items()),
        **({"Not applicable": "; ".join(left_out)} if left_out else {}),
        "Performance over time": "means and quartiles against evaluations"
        + (" and seconds" if "seconds" in files else "; evaluations have no cost that could be shown"),
        "Cost of pre-training": ", ".join(pre) or "None of the methods needs any",
        "Known before": "; ".join(f"{_plain(name)}: {_plain(', '.join(each))}" for name, each in setup.transfer.items())
        or "None of the methods knew scores of other tasks",
        "Hardware": f"{setup.machine}; evaluations: {setup.workers}",
        "Versions": ", ".join(f"{name} {version}" for name, version in setup.versions.items()),
        "Date": setup.date,
        "Raw data": f"every trial in {plain(files['trials'])} and {plain(files['store'])}",
    }
    if volume and found.box is not None:
        corner = ", ".join(f"{value:.6g}" for value in turned(found.box.worst, found.directions))
        done["Reference point of the hypervolume"] = f"{corner}, the worst of each objective among all scores known"
    said = {name: told if name in _NAMES else told[0].upper() + told[1:] for name, told in done.items()}
    lines = [Check(True, name, told) for name, told in said.items()]
    compared = "One of the methods" if setup.random else "Its exact expectation is shown"
    there = setup.random or found.random is not None
    lines.append(Check(there, "Random search to compare with", compared if there else "Missing"))
    cost = ", ".join(costs) if costs else "Not known: no evaluation has a cost that was measured or looked up"
    free = list(dict.fromkeys(spec for each in found.methods for spec in each.without_cost))
    cost += (
        f"; no cost is recorded for the lower-fidelity evaluations {plain(', '.join(free))}, it counts as 0"
        if free
        else ""
    )
    lines.append(Check(bool(costs and not free), "Cost of the evaluations of one search", cost))
    return lines


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>#])", r"\\\1", " ".join(str(text).split()))
