"""A real browser for tests: Chromium without a window, driven over its debugging pipe."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE = 180.0
"""Seconds to wait for an answer of the browser."""

_START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""  # a browser looks for its pipe at these numbers


def chromium() -> str | None:
    """The browser's program, where it is installed."""
    names = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


class Browser:
    """One browser with one page, and all that the page complained about or asked for.

    Args:
        folder: where the browser keeps its profile.
    """

    def __init__(self, folder: Path) -> None:
        program = chromium()
        assert program is not None
        down, up = os.pipe(), os.pipe()
        words = [
            *(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"),
            *(f"--user-data-dir={folder}", "about:blank"),
        ]
        reads, writes = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (down[0], up[1]))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(reads), str(writes), *words],
            pass_fds=(reads, writes),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for end in (reads, writes, down[0], up[1]):
            os.close(end)
        self._into, self._from = down[1], up[0]
        self._read = b""
        self._number = 0
        self.complaints: list[str] = []
        """Errors, warnings and whatever else a page wrote on its console."""
        self.requests: list[str] = []
        """All URLs that a page asked for."""
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(self, page: Path | str, width: int, height: int = 900, dark: bool = False) -> None:
        """Opens a file or an address in a window of that size."""
        self.complaints.clear()
        self.requests.clear()
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        url = page if isinstance(page, str) else page.absolute().as_uri()
        answer = self._call("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        self.wait_for(f"document.readyState === 'complete' && location.protocol === '{url.partition('/')[0]}'")

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Presses a key: `Tab`, `Enter`, `Escape`, an arrow or a space."""
        code = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}[key]
        text = {"text": "\r" if key == "Enter" else key} if key in ("Enter", " ") else {}
        self._call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def click(self, selector: str) -> None:
        """Clicks with the mouse in the middle of an element, after scrolling it into view."""
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});"
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def enter(self, selector: str, text: str) -> None:
        """Types a text into a field, in place of what it held."""
        self.run(f"(e => {{ e.focus(); e.select(); }})(document.querySelector({json.dumps(selector)}))")
        self._call("Input.insertText", text=text)

    def choose(self, selector: str, value: str) -> None:
        """Chooses an entry of a menu, or the value of a slider, as a user would."""
        events = "for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {bubbles: true}));"
        self.run(
            f"(e => {{ e.value = {json.dumps(value)}; {events} }})(document.querySelector({json.dumps(selector)}))"
        )

    def upload(self, selector: str, *files: Path) -> None:
        """Chooses files in a field for files."""
        root = self._call("DOM.getDocument")["root"]["nodeId"]
        node = self._call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._call("DOM.setFileInputFiles", nodeId=node, files=[str(file.absolute()) for file in files])

    def saved(self, selector: str, folder: Path) -> Path:
        """The file that a click on an element saves, in an empty folder."""
        self._call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder.absolute()))
        self.click(selector)
        end = time.monotonic() + PATIENCE
        while not (files := [each for each in folder.iterdir() if not each.name.endswith((".crdownload", ".tmp"))]):
            self.run("0")  # also hears what the page complains of
            assert time.monotonic() < end, f"a click on {selector} saves nothing"
            time.sleep(0.02)
        return files[0]

    def picture(self, path: Path, whole: bool = True) -> None:
        """Writes the whole page, or what the window shows of it, as a PNG file."""
        answer = self._call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self) -> None:
        """Ends the browser and its helpers."""
        os.close(self._into)
        os.close(self._from)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait_for(self, condition: str) -> None:
        """Waits until a JavaScript expression holds."""
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < end, f"the page does not become: {condition}"
            time.sleep(0.02)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._into, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self._hear(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._from], [], [], PATIENCE)
            assert ready, "the browser does not answer"
            part = os.read(self._from, 1 << 20)
            assert part, "the browser ended"
            self._read += part
        message, _, self._read = self._read.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _hear(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.complaints.append(json.dumps(params))
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
