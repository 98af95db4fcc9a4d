"""Architectures as other tools write them are read where there is one way to read them."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

from archllm.errors import ArchLLMError, FormatError, InvalidInput
from archllm.spaces import load_space
from archllm.spaces.texts.notation import named_genotype

PAIRS = [("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_5x5", 2)] * 2
CELL = str(PAIRS)
PLAIN = f"Genotype(normal={CELL}, normal_concat=range(2, 6), reduce={CELL}, reduce_concat=range(2, 6))"
GROUPS = str([tuple(PAIRS[k : k + 2]) for k in range(0, 8, 2)])
NAMED = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")


@pytest.mark.parametrize(
    "text",
    [
        f"DARTS_V2 = {PLAIN}",
        f"DARTS_V2: Genotype = {PLAIN}",
        f"genotypes.{PLAIN}",
        PLAIN.replace("range(2, 6)", "list(range(2, 6))"),
        PLAIN.replace("range(2, 6)", "[2, 3, 4, 5]"),
        PLAIN.replace("range(2, 6)", "np.arange(2, 6)").replace("np.arange", "range"),
        PLAIN.replace("0)", "np.int64(0))").replace("2, 6)", "2, np.int64(6))"),
        f"Genotype({CELL}, range(2, 6), {CELL}, range(2, 6))",
        f"Genotype({CELL}, range(2, 6), reduce={CELL}, reduce_concat=range(2, 6))",
        PLAIN.replace("0)", "0, 0.130)"),
        PLAIN.replace(CELL, GROUPS).replace("2, 6))", "2, 6), connectN=None, connects=None)"),
        f"\n  {PLAIN}  # the best\n",
    ],
)
def test_published_forms_of_a_genotype_say_the_same(text: str) -> None:
    darts = load_space("darts")
    assert darts.parse(text).key == darts.parse(PLAIN).key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN.replace("2, 6))", "2, 6), connects=[1])"), "exactly the fields"),
        (PLAIN.replace("2, 6))", "2, 6), **x)"), "exactly the fields"),
        (PLAIN.replace("Genotype(", "Genotype(normal=1, "), "Genotype"),
        (PLAIN.replace("range(2, 6)", "range(2, 10**9)"), "must be range"),
        (PLAIN.replace("range(2, 6)", "range(0, 1000000000)"), "must be range"),
        (PLAIN.replace("('sep_conv_3x3', 0)", "('none', 0)"), "a space file of your own"),
        (PLAIN.replace("0)", "0, 'x')"), "expected a weight"),
        (PLAIN.replace("0)", "f(0))"), "plain value"),
        (PLAIN + "; import os", "expected Genotype"),
        (f"import os\n{PLAIN}", "expected Genotype"),
        (PLAIN.replace("Genotype", "__import__('os').system"), "expected Genotype"),
    ],
)
def test_what_could_mean_something_else_is_refused(text: str, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        load_space("darts").parse(text)


FILE = f"from collections import namedtuple\n\nGenotype = namedtuple('Genotype', 'normal')\nA = {PLAIN}\nB = {PLAIN}\n"


def test_one_genotype_of_a_file_is_taken_by_its_name() -> None:
    assert named_genotype(FILE, "B", "@f.py") == PLAIN
    assert named_genotype(f"# é\nA = {PLAIN}\n", None, "@f.py") == PLAIN
    assert named_genotype("|none~0|", None, "@f") == "|none~0|"
    with pytest.raises(InvalidInput, match=r"several genotypes; name one as @f\.py:NAME, it has A, B"):
        named_genotype(FILE, None, "@f.py")
    with pytest.raises(InvalidInput, match=r"has no genotype C; it has A, B"):
        named_genotype(FILE, "C", "@f.py")


@pytest.mark.parametrize(
    ("space", "text", "own"),
    [
        (
            "transnasbench",
            "64-41414-1_02_333",
            "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|nor_conv_3x3~0|nor_conv_3x3~1|",
        ),
        ("nasbench-macro", "02102121", "[layer1=identity layer2=mb6_k5 layer3=mb3_k3 layer4=identity layer5=mb6_k5 "),
        ("mobilenetv3", str({"ks": [7] * 20, "e": [6] * 20, "d": [2, 2, 2, 2, 4]}), "[depth1=2 depth2=2 depth3=2 "),
        ("enas6", "1 4-0 5-0-0 0-1-1-1 2-1-1-1-1 3-0-0-0-0-1", '{"matrix": [[0, 1, 0, 0, 1, 1, 0, 0], '),
    ],
)
def test_codes_of_benchmarks_are_read(space: str, text: str, own: str) -> None:
    arch = load_space(space).parse(text)
    assert arch.text.startswith(own)
    assert load_space(space).parse(arch.text) == arch
    if space != "mobilenetv3":
        assert arch.space.other_names(arch.graph)["code"] == text


@pytest.mark.parametrize(
    ("space", "text"),
    [
        ("transnasbench", "64-41414-4_02_333"),
        ("transnasbench", "64-1234-basic"),
        ("nasbench-macro", "02102123"),
        ("nasbench-macro", "0210212"),
        ("mobilenetv3", str({"ks": [7] * 20, "e": [4] * 20, "d": [2] * 5})),
        ("mobilenetv3", str({"ks": [7] * 20, "e": [6] * 20, "d": [2] * 5, "r": [224]})),
        ("mobilenetv3", str({"ks": [7] * 20, "e": [6] * 20, "d": [9] * 5})),
        ("mobilenetv3", "{'ks': [7" * 1_000),
        ("mobilenetv3", "{**{}}"),
        ("enas6", "1 4-0"),
        ("enas6", "6 4-0 5-0-0 0-1-1-1 2-1-1-1-1 3-0-0-0-0-1"),
        ("enas6", "1 4-0 5-0-0 0-1-1-1 2-1-1-1-1 3-0-0-0-0-2"),
        ("enas6", "[[1], [4, -1]]"),
        ("enas6", "[1, 2]"),
    ],
)
def test_codes_of_something_else_are_refused(space: str, text: str) -> None:
    with pytest.raises(ArchLLMError):
        load_space(space).parse(text)


def test_layers_as_lists_say_the_same() -> None:
    enas = load_space("enas6")
    lists = "[[1], [4, 0], [5, 0, 0], [0, 1, 1, 1], [2, 1, 1, 1, 1], [3, 0, 0, 0, 0, 1]]"
    assert enas.parse(lists) == enas.parse("1 4-0 5-0-0 0-1-1-1 2-1-1-1-1 3-0-0-0-0-1")


@pytest.mark.parametrize("space", ["nasbench101", "nasbench201", "darts"])
def test_numbers_that_python_would_not_write_are_refused(space: str) -> None:
    with pytest.raises(InvalidInput, match="whole number of 16,610 bits is no part of an architecture"):
        load_space(space).parse(10**5000)


def test_values_are_read_as_the_texts_that_say_the_same() -> None:
    nasbench101, nasbench201, darts = map(load_space, ("nasbench101", "nasbench201", "darts"))
    cell = {"matrix": np.array([[0.0, 1.0], [0.0, 0.0]]), "ops": ["input", "output"]}
    assert nasbench101.parse(cell) == nasbench101.parse('{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}')
    assert nasbench201.parse(1234) == nasbench201.parse(np.int64(1234)) == nasbench201.parse("1234")
    assert nasbench201.parse(np.array([4, 0, 3, 1, 4, 3])) == nasbench201.parse("(4, 0, 3, 1, 4, 3)")
    assert darts.parse(NAMED(PAIRS, range(2, 6), PAIRS, range(2, 6))) == darts.parse(PLAIN)
    for wrong in (True, None, 1.5, object(), {"matrix": np.zeros((500, 500)), "ops": []}, {"a": {1, 2}}):
        with pytest.raises(ArchLLMError):
            nasbench101.parse(wrong)  # type: ignore[arg-type]


OPS = ("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")
SHORT = {op: op.replace("_", "").replace("pool3x3", "pool") for op in OPS}


def numbered() -> list[tuple[int, int]]:
    return [(source, OPS.index(op)) for op, source in PAIRS]


def configuration(prefix: str = "NetworkSelectorDatasetInfo:darts:") -> dict[str, object]:
    """As NAS-Bench-301 has it: pairs of nodes (0, 2), (1, 2), (0, 3), (1, 3), (2, 3), … have numbers."""
    first = {2: 0, 3: 2, 4: 5, 5: 9}
    found: dict[str, object] = {}
    for cell in ("normal", "reduce"):
        for node in range(2, 6):
            pairs = PAIRS[2 * (node - 2) : 2 * (node - 1)]
            for op, source in pairs:
                found[f"{prefix}edge_{cell}_{first[node] + source}"] = op
            if node > 2:
                found[f"{prefix}inputs_node_{cell}_{node}"] = "_".join(str(source) for _, source in pairs)
    return found


def slots(single: bool = True) -> dict[str, object]:
    found: dict[str, object] = {}
    for cell in ("normal", "reduce"):
        for at, (op, source) in enumerate(PAIRS):
            found[f"{cell}/op_{2 + at // 2}_{at % 2}"] = op
            found[f"{cell}/input_{2 + at // 2}_{at % 2}"] = source if single else [source]
    return found


def switches(numbers: bool = False, unused: object = "none") -> dict[str, object]:
    found: dict[str, object] = {}
    for cell in ("normal", "reduce"):
        for node in range(2, 6):
            pairs = PAIRS[2 * (node - 2) : 2 * (node - 1)]
            found |= {f"{cell}_n{node}_p{source}": unused for source in range(node)}
            found |= {f"{cell}_n{node}_p{s}": OPS.index(op) if numbers else SHORT[op] for op, s in pairs}
            found[f"{cell}_n{node}_switch"] = [s if numbers else f"{cell}_n{node}_p{s}" for _, s in pairs]
    return found


@pytest.mark.parametrize(
    "value",
    [
        (tuple(numbered()), tuple(numbered())),
        ([numbered()[k : k + 2] for k in range(0, 8, 2)],) * 2,
        (PAIRS, range(2, 6), PAIRS, range(2, 6)),
        (PAIRS, [2, 3, 4, 5], PAIRS, np.arange(2, 6), None, None),
        NAMED(PAIRS, range(2, 6), PAIRS, range(2, 6))._asdict(),
        configuration(),
        configuration("") | {"edge_normal_13": "sep_conv_3x3"},
        configuration() | {"OptimizerSelector:sgd:learning_rate": 0.025, "NetworkSelectorDatasetInfo:darts:layers": 8},
        slots(),
        slots(single=False) | {"width": 16},
        switches(),
        switches(unused=[]),
        switches(numbers=True, unused=None),
    ],
)
def test_genotypes_of_other_tools_say_the_same_as_values_and_as_texts(value: object) -> None:
    darts = load_space("darts")
    assert darts.parse(value) == darts.parse(str(value).replace("array([2, 3, 4, 5])", "[2, 3, 4, 5]"))  # type: ignore[arg-type]
    assert darts.parse(value) == darts.parse(PLAIN)  # type: ignore[arg-type]


def without(table: dict[str, object], key: str) -> dict[str, object]:
    return {name: value for name, value in table.items() if name != key}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ((numbered(), [*numbered()[:7], (0, 7)]), r"the number of an operation, 0 \(max_pool_3x3\) to 6"),
        ((numbered(), [*numbered()[:7], (6, 0)]), "node number 0 to 5 is needed, found 6"),
        ((numbered(), numbered()[:7]), "reduce must be a list of 8 pairs"),
        ((numbered(), [*numbered()[:7], (0, 1, 0.5)]), "expected a pair like"),
        ((PAIRS, range(2, 6), PAIRS), "expected Genotype"),
        ((PAIRS, range(2, 6), PAIRS, range(2, 5)), r"must be range\(2, 6\)"),
        ((PAIRS, range(2, 6), PAIRS, range(2, 6), 1), "exactly the fields"),
        (configuration() | {"x:edge_reduce_14": "skip_connect"}, "there is no entry 'edge_reduce_14'"),
        (configuration("") | {"inputs_node_normal_3": "0_3"}, "2 nodes before 3, such as 0_1, found '0_3'"),
        (configuration("") | {"inputs_node_normal_3": "0_x"}, "found '0_x'"),
        (without(configuration(""), "edge_normal_0"), "the entry 'edge_normal_0' is missing"),
        (slots() | {"normal/input_2_0": [0, 1]}, "normal/input_2_0 must be a node number"),
        (slots() | {"normal/op_6_0": "skip_connect"}, "there is no entry 'normal/op_6_0'"),
        (slots() | {"normal/op_2_0": "sep_conv_7x7"}, "normal/op_2_0 must be one of max_pool_3x3"),
        (switches() | {"normal_n2_switch": []}, "normal_n2_switch must be 2 of normal_n2_p0, normal_n2_p1"),
        (switches() | {"normal_n2_switch": [True, False]}, "or their numbers"),
        (switches() | {"normal_n2_p0": "none"}, "normal_n2_p0 must be one of"),
        ({"width": 16}, "expected Genotype"),
        ({"normal": PAIRS}, "exactly the fields"),
    ],
)
def test_genotypes_of_other_tools_are_refused_where_they_could_mean_something_else(value: object, said: str) -> None:
    for form in (value, str(value)):
        with pytest.raises(FormatError, match=said):
            load_space("darts").parse(form)  # type: ignore[arg-type]


def test_a_value_of_layers_is_read() -> None:
    enas = load_space("enas6")
    layers = [[1], [4, 0], [5, 0, 0], [0, 1, 1, 1], [2, 1, 1, 1, 1], [3, 0, 0, 0, 0, 1]]
    assert enas.parse(layers) == enas.parse("1 4-0 5-0-0 0-1-1-1 2-1-1-1-1 3-0-0-0-0-1")


NASNET_A = (
    "Genotype(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), "
    "('avg_pool_3x3', 1), ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), "
    "('skip_connect', 1)], normal_concat=[2, 3, 4, 5, 6], reduce=[('sep_conv_5x5', 1), ('sep_conv_7x7', 0), "
    "('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), ('sep_conv_5x5', 0), ('skip_connect', 3), "
    "('avg_pool_3x3', 2), ('sep_conv_3x3', 2), ('max_pool_3x3', 1)], reduce_concat=[4, 5, 6])"
)
AMOEBANET_A = (
    "Genotype(normal=[('avg_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 2), "
    "('sep_conv_3x3', 0), ('avg_pool_3x3', 3), ('sep_conv_3x3', 1), ('skip_connect', 1), ('skip_connect', 0), "
    "('avg_pool_3x3', 1)], normal_concat=[4, 5, 6], reduce=[('avg_pool_3x3', 0), ('sep_conv_3x3', 1), "
    "('max_pool_3x3', 0), ('sep_conv_7x7', 2), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('conv_7x1_1x7', 0), ('sep_conv_3x3', 5)], reduce_concat=[3, 4, 6])"
)


@pytest.mark.parametrize(("text", "joined"), [(NASNET_A, (5, 3)), (AMOEBANET_A, (3, 3))])
def test_nasnet_and_amoebanet_are_read_and_have_networks(text: str, joined: tuple[int, int]) -> None:
    space = load_space("nasnet")
    arch = space.parse(text)
    assert space.parse(arch.text) == arch
    assert tuple(space.joined_of(arch.graph)[0].sum(1).tolist()) == joined  # type: ignore[attr-defined]
    network = arch.build(channels=8, cells=1)
    assert network.classifier.in_features == 4 * 8 * joined[0]
    assert (
        sum(weight.numel() for weight in network.parameters())
        == (space.require_networks().params(arch.graph, space.require_networks().setting(channels=8, cells=1))[0])
    )
