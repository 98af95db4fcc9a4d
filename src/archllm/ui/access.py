"""Who may ask: host, origin and token are checked before anything else, and every answer says what its page may do."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine for itself."""

LARGEST_BODY = 1 << 20
"""Most bytes of a request, where nothing else is said of its path."""

POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load and run: its own files; no script stands in a page."""

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


@dataclass(frozen=True)
class Access:
    """What a request must show.

    Example:
        >>> access = Access("secret" * 4, 8760)
        >>> access.knows("127.0.0.1:8760"), access.knows("evil.example:8760"), access.knows("127.0.0.1:80")
        (True, False, False)
    """

    token: str
    """Whoever knows it may do what the page can do."""

    port: int
    """Where the server listens."""

    names: tuple[str, ...] = ()
    """Further names of this machine by which others reach it; with any, its addresses count, too."""

    @property
    def cookie_name(self) -> str:
        """Browsers send a cookie to all ports of a host, so each server has a name of its own."""
        return f"archllm-{self.port}"

    @property
    def cookie(self) -> str:
        """What the cookie holds: it proves the token, and does not tell it."""
        return hmac.new(self.token.encode(), b"cookie", sha256).hexdigest()

    def knows(self, host: str) -> bool:
        """Whether a `Host` header names this server.

        A page elsewhere can make its own name point here, and would then be of the same origin as we are; so no name
        is taken but those that we know. An address can't be made to point elsewhere.
        """
        name, colon, port = host.rpartition(":")
        if not colon or port != str(self.port):
            return self.port == 80 and self._named(host)
        return self._named(name)

    def _named(self, name: str) -> bool:
        if name.lower() in (*LOOPBACK, *(each.lower() for each in self.names)):
            return True
        if not self.names:
            return False
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True

    def refusal(self, headers: Mapping[str, str], method: str) -> str | None:
        """Why a request is refused whatever token it shows; `None` where it is not."""
        host = headers.get("host", "")
        if not self.knows(host):
            return "it was sent to a name that is none of this server's (Host)"
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return "it comes from a page of another origin (Origin)"
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode")
        if site not in ("same-origin", "none") and not (mode == "navigate" and method == "GET"):
            return "a page of another origin asked for it (Sec-Fetch-Site)"
        return None

    def admits(self, cookies: str) -> bool:
        """Whether a `Cookie` header proves the token."""
        for each in cookies.split(";"):
            name, _, value = each.strip().partition("=")
            if name == self.cookie_name and same(value, self.cookie):
                return True
        return False


def same(left: str, right: str) -> bool:
    """Whether two texts are the same, in a time that does not tell how far they agree."""
    return hmac.compare_digest(left.encode(errors="replace"), right.encode(errors="replace"))


class Gate:
    """The outermost layer of the server.

    A token in the URL is answered by a cookie and the same URL without it, so that it does not stay in the history.

    Args:
        app: what is behind the gate.
        access: what a request must show.
        entrance: a page for whom has no token; it gets a sentence of what is missing.
        larger: paths to which more than `LARGEST_BODY` bytes may be sent, and how many.
    """

    def __init__(
        self, app: App, access: Access, entrance: Callable[[str], str], larger: Mapping[str, int] | None = None
    ) -> None:
        self.app, self.access, self.entrance = app, access, entrance
        self.larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            raise RuntimeError(f"nothing here speaks {scope['type']}")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        method, path = scope["method"], scope["path"]

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _completed(message.get("headers", []))
            await send(message)

        refused = self.access.refusal(headers, method)
        if refused is not None:
            return await _text(answer, 403, f"The request is refused: {refused}.\n")
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in pairs if name == "token"]
        if given and method == "GET":
            if not same(given[-1], self.access.token):
                return await _page(answer, self.entrance("The token in the address is not that of this server."))
            rest = urlencode([pair for pair in pairs if pair[0] != "token"])
            return await self._let_in(answer, f"{_path(path)}{'?' if rest else ''}{rest}")
        if not self.access.admits(headers.get("cookie", "")):
            return await self._asked(scope, receive, answer, headers)
        most = self.larger.get(path, LARGEST_BODY)
        try:
            _check_told(headers, most)
        except TooLarge as error:  # before a byte of it is read
            return await _text(answer, 413, f"{error}\n", close=True)
        return await self.app(scope, _bounded(receive, most), answer)

    async def _asked(self, scope: Scope, receive: Receive, answer: Send, headers: Mapping[str, str]) -> None:
        """A request without a token: the form that takes one, or what was sent by it."""
        if scope["method"] != "POST" or scope["path"] != "/enter":
            return await _page(answer, self.entrance(""))
        try:
            _check_told(headers, 10_000)
            body = await _read(_bounded(receive, 10_000))
        except TooLarge as error:
            return await _text(answer, 413, f"{error}\n", close=True)
        given = dict(parse_qsl(body.decode("utf-8", "replace")))
        if not same(given.get("token", "").strip(), self.access.token):
            return await _page(answer, self.entrance("That is not the token of this server."))
        return await self._let_in(answer, "/")

    async def _let_in(self, answer: Send, where: str) -> None:
        cookie = f"{self.access.cookie_name}={self.access.cookie}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", where.encode("latin-1", "replace")), (b"set-cookie", cookie.encode())]
        await answer({"type": "http.response.start", "status": 303, "headers": [*headers, (b"content-length", b"0")]})
        await answer({"type": "http.response.body", "body": b""})


class TooLarge(Exception):
    """A request has more bytes than it may have."""


def _check_told(headers: Mapping[str, str], most: int) -> None:
    """Makes sure that a request does not say itself that it has too many bytes.

    Raises:
        TooLarge: it does.
    """
    told = headers.get("content-length", "0")
    if not told.isdecimal() or len(told) >= 20 or int(told) > most:
        raise TooLarge(f"a request has at most {most:,} bytes here, this one says that it has {told[:20]}")


def _bounded(receive: Receive, most: int) -> Receive:
    """The body as it comes, up to so many bytes; reading more raises `TooLarge`."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise TooLarge(f"a request has at most {most:,} bytes here, this one has more")
        return message

    return bounded


async def _read(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False) and message["type"] == "http.request"
    return b"".join(parts)


def _completed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    there = {name.lower() for name, _ in headers}
    further = [(b"content-security-policy", POLICY.encode()), (b"cache-control", b"no-store"), *_HEADERS]
    return [*headers, *(each for each in further if each[0] not in there)]


def _path(path: str) -> str:
    """A path of ours that no browser takes for another host."""
    from urllib.parse import quote

    return "/" + quote(path.lstrip("/\\"))


async def _page(send: Send, html: str) -> None:
    await _answer(send, 403, b"text/html; charset=utf-8", html.encode())


async def _text(send: Send, status: int, words: str, close: bool = False) -> None:
    await _answer(send, status, b"text/plain; charset=utf-8", words.encode(), close)


async def _answer(send: Send, status: int, kind: bytes, body: bytes, close: bool = False) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    headers += [(b"connection", b"close")] if close else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
