"""All attacks, by name."""

from __future__ import annotations

from benchmarks.robust import (
    clocks,
    clusters,
    crowds,
    disks,
    files,
    gifts,
    hostile,
    kills,
    languages,
    misbehaving,
    soak,
    stores,
    texts,
    trainings,
)
from benchmarks.robust.attack import Attack

MODULES: tuple[dict[str, Attack], ...] = (
    kills.ATTACKS,
    crowds.ATTACKS,
    misbehaving.ATTACKS,
    clocks.ATTACKS,
    clusters.ATTACKS,
    trainings.ATTACKS,
    soak.ATTACKS,
    disks.ATTACKS,
    gifts.ATTACKS,
    texts.ATTACKS,
    files.ATTACKS,
    stores.ATTACKS,
    hostile.ATTACKS,
    languages.ATTACKS,
)
"""The attacks of each module of this package; a new module joins here."""

ATTACKS: dict[str, Attack] = {name: attack for attacks in MODULES for name, attack in attacks.items()}
