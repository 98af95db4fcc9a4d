"""`archllm completion`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from archllm.cli import COMMANDS, command_class
from archllm.cli.command import Command
from archllm.cli.console import Console
from archllm.cli.described import Described, described
from archllm.cli.shells import Commands, CommandWords, bash, fish, zsh
from archllm.config import Option

_SCRIPTS: dict[str, Callable[[Commands], str]] = {"bash": bash, "zsh": zsh, "fish": fish}


@dataclass(frozen=True, kw_only=True)
class Completion(Command):
    """Print a script that completes commands, options and names in bash, zsh or fish.

    For the shell at hand: `source <(archllm completion bash)`, the same for zsh, or `archllm completion fish | source`;
    put that line into ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish to have it always.
    """

    shell: Annotated[Literal["bash", "zsh", "fish"], Option("{bash,zsh,fish}", positional=True)]
    """Which shell."""

    def run(self, console: Console) -> None:
        script = _SCRIPTS[self.shell](command_words())
        console.document({"shell": self.shell, "script": script})
        if not console.json:
            console.write(script)


def command_words() -> dict[str, CommandWords]:
    """All commands and their options, with the names that there are of spaces and methods."""
    names = _names()
    found = {}
    for name in COMMANDS:
        kind = command_class(name)
        about = (kind.__doc__ or "").splitlines()[0]
        found[name] = CommandWords(about, [_with_names(each, names) for each in described(kind)])
    return found


def _names() -> dict[str, tuple[str, ...]]:
    """What stands for a value in the help -> the values that are known, beside others."""
    from archllm.searchers.registry import searcher_names
    from archllm.spaces import space_names

    spaces = tuple(space_names())
    return {"SPACE": spaces, "METHOD": tuple(searcher_names()), "[NAME|check]": (*spaces, "check")}


def _with_names(option: Described, names: dict[str, tuple[str, ...]]) -> Described:
    return option if option.values else replace(option, values=names.get(option.metavar, ()))
