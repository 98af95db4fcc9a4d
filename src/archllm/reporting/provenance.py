"""How what a page shows came about: settings, costs, versions, the command that makes it again, and how to cite."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from archllm.generation.hub import is_on_hub
from archllm.generation.run_folder import CONFIG_FILE, SPACE_FILE
from archllm.networks.setting import NetworkSetting
from archllm.objectives.evaluation import LowerFidelity, recorded_cost, without_cost
from archllm.objectives.identity import without_direction
from archllm.reporting.generating import GeneratorData
from archllm.reporting.network_words import network_words
from archllm.reporting.searching import SearchData
from archllm.reporting.words import duration, figure, option
from archllm.spaces import SearchSpace
from archllm.spaces.registry import is_name
from archllm.study.store import Study

CITE = (
    "ArchLLM, and the paper whose method it implements: D. G. Poddenige, S. Seneviratne, D. Senanayake, M. Niranjan, "
    "P. N. Suganthan, S. Halgamuge. Arch-LLM: Taming LLMs for Neural Architecture Generation via Unsupervised Discrete "
    "Representation Learning. arXiv:2503.22063, 2025"
)
"""How to cite what made a page."""


@dataclass(frozen=True)
class Origin:
    """Where the parts of a report come from."""

    run: str | None
    """Run folder of the generator."""

    store: str | None
    """Store of the trials, without passwords."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of what wrote the report."""

    others: Sequence[str] = ()
    """Names of further studies in the store."""

    missing: str = ""
    """Why there is no curve of random search, if there is none."""

    space: str = ""
    """What the space is called on the command line: its name, or its file."""


def provenance(
    space: SearchSpace, origin: Origin, search: SearchData | None, generator: GeneratorData | None
) -> dict[str, str]:
    """What a page tells of its making, by what it is called.

    Args:
        space: the space.
        origin: where the parts of the page come from.
        search: the search that it shows, if any.
        generator: the generator that it shows, if any.
    """
    facts: dict[str, str] = {}
    if search is not None:
        study = search.study
        setting = study_setting(space, study)
        goals = zip(study.directions, study.objectives, strict=True)
        lower = search.result.lower_fidelity
        facts |= {
            "study": study.name,
            "store": origin.store or "",
            "space": study.space,
            "objectives": ", ".join(f"{direction} {spec}" for direction, spec in goals),
            "method": study.method,
            "options": ", ".join(
                f"{name} = {option(value)}" for name, value in study.settings.get("options", {}).items()
            )
            or "defaults",
            "seed": str(study.seed),
            "network": "" if setting is None else network_words(space, setting),
            "requirements": "; ".join(_told(name, ends) for name, ends in study.settings.get("where", {}).items()),
            "evaluations": f"{len(search.over)} over, {search.failed} failed, "
            f"{len(search.result.trials) - len(search.over)} waiting or running",
            "cost of evaluations": (duration(search.cost) if search.cost else "none was measured or looked up")
            + (f", of it {duration(spent)} for lower-fidelity ones" if (spent := recorded_cost(lower)) else ""),
            "lower-fidelity evaluations": _counted(lower),
            "evaluations of other studies": _reused(search),
            "time from first to last": duration(search.wall),
            "begun": _date(min((trial.asked for trial in search.result.trials), default=None)),
            "random search": search.random.how if search.random else f"not shown: {origin.missing}",
            "other studies in the store": ", ".join(origin.others),
        }
    if generator is not None:
        model = generator.model
        seconds = model.report.get("seconds", {})
        facts |= {
            "generator": origin.run or "",
            "its seed": str(model.seed),
            "its training": ", ".join(f"{name} {duration(spent)}" for name, spent in seconds.items()),
            "its configuration": f"tokenizer {model.config.tokenizer.kind}, prior {model.config.prior.kind}, "
            f"trained on {model.config.split:.0%} of the architectures",
            "trained again by": _training(space, Path(origin.run), model.seed) if origin.run else "",
        }
    facts["made again by"] = _command(origin, search)
    facts["to cite"] = CITE
    facts["page written with"] = ", ".join(f"{name} {version}" for name, version in origin.versions.items())
    return {name: told for name, told in facts.items() if told}


def study_setting(space: SearchSpace, study: Study) -> NetworkSetting | None:
    """The network setting of a study; that of the space's paper where the study does not say.

    `None` where no networks are made, or where a setting would take importing code of others.
    """
    if space.networks is None or space.networks.settings_import:
        return None
    return study.network_setting(space) or space.networks.setting()


def _command(origin: Origin, search: SearchData | None) -> str:
    """The command that searches the same way again, as far as a store tells; empty where there was no search."""
    if search is None:
        return ""
    study = search.study
    learned = "RUN" if "generator" in study.settings else ""  # the store tells what was learned, not where it lies
    where = shlex.quote(origin.run) if origin.run else learned or f"--space {shlex.quote(origin.space or study.space)}"
    words = [f"archllm search {where}"]
    for spec, way in zip(study.objectives, study.directions, strict=True):
        words.append(f"--objective {shlex.quote(f'{way}:{without_direction(spec)}')}")
    words.append(f"--method {shlex.quote(study.method)} --seed {study.seed}")
    for name, (low, high) in study.settings.get("where", {}).items():
        for end, sign in ((low, ">="), (high, "<=")):
            words += [f"--where {shlex.quote(f'{name} {sign} {end!r}')}"] if end is not None else []
    words += [f"--transfer {shlex.quote(name)}" for name in study.settings.get("transfer", {})]
    for flag, settings in (("--set", study.settings.get("options", {})), ("--network", study.network or {})):
        told = [f"{name}={_written(value)}" for name, value in settings.items()]
        words += [f"{flag} {shlex.join(told)}"] if told else []
    return " ".join([*words, f"--budget {len(search.over)}"])


def _training(space: SearchSpace, run: Path, seed: int) -> str:
    """The command that trains the same generator into a new folder."""
    if is_on_hub(run):
        return ""  # the files that a training takes lie in a cache
    words = [space.name if is_name(space.name) else str(run / SPACE_FILE), "--config", str(run / CONFIG_FILE)]
    return f"archllm train {shlex.join(words)} --seed {seed} --out {shlex.quote(f'{run}-again')}"


def _written(value: object) -> str:
    """A value as `KEY=VALUE` has it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_written, value)) if isinstance(value, list | tuple) else str(value)


def _reused(search: SearchData) -> str:
    found = search.result
    if not found.reused:
        return ""
    cost = duration(found.reused_cost)
    return (
        f"{found.reused} were taken over, not made again; the {cost} that they cost there count as cost of evaluations"
    )


def _counted(lower: Sequence[LowerFidelity]) -> str:
    free = without_cost(lower)
    count = f"{len(lower):,}" if lower else ""
    return f"{count}; no cost is recorded for {', '.join(free)}: it counts as 0" if free else count


def _told(name: str, ends: Sequence[float | None]) -> str:
    low, high = ends
    below = f"{figure(low)} ≤ " if low is not None else ""
    above = f" ≤ {figure(high)}" if high is not None else ""
    return f"{below}{name}{above}"


def _date(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
