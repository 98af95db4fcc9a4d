"""Tables of choices show every slot once, in aligned rows, with bars as long as numbers are large."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from archllm.drawing import Cell, Node, Slot, Table, sheet, to_dot, to_svg
from archllm.drawing.table import LEGEND
from archllm.errors import InvalidInput
from archllm.spaces import load_space
from archllm.spaces.definition import ChoicesDefinition
from archllm.spaces.registry import space_of

SVG = "{http://www.w3.org/2000/svg}"
TABLE = Table((Slot("act", "relu"), Slot("width1", "16", 0.5), Slot("width2", "32", 1.0), Slot("width3", None)))


def texts(drawn: str) -> dict[str, list[tuple[float, float]]]:
    """Text -> where it stands."""
    found: dict[str, list[tuple[float, float]]] = {}
    for element in ElementTree.fromstring(drawn).iter(f"{SVG}text"):
        found.setdefault(element.text or "", []).append((float(element.attrib["x"]), float(element.attrib["y"])))
    return found


def bars(drawn: str) -> list[float]:
    """Widths of the bars of numbers."""
    groups = ElementTree.fromstring(drawn).iter(f"{SVG}g")
    return [float(g[0].attrib["width"]) for g in groups if g.attrib.get("class") == "archllm-conv3"]


def test_slots_that_differ_in_a_number_share_a_row_under_that_number() -> None:
    found = texts(to_svg([TABLE]))
    assert found.keys() == {"act", "relu", "width", "1", "2", "3", "16", "32", LEGEND}
    rows = {name: place[0][1] for name, place in found.items()}
    columns = {name: place[0][0] for name, place in found.items()}
    assert rows["width"] == rows["16"] == rows["32"] != rows["relu"] == rows["act"]
    assert columns["16"] == columns["1"] < columns["32"] == columns["2"] < columns["3"]


def test_a_bar_is_as_long_as_its_number_is_large() -> None:
    half, whole = bars(to_svg([TABLE]))
    assert half == pytest.approx(whole / 2)


def test_an_inactive_slot_is_dashed_and_has_no_value() -> None:
    root = ElementTree.fromstring(to_svg([TABLE]))
    dashed = [group for group in root.iter(f"{SVG}g") if "stroke-dasharray" in group.attrib]
    assert [group[0].text for group in dashed] == ["width3"] and root.attrib["aria-label"].endswith("width3 inactive")


def test_many_columns_are_broken_into_several_rows() -> None:
    slots = tuple(Slot(f"w{k}", str(k), 1.0) for k in range(1, 26))
    narrow, wide = (ElementTree.fromstring(to_svg([Table(slots[:n])])).attrib for n in (10, 25))
    assert narrow["width"] == wide["width"] and float(wide["height"]) > 2 * float(narrow["height"])


def test_numbers_that_end_a_name_alone_make_no_row() -> None:
    assert "layer2" in texts(to_svg([Table((Slot("layer2", "a"), Slot("depth", "1", 1.0)))]))


@pytest.mark.parametrize("awkward", ["<&>\"'", "]]>", "a\x00b", "\ud800", "x" * 300])
def test_any_text_gives_well_formed_xml(awkward: str) -> None:
    table = Table((Slot(awkward, awkward), Slot("b", None)), title=awkward)
    for drawn in (to_svg([table]), sheet([(awkward, [table])]), to_svg([table, table])):
        ElementTree.fromstring(drawn)
    assert to_dot([table]).count("<TR>") == 2


def test_tables_and_cells_stand_side_by_side() -> None:
    cell = Cell((Node("input", "input"), Node("output", "output")), ((0, 1),))
    drawn = to_svg([cell, TABLE])
    assert "relu" in drawn and "output" in drawn and "n1 [shape" in to_dot([cell, TABLE])


def test_a_table_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one choice"):
        Table(())


def test_choices_are_drawn_with_the_places_of_their_values() -> None:
    slots = {"depth": (1, 3, 2), "norm": ("batch", "layer"), "bias": (False, True), "kernel": (3, 5)}
    space = space_of(ChoicesDefinition(name="drawn", slots=slots, when={"kernel": "slot.depth > 1"}))
    (table,) = space.drawing_cells(space.parse("[depth=2 norm=layer bias=true kernel=3]").graph)
    assert table == Table(
        (Slot("depth", "2", 2 / 3), Slot("norm", "layer"), Slot("bias", "true", 1.0), Slot("kernel", "3", 0.5))
    )
    (table,) = space.drawing_cells(space.parse("[depth=1 norm=batch bias=false]").graph)
    assert isinstance(table, Table) and table.slots[2:] == (Slot("bias", "false", 0.0), Slot("kernel", None))


@pytest.mark.parametrize("name", ["mobile", "mobilenetv3", "nats-size"])
def test_a_drawing_of_choices_fits_on_a_page(name: str) -> None:
    space = load_space(name)
    arch = space.architectures(space.sample(1, np.random.default_rng(0)))[0]
    attributes = ElementTree.fromstring(arch.svg()).attrib
    assert float(attributes["width"]) < 500 and float(attributes["height"]) < 500
