"""The viewer in a real browser: headless Chromium, driven through its debugging protocol."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from websockets.sync.client import connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_S = 90.0

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed"),
    pytest.mark.usefixtures("directions"),
]

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=860,560",
    "--remote-debugging-port=0",
)

_SELECT_NUMBER = """
(() => {
  const words = [...document.querySelectorAll('label, div, span')];
  let row = words.filter(word => word.textContent.trim() === LABEL).pop();
  while (row && !row.querySelector('input')) row = row.parentElement;
  if (!row) return false;
  const number = [...row.querySelectorAll('input')].filter(input => input.type !== 'hidden').pop();
  number.focus();
  number.select();
  return true;
})()
"""


class Browser:
    """One page of a headless Chromium."""

    def __init__(self, folder: Path, url: str) -> None:
        self._process = subprocess.Popen(
            [str(CHROMIUM), *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port_file = folder / "DevToolsActivePort"
        wait_until(lambda: port_file.is_file() and len(port_file.read_text().split()) == 2)
        address = f"http://127.0.0.1:{port_file.read_text().split()[0]}/json"
        pages = json.load(urllib.request.urlopen(address, timeout=PATIENCE_S))
        page = next(page for page in pages if page["type"] == "page")
        self._socket = connect(page["webSocketDebuggerUrl"], max_size=None)
        self._count = 0
        self.call("Page.navigate", url=url)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its result."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if message.get("id") == self._count:
                assert "error" not in message, message
                return message["result"]

    def _box(self) -> dict[str, float]:
        """Place of the canvas in the page, in pixels; a single pixel before there is one."""
        expression = (
            "JSON.stringify(document.querySelector('canvas[data-engine]')?.getBoundingClientRect()"
            " ?? {x: 0, y: 0, width: 1, height: 1})"
        )
        return json.loads(self.call("Runtime.evaluate", expression=expression)["result"]["value"])

    def canvas(self) -> np.ndarray:
        """Colours [H, W, 3] in [0, 1] of the square in the middle of the canvas."""
        box = self._box()
        if box["width"] <= 1:
            return np.zeros((4, 4, 3), dtype=np.float32)
        picture = Image.open(io.BytesIO(base64.b64decode(self.call("Page.captureScreenshot")["data"])))
        side = min(box["width"], box["height"])
        left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
        square = picture.convert("RGB").crop((int(left), int(top), int(left + side), int(top + side)))
        return np.asarray(square, dtype=np.float32) / 255.0

    def type_number(self, label: str, value: str) -> bool:
        """Put a number into the field of a slider, if there is one."""
        expression = _SELECT_NUMBER.replace("LABEL", json.dumps(label))
        result = self.call("Runtime.evaluate", expression=expression)["result"]
        if result["value"] is not True:
            return False
        self.call("Input.insertText", text=value)
        for event in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=event, key="Enter", windowsVirtualKeyCode=13)
        return True

    def click(self, text: str) -> bool:
        """Press the button or the tab with this text, if there is one; by script, as it may be scrolled away."""
        chosen = f"[...document.querySelectorAll('button')].filter(b => b.textContent.trim() === {json.dumps(text)})"
        found = self.call("Runtime.evaluate", expression=f"{chosen}.map(b => b.click()).length")
        return bool(found["result"]["value"])

    def keep_downloads(self, folder: Path) -> None:
        """Put what the page downloads into a folder."""
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def walk_behind(self) -> None:
        """Turn the camera half around the head: half the height of the canvas, with the mouse."""
        box = self._box()
        x, y = box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"]
        mouse = {"y": y, "button": "left", "buttons": 1, "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, **mouse)
        for step in range(1, 11):
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + 0.05 * step * box["height"], **mouse)
            time.sleep(0.05)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=x + 0.5 * box["height"], **mouse)

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(timeout=PATIENCE_S)


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask until the answer is true."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.5)


@pytest.fixture()
def browser(viewer, tmp_path: Path) -> Iterator[Browser]:
    page = Browser(tmp_path / "profile", f"http://127.0.0.1:{viewer.viser_server.get_port()}")
    yield page
    page.close()


def _coloured(square: np.ndarray) -> float:
    """Fraction of the square that is neither white nor grey."""
    return float((np.ptp(square, axis=2) > 0.3).mean())


def _shows_the_ball_upright(square: np.ndarray) -> bool:
    """Red above, green to the left, over the middle half of the square at least, on white."""
    low, middle, high = (int(part * len(square)) for part in (0.3, 0.5, 0.7))
    top, bottom, left, right = square[[low, high, middle, middle], [middle, middle, low, high]]
    upright = top[0] > 0.7 > 0.3 > bottom[0] and left[1] > 0.7 > 0.3 > right[1]
    return bool(upright and square[2, 2].min() > 0.9)


def _corner(square: np.ndarray) -> np.ndarray:
    return square[: len(square) // 12, : len(square) // 12]


def test_an_edit_changes_the_head_only_and_is_undone_and_the_picture_is_taken_away(browser, viewer, tmp_path):
    wait_until(lambda: _shows_the_ball_upright(browser.canvas()))
    square = browser.canvas()
    whole = _coloured(square)

    wait_until(lambda: browser.click("Edit"))
    wait_until(lambda: browser.type_number("Size", "-2"))
    wait_until(lambda: 0.1 < _coloured(browser.canvas()) / whole < 0.7)
    assert np.abs(_corner(browser.canvas()) - _corner(square)).max() < 0.05, "the background stays"
    assert browser.click("Save edit")
    wait_until(lambda: (viewer.log_filename.parent / "edits" / "size-2" / "edited.safetensors").is_file())
    assert browser.click("Reset edits")
    wait_until(lambda: _coloured(browser.canvas()) > 0.95 * whole)

    browser.keep_downloads(tmp_path)
    assert browser.click("Take")
    wait_until(lambda: browser.click("Save picture"))
    wait_until((tmp_path / "head.png").is_file)
    with Image.open(tmp_path / "head.png") as taken:
        assert taken.height == 1024 and taken.getpixel((2, 2)) == (255, 255, 255)


def test_the_head_is_seen_upright_at_once_and_a_slider_changes_it(browser):
    wait_until(lambda: _shows_the_ball_upright(browser.canvas()))
    square = browser.canvas()

    wait_until(lambda: browser.type_number("Identity", "0.5"))
    wait_until(lambda: 0.1 < _coloured(browser.canvas()) / _coloured(square) < 0.5)

    browser.walk_behind()
    wait_until(lambda: bool(browser.canvas()[len(square) // 2, len(square) // 2, 2] > 0.7))
