"""Settings as text: `KEY=VALUE` words and options of a command line, and TOML files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from archllm import toml_lines
from archllm.config.settings import Option, Settings, field_hints, field_names
from archllm.config.suggestions import unknown
from archllm.errors import InvalidInput


def parse_words(words: Iterable[str], settings: type, what: str) -> dict[str, Any]:
    """`KEY=VALUE` words of a command line -> values by key, typed as the fields of the settings are.

    Raises:
        InvalidInput: a word is not of that form, a key is unknown, or a value is of another type.
    """
    hints, known = field_hints(settings), field_names(settings)
    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not value:
            raise InvalidInput(
                f"an option of {what} is written KEY=VALUE, got {word!r}; keys: {', '.join(known) or 'none'}"
            )
        if key not in known:
            raise InvalidInput(unknown("option", key, known, what))
        found[key] = _typed(value, hints[key], f"{what}: {key}")
    return found


def words_of(settings: Settings) -> list[str]:
    """`KEY=VALUE` words that `parse_words` reads the same settings from; what is at its default is left out.

    Values inside of a table are named as the fields are.
    """
    words: list[str] = []
    for each in fields(settings):
        value = getattr(settings, each.name)
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if isinstance(value, Mapping):
            words += [f"{key}={inner}" for key, inner in value.items()]
        elif value != default:
            words.append(f"{each.name}={','.join(map(str, value)) if isinstance(value, tuple) else _word(value)}")
    return words


def _word(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def written(settings: Settings, called: Callable[[object], str] = str) -> list[str]:
    """The words of a command line that stand for settings, but for what is at its default; see `Option`.

    Args:
        settings: the settings.
        called: how a value is written.
    """
    words: list[str] = []
    for each in fields(settings):
        value, hint = getattr(settings, each.name), field_hints(type(settings))[each.name]
        note = next((note for note in _notes(hint) if isinstance(note, Option)), Option())
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        flag = f"--{note.name or each.name.replace('_', '-')}"
        if value is None or value == default:
            continue
        if isinstance(value, Settings):
            inner, dot = written(value, called), "--" if note.flat else f"{flag}."
            words += [f"{dot}{word[2:]}" if word.startswith("--") else word for word in inner]
            continue
        if isinstance(value, Mapping):
            value = [f"{key}={inner}" for key, inner in value.items()]
        values = [called(one) for one in value] if isinstance(value, list | tuple) else [called(value)]
        if note.positional:
            words = [*values, *words]
        elif isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif note.each:
            words += [word for one in values for word in (flag, one)]
        else:
            words += [flag, *values]
    return words


def read_toml(path: Path, section: str | None = None) -> dict[str, Any]:
    """The values of a TOML file, or of its table `[section]` where there is one.

    Raises:
        InvalidInput: the file can't be read, or is no TOML.
    """
    try:
        data = toml_lines.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidInput(f"can't read the configuration {path}: {error.strerror}") from error
    except (toml_lines.TOMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not a TOML file: {error}") from error
    inner = data.get(section) if section is not None else None
    return inner if isinstance(inner, dict) else data


def _typed(text: str, hint: Any, where: str) -> Any:
    """A text of the command line as a value of an annotation; what fits none stays text, for `check` to refuse."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        for option in get_args(hint):
            if option is not NoneType and not isinstance(found := _typed(text, option, where), str):
                return found
        return None if text == "none" and NoneType in get_args(hint) else text
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return tuple(_typed(part, inner, where) for part in text.split(",") if part)
    if hint is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            return text
    return text


def _notes(hint: Any) -> list[Any]:
    """What an annotation says beside the type."""
    found: list[Any] = []
    while get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        found += notes
    return found
