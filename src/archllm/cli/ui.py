"""`archllm ui`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from archllm.cli.command import ThreadedCommand
from archllm.cli.console import Console
from archllm.config import Option
from archllm.workflows.options import UiOptions

if TYPE_CHECKING:
    from archllm.ui.server import Address


@dataclass(frozen=True, kw_only=True)
class Ui(ThreadedCommand):
    """Open a local page: runs, single cells, searches while they run; on this machine alone.

    It prints an address with a token; whoever has that address may do what the page can do. Ctrl-C ends the page and
    what was started from it; searches can be resumed.
    """

    options: Annotated[UiOptions, Option(flat=True)]

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.ui.server import serve

        def ready(address: Address) -> None:
            console.document(address.to_json())
            console.say(f"ArchLLM is at {address.url}")
            console.flush()
            console.note(f"It shows {self.options.folder.absolute()}. Ctrl-C ends it.")
            if self.options.open:
                import webbrowser

                webbrowser.open(address.url)

        serve(self.options, ready, debug=self.common.debug)
