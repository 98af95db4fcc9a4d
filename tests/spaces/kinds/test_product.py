from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from archllm.errors import DefinitionError, FormatError, InvalidArchitecture, InvalidInput
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.kinds.product import combinations
from archllm.spaces.registry import space_of_text
from archllm.spaces.space_file import read_definition

CELL = """[parts.cell]
kind = "edge_dag"
nodes = 3
ops = ["conv", "skip", "none"]
"""
SCALE = """[parts.scale]
kind = "choices"
[parts.scale.slots]
width = [1, 2, 4]
depth = [1, 2, 3]
act = ["relu", "gelu"]
[parts.scale.when]
depth = "slot.width >= 2"
"""
LIMITS = ["cell.conv * scale.width <= 4", 'cell.count("none") < scale.depth', 'cell.edge(0, 1) != "none"']


def made(*constraints: str, cell: str = CELL, scale: str = SCALE) -> SearchSpace:
    return space_of_text(f'kind = "product"\nconstraints = {list(constraints)!r}\n{cell}{scale}', "mine.toml")


def by_hand(*constraints: str) -> int:
    """How many members there are, by Python's own reading; a constraint that names an inactive slot holds."""
    found = 0
    for ops in product(("conv", "skip", "none"), repeat=3):
        for width, _ in product((1, 2, 4), (0, 1)):
            for depth in (1, 2, 3) if width >= 2 else (None,):
                held = [
                    ops.count("conv") * width <= 4,
                    depth is None or ops.count("none") < depth,
                    ops[0] != "none",
                ]
                found += all(held[LIMITS.index(each)] for each in constraints)
    return found


@pytest.mark.parametrize("chosen", [[], [0], [1], [2], [0, 1], [0, 1, 2]])
def test_members_are_counted_as_plain_python_counts_them(chosen):
    limits = [LIMITS[at] for at in chosen]
    space = made(*limits)
    assert space.exact_size and space.size == by_hand(*limits) == len(space.enumerate())


def test_what_can_not_be_gone_through_is_counted_by_profiles():
    space = load_space("scaled-cells")
    assert space.exact_size and not space.enumerable and space.size == 65_537_472


def test_where_a_part_can_not_be_enumerated_the_size_is_an_estimate_and_said_to_be_one(monkeypatch):
    limit = 'cell.count("sep_conv_3x3") + cell.skip_connect <= scale.width + 3'
    space = made(limit, cell='[parts.cell]\nspace = "darts"\n')
    assert not space.exact_size and "about" in repr(space) and not space.exact_keys
    # widths 1, 2 and 4 leave room for 4, 5 and 7 of 16 operations, of which 2 of 7 count
    from math import comb

    chance = [sum(comb(16, k) * 2**k * 5 ** (16 - k) for k in range(room + 1)) / 7**16 for room in (4, 5, 7)]
    expected = load_space("darts").size * 2 * (chance[0] + 3 * chance[1] + 3 * chance[2])
    assert space.size == pytest.approx(expected, rel=0.05)
    assert space.validate(space.sample(100, np.random.default_rng(0))).all()
    monkeypatch.setattr(combinations, "MOST_TRIALS", 1)
    with pytest.raises(DefinitionError, match=r"constraints\[0\].*random combinations of parts fulfil"):
        made('cell.count("sep_conv_3x3") > 15', "scale.width > 1", cell='[parts.cell]\nspace = "darts"\n')


def test_keys_are_exact_as_long_as_64_bits_hold_them():
    small, large = made(), made(cell='[parts.cell]\nspace = "darts"\n')
    assert small.exact_keys and sorted(small.keys(small.enumerate())) == list(range(small.size))
    assert not large.exact_keys


def test_neighbours_differ_in_one_part():
    space = made()
    arch = space.parse("cell: |conv~0|+|skip~0|none~1|; scale: [width=2 depth=1 act=relu]")
    near = [other.text.split("; ") for other in space.neighbours(arch)]
    own = arch.text.split("; ")
    assert all((cell == own[0]) != (scale == own[1]) for cell, scale in near)
    assert len(near) == 3 * 2 + 2 + 2 + 1  # operations, widths, depths, activation


@pytest.mark.parametrize(
    ("text", "said", "position"),
    [
        ("", "expected the name of a part", 0),
        ("cell: |conv~0|+|skip~0|none~1|", "the part 'scale' is missing", 30),
        ("cell: |conv~0|+|skip~0|none~1|; scala: [width=1]", "did you mean 'scale'", 32),
        ("cell: |conv~0|+|skip~0|nine~1|; scale: [width=1 act=relu]", "cell: ", 23),
        ("cell: |conv~0|+|skip~0|none~1|; scale: [width=1 depth=1 act=relu]", "scale: the slot depth must be left", 38),
        ("scale: [width=1 act=relu]; scale: [width=1 act=relu]", "stands twice", 27),
    ],
)
def test_a_text_that_is_wrong_is_refused_with_its_part_and_place(text, said, position):
    with pytest.raises(FormatError, match=said) as caught:
        made().parse(text)
    assert caught.value.position == position and caught.value.text == text


def test_parts_come_in_any_order_and_as_values_in_the_words_of_their_benchmarks():
    space = made(cell='[parts.cell]\nspace = "nasbench201"\n')
    arch = space.parse("scale: [act=gelu width=1]; cell: 15")
    assert arch == space.parse({"cell": 15, "scale": "[width=1 act=gelu]"}) == space.parse(arch.text)
    assert space.other_names(arch.graph)["cell.index"] == 15


def test_a_member_that_breaks_a_constraint_is_refused_with_it():
    with pytest.raises(InvalidArchitecture, match=r"`cell.conv \* scale.width <= 4` does not hold"):
        made(LIMITS[0]).parse("cell: |conv~0|+|conv~0|none~1|; scale: [width=4 depth=1 act=relu]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "product"', "'parts' is missing"),
        (f'kind = "product"\n{CELL}', "parts: must be 2 to 12 parts, found 1"),
        (f'kind = "product"\n{CELL}{SCALE}[parts."a b"]\nspace = "darts"', "line 14: parts.a b: a part is named by"),
        (
            f'kind = "product"\n{SCALE}[parts.cell]\nspace = "dart"',
            r"line 11: parts.cell.space: .*did you mean 'darts'",
        ),
        (f'kind = "product"\n{SCALE}[parts.cell]\nspace = "scaled-cells"', "has parts itself: name them here"),
        (f'kind = "product"\n{SCALE}[parts.cell]\nspace = "darts"\nnodes = 3', "parts.cell.nodes: .*no other keys"),
        (f'kind = "product"\n{SCALE}[parts.cell]\nspace = 3', "line 11: parts.cell.space: names a space"),
        (f'kind = "product"\n{SCALE}{CELL}nodez = 3', "line 14: parts.cell.nodez: unknown key; did you mean 'nodes'"),
        (f'kind = "product"\n{SCALE}{CELL}name = "x"', "parts.cell.name: a part is called as its table is"),
        (f'kind = "product"\n{SCALE.replace("[1, 2, 4]", "[1, 1]")}{CELL}', "line 5: parts.scale.slots.width"),
        (f'kind = "product"\nconstraints = ["1 < 2"]\n{SCALE}{CELL}', "line 2: .*speaks of no part"),
        (f'kind = "product"\nconstraints = ["call.conv < 2"]\n{SCALE}{CELL}', "no part 'call'; did you mean 'cell'"),
        (f'kind = "product"\nconstraints = ["cell.pool < 2"]\n{SCALE}{CELL}', "of cell: an edge_dag is described by"),
        (f'kind = "product"\nconstraints = ["scale.widht < 2"]\n{SCALE}{CELL}', "of scale: .*did you mean 'width'"),
        (f'kind = "product"\nconstraints = ["conv < 2"]\n{SCALE}{CELL}', "there is no part 'conv'"),
        (f'kind = "product"\nconstraints = [\'count("conv") < 2\']\n{SCALE}{CELL}', r"PART.count\(...\)"),
        (f'kind = "product"\nconstraints = ["scale.width > 4"]\n{SCALE}{CELL}', "nothing fulfils `scale.width > 4`"),
        (f'kind = "product"\n{SCALE}{CELL}[parts.scale.network]\nbuilder = "a:b"', "a part has no networks of its own"),
        (f'kind = "product"\n{SCALE}[parts.cell]\nkind = "product"', "parts.cell"),
        (f'kind = "product"\n[parts]\ncell = 3\n{SCALE}', "line 3: parts.cell: must be a table"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line_and_key(text, said):
    with pytest.raises(DefinitionError, match=said):
        space_of_text(text, "mine.toml")


def test_a_constraint_in_a_part_is_told_with_its_line():
    cell = f"{CELL}constraints = ['count(\"pool\") < 2']\n"
    with pytest.raises(DefinitionError, match=r"mine.toml, line 7: parts.cell.constraints\[0\]: .*no operation 'pool'"):
        made(cell=cell)


def test_a_part_comes_from_a_file_beside_and_what_is_kept_needs_it_no_more(tmp_path: Path):
    (tmp_path / "cell.toml").write_text(CELL.replace("[parts.cell]\n", ""))
    file = tmp_path / "mine.toml"
    file.write_text(f'kind = "product"\n{SCALE}[parts.cell]\nspace = "cell.toml"\n')
    space = load_space(file)
    assert space.definition == read_definition(f'kind = "product"\n{SCALE}{CELL}', "mine.toml", "mine")
    assert space.file is not None and "cell.toml" not in space.file
    assert space_of_text(space.file, "kept.toml").identity == space.identity
    (tmp_path / "cell.toml").write_text(CELL.replace("[parts.cell]\n", "").replace('"none"', '"zero"'))
    assert load_space(file).identity != space.identity


@pytest.mark.parametrize(
    ("written", "path", "said"),
    [
        (None, "cell.toml", "can't read the space file .*cell.toml"),
        ('kind = "edge_dag"\nnodes = 9\nops = ["a"]', "cell.toml", "cell.toml, line 2: nodes: must be a whole number"),
        (None, "../cell.toml", "mine.toml, line 11: parts.cell.space: must lie beside or below"),
        (None, "/etc/cell.toml", "must lie beside or below"),
    ],
)
def test_a_file_of_a_part_that_is_wrong_is_told_with_its_own_line(tmp_path, written, path, said):
    if written:
        (tmp_path / "cell.toml").write_text(written)
    file = tmp_path / "mine.toml"
    file.write_text(f'kind = "product"\n{SCALE}[parts.cell]\nspace = "{path}"\n')
    with pytest.raises(InvalidInput, match=said):
        load_space(file)


def test_a_file_is_not_read_for_a_text_that_comes_from_anywhere():
    with pytest.raises(DefinitionError, match=r"parts.cell.space: a file is read only where"):
        space_of_text(f'kind = "product"\n{SCALE}[parts.cell]\nspace = "cell.toml"\n', "mine.toml")


def test_parts_of_more_nodes_than_can_be_held_are_refused():
    parts = "".join(f'[parts.p{at}]\nspace = "nasnet"\n' for at in range(10))
    with pytest.raises(DefinitionError, match="parts: graphs of all parts have 260 nodes, and may have 256"):
        space_of_text(f'kind = "product"\n{parts}', "mine.toml")
    with pytest.raises(DefinitionError, match="120 different labels"):
        both = (
            f"[parts.p{at}]\nkind = 'choices'\n[parts.p{at}.slots]\ns = {[*range(at, at + 80)]}\n" for at in (0, 80)
        )
        space_of_text(f'kind = "product"\n{"".join(both)}', "mine.toml")


def test_parameters_join_those_of_the_parts():
    space = made()
    found = space.parameters
    assert found is not None and [each.name for each in found.each][:4] == [
        "cell.edge_1_0",
        "cell.edge_2_0",
        "cell.edge_2_1",
        "scale.width",
    ]
    members = space.sample(50, np.random.default_rng(0))
    chosen = found.choices(members)
    assert (space.keys(found.graphs(chosen)) == space.keys(members)).all()
    depth = [each.name for each in found.each].index("scale.depth")
    assert all(found.active(depth, row) == (row[depth] >= 0) for row in chosen)
