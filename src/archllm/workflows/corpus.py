"""Corpora as users hand them in: a file with one architecture a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from archllm.data.corpus import Corpus
from archllm.errors import DataError, DataMissing, InvalidArchitecture
from archllm.graphs import Graphs, concatenate
from archllm.objectives.tables.cells import LONGEST, read_cells
from archllm.objectives.tables.delimited import ARCHITECTURE_COLUMNS
from archllm.objectives.unpacking import reading
from archllm.spaces import SearchSpace

_AT_ONCE = 4_096  # texts that are read together
_LARGEST = 1 << 30  # bytes of a text file


def read_corpus(path: Path, space: SearchSpace) -> Corpus:
    """Reads the architectures of a file.

    `.csv`, `.csv.gz` and `.parquet` have them in a column called `architecture`, `arch`, `arch_str` or `genotype`, or
    in their only one. Any other file is text with one architecture a line, in any format of the space; empty lines and
    those that begin with `#` are passed over.

    Rows that hold no member are left out and kept as `Corpus.strangers`; the same member once more counts once.

    Args:
        path: the file.
        space: the space of its architectures.

    Raises:
        DataMissing: there is no such file.
        DataError: it can't be read, has no such column, or holds not a single member.
    """
    if not path.exists():
        raise DataMissing(f"there is no corpus {path}; name a CSV, Parquet or text file with one architecture a row")
    table = path.name.endswith((".csv", ".csv.gz", ".parquet"))
    texts, where = _of_table(path) if table else _of_lines(path)
    if not texts:
        raise DataError(f"{path} holds no architecture")
    members, strangers = _members(space, texts, where)
    if not members:
        raise DataError(f"{path} holds no member of {space.name} in {len(texts):,} rows: {strangers[0]}")
    return Corpus.of(space, concatenate(members), tuple(strangers))


def _of_table(path: Path) -> tuple[list[str], Callable[[int], str]]:
    chosen = []

    def choose(headings: Sequence[str]) -> Sequence[str]:
        named = [heading for heading in ARCHITECTURE_COLUMNS if heading in headings]
        if not named and len(headings) != 1:
            raise DataError(
                f"{path.name} has no column {' or '.join(ARCHITECTURE_COLUMNS)}, and more than one: "
                f"{', '.join(headings)}; give the column of architectures one of these names"
            )
        chosen.append(named[0] if named else headings[0])
        return chosen

    cells = read_cells(path, choose)
    return cells.texts[chosen[0]], cells.where


def _of_lines(path: Path) -> tuple[list[str], Callable[[int], str]]:
    if not path.is_file():
        raise DataError(f"{path} is no ordinary file")
    if path.stat().st_size > _LARGEST:
        raise DataError(f"{path} has more than {_LARGEST:,} bytes, too many for a list of architectures")
    rows = list(_lines(path))
    return [text for _, text in rows], lambda at: f"{path.name}, line {rows[at][0]}"


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with reading(path, "text file"), path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if len(line) > LONGEST:
                raise DataError(f"{path}, line {number} has more than {LONGEST:,} characters")
            if line.strip() and not line.startswith("#"):
                yield number, line.strip()


def _members(space: SearchSpace, texts: Sequence[str], where: Callable[[int], str]) -> tuple[list[Graphs], list[str]]:
    """The members among texts, in their order, and what the others are."""
    parts: list[Graphs] = []
    strangers: list[str] = []
    for start in range(0, len(texts), _AT_ONCE):
        found, others = _part(space, texts, range(start, min(start + _AT_ONCE, len(texts))), where)
        parts += found
        strangers += others
    return parts, strangers


def _part(
    space: SearchSpace, texts: Sequence[str], rows: range, where: Callable[[int], str]
) -> tuple[list[Graphs], list[str]]:
    """Reads rows at once; if one is a stranger, halves of them, so that few strangers cost little."""
    try:
        return [space.parse_batch([texts[row] for row in rows], lambda at: where(rows[at]))], []
    except InvalidArchitecture as error:
        if len(rows) == 1:
            return [], [str(error)]
    middle = len(rows) // 2
    left, right = _part(space, texts, rows[:middle], where), _part(space, texts, rows[middle:], where)
    return left[0] + right[0], left[1] + right[1]
