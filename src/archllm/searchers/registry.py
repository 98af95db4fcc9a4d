"""Names and classes -> searchers, built-in ones and plug-ins."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from archllm.config import Settings, unknown
from archllm.errors import InvalidInput, shown
from archllm.plugins import is_reference, load_plugin, plugin_names

if TYPE_CHECKING:
    from archllm.searchers.base import Searcher
    from archllm.searchers.domain import Domain

_BUILT_IN = {
    "sequence": ("sequence", "SequenceSearch"),
    "random": ("uniform", "RandomSearch"),
    "evolution": ("evolution", "Evolution"),
    "local": ("local", "LocalSearch"),
    "largest": ("largest", "LargestFirst"),
    "gp": ("bayesian", "BayesianSearch"),
    "ensemble": ("bayesian", "EnsembleSearch"),
    "halving": ("halving", "SuccessiveHalving"),
    "latent": ("bayesian", "LatentSearch"),
    "optuna:tpe": ("peers.optuna", "OptunaTPE"),
    "optuna:gp": ("peers.optuna", "OptunaGP"),
    "optuna:nsga2": ("peers.optuna", "OptunaNSGA2"),
    "smac:hpo": ("peers.smac", "SMACForest"),
    "nevergrad:ngopt": ("peers.nevergrad", "NevergradNGOpt"),
}
"""Module and class, loaded when asked for, as some need torch."""


def searcher_names() -> list[str]:
    """Names of methods: those built in, then those that installed packages announce."""
    return [*_BUILT_IN, *(name for name in plugin_names("searchers") if name not in _BUILT_IN)]


def built_in_searchers() -> dict[str, tuple[str, str]]:
    """Built-in methods -> the module of `archllm.searchers` and the class, which are not imported."""
    return dict(_BUILT_IN)


def searcher_class(method: str | type[Searcher]) -> type[Searcher]:
    """The class of a method.

    Args:
        method: one of `searcher_names()`, `python:MODULE:CLASS`, or the class itself.

    Raises:
        InvalidInput: there is no such method, it can't be imported, or it is no searcher.

    Example:
        >>> searcher_class("evolution").__name__
        'Evolution'
    """
    from archllm.searchers.base import Searcher

    if isinstance(method, type):
        if not issubclass(method, Searcher):
            raise InvalidInput(f"a method must be a subclass of archllm's Searcher, got {shown(method)}")
        return method
    if method in _BUILT_IN:
        module, name = _BUILT_IN[method]
        found: type[Searcher] = getattr(import_module(f"archllm.searchers.{module}"), name)
    elif is_reference(method) or method in plugin_names("searchers"):
        found = load_plugin(method, "searchers", Searcher)
    else:
        raise InvalidInput(f"{unknown('searcher', method, searcher_names())}; one of your own is python:MODULE:CLASS")
    return found


def searcher_name(method: str | type[Searcher]) -> str:
    """What a method is called in a study and on a page: its name, or where its class is to be found."""
    if isinstance(method, str):
        return method
    kind = searcher_class(method)
    built_in = any(
        kind.__name__ == name and kind.__module__ == f"archllm.searchers.{module}"
        for module, name in _BUILT_IN.values()
    )
    return kind.name if built_in else f"python:{kind.__module__}:{kind.__qualname__}"


def searcher_options(method: str | type[Searcher]) -> type[Settings]:
    """The settings that can be chosen about a method.

    Raises:
        InvalidInput: there is no such method.
    """
    return searcher_class(method).options_class


def build_searcher(
    method: str | type[Searcher], domain: Domain, seed: int, objectives: int = 1, **options: Any
) -> Searcher:
    """A new searcher.

    Args:
        method: one of `searcher_names()`, `python:MODULE:CLASS`, or a class.
        domain: what it may ask for.
        seed: seed of all its randomness.
        objectives: number of values of an observation.
        options: fields of `searcher_options(method)`; the rest is at its default.

    Raises:
        InvalidInput: there is no such method, it has no such option, or a value can't be used.

    Example:
        >>> from archllm.searchers.domain import Domain
        >>> from archllm.spaces import load_space
        >>> searcher = build_searcher("evolution", Domain(load_space("nasbench201")), seed=0, population=10)
        >>> len(searcher.ask(3))
        3
    """
    kind = searcher_class(method)
    chosen = kind.options_class.from_mapping(options, f"searcher {kind.name}")
    return kind(domain, seed, objectives, chosen)
