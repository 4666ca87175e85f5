# SPDX-License-Identifier: GPL-3.0-or-later
"""Browser drives a headless Chromium by the DevTools protocol, over two pipes: no driver program, no library, no port.

    browser = Browser(directory)
    page = browser.page(url)
    page.click("#reload")
    page.until("document.title.includes('Ready')")
    page.requests, page.complaints()      what it requested; errors of scripts and violations of the policy
"""

import base64
import itertools
import json
import os
import shutil
import subprocess
import threading
import time

from .util import eventually, slack

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--mute-audio",
           "--no-proxy-server", "--remote-debugging-pipe")
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "/": 191}


def find_chromium():
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


class ScriptError(AssertionError):
    """The page threw an exception while it evaluated an expression of the test."""


class Browser:
    """One browser process. A thread reads its pipe; every other call belongs to the test's thread."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        from_us, self._to = os.pipe()
        self._from, to_us = os.pipe()
        command = [find_chromium(), *OPTIONS, f"--user-data-dir={directory / 'profile'}", "about:blank"]
        # Chromium reads from descriptor 3 and writes to 4. bash gives them these numbers and becomes the browser.
        self.process = subprocess.Popen(["bash", "-c", f'exec "$0" "$@" 3<&{from_us} 4>&{to_us}', *command], pass_fds=(from_us, to_us),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(directory / "chromium.log", "wb"),
                                        env={**os.environ, "HOME": str(directory), "TZ": "UTC", "LANG": "C.UTF-8"})
        os.close(from_us)
        os.close(to_us)
        self._numbers, self._answers, self._pages = itertools.count(1), {}, {}
        self._changed = threading.Condition()
        self._gone = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        rest = b""
        while True:
            try:
                piece = os.read(self._from, 1 << 20)
            except OSError:
                piece = b""
            if not piece:
                break
            *messages, rest = (rest + piece).split(b"\0")
            with self._changed:
                for message in map(json.loads, messages):
                    if "id" in message:
                        self._answers[message["id"]] = message
                    elif message.get("sessionId") in self._pages:
                        self._pages[message["sessionId"]].happened(message["method"], message["params"])
                self._changed.notify_all()
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def call(self, method, session=None, **parameters):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data):]
        with self._changed:
            assert self._changed.wait_for(lambda: number in self._answers or self._gone, slack(20)), f"no answer to {method}"
            assert number in self._answers, f"the browser has ended: {self.log()}"
            answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer.get('error')}"
        return answer["result"]

    def log(self):
        return (self.directory / "chromium.log").read_text(errors="replace")[-2000:]

    def page(self, url, width=1280, height=900, scheme="light"):
        """A page of its own: with its own storage, in its own context."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, context)
        with self._changed:
            self._pages[session] = page
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.look(width, height, scheme)
        page.go(url)
        return page

    def close(self):
        """Asks the browser to end, and ends it by pid if it does not."""
        if self.process.poll() is None:
            try:
                self.call("Browser.close")
                self.process.wait(slack(5))
            except (AssertionError, OSError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()
        os.close(self._to)


class Page:
    def __init__(self, browser, session, context):
        self.browser, self.session, self.context = browser, session, context
        self.requests, self.trouble, self.loads = [], [], 0

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def close(self):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    # -- what happened ---------------------------------------------------------------------------------------------------

    def happened(self, method, parameters):
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loads += 1
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.trouble.append(("exception", details.get("exception", {}).get("description") or details["text"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.trouble.append(("console", " ".join(str(arg.get("value", arg.get("description"))) for arg in parameters["args"])))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.trouble.append((parameters["entry"]["source"], parameters["entry"]["text"]))

    def complaints(self, network=False):
        """Errors and warnings: exceptions, console, violations of the policy; refused and failed requests only if `network`."""
        return [entry for entry in self.trouble if network or entry[0] != "network"]

    # -- looking ---------------------------------------------------------------------------------------------------------

    def go(self, url):
        before = self.loads
        self.call("Page.navigate", url=url)
        eventually(lambda: self.loads > before, 20, f"{url} was loaded")

    def look(self, width, height, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def js(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise ScriptError(f"{expression}: {result['exceptionDetails'].get('exception', {}).get('description')}")
        return result["result"].get("value")

    def until(self, expression, timeout=10, what=None):
        """Waits until the expression is true, and returns its value."""
        one = f"(value => value instanceof Node ? true : value)({expression})"  # an element itself cannot be handed over
        return eventually(lambda: self.js(one), timeout, lambda: f"{what or expression}; the page:\n{self.text()[:3000]}", every=0.05)

    def text(self, selector="body"):
        return self.js(f"document.querySelector({json.dumps(selector)}).innerText")

    def picture(self, path, whole=True):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))

    def whole_picture(self, path, width, scheme):
        """A picture as high as the page."""
        self.look(width, 900, scheme)
        height = self.js("Math.ceil(document.documentElement.scrollHeight)")
        self.look(width, height, scheme)
        time.sleep(0.1)  # only for the picture: the layout follows the new size in the next frame
        self.picture(path, whole=False)

    # -- the hand --------------------------------------------------------------------------------------------------------

    def click(self, selector):
        """A click with the mouse in the middle of what is visible there, so a covered control does not get it."""
        box = self.until(f"(() => {{ const node = document.querySelector({json.dumps(selector)}); if (!node || !node.getClientRects().length) return null;"
                         "node.scrollIntoView({block: 'center'}); const box = node.getBoundingClientRect();"
                         "return [box.x + box.width / 2, box.y + box.height / 2]; })()", what=f"{selector} is visible")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], clickCount=kind != "mouseMoved" and 1 or 0,
                      button="left" if kind != "mouseMoved" else "none")

    def move_to(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def key(self, name, shift=False):
        text = {"Enter": "\r"}.get(name, name if len(name) == 1 else "")
        common = {"key": name, "windowsVirtualKeyCode": KEYS.get(name, ord(name[0].upper())), "modifiers": 8 if shift else 0,
                  "code": {"Tab": "Tab", "Enter": "Enter", "Escape": "Escape"}.get(name, "")}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def choose(self, selector, value):
        """Chooses an option of a <select> and tells the page, as the browser's own list would."""
        self.js(f"(() => {{ const node = document.querySelector({json.dumps(selector)}); node.value = {json.dumps(value)};"
                "for (const name of ['input', 'change']) node.dispatchEvent(new Event(name, {bubbles: true})); })()")

    def names(self):
        """The accessibility tree as Chromium computes it: (role, name, properties) of each element that is not ignored."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", ""), {p["name"]: p["value"].get("value") for p in node.get("properties", ())})
                for node in nodes if not node["ignored"]]
