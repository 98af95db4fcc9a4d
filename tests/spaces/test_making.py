"""A space is pickled as the call that makes it, whoever made it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.definition import ChoicesDefinition, EdgeDagDefinition
from archllm.spaces.kinds.edge_dag import EdgeDag
from archllm.spaces.registry import space_of, space_of_text

PLUGIN = '''
import numpy as np
from archllm.errors import FormatError
from archllm.graphs import Graphs
from archllm.spaces import SearchSpace


class Bits(SearchSpace):
    """Three bits, in a row between an input and an output."""

    op_names = ("input", "0", "1", "output")
    max_nodes, size, enumerable = 5, 8, True

    def of(self, numbers):
        bits = (np.asarray(numbers)[:, None] >> np.array([2, 1, 0])) & 1
        ops = np.pad(bits + 1, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 3)))
        return Graphs(ops, np.repeat(np.eye(5, k=1, dtype=bool)[None], len(ops), 0))

    def enumerate(self):
        return self.of(np.arange(8))

    def sample(self, n, rng):
        return self.of(rng.integers(8, size=n))

    def validate(self, graphs):
        chain = np.eye(graphs.nodes, k=1, dtype=bool)
        inner = graphs.ops[:, 1:-1]
        ends = (graphs.ops[:, 0] == 0) & (graphs.ops[:, -1] == 3)
        bits = ((inner == 1) | (inner == 2)).all(1) & (graphs.nodes == 5)
        return ends & bits & (graphs.adjacency == chain).all((1, 2))

    def explain(self, graph):
        return None if self.validate(graph)[0] else "it is not three bits in a row"

    def normalise(self, graphs):
        return graphs

    def permute(self, graphs, rng):
        return graphs

    def _keys(self, graphs):
        return (graphs.ops[:, 1:-1].astype(int) - 1) @ np.array([4, 2, 1])

    def _neighbours(self, graph):
        return self.of(int(self._keys(graph)[0]) ^ np.array([1, 2, 4]))

    def _parse(self, text):
        if set(text) - set("01") or len(text) != 3:
            raise FormatError("expected three digits 0 or 1", text, 0)
        return self.of([int(text, 2)])

    def _format(self, graph):
        return "".join(self.op_names[label] for label in graph.ops[0, 1:-1])


def no_space():
    return 3
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module with a space, in a folder where Python looks."""
    (tmp_path / "own_bits.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_bits"
    sys.modules.pop("own_bits", None)


def again(space: SearchSpace) -> SearchSpace:
    return pickle.loads(pickle.dumps(space))  # noqa: S301 - our own


def test_named_spaces_and_texts_unpickle_as_the_same_object() -> None:
    assert again(load_space("darts")) is load_space("darts")
    own = space_of_text('kind = "choices"\n[slots]\nwidth = [1, 2]', "widths.toml", "widths")
    assert again(own) is own


def test_spaces_of_a_definition_unpickle_as_equal_spaces() -> None:
    made = space_of(ChoicesDefinition(name="tiny", slots={"width": (8, 16)}))
    assert again(made).identity == made.identity and again(made) is again(made)
    direct = EdgeDag(EdgeDagDefinition(name="direct", ops=("a", "b"), nodes=3))
    assert type(again(direct)) is EdgeDag and again(direct).identity == direct.identity


def test_a_space_that_a_user_changed_in_a_subclass_stays_of_that_class() -> None:
    space = Changed(EdgeDagDefinition(name="changed", ops=("a", "b"), nodes=3))
    assert type(again(space)) is Changed


class Changed(EdgeDag):
    pass


def test_a_class_of_ones_own_works_by_its_name(module: str) -> None:
    space = load_space(f"python:{module}:Bits")
    assert space.name == f"python:{module}:Bits" and space.definition.about.startswith("Three bits")
    assert again(space) is space is load_space(space.name)
    arch = space.parse("101")
    assert arch.key == 5 and {near.text for near in space.neighbours(arch)} == {"100", "111", "001"}
    assert len(np.unique(space.keys(space.enumerate()))) == space.size
    assert space.networks is None
    with pytest.raises(InvalidInput, match="no network can be made"):
        _ = arch.params
    with pytest.raises(InvalidInput, match=f"name it python:{module}:Bits"):
        space.definition.to_toml()


def test_what_is_no_space_is_refused(module: str) -> None:
    with pytest.raises(InvalidInput, match="must be a subclass of archllm's SearchSpace, and gives a int"):
        load_space(f"python:{module}:no_space")


def test_a_new_process_imports_a_named_space_without_torch() -> None:
    code = (
        "import sys; from archllm.spaces import load_space; from numpy.random import default_rng\n"
        "darts = load_space('darts'); arch = darts.architectures(darts.sample(1, default_rng(0)))[0]\n"
        "assert arch.params > 0 and arch.svg() and load_space('nasbench101').networks\n"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
