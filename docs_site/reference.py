"""The pages of the API reference: one for each theme, with the names that its packages offer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from docs_site.names import docstring, home, packages


@dataclass(frozen=True)
class Theme:
    """One page of the reference.

    Example:
        >>> Theme("Search spaces", ("archllm.spaces",)).file
        'reference/search-spaces.md'
    """

    title: str
    """Its heading."""

    packages: tuple[str, ...]
    """Packages whose `__all__` it shows."""

    others: tuple[str, ...] = ()
    """Further names, with their modules: what functions return, and what guides import."""

    @property
    def file(self) -> str:
        """Where the page is in the site."""
        return f"reference/{self.title.lower().replace(' ', '-')}.md"


THEMES = (
    Theme("archllm", ("archllm",), ("archllm.study.result.Result", "archllm.training.progress.Event")),
    Theme(
        "Search spaces",
        ("archllm.spaces", "archllm.spaces.constraints", "archllm.drawing"),
        (
            "archllm.graphs.Graphs",
            "archllm.spaces.registry.space_of",
            "archllm.spaces.definition.ChoicesDefinition",
            "archllm.integrations.configspace.read_configspace",
            "archllm.integrations.configspace.write_configspace",
        ),
    ),
    Theme(
        "Tokenizers and priors",
        ("archllm.tokenizer", "archllm.prior", "archllm.baselines"),
        ("archllm.generation.recommended.recommended_for_corpus",),
    ),
    Theme(
        "Networks and latency",
        ("archllm.networks", "archllm.networks.export", "archllm.networks.latency"),
        ("archllm.networks.mobile_layers.Classifier", "archllm.networks.mobile_layers.ConvNormAct"),
    ),
    Theme(
        "Objectives",
        (
            "archllm.objectives",
            "archllm.objectives.latency",
            "archllm.objectives.proxies",
            "archllm.objectives.tables",
            "archllm.objectives.images",
        ),
        (
            "archllm.objectives.identity.Identity",
            "archllm.objectives.train.TrainObjective",
            "archllm.objectives.candidate.CandidateTraining",
        ),
    ),
    Theme(
        "Searchers and studies",
        ("archllm.study.store", "archllm.study.workers", "archllm.guard"),
        (
            "archllm.searchers.domain.Domain",
            "archllm.searchers.registry.build_searcher",
            "archllm.study.loop.run_search",
            "archllm.study.loop.LoopOptions",
            "archllm.integrations.optuna.SequenceSampler",
            "archllm.integrations.optuna.suggest",
        ),
    ),
    Theme("Predictors", ("archllm.predictor",), ("archllm.predictor.knowledge.Source",)),
    Theme("Settings and errors", ("archllm.config",), ("archllm.errors",)),
    Theme("Contract tests", ("archllm.testing",)),
)
"""All pages, in the order of the navigation."""


def pages() -> dict[str, str]:
    """Files of the site -> their Markdown.

    Raises:
        LookupError: a package that offers names is on no page, or a name has no docstring.
    """
    offered = packages()
    shown = [package for theme in THEMES for package in theme.packages]
    if sorted(shown) != sorted(offered):
        raise LookupError(
            f"the API reference has pages for {sorted(shown)}, but names are offered by {sorted(offered)}"
        )
    seen: dict[str, tuple[str, Theme]] = {}
    return {theme.file: "\n".join(_page(theme, offered, seen)) for theme in THEMES}


def documented() -> list[str]:
    """All names that the reference shows, as a reader would import them; each once, where it stands first."""
    found: dict[str, str] = {}
    for name in _names(packages()):
        found.setdefault(home(name) if name != "archllm.errors" else name, name)
    return list(found.values())


def _names(offered: dict[str, list[str]]) -> Iterator[str]:
    for theme in THEMES:
        yield from (f"{package}.{name}" for package in theme.packages for name in offered[package])
        yield from theme.others


def _page(theme: Theme, offered: dict[str, list[str]], seen: dict[str, tuple[str, Theme]]) -> Iterator[str]:
    yield f"# {theme.title}\n"
    for package in theme.packages:
        if len(theme.packages) > 1:
            yield f"## `{package}`\n"
        yield _directive(package, members=False)
        names = [f"{package}.{name}" for name in offered[package]]
        if elsewhere := [_link(name, seen) for name in names if home(name) in seen]:
            yield f"Further names, which are shown elsewhere: {', '.join(elsewhere)}.\n"
        for name in names:
            yield from _entry(name, theme, seen)
    if theme.others:
        yield "## More\n"
        for name in theme.others:
            yield from [_directive(name, root=True)] if name == "archllm.errors" else _entry(name, theme, seen)


def _link(name: str, seen: dict[str, tuple[str, Theme]]) -> str:
    first, page = seen[home(name)]
    return f"[`{name.rpartition('.')[2]}`]({page.file.removeprefix('reference/')}#{first})"


def _entry(name: str, theme: Theme, seen: dict[str, tuple[str, Theme]]) -> Iterator[str]:
    """A name with all that it says of itself, unless that stands elsewhere already."""
    if not docstring(name):
        raise LookupError(f"{name} is in the API reference and has no docstring")
    if seen.setdefault(home(name), (name, theme))[0] == name:
        yield _directive(name, root=True)


def _directive(name: str, *, root: bool = False, members: bool = True) -> str:
    lines = [f"::: {name}", "    options:", f"      show_root_heading: {str(root).lower()}"]
    lines += [] if root else ["      show_root_toc_entry: false"]
    lines += [] if members else ["      members: false"]
    return "\n".join([*lines, ""])
