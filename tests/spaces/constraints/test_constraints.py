"""The language of constraints, against Python's own reading of the same expressions."""

from __future__ import annotations

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
        st.tuples(NUMBERS, st.sampled_from(["+", "-", "*"]), NUMBERS).map(" ".join),
        NUMBERS.map("({})".format),
        NUMBERS.map("-{}".format),
        NUMBERS.map("abs({})".format),
        st.tuples(st.sampled_from(["min", "max"]), NUMBERS, NUMBERS).map("{0[0]}({0[1]}, {0[2]})".format),
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


@examples(max_examples=150)
@given(TRUTHS)
def test_an_expression_means_what_it_means_in_python(text: str) -> None:
    found = read(text).holds(BATCH)
    code = compile(text, "here", "eval")
    names = {"abs": abs, "min": min, "max": max, "__builtins__": {}}
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
        ("lambda: 0", 6, "expected a name, number, text or sign"),
    ],
)
def test_what_can_not_be_read_is_refused_where_it_stands(text: str, position: int, said: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(text)
    assert said in str(caught.value)
    assert caught.value.position == position


@examples(max_examples=200)
@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(["a", "b", "(", ")", "not ", " in ", "[", "]", "<", "1", "'x'", ",", "-", "t", "."])
        ).map("".join),
    )
)
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    try:
        held = read(text).holds(BATCH)
    except FormatError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert held.shape == (200,) and held.dtype == np.bool_
