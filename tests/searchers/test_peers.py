"""Optimisers of other libraries: what is answered without being charged, and how a space is shown to them."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.searchers.peers.base import Peer, PeerSearch
from archllm.searchers.peers.configuration_space import choices_of, configuration_space
from archllm.spaces.parameters import INACTIVE
from archllm.testing.searcher import home, pool, score, search, whole


class Stubborn(Peer):
    """Proposes the same few choices in turn, one of which is no member, and keeps what it is told."""

    def __init__(self, proposals: list[np.ndarray]) -> None:
        self.proposals, self.told, self.added = proposals, [], []

    def ask(self):
        turn = len(self.told)
        return turn, self.proposals[turn % len(self.proposals)]

    def tell(self, trial, values) -> None:
        self.told.append(values)

    def add(self, choices, values) -> None:
        self.added.append(values)


class Repeating(PeerSearch):
    name = "repeating"

    def _start(self) -> Peer:
        space = self.domain.space
        members = space.parameters.choices(space.normalise(space.sample(2, np.random.default_rng(0))))
        refused = members[0].copy()
        refused[[at for at, each in enumerate(space.parameters.each) if each.name == "width1"]] = 5  # wider than width2
        refused[[at for at, each in enumerate(space.parameters.each) if each.name == "width2"]] = 0
        self.peer = Stubborn([members[0], refused, members[1]])
        return self.peer


def test_repeats_and_what_is_no_member_are_answered_and_not_charged() -> None:
    searcher = Repeating(whole("own-choices"), 0)
    found = search(searcher, 4)  # two of the peer's, then random members
    assert len(set(found)) == 4
    first = score(found[0]).values
    assert searcher.peer.told[:2] == [first, first]  # its own score; then the worst so far for what is no member
    assert searcher.peer.told.count(first) > 50
    assert searcher.peer.added == [score(found[2]).values]


def test_in_a_sparse_pool_the_nearest_member_answers() -> None:
    domain = pool("own-choices")
    searcher = Repeating(domain, 0)
    assert all(domain.contains(arch.graph)[0] for arch in search(searcher, 5))


def test_a_space_without_parameters_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    domain = pool("nasbench201")
    monkeypatch.setitem(domain.space.__dict__, "parameters", None)
    with pytest.raises(InvalidInput, match="nasbench201"):
        Repeating(domain, 0)


def test_draws_of_a_configuration_space_keep_the_conditions_and_cover_all_parameters() -> None:
    parameters = home("own-choices").parameters
    space = configuration_space(parameters, seed=1)
    for configuration in space.sample_configuration(30):
        choices = choices_of(parameters, configuration)
        assert [parameters.active(at, choices) for at in range(len(choices))] == (choices != INACTIVE).tolist()
    assert set(space) == {each.name for each in parameters.each}
