"""Built-in spaces that are files, with the texts in which their benchmarks write architectures."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from archllm.errors import FormatError
from archllm.graphs import Graphs
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.kinds.edge_dag import EdgeDag
from archllm.spaces.kinds.node_dag import NodeDag
from archllm.spaces.texts.notation import Notation
from archllm.spaces.texts.slots import format_slots

_MACRO = re.compile(r"\s*[0-2]{8}\s*")
_WORDS = re.compile(r"\s*[0-9](?:-[0-9]){0,12}(?:\s+[0-9](?:-[0-9]){0,12}){0,20}\s*")
_MICRO = re.compile(r"\s*64-41414-([0-3])_([0-3]{2})_([0-3]{3})\s*")


class NASBenchMacro(Choices):
    """NAS-Bench-Macro's networks; the benchmark's own text, a digit a layer as in `02102121`, is read as well."""

    def _parse(self, text: str) -> Graphs:
        if _MACRO.fullmatch(text):
            return self.graphs_of(np.array([[int(digit) for digit in text.strip()]]))
        return super()._parse(text)

    def other_names(self, graph: Graphs) -> dict[str, Any]:
        """The benchmark's text."""
        slots = self.values_of(graph)
        return {"code": "".join(str(self.value_texts[slot].index(str(value))) for slot, value in slots.items())}


class TransNASBench(EdgeDag):
    """TransNAS-Bench-101's micro cells; the benchmark's own text, such as `64-41414-1_02_333`, is read as well."""

    def _parse(self, text: str) -> Graphs:
        found = _MICRO.fullmatch(text)
        if found:
            return self.graphs_of(np.array([[int(digit) for digit in "".join(found.groups())]]))
        return super()._parse(text)

    def other_names(self, graph: Graphs) -> dict[str, Any]:
        """The benchmark's text."""
        digits = "".join(map(str, self.choices_of(graph)[0]))
        return {"code": f"64-41414-{digits[0]}_{digits[1:3]}_{digits[3:]}"}


class ENASMacro(NodeDag):
    """ENAS' macro networks; a word a layer, as in `1 4-0 5-0-0`, is read as well.

    A word is the number of the operation and, joined by `-`, a bit for each earlier vertex but the one before, the
    input first: whether the layer reads it, too.
    """

    def _parse(self, text: str) -> Graphs:
        layers = self.max_nodes - 2
        rows = _layers(text)
        if rows is None:
            return super()._parse(text)
        lengths = [*map(len, rows)]
        if lengths != list(range(1, layers + 1)):
            form = "1, 2, 3, …" if layers > 3 else "1, 2, 3"
            raise FormatError(f"expected {layers} layers of {form} numbers, found {len(rows)} of {lengths}", text, 0)
        if any(op >= len(self.ops) for op, *_ in rows) or any(bit > 1 for _, *bits in rows for bit in bits):
            raise FormatError(f"expected operations 0 to {len(self.ops) - 1}, and bits 0 or 1", text, 0)
        links = np.eye(layers + 2, k=1, dtype=np.bool_)
        for layer, (_, *bits) in enumerate(rows, start=1):
            links[: layer - 1, layer] = bits
        return Graphs(np.array([[0, *(op + 1 for op, *_ in rows), len(self.ops) + 1]]), links[None])

    def other_names(self, graph: Graphs) -> dict[str, Any]:
        """The same as words."""
        words = [
            "-".join(map(str, (int(graph.ops[0, layer]) - 1, *graph.adjacency[0, : layer - 1, layer].astype(int))))
            for layer in range(1, self.max_nodes - 1)
        ]
        return {"code": " ".join(words)}


def _layers(text: str) -> list[list[int]] | None:
    """Numbers of each layer, from words or from lists such as `[[1], [4, 0]]`; `None` if it is something else."""
    if _WORDS.fullmatch(text):
        return [[int(number) for number in word.split("-")] for word in text.split()]
    if not text.lstrip().startswith(("[", "(")):
        return None
    rows = Notation(text, "layers such as [[1], [4, 0]]").value()
    whole = all(isinstance(row, list) and row and all(type(n) is int and n >= 0 for n in row) for row in rows)
    if not whole:
        raise FormatError("expected a list of whole numbers for each layer, as in [[1], [4, 0]]", text, 0)
    found: list[list[int]] = rows
    return found


class MobileNetV3(Choices):
    """MobileNetV3's stages; `{'ks': [...], 'e': [...], 'd': [...]}`, a once-for-all network's setting, is read as well.

    Blocks beyond the depth of their stage are there in such settings and count for nothing.
    """

    def _parse(self, text: str) -> Graphs:
        if not text.lstrip().startswith("{"):
            return super()._parse(text)
        setting = Notation(text, "a setting such as {'ks': [...], 'e': [...], 'd': [...]}").value()
        further = {key: value for key, value in setting.items() if key not in ("ks", "e", "d")}
        lists = [setting.get(key) for key in ("ks", "e", "d")]
        right = all(isinstance(each, list | tuple) for each in lists) and [*map(len, lists)] == [20, 20, 5]
        if not right or any(value is not None for value in further.values()):
            raise FormatError("expected ks and e with 20 numbers each, d with 5, and nothing else", text, 0)
        kernels, expansions, depths = lists
        if not all(type(depth) is int and 2 <= depth <= 4 for depth in depths):
            raise FormatError("expected depths from 2 to 4", text, 0)
        values = {f"depth{stage + 1}": str(depth) for stage, depth in enumerate(depths)}
        for stage, depth in enumerate(depths):
            for block in range(depth):
                name = f"{stage + 1}_{block + 1}"
                values[f"kernel{name}"] = str(kernels[4 * stage + block])
                values[f"expansion{name}"] = str(expansions[4 * stage + block])
        for slot, value in values.items():
            if value not in self.value_texts[slot]:
                legal = " or ".join(self.value_texts[slot])
                raise FormatError(f"expected {legal} as {slot}, found {value[:20]}", text, 0)
        return super()._parse(format_slots(values))
