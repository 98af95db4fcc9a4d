"""Words of a command line, and the values of a file -> a command.

Settings say beside their fields how these are written (`archllm.config.Option`); here that is told to the parser, tyro,
by a copy of each dataclass whose annotations tyro understands and whose defaults are those of the file.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache, reduce
from operator import or_
from pathlib import Path
from types import GenericAlias, NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro

from archllm.config import Option, checked_value, unknown
from archllm.errors import InvalidInput

_Kind = TypeVar("_Kind")

_WORDS = (bool, int, float, str, Path)  # what a single word can stand for


def parse(kind: type[_Kind], words: Sequence[str], values: Mapping[str, Any], prog: str) -> _Kind:
    """The dataclass that the words stand for.

    Args:
        kind: a dataclass.
        words: the command line behind the name of the command.
        values: what is not among the words, by field, nested as the dataclasses are; the rest is at its default.
        prog: the command as it is called, for the help.

    Raises:
        InvalidInput: a value can't be used.
        SystemExit: the words can't be read, or ask for help.
    """
    gathered = _gathered(words, _several(kind))
    found: _Kind = _plain(tyro.cli(_parsable(kind, values, words), prog=prog, args=gathered), kind)
    return found


def file_values(kind: type, data: Mapping[str, Any], what: str, prefix: str = "") -> dict[str, Any]:
    """The values of a file, by name of field, nested as the dataclasses are.

    Args:
        kind: the dataclass that they are of.
        data: the file; its keys are the names of the fields, or those of the options of the command line.
        what: how the file is called in messages.
        prefix: what stands before the name of a field in messages.

    Raises:
        InvalidInput: a key is unknown, or a value can't be used.
    """
    places = _places(kind)
    found: dict[str, Any] = {}
    for name, value in data.items():
        if name not in places:
            raise InvalidInput(unknown("setting", name, list(places), what))
        path, hint = places[name]
        within = found
        for step in path[:-1]:
            within = within.setdefault(step, {})
        inner = inner_settings(hint)
        if inner is None:
            try:
                within[path[-1]] = checked_value(value, hint, f"{prefix}{name}")
            except InvalidInput as error:
                raise InvalidInput(f"{what}: {error}") from error
        elif isinstance(value, Mapping):
            within[path[-1]] = file_values(inner, value, f"{what} [{name}]", f"{name}.")
        else:
            raise InvalidInput(f"{what}: [{name}] must be a table, got {value!r}")
    return found


def option(words: Sequence[str], name: str) -> str | None:
    """The value of an option, the last one where it is repeated; `None` where it is not there."""
    found = options(words, name)
    return found[-1] if found else None


def options(words: Sequence[str], name: str) -> list[str]:
    """All values of an option that may be repeated."""
    found = []
    for word, following in zip(words, [*words[1:], None], strict=False):
        if word == f"--{name}" and following is not None:
            found.append(following)
        elif word.startswith(f"--{name}="):
            found.append(word.partition("=")[2])
    return found


def positional(words: Sequence[str], kind: type) -> str | None:
    """The first word that is neither an option of the dataclass nor the value of one."""
    switches = {"--help", *_switches(kind)}
    value = False
    for word in words:
        if value:
            value = False
        elif word.startswith("--"):
            value = "=" not in word and word not in switches
        elif not word.startswith("-"):
            return word
    return None


def _parsable(kind: type, values: Mapping[str, Any], words: Sequence[str]) -> type:
    """A subclass, so that tyro finds the docstrings of the fields."""
    hints, docs = get_type_hints(kind, include_extras=True), field_docs(kind)
    space: dict[str, Any] = {"__doc__": kind.__doc__, "__module__": kind.__module__, "__annotations__": {}}
    for each in fields(kind):
        hint, note, others = taken_apart(hints[each.name])
        about = " ".join(docs.get(each.name, "").split())
        inner, value = inner_settings(hint), values.get(each.name, MISSING)
        if inner is not None:
            inner = _parsable(inner, _as_values(value), words)
            space["__annotations__"][each.name] = Annotated[inner, tyro.conf.arg(name="")] if note.flat else inner
            if all(one.default is not MISSING or one.default_factory is not MISSING for one in fields(inner)):
                space[each.name] = field(default_factory=inner)
            continue
        space["__annotations__"][each.name] = _annotated(_writable(hint, note.needed), about, note, others)
        if value is not MISSING and not (note.each and options(words, option_word(each.name, note))):
            space[each.name] = field(default=_as_words(value))  # tyro would add repeated words to the default
        elif each.default_factory is not MISSING:
            space[each.name] = field(default_factory=each.default_factory)
        elif each.default is not MISSING and not note.needed:
            space[each.name] = field(default=each.default)
        elif each.default is not MISSING:
            space[each.name] = field()
    return dataclass(frozen=True, kw_only=True)(type(kind.__name__, (kind,), space))


def _annotated(hint: Any, about: str, note: Option, others: Sequence[Any]) -> Any:
    marks: list[Any] = list(others)
    marks += [tyro.conf.Positional] if note.positional else []
    marks += [tyro.conf.UseAppendAction] if note.each else []
    told = any(getattr(each, "metavar", None) for each in others)
    metavar = note.metavar or ("" if told else _metavar(hint))
    # The parser would keep the line breaks of docstrings.
    given: dict[str, Any] = {"name": note.name or None, "metavar": metavar or None, "help": about or None}
    if not note.each and any(get_origin(each) is tuple for each in (hint, *get_args(hint))):
        given["help_behavior_hint"] = _default_of_several
    if any(given.values()) or note.short:
        marks.append(tyro.conf.arg(**given, aliases=[note.short] if note.short else None))
    return reduce(lambda found, mark: Annotated[found, mark], marks, hint)


def _default_of_several(values: str) -> str:
    """What the help says of the default of an option that takes several values; tyro would write `(default: )`."""
    return f"(default: {values or 'none'})"


def _metavar(hint: Any) -> str:
    """What stands for the value of an option that may be left out; tyro would write `{None}|STR`."""
    kinds = [each for each in get_args(hint) if each is not NoneType] if get_origin(hint) in (Union, UnionType) else []
    if len(kinds) == len(get_args(hint)) or not all(each in _WORDS for each in kinds):
        return ""
    return "|".join("TEXT" if each is str else each.__name__.upper() for each in kinds)


def taken_apart(hint: Any) -> tuple[Any, Option, list[Any]]:
    """The bare annotation, how it is written, and what else it says."""
    note, others = Option(), []
    while get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        note = next((each for each in notes if isinstance(each, Option)), note)
        others += [each for each in notes if not isinstance(each, Option)]
    return hint, note, others


def _writable(hint: Any, needed: bool) -> Any:
    """The annotation without what can't be written on a command line: objects, classes, functions."""
    if get_origin(hint) is tuple:
        inner, *rest = get_args(hint)
        return GenericAlias(tuple, (_writable(inner, needed=True), *rest))
    if get_origin(hint) not in (Union, UnionType):
        return hint
    kept = [each for each in get_args(hint) if each in _WORDS or get_origin(each) in (tuple, Literal)]
    if NoneType in get_args(hint) and not needed:
        kept.append(NoneType)
    return reduce(or_, kept)


def inner_settings(hint: Any) -> type | None:
    """The dataclass that an annotation allows, if any."""
    hint = taken_apart(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        return next((found for each in get_args(hint) if (found := inner_settings(each)) is not None), None)
    return hint if isinstance(hint, type) and is_dataclass(hint) else None


def _as_values(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    return {each.name: getattr(value, each.name) for each in fields(value)} if is_dataclass(value) else {}


def _as_words(value: Any) -> Any:
    """A table of a file as the `KEY=VALUE` words that stand for it; other values as they are."""
    if not isinstance(value, Mapping):
        return value
    return tuple(
        f"{name}={','.join(map(str, each)) if isinstance(each, list) else each}" for name, each in value.items()
    )


def option_word(name: str, note: Option) -> str:
    """The name of an option, without prefix and dashes."""
    return note.name or name.replace("_", "-")


def _places(kind: type) -> dict[str, tuple[tuple[str, ...], Any]]:
    """Keys of a file -> where the field is, and its annotation."""
    found: dict[str, tuple[tuple[str, ...], Any]] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if name not in {each.name for each in fields(kind)} or name in getattr(kind, "NOT_IN_FILES", ()):
            continue
        note = taken_apart(hint)[1]
        inner = inner_settings(hint)
        if note.flat and inner is not None:
            found |= {key: ((name, *path), of) for key, (path, of) in _places(inner).items()}
        else:
            found |= dict.fromkeys([name, *([note.name] if note.name else [])], ((name,), hint))
    return found


def _switches(kind: type, prefix: str = "") -> set[str]:
    """Options without a value."""
    found: set[str] = set()
    for name, hint in get_type_hints(kind, include_extras=True).items():
        bare, note, _ = taken_apart(hint)
        inner, word = inner_settings(bare), option_word(name, note)
        if inner is not None:
            found |= _switches(inner, prefix if note.flat else f"{prefix}{word}.")
        elif bare is bool:
            found |= {f"--{prefix}{word}", f"--{prefix}no-{word}"}
    return found


def _several(kind: type, prefix: str = "") -> dict[str, str]:
    """Options that take several values behind one mention, by each of their names."""
    found: dict[str, str] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        bare, note, _ = taken_apart(hint)
        inner, word = inner_settings(bare), option_word(name, note)
        if inner is not None:
            found |= _several(inner, prefix if note.flat else f"{prefix}{word}.")
        elif any(get_origin(each) is tuple for each in (bare, *get_args(bare))) and not (note.each or note.positional):
            found |= dict.fromkeys([f"--{prefix}{word}", *([note.short] if note.short else [])], f"--{prefix}{word}")
    return found


def _gathered(words: Sequence[str], several: Mapping[str, str]) -> list[str]:
    """The words with the values of a repeated option behind its first mention; the parser would keep the last alone."""
    front: list[str] = []
    groups: list[list[str]] = []
    mentions: dict[str, list[str]] = {}
    within = front  # the group that the next word belongs to
    for word in words:
        name, equals, value = word.partition("=")
        option = several.get(name.replace("_", "-"))
        if option is not None:
            if option not in mentions:
                mentions[option] = [option]
                groups.append(mentions[option])
            mentions[option] += [value] if equals else []
            within = front if equals else mentions[option]  # what stands behind --name=value is not its value
        elif word.startswith("-") and not word[1:2].isdigit():
            groups.append([word])
            within = groups[-1]
        else:
            within.append(word)
    return [*front, *(word for group in groups for word in group)]


def _plain(value: Any, kind: type) -> Any:
    """The dataclass itself instead of its copy for the parser."""
    hints = get_type_hints(kind, include_extras=True)
    found = {}
    for each in fields(kind):
        inner = inner_settings(hints[each.name])
        found[each.name] = _plain(getattr(value, each.name), inner) if inner else getattr(value, each.name)
    return kind(**found)


@cache
def field_docs(kind: type) -> dict[str, str]:
    """Docstrings of the fields of a dataclass, by name."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not is_dataclass(base):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(body, ast.ClassDef)
        for line, following in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
            ):
                found[line.target.id] = str(following.value.value)
    return found
