"""Headless Chromium, driven by its own protocol (DevTools) over a WebSocket."""

import contextlib
import json
import os
import pathlib
import tempfile

from websockets.sync.client import connect

from common import PATIENCE, stop, until
import subprocess


class Tab:
    """One tab: what a reader does in it, and what it shows."""

    def __init__(self, socket, session):
        self.socket, self.session, self.last = socket, session, 0
        # What the console shows in red, once `Log` and `Runtime` are enabled.
        self.errors = []

    def send(self, method, **params):
        """One command; its result."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv(timeout=PATIENCE))
            self.note(answer)
            if answer.get("id") == self.last:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def note(self, event):
        match event.get("method"), event.get("params"):
            case "Log.entryAdded", {"entry": {"level": "error"} as entry}:
                self.errors.append(f"{entry['text']} {entry.get('url', '')}")
            case "Runtime.exceptionThrown", {"exceptionDetails": details}:
                self.errors.append(details["text"])
            case "Runtime.consoleAPICalled", {"type": "error" | "assert", "args": args}:
                self.errors.append(str([one.get("value") for one in args]))

    def evaluate(self, expression):
        return self.send("Runtime.evaluate", expression=expression)["result"].get("value")

    def open(self, url):
        self.leave(lambda: self.send("Page.navigate", url=url))

    def click(self, link):
        """Clicks the link with this id, and waits for the page that it leads to."""
        self.leave(lambda: self.evaluate(f"document.getElementById('{link}').click()"))

    def back(self, steps=1):
        """The back button."""
        history = self.send("Page.getNavigationHistory")
        entry = history["entries"][history["currentIndex"] - steps]
        self.leave(lambda: self.send("Page.navigateToHistoryEntry", entryId=entry["id"]))

    def leave(self, act):
        """Waits until the page before `act` is gone and another one has loaded."""
        self.evaluate("document.left = false; window.onpagehide = () => { document.left = true }; document.here = true")
        act()
        ready = "document.readyState == 'complete' && (!document.here || document.left) && document.body != null"
        until("the next page has loaded", lambda: self.evaluate(ready))

    def text(self):
        return self.evaluate("document.body.innerText")


@contextlib.contextmanager
def chromium():
    """A tab of a new profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", "--no-first-run", "--disable-gpu"]
        if os.getuid() == 0:  # it refuses to run as root with its sandbox
            flags.append("--no-sandbox")
        log = open(pathlib.Path(profile) / "log", "w")
        process = subprocess.Popen(["chromium", *flags, "about:blank"], stdout=log, stderr=log)
        try:
            written = pathlib.Path(profile) / "DevToolsActivePort"
            port, path = until("Chromium listens", lambda: written.exists() and written.read_text().split())
            with connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as socket:
                browser = Tab(socket, None)
                target = browser.send("Target.createTarget", url="about:blank")["targetId"]
                session = browser.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
                tab = Tab(socket, session)
                tab.last, tab.port = browser.last, int(port)
                yield tab
        finally:
            stop(process)
