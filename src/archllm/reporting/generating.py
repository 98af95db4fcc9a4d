"""What a report shows of a generator: its quality, cells that it draws, its codebook and its training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archllm.errors import RunFolderError
from archllm.files import LARGEST_JSON, read_text
from archllm.reporting.codebook import CodebookMap, codebook_map
from archllm.reporting.figures import Curve, collect_curve, some_cells
from archllm.reporting.tables import LABELS, Table, quality
from archllm.spaces import Architecture
from archllm.training.log import read_journal

if TYPE_CHECKING:
    from archllm.generation.generator import ArchLLM, Quality


@dataclass(frozen=True, eq=False)
class GeneratorData:
    """One generator as a report shows it."""

    model: ArchLLM
    """The generator."""

    cells: tuple[Architecture, ...]
    """Different valid architectures among some of its raw draws."""

    new: tuple[bool, ...]
    """Which of them the training did not see."""

    codebook: CodebookMap | None
    """Its codes, where they were learned."""

    training: Curve
    """Nats per cell of the prior above the ideal, over the steps."""

    validation: Curve
    """The same for cells put aside."""

    quality: Table | None
    """Quality of raw draws, where the run folder holds a measurement."""


def collect_generator(folder: Path, model: ArchLLM) -> GeneratorData:
    """What a report shows of a generator.

    Args:
        folder: its run folder.
        model: the generator, loaded.

    Raises:
        RunFolderError: a file of the folder is damaged.
    """
    cells = some_cells(model)
    new = ~np.isin([arch.key for arch in cells], model.training_keys) if cells else np.zeros(0, dtype=np.bool_)
    journal, ideal = read_journal(folder), model.space.ideal_nats
    return GeneratorData(
        model=model,
        cells=tuple(cells),
        new=tuple(map(bool, new)),
        codebook=codebook_map(model.tokenizer, model.cells.held_out),
        training=_above(collect_curve(journal, "prior", "loss"), ideal),
        validation=_above(collect_curve(journal, "prior", "validation_loss"), ideal),
        quality=_quality(folder / "evaluation.json"),
    )


def _above(curve: Curve, ideal: float) -> Curve:
    return Curve(curve.x, [y - ideal for y in curve.y])


def _quality(path: Path) -> Table | None:
    """The table of what a demo measured."""
    if not path.exists():
        return None
    try:
        measured: Sequence[dict[str, Any]] = json.loads(read_text(path, LARGEST_JSON))["evaluations"]
        return quality([_evaluation(each) for each in measured])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{path} is damaged: {error}; remove it, or run the demo again") from error


def _evaluation(data: dict[str, Any]) -> Quality:
    from archllm.generation.generator import Quality
    from archllm.generation.metrics import Metric

    metrics = {name: Metric.from_json(data[name]) for name in LABELS if isinstance(data.get(name), dict)}
    rest = {name: value for name, value in data.items() if value is not None and not isinstance(value, dict)}
    return Quality(**rest | {"seeds": tuple(data["seeds"]), "metrics": metrics})
