"""Every kind of objective keeps the contract."""

from __future__ import annotations

from archllm.spaces import Architecture
from archllm.testing import ObjectiveContract


def fewest_nodes(arch: Architecture) -> float:
    return -float((arch.graph.ops >= 0).sum())


class TestParams(ObjectiveContract):
    objective = "params"


class TestMACs(ObjectiveContract):
    objective = "macs"


class TestProxy(ObjectiveContract):
    objective = "proxy:synflow"


class TestFunction(ObjectiveContract):
    objective = staticmethod(fewest_nodes)


class TestCommand(ObjectiveContract):
    objective = "command:sh -c 'echo 3'"
