"""Drawing cells: `Graphs` to SVG and DOT, by our own layered layout; choices as tables of bars."""

from archllm.drawing.cell import Cell, Node, cell_of_graph
from archllm.drawing.dot import to_dot
from archllm.drawing.nested import Chain, Group, Leaf, Nested
from archllm.drawing.sheet import sheet
from archllm.drawing.svg import Drawing, to_svg
from archllm.drawing.table import Slot, Table

__all__ = [
    "Cell",
    "Chain",
    "Drawing",
    "Group",
    "Leaf",
    "Nested",
    "Node",
    "Slot",
    "Table",
    "cell_of_graph",
    "sheet",
    "to_dot",
    "to_svg",
]
