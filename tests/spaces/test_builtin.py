"""The spaces that come with archllm, against counts made another way."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import comb, prod

import numpy as np
import pytest
from tests.networks import sizes

from archllm.errors import InvalidInput
from archllm.spaces import load_space, space_names
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.registry import space_of_text, space_text


def series(elements: dict[int, int], most: int) -> list[int]:
    """How many rows of so many blocks there are, 0 to `most`, of elements of so many blocks each."""
    rows = [1] + [0] * most
    for blocks in range(1, most + 1):
        rows[blocks] = sum(count * rows[blocks - size] for size, count in elements.items() if size <= blocks)
    return rows


def conv_grammar() -> int:
    """Three rows of at most 10 blocks in all, besides two that halve the resolution."""
    one, two = 6, 6 * 6  # bodies of one block and of two
    alone, residual, repeat = {1: 6}, {1: one, 2: two}, {2: one, 4: two}
    add = {2: one * (one + 1) // 2, 3: one * two, 4: two * (two + 1) // 2}
    concat = {2: one * one, 3: 2 * one * two, 4: two * two}
    parts = Counter(alone) + Counter(residual) + Counter(repeat) + Counter(add) + Counter(concat)
    stage = series(parts, 8)[1:]
    return sum(a * b * c for (i, a), (j, b), (k, c) in product(enumerate(stage, 1), repeat=3) if i + j + k <= 10)


def interleaving() -> int:
    """Rows of layers: no layer is the beginning of another one, so that a row is one of layers in one way."""
    mixer, channel = 6, 2
    row = {2: mixer * channel, 3: (mixer * mixer + mixer * (mixer + 1) // 2) * channel}
    repeat = {2 * size: count for size, count in row.items()}
    return sum(series(Counter(row) + Counter(repeat) + Counter({2: mixer * channel}), 14)[1:])


def hierarchical() -> int:
    """Words of k (a cell), a, d, e, f (joins of c, down, d1, d0) and r (a residual block), times what each may be."""
    edges = list(product((False, True), repeat=6))  # 1 <- 0; 2 <- 0, 1; 3 <- 0, 1, 2
    alive = [x for x in edges if x[3] or (x[4] and x[0]) or (x[5] and (x[1] or (x[2] and x[0])))]
    kinds = {
        "k": sum(29 ** sum(x) for x in alive) - 1,
        "r": 1,
    }  # of 30 operations one is zero; six identities: no block
    kinds |= {"a": kinds["k"] ** 3, "d": kinds["k"]}

    def words(*parts: set[str]) -> set[str]:
        return {"".join(each) for each in product(*parts)}

    def count(some: set[str]) -> int:
        return sum(prod(kinds[letter] for letter in word) for word in some)

    c, down, cell = {"kk", "kkk", "a"}, {"kr", "kkr", "d"}, {"k"}
    kinds |= {"e": count(words(c, c, down)) * count(down), "f": count(words(c, c, cell)) * count(cell)}
    d1 = words(c, c, down) | words(c, c, c, down) | {"e"}
    d0 = words(c, c, cell) | words(c, c, c, cell) | {"f"}
    # each word of d1 ends at its first r, d or e, which no word of d0 has
    return count(d1) ** 2 * count(d0 | words(d0, d0)) + count(words(d0, d1)) * count(d1)


def scaled_cells() -> int:
    """Cells by their dense convolutions, times depths that these leave room for, times ascending widths, times 3."""
    widths = product((8, 12, 16, 24), (16, 24, 32, 48), (32, 48, 64, 96))
    ascending = sum(first <= second <= third for first, second, third in widths)
    depths = Counter(map(sum, product((1, 2, 3), repeat=3)))
    fitting = sum(comb(6, k) * 4 ** (6 - k) * n for k in range(7) for depth, n in depths.items() if k * depth <= 16)
    return fitting * ascending * 3


def graph_networks() -> int:
    """Unordered forests of 4 layers of 9 operations: trees of n layers are a root's operation and a forest of n - 1."""
    trees, forests = [0], [1]
    for layers in range(1, 5):
        trees.append(9 * forests[layers - 1])
        partitions = [(1,) * layers, *((layers,),) * (layers > 1)]
        partitions += {3: [(1, 2)], 4: [(1, 1, 2), (2, 2), (1, 3)]}.get(layers, [])
        forests.append(sum(prod(comb(trees[n] + k - 1, k) for n, k in Counter(each).items()) for each in partitions))
    return forests[4]


SIZES = {
    "nasbench101": 423_624,
    "nasbench201": 5**6,
    "darts": (1 * 3 * 6 * 10 * 7**8) ** 2,
    "nats-size": 8**5,
    "nasbench-macro": 3**8,
    "transnasbench": 4**6,
    "mobilenetv3": sum((3 * 2) ** depth for depth in (2, 3, 4)) ** 5,
    "ofa-mobilenetv3": sum((3 * 3) ** depth for depth in (2, 3, 4)) ** 5,
    "fbnet": 9**22,
    "enas6": 6**6 * 2**15,
    "enas12": 6**12 * 2**66,
    "nasnet": prod(comb(13 * sources + 1, 2) for sources in (2, 3, 4, 5, 6)) ** 2,
    "nasbench-graph": graph_networks(),
    "mobile": (3 * 2 * 2 * 2 * 3) * (3 * 3 * (2 * 3 + 3 + 1)) * (4 * 4 * (2 * 3 + 3 + 1)) * (4 * 4 * (3 * 3 + 3 + 1)),
    "transformer": 4 * sum((3 * 4) ** layers for layers in (1, 2, 3, 4)),
    "scaled-cells": scaled_cells(),
    "conv-grammar": conv_grammar(),
    "interleaving": interleaving(),
    "hierarchical-nasbench201": hierarchical(),
}


@pytest.mark.parametrize("name", SIZES)
def test_the_size_is_the_known_one(name: str) -> None:
    space = load_space(name)
    assert space.size == SIZES[name] and space.exact_size


def test_every_space_has_a_known_size() -> None:
    assert set(SIZES) == set(space_names())


@pytest.mark.parametrize("name", [name for name in SIZES if name != "nasbench101"])  # which takes a second to list
def test_a_space_of_ones_own_with_the_same_file_has_the_same_architectures(name: str) -> None:
    space = load_space(name)
    own = space_of_text(space_text(name).replace(f'name = "{name}"', 'name = "own"'), "own.toml")
    assert own.definition.fingerprint == space.definition.fingerprint and own.size == space.size
    graphs = space.sample(20, np.random.default_rng(0))
    assert own.validate(graphs).all()
    texts = [str(text) for text in space.format(graphs)]
    assert own.format(graphs) == texts
    if name != "nasbench201":  # whose keys are official indices
        assert (own.keys(graphs) == space.keys(graphs)).all()


def test_a_name_that_is_none_is_refused_with_a_hint_at_files() -> None:
    with pytest.raises(InvalidInput, match=r"did you mean 'nats-size'.*paths of space files"):
        load_space("natssize")


def test_the_benchmarks_own_text_of_widths_is_read() -> None:
    space = load_space("nats-size")
    arch = space.parse(" 8:16:24:32:40 ")
    assert arch.text == "[width1=8 width2=16 width3=24 width4=32 width5=40]"
    assert space.other_names(arch.graph) == {"channels": "8:16:24:32:40"}


@pytest.mark.parametrize("text", ["8:16:24:32", "8:16:24:32:41", "8:16:24:32:40:48", "8-16-24-32-40", "8:16:24:32:"])
def test_another_list_of_widths_is_refused(text: str) -> None:
    with pytest.raises(Exception, match="expected"):
        load_space("nats-size").parse(text)


def test_layers_that_are_not_there_have_no_choices() -> None:
    space = load_space("transformer")
    assert isinstance(space, Choices)
    arch = space.parse("[width=64 layers=1 heads1=8 ratio1=2]")
    assert space.values_of(arch.graph) == {"width": 64, "layers": 1, "heads1": 8, "ratio1": 2}
    for text, said in (
        ("[width=64 layers=2 heads1=8 ratio1=2]", "heads2 is missing"),
        ("[width=64 layers=1 heads1=8 ratio1=2 heads2=2]", "heads2 must be left out"),
    ):
        with pytest.raises(Exception, match=said):
            space.parse(text)


def test_one_more_layer_is_a_neighbour_with_every_choice_of_it() -> None:
    space = load_space("transformer")
    near = space.neighbours(space.parse("[width=64 layers=1 heads1=8 ratio1=2]"))
    deeper = {arch.text for arch in near if "layers=2" in arch.text}
    expected = {
        f"[width=64 layers=2 heads1=8 heads2={heads} ratio1=2 ratio2={ratio}]"
        for heads, ratio in product((2, 4, 8), (1, 2, 3, 4))
    }
    assert deeper == expected


@pytest.mark.parametrize(
    ("name", "option"), [("nats-size", {"channels": 6}), ("transformer", {"channels": 32, "patch": 2})]
)
def test_counts_of_every_size_of_network_are_those_of_the_module(name: str, option: dict[str, int]) -> None:
    import torch

    from archllm.networks.counting import count_macs, count_params

    space = load_space(name)
    for arch in space.architectures(space.sample(4, np.random.default_rng(3))):
        with torch.device("meta"):
            network = arch.build(num_classes=3, in_channels=2, image_size=8, **option)
        given = option | {"num_classes": 3, "in_channels": 2, "image_size": 8}
        assert count_params(network) == sizes.params(space, arch.graph, **given)[0]
        assert count_macs(network, (2, 8, 8)) == sizes.macs(space, arch.graph, **given)[0]


@pytest.mark.parametrize("name", ["nats-size", "transformer"])
def test_a_network_answers_for_every_image_on_its_own(name: str) -> None:
    import torch

    space = load_space(name)
    arch = space.architectures(space.sample(1, np.random.default_rng(5)))[0]
    network = arch.build(num_classes=4, in_channels=1, image_size=8, **space.networks.small).eval()
    images = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        together = network(images)
        alone = torch.cat([network(image[None]) for image in images])
    assert together.shape == (3, 4)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="expected images"):
        network(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize(
    ("name", "option", "said"),
    [
        ("nats-size", {"channels": 5}, "even"),
        ("nats-size", {"channels": 100_000, "image_size": 100_000}, "64 bits"),
        ("transformer", {"channels": 24}, "multiple of 16"),
        ("transformer", {"image_size": 30}, "multiple of the patch"),
        ("transformer", {"heads": 3}, "no setting"),
    ],
)
def test_options_that_can_not_be_used_are_refused(name: str, option: dict[str, int], said: str) -> None:
    space = load_space(name)
    with pytest.raises(InvalidInput, match=said):
        sizes.params(space, space.sample(1, np.random.default_rng(0)), **option)
