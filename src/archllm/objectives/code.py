"""A fingerprint of a user's function: what it computes, as far as its own module says."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from archllm.objectives.identity import fingerprint

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), PurePath)


def code_fingerprint(function: Callable[..., Any]) -> tuple[str, bool]:
    """A fingerprint of a function, and whether it tells all that the function's own module holds of it.

    It is made of the compiled code of the function, its defaults and captured values, and of the functions, classes and
    constants of its module that it names, so comments and line numbers change nothing. Modules that it imports count by
    name. Where it holds or names something that can change or has no plain value, such as a list or a model, the
    fingerprint does not tell all.

    Example:
        >>> def first(arch, share=0.5):
        ...     return share * arch.params
        >>> def second(arch, share=0.25):
        ...     return share * arch.params
        >>> code_fingerprint(first) == code_fingerprint(first), code_fingerprint(first) == code_fingerprint(second)
        (True, False)
    """
    walk = _Walk(getattr(function, "__module__", None) or type(function).__module__)
    walk.visit(function)
    return fingerprint(*walk.parts), walk.complete


class _Walk:
    """Goes through what a function is made of."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.parts: list[str | bytes] = []
        self.complete = True
        self._seen: set[int] = set()

    def visit(self, value: Any) -> None:
        """Notes one value."""
        if isinstance(value, _PLAIN):
            self.parts.append(f"{type(value).__name__} {value!r}")
        elif isinstance(value, tuple | frozenset):
            self.parts.append(f"{type(value).__name__} {len(value)}")
            for each in value if isinstance(value, tuple) else sorted(value, key=repr):
                self.visit(each)
        elif isinstance(value, CodeType):
            self._code(value, None)
        elif isinstance(value, ModuleType):
            self.parts.append(f"module {value.__name__}")
        elif id(value) in self._seen:
            self.parts.append("again")
        else:
            self._seen.add(id(value))
            try:
                self._object(value)
            except Exception:  # noqa: BLE001 - objects of others may raise whatever they are asked
                self.complete = False

    def _object(self, value: Any) -> None:
        if isinstance(value, FunctionType | type) and value.__module__ != self.module:
            self.parts.append(f"{value.__module__}:{value.__qualname__}")
        elif isinstance(value, FunctionType):
            self._function(value)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, BuiltinFunctionType):
            self.parts.append(f"{value.__module__}:{value.__qualname__}")
        elif isinstance(value, MethodType):
            self.visit(value.__func__)
            self.visit(value.__self__)
        elif isinstance(value, functools.partial):
            for each in (value.func, value.args, tuple(sorted(value.keywords.items()))):
                self.visit(each)
        elif isinstance(wrapped := getattr(value, "__wrapped__", None), FunctionType):
            self.visit(wrapped)
        elif callable(value) and type(value).__module__ == self.module:
            self.visit(type(value))
            self.visit(tuple(sorted(getattr(value, "__dict__", {}).items())))
        elif callable(value) and isinstance(getattr(value, "__name__", None), str):  # such as a ufunc of numpy
            self.parts.append(f"{type(value).__module__}:{value.__name__}")
        else:
            self.parts.append(f"a {type(value).__module__}:{type(value).__qualname__}")
            self.complete = False

    def _function(self, function: FunctionType) -> None:
        self._code(function.__code__, function.__doc__)
        self.visit(function.__defaults__)
        self.visit(tuple(sorted((function.__kwdefaults__ or {}).items())))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self.parts.append(f"captured {name}")
            try:
                self.visit(cell.cell_contents)
            except ValueError:  # nothing is in it yet
                self.complete = False
        for name in sorted(_names(function.__code__)):
            if name in function.__globals__:
                self.parts.append(f"global {name}")
                self.visit(function.__globals__[name])

    def _class(self, kind: type) -> None:
        self.parts.append(f"class {kind.__qualname__}")
        for base in kind.__bases__:
            self.visit(base)
        for name, value in sorted(vars(kind).items()):
            plain = inspect.unwrap(value.__func__) if isinstance(value, staticmethod | classmethod) else value
            if isinstance(plain, property):
                plain = plain.fget
            if isinstance(plain, FunctionType) or (isinstance(plain, _PLAIN) and not name.startswith("__")):
                self.parts.append(f"member {name}")
                self.visit(plain)

    def _code(self, code: CodeType, told: str | None) -> None:
        """The code without its docstring and line numbers."""
        self.parts += [code.co_code, " ".join(code.co_names), " ".join(code.co_varnames)]
        for constant in code.co_consts:
            if told is None or constant != told:
                self.visit(constant)


def _names(code: CodeType) -> set[str]:
    """Names that the code, and code in it, may look up in the module."""
    inner = [_names(each) for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*inner)
