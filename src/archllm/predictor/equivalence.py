"""Features that are equal for cells that compute the same: averages over all members of an equivalence class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archllm.errors import NotEnumerable
from archllm.graphs import Graphs
from archllm.predictor.computation import computation_keys
from archllm.predictor.features import FeatureMaker
from archllm.spaces import SearchSpace
from archllm.spaces.sizes import written_size

MOST_KEPT = 100_000
"""Members of a space up to which averages that depend on the space alone are kept."""


def has_synonyms(space: SearchSpace) -> bool:
    """Whether members that are written differently may compute the same: where an operation has no effect."""
    return bool(space.labels_of("zero", "identity"))


def averaged(maker: FeatureMaker, space: SearchSpace) -> FeatureMaker:
    """The features, averaged over all members that compute the same as a cell.

    Features by position lay stress on how a cell happens to be written; in the average, what has no effect cancels out,
    and what is written in several ways is seen in all of them. In a space whose operations all have an effect the
    normal form is the only way of writing, and the maker comes back as it is.

    Args:
        maker: the features.
        space: a space that can be enumerated; its members' features are made once, here.

    Raises:
        NotEnumerable: members of the space may compute the same, and they can't be enumerated.
    """
    if not has_synonyms(space):
        return maker
    if not space.enumerable:
        raise NotEnumerable(
            f"features can't be averaged in {space.name}: its {written_size(space.size)} members can't be enumerated"
        )
    classes = _classes(space)
    keep = maker.of_space_alone and space.size <= MOST_KEPT
    means = _kept_means(maker, space) if keep else _means(maker, space)

    def make(graphs: Graphs) -> NDArray[np.float64]:
        found: NDArray[np.float64] = means[classes.of(space, graphs)]
        return found

    return FeatureMaker(f"averaged {maker.name}", make, maker.of_space_alone)


def _means(maker: FeatureMaker, space: SearchSpace) -> NDArray[np.float64]:
    """`classes x d` means over the members of each class."""
    class_of = _classes(space).class_of
    raw = np.asarray(maker.make(space.enumerate()), dtype=np.float64)
    order = class_of.argsort(kind="stable")  # class by class: sums of slices, where `np.add.at` takes turns
    counts = np.bincount(class_of)
    means: NDArray[np.float64] = np.add.reduceat(raw[order], counts.cumsum() - counts) / counts[:, None]
    return means


_kept_means = lru_cache(maxsize=8)(_means)


def one_of_each(space: SearchSpace, graphs: Graphs) -> Graphs:
    """The first of all members that compute the same, in their order.

    Args:
        space: the space.
        graphs: `n` members.
    """
    return graphs[np.sort(np.unique(computation_keys(space, graphs), return_index=True)[1])]


def fewest_params(space: SearchSpace, graphs: Graphs) -> NDArray[np.int64]:
    """`n` parameter counts of the smallest members that compute the same.

    What has no effect has parameters all the same, which say nothing about how well a cell does. Where members can't be
    enumerated, these are their own counts.

    Args:
        space: a space with networks.
        graphs: `n` members.
    """
    networks = space.require_networks()
    if not (has_synonyms(space) and space.enumerable):
        return networks.params(graphs)
    classes = _classes(space)
    fewest = np.full(classes.class_of.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(fewest, classes.class_of, networks.params(space.enumerate()))
    return fewest[classes.of(space, graphs)]


@dataclass(frozen=True)
class _Classes:
    """The equivalence classes of a space that is enumerated."""

    keys: NDArray[np.int64]
    """Keys of all members, ascending."""

    class_of: NDArray[np.int64]
    """Number of the class of each."""

    def of(self, space: SearchSpace, graphs: Graphs) -> NDArray[np.int64]:
        """Numbers of the classes of `n` members: looked up, as to write down what each computes takes longer."""
        return self.class_of[np.searchsorted(self.keys, space.keys(graphs))]


@lru_cache(maxsize=4)
def _classes(space: SearchSpace) -> _Classes:
    members = space.enumerate()
    keys = space.keys(members)
    class_of = np.unique(computation_keys(space, members), return_inverse=True)[1]
    order = keys.argsort()
    return _Classes(keys[order], class_of[order])
