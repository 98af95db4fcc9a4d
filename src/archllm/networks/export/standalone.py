"""Python source of one network that stands on its own: the classes it uses, and a function that makes it.

The source is that of our own modules, cut down to what this network reaches; nothing is written twice.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from torch import nn

from archllm.networks import blocks
from archllm.networks.blueprint import Blueprint, Call
from archllm.networks.export.literals import WIDTH, check_source, docstring, dotted, harmless, literal

_TABLE = "OPERATIONS"
_OURS = "archllm.networks."

_LOAD_WEIGHTS = '''
def load_weights(model: nn.Module, file: Path) -> None:
    """Fills the model from a safetensors file: a header in JSON, then the numbers of all tensors."""
    types = {"F32": torch.float32, "I64": torch.int64}
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    state = {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            numbers = bytearray(content[start + first : start + last])
            state[name] = torch.frombuffer(numbers, dtype=types[entry["dtype"]]).reshape(entry["shape"])
    model.load_state_dict(state)
'''


@dataclass(frozen=True)
class _Definition:
    """A class, function or constant of a module."""

    source: str
    """Its text, with the docstring that follows a constant."""

    names: frozenset[str]
    """All names that it mentions."""


@dataclass(frozen=True)
class Around:
    """A module around the network, which `network()` of the file then makes."""

    module: type[nn.Module]
    """Its class, whose first argument is the network; it lives in a module that needs torch alone."""

    arguments: dict[str, Any]
    """Its other arguments, literals only."""

    takes: str
    """What it maps to what, for the docstring of the file."""

    about: dict[str, Any]
    """Literals that stand in the file as `ABOUT`."""

    main: str
    """What the file does when it is run."""

    imports: str = ""
    """Imports that `main` needs."""


def standalone_source(
    blueprint: Blueprint, params: int, weights: str | None = None, around: Around | None = None
) -> str:
    """One file of Python that makes the network with `network()` and needs torch alone.

    Args:
        blueprint: the network.
        params: its number of trainable parameters, for the docstring.
        weights: name of a safetensors file beside it that `network()` loads.
        around: what `network()` makes instead, around the network.

    Raises:
        ExportError: a name of the blueprint can't stand in a file without becoming a part of the program.
    """
    source = _source(blueprint, params, weights, around)
    plain = _source(
        _nameless(blueprint),
        params,
        weights and "weights",
        around and replace(around, about={name: harmless(value) for name, value in around.about.items()}),
    )
    check_source(source, plain)
    return source


def _nameless(blueprint: Blueprint) -> Blueprint:
    """The same network with harmless texts in place of those that a space file gave."""
    names = {op: f"op{number}" for number, op in enumerate(blueprint.callables)}

    def renamed(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(renamed(item) for item in value)
        return names.get(value, value) if isinstance(value, str) else value

    return replace(
        blueprint,
        title="title",
        notes=("note",) * len(blueprint.notes),
        arguments={name: renamed(value) for name, value in blueprint.arguments.items()},
        operations=tuple(renamed(op) for op in blueprint.operations),
        callables={names[op]: where for op, where in blueprint.callables.items()},
        layers=tuple(
            call._replace(args=harmless(call.args), keywords=tuple((name, harmless(x)) for name, x in call.keywords))
            for call in blueprint.layers
        ),
    )


def _source(blueprint: Blueprint, params: int, weights: str | None, around: Around | None) -> str:
    home = inspect.getmodule(blueprint.network)
    if home is None:
        raise ValueError(f"{blueprint.network} has no module")
    ours = {op: where.partition(":")[2] for op, where in blueprint.callables.items() if _is_ours(where)}
    layers = [call for call in blueprint.layers if call.module.startswith(_OURS)]
    outer = [] if around is None else [sys.modules[around.module.__module__]]
    modules = [blocks, *_modules_of([*(where.partition(":")[0] for where in blueprint.callables.values())], layers)]
    modules += [*([] if home in modules else [home]), *outer]
    known = {name: item for module in modules for name, item in _definitions(module, blueprint.operations).items()}
    roots = [blueprint.network.__name__, *ours.values(), *(call.name for call in layers)]
    used = _reachable([*roots, around.module.__name__] if around else roots, known)
    body = [definition.source for name, definition in known.items() if name in used]
    extra = "import json\nfrom pathlib import Path\n" if weights else ""
    if around is not None:
        extra += around.imports
        body.insert(0, _constant("ABOUT", around.about))
    if weights:
        body.append(_LOAD_WEIGHTS.strip())
    if blueprint.callables:
        body.append(_table_of_callables(blueprint, ours))
    body.append(_maker(blueprint, weights, around))
    body.append(_main(blueprint) if around is None else around.main)
    imports = _imports(
        [home, *(module for module in modules if module is not home)], _mentioned(ast.parse("\n".join(body))), extra
    )
    foreign = _foreign(blueprint)
    if foreign:
        imports += "\n\n" + "\n".join(f"import {dotted(module)}" for module in foreign)
    parts = [_docstring(blueprint, params, around), "from __future__ import annotations", imports]
    gap = "\n\n\n" if body[0].startswith(("class ", "def ", "@")) else "\n\n"  # as import sorters have it
    return "\n\n".join(parts) + gap + "\n\n\n".join(body) + "\n"


def _definitions(module: ModuleType, in_use: tuple[str, ...]) -> dict[str, _Definition]:
    """Everything that a module defines, in its order; of the table of operations, the entries in use."""
    found: dict[str, _Definition] = {}
    constant = ""
    for node, text, names in _statements(inspect.getsource(module)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            constant = ""
            decorators = "".join(f"@{ast.unparse(decorator)}\n" for decorator in node.decorator_list)
            found[node.name] = _Definition(decorators + text, names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            constant = ast.unparse(target)
            if constant == _TABLE and isinstance(node.value, ast.Dict):
                text = _table(node, in_use)
                names = _mentioned(ast.parse(text))
            found[constant] = _Definition(text, names)
        elif constant and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[constant] = _Definition(f"{found[constant].source}\n{text}", found[constant].names)
    return found


@cache
def _statements(source: str) -> list[tuple[ast.stmt, str, frozenset[str]]]:
    """The statements of one of our modules, each with its text and the names it mentions; all begin their lines."""
    lines, found = source.split("\n"), []
    for node in ast.parse(source).body:
        end = node.end_lineno or node.lineno
        last = lines[end - 1].encode()[: node.end_col_offset].decode()  # offsets are in bytes
        found.append((node, "\n".join([*lines[node.lineno - 1 : end - 1], last]), _mentioned(node)))
    return found


def _table(node: ast.Assign | ast.AnnAssign, in_use: tuple[str, ...]) -> str:
    """The table of operations with the entries in use only."""
    if not isinstance(node.value, ast.Dict):
        raise TypeError(f"{_TABLE} must be a literal dict")
    head = f"{_TABLE}: {ast.unparse(node.annotation)}" if isinstance(node, ast.AnnAssign) else _TABLE
    entries = [
        f"    {literal(key.value, 4)}: {ast.unparse(value)},\n"
        for key, value in zip(node.value.keys, node.value.values, strict=True)
        if isinstance(key, ast.Constant) and key.value in in_use
    ]
    return f"{head} = {{\n{''.join(entries)}}}"


def _mentioned(node: ast.AST) -> frozenset[str]:
    return frozenset(part.id for part in ast.walk(node) if isinstance(part, ast.Name))


def _is_ours(where: str) -> bool:
    """Whether an operation is made by one of our own modules, whose source can stand in the file."""
    return where.startswith(_OURS)


def _modules_of(makers: Sequence[str], layers: Sequence[Call]) -> list[ModuleType]:
    """The modules that hold our own operations and layers; the shared blocks stand in front of them."""
    names = dict.fromkeys(name for name in (*makers, *(call.module for call in layers)) if name.startswith(_OURS))
    return [import_module(name) for name in names if name != blocks.__name__]


def _foreign(blueprint: Blueprint) -> list[str]:
    """Modules of others that the file has to import, sorted."""
    blocks_of_others = {where.partition(":")[0] for where in blueprint.callables.values() if not _is_ours(where)}
    layers_of_others = {call.module for call in blueprint.layers if _written_name(call).startswith(f"{call.module}.")}
    return sorted(blocks_of_others | layers_of_others)


def _written_name(call: Call) -> str:
    """What the file calls the class or function of a layer: ours stand in it, torch's are those of `torch.nn`."""
    if call.module.startswith(_OURS):
        return call.name
    return f"nn.{call.name}" if getattr(nn, call.name, None) is call.function else f"{call.module}.{call.name}"


def _written_call(call: Call) -> str:
    """A layer as code."""
    arguments = [literal(value, 8) for value in call.args]
    arguments += [f"{dotted(name)}={literal(value, 8)}" for name, value in call.keywords]
    return f"{dotted(_written_name(call))}({', '.join(arguments)})"


def _table_of_callables(blueprint: Blueprint, ours: dict[str, str]) -> str:
    """The table of what makes the operations: our own by the names they have in the file, others by their modules."""
    entries = "".join(
        f"    {literal(op, 4)}: {dotted(ours.get(op) or where.replace(':', '.'))},\n"
        for op, where in blueprint.callables.items()
    )
    return f"{_TABLE} = {{\n{entries}}}"


def _reachable(roots: Sequence[str], known: dict[str, _Definition]) -> set[str]:
    used: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in known and name not in used:
            used.add(name)
            waiting.extend(known[name].names)
    return used


def _imports(modules: list[ModuleType], words: frozenset[str], extra: str) -> str:
    """The imports that a body which mentions these names needs, the standard library's first, sorted."""
    plain: set[str] = set()
    names: dict[str, set[str]] = {}
    statements = [each for module in modules for each, _, _ in _statements(inspect.getsource(module))]
    for node in [*ast.parse(extra).body, *statements]:
        if isinstance(node, ast.Import):
            plain |= {alias.name for alias in node.names if alias.name.split(".")[0] in words}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] not in _LEFT_OUT:
            names.setdefault(node.module, set()).update(a.name for a in node.names if a.name in words)
    lines = [f"import {name}" for name in sorted(plain)]
    lines += [f"from {module} import {', '.join(_sorted(found))}" for module, found in sorted(names.items()) if found]
    ours = [line for line in lines if line.split()[1].split(".")[0] == "torch"]
    return "\n\n".join("\n".join(block) for block in ([x for x in lines if x not in ours], ours) if block)


_LEFT_OUT = ("archllm", "__future__")


def _sorted(names: set[str]) -> list[str]:
    """Classes before functions and modules, as import sorters have it."""
    return sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))


def _docstring(blueprint: Blueprint, params: int, around: Around | None) -> str:
    channels, height, width = blueprint.image
    takes = f"images n x {channels} x {height} x {width} to logits\nn x classes" if around is None else around.takes
    foreign = _foreign(blueprint)
    needs = f"torch and {', '.join(foreign)}" if foreign else "torch alone"
    return docstring(
        [
            *(textwrap.wrap(blueprint.title, WIDTH - 4, break_long_words=False) or [""]),
            "",
            *(f"    {line}" for note in blueprint.notes for line in _within(note)),
            "",
            *f"{params:,} parameters. `network()` makes it; it maps {takes}. Needs {needs}.".split("\n"),
        ]
    )


def _within(note: str) -> list[str]:
    """A note as lines of the file; what does not fit goes on further in."""
    width = WIDTH - 8
    return (
        [note] if len(note) <= width else textwrap.wrap(note, width, subsequent_indent="    ", break_long_words=False)
    )


def _maker(blueprint: Blueprint, weights: str | None, around: Around | None) -> str:
    name = blueprint.network.__name__
    made, given = name, "model"
    if around is not None:
        made = around.module.__name__
        others = "".join(f", {dotted(key)}={literal(value)}" for key, value in around.arguments.items())
        given = f"{made}(model{others}).eval()"
    arguments = "".join(f"        {_written_call(layer)},\n" for layer in blueprint.layers)
    arguments += "".join(f"        {dotted(key)}={literal(value, 8)},\n" for key, value in blueprint.arguments.items())
    arguments += f"        operations={_TABLE},\n" * bool(blueprint.callables)
    if weights is None:
        return (
            f"def network() -> {name}:\n"
            f'    """The network, with fresh weights."""\n    return {name}(\n{arguments}    )'
        )
    return (
        f"def network() -> {made}:\n"
        f'    """The network, with the weights of the file beside this one."""\n'
        f"    model = {name}(\n{arguments}    )\n"
        f"    load_weights(model, Path(__file__).with_name({literal(weights)}))\n"
        f"    return {given}"
    )


def _constant(name: str, entries: dict[str, Any]) -> str:
    """A dictionary of literals."""
    lines = "".join(f"    {literal(key, 4)}: {literal(value, 4)},\n" for key, value in entries.items())
    return f"{dotted(name)} = {{\n{lines}}}"


def _main(blueprint: Blueprint) -> str:
    size = ", ".join(str(part) for part in blueprint.image)
    return (
        'if __name__ == "__main__":\n'
        "    model = network().eval()\n"
        f"    logits = model(torch.zeros(1, {size}))\n"
        "    total = sum(parameter.numel() for parameter in model.parameters())\n"
        '    print(f"{total:,} parameters; one image gives {logits.shape[1]} logits")'
    )
