"""Whoever has no token, or comes from elsewhere, gets nothing; nobody gets what is outside the folder."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ui.serving import served

from archllm.errors import InvalidInput, RunFolderError
from archllm.ui.access import Access
from archllm.ui.home import Home
from archllm.ui.server import Server
from archllm.workflows.options import UiOptions

ACCESS = Access("a-token-of-this-test", 8760)


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=30))
def test_only_names_of_this_machine_for_itself_are_known(host):
    own = {f"{name}:8760" for name in ("127.0.0.1", "localhost", "[::1]")}
    assert ACCESS.knows(host) == (host.lower() in own)


def test_a_page_for_others_is_known_by_its_names_and_by_addresses():
    access = Access("a-token-of-this-test", 8760, ("nas.example",))
    assert access.knows("nas.example:8760") and access.knows("192.0.2.7:8760") and access.knows("[2001:db8::1]:8760")
    assert not access.knows("evil.example:8760") and not access.knows("nas.example.evil.example:8760")


def test_the_cookie_proves_the_token_and_does_not_tell_it():
    assert ACCESS.admits(f"other=1; {ACCESS.cookie_name}={ACCESS.cookie}") and ACCESS.token not in ACCESS.cookie
    assert not ACCESS.admits(f"{ACCESS.cookie_name}={ACCESS.token}")
    assert not ACCESS.admits(f"{ACCESS.cookie_name}=") and not ACCESS.admits("")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1.evil.example", "", None])
def test_a_foreign_host_is_refused(server, host):
    answer = server.ask("/runs", Host=host)
    assert answer.status in (400, 403) and "good" not in answer.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_origin_is_refused(server, origin, method):
    assert server.ask("/runs", method, Origin=origin).status == 403


def test_what_a_foreign_page_embeds_or_sends_is_refused_and_a_link_on_it_is_not(server):
    embedded = server.ask("/runs", Sec_Fetch_Site="same-site", Sec_Fetch_Mode="no-cors")
    sent = server.ask("/runs", "POST", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert embedded.status == sent.status == 403
    assert server.ask("/runs", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200
    assert server.ask("/runs", Origin=server.base, Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize(
    "path", ["/", "/runs", "/run?at=runs/good", "/static/page.js", "/nothing", "/runs?token=wrong"]
)
def test_without_the_token_there_is_nothing_to_see(server, path):
    answer = server.ask(path, admitted=False)
    assert answer.status == 403 and "good" not in answer.text and "needs a token" in answer.text
    assert server.ask(path, admitted=False, Cookie=f"archllm-{server.port}={'0' * 64}").status == 403


def test_the_token_opens_the_page_by_its_address_and_by_the_form_and_does_not_stay_in_the_address(server):
    answer = server.ask(f"/runs?page=1&token={server.token}", admitted=False)
    assert answer.status == 303 and answer.headers["location"] == "/runs?page=1"
    assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=Strict" in answer.headers["set-cookie"]
    form = server.ask("/enter", "POST", f"token={server.token}".encode(), admitted=False, Origin=server.base)
    assert form.status == 303 and form.headers["set-cookie"] == answer.headers["set-cookie"]
    wrong = server.ask("/enter", "POST", b"token=wrong", admitted=False, Origin=server.base)
    assert wrong.status == 403 and "set-cookie" not in wrong.headers


@pytest.mark.parametrize("path", ["//evil.example/", "/%2f%2fevil.example", "/\\evil.example"])
def test_the_token_never_leads_to_another_host(server, path):
    where = server.ask(f"{path}?token={server.token}", admitted=False).headers.get("location", "/")
    assert where.startswith("/") and not where.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    "path", ["/runs", "/run?at=nothing", "/static/page.js", "/nothing", "/run/draws?at=runs/good&n=x"]
)
def test_every_answer_says_what_its_page_may_do(server, path):
    answer = server.ask(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["referrer-policy"] == "no-referrer"


OUTSIDE = [
    "../outside/secret",
    "runs/../../outside/secret",
    "linked",
    "linked/prior",
    "/etc",
    "runs\\..\\..\\outside",
    "runs/good\0",
    "",
    "x" * 5_000,
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_the_folder_is_read(folder, path):
    with pytest.raises((InvalidInput, RunFolderError)):
        Home(folder).there(path, "run")


@pytest.mark.parametrize("path", ["../outside/secret", "linked", "/etc", "%2e%2e/outside/secret"])
def test_nor_by_an_address(server, path):
    answer = server.ask(f"/run?at={path}")
    assert answer.status == 400 and "reconstruction" not in answer.text
    assert server.ask(f"/static/..%2f{path}").status == 404


def test_links_are_not_listed(folder):
    names = {each.path for each in Home(folder).listing("run")}
    assert "runs/good" in names and not any("linked" in name or "secret" in name for name in names)


def test_a_request_of_too_many_bytes_is_refused_before_they_are_sent(server):
    answer = server.ask("/runs", "POST", Content_Length=str(2 << 30), Origin=server.base)
    assert answer.status in (405, 413)
    form = server.ask("/enter", "POST", b"token=" + b"x" * 20_000, admitted=False, Origin=server.base)
    assert form.status == 413


def test_others_are_let_in_with_a_token_file_alone_and_one_that_is_secret(tmp_path):
    with pytest.raises(InvalidInput, match="--token-file"):
        Server(UiOptions(folder=tmp_path, host="0.0.0.0", port=0))
    file = tmp_path / "token"
    for content, mode in (("short", 0o600), ("long-enough-for-a-token", 0o644), ("no spaces in a token", 0o600)):
        file.write_text(content)
        file.chmod(mode)
        with pytest.raises(InvalidInput, match="token"):
            Server(UiOptions(folder=tmp_path, host="0.0.0.0", port=0, token_file=file))
    file.write_text("long-enough-for-a-token\n")
    file.chmod(0o600)
    with served(tmp_path, host="0.0.0.0", token_file=file) as found:
        assert found.token == "long-enough-for-a-token"
        assert found.ask("/runs").status == 200 and found.ask("/runs", Host="evil.example").status == 403


def test_it_listens_at_this_machine_alone(server):
    listening = socket.create_connection(("127.0.0.1", server.port))
    assert listening.getpeername()[0] == "127.0.0.1"
    listening.close()
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1"}:
        if address.startswith("127."):
            continue
        with pytest.raises((ConnectionError, TimeoutError)):
            socket.create_connection((address, server.port), timeout=5).close()


def test_a_port_that_is_taken_is_told(tmp_path, server):
    with pytest.raises(InvalidInput, match="--port"):
        Server(UiOptions(folder=tmp_path, port=server.port))


def test_a_folder_of_many_files_is_looked_at_in_part(tmp_path, monkeypatch):
    for number in range(30):
        os.close(os.open(tmp_path / str(number), os.O_CREAT))
    monkeypatch.setattr("archllm.ui.home.MOST_ENTRIES", 10)
    home = Home(tmp_path)
    assert home.listing() == () and not home.complete
