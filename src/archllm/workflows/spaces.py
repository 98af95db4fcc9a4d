"""What search spaces there are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from archllm.spaces import load_space, space_names


@dataclass(frozen=True)
class SpaceFacts:
    """What can be said of a space before anything is trained."""

    name: str
    """What it is called."""

    kind: str
    """The family it belongs to."""

    size: int
    """Exact number of architectures."""

    classes: int | None
    """Number of architectures that differ by a coarser notion of "the same network"; `None` where there is none."""

    ideal_nats: float
    """ln(size): what a perfect prior needs per architecture."""

    enumerable: bool
    """Whether the whole space can be listed, and so trained on."""

    ops: list[str]
    """Node labels."""

    def to_json(self) -> dict[str, Any]:
        """The contract of `archllm spaces NAME --json`."""
        return asdict(self)


def spaces(name: str | None = None) -> list[SpaceFacts]:
    """Facts of one space, or of all.

    Args:
        name: the space; `None` for all.

    Raises:
        InvalidInput: no space has that name.
    """
    found = [load_space(each) for each in ([name] if name is not None else space_names())]
    return [
        SpaceFacts(s.name, s.kind, s.size, s.class_count, s.ideal_nats, s.enumerable, list(s.op_names)) for s in found
    ]
