"""Texts of DARTS: the published genotypes, and texts that are none."""

from __future__ import annotations

import pytest

from archllm.errors import FormatError, InvalidArchitecture
from archllm.spaces import SearchSpace

DARTS_V1 = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), "
    "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), "
    "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])"
)
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
    "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)


@pytest.mark.parametrize("text", [DARTS_V1, DARTS_V2])
def test_a_published_genotype_is_read(darts: SearchSpace, text: str) -> None:
    arch = darts.parse(text)
    assert sorted(pairs(arch.text)) == sorted(pairs(text))
    assert darts.parse(arch.text) == arch


def pairs(text: str) -> list[str]:
    return [part.split(")")[0] for part in text.split("(") if part.startswith("'")]


def test_the_two_published_genotypes_differ(darts: SearchSpace) -> None:
    assert darts.parse(DARTS_V1) != darts.parse(DARTS_V2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[2, 3, 4, 5]", "range(2, 6)"),
        ("[2, 3, 4, 5]", "(2, 3, 4, 5)"),
        (", ", ",\n    "),
        (", ", ",\r\n\t"),
        ("'", '"'),
        ("normal=[('sep_conv_3x3', 1)", "normal=[['sep_conv_3x3', 1]"),
        ("5])", "5],)"),
    ],
)
def test_ways_of_writing_that_mean_the_same_are_read_alike(darts: SearchSpace, old: str, new: str) -> None:
    text = DARTS_V1.replace(old, new)
    assert text != DARTS_V1 and darts.parse(text) == darts.parse(DARTS_V1)


def test_the_order_of_the_fields_does_not_matter(darts: SearchSpace) -> None:
    cut = DARTS_V1.index("reduce=")
    swapped = f"Genotype({DARTS_V1[cut:-1]}, {DARTS_V1[len('Genotype(') : cut - 2]})"
    assert darts.parse(swapped) == darts.parse(DARTS_V1)


FIRST = "('sep_conv_3x3', 1)"
"""The first pair of DARTS_V1."""

REST = DARTS_V1[len("Genotype(normal=[") + len(FIRST) :]


def with_first(pair: str, before: str = "") -> str:
    return f"Genotype({before}normal=[{pair}{REST}"


@pytest.mark.parametrize(
    ("text", "token", "message"),
    [
        (with_first("('sep_conv_7x7', 1)"), "'sep_conv_7x7'", "unknown operation 'sep_conv_7x7'"),
        (with_first("('none', 1)"), "'none'", "unknown operation 'none'"),
        (with_first("(3, 1)"), "3, 1", "unknown operation 3"),
        (with_first("('sep_conv_3x3', 6)"), "6)", "0 to 5 is needed, found 6"),
        (with_first("('sep_conv_3x3', True)"), "True", "found True"),
        (with_first("('sep_conv_3x3', 1.0)"), "1.0", "found 1.0"),
        (with_first("('sep_conv_3x3', '1')"), "'1'", "found '1'"),
        (with_first("('sep_conv_3x3', 0x" + "f" * 5000 + ")"), "0xfff", "a huge int"),
        (with_first("(0x" + "f" * 5000 + ", 1)"), "0xfff", "a huge int"),
        (with_first("('sep_conv_3x3', -1)"), "-1", "a node number 0 to 5 is needed"),
        (with_first("('sep_conv_3x3',)"), "('sep_conv_3x3',)", "expected a pair"),
        (with_first("('sep_conv_3x3', 1, 1, 1)"), "('sep_conv_3x3', 1, 1, 1)", "expected a pair"),
        (with_first("'sep_conv_3x3'"), "'sep_conv_3x3'", "expected a pair"),
        (with_first("*('sep_conv_3x3', 1)"), "*", "expected a pair"),
        (with_first("print('sep_conv_3x3')"), "print", "expected a pair"),
        (with_first("('größer', 1), ('sep_conv_3x3', 1)", before="\n "), "[('gr", "list of 8 pairs"),
        (with_first("('größer', 7)"), "'größer'", "unknown operation"),
        (with_first("('sep_conv_3x3', 'ä'), ('ö', 7)").replace(", ('sep_conv_3x3', 0)", "", 1), "'ä'", "found 'ä'"),
        (with_first("\n('sep_conv_3x3',\n 7)"), "7)", "found 7"),
        (with_first("\f\n('sep_conv_3x3',\r\n 7)"), "7)", "found 7"),
        (with_first("'é'"), "'é'", "expected a pair"),
        (DARTS_V1.replace("reduce=[", "reduce=[1, "), "[1, ", "reduce must be a list of 8 pairs"),
        (DARTS_V1.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=[2, 3]"), "[2, 3]", "must be range(2, 6)"),
        (DARTS_V1.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=range(6)"), "range(6)", "must be range(2, 6)"),
        (DARTS_V1.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=x"), "x,", "must be range(2, 6)"),
        (DARTS_V1.replace("normal=", "usual="), "Genotype", "exactly the fields normal, normal_concat"),
        (DARTS_V1[:-1] + ", more=1)", "Genotype", "exactly the fields"),
        (DARTS_V1[:-1] + ", **more)", "Genotype", "exactly the fields"),
        (DARTS_V1.replace("Genotype(", "Genotype(1, "), "Genotype", "exactly the fields"),
        (DARTS_V1.replace("Genotype", "Phenotype"), "Phenotype", "expected Genotype"),
        ("[1, 2]", "[1, 2]", "expected Genotype"),
        ("Genotype", "Genotype", "expected Genotype"),
        ("  1 +", None, "expected Genotype"),
        ("", None, "expected Genotype"),
        ("a b", "b", "expected Genotype"),
        ("é = (\n1)", "1", "expected Genotype"),
    ],
)
def test_a_text_that_can_not_be_read_is_refused_at_its_fault(
    darts: SearchSpace, text: str, token: str | None, message: str
) -> None:
    with pytest.raises(FormatError) as caught:
        darts.parse(text)
    assert message in str(caught.value)
    assert caught.value.position == (len(text) if token is None else text.index(token))


def test_positions_count_characters_and_not_bytes(darts: SearchSpace) -> None:
    text = f"Genotype(reduce_concat='ööö', {DARTS_V1[len('Genotype(') :]}"
    text = text.replace(", reduce_concat=[2, 3, 4, 5])", ")").replace("('skip_connect', 2)", "('🜁', 7)", 1)
    with pytest.raises(FormatError, match="unknown operation '🜁'") as caught:
        darts.parse(text)
    assert caught.value.position == text.index("'🜁'")


def test_nothing_is_evaluated(darts: SearchSpace, capsys: pytest.CaptureFixture[str]) -> None:
    for text in (
        with_first("print('evaluated')"),
        "print('evaluated')",
        with_first("('sep_conv_3x3', print('evaluated'))"),
    ):
        with pytest.raises(FormatError):
            darts.parse(text)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ("('sep_conv_3x3', 3)", "normal, inner node 0, input 0: reads node 3, but only nodes 0 to 1 come earlier"),
        ("('sep_conv_3x3', 2)", "normal, inner node 0, input 0: reads node 2, but only nodes 0 to 1 come earlier"),
        ("('sep_conv_3x3', 0)", "normal, inner node 0, input 1: reads node 0 a second time"),
    ],
)
def test_a_readable_genotype_outside_the_space_is_refused_with_the_reason(
    darts: SearchSpace, pair: str, reason: str
) -> None:
    with pytest.raises(InvalidArchitecture, match=reason):
        darts.parse(with_first(pair))
