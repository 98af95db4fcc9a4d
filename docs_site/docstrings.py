"""Docstrings as the reference reads them: griffe knows `Examples:`, and takes `Example:` for a titled paragraph."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """Calls each `Example:` what griffe calls it, so that it is shown as code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Renames the section in the docstring of an object, that of a package apart."""
        _rename(obj)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """The same for a package."""
        _rename(pkg)


def _rename(of: griffe.Object) -> None:
    if of.docstring is not None:
        of.docstring.value = re.sub(r"^Example:$", "Examples:", of.docstring.value, flags=re.MULTILINE)
