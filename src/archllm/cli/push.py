"""`archllm push`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from archllm.cli.command import Command, Switch
from archllm.cli.console import Console
from archllm.config import Option


@dataclass(frozen=True, kw_only=True)
class Push(Command):
    """Send a run folder to a Hugging Face hub, from which `hf:OWNER/NAME` loads it.

    Settings, weights and what was measured are sent, as TOML, JSON and safetensors; searches and figures stay here. Who
    you are is what `hf auth login` or HF_TOKEN says; HF_ENDPOINT names another hub.
    """

    run_folder: Annotated[Path, Option("RUN", positional=True)]
    """Run folder."""

    name: Annotated[str, Option("OWNER/NAME", positional=True)]
    """What it is called there; a repository of that name gets a new commit."""

    private: Switch = False
    """Make a new repository private."""

    def run(self, console: Console) -> None:
        from archllm.generation.hub import PREFIX, push

        found = push(self.run_folder, self.name, private=self.private)
        console.document(found.to_json())
        console.say(f"{found.url}: {len(found.files)} files")
        console.say(f"Try next: archllm sample {shlex.quote(PREFIX + found.name)} -n 10")
