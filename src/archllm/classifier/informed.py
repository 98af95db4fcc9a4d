"""What a fit knows before it searches: a generator of the space, the shipped prior of cells, that capacity helps."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.classifier.limits import Limits
from archllm.classifier.members import some_members
from archllm.graphs import Graphs
from archllm.predictor.knowledge import Expects, Knowledge
from archllm.predictor.meanings import known_operations
from archllm.searchers import registry
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.searchers.transfer import prior_knowledge
from archllm.spaces import SearchSpace

RANDOM = 50
"""Random members that are ranked beside neighbours of the best, where limits make each cost many draws."""


@dataclass(frozen=True)
class Capacity:
    """That of two networks which keep to a limit on time, the one that computes more is likely better.

    A source like others: how much it counts is fitted to the trainings, and a part of the first ones ignores it.
    """

    setting: Any
    """The network setting."""

    name = "capacity"
    origin = "counts of multiply-accumulates"
    known = 0
    seconds = None

    @property
    def fingerprint(self) -> str:
        """A hash of what it knows."""
        return sha256(repr(self.setting).encode()).hexdigest()[:16]

    def check(self, space: SearchSpace) -> None:
        """It says something about every space of networks."""
        space.require_networks()

    def learned(self, space: SearchSpace) -> Expects:
        """The logarithm of multiply-accumulates, in standard deviations of members."""
        networks = space.require_networks()

        def logs(graphs: Graphs) -> NDArray[np.float64]:
            return np.log(np.maximum(networks.macs(graphs, self.setting), 1.0))

        some = logs(some_members(space))
        return lambda graphs: (logs(graphs) - some.mean()) / max(float(some.std()), 1e-9)


def informed_searcher(method: str, domain: Domain, seed: int, limits: Limits, setting: Any) -> Searcher:
    """A searcher that knows what comes with the package about the space.

    Args:
        method: its name.
        domain: what it may ask for.
        seed: seed of all its randomness.
        limits: what networks may take.
        setting: the network setting.
    """
    space = domain.space
    generator = generator_of(space.name) if method == "sequence" else None
    options: dict[str, Any] = {} if generator is None else {"run": str(generator), "learn": False}
    if method == "gp" and domain.narrowed:
        options["random"] = RANDOM
    searcher = registry.build_searcher(method, domain, seed, 1, **options)
    if not searcher.uses_sources:
        return searcher
    if known_operations(space):
        searcher.use(prior_knowledge(space, own=True))  # the images are the user's, so published scores judge nothing
    elif limits.latency is not None or limits.macs is not None:
        searcher.use(Knowledge(space, [Capacity(setting)]))
    return searcher


def generator_of(space: str) -> Path | None:
    """The run folder of the generator of a space that comes with the package; `None` where none does."""
    folder = Path(str(files("archllm.classifier").joinpath("generators", space)))
    return folder if folder.is_dir() else None
