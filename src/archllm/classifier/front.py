"""Latency of what a search tried, in turns: what the front of a fit's page is drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from archllm.classifier.known import Known
from archllm.objectives.train import TrainObjective
from archllm.searchers.pareto import non_dominated
from archllm.study.result import Result

MOST = 16
"""Members that are measured."""

SECONDS = 3.0
"""Longest time for it, once all had a few turns."""


def worth_measuring(trials: Result, first: Sequence[str] = ()) -> list[str]:
    """Members that can lie on the front of accuracy against latency, and those that are told first: at most `MOST`.

    Latency follows neither size alone, so both fronts of sizes are taken, and then the most accurate.

    Args:
        trials: short trainings, with parameters and multiply-accumulates among their metrics.
        first: texts that are measured in any case.
    """
    over = [trial for trial in trials.trials if trial.values and {"params", "macs"} <= set(trial.evaluation.metrics)]
    accuracy = np.array([trial.values[0] for trial in over if trial.values], dtype=np.float64)
    fronts = np.zeros(len(over), dtype=np.bool_)
    for name in ("macs", "params") if over else ():
        size = np.array([trial.evaluation.metrics[name] for trial in over], dtype=np.float64)
        fronts |= np.asarray(non_dominated(np.stack([accuracy, -size], 1)), dtype=np.bool_)
    order = np.lexsort((-accuracy, ~fronts))  # those of a front first; of equals the most accurate
    return list(dict.fromkeys([*first, *(over[row].text for row in order)]))[:MOST]


def measured_front(goal: TrainObjective, texts: Sequence[str], known: Sequence[Known]) -> dict[str, float]:
    """Milliseconds of members' networks and of known ones, without what raw images need before them, by text or name.

    Args:
        goal: says what the networks are.
        texts: members.
        known: known networks that were trained.
    """
    from archllm.baselines.small_networks import SMALL_NETWORKS
    from archllm.networks.latency.graph import onnx_graph
    from archllm.networks.latency.measuring import onnx_model
    from archllm.networks.latency.runtime import runnable
    from archllm.networks.latency.setting import RuntimeSetting
    from archllm.networks.latency.timing import timings

    networks, setting = goal.space.require_networks(), goal.network_setting
    image: tuple[int, int, int] = setting.image
    models = {text: onnx_model(networks, goal.space.parse(text).graph, setting) for text in texts}
    for each in known:
        network: Any = SMALL_NETWORKS[each.name](len(goal.images.classes), image[0])
        models[each.name] = onnx_graph(network.eval(), image)
    found = timings([runnable(model, RuntimeSetting()) for model in models.values()], SECONDS)
    return {name: timing.ms for name, timing in zip(models, found, strict=True)}
