"""Debian's chromium, driven over a pipe: a page's width, console, pictures, and what its scripts make of it."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--force-color-profile=srgb",
)  # fmt: skip
SIZES = {"wide": (1400, 1000), "phone": (360, 740)}


class Browser:
    """One page of a browser; `said` is what its console and its failed requests told."""

    def __init__(self, process: "subprocess.Popen[bytes]", commands: int, answers: BinaryIO) -> None:
        self.process, self._commands, self._answers = process, commands, answers
        self._count, self._session = 0, ""
        self.said: list[str] = []
        self._loaded = False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        session = {"sessionId": self._session} if self._session else {}
        asked = {"id": self._count, "method": method, "params": parameters, **session}
        os.write(self._commands, json.dumps(asked).encode() + b"\0")
        while (message := self._read()).get("id") != self._count:
            self._note(message)
        assert "error" not in message, message
        found: dict[str, Any] = message["result"]
        return found

    def _read(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has ended"
            data += byte
        message: dict[str, Any] = json.loads(data)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        method, told = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown" or (method == "Runtime.consoleAPICalled" and told["type"] != "log"):
            self.said.append(json.dumps(told)[:600])
        elif method == "Log.entryAdded":
            self.said.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent" and not told["request"]["url"].startswith(("file:", "data:")):
            self.said.append(f"asked for {told['request']['url'][:200]}")

    def open(
        self, page: Path, size: str = "wide", dark: bool = False, scripts: bool = True, paper: bool = False
    ) -> None:
        width, height = SIZES[size]
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=size != "wide"
        )
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.call("Emulation.setEmulatedMedia", media="print" if paper else "screen", features=features)
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._loaded = False
        self.call("Page.navigate", url=page.resolve().as_uri())
        self._wait()

    def reload(self, script: str) -> None:
        """Runs what makes the page load itself anew, and waits for it."""
        self._loaded = False
        self.run(script)
        self._wait()

    def _wait(self) -> None:
        while not self._loaded:
            self._note(self._read())

    def key(self, name: str) -> None:
        """A press of a key, such as ArrowUp, where the focus is."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name)

    def pointer(self, kind: str, x: float, y: float, pressed: bool = False) -> None:
        """mouseMoved, mousePressed or mouseReleased at a place of the window."""
        button = {"button": "left", "clickCount": 1} if kind != "mouseMoved" or pressed else {}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, buttons=int(pressed), **button)

    def run(self, script: str) -> Any:
        """What the script gives; of a promise, what it comes to."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, selector: str, to: Path) -> None:
        """The element, with all that it has below the screen's edge, and the page's margin, into which labels reach."""
        box = self.run(
            f"(b => ({{x: b.x + scrollX - 16, y: b.y + scrollY, width: b.width + 32, height: b.height}}))"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        shot = self.call("Page.captureScreenshot", clip=box | {"scale": 1}, captureBeyondViewport=True)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(base64.b64decode(shot["data"]))

    def screen(self, to: Path) -> None:
        """What the window shows."""
        to.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with its profile in `folder`, until the block ends."""
    found = shutil.which("chromium")
    assert found, "found no chromium; expected Debian's: apt-get install chromium"
    theirs, commands = os.pipe()
    answers, ours = os.pipe()
    # The browser reads its file 3 and writes its file 4; bash puts our two there, dash knows none above 9.
    line = f'exec "$@" 3<&{theirs} 4>&{ours}'
    process = subprocess.Popen(
        ["bash", "-c", line, "bash", found, *OPTIONS, f"--user-data-dir={folder}"],
        pass_fds=(theirs, ours), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    os.close(ours)
    with os.fdopen(answers, "rb") as said:
        try:
            opened = Browser(process, commands, said)
            yield opened
            with suppress(OSError, AssertionError):
                opened.call("Browser.close")
        finally:
            os.close(commands)
            process.terminate()
            process.wait(timeout=300)
