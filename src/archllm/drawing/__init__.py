"""Drawing cells: `Graphs` to SVG and DOT, by our own layered layout."""

from archllm.drawing.cell import Cell, Node, cell_of_graph
from archllm.drawing.dot import to_dot
from archllm.drawing.sheet import sheet
from archllm.drawing.svg import to_svg

__all__ = ["Cell", "Node", "cell_of_graph", "sheet", "to_dot", "to_svg"]
