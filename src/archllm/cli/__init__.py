"""The command line: names -> commands, and what becomes of errors.

`archllm COMMAND …`; a command is a dataclass whose fields are its options. Only the command that is called is loaded.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from archllm import __version__
from archllm.cli.command import Command
from archllm.cli.console import Console
from archllm.cli.streams import lead_nowhere, prepare_streams, writing
from archllm.config import unknown
from archllm.errors import ArchLLMError, InvalidInput, debugging, printable
from archllm.guard import sent_again
from archllm.training.processes import started

COMMANDS = {
    "demo": "Demo",
    "fit": "Fit",
    "predict": "Predict",
    "spaces": "Spaces",
    "train": "Train",
    "sample": "Sample",
    "evaluate": "Evaluate",
    "search": "Search",
    "compare": "Compare",
    "report": "Report",
    "ui": "Ui",
    "trials": "Trials",
    "studies": "Studies",
    "show": "Show",
    "info": "Info",
    "export": "Export",
    "device": "Device",
    "data": "Data",
    "push": "Push",
    "mcp": "Mcp",
    "doctor": "Doctor",
    "completion": "Completion",
}
"""Name of a command, and of its module -> its class."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

TERMINATED = 143
"""Exit code after SIGTERM, as shells have it: what a scheduler sends before it takes the machine away."""

BROKEN_PIPE = 141
"""Exit code when nobody reads the output any more, as shells have it."""


def program() -> NoReturn:
    """What the installed script and `python -m archllm` are: `main`, and the end of the process.

    A second Ctrl-C may come at any moment, while the first is still being answered, too. It ends the process at once:
    what is under way beside it ends with it (`archllm.guard`).
    """
    code = INTERRUPTED
    try:
        code = main()
    except KeyboardInterrupt:
        lead_nowhere(sys.stdout)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # from here on there is nothing to clean up
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after `archllm`; by default those of the process.

    Returns:
        The exit code: 0 done, 1 could not, 2 wrong use.
    """
    prepare_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    try:
        with warnings.catch_warnings(), _termination_interrupts(), debugging(debug):
            if not debug:
                _hush()
            code = _run(words)
        with writing(sys.stdout):
            sys.stdout.flush()
        return code
    except SystemExit as stop:  # how the parser ends, after --help or wrong use
        return stop.code if isinstance(stop.code, int) else 1
    except ArchLLMError as error:
        return _failed(str(error), error.exit_code, debug)
    except _Terminated:
        return _failed("terminated", TERMINATED, debug)
    except KeyboardInterrupt:
        return _failed("interrupted", INTERRUPTED, debug)
    except BrokenPipeError:
        lead_nowhere(sys.stdout)
        return BROKEN_PIPE
    except UnicodeEncodeError as error:
        what = ascii(error.object[error.start : error.end])[1:-1]
        said = f"{what} in a name or path has no place in the encoding {error.encoding} of this locale"
        return _failed(f"{said}; set PYTHONUTF8=1, or a locale of UTF-8 (LC_ALL=C.UTF-8)", 1, debug)
    except ModuleNotFoundError as error:  # of users' own modules is told where they are named
        library = (error.name or "").partition(".")[0]
        return _failed(
            f"the library {library or printable(str(error))} is missing, which ArchLLM needs: install ArchLLM again "
            f"with the Python that runs it, {sys.executable} -m pip install archllm (--debug shows where)",
            1,
            debug,
        )
    except Exception as error:  # noqa: BLE001 - a user is told of a bug in one line; --debug shows the traceback
        return _failed(
            f"internal error: {type(error).__name__}: {printable(str(error))} (--debug shows where)", 1, debug
        )


class _Terminated(KeyboardInterrupt):
    """SIGTERM came: whatever cleans up after Ctrl-C does so now, too."""


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """SIGTERM interrupts what this process does, as Ctrl-C does; its forks still end at once."""
    if threading.current_thread() is not threading.main_thread():  # others can't decide on signals
        yield
        return
    own = os.getpid()

    def interrupt(number: int, _: object) -> None:
        if os.getpid() == own:
            raise _Terminated
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with sent_again({_Terminated: signal.SIGTERM, KeyboardInterrupt: signal.SIGINT}):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(words: list[str]) -> int:
    leading = []
    while words and words[0] in ("--json", "--debug"):
        leading.append(words.pop(0))
    if not words:
        sys.stderr.write(overview())
        return 2
    name, words = words[0], words[1:] + leading
    if name in ("-h", "--help", "help") and (len(words) == len(leading) or name != "help"):
        Console().write(overview())
        return 0
    if name == "help":
        name, words = words[0], ["--help"]
    if name == "--version":
        Console().write(f"archllm {__version__}\n")
        return 0
    rank, count = started()
    if count > 1 and name != "train":
        raise InvalidInput(f"only archllm train can be started in several processes, not {name}")
    from archllm.cli.parsing import options
    from archllm.plugins import also_looking_in

    with also_looking_in([Path(folder).expanduser() for folder in options(words, "modules")]):
        command = _parsed(name, words)
        command.run(Console(json=command.common.json, silent=rank > 0))
    return 0


def _parsed(name: str, words: list[str]) -> Command:
    from archllm.cli.parsing import parse

    kind = command_class(name)
    values = kind.defaults(words)
    called = f"archllm {name}" + (f" {words[0]}" if words and words[0] in kind.ACTIONS else "")
    with writing(sys.stdout):  # what is asked for may be help
        try:
            return parse(kind, words, values, called)
        except SystemExit as stop:
            if not stop.code:
                sys.stdout.write(kind.more_help())
            raise


def command_class(name: str) -> type[Command]:
    """The class of a command.

    Raises:
        InvalidInput: there is no such command.
    """
    if name not in COMMANDS:
        raise InvalidInput(unknown("command", name, list(COMMANDS)))
    kind: type[Command] = getattr(import_module(f"archllm.cli.{name}"), COMMANDS[name])
    return kind


def overview() -> str:
    """What `archllm --help` prints."""
    lines = ["usage: archllm COMMAND [OPTIONS]", ""]
    lines += [
        "Learns the discrete language of a neural-architecture search space and writes new architectures in it.",
        "",
    ]
    lines += ["commands:"]
    lines += [f"  {name:<12}{(command_class(name).__doc__ or '').splitlines()[0]}" for name in COMMANDS]
    lines += ["", "every command:"]
    lines += ["  --help    its options and their defaults"]
    lines += ["  --json    one JSON document on stdout, everything else on stderr"]
    lines += ["  --debug   tracebacks and warnings"]
    lines += ["  --modules DIR   a further folder in which Python looks for modules"]
    lines += ["", "archllm --version prints the version. Exit codes: 0 done, 1 could not, 2 wrong use."]
    lines += ["New here? `archllm demo` shows all of it in a few minutes.", ""]
    return "\n".join(lines)


def _failed(message: str, code: int, debug: bool) -> int:
    if debug:
        with suppress(OSError):
            traceback.print_exc()
    rank = started()[0]
    with suppress(OSError):  # nobody is there to be told
        sys.stderr.write(f"archllm: {message}\n" if rank == 0 else f"archllm, process {rank}: {message}\n")
    return code


def _hush() -> None:
    """Keeps what libraries say among themselves from the user."""
    warnings.simplefilter("ignore")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # tells of a second Ctrl-C while it closes a store
