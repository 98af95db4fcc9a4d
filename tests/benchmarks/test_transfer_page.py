"""The benchmark of other tasks' scores: its jobs, and a page from what some of them found."""

from __future__ import annotations

import numpy as np
from benchmarks.pages.transfer import page, queries, regret
from benchmarks.transfer import BENCHMARK, DATA, order

from archllm.objectives.table import TableObjective
from archllm.objectives.tables.delimited import read_delimited
from archllm.spaces import load_space


def test_every_method_searches_every_data_set_with_and_without_knowledge() -> None:
    jobs = BENCHMARK.jobs(BENCHMARK.parse(["--seeds", "0", "1"]))
    assert len(jobs) == 2 * 2 * 3 * 3 + 2 * 3 * 3 + 2 * 9 * 2
    assert jobs["gp-cifar100-200-reversed"]["seeds"] == [0, 1]
    assert len(BENCHMARK.jobs(BENCHMARK.parse([]))["sequence-graph-cora-others"]["seeds"]) == 5


def test_a_page_shows_what_is_there() -> None:
    about = dict.fromkeys(["command", "commit", "machine", "threads", "torch", "date"], "x")
    base = {
        "method": "gp",
        "epochs": 200,
        "seeds": [0],
        "order": 24,
        "scores": 2,
        "about": about,
        "wall": 1.0,
        "cpu": 1.0,
    }
    base |= {"load": 0.0, "peak_bytes": 1}
    results = [
        base | {"name": f"{data}-{known}", "data": data, "known": known, "runs": [{"regret": [3.0, 0.1, 0.0]}]}
        for data in DATA
        for known in ("nothing", "others", "reversed")
    ]
    assert "| `gp` | cifar100 | 1 | 24 | 3.0 (2.0) |" in page(results)
    assert queries({"regret": [1.0, 0.5]}) == 61 and regret({"regret": [1.0, 0.5]}, 50) == 0.5


def test_graph_networks_say_what_other_tables_cost_and_what_is_missing() -> None:
    about = dict.fromkeys(["command", "commit", "machine", "threads", "torch", "date"], "x")
    base = {"part": "graph", "method": "gp", "data": "cora", "about": about, "wall": 1.0, "load": 0.0}
    results = [
        base | {"name": known, "known": known, "runs": [{"regret": [2.0, lost]}]}
        for known, lost in (("nothing", 0.5), ("others", 0.6))
    ]
    text = page(results)
    assert "| `gp` | Cora | 1 | 0.500 | 0.600 | +20 % (missed) |" in text
    assert "**Not yet run:** `gp` on citeseer," in text


def test_the_order_of_other_tables_counts_what_stands_before_the_best(tmp_path) -> None:
    space = load_space("nasbench201")
    lines = ["arch,a,b", *(f"{text},{k},{(k + 1) % 5}" for k, text in enumerate(space.format(space.enumerate()[:5])))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    table = read_delimited(tmp_path / "t.csv", space, {"source": "t"})
    a, b = (TableObjective(space, table, name) for name in "ab")
    assert int(np.argmax(a.values)) == 4 and (order(a, [a]), order(a, [b])) == (1, 5)
