"""`archllm spaces`."""

from __future__ import annotations

from dataclasses import dataclass

import tyro

from archllm.cli.command import Command
from archllm.cli.console import Console, fields


@dataclass(frozen=True, kw_only=True)
class Spaces(Command):
    """List the search spaces and their exact sizes."""

    name: tyro.conf.Positional[str | None] = None
    """Show this space alone, with its operations."""

    def run(self, console: Console) -> None:
        from archllm.report.tables import Table
        from archllm.workflows.spaces import spaces

        found = spaces(self.name)
        if self.name is not None:
            (one,) = found
            console.document(one.to_json())
            pairs = {"space": one.name, "kind": one.kind, "size": f"{one.size:,}"}
            if one.classes is not None:
                pairs["classes"] = f"{one.classes:,} different networks, as the benchmark counts them"
            pairs["ideal"] = f"{one.ideal_nats:.3f} nats per architecture"
            pairs["training"] = "on the whole space" if one.enumerable else "on a uniform sample (too large to list)"
            pairs["nodes"] = ", ".join(one.ops)
            for line in fields(pairs):
                console.say(line)
            return
        console.document([each.to_json() for each in found])
        rows = [[each.name, each.kind, f"{each.size:,}", f"{each.ideal_nats:.3f}"] for each in found]
        console.table(Table("", ["space", "kind", "size", "ideal nats"], rows, frozenset({0, 1})))
