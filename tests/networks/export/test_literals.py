"""Names from outside in generated files: whatever they hold, they stay texts."""

from __future__ import annotations

import ast
import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archllm.errors import ExportError, RunFolderError
from archllm.files import toml_value
from archllm.networks.blueprint import Blueprint
from archllm.networks.cells.modules import EdgeDagNetwork
from archllm.networks.export.literals import check_source, docstring, dotted, literal
from archllm.networks.export.standalone import standalone_source

HOSTILE = (
    'x"""\nimport os; os.system("touch ran")\n"""',
    'x"""\nfrom __future__ import annotations; import os\n"""',
    "C:\\",
    '\\"""\nimport os',
    "# coding: utf-7\n",
    "\f\u2028\u2029\x00\x1a\r\n",
    "\u202e\u2066txet\u2069",
    'a""""b"',
    '""',
    '"{',
    "{__import__('os').system('touch ran')}",
    "%s {} {0} $x ${x} `x` $(x)",
    "'''\n\"\"\"",
    "\ud800",
    "reduce math json Path torch",
    "\\N{BULLET}\\x41\\u0041\\101",
    "\U0001f600",
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40), st.text(alphabet="\"\\\n\r'# {}nuxN", max_size=12))
values = st.recursive(
    st.one_of(texts, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple)),
    max_leaves=12,
)


@given(values)
def test_a_literal_reads_back_as_the_value_and_is_ascii(value):
    written = literal(value)
    assert written.isascii() and ast.literal_eval(written) == value
    assert all(character.isprintable() or character == "\n" for character in written)


@given(st.lists(texts, max_size=5))
def test_a_docstring_reads_back_as_its_lines(lines):
    assert ast.literal_eval(docstring(lines)) == "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), object(), {1, 2}, b"x", [1, object()]])
def test_what_has_no_literal_is_refused(value):
    with pytest.raises(ExportError, match="no literal"):
        literal(value)


@pytest.mark.parametrize("name", ["", "a b", "a;b", "class", "a.if", "a.", "o\uff53", "a\nb", "1a"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ExportError, match="no name"):
        dotted(name)


def blueprint(ops: list[str], title: str, notes: list[str]) -> Blueprint:
    makers = ["conv1x1", "skip", "sep_conv3x3"]
    return Blueprint(
        EdgeDagNetwork,
        {"ops": tuple(ops), "nodes": 3, "channels": 4},
        operations=tuple(ops),
        image=(3, 8, 8),
        title=title,
        notes=tuple(notes),
        callables={op: f"archllm.networks.operations:{maker}" for op, maker in zip(ops, makers, strict=True)},
    )


@given(st.lists(texts, min_size=3, max_size=3, unique=True), texts, st.lists(texts, max_size=3), texts)
@example(["reduce", "Path", "math"], "json", [], "w")
def test_an_exported_file_holds_nothing_but_the_network(ops, title, notes, weights):
    source = standalone_source(blueprint(ops, title, notes), 12, weights or None)
    tree = ast.parse(source)
    kinds = [type(node) for node in tree.body]
    assert kinds[0] is ast.Expr and set(kinds[1:]) <= {
        *(ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.Expr, ast.If)
    }
    imported = {name.name for node in tree.body if isinstance(node, ast.Import) for name in node.names}
    assert imported <= {"torch", "json", "math"}
    compile(source, "exported.py", "exec")
    table = next(n for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "OPERATIONS")
    assert [ast.literal_eval(key) for key in table.value.keys] == ops


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 'a'\nimport os\n", "more than the network"),
        ("x = 'a' + f()\n", "more than the network"),
        ("x = f'{f()}'\n", "more than the network"),
        ("x = 'a", "no Python"),
        ("x = '\0'", "no Python"),
        ("x = 'other'\n", None),
    ],
)
def test_a_file_that_differs_in_more_than_its_texts_is_refused(source, found):
    if found is None:
        check_source(source, "x = 'a'\n")
        return
    with pytest.raises(ExportError, match=found):
        check_source(source, "x = 'a'\n")


@given(st.one_of(texts, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False), st.lists(texts)))
def test_a_value_in_toml_reads_back_as_itself(value):
    parts = value if isinstance(value, list) else [value]
    if any("\ud800" <= character <= "\udfff" for part in parts if isinstance(part, str) for character in part):
        with pytest.raises(RunFolderError, match="not UTF-8"):
            toml_value(value)
        return
    text = toml_value(value)
    assert tomllib.loads(f"x = {text}\ny = 1") == {"x": value, "y": 1} and text.isprintable()
