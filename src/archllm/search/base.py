"""Searcher: the contract every search method fulfils."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from archllm.search.domain import Domain
from archllm.search.observation import Observation
from archllm.spaces import Architecture


class Searcher(ABC):
    """Says which architectures to evaluate next (`ask`), and learns from what was found (`tell`)."""

    domain: Domain

    @abstractmethod
    def ask(self, n: int = 1) -> list[Architecture]:
        """`n` architectures to evaluate; fewer, or none, if the domain has no more."""

    @abstractmethod
    def tell(self, observations: Iterable[Observation]) -> None:
        """Takes note of evaluations, also of architectures that it did not ask for."""

    @abstractmethod
    def pending(self, architectures: Iterable[Architecture]) -> None:
        """Takes note of architectures whose evaluation is under way, as after a resume: they are not asked for."""
