"""The page of all commands, made from what the parser knows of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from archllm.cli import COMMANDS, command_class
from archllm.cli.command import Common
from archllm.cli.described import Described, described
from archllm.cli.method_help import options_of
from archllm.searchers.registry import built_in_searchers

FILE = "reference/commands.md"
"""Where the page is in the site."""

_HEAD = """# Commands

Each command answers to `--help` with what stands here. Exit codes: 0 done, 1 could not, 2 wrong use; 130 after Ctrl-C,
143 after SIGTERM. `archllm --version` prints the version.

## Every command
"""

_METHODS = """## Options of search methods

`archllm search` takes them as `--set KEY=VALUE`.
"""


def page() -> str:
    """The page as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    common = described(Common)
    for each in common:
        yield _option(each)
    for name in COMMANDS:
        kind = command_class(name)
        yield f"## {name}\n"
        yield _prose(inspect.getdoc(kind) or "") + "\n"
        own = [each for each in described(kind) if each not in common]
        positional = [each for each in own if not each.words]
        usage = [f"archllm {name}", *([] if len(own) == len(positional) else ["[OPTIONS]"])]
        usage += [_value(each) if each.needed else f"[{_value(each).strip('[]')}]" for each in positional]
        yield "    " + " ".join(usage) + "\n"
        for each in [*positional, *(each for each in own if each.words)]:
            yield _option(each)
    yield _METHODS
    for method, (module, kind_name) in built_in_searchers().items():
        found = options_of(f"archllm.searchers.{module}", kind_name)
        yield f"### {method}\n"
        yield "" if found else "It has none.\n"
        for option in found:
            yield _entry(f"`{option.name}`" + (f" = `{option.default}`" if option.default else ""), option.about)


def _option(each: Described) -> str:
    value = _value(each)
    words = [word if not value or word != each.words[0] else f"{word} {value}" for word in each.words] or [value]
    notes = ["required"] if each.needed else []
    notes += [f"default `{each.default}`"] if each.default else []
    notes += ["may be repeated"] if each.repeats and "repeated" not in each.told else []
    head = ", ".join(f"`{word}`" for word in words) + (f" ({'; '.join(notes)})" if notes else "")
    return _entry(head, each.told)


def _value(each: Described) -> str:
    value = "{" + ",".join(each.values) + "}" if each.values else each.metavar
    return f"{value} …" if each.many else value


def _entry(head: str, text: str) -> str:
    return f"{head}\n\n:   {_prose(text)}\n"


def _prose(text: str) -> str:
    """Help as Markdown: outside of `code`, nothing in it is markup."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\<>*_\[\]#])", r"\\\1", part) for part in parts)
