"""A fit by the page, from dropped images to files, in a real browser; a stand-in does the work."""

from __future__ import annotations

import io
import json
import shutil
import sys
import time
import zipfile
from pathlib import Path

import pytest
from tests.ui.fit_stand_in import SCRIPT, end
from tests.ui.test_uploads import archive, picture

from archllm.classifier.config import FitRequest
from archllm.classifier.folder import FitFolder
from archllm.errors import ArchLLMError, RunFolderError
from archllm.ui.context import Context
from archllm.ui.fit_facts import outcome
from archllm.ui.fit_start import options_of
from archllm.workflows.options import UiOptions

STATE = "document.getElementById('state')?.textContent"
NOW = "document.getElementById('now').innerText"


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setattr("archllm.ui.jobs.PROGRAM", (sys.executable, str(Path(__file__).with_name("fit_stand_in.py"))))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder of images as people have it."""
    for label, name in enumerate(("cats", "d\N{LATIN SMALL LETTER O WITH DIAERESIS}gs")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(6):
            (tmp_path / "photos" / name / f"{number}.png").write_bytes(picture(100 * label + number))
    (tmp_path / "photos" / ".DS_Store").write_bytes(b"x")
    return tmp_path / "photos"


def sent(server, path: str, value: object, **headers: str):
    given = {"Content_Type": "application/json", "Origin": server.base} | headers
    return server.ask(path, "POST", json.dumps(value).encode(), X_Part="1", **given)


@pytest.fixture
def clean(folder):
    """Without what earlier tests have made."""
    made = [each for each in folder.glob("fits/*") if each.name != "done"]
    for each in (*folder.glob("*.go"), *made, folder / "images"):
        shutil.rmtree(each, ignore_errors=True) if each.is_dir() else each.unlink(missing_ok=True)
    return folder


def test_a_folder_becomes_a_network_and_its_files_are_saved(browser, server, clean, photos, tmp_path):
    browser.open(f"{server.base}/fits", 1280)
    browser.upload("#folder", photos)
    browser.wait_for("document.querySelector('.seen') !== null && !document.getElementById('go').disabled")
    told = browser.run("document.getElementById('seen').innerText")
    assert "12 grey images in 2 classes" in told and "d\N{LATIN SMALL LETTER O WITH DIAERESIS}gs" in told
    assert browser.run("document.querySelectorAll('.classes img').length") == 2
    with zipfile.ZipFile(clean / "images" / "photos.zip") as packed:
        assert packed.testzip() is None and len(packed.namelist()) == 12
    browser.enter("#minutes", "3")
    browser.enter("#max_params", "300k")
    browser.enter("#max_latency", "5ms")
    browser.click("#go")
    browser.wait_for(f"location.pathname === '/fit' && {STATE} === 'running' && {NOW}.includes('71.5 %')")
    assert "time left" in browser.run(NOW) and browser.run("document.querySelectorAll('#now svg').length") >= 2
    command = "archllm fit images/photos.zip --minutes 3 --max-params 300k --max-latency 5ms --out fits/photos"
    assert command in browser.run("document.getElementById('log-s').innerText")
    (clean / "search.go").touch()
    browser.wait_for(f"{NOW}.includes('84.5 %')")
    browser.wait_for("document.getElementById('log').textContent.includes('finalist 1')")
    (clean / "training.go").touch()
    browser.wait_for(f"{STATE} === 'complete' && {NOW}.includes('83.3 %')")
    shown = browser.run(NOW)
    for part in ("60.8 to 94.2 %", "18", "12,345", "300,000", "0.42 ms", "5 ms", "yes"):
        assert part in shown
    assert browser.run("document.querySelector('#now .archllm-drawing') !== null")
    (tmp_path / "saved").mkdir()
    saved = browser.saved("[href*='model.onnx']", tmp_path / "saved")
    assert saved.name == "model.onnx" and saved.read_text() == "model.onnx" and browser.complaints == []


def test_a_fit_is_stopped_and_goes_on(browser, server, clean):
    assert sent(server, "/fits/start", {"data": "digits", "out": "fits/long", "minutes": 2}).status == 200
    again = sent(server, "/fits/start", {"data": "digits", "out": "fits/long"})
    assert again.status == 400
    browser.open(f"{server.base}/fit?at=fits/long", 390)
    browser.wait_for(f"{STATE} === 'running'")
    assert browser.run("document.documentElement.scrollWidth") <= 390
    browser.click("#stop")
    browser.wait_for(f"{STATE} === 'interrupted' && !document.getElementById('resume').hidden")
    browser.wait_for("document.getElementById('log').textContent.includes('--resume')")
    browser.wait_for("document.getElementById('minutes').value === '2'")
    for phase in ("search", "training"):
        (clean / f"{phase}.go").touch()
    browser.enter("#minutes", "4")
    browser.click("#resume button")
    browser.wait_for(f"{STATE} === 'complete'")
    assert FitFolder.open(clean / "fits" / "long").record["minutes"] == 4 and browser.complaints == []


def test_a_zip_is_dropped_and_one_that_is_none_is_told_why(browser, server, clean):
    browser.open(f"{server.base}/fits", 390, dark=True)
    drop = """(async (name, content) => {{
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(content)], name));
        window.dispatchEvent(new DragEvent('drop', {{ dataTransfer: transfer, cancelable: true }}));
    }})({name}, {content})"""
    browser.run(drop.format(name=json.dumps("mine.zip"), content=list(archive())))
    browser.wait_for("document.querySelector('.seen') !== null")
    assert browser.run("document.querySelectorAll('.seen b').length") == 2  # names are never markup
    assert browser.run("document.getElementById('out').value") == "fits/mine"
    assert browser.run("document.documentElement.scrollWidth") <= 390 and browser.complaints == []
    browser.run(drop.format(name=json.dumps("notes.zip"), content=[1, 2, 3]))
    browser.wait_for("document.querySelector('#said .problem')?.textContent.includes('no zip archive')")
    assert browser.run("document.getElementById('go').disabled")
    assert sorted(path.name for path in (clean / "images").iterdir()) == ["mine.zip"]


def test_images_that_are_there_are_named_with_the_keyboard_alone(browser, server, clean):
    (clean / "images").mkdir()
    (clean / "images" / "there.zip").write_bytes(archive())
    browser.open(f"{server.base}/fits", 1280)
    assert browser.run("[...document.querySelectorAll('#sets option')].map(e => e.value)") == [
        "images/there.zip",
        "digits",
    ]
    browser.enter("#data", "images/there.zip")
    browser.press("Tab")
    browser.wait_for("document.querySelector('.seen') !== null")
    assert "12 grey images" in browser.run("document.getElementById('spoken').textContent")


def test_fits_are_listed_here_and_among_the_runs(browser, server, clean):
    FitFolder.begin(clean / "fits" / "<i>old", FitRequest(data="digits", minutes=2))
    time.sleep(1.1)  # for a second a listing is taken as it is
    for page in ("fits", "runs"):
        browser.open(f"{server.base}/{page}", 390)
        assert browser.run("document.querySelector('main').innerText").count("<i>old") >= 1
        assert browser.run("document.querySelectorAll('main i').length") == 0
        assert browser.run("document.querySelectorAll('main a[href^=\"/fit?at=fits\"]').length") == 2


def test_what_came_out_is_shown_on_a_phone_too(browser, server):
    browser.open(f"{server.base}/fit?at=fits/done", 390, dark=True)
    browser.wait_for("document.querySelector('#now table') !== null")
    assert "complete" in browser.run(STATE) and "83.3 %" in browser.run(NOW)
    assert browser.run("document.documentElement.scrollWidth") <= 390 and browser.complaints == []


def test_a_report_of_somebody_else_runs_no_script(browser, server, clean):
    folder = FitFolder.begin(clean / "fits" / "theirs", FitRequest(data="digits", minutes=2))
    (folder.path / "report.html").write_text(f"<title>mine</title>{SCRIPT}")
    address = "/fit/file?at=fits/theirs&name=report.html"
    policy = server.ask(address).headers["content-security-policy"]
    assert policy.startswith("sandbox ") and "allow-same-origin" not in policy and "'unsafe-inline'; img" in policy
    browser.open(server.base + address, 1280)
    assert browser.run("document.title") == "mine"
    browser.complaints.clear()
    (folder.path / "model.onnx").symlink_to("/etc/passwd")
    for name in ("model.onnx", "fit.json", "../../runs/good/config.toml"):
        answer = server.ask(f"/fit/file?at=fits/theirs&name={name}")
        assert answer.status == 400 and "root:" not in answer.text


@pytest.mark.parametrize(
    "changed",
    [
        {"data": "../outside"},
        {"data": "linked"},
        {"data": "/etc"},
        {"data": "nothing"},
        {"data": ""},
        {"out": "../outside/x"},
        {"out": "linked/x"},
        {"out": "runs/good"},
        {"out": "-x"},
        {"out": "fits/.x"},
        {"out": "a/b/c/d/e/f"},
        {"space": "darts"},
        {"space": "python:os:path"},
        {"method": "python:os:path"},
        {"minutes": 0.1},
        {"minutes": 1e9},
        {"minutes": [1]},
        {"max_params": "many"},
        {"max_latency": "--help"},
        {"seed": -1},
        {"also": "executorch"},
        {"also": ["python:os:path"]},
        {"also": [["tflite"]]},
    ],
)
def test_nothing_is_started_that_names_code_or_leads_out_of_the_folder(server, changed):
    answer = sent(server, "/fits/start", {"data": "digits", "out": "fits/never"} | changed)
    assert answer.status == 400 and 'role="alert"' in answer.text


def test_further_files_are_offered_where_their_libraries_are_installed(browser, server, clean, monkeypatch):
    monkeypatch.setattr("archllm.ui.fits.installed_forms", lambda: ["tflite"])
    monkeypatch.setattr("archllm.ui.fit_start.installed_forms", lambda: ["tflite"])
    browser.open(f"{server.base}/fits?data=digits", 390)
    browser.wait_for("!document.getElementById('go').disabled")
    assert browser.run("[...document.querySelectorAll('[name=also]')].map((each) => each.value)") == ["tflite"]
    browser.run("document.querySelector('details').open = true")
    browser.click("[name=also]")
    browser.click("#go")
    browser.wait_for("location.pathname === '/fit' && document.getElementById('log-s') !== null")
    assert "--also tflite" in browser.run("document.getElementById('log-s').innerText")


def test_a_fit_goes_on_with_its_further_files(clean):
    FitFolder.begin(clean / "fits" / "further", FitRequest(data="digits", minutes=2, also=("tflite",)))
    context = Context(UiOptions(folder=clean))
    try:
        assert options_of(context, "fits/further").also == ("tflite",)
    finally:
        context.close()


def test_a_form_of_another_page_starts_nothing(server):
    asked = {"data": "digits", "out": "fits/never"}
    assert sent(server, "/fits/start", asked, Origin="http://evil.example").status == 403
    assert sent(server, "/fits/start", asked, Content_Type="text/plain").status == 400
    assert server.ask("/fits/start", "POST", json.dumps(asked).encode(), admitted=False).status == 403
    assert server.ask("/fits/start", "GET").status == 405


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"data": "/etc"}, "not in the folder"),
        ({"data": "../outside"}, "no path inside"),
        ({"data": "--help"}, "no folder or archive"),
        ({"data": 7}, "which images"),
        ({"asked": {"space": "python:os:path"}}, "space"),
        ({"asked": {"method": "python:os:path"}}, "method"),
        ({"asked": {"log": "python:os:path"}}, "log"),
        ({"minutes": "many"}, "minutes"),
        ({"also": ["python:os:path"]}, "further files"),
        ({"also": 5}, "further files"),
    ],
)
def test_what_a_record_of_somebody_else_asks_for_is_not_started(folder, record, why, request):
    at = f"fits/sent-{abs(hash(request.node.name))}"
    FitFolder.begin(folder / at, FitRequest(data="digits", minutes=2)).note(**record)
    context = Context(UiOptions(folder=folder))
    try:
        with pytest.raises(ArchLLMError, match=why):
            options_of(context, at)
    finally:
        context.close()
        shutil.rmtree(folder / at)


@pytest.mark.parametrize("seconds", [None, "x", [1]])
def test_an_outcome_of_somebody_else_is_named_where_it_is_damaged(tmp_path, seconds):
    folder = FitFolder.begin(tmp_path / "sent", FitRequest(data="digits", minutes=2))
    end(folder, FitRequest(data="digits", minutes=2))
    assert outcome(folder.path, folder.result).classes == ("cats", "<b>dogs")
    with pytest.raises(RunFolderError, match="in its result"):
        outcome(folder.path, folder.result | {"seconds": seconds})


def test_packing_gives_an_archive_that_others_read(browser, server):
    """The browser's own archives, by an independent reader, with names of all kinds and an empty file."""
    browser.open(f"{server.base}/fits", 1280)
    content = browser.run("""(async () => {
        const { packed } = await import('/static/pack.js');
        const files = [['a/1.bin', new Uint8Array(70000).map((_, i) => i * i)], ['\\u00e4/\\u732b', new Uint8Array(0)]];
        const blob = await packed(files.map(([name, bytes]) => ({ name, file: new File([bytes], name) })), () => {});
        return [...new Uint8Array(await blob.arrayBuffer())];
    })()""")
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as found:
        assert found.testzip() is None and found.namelist() == [
            "a/1.bin",
            "\N{LATIN SMALL LETTER A WITH DIAERESIS}/\u732b",
        ]
        assert found.read("a/1.bin") == bytes(i * i % 256 for i in range(70_000))
