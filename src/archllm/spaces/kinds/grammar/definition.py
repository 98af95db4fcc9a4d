"""GrammarDefinition: a context-free grammar of networks as plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from keyword import iskeyword
from typing import Literal

from archllm.config import did_you_mean
from archllm.errors import DefinitionError, shown
from archllm.files import toml_value
from archllm.operations import Operation, operation_of
from archllm.spaces.definition import Definition, Value, check_callable, check_roles
from archllm.spaces.texts.expressions import COMBINATORS, IDENTITY

MOST_BLOCKS = 80
"""Most different blocks: labels are 8-bit, and combinators need some."""

MOST_ALTERNATIVES = 20_000
"""Most alternatives of all rules."""

Form = Literal["images", "sequences"]
"""What blocks read: images `n x c x h x w`, or sequences `n x tokens x c`."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_RESERVED = (*COMBINATORS, IDENTITY, "input", "output", "off", "None", "True", "False", "null", "true", "false")


@dataclass(frozen=True)
class BlockCall:
    """What makes a block."""

    where: str
    """`module:function`, called with the number of channels."""

    options: tuple[tuple[str, Value], ...] = ()
    """Further arguments, by name."""


@dataclass(frozen=True, kw_only=True)
class GrammarDefinition(Definition):
    """Rules that derive networks from blocks.

    Example:
        >>> rules = {"net": ("block", "sequence(block, net)"), "block": ("a", "residual(b)")}
        >>> GrammarDefinition(name="tiny", rules=rules, blocks=("a", "b"), max_blocks=3).start
        'net'
    """

    rules: Mapping[str, tuple[str, ...]]
    """Rule -> its alternatives, expressions of rules and blocks."""

    blocks: tuple[str, ...]
    """Names of blocks that keep the shape."""

    downsampling: tuple[str, ...] = ()
    """Names of blocks that halve the resolution and double the channels."""

    start: str = ""
    """The rule that derives networks; by default the first."""

    max_blocks: int | None = None
    """Most blocks of a network; needed where rules can go on without end."""

    max_depth: int | None = None
    """Most joins and repeats within one another."""

    max_params: int | None = None
    """Most trainable parameters of a network at its default setting."""

    commutative: tuple[str, ...] = ("add",)
    """Joins whose branches have no order: `add`, `concat`."""

    zero: str = ""
    """The block that passes nothing on, if there is one: a `cell` that nothing gets through is no member."""

    callables: Mapping[str, BlockCall] = field(default_factory=dict)
    """Block -> what makes it, for networks; imported only when one is built."""

    form: Form = "images"
    """What blocks read."""

    roles: Mapping[str, str] = field(default_factory=dict)
    """Block -> what it does, as `archllm.operations.declared` reads it; by default as the block or its name says."""

    kind = "grammar"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.constraints:
            raise DefinitionError("a grammar has limits and no constraints", "constraints")
        if not self.rules:
            raise DefinitionError("a grammar has at least one rule", "rules")
        if sum(map(len, self.rules.values())) > MOST_ALTERNATIVES:
            raise DefinitionError(f"all rules together have at most {MOST_ALTERNATIVES:,} alternatives", "rules")
        if not self.start:
            object.__setattr__(self, "start", next(iter(self.rules)))
        if self.start not in self.rules:
            near = did_you_mean(self.start, self.rules)
            raise DefinitionError(f"there is no rule {shown(self.start)}{f'; {near}' if near else ''}", "start")
        self._check_names()
        for key, least, most in (("max_blocks", 1, 512), ("max_depth", 0, 32), ("max_params", 1, 2**53)):
            if getattr(self, key) is not None:
                self._check_whole(key, least, most)
        for number, op in enumerate(self.commutative):
            if op not in ("add", "concat"):
                raise DefinitionError(
                    f"joins with an order to give up are add and concat, found {shown(op)}", "commutative", number
                )
        if self.zero and self.zero not in self.blocks:
            raise DefinitionError(f"names one of the blocks, found {shown(self.zero)}", "zero")
        if self.form not in ("images", "sequences"):
            raise DefinitionError(f"must be 'images' or 'sequences', found {shown(self.form)}", "network", "form")
        if self.form == "sequences" and self.downsampling:
            raise DefinitionError("blocks of sequences keep their length: there is no downsampling", "downsampling")
        self._check_callables()
        check_roles(self.roles, self.all_blocks)
        if self.max_params is not None and not self.callables:
            raise DefinitionError("parameters are counted of blocks that name a 'module:function'", "max_params")

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """What the blocks do."""
        roles = ({self.zero: "zero"} if self.zero else {}) | dict(self.roles)
        found = {}
        for block in self.all_blocks:
            call = self.callables.get(block, BlockCall(""))
            found[block] = operation_of(block, call.where, roles.get(block, ""), dict(call.options))
        return found

    @property
    def all_blocks(self) -> tuple[str, ...]:
        """All blocks, those that halve the resolution last."""
        return (*self.blocks, *self.downsampling)

    def _check_names(self) -> None:
        if not 1 <= len(self.all_blocks) <= MOST_BLOCKS:
            raise DefinitionError(f"must be 1 to {MOST_BLOCKS} blocks, found {len(self.all_blocks)}", "blocks")
        known: dict[str, str] = {}
        for table, names in (("rules", self.rules), ("blocks", self.blocks), ("downsampling", self.downsampling)):
            for name in names:
                if not _IDENTIFIER.fullmatch(name) or iskeyword(name) or name in _RESERVED:
                    raise DefinitionError(
                        f"names are words of letters, digits and '_', such as 'conv3x3', and not "
                        f"{', '.join(_RESERVED[:7])}; found {shown(name)}",
                        table,
                        name,
                    )
                if name in known:
                    raise DefinitionError(f"{name!r} names something under {known[name]} already", table, name)
                known[name] = table
        for rule, alternatives in self.rules.items():
            if not alternatives:
                raise DefinitionError("a rule needs at least one alternative", "rules", rule)

    def _check_callables(self) -> None:
        for block, call in self.callables.items():
            table = "downsampling" if block in self.downsampling else "blocks"
            check_callable(call.where, table, block)
            for name, _ in call.options:
                if not _IDENTIFIER.fullmatch(name) or iskeyword(name):
                    raise DefinitionError(f"options are named by words, found {shown(name)}", table, block)
        missing = [block for block in self.all_blocks if self.callables and block not in self.callables]
        if missing:
            raise DefinitionError(
                f"either all blocks name a 'module:function' or none; {missing[0]!r} has none", "blocks"
            )

    def to_toml(self) -> str:
        lines = [f"name = {toml_value(self.name)}", 'kind = "grammar"', f"start = {toml_value(self.start)}"]
        lines += [f"about = {toml_value(self.about)}"] if self.about else []
        for key in ("max_blocks", "max_depth", "max_params"):
            lines += [f"{key} = {getattr(self, key)}"] if getattr(self, key) is not None else []
        lines.append(f"commutative = {toml_value(self.commutative)}")
        lines += [f"zero = {toml_value(self.zero)}"] if self.zero else []
        for key in ("blocks", "downsampling"):
            if not self.callables and getattr(self, key):
                lines.append(f"{key} = {toml_value(getattr(self, key))}")
        for key in ("blocks", "downsampling"):
            if self.callables and getattr(self, key):
                lines += ["", f"[{key}]", *(f"{block} = {self._call(block)}" for block in getattr(self, key))]
        lines += ["", "[network]", f"form = {toml_value(self.form)}"] if self.callables else []
        if self.roles:
            lines += ["", "[roles]", *(f"{block} = {toml_value(role)}" for block, role in self.roles.items())]
        rules = [f"{rule} = {toml_value(alternatives)}" for rule, alternatives in self.rules.items()]
        return "\n".join([*lines, "", "[rules]", *rules]) + "\n"

    def _call(self, block: str) -> str:
        call = self.callables[block]
        if not call.options:
            return toml_value(call.where)
        options = "".join(f", {name} = {toml_value(value)}" for name, value in call.options)
        return f"{{ make = {toml_value(call.where)}{options} }}"
