"""FixedTopology: what kinds share whose members are one and the same graph with different labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archllm.errors import NotEnumerable
from archllm.graphs import ABSENT, Graphs
from archllm.spaces.base import SearchSpace
from archllm.spaces.kinds.assignments import Assignments
from archllm.spaces.kinds.components import Choices
from archllm.spaces.limits import fits
from archllm.spaces.parameters import INACTIVE
from archllm.spaces.sizes import written_size

ILLEGAL = -2
"""The choice that a label stands for which its slot does not have."""


class FixedTopology(SearchSpace):
    """A space whose members have the same nodes and links, between one input and one output, and one choice per node.

    `self.links` are the links (`v x v`), `self.assignments` the choices; node `k + 1` holds that of slot `k`.
    """

    links: NDArray[np.bool_]
    assignments: Assignments

    def _arrange(self, links: NDArray[np.bool_], labels: Sequence[Sequence[int]], assignments: Assignments) -> None:
        """Sets what follows from the links, the labels of each slot, `INACTIVE` last, and these."""
        self.links, self.assignments = links, assignments
        self.max_nodes = len(links)
        slots, widest = len(labels), max(map(len, labels))
        self._label_of = np.full((slots, widest + 1), ABSENT, dtype=np.int8)
        self._choice_of = np.full((slots, 256), ILLEGAL, dtype=np.int64)
        for slot, own in enumerate(labels):
            radix = int(assignments.radices[slot])
            self._label_of[slot, :radix] = own[:radix]
            self._choice_of[slot, list(own[:radix])] = np.arange(radix)
            if len(own) > radix:
                self._label_of[slot, INACTIVE] = own[radix]
                self._choice_of[slot, own[radix]] = INACTIVE
        self.size, self.exact_size, self.exact_keys = assignments.size, assignments.exact, assignments.ranked
        self.enumerable = assignments.exact and fits(assignments.size, self.max_nodes)

    @property
    def key_span(self) -> int | None:
        return self.assignments.span if self.exact_keys else None

    def described(self, graphs: Graphs) -> Choices:
        return self.choices_of(graphs)

    def graphs_of(self, choices: NDArray[np.integer]) -> Graphs:
        """Graphs of `n x slots` choices."""
        ops = np.empty((len(choices), self.max_nodes), dtype=np.int8)
        ops[:, 0], ops[:, -1] = 0, len(self.op_names) - 1
        ops[:, 1:-1] = self._label_of[np.arange(len(self._label_of)), choices]
        return Graphs(ops, np.repeat(self.links[None], len(choices), axis=0))

    def choices_of(self, graphs: Graphs) -> Choices:
        """`n x slots` choices; `ILLEGAL` where a label is none of its slot's."""
        labels = graphs.ops[:, 1 : self.max_nodes - 1].astype(np.int64) & 255
        choices: Choices = self._choice_of[np.arange(len(self._choice_of)), labels]
        return choices

    def _canonical(self, choices: Choices) -> Choices:
        """The choices in the one order that stands for all that mean the same; here there is but one."""
        return choices

    def _rank(self, choices: Choices) -> NDArray[np.int64]:
        """Position of members in the order of `enumerate`; here lexicographic, the first slot most significant.

        Of more members than 64-bit numbers, fingerprints.
        """
        return self.assignments.keys(choices)

    def _unrank(self, ranks: NDArray[np.int64]) -> Choices:
        """The inverse of `_rank`."""
        return self.assignments.unrank(ranks)

    def enumerate(self) -> Graphs:
        if not self.enumerable:
            raise NotEnumerable(
                f"{self.name} has {written_size(self.size)} members, too many to enumerate; use sample(n, rng)"
            )
        return self.graphs_of(self._unrank(np.arange(self.size)))

    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        self._check_count(n)
        return self.graphs_of(self.assignments.sample(n, rng))

    def validate(self, graphs: Graphs) -> NDArray[np.bool_]:
        if graphs.nodes < self.max_nodes:
            graphs = graphs.padded(self.max_nodes)
        choices = self.choices_of(graphs)
        ends = (graphs.ops[:, 0] == 0) & (graphs.ops[:, self.max_nodes - 1] == len(self.op_names) - 1)
        rest = (graphs.ops[:, self.max_nodes :] == ABSENT).all(1)
        links = np.zeros((graphs.nodes, graphs.nodes), dtype=np.bool_)
        links[: self.max_nodes, : self.max_nodes] = self.links
        valid: NDArray[np.bool_] = ends & rest & (choices != ILLEGAL).all(1)
        valid &= (graphs.adjacency == links).all((1, 2))
        rows = np.flatnonzero(valid)
        valid[rows] = self.assignments.contains(self._canonical(choices[rows]))
        return valid

    def explain(self, graph: Graphs) -> str | None:
        if self.validate(graph)[0]:
            return None
        used = int((graph.ops[0] != ABSENT).sum())
        if used != self.max_nodes:
            slots = f"{self.max_nodes - 2} {self._slot_word}"
            return f"a member has {self.max_nodes} nodes (input, {slots}, output), found {used}"
        choices = self.choices_of(graph.padded(max(graph.nodes, self.max_nodes)))[0]
        last = len(self.op_names) - 1
        for at, label in enumerate(graph.ops[0, : self.max_nodes]):
            if label == ABSENT:
                return f"node {at} is absent though later nodes exist"
            name = self.op_names[label] if 0 <= label <= last else f"unknown label {int(label)}"
            if at in (0, self.max_nodes - 1):
                wanted = self.op_names[0 if at == 0 else last]
                right = name == wanted
            else:
                wanted, right = self._wanted(at - 1), choices[at - 1] != ILLEGAL
            if not right:
                return f"node {at} must be {wanted}, found {name}"
        wide = np.zeros_like(graph.adjacency[0])
        wide[: self.max_nodes, : self.max_nodes] = self.links
        wrong = np.argwhere(graph.adjacency[0] != wide)
        if len(wrong):
            i, j = wrong[0]
            return f"the link {i} -> {j} is {'missing' if wide[i, j] else 'not part of the fixed topology'}"
        return self._broken(self._canonical(choices[None]))

    _slot_word = "slots"

    def _wanted(self, slot: int) -> str:
        """What a slot holds, in words."""
        return "an operation"

    def _broken(self, choices: Choices) -> str:
        """Why choices that each slot has are not a member."""
        found = self.assignments.broken(choices)
        assert found is not None
        number = found[1]
        return f"the constraint `{self.assignments.constraints[number].text}` does not hold"

    def normalise(self, graphs: Graphs) -> Graphs:
        if graphs.nodes > self.max_nodes and self.validate(graphs).all():
            return graphs.padded(self.max_nodes)
        return graphs.padded(max(graphs.nodes, self.max_nodes))

    def permute(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
        return graphs  # every node of the fixed topology has a role of its own: there is no other order

    def _keys(self, graphs: Graphs) -> NDArray[np.int64]:
        return self._rank(self._canonical(self.choices_of(graphs)))

    def _neighbours(self, graph: Graphs) -> Graphs:
        own = self.choices_of(graph)
        changes = [(slot, value) for slot, radix in enumerate(self.assignments.radices) for value in range(radix)]
        variants = np.repeat(own, len(changes), axis=0)
        slots, values = np.array(changes).T
        variants[np.arange(len(variants)), slots] = values
        return self.graphs_of(variants)
