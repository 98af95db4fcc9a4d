"""The kind `grammar`, against a listing of derivations in plain Python."""

from __future__ import annotations

import ast
import math
import re
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples
from tests.spaces.space_files import grammars

from archllm.errors import DefinitionError, FormatError, InvalidArchitecture
from archllm.files import toml_value
from archllm.spaces import load_space
from archllm.spaces.kinds.grammar.automaton import passes
from archllm.spaces.kinds.grammar.derivations import ambiguity, count_derivations
from archllm.spaces.kinds.grammar.paths import multisets, rank_multiset, unrank_multiset
from archllm.spaces.kinds.grammar.space import Grammar
from archllm.spaces.registry import space_of_text, space_text
from archllm.spaces.texts.expressions import Expression, parse_expression
from archllm.workflows.spaces import check_space_file

Value = tuple[Any, ...]  # elements: names, or (operation, repeats, values of the branches)
slowly = examples(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def grammar(text: str) -> Grammar:
    space = space_of_text(f'kind = "grammar"\n{text}', "mine.toml")
    assert isinstance(space, Grammar)
    return space


# --- the oracle: all values of all rules, round by round --------------------------------------------------------------


def listed(space: Grammar) -> set[Value]:
    """All networks, by deriving from sets of what is derived already until nothing new comes."""
    definition = space.definition
    most, deepest = definition.max_blocks or 10**9, 10**9 if definition.max_depth is None else definition.max_depth

    def fits(value: Value) -> bool:
        return blocks(value) <= most and depth(value) <= deepest

    def values(expression: Expression, known: dict[str, set[Value]]) -> set[Value]:
        name, parts = expression.name, [values(part, known) for part in expression.parts]
        if name == "sequence":
            return {value for each in combined(parts) if fits(value := sum(each, ()))}
        if parts:
            if name == "residual":
                name, parts = "add", [*parts, {()}]
            return {
                value for each in combined(parts) if (value := joined(name, expression.times, each)) and fits(value)
            }
        if name == "identity":
            return {()}
        return known.get(name, {(name,)})

    def combined(parts: list[set[Value]]) -> list[tuple[Value, ...]]:
        found: list[tuple[Value, ...]] = [()]
        for part in parts:
            small = [(blocks(value), value) for value in part]
            found = [(*each, v) for each in found for size, v in small if size + sum(map(blocks, each)) <= most]
        return found

    def joined(name: str, times: int, branches: tuple[Value, ...]) -> Value:
        if not any(branches):
            return ()  # joins without blocks are left out: `walrus` above takes an empty value for none
        if name == "cell" and definition.zero and not passes([branch != (definition.zero,) for branch in branches]):
            return ()
        ordered = tuple(sorted(branches, key=repr)) if name in definition.commutative else branches
        return ((name, times, ordered),)

    rules = {rule: [parse_expression(text) for text in texts] for rule, texts in definition.rules.items()}
    known: dict[str, set[Value]] = {rule: set() for rule in rules}
    while True:
        new = {rule: {v for each in texts for v in values(each, known) if fits(v)} for rule, texts in rules.items()}
        if new == known:
            return {value for value in known[definition.start] if value}
        known = new


@cache
def blocks(value: Value) -> int:
    return sum(1 if isinstance(each, str) else each[1] * sum(map(blocks, each[2])) for each in value)


@cache
def depth(value: Value) -> int:
    return max((0 if isinstance(each, str) else 1 + max(map(depth, each[2])) for each in value), default=0)


def value_of(text: str, space: Grammar) -> Value:
    """The value that a text writes, by the oracle's own reading."""

    def read(expression: Expression) -> Value:
        name, parts = expression.name, tuple(read(part) for part in expression.parts)
        if name == "sequence":
            return tuple(each for part in parts for each in part)
        if name == "residual":
            name, parts = "add", (*parts, ())
        if parts:
            ordered = tuple(sorted(parts, key=repr)) if name in space.definition.commutative else parts
            return ((name, expression.times, ordered),)
        return () if name == "identity" else (name,)

    return read(parse_expression(text))


@slowly
@given(text=grammars())
def test_members_are_those_that_plain_python_derives_each_once(text: str) -> None:
    space = space_of_text(text, "random.toml")
    assert isinstance(space, Grammar)
    assume(space.size <= 3_000)
    members = space.enumerate()
    found = [value_of(str(each), space) for each in space.format(members)]
    assert len(set(found)) == len(found) == space.size
    assert set(found) == listed(space)
    assert (space.keys(members) == np.arange(space.size)).all()


LAWS = """
max_blocks = 3
max_depth = 1
blocks = ["a", "b"]
[rules]
net = ["a", "b", "sequence(net, net)", "add(net, net)", "residual(net)", "concat(net, net)", "repeat(net, 2)"]
"""


def test_a_grammar_that_derives_everything_in_many_ways_is_counted_right() -> None:
    space = grammar(LAWS)
    assert space.size == len(listed(space))


def test_draws_are_uniform_over_members_and_not_over_derivations() -> None:
    space = grammar(
        'max_blocks = 4\nblocks = ["a", "b"]\n[rules]\nnet = ["x", "sequence(net, net)"]\nx = ["a", "b", "add(y, y)"]\n'
        'y = ["a", "b"]'
    )
    assert space.size == len(listed(space))
    counts = np.bincount(space.keys(space.sample(40 * space.size, np.random.default_rng(5))), minlength=space.size)
    chi_square, degrees = ((counts - 40) ** 2 / 40).sum(), space.size - 1
    assert abs(chi_square - degrees) <= 5 * math.sqrt(2 * degrees)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("sequence(a, sequence(b, a))", "sequence(a, b, a)"),
        ("sequence(identity, a)", "a"),
        ("add(b, a)", "add(a, b)"),
        ("add(identity, a)", "residual(a)"),
        ("add(sequence(a, b), identity)", "residual(sequence(a, b))"),
    ],
)
def test_texts_of_the_same_network_are_one_member(text: str, same: str) -> None:
    space = grammar(LAWS)
    assert space.parse(text) == space.parse(same) and space.parse(text).text == same


def test_concat_has_an_order_unless_it_is_said_to_have_none() -> None:
    space, free = grammar(LAWS), grammar(f'commutative = ["add", "concat"]{LAWS}')
    assert space.parse("concat(a, b)") != space.parse("concat(b, a)")
    assert free.parse("concat(a, b)") == free.parse("concat(b, a)")


def test_a_cell_that_nothing_gets_through_is_no_member() -> None:
    rules = '[rules]\nnet = "cell(op, op, op)"\nop = ["identity", "none", "conv"]'
    everything = grammar(f'blocks = ["none", "conv"]\n{rules}')
    alive = grammar(f'zero = "none"\nblocks = ["none", "conv"]\n{rules}')
    # edges (1 <- 0), (2 <- 0), (2 <- 1): dead where the second is zero and so is the first or the third
    dead = sum(b == "z" and "z" in (a, c) for a, b, c in product("izc", repeat=3))
    assert everything.size == 27 - 1 and alive.size == 27 - 1 - dead  # all three identities hold no block
    with pytest.raises(InvalidArchitecture):
        alive.parse("cell(none, none, conv)")


@pytest.mark.parametrize("kinds", [1, 2, 5, 9])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_multisets_are_numbered_without_gaps(kinds: int, size: int) -> None:
    found = [unrank_multiset(number, size) for number in range(multisets(kinds, size))]
    assert len(set(map(tuple, found))) == len(found) and max(map(max, found)) == kinds - 1
    assert [rank_multiset(each) for each in found] == list(range(len(found)))


@pytest.mark.parametrize(
    ("file", "line", "word"),
    [
        ('blocks = ["a"]\n[rules]\nnet = ["sequence(net, a)"]', 4, "can't end"),
        ('max_blocks = 3\nblocks = ["a"]\n[rules]\nnet = ["a", "net"]', 5, "goes round"),
        ('max_blocks = 3\nblocks = ["a"]\n[rules]\nnet = ["a", "x"]\nx = ["y", "a"]\ny = "x"', 6, "goes round"),
        ('blocks = ["a"]\n[rules]\nnet = ["a", "sequence(a, net)"]', 4, "max_blocks"),
        ('blocks = ["a"]\n[rules]\nnet = ["a", "sequence(net, a)"]', 4, "max_blocks"),
        ('max_blocks = 3\nblocks = ["a"]\n[rules]\nnet = ["a", "residual(net)"]', 5, "max_depth"),
        ('blocks = ["a"]\n[rules]\nnet = ["a", "add(net, net)"]', 4, "max_depth"),
        ('blocks = ["a"]\n[rules]\nnet = "a"\nother = "a"', 5, "leads to other"),
        ('blocks = ["a", "b"]\n[rules]\nnet = "a"', 2, "uses the block b"),
        ('blocks = ["a"]\n[rules]\nnet = [\n"a",\n"sequence(a)"]', 6, "the same as"),
        ('blocks = ["a"]\n[rules]\nnet = [\n"a",\n"add(a, nett)"]', 6, "did you mean 'net'"),
        ('blocks = ["a"]\n[rules]\nnet = [\n"a",\n"add(a"]', 6, "never closed"),
        ('blocks = ["a"]\n[rules]\nnet = ["add(a)"]', 4, "branches"),
        ('blocks = ["a"]\n[rules]\nnet = ["wild(a)"]', 4, "expected one of"),
        ('blocks = ["a"]\ndownsampling = ["d"]\n[rules]\nnet = ["add(a, d)"]', 5, "equally often"),
        ('blocks = ["a"]\nmax_blocks = 2\n[rules]\nnet = "sequence(a, a, a)"', 3, "nothing is left"),
        ('blocks = ["a"]\nmax_depth = 0\n[rules]\nnet = "residual(a)"', 3, "leave no network"),
        ('blocks = ["a"]\nstart = "nett"\n[rules]\nnet = "a"', 3, "did you mean 'net'"),
        ('blocks = ["sequence"]\n[rules]\nnet = "a"', 2, "names are words"),
        ('blocks = ["a\\"b"]\n[rules]\nnet = "a"', 2, "names are words"),
        ('blocks = ["net"]\n[rules]\nnet = "net"', 2, "already"),
        ('blocks = ["a"]\n[rules]\n"x y" = "a"', 4, "names are words"),
        ('blocks = ["a"]\nmax_params = 10\n[rules]\nnet = "a"', 3, "module:function"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_what_to_do(file: str, line: int, word: str) -> None:
    with pytest.raises(DefinitionError, match=rf"mine\.toml, line {line}: ") as caught:
        grammar(file)
    assert word in str(caught.value)


def test_left_recursion_derives_what_right_recursion_does() -> None:
    left, right = (
        grammar(f'max_blocks = 6\nblocks = ["a", "b"]\n[rules]\nnet = ["x", "{more}"]\nx = ["a", "b"]')
        for more in ("sequence(net, x)", "sequence(x, net)")
    )
    assert left.size == right.size == 2**7 - 2


def test_rows_that_grow_from_the_middle_are_counted() -> None:
    space = grammar('max_blocks = 9\nblocks = ["a", "b", "c"]\n[rules]\nnet = ["c", "sequence(a, net, b)"]')
    assert space.size == 5 and "sequence(a, a, c, b, b)" in space.format(space.enumerate())


@pytest.mark.parametrize("rules", [1_000, 10_000])
def test_many_rules_are_read_or_refused(rules: int) -> None:
    chain = "\n".join(f'r{k} = "residual(r{k + 1})"' if k % 400 == 0 else f'r{k} = "r{k + 1}"' for k in range(rules))
    text = f'max_blocks = 2\nmax_depth = 3\nblocks = ["a"]\n[rules]\n{chain}\nr{rules} = "a"'
    if rules == 1_000:
        assert grammar(text).size == 1
    else:
        with pytest.raises(DefinitionError, match=r"no network|states"):
            grammar(text)


def test_a_grammar_with_too_many_ways_is_refused_in_time() -> None:
    words = [f"w{k}" for k in range(12)]
    palindromes = ", ".join(f'"sequence({word}, net, {word})"' for word in words)
    with pytest.raises(DefinitionError, match=r"states|too long"):
        grammar(f'max_blocks = 40\nblocks = {words!r}\n[rules]\nnet = ["w0", {palindromes}]'.replace("'", '"'))


def test_texts_of_what_no_rule_derives_are_refused_with_a_reason() -> None:
    space = grammar(
        'max_blocks = 3\nblocks = ["a", "b"]\n[rules]\nnet = ["sequence(a, x)", "add(x, a)"]\nx = ["a", "b"]'
    )
    with pytest.raises(InvalidArchitecture, match=r"net does not derive sequence\(b, a\)"):
        space.parse("sequence(b, a)")
    with pytest.raises(InvalidArchitecture, match=r"no rule derives add\(b, b\)"):
        space.parse("add(b, b)")
    with pytest.raises(FormatError, match="no rule has concat"):
        space.parse("concat(a, b)")


def test_a_limit_on_parameters_leaves_out_larger_networks() -> None:
    blocks = '[blocks]\nsmall = "archllm.networks.operations:conv1x1"\nlarge = "archllm.networks.operations:conv5x5"\n'
    rules = '[rules]\nnet = ["block", "sequence(block, net)"]\nblock = ["small", "large"]'
    every = grammar(f"max_blocks = 4\n{blocks}{rules}")
    few = grammar(f"max_blocks = 4\nmax_params = 9000\n{blocks}{rules}")
    params = every.require_networks().params(every.enumerate())
    assert not few.exact_size and abs(few.size - (params <= 9000).sum()) <= 2
    drawn = few.sample(50, np.random.default_rng(0))
    assert (few.require_networks().params(drawn) <= 9000).all()
    assert few.validate(every.enumerate()).sum() == (params <= 9000).sum()
    with pytest.raises(DefinitionError, match="line 3: max_params: none of"):
        grammar(f"max_blocks = 4\nmax_params = 9\n{blocks}{rules}")


# --- derivations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "derivations"),
    [
        # rows of up to 6 blocks, bracketed in as many ways as binary trees have: the Catalan numbers
        ('max_blocks = 6\nblocks = ["a"]\n[rules]\nnet = ["a", "sequence(net, net)"]', 1 + 1 + 2 + 5 + 14 + 42),
        ('blocks = ["a", "b"]\n[rules]\nnet = "add(x, x)"\nx = ["a", "b"]', 4),
        (
            'blocks = ["a", "b"]\n[rules]\nnet = ["x", "sequence(x, y)"]\nx = ["a", "b"]\ny = ["x", "identity"]',
            2 + 2 * 3,
        ),
        ('max_blocks = 5\nblocks = ["a", "b"]\n[rules]\nnet = "repeat(x, 2)"\nx = ["a", "b", "sequence(x, x)"]', 2 + 4),
    ],
)
def test_derivations_are_counted_as_often_as_they_differ(text: str, derivations: int) -> None:
    assert count_derivations(grammar(text).language.rules) == derivations


def test_the_published_size_counts_the_alternative_that_its_grammar_names_twice() -> None:
    # cell_flexible.cfg has `"Linear1" CONVBLOCK | "Linear1" CONVBLOCK`, and so 27 blocks twice: 10^446.09 derivations.
    text = space_text("hierarchical-nasbench201").replace('name = "hierarchical-nasbench201"\n', "")
    once = re.findall(r"^(\w+_(?:batch|instance|layer)) = (.*)$", text, re.MULTILINE)
    assert len(once) == 27
    twice = text.replace(
        "[downsampling]", "\n".join(f"again_{name} = {made}" for name, made in once) + "\n[downsampling]"
    )
    twice = twice.replace("op = [", "op = [" + "".join(f'"again_{name}", ' for name, _ in once))
    space = space_of_text(twice, "twice.toml")
    assert isinstance(space, Grammar)
    assert round(math.log10(count_derivations(space.language.rules) or 1), 2) == 446.09


@pytest.mark.parametrize(
    ("rules", "rule"),
    [
        ('net = ["block", "sequence(net, net)"]\nblock = ["a", "b"]', "net"),
        ('net = ["few", "sequence(few, few)"]\nfew = ["a", "b", "sequence(a, b)"]', "net"),
        (
            """
net = ["a", "residual(other)"]
other = "sequence(x, y)"
x = ["a", "sequence(a, b)"]
y = ["b", "sequence(b, b)"]""",
            "other",
        ),
    ],
)
def test_a_rule_that_derives_something_in_several_ways_is_named(rules: str, rule: str) -> None:
    found = ambiguity(grammar(f'max_blocks = 5\nblocks = ["a", "b"]\n[rules]\n{rules}').language)
    assert found is not None and found[0] == rule and "in 2 ways" in found[1]


@pytest.mark.parametrize("name", ["conv-grammar", "interleaving"])
def test_what_differs_in_the_order_of_branches_alone_is_not_ambiguous(name: str) -> None:
    space = load_space(name)
    assert isinstance(space, Grammar) and ambiguity(space.language) is None


def test_check_tells_derivations_and_the_line_of_an_ambiguous_rule(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    rules = 'net = [\n"block",\n"sequence(net, net)",\n]\nblock = ["a", "b"]'
    file.write_text(f'kind = "grammar"\nmax_blocks = 4\nblocks = ["a", "b"]\n[rules]\n{rules}\n')
    facts = check_space_file(file).facts
    assert facts.size == 2 + 4 + 8 + 16 and facts.derivations == 2 + 4 + 2 * 8 + 5 * 16
    assert facts.ambiguous is not None and "mine.toml, line 5: rules.net: derives 'sequence(" in facts.ambiguous


# --- what stands in files ---------------------------------------------------------------------------------------------


def test_nothing_of_a_file_gets_into_exported_python_or_drawings_unescaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nasty = 'quote\' " """ <b>&amp; \\ new\nline; import os'
    (tmp_path / "nastyblocks.py").write_text(
        "from torch import nn\n\n\ndef block(channels, note):\n    return nn.Conv2d(channels, channels, 1)\n"
    )
    made = f'{{ make = "nastyblocks:block", note = {toml_value(nasty)} }}'
    text = f'about = {toml_value(nasty)}\n[blocks]\na = {made}\n[rules]\nnet = ["a", "residual(a)"]'
    monkeypatch.syspath_prepend(tmp_path)
    arch = grammar(text).parse("residual(a)")
    arch.export(tmp_path / "net.py", to="python", channels=4)
    tree = ast.parse((tmp_path / "net.py").read_text())
    assert nasty in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert not any(
        alias.name == "os" for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    )
