"""Where evaluations run: in the own process, in processes of this machine, on a Ray cluster."""

from archllm.study.workers.base import Workers
from archllm.study.workers.starting import OWN, check_workers, start_workers

__all__ = ["OWN", "Workers", "check_workers", "start_workers"]
