"""Members of large spaces scored by Zen-Score under a limit on multiply-accumulates: good ones that no table lists.

A score is that of an untrained network, narrower and on smaller images than the space's own, so that one takes a
fraction of a second; the limit is the median of the networks that the space itself means, so half of its members keep
it. What is among the best is decided by scoring, for any member.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from archllm.generation.generator import ArchLLM
    from archllm.graphs import Graphs
    from archllm.objectives.proxies import ProxyObjective
    from archllm.spaces import SearchSpace

SCORED: dict[str, dict[str, Any]] = {
    "conv-grammar": {"image_size": 16},
    "ofa-mobilenetv3": {"image_size": 16, "width_multiplier": 0.25},
    "hierarchical-nasbench201": {"image_size": 16, "channels": 4},
}
"""Spaces, and how small their networks are made for the score."""

IMAGES = 2
REFERENCE = 200
"""Members whose median is the limit."""

CHUNK = 200

JUDGED = 150
"""New draws that are scored, to tell how many are among the best."""


def zen(space: SearchSpace) -> ProxyObjective:
    """The score, which is the same for an architecture whenever it is asked for."""
    from archllm.objectives.proxies import ProxyConfig, ProxyObjective

    return ProxyObjective(space, "zen", ProxyConfig(batch=IMAGES, network=SCORED[space.name]))


@cache
def limit(space: SearchSpace) -> float:
    """Most multiply-accumulates: those of a median member."""
    members = space.sample(REFERENCE, np.random.default_rng(0))
    return float(np.median(space.require_networks().macs(members)))


def within_limit(space: SearchSpace) -> Callable[[Graphs], NDArray[np.bool_]]:
    """Which members keep the limit."""
    return lambda graphs: space.require_networks().macs(graphs) <= limit(space)


def scored_members(space: SearchSpace, seconds: float, seed: int) -> Result:
    """Different uniform members within the limit, as many as are scored in so many CPU seconds."""
    objective, rng, keeps = zen(space), np.random.default_rng([seed, 5]), within_limit(space)
    texts: list[str] = []
    scores: list[float] = []
    known: set[int] = set()
    failed, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        drawn = space.sample(CHUNK, rng)
        for arch in space.architectures(drawn[keeps(drawn)]):
            if arch.key in known or time.process_time() - start > seconds:
                continue
            known.add(arch.key)
            values = objective.evaluate(arch).values
            if values is None:
                failed += 1
            else:
                texts.append(arch.text)
                scores.append(values[0])
    return {
        "texts": texts,
        "scores": scores,
        "failed": failed,
        "limit": limit(space),
        "seconds_each": (time.process_time() - start) / max(len(known), 1),
    }


def read_scored(folder: Path, space: SearchSpace) -> tuple[Graphs, NDArray[np.float64], float]:
    """What `scored_members` found, as its job wrote it: members, scores and CPU seconds for each."""
    found = json.loads((folder / f"scores-{space.name}.json").read_text(encoding="utf-8"))["result"]
    return space.parse_batch(found["texts"]), np.array(found["scores"]), found["seconds_each"]


def truly_best(model: ArchLLM, threshold: float, draws: int) -> Result:
    """How many of the new members that are drawn keep the limit and score at least the threshold."""
    import torch

    space = model.space
    graphs = model.draw(draws, 1.0, torch.Generator().manual_seed(2))[1]
    graphs = graphs[space.validate(graphs)]
    keys, first = np.unique(space.keys(graphs), return_index=True)
    new = graphs[first[~np.isin(keys, model.training_keys)]]
    keeping = new[within_limit(space)(new)] if len(new) else new
    chosen = np.random.default_rng(3).permutation(len(keeping))[:JUDGED]
    objective = zen(space)
    values = [objective.evaluate(arch).values for arch in space.architectures(keeping[chosen])] if len(chosen) else []
    good = sum(value is not None and value[0] >= threshold for value in values)
    within = len(keeping) / max(len(new), 1)
    share = within * good / len(values) if values else None
    return {"new": len(new), "scored": len(values), "good": good, "within": within, "share": share}
