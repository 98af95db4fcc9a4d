"""The networks learn, disagree where nothing is known, and repeat themselves."""

from __future__ import annotations

import numpy as np

from archllm.searchers.mlp_ensemble import MLPEnsemble

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(60, 4)).astype(np.float32)
TARGETS = np.stack([FEATURES[:, 0], -FEATURES[:, 1]], axis=1).astype(np.float64)


def trained(seed: int) -> MLPEnsemble:
    networks = MLPEnsemble(members=3, hidden=(16, 16), steps=80, learning_rate=1e-2)
    networks.fit(FEATURES[:50], TARGETS[:50], seed)
    return networks


def test_networks_learn_every_target() -> None:
    predicted = trained(0).predict(FEATURES[50:])
    assert predicted.shape == (3, 10, 2)
    error = ((predicted.mean(0) - TARGETS[50:]) ** 2).mean(0)
    assert (error < 0.3 * TARGETS[50:].var(0)).all()


def test_networks_disagree_more_far_from_the_examples() -> None:
    networks = trained(0)
    assert networks.predict(10 * FEATURES[50:]).std(0).mean() > 3 * networks.predict(FEATURES[:50]).std(0).mean()


def test_a_seed_gives_the_same_networks_and_another_seed_others() -> None:
    first, again, other = (trained(seed).predict(FEATURES) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()
