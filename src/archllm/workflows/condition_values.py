"""The values that a run's conditions have on its training cells: counted, looked up in tables, or predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archllm.conditional.request import COUNTED
from archllm.errors import DataError, InvalidInput
from archllm.graphs import Graphs
from archllm.objectives.evaluation import sign
from archllm.objectives.table import TableObjective
from archllm.spaces import SearchSpace
from archllm.tokenizer import Tokenizer

FEWEST = 20
"""Known values from which the others are predicted, at least."""


@dataclass(frozen=True, eq=False)
class ConditionValues:
    """Where the values of a run's conditions come from: they are counted, or looked up in tables."""

    space: SearchSpace
    """The space."""

    conditions: tuple[str, ...]
    """`params`, `macs`, `COLUMN`, `NAME=COLUMN` or `NAME=TABLE/COLUMN`; without one, the table is that of the space."""

    tables: Mapping[str, TableObjective]
    """The tables of those that are looked up, by the text of the condition."""

    @staticmethod
    def of(space: SearchSpace, conditions: tuple[str, ...]) -> ConditionValues:
        """Finds the tables.

        Raises:
            InvalidInput: a column holds test scores, or networks whose size could be counted are not made.
            DataMissing: there is no such table.
            DataError: it has no such column, or is of another space.
        """
        tables = {}
        for text in conditions:
            name, _, column = text.partition("=")
            column = column or name
            if column in COUNTED:
                space.require_networks()  # says so where no networks are made of the space's members
                if name != column:
                    raise InvalidInput(f"the condition {column} has no other name, got {text!r}")
            else:
                spec = column if "/" in column else f"{space.name}/{column}"
                tables[text] = TableObjective.of(spec, space)
        return ConditionValues(space, conditions, tables)

    def known(self, cells: Graphs, labels: int = 0, seed: int = 0) -> NDArray[np.float64]:
        """`n x k` values of the cells; not a number where a table does not have one, or it is not to be looked at.

        Args:
            cells: `n` training cells.
            labels: how many cells may be looked up, drawn at random; 0 is all.
            seed: seed of that choice.

        Raises:
            DataError: a table has no value for any of the cells, or too few are looked at to predict the others.
        """
        columns = []
        for text in self.conditions:
            if text in COUNTED:
                columns.append(getattr(self.space.require_networks(), text)(cells).astype(np.float64))
                continue
            found = _looked_up(self.tables[text], self.space.keys(cells))
            known = np.flatnonzero(~np.isnan(found))
            if not len(known):
                raise DataError(f"the table of {text} has a value for none of the training cells")
            if labels:
                shown = np.random.default_rng([seed, 60_013]).permutation(known)[:labels]
                found[np.setdiff1d(known, shown)] = np.nan
                known = shown
            if len(known) < min(FEWEST, len(found)):
                raise DataError(
                    f"only {len(known)} training cells have a known {text}; "
                    f"at least {FEWEST} are needed to predict the others"
                )
            columns.append(found)
        return np.stack(columns, axis=1)

    def completed(
        self, tokenizer: Tokenizer, cells: Graphs, values: NDArray[np.float64], seed: int
    ) -> NDArray[np.float64]:
        """The values with those that are not known predicted, from the ones that are.

        The predictor says how cells rank; the value of a rank is the one that it has among the known values, so the
        predicted ones are spread as those are.

        Args:
            tokenizer: whose embedding of the cells is learned from.
            cells: `n` training cells.
            values: `n x k` values, not a number where not known.
            seed: seed of the predictor.
        """
        from archllm.predictor import Featurizer, build_predictor
        from archllm.predictor.feature_sets import recommended_makers

        result = values.copy()
        features = None
        for column, text in enumerate(self.conditions):
            known = np.flatnonzero(~np.isnan(values[:, column]))
            if len(known) == len(values):
                continue
            if features is None:
                features = Featurizer(self.space, recommended_makers(tokenizer), cells)(cells)
            which = sign(self.tables[text].direction)
            predictor = build_predictor().fit(features[known], which * values[known, column], seed)
            rank = (which * predictor.predict(features).mean).argsort().argsort() / (len(values) - 1)
            spread = np.sort(values[known, column])
            result[:, column] = np.interp(rank, np.linspace(0, 1, len(spread)), spread)
            result[known, column] = values[known, column]
        return result


def _looked_up(table: TableObjective, keys: NDArray[np.int64]) -> NDArray[np.float64]:
    members, values = table.space.keys(table.architectures()), table.values
    order = np.argsort(members)
    at = np.searchsorted(members[order], keys).clip(max=len(order) - 1)
    row = order[at]
    return np.where(members[row] == keys, values[row], np.nan)
