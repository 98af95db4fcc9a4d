"""Tables of a run's quality: what stands in each cell, apart from how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from archllm.errors import InvalidInput
from archllm.reporting.published import Published, published, sources

if TYPE_CHECKING:
    from archllm.generation.generator import Quality
    from archllm.generation.metrics import Metric

LABELS = {
    "valid": "valid, strict rule",
    "valid_loose": "valid, loose rule",
    "unique": "unique among valid",
    "valid_unique": "valid and unique",
    "unique_classes": "… by isomorphism",
    "novel": "novel among unique",
    "cycle": "cycle consistency",
}
"""What the metrics of `archllm.generation.metrics` are called in tables."""

MEANINGS = (
    "reconstruction, held-out nats: of the held-out split; nats per cell, as a negative log-likelihood",
    "expected: under uniform sampling of the whole space; beyond chance, no honest value is higher",
    "novel: not in the training set, so its expected value is the share of the held-out split",
    "cycle consistency: draws whose codes are those that the tokenizer gives to the decoded architecture",
)
"""What a reader needs to know."""


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Example:
        >>> Table("Searches", ["method", "best"], [["random", "0.91"]]).rows
        [['random', '0.91']]
    """

    title: str
    """What it shows."""

    columns: list[str]
    """Headings."""

    rows: list[list[str]]
    """One text per column; a text may have several lines."""

    left: frozenset[int] = frozenset({0})
    """Columns that are aligned left."""

    notes: list[str] = field(default_factory=list)
    """Lines to print below."""

    def _repr_html_(self) -> str:
        """The table for notebooks; nothing in a text is ever markup."""

        def row(texts: Sequence[str], tag: str) -> str:
            return (
                "<tr>" + "".join(f"<{tag}>{escape(text).replace(chr(10), '<br>')}</{tag}>" for text in texts) + "</tr>"
            )

        head, body = row(self.columns, "th"), "".join(row(each, "td") for each in self.rows)
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        title = f"<p>{escape(self.title)}</p>"
        return f"{title}<table><thead>{head}</thead><tbody>{body}</tbody></table>{notes}"


def quality(evaluations: Sequence[Quality]) -> Table:
    """One run's quality at one or several numbers of draws, beside its expected value and what is published.

    Args:
        evaluations: of one run, each with another number of draws.

    Raises:
        InvalidInput: there is none.
    """
    if not evaluations:
        raise InvalidInput("a table of quality needs at least one evaluation")
    first = evaluations[0]
    others = published(first.space)
    columns = [""]
    for evaluation in evaluations:
        columns += [f"n = {evaluation.n:,}", "expected"]
    blank = [""] * (2 * (len(evaluations) - 1))
    rows = [
        ["reconstruction", f"{100 * first.reconstruction:.2f}", "100.00", *blank],
        ["held-out nats", f"{first.held_out_nats:.3f}", f"{first.ideal_nats:.3f}", *blank],
    ]
    for name in first.metrics:
        row = [LABELS[name]]
        for evaluation in evaluations:
            figure = evaluation.metrics[name]
            row += [shown(figure, len(evaluation.seeds)), f"{100 * figure.expected:.2f}"]
        rows.append(row)
    notes = list(MEANINGS if "cycle" in first.metrics else MEANINGS[:-1])
    left = {0}
    if others:
        columns.append("published")
        left.add(len(columns) - 1)
        rows[0].append("")
        rows[1].append("")
        for row, name in zip(rows[2:], first.metrics, strict=True):
            row.append("\n".join(f"{each.percent[name]} {_whose(each)}" for each in others if name in each.percent))
        notes.append(f"published: {sources(others)}")
        notes += [f"{each.method}: {each.remark}" for each in others if each.remark]
    seeds = " ".join(map(str, first.seeds))
    spread = f"mean ± standard deviation of seeds {seeds}" if len(first.seeds) > 1 else f"seed {seeds}"
    title = f"{first.space}: raw draws at temperature {first.temperature:g}, in %; {spread}"
    return Table(title, columns, rows, frozenset(left), notes)


def shown(figure: Metric, seeds: int) -> str:
    """A figure in %, with its spread where there are several seeds."""
    mean = f"{100 * figure.mean:.2f}"
    return f"{mean} ± {100 * figure.std:.2f}" if seeds > 1 else mean


def _whose(each: Published) -> str:
    return f"{each.method}, n unknown" if each.draws is None else f"{each.method}, n={each.draws:,}"
