"""Programs that end with the process that started them, and with them all that they started."""

from __future__ import annotations

from archllm.guard.guarded import Guarded, marked_as_ours

__all__ = ["Guarded", "marked_as_ours"]
