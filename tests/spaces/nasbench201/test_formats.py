"""Texts of NAS-Bench-201: official strings, official indices, NASLib's tuples."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.errors import FormatError
from archllm.spaces import SearchSpace
from archllm.spaces.nasbench201.space import NASBench201

ZERO = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
"""Official index 0."""

EACH = "|none~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|"
"""A cell with a different operation on each edge, but for the last."""


@pytest.mark.parametrize("text", ["0", " 0\n", "000"])
def test_an_official_index_is_read(nasbench201: SearchSpace, text: str) -> None:
    assert nasbench201.parse(text).text == ZERO


def test_every_index_reads_as_the_cell_of_that_key(nasbench201: SearchSpace) -> None:
    for index in (0, 1, 2, 77, 15_624):
        arch = nasbench201.parse(str(index))
        assert arch.key == index and arch.official_hash == str(index)


@pytest.mark.parametrize("text", ["15625", "99999999999999999999", "9" * 5000, "9" * 13])
def test_an_index_beyond_the_last_cell_is_refused(nasbench201: SearchSpace, text: str) -> None:
    with pytest.raises(FormatError, match="0 to 15624") as caught:
        nasbench201.parse(f"  {text}")
    assert caught.value.position == 2


@pytest.mark.parametrize("text", ["²", "١٢", "\uff11\uff12", "1²", "½", "-1", "+1", "1_0", "1.0", "1e3", "0x1", "1 2"])
def test_numbers_that_are_not_plain_digits_are_refused(nasbench201: SearchSpace, text: str) -> None:
    with pytest.raises(FormatError):
        nasbench201.parse(text)


@pytest.mark.parametrize("template", ["({})", "[{}]", " ( {} ) \n", "({},)"])
def test_naslib_tuples_go_by_source_and_number_operations_their_own_way(
    nasbench201: SearchSpace, template: str
) -> None:
    # NASLib: 0 skip, 1 none, 2 conv 3x3, 3 conv 1x1, 4 pool; edges 1-2, 1-3, 1-4, 2-3, 2-4, 3-4 of nodes 1 to 4
    text = template.format("1, 0, 2, 3, 4, 1")
    assert nasbench201.parse(text).text == EACH


def test_naslib_tuples_are_written_as_they_are_read(nasbench201: SearchSpace) -> None:
    assert isinstance(nasbench201, NASBench201)
    assert nasbench201.naslib(nasbench201.parse(EACH).graph) == (1, 0, 2, 3, 4, 1)
    for graph in nasbench201.sample(100, np.random.default_rng(0)):
        assert nasbench201.parse(str(nasbench201.naslib(graph))).key == nasbench201.keys(graph)[0]


@pytest.mark.parametrize("spaced", [f"  {ZERO}", f"{ZERO}\n", f"\t{ZERO} "])
def test_space_around_a_string_does_not_matter(nasbench201: SearchSpace, spaced: str) -> None:
    assert nasbench201.parse(spaced).key == 0


@pytest.mark.parametrize(
    ("text", "token", "message"),
    [
        (EACH.replace("nor_conv_1x1", "nor_conv_7x7"), "nor_conv_7x7", "on edge 2<-1, found 'nor_conv_7x7'"),
        (EACH.replace("avg_pool_3x3", ""), "~1|none", "on edge 3<-1, found '~'"),
        (EACH.replace("skip_connect~0", "skip_connect~1"), "~1|nor_conv_1x1", "expected '~0|'"),
        (EACH.replace("+|nor_conv_3x3", "|nor_conv_3x3"), "|nor_conv_3x3", "expected '+|' before edge 3<-0"),
        (EACH.replace("|none~0|", "none~0|"), "none", "expected '|' before edge 1<-0"),
        (EACH.replace("|none~2|", "|none~2"), "~2", "expected '~2|'"),
        (EACH + "+|none~0|", "+|none~0|", "expected the end"),
        (EACH.replace("~", "-"), "none", "expected one of"),
        (EACH.upper(), "NONE", "found 'NONE'"),
        ("(0, 1, 2, 3, 4, 5)", "5", "found '5' as number 6"),
        ("(0, 1, -2, 3, 4, 0)", "-2", "found '-2' as number 3"),
        ("(0, 1, 2.0, 3, 4, 0)", "2.0", "as number 3"),
        ("(0, 1, True, 3, 4, 0)", "True", "as number 3"),
        ("(0, 1, ², 3, 4, 0)", "²", "as number 3"),
        ("(0, 1, 2, 3, 4, 0, 1)", "1)", "as number 7"),
        ("(0, 1, 2, 3, 4)", ")", "six numbers, found 5"),
        ("()", ")", "as number 1"),
        ("(0, 1, 2, 3, 4, 0", None, "closing bracket"),
        ("(0, 1, 2, 3, 4, 0]", None, "closing bracket"),
        ("(0, 1, 2, 3, 4, 0) 1", None, "closing bracket"),
        ("", None, "expected '|'"),
    ],
)
def test_a_text_that_can_not_be_read_is_refused_at_its_fault(
    nasbench201: SearchSpace, text: str, token: str | None, message: str
) -> None:
    with pytest.raises(FormatError) as caught:
        nasbench201.parse(text)
    assert message in str(caught.value)
    assert caught.value.position == (len(text) if token is None else text.index(token))
