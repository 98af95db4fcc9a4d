"""Drawing cells: `Graphs` to SVG and DOT, by our own layered layout."""

from archllm.drawing.cell import Cell, Node, cell_of_graph

__all__ = ["Cell", "Node", "cell_of_graph"]
