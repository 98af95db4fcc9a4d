"""SVG documents hold all that a cell holds, harm no page they stand on, and can be read."""

from __future__ import annotations

import itertools
import random
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archllm.drawing import Cell, Node, looks, sheet, to_svg
from archllm.errors import InvalidInput

from .cells import ANY_CELL, cells, darts_cells, nasbench101_cell, nasbench201_cell

SVG = "{http://www.w3.org/2000/svg}"
AWKWARD = ("<&>\"'", "]]>", "a\x00b\x1b", "\ud800", "名前" * 9, "", "{}_{}", "x" * 500)


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def values(root: ElementTree.Element, name: str) -> list[str]:
    return [element.attrib[name] for element in root.iter() if name in element.attrib]


def brightness(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((brightness(one), brightness(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@settings(max_examples=40, deadline=None)
@given(ANY_CELL)
def test_every_node_and_edge_appears_once(cell: Cell) -> None:
    root = parsed(to_svg([cell]))
    assert sorted(values(root, "data-node"), key=int) == [str(i) for i in range(len(cell.nodes))]
    assert sorted(values(root, "data-edge")) == sorted(f"{s}-{t}" for s, t in cell.edges)
    assert all(path.attrib["d"].startswith("M") for path in root.iter(f"{SVG}path"))


@settings(max_examples=40, deadline=None)
@given(cells(st.text(max_size=40)), st.text(max_size=40))
def test_any_text_gives_well_formed_xml(cell: Cell, title: str) -> None:
    titled = Cell(cell.nodes, cell.edges, title)
    parsed(to_svg([titled, titled]))
    parsed(sheet([(title, [titled])]))


@pytest.mark.parametrize("label", AWKWARD)
def test_an_awkward_label_is_escaped_and_kept_whole_in_its_tooltip(label: str) -> None:
    text = to_svg([Cell((Node(label, "op"),), ())])
    text.encode()
    titles = [element.text or "" for element in parsed(text).iter(f"{SVG}title")]
    assert re.sub("[\0\x1b\ud800]", "\ufffd", label) in titles


@pytest.mark.parametrize("mark", ["\u202e", "\u2066"])
def test_a_label_does_not_turn_the_direction_of_writing(mark: str) -> None:
    drawn = to_svg([Cell((Node(f"{mark}label", "op"),), ())])
    assert mark not in drawn and "\ufffdlabel" in drawn


def test_a_dense_graph_is_drawn_without_a_search_for_the_best_order() -> None:
    nodes = tuple(Node("op", "op") for _ in range(64))
    root = parsed(to_svg([Cell(nodes, tuple(itertools.combinations(range(64), 2)))]))
    assert len(values(root, "data-edge")) == 64 * 63 // 2


def test_a_long_label_is_cut_where_it_is_drawn() -> None:
    root = parsed(to_svg([Cell((Node("a" * 100, "op"),), ())]))
    drawn = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert drawn == ["a" * 13 + "…"]


def test_the_full_name_of_an_operation_is_its_tooltip() -> None:
    root = parsed(to_svg([Cell((Node("conv3x3-bn-relu", "op"),), ())]))
    group = next(element for element in root.iter(f"{SVG}g") if "data-node" in element.attrib)
    assert group[0].text == "conv3x3-bn-relu"
    assert "".join(next(group.iter(f"{SVG}text")).itertext()) == "conv 3\u00d73"


def test_a_subscript_is_set_low_and_small() -> None:
    assert "{k-2}" not in "".join(parsed(to_svg([Cell((Node("c_{k-2}", "input"),), ())])).itertext()).replace(
        "c_{k-2}", ""
    )
    assert "<tspan" in to_svg([Cell((Node("c_{k-2}", "input"),), ())])


@pytest.mark.parametrize("seed", range(40))
def test_text_is_nine_pixels_high_when_a_nasbench_cell_is_shown_300_pixels_wide(seed: int) -> None:
    for make in (nasbench101_cell, nasbench201_cell):
        width = float(parsed(to_svg([make(random.Random(seed))])).attrib["viewBox"].split()[2])
        assert looks.FONT_SIZE * 300.0 / width >= 9.0


def test_a_nasbench101_cell_of_four_branches_is_legible_at_300_pixels() -> None:
    nodes = (Node("input", "input"), *[Node("maxpool3x3", "op")] * 4, Node("output", "output"))
    edges = (*((0, i) for i in range(1, 5)), (0, 5), *((i, 5) for i in range(1, 5)))
    width = float(parsed(to_svg([Cell(nodes, edges)])).attrib["viewBox"].split()[2])
    assert looks.FONT_SIZE * 300.0 / width >= 9.0


def test_drawings_on_one_page_share_no_names() -> None:
    text = to_svg(darts_cells(random.Random(0)))
    assert not re.search(r'\sid="|url\(|href', text)
    classes = " ".join(values(parsed(text), "class")).split()
    assert classes and all(name.startswith("archllm-") for name in classes)


def test_style_rules_apply_to_drawings_only() -> None:
    rules = next(parsed(to_svg([Cell((Node("none", "op"),), ())])).iter(f"{SVG}style")).text or ""
    body = rules.removeprefix("@media (prefers-color-scheme:dark){").removesuffix("}")
    selectors = re.findall(r"([^{}]+)\{[^{}]*\}", body)
    assert selectors and all(selector.startswith(".archllm-drawing .archllm-") for selector in selectors)


def test_a_drawing_says_what_it_is() -> None:
    root = parsed(to_svg(darts_cells(random.Random(1))))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"].startswith("normal cell of 15 nodes and 20 edges: ")
    assert root[0].tag == f"{SVG}title" and root[0].text == root.attrib["aria-label"]


def test_several_cells_are_headed_by_their_titles_and_stand_apart() -> None:
    root = parsed(to_svg(darts_cells(random.Random(2))))
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert "normal" in texts and "reduction" in texts
    assert values(root, "data-node").count("0") == 2


def test_a_cell_alone_has_no_heading() -> None:
    cell = Cell((Node("skip_connect", "op"),), (), title="lonely")
    assert "lonely" not in ["".join(text.itertext()) for text in parsed(to_svg([cell])).iter(f"{SVG}text")]


def test_what_carries_nothing_is_dashed_with_its_edges() -> None:
    nodes = (Node("input", "input"), Node("none", "op"), Node("skip_connect", "op"), Node("output", "output"))
    root = parsed(to_svg([Cell(nodes, ((0, 1), (0, 2), (1, 3), (2, 3)))]))
    dashed = {
        e.attrib.get("data-edge", e.attrib.get("data-node")) for e in root.iter() if "stroke-dasharray" in e.attrib
    }
    assert dashed == {"1", "0-1", "1-3"}


@pytest.mark.parametrize("scheme", [looks.LIGHT, looks.DARK])
def test_labels_stand_out_from_their_boxes(scheme: dict[str, looks.Colours]) -> None:
    for family, colours in scheme.items():
        if colours.fill != "none":
            assert contrast(colours.fill, colours.text) >= 4.5, family


def test_lines_can_be_seen_on_light_and_dark_pages_without_style_rules() -> None:
    assert contrast(looks.LINE, "#ffffff") >= 3.0
    assert contrast(looks.LINE, "#111111") >= 3.0


def test_both_schemes_know_the_same_families() -> None:
    assert looks.LIGHT.keys() == looks.DARK.keys()


@given(st.text(), st.sampled_from(("input", "op", "sum", "output")))
def test_every_node_has_colours(label: str, role: str) -> None:
    assert looks.family(Node(label, role)) in looks.LIGHT  # type: ignore[arg-type]


def test_the_operations_of_the_spaces_have_families_and_short_names() -> None:
    names = {
        "conv3x3-bn-relu": ("conv3", "conv 3x3"),
        "conv1x1-bn-relu": ("conv1", "conv 1x1"),
        "maxpool3x3": ("pool", "max 3x3"),
        "none": ("none", "none"),
        "skip_connect": ("skip", "skip"),
        "nor_conv_1x1": ("conv1", "conv 1x1"),
        "nor_conv_3x3": ("conv3", "conv 3x3"),
        "avg_pool_3x3": ("pool", "avg 3x3"),
        "max_pool_3x3": ("pool", "max 3x3"),
        "sep_conv_5x5": ("sep", "sep 5x5"),
        "dil_conv_3x3": ("dil", "dil 3x3"),
    }
    for name, (family, short) in names.items():
        node = Node(name, "op")
        assert (looks.family(node), looks.short_label(node).replace("\u00d7", "x")) == (family, short)


@settings(max_examples=20, deadline=None)
@given(ANY_CELL)
def test_the_same_cell_is_drawn_the_same_way(cell: Cell) -> None:
    assert to_svg([cell]) == to_svg([Cell(cell.nodes, cell.edges, cell.title)])


def test_no_cells_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one cell"):
        to_svg([])


def test_a_sheet_shows_every_architecture_with_its_caption() -> None:
    items = [(f"number {i}", [nasbench101_cell(random.Random(i))]) for i in range(7)]
    root = parsed(sheet(items, columns=3))
    captions = [text[0].text for text in root.iter(f"{SVG}text") if len(text) and text[0].tag == f"{SVG}title"]
    assert captions == [caption for caption, _ in items]
    assert len(values(root, "data-node")) == sum(len(cells[0].nodes) for _, cells in items)


def test_a_sheet_has_as_many_columns_as_asked_for_and_needed() -> None:
    item = ("one", [nasbench201_cell(random.Random(0))])

    def shape(count: int, columns: int) -> tuple[float, float]:
        _, _, width, height = parsed(sheet([item] * count, columns)).attrib["viewBox"].split()
        return float(width), float(height)

    assert shape(4, 2)[0] < shape(4, 4)[0] == shape(4, 9)[0]
    assert shape(4, 2)[1] > shape(4, 4)[1]


def test_a_sheet_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one architecture"):
        sheet([])
    with pytest.raises(InvalidInput, match="at least one column, got 0"):
        sheet([("one", [Cell((Node("none", "op"),), ())])], columns=0)
    with pytest.raises(InvalidInput, match="architecture 0 of the sheet"):
        sheet([("one", [])])
