"""Mutated texts for everything that reads one: architectures, requirements, constraints, definitions of spaces."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from archllm.conditional.requirements import parse_all
from archllm.config import parse_words
from archllm.generation.config import TrainConfig
from archllm.spaces import SearchSpace, load_space, space_names
from archllm.spaces.definition import ChoicesDefinition
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.registry import space_of_text
from archllm.spaces.space_file import read_definition
from archllm.toml_lines import loads
from benchmarks.robust.attack import Attack, Found, Round
from benchmarks.robust.mutating import endless, mutated
from benchmarks.robust.watching import WRONG, Watched, watched


@dataclass(frozen=True)
class Parser:
    """Something that reads a text."""

    read: Callable[[str], object]
    """Reads one."""

    seeds: tuple[str, ...]
    """Texts that it takes."""

    made: tuple[str, ...] = ()
    """Texts made to hurt it."""

    def inputs(self, count: int, seed: int) -> Iterator[str]:
        """Its seeds, what was made to hurt it, what has no end, and so many mutated seeds."""
        yield from self.made
        for text in endless():
            yield text
            yield self.seeds[0] + text
            yield text + self.seeds[0]
        yield from self.mutated(count, seed)

    def mutated(self, count: int, seed: int) -> Iterator[str]:
        """Its seeds, and so many mutated ones."""
        yield from self.seeds
        chance = random.Random(seed)
        for _ in range(count):
            yield mutated(chance.choice(self.seeds), self.seeds, chance)


_EDGE = """kind = "edge_dag"
nodes = 4
constraints = ['count("gated") <= 3', 'not (count("none") > 2 and count("skip") == 0)']

[ops]
none = "archllm.networks.operations:none"
skip = "archllm.networks.operations:skip"
gated = "blocks:Gated"
"""
_NODE = """kind = "node_dag"
max_vertices = 4
max_edges = 5
max_in_degree = 3
ops = ["a", "b"]
constraints = ["vertices <= 4", "depth >= 1", 'count("a") < 3']
"""
_GENOTYPE = """kind = "genotype"
name = "g"
about = "x"
nodes = 2
ops = ["a", "b"]
inputs_per_node = 2
cell_inputs = ["x", "y"]
cells = ["normal"]
constraints = ['count("a", "normal") <= 2']
"""
_CHOICES = """kind = "choices"
constraints = ["slot.width1 <= slot.width2 <= slot.width3", "sum(slot.width1, slot.width2) <= 160"]

[slots]
"width{i=1..3}" = [16, 32, 64]
depth = [1, 2, 3]
"kernel{k=1..3}" = [3, 5, 7]
activation = ["relu", "gelu"]

[when]
"kernel{k=2..3}" = "slot.depth >= {k}"
"""
_GRAMMAR = """kind = "grammar"
start = "net"
max_blocks = 5
max_depth = 6
blocks = ["conv3", "conv5", "pool"]

[rules]
net = ["part", "sequence(part, net)"]
part = ["conv", "residual(conv)", "add(conv, conv)", "repeat(residual(conv), 2)"]
conv = ["conv3", "conv5", "pool"]
"""
DEFINITIONS = (_EDGE, _NODE, _GENOTYPE, _CHOICES, _GRAMMAR)
"""A space file of each kind."""


def _grammar(rules: str, max_blocks: int = 12) -> str:
    return f'kind = "grammar"\nmax_blocks = {max_blocks}\nblocks = ["a", "b"]\n[rules]\n{rules}\n'


_HOSTILE_DEFINITIONS = (
    'kind = "choices"\n[slots]\n' + "\n".join(f"d{k} = [1]" for k in range(60_000)),
    'kind = "choices"\n[slots]\n' + "\n".join(f"[d{k}]" for k in range(60_000)),
    'kind = "choices"\n[slots]\na = [' + ",".join(map(str, range(100_000))) + "]",
    'kind = "choices"\n[slots]\n"a{i=1..46}" = [' + ",".join(map(str, range(20_000))) + "]",
    'kind = "edge_dag"\nnodes = 3\nops = [' + ",".join(f'"o{k}"' for k in range(60_000)) + "]",
    'kind = "edge_dag"\nnodes = 3\nops = ["a", "b"]\nconstraints = ['
    + ",".join(f'"count(\\"a\\") < {k}"' for k in range(2, 30_000))
    + "]",
    'kind = "genotype"\nnodes = 2\nops = ["a"]\ncells = [' + ",".join(f'"c{k}"' for k in range(60_000)) + "]",
    'kind = "' + "edge_dag" * 20_000 + '"',
    "x" * 200_000 + " = 1",
    "a." * 100_000 + "b = 1",
    "[" + "a." * 100_000 + "b]",
    '"a".' * 50_000 + "b = 1",
    "x = {" + "a." * 100_000 + "b = 1}",
    "x = " + "{a = " * 100_000,
    "x = " + "[" * 100_000,
    "x = " + "[{a=" * 50_000,
    "x = " + "9" * 500_000,
    "x = " + "0." + "9" * 500_000,
    "x = '''" + "'" * 500_000,
    'x = "' + "\\u0041" * 100_000 + '"',
    'x = "' + "\\" * 300_001 + '"',
    "x = 1979-05-27T07:32:00." + "9" * 500_000,
    "#" * 900_000,
    "\r" * 500_000,
    "= 1\n" * 100_000,
    "x = [" + "1, # one\n" * 60_000 + "]",
    "".join(f"a.b{k}.c = 1\n" for k in range(30_000)),
    "".join(f"[a.b.c{k}]\n" for k in range(30_000)),
    "[[a]]\n" * 60_000,
    "[a]\n" * 60_000,
)


_LARGE_SPACES = (
    _grammar("".join(f'r{k} = ["a", "sequence(b, r{k + 1})"]\n' for k in range(10_000)) + 'r10000 = "a"'),
    _grammar("net = [" + ",".join(f'"sequence(a, r{k})"' for k in range(10_000)) + "]\nr0 = 'a'"),
    _grammar('net = ["sequence(net, a)", "a"]'),
    _grammar('net = ["sequence(net, net)", "add(net, net)", "a", "b"]', 48),
    _grammar('net = "net"'),
    _grammar('net = "sequence(a, net)"'),
    _grammar('net = "' + "sequence(" * 50_000 + "a" + ")" * 50_000 + '"'),
    _grammar('net = "sequence(' + "a, " * 50_000 + 'a)"'),
    _grammar('net = "repeat(a, 999999999999)"'),
    _grammar(
        'net = "add(' + ", ".join(["part"] * 12) + ')"\npart = ["a", "b", "sequence(a, b)", "sequence(b, a)"]', 64
    ),
    'kind = "edge_dag"\nnodes=8\nops=[' + ",".join(f'"o{k}"' for k in range(100)) + "]",
    'kind = "node_dag"\nmax_vertices=8\nmax_edges=28\nops=[' + ",".join(f'"o{k}"' for k in range(100)) + "]",
    'kind = "genotype"\nnodes=6\ninputs_per_node=6\ncell_inputs=6\ncells=6\nops=["a"]',
    'kind = "choices"\n[slots]\n"a{i=1..46}"=[1,2,3,4,5,6,7,8,9]\n',
)


def _chain(sign: str, length: int = 1_990, operand: str = "1") -> str:
    return sign.join([operand] * ((length - 5) // (len(sign) + len(operand))))


_CONSTRAINTS = (
    "slot.width1 <= slot.width2 <= slot.width3",
    "sum(slot.width1, slot.width2) // 3 % 5 <= 160",
    'slot.activation in ["relu"] or not slot.depth == 2',
    "min(slot.width1, 3) + -abs(slot.depth) * 2 / 4 != 1.5e2",
    "(slot.depth not in [1, -2]) and slot.width1 > 16",
)
_HOSTILE_CONSTRAINTS = (
    *(f"{_chain(sign)} > 0" for sign in "+-*/%"),
    *(f"{'+'.join(['slot.depth'] * count)} > 0" for count in (150, 199, 250)),
    _chain("<"),
    *(_chain(sign, operand="true") for sign in (" or ", " and ")),
    *("(" * 39 + "true" + ")" * 39, "not " * 39 + "true", "-" * 39 + "1 > 0", "-" * 1_900 + "1 > 0"),
    *(f"slot.depth in [{_chain(',')}]", f"sum({_chain(',')}) > 0", f"max({'max(' * 50}1{')' * 50}) > 0"),
    *("slot.depth // 0 > 1", "slot.depth % 0 > 1", "slot.depth / 0 > 1", "max() > 1", "slot.depth in []"),
    *("9007199254740992*" * 100 + "1 > 0", "slot.a.b.c.d > 1", "'' == ''", "count('x')", "true", "1", "slot.depth"),
    "9" * 1_900 + " > 1",
)


def _constraint(text: str) -> None:
    slots = {
        "width1": (16, 32),
        "width2": (16, 32),
        "width3": (16, 32),
        "depth": (1, 2, 3),
        "activation": ("relu", "gelu"),
    }
    space = Choices(ChoicesDefinition(name="t", slots=slots, constraints=(text,)))
    space.validate(space.sample(4, np.random.default_rng(0)))


def _drawn(space: SearchSpace, count: int = 6) -> tuple[str, ...]:
    return tuple(arch.text for arch in space.architectures(space.sample(count, np.random.default_rng(0))))


_GROUPS = (
    "[(('skip_connect', np.int64(0), 0.1), ('sep_conv_3x3', 1)), (('skip_connect', 0), ('sep_conv_5x5', 2)), "
    "(('skip_connect', 0), ('sep_conv_5x5', 1)), (('skip_connect', 3), ('dil_conv_3x3', 0))]"
)
_FURTHER: dict[str, tuple[str, ...]] = {
    "nasbench201": ("1234", "(4, 0, 3, 1, 4, 3)", "[4,0,3,1,4,3]"),
    "nasbench101": (
        '{"module_adjacency": [[0,1,1],[0,0,1],[0,0,0]], "module_operations": ["input","maxpool3x3","output"]}',
    ),
    "nats-size": ("8:16:24:32:40",),
    "transnasbench": ("64-41414-1_02_333",),
    "nasbench-macro": ("02102121",),
    "mobilenetv3": (str({"ks": [7] * 20, "e": [6] * 20, "d": [2, 3, 4, 2, 3]}),),
    "darts": (
        f"D = genotypes.Genotype({_GROUPS}, list(range(2, 6)), reduce={_GROUPS}, reduce_concat=[2, 3, 4, 5], x=None)",
    ),
}
_MADE: dict[str, tuple[str, ...]] = {
    "nasbench201": ("9" * 12, "٣", "१२", "²", "(٣,0,3,1,4,3)", f"({'0,' * 100_000})", "-1", "+1", "1e3", "00000000001"),
    "nasbench101": (
        '{"matrix": [[0,1],[0,0]], "ops": ["input","output"], "x": ' + "9" * 5_000 + "}",
        '{"matrix": [[0,NaN],[0,0]], "ops": ["input","output"]}',
        '{"matrix": [[0,1e999],[0,0]], "ops": ["input","output"]}',
        '{"matrix": [[0,1.0],[0,0]], "ops": ["input","output"]}',
        '{"matrix": [[0,"1"],[0,0]], "ops": ["input","\\ud800"]}',
        '{"ops": ["input","output"], "matrix": [[0,1],[0,0]], "ops": 3}',
        '{"matrix": [' + "[0]," * 50_000 + '[0]], "ops": ["input"]}',
        '{"matrix": [[0,1],[0,0]], "ops": ["input", "' + "x" * 100_000 + '"]}',
    ),
}


@cache
def parsers() -> dict[str, Parser]:
    """Everything that reads a text, by name."""
    found = {
        name: Parser(space.parse, (*_drawn(space), *_FURTHER.get(name, ())), _MADE.get(name, ()))
        for name in space_names()
        for space in [load_space(name)]
    }
    found["requirement"] = Parser(
        lambda text: parse_all([text, "params <= 3"]),
        ("params <= 1e6", "macs in [1e7, 5e7]", "cifar10.valid@12 > .5", "a/b-c in (1,2]", "x = -3.5e-2"),
        (
            "params <= " + "1" * 100_000 + "x",
            "params in [" + "1" * 100_000 + ", 2",
            "params <= 1" + "0" * 400,
            "a" * 100_000 + " <= 1",
            "a/@.-" * 20_000 + "!",
            "x <= " + "1" * 190,
        ),
    )
    found["constraint"] = Parser(_constraint, _CONSTRAINTS, _HOSTILE_CONSTRAINTS)
    found["definition"] = Parser(lambda text: read_definition(text, "t.toml", "t"), DEFINITIONS, _HOSTILE_DEFINITIONS)
    found["settings-file"] = Parser(loads, DEFINITIONS, _HOSTILE_DEFINITIONS)
    found["settings-words"] = Parser(
        lambda text: parse_words(text.split(), TrainConfig, "training"), ("seed=3", "split=0.9 threads=1"), ()
    )
    found["space"] = Parser(lambda text: space_of_text(text, "t.toml", "t"), DEFINITIONS, _LARGE_SPACES)
    return found


def read_all(name: str, count: int, seed: int) -> Found:
    """Gives a parser its inputs."""
    parser = parsers()[name]
    return tally(name, (partial(parser.read, text) for text in parser.inputs(count, seed)))


def tally(
    name: str, calls: Iterable[Callable[[], object]], watch: Callable[[Callable[[], object]], Watched] | None = None
) -> Found:
    """Makes the calls, and counts what became of each; `watch` is how, by default in this process."""
    wrong = dict.fromkeys(WRONG, 0)
    notes: dict[str, str] = {}
    done = taken = 0
    slowest = largest = 0.0
    for call in calls:
        found = (watch or watched)(call)
        done += 1
        taken += found.outcome == "taken"
        slowest, largest = max(slowest, found.seconds), max(largest, found.megabytes)
        if found.wrong:
            wrong[found.wrong] += 1
            notes.setdefault(f"{found.wrong} {found.message}", f"{name}: {found.wrong} {found.message}")
    figures = {"taken": float(taken), "slowest, s": slowest, "most memory, MB": largest}
    return Found(done, wrong, figures, tuple(notes.values())[:5])


def _attack(name: str) -> Attack:
    def run(round_: Round) -> Found:
        return read_all(name, round_.count, round_.seed)

    return Attack("mutated-texts", f"texts for {name}", run, 10_000, brief=200)


_NAMES = (
    *space_names(),
    *("requirement", "constraint", "definition", "settings-file", "settings-words", "space"),
)
ATTACKS = {f"texts-{name}": _attack(name) for name in _NAMES}
