"""Programs that end with the process that started them, and with them all that they started; signals that are heard."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archllm.guard.guarded import Guarded, marked_as_ours
    from archllm.guard.signals import sent_again

__all__ = ["Guarded", "marked_as_ours", "sent_again"]

_HOMES = {
    "Guarded": "archllm.guard.guarded",
    "marked_as_ours": "archllm.guard.guarded",
    "sent_again": "archllm.guard.signals",
}


def __getattr__(name: str) -> Any:
    """Loads a name when it is first asked for: the command line needs no processes to say what it can do."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
