"""Operations: what each one does, as a file declares it, as its block says, or as its name lets one guess.

Whatever asks what an operation is (predictors, latency, drawings, reports) asks here, so all see the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Role = Literal["zero", "identity", "pooling", "convolution", "separable", "dilated", "other"]
"""What an operation does: its output is zero, or its input; it pools; it is a convolution, dense, separable or
depthwise, or dilated; or it is none of these."""

Source = Literal["declared", "block", "name", "unknown"]
"""How that is known: the file says it; it is one of the built-in blocks; guessed from the name; not at all."""

ZERO = frozenset({"none", "zero", "zeroize"})
"""Names by which operations are known whose output is zero."""

IDENTITY = frozenset({"skip_connect", "skip", "identity"})
"""Names by which operations are known whose output is their input."""

BLOCKS = "archllm.networks.operations"
"""Module of the built-in blocks."""

_SIZES = re.compile(r"(\d+)x(\d+)")
_SIZE = re.compile(r"(?:conv|_k)(\d+)")
_DECLARED = re.compile(rf"({'|'.join(get_args(Role))})(?: ([1-9]\d?))?")
_SIZED = ("convolution", "separable", "dilated")

_OWN: dict[str, tuple[Role, int | None]] = {
    "none": ("zero", None),
    "skip": ("identity", None),
    "conv1x1": ("convolution", 1),
    "conv3x3": ("convolution", 3),
    "conv5x5": ("convolution", 5),
    "conv1x3_3x1": ("convolution", 3),
    "conv1x7_7x1": ("convolution", 7),
    "sep_conv3x3": ("separable", 3),
    "sep_conv5x5": ("separable", 5),
    "sep_conv7x7": ("separable", 7),
    "dil_conv3x3": ("dilated", 3),
    "dil_conv5x5": ("dilated", 5),
    "avg_pool3x3": ("pooling", None),
    "max_pool3x3": ("pooling", None),
    "max_pool5x5": ("pooling", None),
    "max_pool7x7": ("pooling", None),
    "conv_block": ("convolution", 3),
}


@dataclass(frozen=True)
class Operation:
    """What an operation does.

    Example:
        >>> operation_of("wide", "archllm.networks.operations:conv5x5")
        Operation(name='wide', role='convolution', kernel=5, source='block')
        >>> operation_of("gate", "blocks:gate", "convolution 3").source, operation_of("gate", "blocks:gate").source
        ('declared', 'unknown')
    """

    name: str
    """What it is called."""

    role: Role
    """What it does."""

    kernel: int | None = None
    """Height and width of its convolution, the larger one; `None` for others, or where it is not known."""

    source: Source = "unknown"
    """How that is known."""

    @property
    def told(self) -> str:
        """The role as files declare it."""
        return self.role if self.kernel is None else f"{self.role} {self.kernel}"


def by_name(name: str) -> Operation:
    """What an operation does, guessed from its name.

    Example:
        >>> [by_name(name).told for name in ("nor_conv_3x3", "conv1x1-bn-relu", "sep_conv_5x5", "max_pool", "skip")]
        ['convolution 3', 'convolution 1', 'separable 5', 'pooling', 'identity']
    """
    word = name.lower()
    if word in ZERO:
        return Operation(name, "zero", source="name")
    if word in IDENTITY:
        return Operation(name, "identity", source="name")
    if "pool" in word:
        return Operation(name, "pooling", source="name")
    sizes = [each for pair in _SIZES.findall(word) for each in pair] or _SIZE.findall(word)
    if "conv" not in word or not sizes:
        return Operation(name, "other")
    kernel = max(map(int, sizes))
    if "dil" in word:
        return Operation(name, "dilated", kernel, "name")
    light = any(each in word for each in ("sep", "dw", "depth"))
    return Operation(name, "separable" if light else "convolution", kernel, "name")


def declared(name: str, text: str) -> Operation:
    """What a file says of an operation: a role, and for convolutions perhaps the size of the kernel.

    Raises:
        ValueError: the text is none; the message says what it may be.

    Example:
        >>> declared("gated", "convolution 3").kernel
        3
    """
    found = _DECLARED.fullmatch(text)
    if found is None or (found[2] and found[1] not in _SIZED):
        roles = ", ".join(get_args(Role))
        raise ValueError(f"must be one of {roles}, convolutions also with the size of the kernel, as 'convolution 3'")
    role: Any = found[1]
    return Operation(name, role, int(found[2]) if found[2] else None, "declared")


def operation_of(name: str, where: str = "", role: str = "", options: Mapping[str, Any] | None = None) -> Operation:
    """What an operation does, by the surest that is known.

    Args:
        name: what it is called.
        where: `module:function` of its block, if it has one.
        role: what a file declares, if it does.
        options: further arguments of the block.

    Raises:
        ValueError: the role is none.
    """
    if role:
        return declared(name, role)
    module, _, function = where.partition(":")
    if module == BLOCKS and function in _OWN:
        known, kernel = _OWN[function]
        given = options or {}
        if given.get("groups", 1) == 0:
            known = "separable"
        return Operation(name, known, given.get("kernel", kernel), "block")
    return by_name(name)
