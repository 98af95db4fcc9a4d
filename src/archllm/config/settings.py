"""Settings: frozen dataclasses whose fields say their own type, bounds and meaning, checked by one function.

A field is declared once. Its docstring is the help on the command line, its type and `Bounds` are checked wherever the
settings are made.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Self, Union, cast, get_args, get_origin, get_type_hints

from archllm.config.suggestions import did_you_mean, unknown
from archllm.errors import InvalidInput, shown

LARGEST_SEED = 2**63 - 1
"""The largest seed that generators of numpy and torch both take."""


@dataclass(frozen=True)
class Bounds:
    """The range of a number, or of each number of a tuple, declared beside the field: `Annotated[int, Bounds(1)]`.

    Example:
        >>> Bounds(1, 10).wording(int), Bounds(above=0).wording(float)
        ('a whole number from 1 to 10', 'a number above 0')
    """

    least: float | None = None
    """Smallest value that is allowed."""

    most: float | None = None
    """Largest value that is allowed."""

    above: float | None = None
    """The value must be larger than this."""

    below: float | None = None
    """The value must be smaller than this."""

    def __contains__(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def wording(self, kind: type) -> str:
        """What is expected, in words."""
        number = "a whole number" if kind is int else "a number"
        low, high = self.least, self.most
        if low is not None and high is not None:
            return f"{number} from {_plain(low)} to {_plain(high)}"
        parts = [
            f"{word} {_plain(end)}"
            for word, end in (
                ("of at least", low),
                ("above", self.above),
                ("of at most", high),
                ("below", self.below),
            )
            if end is not None
        ]
        return f"{number} {' and '.join(parts)}" if parts else number


Positive = Bounds(above=0)
"""Any finite number above 0."""

NotNegative = Bounds(least=0)
"""0, or any finite number above it."""

Share = Bounds(above=0, below=1)
"""A share of which both sides hold something."""

Seed = Annotated[int, Bounds(0, LARGEST_SEED)]
"""A seed that every random generator takes."""


@dataclass(frozen=True)
class Option:
    """How a field is written on a command line, declared beside it: `Annotated[Path, Option("RUN", positional=True)]`.

    Only the command line reads this, but for `each`.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Rounds(Settings):
        ...     n: Annotated[int, Bounds(1), Option("N", positional=True)] = 3
        >>> Rounds().n
        3
    """

    metavar: str = ""
    """What stands for the value in the help; by default its type."""

    name: str = ""
    """Another name than the field's."""

    short: str = ""
    """A second, short name, such as `-n`."""

    positional: bool = False
    """It is written without its name."""

    each: bool = False
    """A list whose values are named one by one, `--where A --where B`; a single value may stand for a list of one."""

    needed: bool = False
    """It has to be named on the command line, though Python has a default."""

    flat: bool = False
    """Settings inside of settings, whose fields are named without a prefix."""


@dataclass(frozen=True)
class Settings:
    """Base of all settings: each field is checked against its type and bounds when they are made.

    What several fields must fulfil together is checked by `_check_together`.

    Example:
        >>> @dataclass(frozen=True)
        ... class Training(Settings):
        ...     section = "train"
        ...     steps: Annotated[int, Bounds(1)] = 100
        >>> Training(steps=0)
        Traceback (most recent call last):
        archllm.errors.InvalidInput: train.steps must be a whole number of at least 1, got 0
    """

    section: ClassVar[str] = ""
    """What stands before a field's name in messages, such as `prior`."""

    def __post_init__(self) -> None:
        check(self)
        self._check_together()

    def _check_together(self) -> None:
        """Checks what no single field can say.

        Raises:
            InvalidInput: fields contradict each other.
        """

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], what: str = "", default: Self | None = None) -> Self:
        """Settings from nested dictionaries, as TOML gives them; what is not named stays as in `default`.

        Args:
            values: values by name; those of settings inside of settings are dictionaries.
            what: whose settings they are, in messages: `searcher gp`, or the name of a file.
            default: where the rest comes from; else the fields' defaults.

        Raises:
            InvalidInput: a name is unknown, or a value can't be used.
        """
        known = field_names(cls)
        chosen: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise InvalidInput(unknown("setting", name, known, what))
            inner = settings_class(field_hints(cls)[name])
            if inner is not None and isinstance(value, Mapping):
                within = getattr(default, name, None)
                chosen[name] = inner.from_mapping(value, f"{what} [{name}]".strip(), within)
            elif inner is not None and not isinstance(value, inner):
                raise InvalidInput(f"{_prefix(what)}[{name}] must be a table, got {shown(value)}")
            else:
                chosen[name] = value
        if default is not None:
            return replace(default, **chosen)
        missing = [name for name in needed_names(cls) if name not in chosen]
        if missing:
            raise InvalidInput(f"{what or cls.__name__} needs {', '.join(missing)}")
        return cls(**chosen)

    @classmethod
    def given(cls, options: Self | None, keywords: Mapping[str, Any]) -> Self:
        """The settings of a function that takes them whole, by keyword, or both; keywords win.

        Raises:
            InvalidInput: a keyword is unknown or missing, or a value can't be used.
        """
        return cls.from_mapping(keywords, cls.__name__, options)


def check(settings: Settings) -> None:
    """Checks each field against its declared type and bounds; lists become tuples, whole numbers floats if need be.

    Raises:
        InvalidInput: a value is of another type, not finite, or out of bounds; the message names the field.
    """
    for name, hint in field_hints(type(settings)).items():
        value = getattr(settings, name)
        where = f"{settings.section}.{name}" if settings.section else name
        checked = checked_value(value, hint, where)
        if checked is not value:
            object.__setattr__(settings, name, checked)


def checked_value(value: Any, hint: Any, where: str) -> Any:
    """The value as its annotation wants it.

    Args:
        value: the value.
        hint: `int`, `float`, `bool`, `str`, `Path`, a `Literal`, a tuple or union of these, or `Annotated` with
            `Bounds`; values of any other class only have to be of it.
        where: the field's name, for messages.

    Raises:
        InvalidInput: it is of another type, or out of bounds.
    """
    bounds = Bounds()
    while get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        bounds = next((note for note in notes if isinstance(note, Bounds)), bounds)
        if any(isinstance(note, Option) and note.each for note in notes) and not isinstance(value, list | tuple):
            value = (value,)
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _checked_union(value, hint, bounds, where)
    if origin is Literal:
        if value not in get_args(hint) or isinstance(value, bool):
            words = [str(each) for each in get_args(hint)]
            hint_of = did_you_mean(value, words) if isinstance(value, str) else ""
            raise InvalidInput(f"{where} must be {_either(words)}, got {shown(value)}{_trailing(hint_of)}")
        return value
    if origin is tuple:
        return _checked_tuple(value, get_args(hint), bounds, where)
    if hint in (int, float):
        return _checked_number(value, hint, bounds, where)
    if hint is Path and isinstance(value, str):
        return Path(value)
    kind = origin or hint
    if not isinstance(kind, type) or isinstance(value, kind):
        return value
    raise InvalidInput(f"{where} must be {_NAMES.get(kind, f'of type {kind.__name__}')}, got {shown(value)}")


def field_names(settings: type) -> list[str]:
    """Names of the fields of a dataclass, in order."""
    return [field.name for field in fields(settings) if field.init]


def needed_names(settings: type) -> list[str]:
    """Names of the fields of a dataclass that have no default."""
    return [
        field.name
        for field in fields(settings)
        if field.init and field.default is MISSING and field.default_factory is MISSING
    ]


def check_seed(seed: int) -> int:
    """The seed itself.

    Raises:
        InvalidInput: it is no whole number, negative, or has more than 63 bits.
    """
    return cast(int, checked_value(seed, Seed, "seed"))


_NAMES: dict[type, str] = {bool: "true or false", str: "a text", dict: "a table", Path: "a path"}


def field_hints(settings: type) -> dict[str, Any]:
    """Annotations of the fields of a dataclass, resolved, by name."""
    return _resolved(cast(Any, settings))


@cache
def _resolved(settings: Any) -> dict[str, Any]:
    hints = get_type_hints(settings, include_extras=True)
    return {name: hints[name] for name in field_names(settings)}


def settings_class(hint: Any) -> type[Settings] | None:
    """The settings that an annotation allows, if any."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        return next((found for each in get_args(hint) if (found := settings_class(each)) is not None), None)
    return hint if isinstance(hint, type) and is_dataclass(hint) and issubclass(hint, Settings) else None


def _checked_union(value: Any, hint: Any, bounds: Bounds, where: str) -> Any:
    options = get_args(hint)
    if value is None and NoneType in options:
        return None
    reasons = []
    for option in options:
        if option is not NoneType:
            try:
                return checked_value(value, Annotated[option, bounds], where)
            except InvalidInput as error:
                reasons.append(error)
    raise (
        reasons[0]
        if len(reasons) == 1
        else InvalidInput(
            f"{where} must be one of {', '.join(getattr(option, '__name__', str(option)) for option in options)}, "
            f"got {shown(value)}"
        )
    )


def _checked_tuple(value: Any, inner: tuple[Any, ...], bounds: Bounds, where: str) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidInput(f"{where} must be a list, got {shown(value)}")
    kinds = [inner[0]] * len(value) if len(inner) == 2 and inner[1] is Ellipsis else list(inner)
    if len(kinds) != len(value):
        raise InvalidInput(f"{where} must be a list of {len(kinds)} values, got {shown(value)}")
    checked = tuple(
        checked_value(each, Annotated[kind, bounds], f"{where}[{at}]")
        for at, (each, kind) in enumerate(zip(value, kinds, strict=True))
    )
    same = isinstance(value, tuple) and all(a is b for a, b in zip(checked, value, strict=True))
    return cast(tuple[Any, ...], value) if same else checked


def _checked_number(value: Any, kind: type, bounds: Bounds, where: str) -> float:
    right = not isinstance(value, bool) and isinstance(value, int if kind is int else int | float)
    endless = isinstance(value, float) and not math.isfinite(value)
    endless |= right and kind is float and abs(value) > sys.float_info.max  # a whole number may be any
    if not right or endless or value not in bounds:
        raise InvalidInput(f"{where} must be {bounds.wording(kind)}, got {shown(value)}")
    return float(value) if kind is float and isinstance(value, int) else cast(float, value)


def _plain(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(map(repr, words[:-1]))} or {words[-1]!r}"


def _prefix(what: str) -> str:
    return f"{what}: " if what else ""


def _trailing(hint: str) -> str:
    return f"; {hint}" if hint else ""
