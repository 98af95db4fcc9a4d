"""Where evaluations run: in the own process, in processes of this machine, on a Ray cluster."""

from archllm.search.workers.base import Workers
from archllm.search.workers.starting import OWN, check_workers, start_workers

__all__ = ["OWN", "Workers", "check_workers", "start_workers"]
