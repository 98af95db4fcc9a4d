"""`archllm info`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from archllm.cli.command import Command, architecture_text
from archllm.cli.console import Console, fields
from archllm.config import Option


@dataclass(frozen=True, kw_only=True)
class Info(Command):
    """Tell an architecture's standard text, canonical key, official names and size."""

    arch: Annotated[str, Option("ARCH", positional=True)]
    """Text of the architecture; `-` reads it from stdin, `@FILE` from a file."""

    space: Annotated[str, Option("SPACE")]
    """The space it is of."""

    def run(self, console: Console) -> None:
        from archllm.workflows.info import info

        found = info(architecture_text(self.arch), self.space)
        console.document(found.to_json())
        pairs: dict[str, Any] = {
            "space": found.space,
            "text": found.text,
            "key": found.key,
            "hash": found.hash if found.hash is not None else "the benchmark gives none",
        }
        if found.class_key is not None:
            pairs["class"] = f"{found.class_key} (the same for networks that compute the same)"
        pairs |= found.other_names
        if found.params is not None and found.macs is not None:
            pairs["parameters"] = f"{found.params:,}"
            pairs["MACs"] = f"{found.macs:,} (network of the space's paper, one CIFAR-10 image)"
        elif found.imports:
            console.note(
                f"The network is not counted: its blocks are in {', '.join(found.imports)}, which is not found where "
                "Python looks. If you trust it, name its folder (--modules DIR)."
            )
        pairs["graph"] = f"{found.vertices} vertices, {found.edges} edges (operations on vertices)"
        for line in fields(pairs):
            console.say(line)
