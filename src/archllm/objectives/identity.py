"""Identity: what decides the scores of an objective, so that scores of two objectives are never mixed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self, get_args

import numpy as np
from numpy.typing import NDArray

from archllm.objectives.evaluation import Direction

if TYPE_CHECKING:
    from archllm.networks.setting import NetworkSetting

LENGTH = 16
"""Hexadecimal digits of a fingerprint."""

_LONGEST = 300  # characters of a value in a message


@dataclass(frozen=True)
class Identity:
    """What decides the scores of an objective: those of equal identities may be mixed, others never.

    Everything in it is plain (JSON), so that a store holds it. `Identity.of` makes one from settings as they are.

    Example:
        >>> one = Identity.of("train:photos", {"epochs": 20}, {"images": "90f1"})
        >>> one.differences(Identity.of("train:photos", {"epochs": 40}, {"images": "90f1"}))
        ['epochs is 20, asked for 40']
        >>> one.differences(Identity.of("train:photos", {"epochs": 20}, {"images": "77aa"}))
        ["the images' content differs"]
    """

    spec: str
    """The objective as it is written, without its settings and without a direction in front."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Every setting that scores depend on, those at their default included; not where, or how long at most."""

    data: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of what scores are made from (`fingerprint`), by what it is: `table`, `images`, `code`."""

    network: Mapping[str, Any] | None = None
    """Setting of the networks that are scored; `None` where there are none."""

    only_here: str = ""
    """A mark that no other object has, where the rest can't tell whether two objectives give the same scores. Then
    scores are reused for this very object alone; whether a study may go on is told by the rest."""

    immediate: bool = False
    """Whether a score is there at once (`Objective.immediate`), so that none is taken from another study."""

    @classmethod
    def of(
        cls,
        spec: str,
        settings: Mapping[str, Any] | Any = (),
        data: Mapping[str, str] | None = None,
        network: NetworkSetting | None = None,
        only_here: str = "",
    ) -> Self:
        """An identity of settings as an objective has them.

        Args:
            spec: as in the field, with a direction in front or without.
            settings: by name, or as a dataclass; those inside of others are named with a dot.
            data: as in the field.
            network: the setting of the networks.
            only_here: as in the field.
        """
        return cls(
            without_direction(spec),
            _flat(settings),
            dict(data or {}),
            None if network is None else _flat(network),
            only_here,
        )

    @classmethod
    def from_json(cls, found: Any) -> Self:
        """What `to_json` gave.

        Raises:
            ValueError: it is no identity.
        """
        try:
            spec, settings, data, network = (found[name] for name in ("spec", "settings", "data", "network"))
            right = isinstance(spec, str) and isinstance(found["only_here"], str)
            right &= isinstance(found["immediate"], bool)
            right &= all(isinstance(each, dict) for each in (settings, data, {} if network is None else network))
            right &= all(isinstance(each, str) for each in data.values())
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("the identity of an objective is damaged") from error
        if not right:
            raise ValueError("the identity of an objective is damaged")
        return cls(spec, settings, data, network, found["only_here"], found["immediate"])

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "spec": self.spec,
            "settings": dict(self.settings),
            "data": dict(self.data),
            "network": None if self.network is None else dict(self.network),
            "only_here": self.only_here,
            "immediate": self.immediate,
        }

    @property
    def digest(self) -> str:
        """A short name that no other identity has."""
        return sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def differences(self, asked: Identity) -> list[str]:
        """What differs from the identity that is asked for, in words, but for the network; nothing if none does.

        Data is compared where all settings agree: a setting may change how data is read.
        """
        if self.spec != asked.spec:
            return changes({"objective": self.spec}, {"objective": asked.spec})
        found = changes(self.settings, asked.settings)
        if found:
            return found
        every = sorted(self.data.keys() | asked.data.keys())
        names = [name for name in every if self.data.get(name) != asked.data.get(name)]
        return [f"the {name}{_genitive(name)} content differs" for name in names]


def changes(found: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Which values differ from those that are asked for, in words; lists count as the tuples that they once were.

    Example:
        >>> changes({"epochs": 20, "sizes": [1, 2]}, {"epochs": 40, "sizes": (1, 2)})
        ['epochs is 20, asked for 40']
    """
    pairs = ((name, plain(found.get(name)), plain(asked.get(name))) for name in sorted(found.keys() | asked.keys()))
    return [f"{name} is {_told(own)}, asked for {_told(other)}" for name, own, other in pairs if own != other]


def without_direction(spec: str) -> str:
    """A spec without the direction in front.

    Example:
        >>> without_direction("minimise:macs"), without_direction("macs")
        ('macs', 'macs')
    """
    for direction in get_args(Direction):
        spec = spec.removeprefix(f"{direction}:")
    return spec


def fingerprint(*parts: str | bytes | NDArray[Any]) -> str:
    """A fingerprint of texts, bytes and arrays, in this order; equal exactly where all of them are.

    Arrays count with shape and type. About a second for a gigabyte.
    """
    found = sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            head = f"array {part.dtype.str} {part.shape} "
            content: Any = np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
        else:
            content = part.encode() if isinstance(part, str) else part
            head = f"{type(part).__name__} {len(content)} "
        found.update(head.encode())
        found.update(content)
    return found.hexdigest()[:LENGTH]


def _flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Settings as one level of plain values."""
    if is_dataclass(settings):
        settings = {each.name: getattr(settings, each.name) for each in fields(settings)}
    found: dict[str, Any] = {}
    for name, value in dict(settings).items():
        if isinstance(value, Mapping) or (is_dataclass(value) and not isinstance(value, type)):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = plain(value)
    return found


def plain(value: Any) -> Any:
    """A value as JSON gives it back: lists for tuples, texts for what JSON has no word for.

    Example:
        >>> plain((1, "a", None)), plain(float("inf"))
        ([1, 'a', None], 'inf')
    """
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _told(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _genitive(name: str) -> str:
    return "'" if name.endswith("s") else "'s"
