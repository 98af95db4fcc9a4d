"""Figures of a run folder: training curves, codebook usage, and a sheet of generated cells.

Each figure first collects its data (tested), then draws it (thin).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm import drawing
from archllm.errors import MissingExtra
from archllm.files import make_folder, replacing, write_text
from archllm.training.log import read_journal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archllm.generation.generator import ArchLLM
    from archllm.spaces import Architecture

_INK, _FIRST, _SECOND, _GREY = "#222222", "#0072b2", "#d55e00", "#888888"
_SHEET = 12  # architectures on the sheet
_DRAWS = 500  # raw draws from which they are taken
_COLUMNS = {1: 4, 2: 2}  # architectures side by side, by the number of cells that each consists of


@dataclass(frozen=True)
class Curve:
    """One line of a plot."""

    x: list[float]
    """Steps."""

    y: list[float]
    """Values."""


def write_figures(folder: Path, model: ArchLLM) -> list[Path]:
    """Writes all figures of a run into `folder/figures`.

    Raises:
        RunFolderError: they can't be written.
    """
    figures = folder / "figures"
    make_folder(figures)
    written = []
    drawn = some_cells(model)
    if drawn:  # a model that was hardly trained may draw nothing valid; its run is kept all the same
        written.append(sheet_of_cells(figures / "cells.svg", drawn, model.training_keys))
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return written  # the sheet needs nothing; the plots need the extra [report]
    written.append(training_curves(figures / "training.svg", read_journal(folder), model))
    codes = model.tokenizer.encode(model.cells.held_out[:20_000])
    written.append(codebook_usage(figures / "codebook.svg", usage_by_position(codes, model.tokenizer.codebook_size)))
    return written


def collect_curve(journal: list[dict[str, Any]], stage: str, name: str) -> Curve:
    """The curve of one figure over the steps of one stage."""
    points = [(r["step"], r[name]) for r in journal if r["stage"] == stage and name in r]
    return Curve([float(x) for x, _ in points], [float(y) for _, y in points])


def usage_by_position(codes: NDArray[np.int64], codebook_size: int) -> NDArray[np.float64]:
    """`length x codebook_size` shares of each code at each position."""
    counts = np.stack([np.bincount(column, minlength=codebook_size) for column in codes.T])
    shares: NDArray[np.float64] = counts / counts.sum(1, keepdims=True)
    return shares


def training_curves(path: Path, journal: list[dict[str, Any]], model: ArchLLM) -> Path:
    """Reconstruction of the tokenizer, and nats per cell of the prior beside ln(size)."""
    ideal_nats, yardstick = model.space.ideal_nats, model.config.yardstick
    figure, (left, right) = canvas(2)
    exact = collect_curve(journal, "tokenizer", "exact")
    left.plot(exact.x, [1 - y for y in exact.y], color=_FIRST, lw=1.2)
    left.set_yscale("symlog", linthresh=1e-3)
    left.set_ylim(0, 1)
    describe(left, "Tokenizer", "step", "cells not reconstructed (training batches)")
    for name, colour, label in (("loss", _FIRST, "training batches"), ("validation_loss", _SECOND, "validation cells")):
        curve = collect_curve(journal, "prior", name)
        right.plot(curve.x, [y - ideal_nats for y in curve.y], color=colour, label=label, lw=1.2)
    # Linear near the ideal, which training cells, being fewer than the space, may fall below.
    right.set_yscale("symlog", linthresh=0.01)
    right.axhline(0, color=_GREY, lw=1, ls="--", label=f"{yardstick}, ln(size)")
    right.legend(frameon=False, fontsize=8)
    describe(right, "Prior", "step", f"nats per cell above {yardstick}")
    return save(figure, path)


def codebook_usage(path: Path, shares: NDArray[np.float64]) -> Path:
    """How often each code is used, overall and position by position."""
    figure, (left, right) = canvas(2)
    overall = np.sort(shares.mean(0))[::-1]
    left.bar(np.arange(len(overall)), 100 * overall, width=1.0, color=_FIRST)
    uniform = 100 / len(overall)
    left.axhline(uniform, color=_GREY, lw=1, ls="--")
    left.text(len(overall) - 1, uniform, "uniform", ha="right", va="bottom", fontsize=8, color=_GREY)
    perplexity = float(np.exp(-(overall[overall > 0] * np.log(overall[overall > 0])).sum()))
    describe(
        left, f"{len(overall)} codes, perplexity {perplexity:.0f}", "code, by frequency", "share of all positions, %"
    )
    order = np.lexsort((-shares.max(0), shares.argmax(0)))
    logs = np.log10(np.maximum(shares[:, order], 1e-5))
    image = right.imshow(logs, aspect="auto", cmap="Blues", interpolation="nearest", vmin=-5)
    right.set_yticks(range(len(shares)), [str(k + 1) for k in range(len(shares))])
    bar = figure.colorbar(image, ax=right, ticks=range(-5, 1))
    bar.set_ticklabels([f"$10^{{{k}}}$" for k in range(-5, 1)], fontsize=8)
    describe(right, "Share of each code by position", "code, by favourite position", "position in the sequence")
    return save(figure, path)


def sheet_of_cells(path: Path, cells: list[Architecture], training_keys: NDArray[np.int64]) -> Path:
    """A grid of drawings, captioned with short names and whether the training set held them."""
    known = np.isin([arch.key for arch in cells], training_keys)
    captions = [caption(arch, new=not seen) for arch, seen in zip(cells, known, strict=True)]
    drawn = [arch.space.drawing_cells(arch.graph) for arch in cells]
    columns = _COLUMNS.get(max(map(len, drawn)), 1)
    write_text(path, drawing.sheet(list(zip(captions, drawn, strict=True)), columns=columns))
    return path


def caption(arch: Architecture, new: bool) -> str:
    """A short name, from the official identifier or else the key, and whether the architecture is new."""
    return f"#{(arch.official_hash or str(arch.key))[:8]} · {'new' if new else 'in the training set'}"


def some_cells(model: ArchLLM) -> list[Architecture]:
    """The first different valid ones of some raw draws."""
    drawn = model.sample(_DRAWS, raw=True, seed=model.seed).architectures
    return list(dict.fromkeys(arch for arch in drawn if arch is not None))[:_SHEET]


def canvas(columns: int) -> tuple[Figure, Any]:
    """An empty figure, and its axes side by side.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("drawing plots", "report") from error
    figure = Figure(figsize=(4.6 * columns, 3.2), layout="constrained", facecolor="white")
    FigureCanvasSVG(figure)
    return figure, figure.subplots(1, columns)


def plain(text: str) -> str:
    """A text from outside as a label shows it: a dollar is a dollar, not the start of a formula."""
    return text.replace("$", r"\$")


def describe(axes: Axes, title: str, x: str, y: str) -> None:
    """Writes the title and what the axes show, in the house's look."""
    axes.set_title(plain(title), fontsize=10, color=_INK, loc="left")
    axes.set_xlabel(plain(x), fontsize=8)
    axes.set_ylabel(plain(y), fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure as SVG, as a whole or not at all; the same figure gives the same file."""
    from matplotlib import rc_context

    with replacing(path) as aside, rc_context({"svg.hashsalt": "archllm"}):  # else names in it are drawn at random
        figure.savefig(aside, format="svg", metadata={"Date": None})
    return path
