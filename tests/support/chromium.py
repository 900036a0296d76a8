"""Headless Chromium, by its debugging protocol over a pair of pipes: no port is opened, and no driver is needed.

Nothing but the given pages is loaded: services of the browser that call home are off.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    PROGRAM is None, reason="chromium is not installed: no page was opened in a browser"
)
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--remote-debugging-pipe",
)
_END = b"\0"


@dataclass
class Browser:
    """A browser with one page. `events` are those of the protocol since the last `open`."""

    requests: IO[bytes]
    responses: IO[bytes]
    session: str = ""
    number: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    buffer: bytes = b""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        self.requests.write(json.dumps(message).encode() + _END)
        self.requests.flush()
        while (received := self._receive()).get("id") != self.number:
            self.events.append(received)
        assert "error" not in received, received["error"]
        result: dict[str, Any] = received["result"]
        return result

    def start(self) -> None:
        """Attach to a new page."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, url: str, *, script: bool = True) -> None:
        """Open a page, with or without JavaScript, and wait until it is loaded."""
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def wait_for(self, method: str) -> dict[str, Any]:
        """Return the first event of a kind since the page was opened."""
        while True:
            for event in self.events:
                if event.get("method") == method:
                    return event
            self.events.append(self._receive())

    def named(self, method: str) -> list[dict[str, Any]]:
        """Return the parameters of all events of a kind since the page was opened."""
        return [event["params"] for event in self.events if event.get("method") == method]

    def value(self, expression: str) -> Any:
        """Return the JSON value of an expression in the page; only with JavaScript."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def source(self) -> str:
        """Return the page as the browser understood it."""
        root = self.call("DOM.getDocument", depth=0)["root"]["nodeId"]
        source: str = self.call("DOM.getOuterHTML", nodeId=root)["outerHTML"]
        return source

    def resize(self, width: int, height: int) -> None:
        """Set the size of the window in CSS pixels; narrow ones are telephones."""
        is_phone = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if is_phone else 1,
            mobile=is_phone,
        )

    def picture(self) -> bytes:
        """Return the whole page as PNG."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        return base64.b64decode(data)

    def _receive(self) -> dict[str, Any]:
        while _END not in self.buffer:
            chunk = os.read(self.responses.fileno(), 1 << 20)
            assert chunk, "Chromium ended"
            self.buffer += chunk
        message, _, self.buffer = self.buffer.partition(_END)
        decoded: dict[str, Any] = json.loads(message)
        return decoded


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """Run a browser whose profile is in an empty folder."""
    assert PROGRAM is not None
    to_read, to_write = os.pipe(), os.pipe()
    # The protocol is spoken on the descriptors 3 and 4.
    script = f'exec "$0" "$@" 3<&{to_read[0]} 4>&{to_write[1]}'
    command = ["/bin/bash", "-c", script, PROGRAM, *_FLAGS, f"--user-data-dir={folder}"]
    with subprocess.Popen(
        command, pass_fds=(to_read[0], to_write[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(to_read[0])
        os.close(to_write[1])
        with os.fdopen(to_read[1], "wb") as requests, os.fdopen(to_write[0], "rb", buffering=0) as responses:
            browser = Browser(requests, responses)
            browser.start()
            try:
                yield browser
            finally:
                browser.session = ""
                browser.call("Browser.close")
                process.wait(20)
