"""Images that are sent to the page: whole or not at all, within bounds, and never under a name of the sender's."""

from __future__ import annotations

import io
import json
import socket
import stat
import zipfile
from pathlib import Path

import pytest
from tests.ui.serving import Served, served

from archllm.errors import DataError, DataMissing, InvalidInput, RunFolderError
from archllm.ui import uploads
from archllm.ui.fit_start import source_of
from archllm.ui.home import Home
from archllm.ui.image_sets import image_sets
from archllm.ui.looking import Seen, look

Image = pytest.importorskip("PIL.Image")


def picture(shade: int) -> bytes:
    """A small grey image, different for each shade."""
    file = io.BytesIO()
    Image.new("L", (8, 8), shade).save(file, "PNG")
    return file.getvalue()


def archive(each: int = 6, **more: bytes) -> bytes:
    """Two classes of images, and more files by their names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for label, name in enumerate(("cats", "<b>dogs")):
            for number in range(each):
                out.writestr(f"photos/{name}/{number}.png", picture(100 * label + number))
        for name, content in more.items():
            out.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def mine(tmp_path):
    """A server of an empty folder."""
    (tmp_path / "mine").mkdir()
    with served(tmp_path / "mine") as found:
        yield found, tmp_path / "mine"


def sent(server: Served, content: bytes, name: str = "photos.zip", **headers: str | None):
    given = {"Content_Type": uploads.KIND, "Origin": server.base, "X_Part": "1"} | headers
    return server.ask(f"/fits/upload?name={name}", "POST", content, **given)


def test_an_archive_is_kept_and_what_it_holds_is_said(mine):
    server, folder = mine
    content = archive(**{"photos/cats/note.txt": b"x"})
    answer = sent(server, content)
    found = json.loads(answer.text)
    assert answer.status == 200 and found["data"] == "images/photos.zip" and found["out"] == "fits/photos"
    assert "12 grey images in 2 classes" in found["html"] and "note.txt" in found["html"]
    assert "&lt;b&gt;dogs" in found["html"] and "<b>dogs" not in found["html"]
    assert (folder / "images" / "photos.zip").read_bytes() == content
    assert json.loads(sent(server, archive()).text)["data"] == "images/photos-2.zip"  # nothing is replaced


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no archive at all", "no zip archive"),
        (b"PK\3\4 and nothing else", "no zip archive, truncated or damaged"),
        (archive()[:-30], "truncated or damaged"),
        (archive(each=1), "too few images"),
    ],
)
def test_what_no_fit_could_be_made_of_is_refused_and_leaves_nothing(mine, content, why):
    server, folder = mine
    answer = sent(server, content)
    assert answer.status == 400 and why in answer.text and str(folder) not in answer.text
    assert list(folder.rglob("*")) == []


@pytest.mark.parametrize("name", ["../../evil", "..%2f..%2fevil", "/etc/passwd", "a\\..\\b", ".hidden", "x" * 5_000])
def test_an_upload_is_kept_in_its_place_whatever_it_is_called(mine, name, monkeypatch):
    monkeypatch.setattr("archllm.ui.fits.look", lambda source, name: Seen((), (), 0))
    server, folder = mine
    assert sent(server, archive(), name.replace("\\", "%5c")).status == 200
    (kept,) = [path for path in folder.rglob("*") if path.is_file()]
    assert kept.parent == folder / "images" and not kept.name.startswith(".") and len(kept.name) < 80
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]


def test_2_gb_are_refused_before_they_are_sent_and_while_they_come(mine, monkeypatch):
    server, folder = mine
    answer = server.ask("/fits/upload", "POST", Content_Length=str(2 << 30), Origin=server.base)
    assert answer.status == 413 and "at most" in answer.text
    assert list(folder.rglob("*")) == []
    monkeypatch.setattr("archllm.ui.app.LARGEST_UPLOAD", 3_000_000)
    with served(folder) as small, socket.create_connection(("127.0.0.1", small.port), timeout=60) as client:
        head = f"POST /fits/upload?name=a HTTP/1.1\r\nHost: {small.host}\r\nCookie: {small.cookie}\r\n"
        client.sendall(f"{head}Content-Type: {uploads.KIND}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        block = b"PK\3\4" + bytes(1 << 16)
        count = 0
        try:
            while count < 10_000:  # which is 650 MB
                client.sendall(f"{len(block):x}\r\n".encode() + block + b"\r\n")
                count += 1
        except OSError:
            pass
        assert count < 1_000  # what stands in buffers, and no more
    assert list(folder.rglob("*")) == []


def test_an_upload_that_is_cut_off_leaves_nothing(mine):
    server, folder = mine
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        head = f"POST /fits/upload?name=a HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n"
        client.sendall(f"{head}Content-Type: {uploads.KIND}\r\nContent-Length: 9000000\r\n\r\n".encode())
        client.sendall(b"PK\3\4" + bytes(3 << 20))
    for _ in range(600):
        if sent(server, b"", "b").status == 400 and not list(folder.rglob("*")):
            break
    assert list(folder.rglob("*")) == []


def test_a_foreign_page_sends_nothing(mine):
    server, folder = mine
    assert sent(server, archive(), Origin="http://evil.example").status == 403
    assert sent(server, archive(), Content_Type="text/plain").status == 400
    assert sent(server, archive(), Content_Type="multipart/form-data; boundary=x").status == 400
    without = server.ask("/fits/upload?name=a", "POST", archive(), admitted=False, Content_Type=uploads.KIND)
    assert without.status == 403
    assert server.ask("/fits/upload?name=a", "GET").status == 405
    assert list(folder.rglob("*")) == []


def test_names_and_links_in_an_archive_lead_nowhere_and_a_bomb_is_not_unpacked(mine):
    server, folder = mine
    file = io.BytesIO(
        archive(**{"../../evil.png": picture(1), "photos/../../evil.png": picture(2), "/etc/evil.png": b""})
    )
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as out:
        link = zipfile.ZipInfo("photos/cats/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(link, "/etc/passwd")
        out.writestr("photos/cats/bomb.png", bytes(200 << 20))
    answer = sent(server, file.getvalue())
    assert answer.status == 200 and "12 grey images" in answer.text
    for why in ("leads out of the archive", "it is a link", "that is no photo"):
        assert why in answer.text
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["photos.zip"]


def test_no_folder_is_read_that_links_lead_out_of(tmp_path):
    root = tmp_path / "mine"
    for name in ("cats", "dogs"):
        (root / "photos" / name).mkdir(parents=True)
        for number in range(5):
            (root / "photos" / name / f"{number}.png").write_bytes(picture(10 * number + len(name)))
    (tmp_path / "secret.png").write_bytes(picture(0))
    home = Home(root)
    assert image_sets(home) == ["photos"]
    assert source_of(home, "photos") == str(root / "photos") and source_of(home, "digits") == "digits"
    (root / "elsewhere").symlink_to(root / "photos")
    for path in ("elsewhere", "../mine/photos", str(root / "photos")):
        with pytest.raises(InvalidInput):
            source_of(home, path)
    with pytest.raises(DataMissing):
        source_of(home, "nothing")
    (root / "photos" / "cats" / "6.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(RunFolderError, match="leads out"):
        source_of(home, "photos")


def test_sets_of_images_are_found_within_bounds(tmp_path, monkeypatch):
    (tmp_path / "a.zip").write_bytes(b"")
    (tmp_path / "deep" / "er" / "photos" / "one").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "photos" / "two").mkdir()
    for name in ("one", "two"):
        (tmp_path / "deep" / "er" / "photos" / name / "1.JPG").write_bytes(b"")
    assert image_sets(Home(tmp_path)) == ["a.zip", "deep/er/photos"]
    monkeypatch.setattr("archllm.ui.image_sets.MOST_ENTRIES", 1)
    assert "deep/er/photos" not in image_sets(Home(tmp_path))


def test_a_look_ends_in_time_and_its_words_name_no_place(tmp_path: Path, monkeypatch):
    (tmp_path / "a.zip").write_bytes(archive())
    assert look(str(tmp_path / "a.zip"), "a.zip").total == 2
    monkeypatch.setattr("archllm.ui.looking.PATIENCE", 0.0)
    with pytest.raises(DataError, match="more than 0 minutes") as caught:
        look(str(tmp_path / "a.zip"), "a.zip")
    assert str(tmp_path) not in str(caught.value)
    monkeypatch.setattr("archllm.ui.looking.PATIENCE", 60.0)
    (tmp_path / "bad.zip").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match=r"bad\.zip") as caught:
        look(str(tmp_path / "bad.zip"), "bad.zip")
    assert str(tmp_path) not in str(caught.value)


def test_the_same_archive_sent_again_is_kept_once(mine):
    server, folder = mine
    content = archive()
    first, again = (json.loads(sent(server, content).text)["data"] for _ in range(2))
    other = json.loads(sent(server, archive(each=7)).text)["data"]
    assert first == again == "images/photos.zip" and other == "images/photos-2.zip"
    assert {path.name for path in (folder / "images").iterdir()} == {"photos.zip", "photos-2.zip"}
