"""What the page of a cell says of it: by its space, by a generator, by tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from archllm.errors import ArchLLMError
from archllm.objectives.table import found_tables, load_table
from archllm.objectives.tables.table import Table
from archllm.spaces import Architecture, SearchSpace
from archllm.ui.context import Loaded

MOST_NEIGHBOURS = 12
"""Neighbours that are shown."""

MOST_VARIANTS = 12
"""Cells that one other code gives, that are shown."""

_LARGEST_TABLE = 100 << 20  # bytes of a table that is looked into


@dataclass(frozen=True)
class Likelihood:
    """What a generator makes of a cell."""

    codes: tuple[int, ...]
    """Its codes."""

    nats: float
    """Negative log-likelihood."""

    ideal: float
    """That of a uniform prior of the space, ln(size)."""

    exact: bool
    """Whether the codes decode to the cell again."""

    known: bool
    """Whether the training saw it."""

    @property
    def times(self) -> float:
        """How many times as likely it is as under a uniform prior."""
        return math.exp(min(max(self.ideal - self.nats, -700.0), 700.0))


def likelihood(loaded: Loaded, arch: Architecture) -> Likelihood:
    """Codes and likelihood of a cell."""
    model = loaded.model
    with loaded.lock:
        codes = model.tokenizer.encode(arch.graph)
        nats = -float(model.prior.log_prob(codes)[0])
        back = model.tokenizer.decode(codes)
        known = bool(np.isin(arch.key, model.training_keys))
    exact = bool(model.space.validate(back)[0]) and int(model.space.keys(back)[0]) == arch.key
    return Likelihood(tuple(map(int, codes[0])), nats, model.space.ideal_nats, exact, known)


@dataclass(frozen=True)
class Variant:
    """A cell beside another one."""

    arch: Architecture
    """The cell."""

    told: str
    """How it differs."""

    nats: float | None = None
    """How much less likely it is, where a generator says."""


@dataclass(frozen=True)
class Change:
    """What other codes at one position give."""

    position: int
    """The position, from 1."""

    variants: tuple[Variant, ...]
    """Other cells, the likeliest first."""

    valid: int
    """Codes that give another member."""

    same: int
    """Codes that give the same one."""

    invalid: int
    """Codes that give no member."""

    reason: str
    """Why the first of these is none."""


def changed(loaded: Loaded, arch: Architecture, position: int) -> Change:
    """Every other code at a position, decoded.

    Args:
        loaded: the generator.
        arch: the cell.
        position: of the code, from 0.
    """
    model, space = loaded.model, loaded.model.space
    with loaded.lock:
        codes = model.tokenizer.encode(arch.graph)
        position = min(position, codes.shape[1] - 1)
        others = np.array([each for each in range(model.tokenizer.codebook_size) if each != codes[0, position]])
        rows = np.repeat(codes, len(others), axis=0)
        rows[:, position] = others
        graphs = model.tokenizer.decode(rows)
        nats = -model.prior.log_prob(rows) + float(model.prior.log_prob(codes)[0]) if len(rows) else np.zeros(0)
    valid = space.validate(graphs)
    keys = np.full(len(rows), arch.key)
    keys[valid] = space.keys(graphs[valid]) if valid.any() else keys[valid]
    other = valid & (keys != arch.key)
    best: dict[int, int] = {}
    for row in np.argsort(nats, kind="stable"):
        if other[row]:
            best.setdefault(int(keys[row]), int(row))
    chosen = list(best.values())[:MOST_VARIANTS]
    cells = space.architectures(graphs[chosen]) if chosen else []
    variants = [
        Variant(cell, f"code {int(others[row])}", float(nats[row])) for cell, row in zip(cells, chosen, strict=True)
    ]
    wrong = np.flatnonzero(~valid)
    reason = (space.explain(graphs[int(wrong[0])]) or "") if len(wrong) else ""
    same = int((valid & (keys == arch.key)).sum())
    return Change(position + 1, tuple(variants), int(other.sum()), same, len(wrong), reason)


def neighbours(arch: Architecture, loaded: Loaded | None) -> tuple[int, tuple[Variant, ...]]:
    """How many members are one edit away, and some of them: the likeliest, where a generator says."""
    found = arch.space.neighbours(arch)
    if loaded is None or not found:
        return len(found), tuple(Variant(each, "") for each in found[:MOST_NEIGHBOURS])
    from archllm.graphs import concatenate

    model = loaded.model
    with loaded.lock:
        own = float(model.prior.log_prob(model.tokenizer.encode(arch.graph))[0])
        nats = own - model.prior.log_prob(model.tokenizer.encode(concatenate([each.graph for each in found])))
    order = np.argsort(nats, kind="stable")[:MOST_NEIGHBOURS]
    return len(found), tuple(Variant(found[row], "", float(nats[row])) for row in order)


@dataclass(frozen=True)
class Score:
    """One number that a table holds of a cell."""

    column: str
    """What it is."""

    value: float
    """The number."""

    best: float
    """The share of the table's cells with a smaller value."""

    test: bool
    """Whether it was measured on test images, by which nothing may be chosen."""


def scores(arch: Architecture) -> Iterator[tuple[str, tuple[Score, ...]]]:
    """Tables of the data folder that hold a cell, and what they say of it."""
    for path in found_tables():
        found = path.stat()
        if found.st_size > _LARGEST_TABLE:
            continue
        table = table_of(path, found.st_mtime_ns, arch.space)
        if table is None:
            continue
        rows = np.flatnonzero(table.keys == arch.key)
        if not len(rows):
            continue
        row, told = int(rows[0]), []
        for name, column in table.columns.items():
            value = float(column[row])
            if math.isfinite(value):
                share = float(np.nanmean(column < value))
                told.append(Score(name, value, share, "test" in name.lower()))
        yield path.name, tuple(told)


@lru_cache(maxsize=64)
def table_of(path: Path, _changed: int, space: SearchSpace) -> Table | None:
    """A table, if it is one of the space."""
    try:
        return load_table(path, space)
    except ArchLLMError:  # of another space, or none at all
        return None
