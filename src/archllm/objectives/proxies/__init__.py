"""Zero-cost proxies: scores of an untrained network that go with the accuracy of the trained one."""

from archllm.objectives.proxies.config import ProxyConfig
from archllm.objectives.proxies.objective import PROXIES, Proxy, ProxyObjective

__all__ = ["PROXIES", "Proxy", "ProxyConfig", "ProxyObjective"]
