"""A cell: texts and menus say the same, what is no member is told why, and files are what they say."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archllm.errors import ArchLLMError, InvalidInput
from archllm.spaces import load_space
from archllm.ui.building import NONE, rows_of, text_of

SPACES = ("nasbench101", "nasbench201", "darts", "nats-size", "transformer", "mobilenetv3")
SHOWN = "document.getElementById('neighbours').getAttribute('aria-busy') === 'false'"


def chosen(rows) -> dict[str, str]:
    values = {menu.name: menu.chosen for row in rows for menu in row.menus}
    return values | {tick.name: "1" for row in rows for tick in row.ticks if tick.on}


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_the_menus_of_a_member_say_that_member(name, seed):
    space = load_space(name)
    arch = space.architecture(space.sample(1, np.random.default_rng(seed)))
    assert space.parse(text_of(space, chosen(rows_of(arch)))) == arch


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), pick=st.integers(0, 10_000))
def test_whatever_is_chosen_is_a_member_or_told_why_not(name, seed, pick):
    space = load_space(name)
    rows = rows_of(space.architecture(space.sample(1, np.random.default_rng(seed))))
    menus = [menu for row in rows for menu in row.menus if not menu.locked]
    menu = menus[pick % len(menus)]
    values = chosen(rows) | {menu.name: menu.options[pick % len(menu.options)]}
    try:
        space.parse(text_of(space, values))
    except ArchLLMError as error:
        assert str(error)


def test_what_is_no_entry_of_a_menu_is_refused():
    space = load_space("nasbench201")
    with pytest.raises(InvalidInput, match="edge3"):
        text_of(space, chosen(rows_of(space.parse("0"))) | {"edge3": NONE})


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_a_text_is_shown_with_all_that_is_known(browser, server, width, dark):
    browser.open(f"{server.base}/cell?{urlencode({'of': 'run:runs/good', 'text': '7'})}", width, dark=dark)
    browser.wait_for(SHOWN)
    assert browser.run("document.documentElement.scrollWidth") <= width and browser.complaints == []
    text = browser.run("document.getElementById('about').innerText")
    assert "log-likelihood" in text and "559,386" in text
    browser.click(".code:nth-child(2)")
    browser.wait_for("document.querySelectorAll('#codes .archllm-drawing').length > 0")
    assert browser.run("document.querySelector('.code[aria-pressed=true]').dataset.position") == "1"


def test_a_menu_changes_the_text_and_a_text_the_menus(browser, server):
    browser.open(f"{server.base}/cell?of=nasbench201&text=0", 1280)
    browser.wait_for(SHOWN)
    browser.choose("[name=edge0]", "none")
    browser.wait_for("document.getElementById('text').value.startsWith('|none~0|')")
    browser.enter("#text", "5")
    browser.wait_for(
        "document.querySelector('#about .facts').innerText.includes('canonical key') "
        "&& document.querySelector('#about .facts').innerText.includes('\\n5\\n')"
    )
    kept = browser.run("[...document.querySelectorAll('#menus select')].map(e => e.value).join(' ')")
    assert len(kept.split()) == 6 and browser.complaints == []


def test_what_is_no_member_is_told_why_and_the_last_cell_stays(browser, server):
    browser.open(f"{server.base}/cell?of=nasbench101", 390)
    browser.wait_for(SHOWN)
    for row in range(1, 7):
        browser.run(f"for (const e of document.querySelectorAll('[name$=\"-{row}\"]')) if (e.checked) e.click()")
    browser.wait_for("document.querySelector('#why .problem') !== null")
    assert "nasbench101" in browser.run("document.getElementById('why').innerText")
    assert browser.run("document.querySelectorAll('#about .archllm-drawing').length") == 1


def test_hostile_text_is_shown_as_text(server):
    found = json.loads(
        server.ask(f"/cell/made?{urlencode({'of': 'nasbench201', 'text': '<script>alert(1)</script>'})}").text
    )
    assert "expected" in found["problem"] and found["menus"] is None
    page = server.ask(f"/cell?{urlencode({'of': 'nasbench201', 'text': '</textarea><script>alert(1)</script>'})}").text
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    "of", ["run:../outside/secret", "run:linked", "file:/etc/passwd", "file:../x.toml", "python:os:path"]
)
def test_no_space_is_read_from_outside_the_folder_and_none_is_imported(server, of):
    answer = server.ask(f"/cell/random?{urlencode({'of': of})}", X_Part="1")
    assert answer.status == 400 and 'role="alert"' in answer.text


def test_a_cell_is_saved_as_a_picture_and_as_a_program(server):
    question = {"of": "nasbench201", "text": "7"}
    svg = server.ask(f"/cell/file?{urlencode(question | {'as': 'svg'})}")
    assert svg.text.startswith("<svg") and svg.headers["content-disposition"].endswith('.svg"')
    python = server.ask(f"/cell/file?{urlencode(question | {'as': 'python'})}")
    assert "import torch" in python.text and compile(python.text, "cell.py", "exec")
    assert server.ask(f"/cell/file?{urlencode(question | {'as': 'exe'})}").status == 400


def test_scores_of_tables_stand_beside_the_cell(server, data_dir):
    text = server.ask(f"/cell/scores?{urlencode({'of': 'nasbench201', 'text': '7'})}").text
    assert "cifar10.valid@200" in text and "89.15" in text
