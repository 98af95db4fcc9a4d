"""The pictures of docs/method.md: a cell, its codes, the codebook, one code changed, temperature, cycle consistency.

`python -m benchmarks.method_pictures RUN RUN_101` draws them into `docs/images/`, from the runs that
`archllm train nasbench201 --out RUN` and `archllm train nasbench101 --preset quick --out RUN_101` wrote.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archllm import drawing
from archllm.files import write_text
from archllm.generation.generator import ArchLLM, load
from archllm.graphs import Graphs
from archllm.reporting.codebook import codebook_map
from archllm.reporting.figures import canvas, describe, save
from archllm.spaces import Architecture

if TYPE_CHECKING:
    from archllm.reporting.codebook import CodebookMap

IMAGES = Path(__file__).parents[1] / "docs" / "images"

EXAMPLE = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
"""The cell that the guide follows."""

TEMPERATURES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
DRAWS = 2_000
_COLOURS = ("#0072b2", "#d55e00", "#009e73")


def draw_all(run: Path, run_101: Path, images: Path = IMAGES) -> list[Path]:
    """Writes all pictures; returns their paths.

    Args:
        run: a run of NAS-Bench-201.
        run_101: one of NAS-Bench-101, where a cell can be written in several node orders.
        images: the folder to write to.
    """
    model = load(run)
    arch = model.space.parse(EXAMPLE)
    images.mkdir(parents=True, exist_ok=True)
    found = codebook_map(model.tokenizer, model.cells.held_out)
    if found is None:
        raise SystemExit(f"{run} has no learned codebook")
    return [
        _sheet(images / "method-cell.svg", [(f"codes {_written(codes_of(model, arch))}", arch)]),
        draw_codebook(images / "method-codebook.svg", found, model.tokenizer.encode(arch.graph)[0]),
        _sheet(images / "method-one-code.svg", one_code_changed(model, arch)),
        draw_temperatures(images / "method-temperature.svg", *by_temperature(model)),
        draw_cycles(images / "method-cycle.svg", load(run_101)),
    ]


def codes_of(model: ArchLLM, arch: Architecture) -> list[int]:
    """The codes of one architecture."""
    codes: list[int] = model.tokenizer.encode(arch.graph)[0].tolist()
    return codes


def one_code_changed(model: ArchLLM, arch: Architecture) -> list[tuple[str, Architecture]]:
    """The architecture, and for each position one that differs from it in this code alone."""
    codes = np.array(codes_of(model, arch))
    found = [(f"codes {_written(codes.tolist())}", arch)]
    for position in range(len(codes)):
        variants = np.repeat(codes[None], model.tokenizer.codebook_size, axis=0)
        variants[:, position] = np.arange(len(variants))
        graphs = model.tokenizer.decode(variants)
        same = (model.tokenizer.encode_as_written(graphs[model.space.validate(graphs)]) == codes).sum(1)
        valid = np.flatnonzero(model.space.validate(graphs))[same == len(codes) - 1]
        row = int(valid[len(valid) // 2])
        found.append((f"codes {_written(variants[row].tolist())}", model.space.architecture(graphs[row])))
    return found


def by_temperature(model: ArchLLM) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of valid, and of distinct valid ones, among raw draws at each temperature."""
    valid, distinct = [], []
    for temperature in TEMPERATURES:
        drawn = model.sample(DRAWS, raw=True, temperature=temperature, seed=0).architectures
        members = [arch.key for arch in drawn if arch is not None]
        valid.append(len(members) / DRAWS)
        distinct.append(len(set(members)) / DRAWS)
    return np.array(valid), np.array(distinct)


def draw_cycles(path: Path, model: ArchLLM, temperature: float = 1.5) -> Path:
    """A valid draw whose codes are those of its architecture, one whose are not, and how its architecture is written.

    Raises:
        SystemExit: there is no valid draw of one of the two sorts.
    """
    codes, graphs = draws(model, DRAWS, temperature, seed=0)
    valid = np.flatnonzero(model.space.validate(graphs))
    again = model.tokenizer.encode(graphs[valid])
    same = (again == codes[valid]).all(1)
    if same.all() or not same.any():
        raise SystemExit(
            f"of {len(valid)} valid draws, {int(same.sum())} are cycle-consistent; try another temperature"
        )
    consistent, other = (graphs[int(valid[at])] for at in (same.argmax(), same.argmin()))
    items = [
        ("consistent", consistent),
        ("inconsistent", other),
        ("the same, normalised", model.space.normalise(other)),
    ]
    drawn = [(caption, [drawing.cell_of_graph(graph, model.space.op_names)]) for caption, graph in items]
    write_text(path, drawing.sheet(drawn, columns=3))
    print(f"{same.mean():.1%} of {len(valid)} valid draws at temperature {temperature} are cycle-consistent")
    for at in (int(same.argmax()), int(same.argmin())):
        print(f"drawn {_written(codes[valid[at]].tolist())}, encoded {_written(again[at].tolist())}")
    return path


def draws(model: ArchLLM, n: int, temperature: float, seed: int) -> tuple[NDArray[np.int64], Graphs]:
    """`n x length` sampled codes, and the graphs that they decode to."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    codes = model.prior.sample(n, temperature=temperature, generator=generator)
    return codes, model.tokenizer.decode(codes)


def draw_codebook(path: Path, found: CodebookMap, marked: Sequence[int]) -> Path:
    """The vectors of the codes in use, projected on a plane, those of one cell marked."""
    figure, axes = canvas(1)
    for position in range(len(marked)):
        points = [point for point in found.points if point.position == position + 1]
        axes.scatter(
            [point.x for point in points],
            [point.y for point in points],
            s=[8 + 2_000 * point.share for point in points],
            color=_COLOURS[position % len(_COLOURS)],
            alpha=0.6,
            label=f"used most at position {position + 1}",
            linewidths=0,
        )
    for position, code in enumerate(marked):
        point = next(point for point in found.points if point.code == code)
        axes.scatter([point.x], [point.y], s=90, facecolors="none", edgecolors="#222222", linewidths=1.4)
        label = f"{code}: {' + '.join(point.meaning)}"
        place = ((0, 14), (0, -16), (0, -16))[position % 3]
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
        low, high = axes.get_xlim()
        across = (point.x - low) / (high - low)
        side = "left" if across < 0.3 else "right" if across > 0.7 else "center"  # no label leaves the axes
        axes.annotate(label, (point.x, point.y), place, textcoords="offset points", fontsize=7, ha=side, bbox=box)
    axes.legend(frameon=False, fontsize=7, loc="best")
    title = f"{len(found.points)} codes in use; the plane shows {found.explained:.0%} of their variance"
    describe(axes, title, "first principal component", "second")
    return save(figure, path)


def draw_temperatures(path: Path, valid: NDArray[np.float64], distinct: NDArray[np.float64]) -> Path:
    """Both shares over the temperature."""
    figure, axes = canvas(1)
    axes.plot(TEMPERATURES, 100 * valid, "o-", color=_COLOURS[0], ms=4, label="valid")
    axes.plot(TEMPERATURES, 100 * distinct, "o-", color=_COLOURS[1], ms=4, label="valid and distinct")
    axes.axvline(1, color="#888888", lw=1, ls="--")
    axes.set_ylim(0, 103)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    describe(axes, f"{DRAWS:,} raw draws at each temperature", "temperature", "% of draws")
    return save(figure, path)


def _sheet(path: Path, items: Sequence[tuple[str, Architecture]], columns: int = 4) -> Path:
    drawn = [(caption, arch.space.drawing_cells(arch.graph)) for caption, arch in items]
    write_text(path, drawing.sheet(drawn, columns=columns))
    return path


def _written(codes: Sequence[int]) -> str:
    return " ".join(map(str, codes))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder of a trained generator of NAS-Bench-201")
    parser.add_argument("run_101", type=Path, help="run folder of one of NAS-Bench-101")
    arguments = parser.parse_args()
    for written in draw_all(arguments.run, arguments.run_101):
        print(written)
