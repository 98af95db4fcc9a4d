"""Callables named in space files: `module:function` -> the function, imported when a network is built."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from archllm.errors import InvalidInput


def resolve(where: str, folder: Path | None = None) -> Callable[..., Any]:
    """The function that `module:function` names.

    Modules are looked for where Python looks, then in the current folder, then in `folder`.

    Raises:
        InvalidInput: the module can't be imported, or has no such function.
    """
    module, _, path = where.partition(":")
    with _also_looking_in(Path.cwd(), *[folder] * (folder is not None)):
        try:
            found: Any = import_module(module)
        except ModuleNotFoundError as error:
            missing = "it" if error.name == module else f"{error.name}, which it needs,"
            raise InvalidInput(
                f"can't import {module}: {missing} was not found; install it, or start archllm from the folder it is in"
            ) from error
        except Exception as error:
            raise InvalidInput(f"can't import {module}: {type(error).__name__}: {error}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise InvalidInput(f"the module {module} has no {path}")
        found = getattr(found, name)
    if not callable(found):
        raise InvalidInput(f"{where} is no function or class but of type {type(found).__name__}")
    function: Callable[..., Any] = found
    return function


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
