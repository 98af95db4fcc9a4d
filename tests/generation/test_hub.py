"""Runs on a hub: sent to a stand-in on this machine, and loaded from it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import archllm
from archllm.classifier.informed import generator_of
from archllm.cli import main
from archllm.errors import DataMissing, InvalidInput, RunFolderError
from archllm.generation.hub import local, push
from archllm.study.store import open_store

hub_constants = pytest.importorskip("huggingface_hub.constants")

RUN = generator_of("nasbench201")


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as one model takes."""

    files: dict[str, bytes]
    asked: list[str]

    def log_message(self, *_: object) -> None:
        pass

    @classmethod
    def commit(cls) -> str:
        named = "".join(f"{name}{hashlib.sha1(cls.files[name]).hexdigest()}" for name in sorted(cls.files))
        return hashlib.sha1(named.encode()).hexdigest()

    def answer(self, told: Any, code: int = 200) -> None:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        if isinstance(told, bytes):
            self.send_header("X-Repo-Commit", self.commit())
            self.send_header("ETag", f'"{hashlib.sha1(told).hexdigest()}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/repos/create":
            self.answer({"url": f"http://{self.headers['Host']}/me/cells"})
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            named = [each["path"] for each in json.loads(body)["files"]]
            self.answer({"files": [{"path": each, "uploadMode": "regular", "shouldIgnore": False} for each in named]})
        else:
            assert self.path.startswith("/api/models/me/cells/commit/main")
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.answer({"commitUrl": f"http://{self.headers['Host']}/me/cells/commit/1", "commitOid": self.commit()})

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/api/models/me/cells"):
            listed = [{"rfilename": name, "size": len(content)} for name, content in self.files.items()]
            self.answer({"id": "me/cells", "sha": self.commit(), "siblings": listed})
            return
        start = f"/me/cells/resolve/{self.commit()}/"
        name = self.path.removeprefix(start)
        self.answer(self.files.get(name, {"error": "none"}), 200 if name in self.files else 404)

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Hub]]:
    Hub.files, Hub.asked = {}, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        place = f"http://127.0.0.1:{server.server_port}"  # as HF_ENDPOINT says it before the library is imported
        monkeypatch.setattr(hub_constants, "ENDPOINT", place)
        template = place + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(hub_constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setenv("HF_TOKEN", "hf_nobody")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        yield Hub
        server.shutdown()
        thread.join()


def test_a_run_comes_back_as_it_was_sent(hub, capsys):
    assert main(["push", str(RUN), "me/cells", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["load"] == "hf:me/cells"
    assert set(hub.files) == {path.relative_to(RUN).as_posix() for path in RUN.rglob("*.*")} | {"README.md"}
    assert b"library_name: archllm" in hub.files["README.md"]
    theirs, ours = archllm.load("hf:me/cells"), archllm.load(RUN)
    assert [a.text for a in theirs.generate(5, seed=1)] == [a.text for a in ours.generate(5, seed=1)]
    assert main(["sample", "hf:me/cells", "-n", "2"]) == 0


def test_a_run_on_the_hub_is_searched_with_and_reported_on(hub, monkeypatch, tmp_path):
    push(RUN, "me/cells")
    monkeypatch.chdir(tmp_path)
    words = ["--objective", "params", "--budget", "3"]
    assert main(["search", "hf:me/cells", *words]) == 0
    with open_store("search-nasbench201.db") as store:
        assert [study.method for study in store.studies()] == ["sequence"]
    assert main(["search", "hf:me/cells", *words, "--resume"]) == 0
    compared = ["--methods", "random", "sequence", "--seeds", "1", "--out", "compared"]
    assert main(["compare", "--run", "hf:me/cells", *words, *compared]) == 0
    assert main(["report", "hf:me/cells"]) == 0 and "hf:me/cells" in Path("report.html").read_text()
    assert not list(local("hf:me/cells").glob("*.db"))


def test_only_data_is_fetched_and_only_once(hub):
    push(RUN, "me/cells")
    harm = ("evil.py", "pytorch_model.bin", "prior/model.pkl", "../out.json", "prior/../../out.json", ".hidden.json")
    hub.files |= dict.fromkeys(harm, b"harm")
    folder = local("hf:me/cells")
    assert {path.suffix for path in folder.rglob("*.*")} == {".json", ".toml", ".safetensors"}
    assert not any(name.rpartition("/")[2] in asked for name in harm for asked in hub.asked if "resolve" in asked)
    before = len(hub.asked)
    assert local(f"hf:me/cells@{hub.commit()}") == folder
    assert len(hub.asked) == before
    assert local("hf:me/cells") == folder
    assert not any("resolve" in asked for asked in hub.asked[before:])


def test_a_changed_file_is_found_out(hub):
    push(RUN, "me/cells")
    hub.files["prior/generation_config.json"] += b" "
    with pytest.raises(RunFolderError, match="generation_config"):
        archllm.load("hf:me/cells")


def test_a_repository_of_something_else_is_no_run(hub):
    hub.files["model.safetensors"] = b""
    with pytest.raises(DataMissing, match="is no run of archllm"):
        local("hf:me/cells")


def test_what_is_not_there_is_told(hub):
    with pytest.raises(DataMissing, match="can't get hf:me/other"):
        archllm.load("hf:me/other")


@pytest.mark.parametrize("name", ["cells", "a/b/c", "../x", "me/..", "me/a b", "", "me/cells@", "me/cells@../x"])
def test_names_are_owner_and_name(name, hub):
    with pytest.raises(InvalidInput, match="OWNER/NAME"):
        local(f"hf:{name}")
    assert hub.asked == []


def test_a_damaged_run_is_not_sent(hub, tmp_path):
    shutil.copytree(RUN, tmp_path / "run")
    (tmp_path / "run" / "tokenizer.json").write_text("{}")
    with pytest.raises(RunFolderError, match=r"tokenizer\.json"):
        push(tmp_path / "run", "me/cells")
    assert hub.files == {}
