"""What an operation does is said once: by the file, by its block, or by its name."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from archllm import operations as known
from archllm.errors import DefinitionError
from archllm.networks import operations as blocks
from archllm.objectives.latency.execution import ASSUMPTIONS, work
from archllm.operations import by_name, declared, operation_of
from archllm.predictor.computation import computation
from archllm.predictor.equivalence import has_synonyms
from archllm.predictor.meanings import known_operations, labels_by_meaning
from archllm.spaces import load_space, space_names
from archllm.spaces.registry import space_of_text
from archllm.spaces.space_file import read_definition
from archllm.workflows.spaces import check_space_file, spaces

OWN = "archllm.networks.operations"
MISLEADING = f"""kind = "edge_dag"
nodes = 3
[ops]
skip = "{OWN}:conv3x3"
nothing = "{OWN}:none"
pass = "{OWN}:skip"
gated = "mine:gated"
[roles]
gated = "pooling"
"""


def test_every_block_that_comes_along_says_what_it_does():
    made = {name for name, each in vars(blocks).items() if inspect.isfunction(each) and each.__module__ == OWN}
    assert made == set(known._OWN)


def test_roles_of_blocks_agree_with_their_names():
    for name in known._OWN:
        guessed, told = by_name(name), operation_of("op", f"{OWN}:{name}")
        if guessed.role != "other":
            assert (guessed.role, guessed.kernel) == (told.role, told.kernel)


def test_what_the_file_says_is_surer_than_the_block_and_that_than_the_name():
    space = space_of_text(MISLEADING, "mine.toml")
    told = {name: (each.told, each.source) for name, each in space.operations.items()}
    assert told == {
        "skip": ("convolution 3", "block"),
        "nothing": ("zero", "block"),
        "pass": ("identity", "block"),
        "gated": ("pooling", "declared"),
    }


def test_whatever_asks_is_told_the_same():
    space = space_of_text(MISLEADING, "mine.toml")
    cell = space.parse("|skip~0|+|nothing~0|pass~1|").graph
    assert computation(space, cell).edges.sum() == 2  # input -> skip, a convolution here -> output, `pass` bridged
    assert has_synonyms(space) and known_operations(space)
    assert labels_by_meaning(space)[0] == [space.op_names.index("skip")]
    drawing = space.architecture(cell).svg()
    assert all(f"archllm-{family}" in drawing for family in ("conv3", "none", "skip"))


def test_latency_sees_zeros_that_no_name_says():
    text = MISLEADING.replace("mine:gated", f"{OWN}:avg_pool3x3")
    space = space_of_text(text, "mine.toml")
    members = space.sample(20, np.random.default_rng(0))
    assert set(work(space, members)) == set(ASSUMPTIONS)


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts", "transnasbench", "nasnet", "enas6"])
def test_spaces_that_come_along_guess_nothing(name):
    (facts,) = spaces(name)
    assert not facts.guessed and not facts.unknown and known_operations(load_space(name))


def test_roles_that_are_declared_are_those_that_names_say():
    cells = [space for space in map(load_space, space_names()) if not space.slotted]
    for space in cells:
        for operation in space.operations.values():
            guessed = by_name(operation.name)
            assert guessed.role in (operation.role, "other")


def test_a_check_says_what_is_guessed_and_what_is_not_known(tmp_path, capsys):
    from archllm.cli import main

    file = tmp_path / "mine.toml"
    file.write_text(
        'kind = "edge_dag"\nnodes = 2\nops = ["conv3x3", "gated", "conv1x1"]\n[roles]\nconv1x1 = "convolution 1"'
    )
    facts = check_space_file(file).facts
    assert (facts.guessed, facts.unknown) == (["conv3x3"], ["gated"])
    assert main(["spaces", "check", str(file)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "from their names: conv3x3 (convolution 3); [roles] in the file says it" in said
    assert "what these do: gated; [roles]" in said


def test_roles_are_no_part_of_what_the_architectures_are_and_are_written():
    plain = MISLEADING.partition("[roles]")[0]
    with_roles = read_definition(MISLEADING, "mine.toml", "mine")
    assert with_roles.fingerprint == read_definition(plain, "mine.toml", "mine").fingerprint
    assert read_definition(with_roles.to_toml(), "again.toml", "other") == with_roles
    odd = 'kind = "edge_dag"\nnodes = 2\nops = ["a/b", "c.d"]\n[roles]\n"a/b" = "other"\n'
    definition = read_definition(odd, "odd.toml", "odd")
    assert read_definition(definition.to_toml(), "again.toml", "other") == definition


def test_the_zero_of_a_grammar_is_one():
    operations = load_space("hierarchical-nasbench201").definition.operations
    assert operations["zero"].role == "zero" and operations["avg_pool"].source == "block"


@pytest.mark.parametrize("text", ["convolution", "convolution 7", "separable 5", "zero", "other"])
def test_a_role_is_told_as_it_is_declared(text):
    assert declared("op", text).told == text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('gate = "pooling"', "line 9: roles.gate: there is no operation 'gate'; did you mean 'gated'"),
        ('gated = "pool"', "line 9: roles.gated: must be one of zero, identity, pooling, .* found 'pool'"),
        ('gated = "pooling 3"', "roles.gated: must be one of"),
        ('gated = "convolution 300"', "roles.gated: must be one of"),
        ("gated = 3", "roles.gated: must be a text"),
    ],
)
def test_roles_that_are_none_are_refused_with_their_line(line, said):
    with pytest.raises(DefinitionError, match=said):
        space_of_text(MISLEADING.replace('gated = "pooling"', line), "mine.toml")
