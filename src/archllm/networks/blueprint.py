"""Blueprint: all that it takes to make one network, as plain Python values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import nn


class Call(NamedTuple):
    """A class or function of a module that makes a layer, and the literals to call it with.

    Example:
        >>> from torch import nn
        >>> call = Call(nn.Conv2d, (3, 16, 3), (("padding", 1),))
        >>> call.module, call.name, call.make().out_channels
        ('torch.nn.modules.conv', 'Conv2d', 16)
    """

    function: Callable[..., nn.Module]
    """The class or function."""

    args: tuple[Any, ...] = ()
    """Arguments by position: numbers, texts, truth values, `None`, and tuples of them."""

    keywords: tuple[tuple[str, Any], ...] = ()
    """Arguments by name."""

    @classmethod
    def of(cls, layer: partial[nn.Module]) -> Call:
        """The call that a partial holds."""
        return cls(layer.func, layer.args, tuple(layer.keywords.items()))

    @property
    def module(self) -> str:
        """Module of the class or function."""
        return self.function.__module__

    @property
    def name(self) -> str:
        """Its name there; dots lead to attributes of attributes."""
        return self.function.__qualname__

    def make(self) -> nn.Module:
        """A new layer."""
        return self.function(*self.args, **dict(self.keywords))


@dataclass(frozen=True)
class Blueprint:
    """A network class and the arguments to call it with.

    The class lives in a module that needs torch alone, so that its source can stand on its own: `export` writes the
    classes that this network uses into one file.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nats-size")
        >>> blueprint = space.require_networks().blueprint(space.parse("8:16:24:32:40").graph)
        >>> blueprint.arguments["widths"], blueprint.notes[1]
        ((8, 16, 24, 32, 40), 'layer 2 = reduction, 16 channels')
        >>> blueprint.build().classifier
        Linear(in_features=40, out_features=10, bias=True)
    """

    network: type[nn.Module]
    """Its class; instances take images `n x c x h x w` and return logits `n x classes`."""

    arguments: dict[str, Any]
    """Keyword arguments, literals only: numbers, texts, and lists or tuples of them."""

    operations: tuple[str, ...]
    """Names of the operations in use, keys of the `OPERATIONS` of the module that defines the class."""

    image: tuple[int, int, int]
    """Channels, height and width of an input image."""

    title: str
    """One line: which cell of which space."""

    notes: tuple[str, ...] = field(default=())
    """What the cell computes, line by line, for a reader of exported code."""

    callables: dict[str, str] = field(default_factory=dict)
    """Operation -> `module:function` that makes it, where the class takes them as its argument `operations`."""

    makers: dict[str, Callable[..., nn.Module]] = field(default_factory=dict)
    """The same functions, imported."""

    layers: tuple[Call, ...] = field(default=())
    """Layers that the class takes by position, where it takes any."""

    def build(self) -> nn.Module:
        """A new network, its weights drawn from torch's generator."""
        layers = [layer.make() for layer in self.layers]
        operations = {"operations": self.makers} if self.makers else {}
        return self.network(*layers, **self.arguments, **operations)
