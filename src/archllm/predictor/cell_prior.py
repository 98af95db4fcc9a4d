"""A prior of scores for cells of any space whose operations are known: learned once, from published tables.

It is additive: a monotone step function of each of a few counts, so more convolutions or paths can only help and more
pooling can only hurt, whatever the tables say by chance. Each table's space has a part of its own, and a part says
nothing about the space that it was learned from unless it is asked to.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, InvalidInput
from archllm.files import write_text
from archllm.graphs import Graphs
from archllm.predictor import meanings
from archllm.predictor.additive import AdditiveModel
from archllm.predictor.computation import weighted_paths
from archllm.predictor.targets import targets
from archllm.spaces import SearchSpace

COLUMNS = (*meanings.COLUMNS, "short paths", "direct links", "share without pooling")
"""What `cell_features` gives, in order."""

FORMAT = "archllm cell prior 1"

ROUNDS, RATE = 150, 0.1
"""Stumps, and the share of each that is added."""

_GROWING = ("count conv", "count light", "log paths", "short paths", "direct links", "share without pooling")
_FALLING = ("count pool",)
_SHORT = 0.5  # what a path counts for less with each operation on it
_REFERENCE = 1_000
_FILE = files("archllm.predictor").joinpath("shipped", "cell_prior.json")


def cell_features(space: SearchSpace, graphs: Graphs) -> NDArray[np.float64]:
    """`n x 27`, the `COLUMNS`: counts by what operations mean, and three sums over paths.

    Args:
        space: a space of cells.
        graphs: `n` members.

    Raises:
        InvalidInput: what an operation of the space does can't be told from its name.
    """
    counts = meanings.meaning_features(space, graphs)
    groups = meanings.labels_by_meaning(space)
    everything, pooling = np.concatenate(groups).astype(int), groups[meanings.MEANINGS.index("pool")]
    every, short, direct, clean = (
        weighted_paths(space, graphs, [gain if label in of else 1.0 for label in range(len(space.op_names))])
        for of, gain in (([], 1.0), (everything, _SHORT), (everything, 0.0), (pooling, 0.0))
    )
    more = [np.log1p(short), np.minimum(direct, 1.0), clean / np.maximum(every, 1.0)]
    return np.concatenate([counts, *(each.mean(1, keepdims=True) for each in more)], axis=1)


@dataclass(frozen=True, eq=False)
class Part:
    """What scores of one space say."""

    space: str
    """The space."""

    tables: tuple[str, ...]
    """The columns of scores: tables, as `table:` names them."""

    licence: str
    """Where these come from, and under which licence."""

    known: int
    """Architectures with scores."""

    model: AdditiveModel
    """What is expected of a cell by its `cell_features`."""

    @classmethod
    def learn(
        cls,
        space: SearchSpace,
        graphs: Graphs,
        scores: Sequence[NDArray[np.float64]],
        tables: Sequence[str],
        licence: str,
    ) -> Self:
        """Learns the mean normal score of the ranks in several columns.

        Args:
            space: the space.
            graphs: `n` members.
            scores: columns of `n` scores, more is better.
            tables: their names.
            licence: where they come from.
        """
        wanted = np.mean([targets(column, "rank") for column in scores], axis=0)
        rows, place = np.unique(cell_features(space, graphs).round(9), axis=0, return_inverse=True)
        counts = np.bincount(place.ravel())
        means = np.bincount(place.ravel(), wanted) / counts
        # cells that look alike differ by more than noise, so weights grow more slowly than their number
        model = AdditiveModel.fit(rows, means, np.sqrt(counts), [_sign(name) for name in COLUMNS], ROUNDS, RATE)
        different = len(np.unique(space.keys(graphs)))
        return cls(space.name, tuple(tables), licence, different, model)

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        model = self.model
        curves = {
            name: {"above": [round(each, 6) for each in at.tolist()], "adds": [round(each, 6) for each in by.tolist()]}
            for name, at, by in zip(COLUMNS, model.thresholds, model.steps, strict=True)
            if len(at)
        }
        about = {"space": self.space, "tables": list(self.tables), "licence": self.licence, "known": self.known}
        return about | {"constant": round(model.constant, 6), "curves": curves}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The reverse of `to_json`."""
        curves = value["curves"]
        if unknown := set(curves) - set(COLUMNS):
            raise ValueError(f"unknown columns {', '.join(sorted(unknown))}")
        at, by = (
            tuple(np.array(curves.get(name, {}).get(key, []), dtype=np.float64) for name in COLUMNS)
            for key in ("above", "adds")
        )
        model = AdditiveModel(float(value["constant"]), at, by)
        return cls(str(value["space"]), tuple(value["tables"]), str(value["licence"]), int(value["known"]), model)


@dataclass(frozen=True, eq=False)
class CellPrior:
    """What parts expect of cells, as a source of `Knowledge`: each in its own standard deviation, then the mean.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> prior = shipped_prior(space)
        >>> better, worse = (space.parse(f"|{op}~0|+|none~0|{op}~1|+|skip_connect~0|none~1|{op}~2|").graph
        ...                  for op in ("nor_conv_3x3", "avg_pool_3x3"))
        >>> expects = prior.learned(space)
        >>> bool(expects(better)[0] > expects(worse)[0]), prior.origin
        (True, 'nasbench101')
    """

    parts: tuple[Part, ...]
    """What it has learned, by space."""

    name: str = "the shipped prior"
    """What it is called."""

    seconds: None = None
    """No cost of the tables is recorded."""

    @property
    def origin(self) -> str:
        """The spaces whose scores it has seen."""
        return ", ".join(part.space for part in self.parts)

    @property
    def known(self) -> int:
        """Architectures of which it has seen a score."""
        return sum(part.known for part in self.parts)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what it knows."""
        return sha256(self.text.encode()).hexdigest()[:16]

    def check(self, space: SearchSpace) -> None:
        """Makes sure that it says something about a space.

        Raises:
            InvalidInput: what an operation of the space does is not known, or no part has any of them.
        """
        if not meanings.known_operations(space):
            raise InvalidInput(
                f"{self.name} is about cells of which it is known what their operations do; of {space.name} it is not: "
                "declare it under [roles] of a space file of cells"
            )
        if not self.parts:
            raise InvalidInput(f"{self.name} was learned from no space but {space.name} itself")

    def learned(self, space: SearchSpace) -> _Expected:
        """What it expects of members of a space."""
        self.check(space)
        return _Expected(space, self.parts)

    def without(self, space: str) -> CellPrior:
        """The parts that were learned from other spaces."""
        return CellPrior(tuple(part for part in self.parts if part.space != space), self.name)

    @property
    def text(self) -> str:
        """As a file holds it."""
        document = {"format": FORMAT, "parts": [part.to_json() for part in self.parts]}
        return json.dumps(document, indent=1, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Writes the file."""
        write_text(path, self.text)

    @classmethod
    def parse(cls, text: str, where: str) -> CellPrior:
        """What a file holds.

        Args:
            text: the file.
            where: its name, for messages.

        Raises:
            DataError: it is no such file.
        """
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']!r}")
            return cls(tuple(Part.from_json(part) for part in document["parts"]))
        except (ValueError, TypeError, KeyError, AttributeError, InvalidInput) as error:
            raise DataError(f"{where} is not a prior of cells ({FORMAT}): {error}") from error


class _Expected:
    """What parts expect of members of one space."""

    def __init__(self, space: SearchSpace, parts: Sequence[Part]) -> None:
        self.space = space
        reference = cell_features(space, space.sample(_REFERENCE, np.random.default_rng(0)))
        said = [part.model.predict(reference) for part in parts]
        self._parts = [
            (part.model, each.mean(), max(float(each.std()), 1e-9)) for part, each in zip(parts, said, strict=True)
        ]
        self._least = float(self._joined(reference).min()) - 1.0

    def __call__(self, graphs: Graphs) -> NDArray[np.float64]:
        rows = cell_features(self.space, graphs)
        paths = rows[:, COLUMNS.index("log paths")]
        # what nothing passes through is worse than all that computes something, and the tables of few spaces hold any
        return np.where(paths > 0, self._joined(rows), self._least)

    def _joined(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        each = [(model.predict(rows) - centre) / spread for model, centre, spread in self._parts]
        return np.asarray(np.mean(each, axis=0), dtype=np.float64)


def shipped_prior(space: SearchSpace, own: bool = False) -> CellPrior:
    """The prior that comes with the package, as it may be used in a space.

    Args:
        space: the space.
        own: whether to keep what was learned from published scores of this very space. A comparison that is judged by
            these must not.

    Raises:
        InvalidInput: it says nothing about the space.
    """
    found = CellPrior.parse(_FILE.read_text(encoding="utf-8"), "cell_prior.json")
    if not own:
        found = found.without(space.name)
    found.check(space)
    return found


def _sign(column: str) -> int:
    return 1 if column.startswith(_GROWING) else -1 if column.startswith(_FALLING) else 0
