"""`archllm spaces`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archllm.cli.command import Command, Switch
from archllm.cli.console import Console, fields
from archllm.config import Option
from archllm.errors import InvalidInput

if TYPE_CHECKING:
    from archllm.workflows.spaces import SpaceFacts


@dataclass(frozen=True, kw_only=True)
class Spaces(Command):
    """List the search spaces and their exact sizes, or check a space file of your own: `archllm spaces check FILE`."""

    ACTIONS = ("check",)

    name: Annotated[str | None, Option("[NAME|check]", positional=True)] = None
    """Show this space alone, with its operations; `check` reads a space file and tells what is wrong with it."""

    file: Annotated[Path | None, Option("[FILE]", positional=True)] = None
    """With `check`: the space file."""

    toml: Switch = False
    """Print the space file of NAME, to begin one of your own from."""

    def run(self, console: Console) -> None:
        if self.name == "check":
            self._check(console)
        elif self.file is not None:
            raise InvalidInput(f"one space is shown at a time; to check a space file: archllm spaces check {self.file}")
        elif self.toml:
            self._print_file(console)
        elif self.name is not None:
            self._show(console, self.name)
        else:
            self._list(console)

    def _check(self, console: Console) -> None:
        from archllm.workflows.spaces import check_space_file

        if self.file is None:
            raise InvalidInput("name the space file to check: archllm spaces check FILE.toml")
        found = check_space_file(self.file)
        console.document(found.to_json())
        pairs = _pairs(found.facts) | {"examples": found.examples[0]}
        for line in fields(pairs):
            console.say(line)
        width = max(map(len, pairs)) + 2
        for text in found.examples[1:]:
            console.say(" " * width + text)

    def _print_file(self, console: Console) -> None:
        from archllm.spaces import load_space
        from archllm.spaces.registry import is_file_name, space_text

        if self.name is None:
            raise InvalidInput("name the space whose file to print: archllm spaces NAME --toml")
        text = load_space(self.name).file or "" if is_file_name(self.name) else space_text(self.name)
        console.document({"space": self.name, "toml": text})
        console.say(text.rstrip("\n"))

    def _show(self, console: Console, name: str) -> None:
        from archllm.workflows.spaces import spaces

        (one,) = spaces(name)
        console.document(one.to_json())
        for line in fields(_pairs(one)):
            console.say(line)

    def _list(self, console: Console) -> None:
        from archllm.reporting.tables import Table
        from archllm.spaces.sizes import written_size
        from archllm.workflows.spaces import spaces

        found = spaces()
        console.document([each.to_json() for each in found])
        rows = [[each.name, each.kind, written_size(each.size), f"{each.ideal_nats:.3f}"] for each in found]
        console.table(Table("", ["space", "kind", "size", "ideal nats"], rows, frozenset({0, 1})))


def _pairs(one: SpaceFacts) -> dict[str, str]:
    from archllm.spaces.sizes import rounded_size, written_size

    size = written_size(one.size) if one.exact else f"about {rounded_size(one.size)}, estimated from random draws"
    pairs = {"space": one.name, "kind": one.kind, "size": size}
    if one.about:
        pairs = {"space": one.name, "about": one.about, "kind": one.kind, "size": size}
    if one.derivations is not None:
        pairs["derivations"] = f"{written_size(one.derivations)}; an architecture counts once, however many it has"
    if one.ambiguous is not None:
        pairs["ambiguous"] = one.ambiguous
    if one.classes is not None:
        pairs["classes"] = f"{one.classes:,} different networks, as the benchmark counts them"
    if one.counts_writings:
        pairs["draws"] = "uniform over ways to write an architecture, nodes in some order; size counts these, too"
    if not one.exact_keys:
        pairs["keys"] = (
            "64-bit fingerprints; the chance that two of 10 million architectures share one is "
            f"{one.collision_chance:.0e}"
        )
    pairs["ideal"] = f"{one.ideal_nats:.3f} nats per architecture"
    pairs["training"] = "on the whole space" if one.enumerable else "on a uniform sample (too large to list)"
    missing = [name for name, file in one.imports.items() if file is None]
    if not one.networks:
        pairs["networks"] = "none: the file names no blocks and no builder to make them"
    elif missing:
        modules = ", ".join(missing)
        pairs["networks"] = f"can be built where Python finds {modules}; --modules DIR names a further folder"
    else:
        pairs["networks"] = "can be built and exported"
    if one.imports:
        pairs["imports"] = ", ".join(f"{name} ({file or 'not found'})" for name, file in one.imports.items())
        pairs["imports"] += " when a network is built"
    pairs["nodes"] = ", ".join(one.ops)
    if one.guessed:
        told = ", ".join(f"{name} ({one.roles[name]})" for name in one.guessed)
        pairs["guessed"] = f"what these do, from their names: {told}; [roles] in the file says it"
    if one.unknown:
        pairs["unknown"] = f"what these do: {', '.join(one.unknown)}; [roles] in the file says it"
    if one.constraints:
        pairs["constraints"] = "; ".join(one.constraints)
    return pairs
