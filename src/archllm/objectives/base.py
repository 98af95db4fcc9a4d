"""Objective: where the score of an architecture comes from."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archllm.errors import ArchLLMError, EvaluationFailed, InvalidInput, raised_at, shown
from archllm.graphs import Graphs
from archllm.networks.setting import NetworkSetting
from archllm.objectives.evaluation import Direction, Evaluation, combined, is_score
from archllm.objectives.identity import Identity, plain
from archllm.spaces import Architecture, SearchSpace
from archllm.spaces.base import check_same_space


class Objective(ABC):
    """A score for every architecture of one space.

    Example:
        >>> from archllm.spaces import load_space
        >>> class Length(Objective):
        ...     spec, direction = "length", "minimise"
        ...
        ...     def __init__(self, space):
        ...         self.space = space
        ...
        ...     def _evaluate(self, arch):
        ...         return Evaluation(len(arch.text))
        >>> space = load_space("nasbench201")
        >>> Length(space).evaluate(space.parse("0")).value
        95
    """

    spec: str
    """The text that stands for it on the command line, such as `train:digits`."""

    space: SearchSpace
    """The space whose architectures it scores."""

    direction: Direction
    """Which scores are better."""

    time_limit: float | None = None
    """Seconds that an evaluation may take; who runs evaluations in processes of their own stops one that takes longer.
    `None` for no limit."""

    records_cost: bool = True
    """Whether the cost of its evaluations is known; where it is not, they say that it is 0."""

    foreign: bool = False
    """Whether it runs code of a user's, which may hang or end the process: it is better run in one of its own."""

    immediate: bool = False
    """Whether a score is there at once, as where it is looked up or counted, so that none is worth keeping."""

    follows_network: bool = False
    """Whether it has no network of its own choosing, as where it counts: it scores those that the study is about."""

    @property
    def network_setting(self) -> NetworkSetting | None:
        """The setting of the networks that it scores; `None` where its scores are not those of certain networks.

        A study has one network setting: that of its objectives, which must agree. It is what `params`, `macs` and
        requirements count, and what reports and exports show.
        """
        return None

    @property
    def identity(self) -> Identity:
        """What decides its scores; made with `Identity.of`.

        By it a study is resumed, and an architecture that was evaluated once is not evaluated again, in other studies
        of the store neither. An objective of a user's own that does not say more is known by its spec; its scores are
        then reused for this very object alone.
        """
        return Identity.of(self.spec, network=self.network_setting, only_here=self._mark)

    def with_network(self, options: Mapping[str, Any]) -> Objective:
        """The objective on networks with these fields, the others as they are.

        One that can score other networks overrides this. All others either have these fields, or refuse.

        Args:
            options: fields of the space's network setting.

        Raises:
            InvalidInput: it scores networks with other fields, or there is no such field.
        """
        if self.network_setting is not None:
            own = vars(self.network_setting)
            for name, value in options.items():
                if name in own and plain(own[name]) != plain(value):
                    raise InvalidInput(
                        f"a study has one network setting: {self.spec} scores networks with {name} = "
                        f"{shown(own[name])}, asked for {shown(value)}"
                    )
        return self

    @property
    def _mark(self) -> str:
        """A mark that no other object has."""
        mark: str = self.__dict__.setdefault("_own_mark", secrets.token_hex(8))
        return mark

    def notes(self) -> list[str]:
        """What a user should know of its data before a search, a line each."""
        return []

    def lower_fidelities(self) -> tuple[str, ...]:
        """Specs of cheaper scores that tell of this one, the cheapest first, such as those of shorter trainings."""
        return ()

    def pool(self) -> Graphs | None:
        """The members that have a score, where others are known to have none; `None` where any may be tried."""
        return None

    def evaluate(self, arch: Architecture) -> Evaluation:
        """Scores one architecture; an architecture without a score gives a failed evaluation with the reason.

        Raises:
            InvalidInput: the architecture is of another space.
        """
        try:
            check_same_space(self.space, arch.space)
        except InvalidInput as error:
            raise InvalidInput(f"{self.spec} scores architectures of {self.space.name}: {error}") from error
        try:
            found = self._evaluate(arch)
        except EvaluationFailed as error:
            return Evaluation(None, failure=str(error), cost=error.cost)
        if found.values is not None and len(found.values) != 1:
            failure = f"an objective gives one score, got {len(found.values)}"
            return Evaluation(None, found.metrics, cost=found.cost, failure=failure)
        if found.value is None or is_score(found.value):
            return found
        return Evaluation(None, found.metrics, cost=found.cost, failure=f"the score is {found.value}")

    @abstractmethod
    def _evaluate(self, arch: Architecture) -> Evaluation:
        """`evaluate` for an architecture of the space.

        Raises:
            EvaluationFailed: it gets no score.
        """


def evaluate_all(
    objectives: Sequence[Objective],
    arch: Architecture,
    begin: Callable[[int], None] | None = None,
    interrupts: type[BaseException] = KeyboardInterrupt,
) -> Evaluation:
    """Scores an architecture with each objective in turn; after one that fails, the rest would be wasted.

    Args:
        objectives: the objectives.
        arch: the architecture.
        begin: told the number of each objective before it is asked.
        interrupts: what comes from outside to end the evaluation; all else that is raised comes from the objective.

    Raises:
        ArchLLMError: an objective can't work at all, whatever the architecture, as when its data is gone.
    """
    found: list[Evaluation] = []
    for number, objective in enumerate(objectives):
        if begin is not None:
            begin(number)
        try:
            found.append(objective.evaluate(arch))
        except (ArchLLMError, interrupts):
            raise
        except BaseException as error:  # noqa: BLE001 - what is paid for is kept, and the search goes on
            said = f": {error}" if str(error) else ""
            found.append(Evaluation(None, failure=f"{type(error).__name__}{said}{raised_at(error)}"))
        if found[-1].value is None:
            break
    return combined([objective.spec for objective in objectives], found)
