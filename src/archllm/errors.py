"""The errors a user can meet: each says what was expected, what was found, and what to do."""

from __future__ import annotations

import os
import reprlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEBUG = "ARCHLLM_DEBUG"  # handed to the processes that evaluate
_FRAMES = 3  # of a traceback that a trial keeps
_OURS = Path(__file__).parent


class ArchLLMError(Exception):
    """Base of every error that ArchLLM raises on purpose.

    `exit_code` is what the command line returns: 1 "could not", 2 "wrong use". Its message is `printable`, whatever
    files and texts of other people it quotes.

    Example:
        >>> from archllm.spaces import load_space
        >>> try:
        ...     load_space("nasbench201").parse("|none|")
        ... except ArchLLMError as error:
        ...     type(error).__name__, error.exit_code
        ('FormatError', 2)
    """

    exit_code: int = 1

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(str(message)))


class InvalidInput(ArchLLMError):
    """An argument or option has a value that can't be used."""

    exit_code = 2


class NotApplicable(InvalidInput):
    """A search method has no meaning for the space or the number of objectives: another method has."""


class DefinitionError(InvalidInput):
    """The definition of a search space can't be used.

    Args:
        message: what was expected and what was found.
        key: which entry of the definition, from the outside in: names of keys and numbers of list entries.
        place: the file and line, where they are known.

    Example:
        >>> print(DefinitionError("must be a whole number", "ops", 2, place="mine.toml, line 4"))
        mine.toml, line 4: ops[2]: must be a whole number
    """

    def __init__(self, message: str, *key: str | int, place: str = "") -> None:
        named = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")
        super().__init__(": ".join(part for part in (place, named, message) if part))
        self.message, self.key, self.placed = message, key, bool(place)


class FormatError(ArchLLMError):
    """A text can't be read as an architecture, or as a constraint on architectures.

    Args:
        message: what was expected and what was found.
        text: the whole text.
        position: offset of the first offending character in `text`, in characters.

    Example:
        >>> print(FormatError("expected a name", "a < 1 < ?", 8))
        expected a name (at character 8, near 'a < 1 < ?')
    """

    exit_code = 2

    def __init__(self, message: str, text: str, position: int) -> None:
        position = min(max(position, 0), len(text))
        excerpt = text[max(0, position - 20) : position + 20]
        super().__init__(f"{message} (at character {position}, near {excerpt!r})")
        self.message = message
        self.text = text
        self.position = position


LONGEST_MESSAGE = 4_000
"""Most characters of a message."""


def printable(text: str) -> str:
    r"""A text that every terminal and log takes as it is meant.

    What is not printable but for ends of lines is escaped: control characters, which can steer a terminal, halves of
    characters, which can't be written at all, and marks that turn the direction of writing. The middle of one that is
    very long is left out.

    Example:
        >>> printable("no column \x1b[2J\ud800")
        'no column \\x1b[2J\\ud800'
    """
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[: LONGEST_MESSAGE * 3 // 4]} … {text[-LONGEST_MESSAGE // 4 :]}"
    return escaped(text)


def escaped(text: str) -> str:
    """The same for texts of any length."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


def shown(value: object) -> str:
    """A value from outside as a message quotes it: shortened, and printable whatever it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # an integer with more digits than Python agrees to print
        return f"a huge {type(value).__name__}"


def raised_at(error: BaseException) -> str:
    """Where a user's code raised something, as it follows a message: ` (mine.py:12 in load, mine.py:4 in score)`.

    Frames are the last of the user's own, the innermost first: not ours, and those of libraries only where there are no
    others. With `--debug` the whole traceback is printed.
    """
    if os.environ.get(_DEBUG):
        traceback.print_exception(error)
    steps = [step for step in traceback.extract_tb(error.__traceback__) if not _within(step.filename, _OURS)]
    own = [step for step in steps if not any(_within(step.filename, folder) for folder in _libraries())]
    shown = [f"{_short(step.filename)}:{step.lineno} in {step.name}" for step in (own or steps)[-_FRAMES:]]
    return f" ({', '.join(reversed(shown))})" if shown else ""


@contextmanager
def debugging(wanted: bool) -> Iterator[None]:
    """Whether tracebacks of users' code are printed, here and in the processes that are started meanwhile."""
    before = os.environ.get(_DEBUG)
    if wanted:
        os.environ[_DEBUG] = "1"
    try:
        yield
    finally:
        if wanted:
            os.environ.pop(_DEBUG)
        if before is not None:
            os.environ[_DEBUG] = before


def _libraries() -> list[Path]:
    import site  # rarely needed, and neither is quick
    import sysconfig

    paths = sysconfig.get_paths()
    found = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [Path(folder) for folder in (*found, *site.getsitepackages(), site.getusersitepackages())]


def _within(file: str, folder: Path) -> bool:
    return file.startswith("<frozen") or Path(file).is_relative_to(folder)


def _short(file: str) -> str:
    """A file as it is found from here; its name alone if it is elsewhere."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name


class InvalidArchitecture(ArchLLMError):
    """A readable architecture that is not a member of its space."""

    exit_code = 2


class NotEnumerable(ArchLLMError):
    """The space is too large to list; draw from it with `sample` instead."""


class BudgetExhausted(ArchLLMError):
    """Fewer architectures could be produced than were asked for.

    Args:
        message: what was asked for and what to do.
        found: how many were found.
        drawn: how many draws were spent.

    Example:
        >>> BudgetExhausted("only 3 of 5 were found", found=3, drawn=100).drawn
        100
    """

    def __init__(self, message: str, found: int, drawn: int) -> None:
        super().__init__(message)
        self.found = found
        self.drawn = drawn


class RunFolderError(ArchLLMError):
    """A run folder is missing, incomplete, damaged, foreign, or can't be written."""


class NothingLegal(ArchLLMError):
    """A text model is asked to go on where no token would be legal."""


class ModelUnusable(ArchLLMError):
    """A pre-trained model can't be loaded, or is none that can write codes."""


class TrainingDiverged(ArchLLMError):
    """A loss became infinite or not a number: there is nothing to save."""


class PeerFailed(ArchLLMError):
    """Of several processes that train together, another one failed, so this one can't go on."""


class DataMissing(ArchLLMError):
    """A benchmark file that the work needs was not found."""


class DataError(ArchLLMError):
    """A data file (table, images, weights) is damaged, foreign, or holds something that can't be used."""


class OutputFailed(ArchLLMError):
    """A result can't be written to standard output: the disk behind it is full, or it is gone."""


class ExportError(ArchLLMError):
    """An exported network can't be written, or does not compute what the original computes."""


class EvaluationFailed(ArchLLMError):
    """An architecture got no score: it diverged, ran out of memory or time, or is not in the table.

    Args:
        message: why.
        cost: seconds that were spent on it.

    Example:
        >>> EvaluationFailed("the loss became infinite", cost=2.5).cost
        2.5
    """

    def __init__(self, message: str, cost: float = 0.0) -> None:
        super().__init__(message)
        self.cost = cost


class StoreError(ArchLLMError):
    """A store of trials is foreign, locked, full or of another version, or holds another study than was asked for."""


class WorkersError(ArchLLMError):
    """Evaluations can't be run where they were to run: a process or a cluster can't be started or reached."""


class MissingExtra(ArchLLMError):
    """An optional dependency is not installed.

    Args:
        feature: what was asked for.
        extra: the extra of this package that brings it.

    Example:
        >>> print(MissingExtra("drawing charts", "report"))
        drawing charts needs an optional dependency: install it with `pip install 'archllm[report]'`
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: install it with `pip install 'archllm[{extra}]'`")
