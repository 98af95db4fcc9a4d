"""`archllm show`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from archllm.cli.command import Command, Switch, architecture_text
from archllm.cli.console import Console
from archllm.config import Option
from archllm.errors import InvalidInput
from archllm.files import write_text


@dataclass(frozen=True, kw_only=True)
class Show(Command):
    """Draw an architecture as SVG, or write it for Graphviz."""

    arch: Annotated[str, Option("ARCH", positional=True)]
    """Text of the architecture; `-` reads it from stdin, `@FILE` from a file."""

    space: Annotated[str, Option("SPACE")]
    """The space it is of."""

    out: Annotated[Path | None, Option("FILE")] = None
    """File to write, .svg, or .dot or .gv for Graphviz; without it the drawing goes to stdout. An existing file is
    replaced."""

    dot: Switch = False
    """Write Graphviz' DOT language; so does a FILE that ends in .dot or .gv."""

    def run(self, console: Console) -> None:
        from archllm.spaces import load_space
        from archllm.workflows.show import form_of, show

        space = load_space(self.space)
        arch = space.parse(architecture_text(self.arch))
        form = form_of(self.out) if self.out is not None else None
        if self.dot and form == "svg":
            raise InvalidInput(f"{self.out} ends as SVG does, and --dot is asked for; name a file that ends in .dot")
        form = form or ("dot" if self.dot else "svg")
        drawing = show(arch, form=form)
        result = {"space": space.name, "text": arch.text, "format": form}
        if self.out is None:
            console.document(result | {"out": None, "drawing": drawing})
            if not console.json:
                console.write(drawing.rstrip("\n") + "\n")
            return
        write_text(self.out, drawing)
        console.document(result | {"out": str(self.out)})
        console.note(f"wrote {self.out}")
