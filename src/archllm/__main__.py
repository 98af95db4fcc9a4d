"""`archllm`, and `python -m archllm`."""

import os
import signal
import sys
from pathlib import Path


def program() -> None:
    """What the installed script is: the command line, of which Ctrl-C makes no traceback while it is still loading."""
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a shell may have it ignored
    if heard:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the process ends at once; there is nothing to clean up yet
    from archllm import cli

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.program()


if __name__ == "__main__":
    # Python puts the working directory first on the search path. As with `archllm`, modules there are not imported by
    # chance, for it may be a run folder of somebody's. A source tree that archllm itself was found in stays.
    named = [Path(entry).resolve() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    first = Path(sys.path[0]).resolve()
    if not sys.flags.safe_path and first not in named and first not in Path(__file__).resolve().parents:
        del sys.path[0]
    program()
