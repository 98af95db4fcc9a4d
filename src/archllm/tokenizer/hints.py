"""How many codes suit a space, and how much they have to tell apart; derived from what the space is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archllm.spaces.base import SearchSpace
from archllm.spaces.kinds.fixed_topology import FixedTopology
from archllm.spaces.kinds.genotype import Genotype
from archllm.spaces.kinds.node_dag import NodeDag
from archllm.spaces.kinds.product.space import Product
from archllm.tokenizer.groups import varying_nodes

MOST_CONTENTS = 32
"""Most different contents of the nodes that one code speaks of, by default."""

MOST_WHOLE_CONTENTS = 128
"""The same where that keeps together what belongs together."""

_SAMPLE = 1_000  # members that tell which nodes vary, where the kind does not


@dataclass(frozen=True)
class CodeLayout:
    """How architectures of a space are best divided among codes."""

    length: int
    """Codes per architecture."""

    contents: int | None = None
    """How many different contents all codes together tell apart; `None` where it is not known."""

    largest: int | None = None
    """How many different contents one code must tell apart at most; `None` where it is not known."""

    independent: bool = False
    """Whether codes of a uniform member do not depend on one another, so that their marginals say all there is."""


def code_layout(space: SearchSpace) -> CodeLayout:
    """The layout that trials found good for the space's kind; see docs/decisions.md.

    One code for each vertex but the first in `node_dag` without constraints, one for each inner node in `genotype`,
    unless its outputs join loose ends; see `_of_slots` for kinds of one fixed topology. The codes of its parts in a
    `product`. One for each node of a sequence; in any other space one for each node that varies among random members:
    constraints may settle whole vertices.

    Example:
        >>> from archllm.spaces import load_space
        >>> code_layout(load_space("darts"))
        CodeLayout(length=8, contents=None, largest=490, independent=True)
    """
    if isinstance(space, NodeDag):
        # The last inner vertex: any operation, read from any vertices before it.
        largest = len(space.definition.ops) << (space.max_nodes - 2)
        return CodeLayout(_varying(space) if space.definition.constraints else space.max_nodes - 1, largest=largest)
    if isinstance(space, Genotype):
        contents = max(node.size for node in space.shape.nodes)
        if space.form.loose:  # what an output joins depends on what the nodes read
            return CodeLayout(_varying(space), largest=contents)
        # Without constraints, each node chooses by itself.
        length = space.inner * len(space.cells)
        return CodeLayout(length, largest=contents, independent=not space.definition.constraints)
    if isinstance(space, FixedTopology):
        return _of_slots(space)
    if isinstance(space, Product):
        return _of_parts(space)
    return CodeLayout(space.max_nodes if space.sequential else _varying(space))


def _of_parts(space: Product) -> CodeLayout:
    """The parts' layouts, one after the other; their codes depend on one another where constraints join parts."""
    layouts = [code_layout(part) for part in space.spaces if part.size > 1]
    contents, largest = [each.contents for each in layouts], [each.largest for each in layouts]
    known = [each for each in contents if each is not None]
    most = [each for each in largest if each is not None]
    return CodeLayout(
        max(1, min(sum(each.length for each in layouts), _varying(space))),
        contents=sum(known) if len(known) == len(contents) else None,
        largest=max(most) if len(most) == len(largest) else None,
        independent=all(each.independent for each in layouts) and not space.constraints,
    )


def _varying(space: SearchSpace) -> int:
    """How many nodes differ among random members."""
    return max(1, int(varying_nodes(space.sample(_SAMPLE, np.random.default_rng(0))).sum()))


def _of_slots(space: FixedTopology) -> CodeLayout:
    """The fewest codes each of which speaks of few contents.

    But where slots that belong together need not be divided between codes, fewer codes of more contents: then they do
    not depend on one another.
    """
    assignments = space.assignments
    varying = assignments.varying
    parts = {length: _divided(varying, length) for length in range(1, max(1, len(varying)) + 1)}
    contents = {length: [assignments.contents(part) for part in split] for length, split in parts.items()}
    length = next((each for each, found in contents.items() if max(found) <= MOST_CONTENTS), len(parts))
    if assignments.joins:
        whole = [
            each
            for each in range(1, length)
            if max(contents[each]) <= MOST_WHOLE_CONTENTS and not assignments.divide(parts[each])
        ]
        length = max(whole, default=length)
    return CodeLayout(
        length, sum(contents[length]), max(contents[length]), independent=not assignments.divide(parts[length])
    )


def _divided(slots: Sequence[int], length: int) -> list[list[int]]:
    """Neighbouring slots in so many parts, as `NodeGroups` makes them."""
    return [[int(slot) for slot in part] for part in np.array_split(np.array(slots, dtype=np.int64), length)]
