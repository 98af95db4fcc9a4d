"""Plug-ins: a user's class or function, named `python:MODULE:NAME`, or announced by an installed package.

An installed package announces what it brings by entry points of the groups below; a name there works wherever a
built-in one does. Only code that the user names, or has installed, is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archllm.errors import InvalidInput, shown

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Group = Literal["searchers", "predictors", "spaces", "objectives", "tokenizers", "priors"]
"""What can be plugged in; the entry points' group is `archllm.` and this."""

PREFIX = "python:"
"""What the name of a plug-in begins with where the user names module and attribute."""


def is_reference(name: object) -> bool:
    """Whether a name says itself where it is to be found: `python:MODULE:NAME`."""
    return isinstance(name, str) and name.startswith(PREFIX)


def plugin_names(group: Group) -> list[str]:
    """Names that installed packages announce in a group."""
    return sorted(_announced(group))


def load_plugin(name: str, group: Group, kind: type | None = None) -> Any:
    """What a reference or an announced name stands for.

    Args:
        name: `python:MODULE:NAME`, or one of `plugin_names(group)`.
        group: where names are looked up.
        kind: the class that it has to be a subclass of.

    Raises:
        InvalidInput: it can't be imported, does not exist, or is something else.
    """
    if is_reference(name):
        found = resolve(name.removeprefix(PREFIX))
    else:
        entry = _announced(group)[name]
        try:
            found = entry.load()
        except Exception as error:
            raise InvalidInput(
                f"the plug-in {name} ({entry.value}) can't be imported: {type(error).__name__}: {error}"
            ) from error
    if kind is not None and not (isinstance(found, type) and issubclass(found, kind)):
        raise InvalidInput(f"{name} must be a subclass of archllm's {kind.__name__}, and is {shown(found)}")
    return found


def resolve(where: str, folder: Path | None = None) -> Any:
    """The function or class that `MODULE:NAME` stands for.

    Modules are looked for where Python looks, then in the working directory, then in `folder`.

    Args:
        where: `MODULE:NAME`; dots lead to attributes of attributes.
        folder: a further place to look in, such as that of the file that names it.

    Raises:
        InvalidInput: the module can't be imported, or has no such function or class.

    Example:
        >>> resolve("math:sqrt")(9.0)
        3.0
    """
    module, colon, path = where.partition(":")
    if not colon or not module or not path:
        raise InvalidInput(f"a function or class is written MODULE:NAME, such as mine:score, got {where!r}")
    with _also_looking_in(Path.cwd(), folder):
        try:
            found: Any = import_module(module)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{module}.".startswith(f"{error.name}."):
                places = ", ".join(str(each) for each in (Path.cwd(), folder) if each is not None)
                raise InvalidInput(
                    f"there is no module {module} in {places}, or among installed packages; install it, or start "
                    "from the folder it is in"
                ) from error
            raise InvalidInput(f"{module} can't be imported: {error}") from error
        except (Exception, SystemExit) as error:
            raise InvalidInput(f"{module} can't be imported: {type(error).__name__}: {error}") from error
    for part in path.split("."):
        if not hasattr(found, part):
            raise InvalidInput(f"there is no {path} in {module} ({getattr(found, '__file__', module)})")
        found = getattr(found, part)
    if not callable(found):
        raise InvalidInput(f"{where} is neither a function nor a class but {shown(found)}")
    return found


@cache
def _announced(group: Group) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # takes as long to import as a tenth of `archllm --help`

    return {entry.name: entry for entry in entry_points(group=f"archllm.{group}")}


@contextmanager
def _also_looking_in(*folders: Path | None) -> Iterator[None]:
    """Adds folders to the end of Python's search path for a while."""
    added = [str(folder) for folder in folders if folder is not None and str(folder) not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for folder in added:
            if folder in sys.path:
                sys.path.remove(folder)
