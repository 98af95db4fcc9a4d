from __future__ import annotations

import pytest

from archllm.toml_lines import DEEPEST, MOST_PARTS, Places, TOMLError, loads


def test_line_numbers_of_a_long_text_are_counted_once() -> None:
    text = "".join(f"key{number} = [\n  {number},\n]\n" for number in range(20_000))
    places = Places(text)
    assert places.line(["key0"]) == 1 and places.line(["key19999", 0]) == 3 * 19_999 + 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a." * 100_000 + "b = 1", f"more than {MOST_PARTS} parts"),
        ("x = 1\n[" + "a." * 100_000 + "b]", f"line 2: a key has more than {MOST_PARTS} parts"),
        ('"a" . ' * 50_000 + "b = 1", "parts"),
        ("x = {" + "a." * 100_000 + "b = 1}", "parts"),
        ("x = " + "[" * 100_000, f"more than {DEEPEST} brackets"),
        ("x = " + "{a = " * 100_000, "brackets"),
        ("x = " + "9" * 5_000, "digits"),
        ("#" * 2_000_000, "more than 1,048,576 characters"),
    ],
)
def test_what_would_take_long_is_refused_before_it_is_read(text: str, said: str) -> None:
    with pytest.raises(TOMLError, match=said):
        loads(text)


@pytest.mark.parametrize(
    "text", ["=", "a", "a =", "[", "[a", "x = [}", "x = {1}", "x = [1 2", '"', "'''", "a b = 1", "\0"]
)
def test_what_is_no_toml_is_said_by_line(text: str) -> None:
    with pytest.raises(TOMLError, match=r"^line 2: "):
        loads(f"ok = 1\n{text}")
