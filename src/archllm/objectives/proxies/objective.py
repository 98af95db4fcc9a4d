"""ProxyObjective: the score of an untrained network as an objective; the proxies by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archllm.config import check_seed, unknown
from archllm.errors import EvaluationFailed, InvalidInput
from archllm.networks.setting import NetworkSetting
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.objectives.identity import Identity
from archllm.objectives.proxies import batch
from archllm.objectives.proxies.activations import naswot, zen
from archllm.objectives.proxies.config import ProxyConfig
from archllm.objectives.proxies.gradients import grad_norm, jacob_cov, snip, synflow
from archllm.objectives.proxies.passes import WEIGHTED
from archllm.spaces import Architecture, SearchSpace
from archllm.training.randomness import torch_seeded

Proxy = Callable[[nn.Module, Tensor, Tensor, torch.Generator], float]
"""Scores a network on images `n x c x h x w` with `n` labels; higher is better. It leaves the network as it is, takes
randomness from the generator alone, and raises `EvaluationFailed` where there is no score."""

PROXIES: dict[str, Proxy] = {
    "naswot": naswot,
    "synflow": synflow,
    "grad_norm": grad_norm,
    "snip": snip,
    "jacob_cov": jacob_cov,
    "zen": zen,
}
"""Proxies of a network."""

COUNTS = ("params", "macs")
"""Proxies that the space counts without a network."""


class ProxyObjective(Objective):
    """The score of an untrained network; higher is better, for all of them.

    That holds for `proxy:params` and `proxy:macs`, too: as proxies for accuracy, larger is better, where the
    objectives `params` and `macs` look for small networks.

    Args:
        space: the space.
        name: one of `COUNTS` or `PROXIES`.
        config: images, weights and size of the networks.
        seed: of the mini-batch, the same for all architectures, and, with the architecture's key, of its weights.

    Raises:
        InvalidInput: there is no such proxy, the space has no networks, or an option is wrong.
        MissingExtra: the images need a library that is not installed.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> proxy = ProxyObjective(space, "params")
        >>> conv, nothing = space.parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+" +
        ...     "|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"), space.parse(
        ...     "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
        >>> proxy.evaluate(conv).value > proxy.evaluate(nothing).value
        True
    """

    direction = "maximise"

    def __init__(self, space: SearchSpace, name: str, config: ProxyConfig | None = None, seed: int = 0) -> None:
        if name not in COUNTS and name not in PROXIES:
            known = [*COUNTS, *PROXIES]
            raise InvalidInput(unknown("proxy", name, known))
        check_seed(seed)
        self.space, self.name, self.seed = space, name, seed
        self.config = config or ProxyConfig()
        self.spec: str = f"proxy:{name}"
        self.networks = space.require_networks()
        draw = batch.digits if self.config.data == "digits" else batch.noise
        self.setting: NetworkSetting = self.networks.setting(**dict(self.networks.small) | self.config.network)
        self.images: tuple[Tensor, Tensor] = draw(self.config.batch, self.setting, np.random.default_rng([seed, 0]))
        """The mini-batch: images `n x c x h x w` and `n` labels."""

    def __reduce__(self) -> Any:
        """The images are drawn anew where it is unpickled."""
        kept = {"spec": self.spec, "direction": self.direction}
        return ProxyObjective, (self.space, self.name, self.config, self.seed), kept

    @property
    def network_setting(self) -> NetworkSetting:
        return self.setting

    @property
    def identity(self) -> Identity:
        settings = {name: value for name, value in vars(self.config).items() if name != "network"}
        return Identity.of(self.spec, settings | {"seed": self.seed}, network=self.setting)

    def with_network(self, options: Mapping[str, Any]) -> ProxyObjective:
        network = self.config.network | dict(options)
        if self.networks.setting(**vars(self.setting) | network) == self.setting:
            return self
        again = ProxyObjective(self.space, self.name, replace(self.config, network=network), self.seed)
        again.spec, again.direction = self.spec, self.direction
        return again

    def network(self, arch: Architecture, repeat: int = 0) -> nn.Module:
        """The untrained network of an architecture, with the weights that it is scored with.

        Args:
            arch: the architecture.
            repeat: which draw of weights.
        """
        with torch_seeded(self._weight_seed(arch, repeat)):
            network: nn.Module = self.networks.build(arch.graph, self.setting)
            if self.config.init == "kaiming":
                for module in network.modules():
                    if isinstance(module, WEIGHTED):
                        nn.init.kaiming_normal_(module.weight)
        return network

    def _evaluate(self, arch: Architecture) -> Evaluation:
        start = time.monotonic()
        try:
            value = self._count(arch) if self.name in COUNTS else self._score(arch)
        except EvaluationFailed as error:
            raise EvaluationFailed(f"no {self.name}: {error}", time.monotonic() - start) from error
        return Evaluation(value, cost=time.monotonic() - start)

    def _count(self, arch: Architecture) -> float:
        count = self.networks.params if self.name == "params" else self.networks.macs
        return float(count(arch.graph, self.setting)[0])

    def _score(self, arch: Architecture) -> float:
        images, labels = self.images
        scores = []
        for repeat in range(self.config.repeats):
            network, seed = self.network(arch, repeat), self._weight_seed(arch, repeat)
            with torch_seeded(seed):  # a training-mode pass may draw from torch's own generator
                scores.append(PROXIES[self.name](network, images, labels, torch.Generator().manual_seed(seed)))
        return float(np.mean(scores))

    def _weight_seed(self, arch: Architecture, repeat: int) -> int:
        entropy = [self.seed, arch.key & (2**64 - 1), repeat + 1]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])
