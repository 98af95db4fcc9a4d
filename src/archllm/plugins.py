"""Code that is not ours: a user's class or function, named `python:MODULE:NAME`, or announced by an installed package.

An installed package announces what it brings by entry points of the groups below; a name there works wherever a
built-in one does. What a user names is imported as they mean it (`resolve`). What a file names, such as the blocks of a
space, is not: the file may come from anybody (`resolve_stored`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
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


def load_listener(name: str) -> Any:
    """The function of an event that a user names by `python:MODULE:NAME`; of a class, a new object.

    Raises:
        InvalidInput: it can't be imported, or is neither function nor class.
    """
    found = resolve(name.removeprefix(PREFIX))
    return found() if isinstance(found, type) else found


_CONSENT = "if you trust it, name its folder (--modules DIR; in Python, import it first)"
_FUNCTIONS = FunctionType | BuiltinFunctionType


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


def resolve(where: str) -> Any:
    """The function or class that a user names by `MODULE:NAME`.

    Modules are looked for where Python looks, then in the working directory.

    Args:
        where: `MODULE:NAME`; dots lead to attributes of attributes.

    Raises:
        InvalidInput: the module can't be imported, or has no such function or class.

    Example:
        >>> resolve("math:sqrt")(9.0)
        3.0
    """
    module, path = _parts(where)
    here = Path.cwd()
    with also_looking_in([here]):
        found: Any = _imported(
            module,
            f"{here}, or among installed packages; install it, start from its folder, or name that (--modules DIR)",
        )
    for part in path:
        found = _attribute(found, part, where)
    return _callable(found, where)


def resolve_stored(where: str, file: str | Path) -> Any:
    """The function or class that a file names by `MODULE:NAME`, where the file may come from anybody.

    So its module is looked for where Python looks alone, which takes in what `--modules` names. It is refused if it
    lies beside the file, or below it, in a folder that is on no one's search path; if it is part of Python itself,
    whose functions can do anything; and if the name leads through other modules.

    Args:
        where: `MODULE:NAME`.
        file: the file that names it, for messages and for the folder that is not looked in.

    Raises:
        InvalidInput: it is refused or not found, or can't be imported.

    Example:
        >>> resolve_stored("os:system", "space.toml")
        Traceback (most recent call last):
        archllm.errors.InvalidInput: os:system is not taken from a file: os is part of Python itself
    """
    module, path = _parts(where)
    top = module.partition(".")[0]
    if _standard(top):
        raise InvalidInput(f"{where} is not taken from a file: {top} is part of Python itself")
    if top == __package__ and not module.startswith(f"{__package__}.networks."):
        raise InvalidInput(f"{where} is not taken from a file: of {top}, only modules of networks are")
    if any(part.startswith("_") for part in path):
        raise InvalidInput(f"{where} is not taken from a file: names that begin with '_' are private")
    if module not in sys.modules:
        _check_place(module, Path(file))
    found: Any = _imported(module, f"the folders where Python looks{_beside(module, Path(file))}; {_CONSENT}")
    for part in path:
        found = _attribute(found, part, where)
        if isinstance(found, ModuleType):
            raise InvalidInput(f"{where} is not taken from a file: {part} is a module; name it before the colon")
    home = getattr(found, "__module__", None)
    if isinstance(found, type | _FUNCTIONS) and isinstance(home, str) and _standard(home.partition(".")[0]):
        raise InvalidInput(f"{where} is not taken from a file: it is {home}.{path[-1]}, part of Python itself")
    return _callable(found, where)


def find_module(module: str) -> Path | None:
    """The file that a module was, or would be, imported from; nothing is imported. `None` where there is none.

    Example:
        >>> find_module("archllm.plugins").name
        'plugins.py'
    """
    if module in sys.modules:
        file = getattr(sys.modules[module], "__file__", None)
        return Path(file) if file else None
    top, *rest = module.split(".")
    spec = _spec(top)
    for depth, _ in enumerate(rest):  # a search by the full name would import the packages around it
        inner = ".".join([top, *rest[: depth + 1]])
        spec = PathFinder.find_spec(inner, list(spec.submodule_search_locations or ())) if spec else None
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


@contextmanager
def also_looking_in(folders: Sequence[Path]) -> Iterator[None]:
    """Adds folders to the end of Python's search path for a while.

    Raises:
        InvalidInput: one is no folder.
    """
    for folder in folders:
        if not folder.is_dir():
            raise InvalidInput(f"modules are looked for in a folder, and {folder} is none")
    added = [path for folder in folders if (path := str(folder.absolute())) not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for path in added:
            if path in sys.path:
                sys.path.remove(path)


def _parts(where: str) -> tuple[str, list[str]]:
    module, colon, path = where.partition(":")
    if module.endswith(".py"):
        name = module.removesuffix(".py").rpartition("/")[2] or "mine"
        raise InvalidInput(
            f"a module is named without .py and without its folder, such as {name}:{path or 'score'}; a folder that "
            f"Python does not look in is named by --modules DIR; got {where!r}"
        )
    if not colon or not module or not path:
        raise InvalidInput(f"a function or class is written MODULE:NAME, such as mine:score, got {where!r}")
    return module, path.split(".")


def _imported(module: str, places: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise InvalidInput(f"there is no module {module} in {places}") from error
        raise InvalidInput(f"{module} can't be imported: {error}") from error
    except (Exception, SystemExit) as error:
        raise InvalidInput(f"{module} can't be imported: {type(error).__name__}: {error}") from error


def _attribute(of: Any, name: str, where: str) -> Any:
    if not hasattr(of, name):
        module, _, path = where.partition(":")
        raise InvalidInput(f"there is no {path} in {module} ({getattr(sys.modules.get(module), '__file__', module)})")
    return getattr(of, name)


def _callable(found: Any, where: str) -> Any:
    if not callable(found):
        raise InvalidInput(f"{where} is neither a function nor a class but {shown(found)}")
    return found


def _standard(top: str) -> bool:
    return top in sys.stdlib_module_names or top in sys.builtin_module_names


def _check_place(module: str, file: Path) -> None:
    """Makes sure that a module does not lie beside the file that names it, unless Python looks in that very folder."""
    found = find_module(module)
    if found is None or not file.is_file():
        return
    home, found = file.absolute().parent.resolve(), found.resolve()
    looked_in = [Path(entry).resolve() for entry in sys.path if entry]  # an empty entry is the working directory
    holds = [folder for folder in looked_in if found.is_relative_to(folder)]
    if found.is_relative_to(home) and not any(folder.is_relative_to(home) for folder in holds):
        raise InvalidInput(
            f"{module} ({found}) lies beside {file}, which names it, and may come from the same hands; {_CONSENT}"
        )


def _beside(module: str, file: Path) -> str:
    """Says that a module which was not found lies beside the file that names it, if it does."""
    stem = file.parent.joinpath(*module.split("."))
    near = next((path for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py") if path.is_file()), None)
    return f" (there is {near}, but what a file names is not taken from its own folder)" if near else ""


def _spec(top: str) -> ModuleSpec | None:
    try:
        return find_spec(top)
    except (ImportError, ValueError):  # a module that was made by hand has no place
        return None


@cache
def _announced(group: Group) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # takes as long to import as a tenth of `archllm --help`

    return {entry.name: entry for entry in entry_points(group=f"archllm.{group}")}
