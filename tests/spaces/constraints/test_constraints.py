"""The language of constraints, against Python's own reading of the same expressions."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from archllm.errors import FormatError
from archllm.spaces.constraints import Constraint, Term
from archllm.spaces.constraints.meaning import compile_constraint


class Letters:
    """Columns of numbers a, b and c, and a text t."""

    def name(self, parts: tuple[str, ...]) -> Term:
        if parts == ("t",):
            return Term("text", lambda batch: batch[:, 3].astype(int) % 2, ("x", "y"))
        if len(parts) != 1 or parts[0] not in "abc":
            raise LookupError(f"there is no {'.'.join(parts)}")
        return Term("number", lambda batch: batch[:, "abc".index(parts[0])])

    def call(self, function: str, arguments: tuple[float | str | bool, ...]) -> Term:
        if function != "column":
            raise LookupError(f"there is no {function}")
        return Term("number", lambda batch: batch[:, int(arguments[0])])


BATCH = np.random.default_rng(0).integers(-3, 4, size=(200, 4)).astype(float)


def read(text: str) -> Constraint:
    return compile_constraint(text, Letters())


NUMBERS = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["a", "b", "c", "0", "1", "2.5", "3"]),
        st.tuples(NUMBERS, st.sampled_from(["+", "-", "*", "// 2 +", "% 3 *", "/ 4 -"]), NUMBERS).map(" ".join),
        NUMBERS.map("({})".format),
        NUMBERS.map("-{}".format),
        NUMBERS.map("abs({})".format),
        st.tuples(st.sampled_from(["min", "max", "sum"]), NUMBERS, NUMBERS).map("{0[0]}({0[1]}, {0[2]})".format),
    )
)
TRUTHS = st.deferred(
    lambda: st.one_of(
        st.tuples(NUMBERS, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), NUMBERS).map(" ".join),
        st.tuples(NUMBERS, st.sampled_from(["<", "<="]), NUMBERS, st.just("<"), NUMBERS).map(" ".join),
        st.tuples(NUMBERS, st.sampled_from(["in", "not in"]), st.just("[1, -2, 3.0]")).map(" ".join),
        st.tuples(TRUTHS, st.sampled_from(["and", "or"]), TRUTHS).map(" ".join),
        TRUTHS.map("not {}".format),
        TRUTHS.map("({})".format),
    )
)


@examples(max_examples=300)
@given(TRUTHS)
def test_an_expression_means_what_it_means_in_python(text: str) -> None:
    found = read(text).holds(BATCH)
    code = compile(text, "here", "eval")
    names = {"abs": abs, "min": min, "max": max, "sum": lambda *each: sum(each), "__builtins__": {}}
    expected = [bool(eval(code, names, {"a": a, "b": b, "c": c})) for a, b, c, _ in BATCH]  # noqa: S307
    assert found.tolist() == expected


def test_texts_are_compared_for_equality() -> None:
    odd = BATCH[:, 3].astype(int) % 2 == 1
    assert (read("t == 'y'").holds(BATCH) == odd).all()
    assert (read('"x" == t').holds(BATCH) == ~odd).all()
    assert (read("t not in ['y']").holds(BATCH) == ~odd).all()
    assert read("t == t").holds(BATCH).all()


def test_division_by_zero_holds_nowhere() -> None:
    assert not read("a / 0 == a / 0 and b // 0 > 1").holds(np.zeros((3, 4))).any()
    assert (read("a // 2 == 1 and a % 2 == 0").holds(BATCH) == (BATCH[:, 0] == 2)).all()


def test_an_empty_batch_and_a_constant_are_answered() -> None:
    assert read("1 < 2").holds(BATCH).all() and read("1 < a").holds(BATCH[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("", 0, "found the end"),
        ("a <", 3, "found the end"),
        ("a < b c", 6, "expected the end"),
        ("a = b", 2, "equality is written =="),
        ("a < 'x", 4, "closing quote"),
        ("a ** 2 < 1", 3, "expected a name"),
        ("a.b.c < 1", 0, "there is no a.b.c"),
        ("a. < 1", 3, "a name after"),
        ("d < 1", 0, "there is no d"),
        ("f(1) < 1", 0, "there is no f"),
        ("column(a) < 1", 7, "numbers or texts"),
        ("column(1", 8, "expected ',' or ')'"),
        ("a + 'x' < 1", 4, "expected a number"),
        ("a < 'x'", 2, "can't be compared"),
        ("t < 'x'", 2, "no order"),
        ("t == 'z'", 2, "none of the values"),
        ("not a", 4, "expected yes or no"),
        ("a and b < 1", 0, "expected yes or no"),
        ("a in 3", 5, "expected '['"),
        ("a in [b]", 6, "numbers or texts"),
        ("a not b", 6, "`in` after"),
        ("a", 0, "yes or no"),
        ("min() < 1", 0, "takes numbers"),
        ("abs(1, 2) < 1", 0, "takes one number"),
        ("1e300 < a", 0, "at most 2^53"),
        ("(" * 60 + "a", 41, "within one another"),
        ("not " * 60 + "a < 1", 164, "within one another"),
        ("a < 1 " + "and a < 1 " * 300, 2000, "at most 2,000 characters"),
        ("a\u00b2 < 1", 1, "expected"),
        ("a < 1; b", 5, "expected"),
        ("__import__('os')", 0, "there is no __import__"),
        ("[1] < 1", 0, "expected a name"),
        ("[0](1) < 1", 0, "expected a name"),
        ("a + True < 1", 4, "there is no True"),
        ("a if b else c", 2, "expected the end"),
        ("a < 1 is true", 6, "expected the end"),
        ("a[0] < 1", 1, "expected the end"),
        ("+a < 1", 0, "expected a name"),
        ("a in [1, -true]", 9, "numbers or texts"),
        ("a in [1, -'x']", 9, "numbers or texts"),
        ("a in [1,]", 8, "expected a name"),
        ("a < b in [1]", 6, "no link of a chain"),
        ("column(*a) < 1", 7, "expected a name"),
        ("column(1)(2) < 1", 9, "expected the end"),
        ("(a).b < 1", 3, "expected the end"),
        ("a < 9**9**9", 6, "expected a name"),
        ("a < " + "9" * 1900, 4, "at most 2^53"),
        ("a < 1\0", 5, "expected"),
        ("a < \uff11", 4, "expected"),
        ("\uff41 < 1", 0, "expected"),
        ("a < 1 # b", 6, "expected"),
        ("a := 1", 2, "expected"),
        ("a < 0x1", 5, "expected the end, or a comparison"),
        ("a < 1_000", 5, "expected the end, or a comparison"),
        ("t == f'x'", 6, "expected the end"),
        ("t == 'x' 'y'", 9, "expected the end"),
        ("lambda: 0", 6, "expected a name, number, text or sign"),
    ],
)
def test_what_can_not_be_read_is_refused_where_it_stands(text: str, position: int, said: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(text)
    assert said in str(caught.value)
    assert caught.value.position == position


def test_a_name_may_be_a_word_of_pythons() -> None:
    class Keywords(Letters):
        def name(self, parts: tuple[str, ...]) -> Term:
            return super().name({("slot", "in"): ("a",), ("if",): ("b",), ("slot", "True"): ("c",)}[parts])

    found = compile_constraint("slot.in < if or slot.True==0or false", Keywords())
    assert found.holds(BATCH).tolist() == [bool(a < b or c == 0) for a, b, c, _ in BATCH]


@pytest.mark.parametrize(
    "text",
    [
        *(f"a{joint} < 1" for joint in ("{ + 1}", "{ - 1}", "{ * 1 + 1}", "{ < 1}", "{ < 1 and 1}", "{ < 1 or 1}")),
        *("a in [1{, 1}]", "min(1{, 1}) < a", "a < 1 and not (1{ % 1} < 1)"),
    ],
)
def test_190_terms_are_read_and_250_refused_at_the_first_too_many(text: str) -> None:
    before, joint, after = re.split("[{}]", text)

    def with_terms(number: int) -> str:
        return before + joint * (number // joint.count("1")) + after

    assert read(with_terms(190)).holds(BATCH).shape == (200,)
    with pytest.raises(FormatError, match="at most 200 names, numbers and texts; write several") as caught:
        read(with_terms(250))
    assert len(re.findall(r"\w+", with_terms(250)[: caught.value.position].replace("and", "").replace("or", ""))) >= 199


def test_the_deepest_constraint_is_read_with_little_stack_left() -> None:
    deepest = "(" * 39 + " - ".join("a" * 120) + " + 1)" * 39 + " < 3"

    def further(down: int) -> Constraint:
        return read(deepest) if down == 0 else further(down - 1)

    assert further(400).holds(BATCH).shape == (200,)


PIECES = [
    *["a", "b", "t", "1", "2.5", "'x'", '"y"', "true", "column(1)", "slot.", "min(", "sum(", "abs("],
    *[
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        ":",
        ";",
        "=",
        "<",
        "<=",
        "==",
        "!=",
        "-",
        "+",
        "*",
        "**",
        "/",
        "//",
        "%",
    ],
    *["not ", " in ", " not in ", " and ", " or ", " if ", " else ", "lambda ", " for ", " is ", "await ", "yield "],
    *[":=", "->", "@", "~", "|", "&", "^", "<<", "`", "$", "?", "\\", "#", "\n", "\r", "\t", "\x0c", "\0", "\ufeff"],
    *["'", '"', "f'{a}'", "rb''", "'''", "1j", "0x1", "1_0", "1e999", "1e", "9" * 400, "0" * 30, "..."],
    *["\u00b2", "\u0663", "\u2028", "\ud800", "\U0001f600", "\ufb01", "__class__", "None", "*a", "**a"],
    *["(" * 300, "[" * 300, "- " * 300, "not " * 300, "1+" * 300, "a<" * 300, "a," * 300, "a.a" * 300],
]


def check_read_or_refused(text: str) -> None:
    try:
        held = read(text).holds(BATCH)
    except FormatError as error:
        assert 0 <= error.position <= len(text)
        str(error).encode()
    else:
        assert held.shape == (200,) and held.dtype == np.bool_


@examples(max_examples=400)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    check_read_or_refused(text)


@examples(max_examples=200)
@given(TRUTHS, st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from(PIECES)), min_size=1, max_size=3))
def test_a_changed_constraint_is_read_or_refused_with_a_place_in_it(
    text: str, changes: list[tuple[float, int, str]]
) -> None:
    for share, dropped, piece in changes:
        at = round(share * len(text))
        text = text[:at] + piece + text[at + dropped :]
    check_read_or_refused(text)
