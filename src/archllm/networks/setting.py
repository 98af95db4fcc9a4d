"""NetworkSetting: what a cell does not say about the network made of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, ClassVar, Self

from archllm.errors import InvalidInput, shown

LARGEST = 100_000
"""No size of a network may be larger: what is meant is a typing error."""


@dataclass(frozen=True, kw_only=True)
class NetworkSetting:
    """Size and images of a network; the defaults of each space are those of its paper on CIFAR-10."""

    num_classes: int = 10
    """Classes that are told apart."""

    channels: int = 16
    """Channels of the first cells; they double wherever the resolution is halved."""

    in_channels: int = 3
    """Channels of the images: 3 for colour, 1 for grey."""

    image_size: int = 32
    """Height and width of the images in pixels."""

    SIZE_MULTIPLE: ClassVar[int] = 1
    """The image size must be a multiple of this, so that all branches of a cell keep the same size."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int" and (isinstance(value, bool) or not isinstance(value, int)):
                raise InvalidInput(f"{field.name} must be a whole number, got {shown(value)}")
            if field.type == "int" and not 1 <= value <= LARGEST:
                raise InvalidInput(f"{field.name} must be 1 to {LARGEST:,}, got {value}")
        if self.image_size % self.SIZE_MULTIPLE:
            raise InvalidInput(
                f"image_size must be a multiple of {self.SIZE_MULTIPLE} (each halving needs an even size), "
                f"got {self.image_size}; resize or pad the images"
            )

    @property
    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.in_channels, self.image_size, self.image_size

    @classmethod
    def of(cls, options: dict[str, Any]) -> Self:
        """The setting with these fields, the rest at its default; `None` stands for the default, too.

        Raises:
            InvalidInput: there is no such field, or a value is out of range.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise InvalidInput(f"networks of this space have no option {name!r}; {hint}known: {', '.join(known)}")
        return cls(**{name: value for name, value in options.items() if value is not None})
