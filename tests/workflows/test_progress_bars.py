"""Bars of progress: one for each stage, with its latest figures, and notes above them."""

from __future__ import annotations

import pytest

from archllm.training.progress import Event
from archllm.workflows.progress import bars


def test_each_stage_has_a_bar_with_its_latest_figures_and_notes_stand_above(capsys: pytest.CaptureFixture[str]) -> None:
    with bars() as hear:
        hear(Event("tokenizer", 5, 20, {"exact": 0.5}))
        hear(Event("tokenizer", 8, 20, {}, note="[b]stopped early"))
        hear(Event("prior", 30, 40, {"loss": 6.25}))
        hear(Event("prior", 40, 40, {"validation_loss": 6.5}))
    said = capsys.readouterr().err
    assert "[b]stopped early" in said  # what is told is no markup
    for part in ("tokenizer", "prior", "40/40", "6.25", "6.5"):
        assert part in said, said
