"""A page that is served from a thread of the tests, and requests that no browser would make."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from archllm.ui.server import Server
from archllm.workflows.options import UiOptions


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Served:
    """A page that can be opened."""

    url: str
    """With its token."""

    @property
    def base(self) -> str:
        """The same without."""
        return self.url.partition("/?")[0]

    @property
    def host(self) -> str:
        """What a `Host` header is to say."""
        return urlsplit(self.url).netloc

    @property
    def port(self) -> int:
        return int(self.host.rpartition(":")[2])

    @property
    def token(self) -> str:
        return self.url.rpartition("token=")[2]

    def ask(
        self, path: str, method: str = "GET", body: Any = None, admitted: bool = True, **headers: str | None
    ) -> Answer:
        """One request; names of headers are written with `_`, `None` leaves one out."""
        given: dict[str, str | None] = {"Host": self.host}
        given |= {"Cookie": self.cookie} if admitted else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                if value is not None:
                    connection.putheader(name, value)
            if isinstance(body, bytes) and "Content-Length" not in given:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers.items()), answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    @property
    def cookie(self) -> str:
        """What a browser sends that has opened the address."""
        answer = self.ask(f"/?token={self.token}", admitted=False)
        return answer.headers["set-cookie"].partition(";")[0]


@contextmanager
def served(folder: Path, **options: Any) -> Iterator[Served]:
    """Serves a folder."""
    server = Server(UiOptions(folder=folder, port=0, **options), debug=True)
    ready = threading.Event()
    thread = threading.Thread(target=server.run, args=(lambda _: ready.set(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield Served(server.address.url)
    finally:
        server.stop()
        thread.join(60)
        assert not thread.is_alive()
