"""ProductDefinition: a space of several parts as plain values."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword

from archllm.errors import DefinitionError, shown
from archllm.files import toml_value
from archllm.spaces.definition import ChoicesDefinition, ClassDefinition, Definition

MOST_PARTS = 12
"""Most parts of a product."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_RESERVED = ("min", "max", "sum", "abs", "count", "true", "false", "space")


@dataclass(frozen=True, kw_only=True)
class ProductDefinition(Definition):
    """Parts of an architecture, each a member of a space of its own.

    Example:
        >>> from archllm.spaces.definition import ChoicesDefinition
        >>> scale = ChoicesDefinition(name="scale", slots={"width": (16, 32), "depth": (1, 2)})
        >>> product = ProductDefinition(name="scaled", parts={"cell": "nasbench201", "scale": scale})
        >>> print(product.to_toml())
        name = "scaled"
        kind = "product"
        <BLANKLINE>
        [parts.cell]
        space = "nasbench201"
        <BLANKLINE>
        [parts.scale]
        kind = "choices"
        <BLANKLINE>
        [parts.scale.slots]
        width = [16, 32]
        depth = [1, 2]
        <BLANKLINE>
    """

    parts: Mapping[str, Definition | str]
    """Part -> its definition, or the name of a built-in space."""

    network: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """How networks are made: `cell`, the part whose cells they consist of; else a size of the network -> the slot, or
    the slots, that say it. See `archllm.networks.product`."""

    kind = "product"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= len(self.parts) <= MOST_PARTS:
            raise DefinitionError(f"must be 2 to {MOST_PARTS} parts, found {len(self.parts)}", "parts")
        for part, each in self.parts.items():
            if not _IDENTIFIER.fullmatch(part) or iskeyword(part) or part in _RESERVED:
                raise DefinitionError(
                    f"a part is named by a word such as 'cell' (and not by {', '.join(_RESERVED)}), found "
                    f"{shown(part)}",
                    "parts",
                    part,
                )
            if isinstance(each, ProductDefinition | ClassDefinition):
                raise DefinitionError(
                    f"a part is a space of a file of another kind, and this is a {each.kind}: name its parts here",
                    "parts",
                    part,
                )
            if isinstance(each, ChoicesDefinition) and each.builder:
                raise DefinitionError(
                    "a part has no networks of its own; those of the whole stand under [network]",
                    "parts",
                    part,
                    "network",
                )

        for key in self.network:
            if not _IDENTIFIER.fullmatch(key):
                raise DefinitionError(f"a size is named by a word such as 'channels', found {shown(key)}", "network")

    def to_toml(self) -> str:
        lines = [f"name = {toml_value(self.name)}", 'kind = "product"']
        lines += [f"about = {toml_value(self.about)}"] if self.about else []
        lines += [f"constraints = {toml_value(self.constraints)}"] if self.constraints else []
        if self.network:
            lines += ["", "[network]", *(f"{key} = {toml_value(value)}" for key, value in self.network.items())]
        for part, each in self.parts.items():
            lines += ["", f"[parts.{part}]"]
            if isinstance(each, str):
                lines.append(f"space = {toml_value(each)}")
            else:
                lines += _within(f"parts.{part}", each)
        return "\n".join(lines) + "\n"

    @property
    def fingerprint(self) -> str:
        """The same for definitions of the same architectures, whatever their names and networks."""
        parts = [[part, each if isinstance(each, str) else each.fingerprint] for part, each in self.parts.items()]
        return hashlib.sha256(json.dumps([self.kind, parts, self.constraints]).encode()).hexdigest()


def _within(prefix: str, definition: Definition) -> list[str]:
    """The lines of a space file inside a table of another one."""
    lines = []
    for line in definition.to_toml().splitlines():
        if line.startswith("["):  # only heads of tables do
            lines.append(f"[{prefix}.{line[1:]}")
        elif not line.startswith("name = "):
            lines.append(line)
    return lines
