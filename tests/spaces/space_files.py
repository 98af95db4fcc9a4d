"""Random space files."""

from __future__ import annotations

from hypothesis import strategies as st

OPS = ["skip", "none", "conv3x3", "conv1x1-bn", "pool/max", "op.6"]


@st.composite
def cells(draw: st.DrawFn, lines: list[str], constraint: st.SearchStrategy[str] | None, most_ops: int = 4) -> str:
    ops = draw(st.lists(st.sampled_from(OPS), min_size=1, max_size=most_ops, unique=True))
    lines = [*lines, f"ops = {ops!r}".replace("'", '"')]
    if constraint is not None and draw(st.booleans()):
        op = draw(st.sampled_from(ops))
        lines.append(f"constraints = ['{draw(constraint)}']".replace("OP", op))
    return "\n".join(lines)


@st.composite
def node_dags(draw: st.DrawFn) -> str:
    vertices = draw(st.integers(2, 5))
    lines = ['kind = "node_dag"', f"max_vertices = {vertices}", f"max_edges = {draw(st.integers(1, 10))}"]
    for key in ("max_in_degree", "max_out_degree"):
        if draw(st.booleans()):
            lines.append(f"{key} = {draw(st.integers(1, 3))}")
    if draw(st.integers(0, 3)) == 0:
        lines.append("chain = true")
    limits = (
        *('count("OP") <= 1', "depth <= 3 and vertices <= 4", "edges < 2 * vertices", 'not count("OP") == 2'),
        *('in_degree("output") <= 2', 'out_degree("input") == in_degree("output")'),
    )
    return draw(cells(lines, st.sampled_from(limits)))


@st.composite
def large_node_dags(draw: st.DrawFn) -> str:
    """Cells of more vertices than all graphs of can be gone through."""
    vertices = draw(st.sampled_from([9, 10, 12, 20]))
    edges = draw(st.sampled_from([14, 200])) if vertices <= 12 else 190
    lines = ['kind = "node_dag"', f"max_vertices = {vertices}", f"max_edges = {edges}"]
    if draw(st.booleans()):
        lines.append(f"max_in_degree = {draw(st.integers(2, 4))}")
    if draw(st.booleans()):
        lines.append("chain = true")
    limits = ('count("OP") <= 5', f"vertices >= {vertices - 1}", 'in_degree("output") in [1, 3]', "depth >= 4")
    return draw(cells(lines, st.sampled_from(limits)))


@st.composite
def edge_dags(draw: st.DrawFn) -> str:
    nodes = draw(st.integers(2, 4))
    limits = ('count("OP") <= 3', 'edge(0, 1) == "OP" or count("OP") < 2', '1 <= count("OP")')
    return draw(cells(['kind = "edge_dag"', f"nodes = {nodes}"], st.sampled_from(limits)))


@st.composite
def genotypes(draw: st.DrawFn) -> str:
    inputs, repeat = draw(st.integers(1, 3)), draw(st.booleans())
    lines = [
        'kind = "genotype"',
        f"nodes = {draw(st.integers(1, 3))}",
        f"cell_inputs = {inputs}",
        f"inputs_per_node = {draw(st.integers(1, 2 if repeat else min(inputs, 2)))}",
        f'repeat_inputs = {str(repeat).lower()}\nconcat = "{draw(st.sampled_from(["all", "loose"]))}"',
        f"cells = {draw(st.integers(1, 2))}",
    ]
    limits = ('count("OP") <= 3', 'count("OP", "cell1") in [0, 1, 2]')
    return draw(cells(lines, st.sampled_from(limits), most_ops=3))


NUMBERS = st.lists(st.sampled_from([1, 2, 3, 4, 8, 16, 0.25, -1, 1.5]), min_size=1, max_size=4, unique=True)
TEXTS = st.lists(st.sampled_from(["relu", "gelu", "h-swish", "3x3", "8"]), min_size=1, max_size=3, unique=True)
TRUTHS = st.just([True, False])


@st.composite
def choices(draw: st.DrawFn) -> str:
    lists = draw(st.lists(st.one_of(NUMBERS, NUMBERS, TEXTS, TRUTHS), min_size=1, max_size=5))
    lines, when = ['kind = "choices"', "[slots]"], ["[when]"]
    numbers: list[int] = []
    for at, values in enumerate(lists):
        lines.append(f"s{at} = {values!r}".replace("'", '"').replace("True", "true").replace("False", "false"))
        if numbers and draw(st.integers(0, 2)) == 0:
            other = draw(st.sampled_from(numbers))
            when.append(f's{at} = "slot.s{other} {draw(st.sampled_from(["<=", ">", "!="]))} {draw(st.integers(0, 4))}"')
        if isinstance(values[0], int | float) and not isinstance(values[0], bool):
            numbers.append(at)
    if draw(st.integers(0, 2)) == 0:  # slots that can change places, alone or with a slot that may be inactive
        alike = draw(st.sampled_from(["[1, 2]", "[1, 2, 4]", '["relu", "gelu"]']))
        units = draw(st.integers(2, 4 if len(lists) < 3 else 2))
        lines += [f"u{k} = {alike}" for k in range(units)]
        unit = "u{i=0..LAST}".replace("LAST", str(units - 1))
        if "1" in alike and draw(st.booleans()):
            unit += " v{i}"
            lines += [f"v{k} = [3, 5]" for k in range(units)]
            when += [f'v{k} = "slot.u{k} >= 2"' for k in range(units)]
        lines.insert(1, f"interchangeable = ['{unit}']")
    elif len(numbers) > 1 and draw(st.booleans()):
        first, second = draw(st.sampled_from(numbers)), draw(st.sampled_from(numbers))
        sign = draw(st.sampled_from(["<=", ">=", "!="]))
        lines.insert(
            1, f'constraints = ["slot.s{first} {sign} slot.s{second}", "sum(slot.s{first}, slot.s{second}) < 20"]'
        )
    return "\n".join([*lines, *when])


PARTS = [
    "BLOCK",
    "residual(body)",
    "add(body, body)",
    "concat(BLOCK, body)",
    "repeat(body, 2)",
    "cell(body, BLOCK, BLOCK)",
]
BODIES = [
    "BLOCK",
    "identity",
    "sequence(BLOCK, BLOCK)",
    "residual(part)",
    "sequence(body, BLOCK)",
    "sequence(body, body)",
]


@st.composite
def grammars(draw: st.DrawFn) -> str:
    blocks = draw(st.lists(st.sampled_from(["conv", "pool", "gate", "mlp"]), min_size=1, max_size=3, unique=True))
    block = st.sampled_from(blocks)

    def alternatives(known: list[str], most: int) -> list[str]:
        chosen = draw(st.lists(st.sampled_from(known), min_size=1, max_size=most, unique=True))
        found = {text.replace("BLOCK", draw(block)) for text in chosen}
        return sorted(found - {"identity"} if "sequence(body, body)" in found else found)  # else it goes round

    net = ["part", draw(st.sampled_from(["sequence(part, net)", "sequence(net, part)", "sequence(net, net)"]))]
    rules = {
        "net": net,
        "part": sorted({*blocks, *alternatives(PARTS, 3), "residual(body)"}),
        "body": sorted({draw(block), *alternatives(BODIES, 3)}),
    }
    lines = ['kind = "grammar"', f"max_blocks = {draw(st.integers(1, 4))}", f"max_depth = {draw(st.integers(1, 2))}"]
    lines += [f"blocks = {blocks!r}".replace("'", '"')]
    if draw(st.booleans()):
        lines.append('commutative = ["add", "concat"]')
    if draw(st.booleans()):
        lines.append(f'zero = "{draw(block)}"')
    texts = [f"{rule} = {each!r}".replace("'", '"') for rule, each in rules.items()]
    return "\n".join([*lines, "[rules]", *texts])


def inside(prefix: str, text: str) -> str:
    """A space file as a table of another one."""
    lines = [f"[{prefix}.{line[1:]}" if line.startswith("[") else line for line in text.splitlines()]
    return "\n".join([f"[{prefix}]", *lines])


@st.composite
def products(draw: st.DrawFn) -> str:
    """Two or three parts; most have a cell and the choices around it, which constraints join."""
    scale = [
        "[parts.scale]",
        'kind = "choices"',
        "[parts.scale.slots]",
        f"width = {draw(st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, max_size=3, unique=True))}",
        f"depth = {draw(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3, unique=True))}",
    ]
    if draw(st.booleans()):
        scale += ["[parts.scale.when]", 'depth = "slot.width >= 2"']
    kind = draw(st.sampled_from(["node_dag", "edge_dag", "genotype", "choices", "grammar"]))
    cell = draw(
        {"node_dag": node_dags, "edge_dag": edge_dags, "genotype": genotypes, "grammar": grammars}.get(kind, choices)()
    )
    words = {"node_dag": "cell.vertices", "edge_dag": "cell.count(OP)", "genotype": "cell.count(OP)"}
    word = words.get(kind, "cell.s0" if kind == "choices" else draw(st.sampled_from(["cell.blocks", "cell.depth"])))
    ops = [op for op in OPS if f'"{op}"' in cell]
    word = word.replace("OP", f'"{ops[0]}"' if ops else "")
    lines = ['kind = "product"']
    number = kind != "choices" or "s0 = [1" in cell or "s0 = [2" in cell
    limits = [f"{word} <= scale.width", f"scale.depth * {word} < 5"] if number else []
    limits.append("scale.width <= scale.depth or scale.slot.width > 2")
    chosen = draw(st.lists(st.sampled_from(limits), max_size=2, unique=True))
    if chosen:
        lines.append(f"constraints = {chosen!r}")
    parts = [inside("parts.cell", cell), "\n".join(scale)]
    if draw(st.integers(0, 3)) == 0:
        parts.append('[parts.other]\nspace = "nasbench-macro"')
    return "\n".join([*lines, *draw(st.permutations(parts))])


KINDS = {
    "node_dag": node_dags(),
    "edge_dag": edge_dags(),
    "genotype": genotypes(),
    "choices": choices(),
    "grammar": grammars(),
    "product": products(),
}
"""Kind -> its space files; a few define an empty space."""
