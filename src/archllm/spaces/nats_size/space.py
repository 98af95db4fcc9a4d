"""nats-size: how wide each of five layers is, as in the size search space of NATS-Bench (Dong et al., 2021)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from archllm.graphs import Graphs
from archllm.spaces.kinds.choices import Choices

_OFFICIAL = re.compile(r"\s*\d{1,3}(?::\d{1,3}){4}\s*", re.ASCII)


class NATSSize(Choices):
    """The 32,768 combinations of five widths; the benchmark's own text, `8:16:24:32:40`, is read as well."""

    def _parse(self, text: str) -> Graphs:
        if _OFFICIAL.fullmatch(text):
            widths = text.strip().split(":")
            if all(width in self.value_texts["width1"] for width in widths):
                return self.graphs_of(np.array([[self.value_texts["width1"].index(width) for width in widths]]))
        return super()._parse(text)

    def other_names(self, graph: Graphs) -> dict[str, Any]:
        """The benchmark's text."""
        return {"channels": ":".join(str(width) for width in self.values_of(graph).values())}
