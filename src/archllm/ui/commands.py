"""Commands that the page starts: their words, and the line that stands for them."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from archllm.config import Settings, written
from archllm.workflows.options import command_line


def words_of(command: str, options: Settings) -> list[str]:
    """The words of the program, after `archllm`."""
    return [command, *written(options)]


def told(command: str, options: Settings, root: Path) -> str:
    """The command line that stands for options, with paths from a folder, as a person there would type it.

    Example:
        >>> from archllm.workflows.options import FitOptions
        >>> told("fit", FitOptions(data="/here/photos", out="/here/runs/photos"), Path("/here"))
        'archllm fit photos --out runs/photos'
    """
    inside: dict[str, Any] = {}
    for each in fields(options):
        value = getattr(options, each.name)
        if isinstance(value, Path | str) and Path(value).is_absolute() and Path(value).is_relative_to(root):
            inside[each.name] = type(value)(Path(value).relative_to(root))
    return command_line(command, replace(options, **inside))
