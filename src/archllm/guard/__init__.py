"""Programs that end with the process that started them, and with them all that they started; signals that are heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archllm.lazy import lazily

if TYPE_CHECKING:
    from archllm.guard.guarded import Guarded, marked_as_ours
    from archllm.guard.signals import sent_again

__all__ = ["Guarded", "marked_as_ours", "sent_again"]

_HOMES = {
    "Guarded": "archllm.guard.guarded",
    "marked_as_ours": "archllm.guard.guarded",
    "sent_again": "archllm.guard.signals",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
