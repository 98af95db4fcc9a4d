from __future__ import annotations

import numpy as np
import pytest

from archllm.errors import RunFolderError
from archllm.graphs import equal
from archllm.spaces import load_space
from archllm.spaces.kinds.product.space import Product
from archllm.spaces.registry import space_of_text
from archllm.tokenizer import TokenizerConfig, build_tokenizer, load_tokenizer
from archllm.tokenizer.hints import code_layout
from archllm.tokenizer.parts import FixedPart, PartsSerialisation
from archllm.tokenizer.serialisation import EdgeSerialisation, NodeSerialisation

MIXED = """kind = "product"
[parts.big]
kind = "node_dag"
max_vertices = 12
max_edges = 66
ops = ["a", "b"]
[parts.words]
kind = "grammar"
max_blocks = 3
blocks = ["conv", "pool"]
[parts.words.rules]
net = ["block", "sequence(block, net)"]
block = ["conv", "pool", "residual(conv)"]
[parts.one]
kind = "choices"
[parts.one.slots]
only = [1]
[parts.scale]
kind = "choices"
[parts.scale.slots]
width = [1, 2, 3]
"""


@pytest.fixture(scope="module")
def mixed() -> Product:
    found = space_of_text(MIXED, "mixed.toml")
    assert isinstance(found, Product)
    return found


def test_each_part_is_written_as_suits_its_space_and_read_again(mixed):
    members = mixed.sample(300, np.random.default_rng(0))
    way = PartsSerialisation.of(mixed, members)
    assert [type(each) for each in way.ways] == [EdgeSerialisation, NodeSerialisation, FixedPart, NodeSerialisation]
    tokens = way.write(members)
    assert tokens.shape == (300, way.length) and tokens.max() < way.size
    assert equal(way.read(tokens), members).all()


def test_a_token_of_another_part_makes_no_member(mixed):
    members = mixed.sample(20, np.random.default_rng(0))
    way = PartsSerialisation.of(mixed, members)
    tokens = way.write(members)
    tokens[:, -1] = tokens[:, 0]
    assert not mixed.validate(way.read(tokens)).any()


def test_what_training_never_saw_is_token_0_and_no_member():
    space = load_space("scaled-cells")
    members = space.sample(40, np.random.default_rng(0))
    way = PartsSerialisation.of(space, members[:3])
    tokens = way.write(members)
    unseen = (tokens == 0).any(1)
    assert unseen.any() and not space.validate(way.read(tokens))[unseen].any()


def test_a_part_that_was_always_the_same_in_training_is_not_lost_silently():
    space = load_space("scaled-cells")
    members = space.sample(100, np.random.default_rng(0))
    plain_cell = "cell: |avg_pool_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|"
    one_cell = space.parse_batch(
        [plain_cell + arch.text[arch.text.index(";") :] for arch in space.architectures(members)]
    )
    way = PartsSerialisation.of(space, one_cell)
    assert isinstance(way.ways[0], FixedPart) and space.validate(way.read(way.write(one_cell))).all()
    assert not space.validate(way.read(way.write(members))).any()


@pytest.mark.parametrize("kind", ["plain", "merges"])
def test_a_tokenizer_of_parts_is_saved_and_read(mixed, kind, tmp_path):
    members = mixed.sample(200, np.random.default_rng(0))
    tokenizer = build_tokenizer(mixed, TokenizerConfig(kind=kind, merges=16))
    tokenizer.fit(members, seed=0)
    assert tokenizer.reconstruction(members) == 1
    tokenizer.save(tmp_path)
    again = load_tokenizer(tmp_path, mixed)
    assert (again.encode(members) == tokenizer.encode(members)).all()
    with pytest.raises(RunFolderError, match="is needed"):
        load_tokenizer(tmp_path, load_space("nasbench201"))


def test_the_layout_of_codes_is_that_of_the_parts():
    space = load_space("scaled-cells")
    layout = code_layout(space)
    assert layout.length == sum(code_layout(part).length for part in space.spaces) and not layout.independent
