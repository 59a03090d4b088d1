"""A real browser, Chromium without a window, driven over a pipe by its DevTools protocol: one page at a time."""
import base64
import collections
import contextlib
import json
import os
import select
import shutil
import subprocess
import time

from house import eventually

OPTIONS = ("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
           "--disable-component-update", "--disable-default-apps", "--disable-sync", "--disable-extensions", "--disable-gpu", "--disable-dev-shm-usage",
           "--metrics-recording-only", "--mute-audio", "--no-proxy-server", "--hide-scrollbars", "--lang=en-US")
KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40}


def chromium():
    """The program; None: it is not installed."""
    return shutil.which("chromium")


class Browser:
    """Runs in FOLDER.  `said`: what the pages wrote to their console, errors of scripts, and what their policy forbade."""

    def __init__(self, folder):
        self.folder, self.said, self.number, self.session, self.events = folder, [], 0, None, collections.deque()
        self.process, self.to, self.come, self.left = None, None, None, b""

    def __enter__(self):
        read_end, self.to = os.pipe()
        self.come, write_end = os.pipe()
        own = (*OPTIONS, *(("--no-sandbox",) if os.geteuid() == 0 else ()), f"--user-data-dir={self.folder}/profile")
        self.process = subprocess.Popen(["bash", "-c", f'exec "$@" 3<&{read_end} 4>&{write_end} {read_end}<&- {write_end}>&-', "bash", chromium(), *own, "about:blank"],
                                        pass_fds=(read_end, write_end), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(self.folder / "chromium.log", "wb"), env={**os.environ, "HOME": str(self.folder)}, start_new_session=True)
        os.close(read_end)
        os.close(write_end)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.ask(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError, AssertionError):
            self.session = None
            self.ask("Browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.come)

    # -- the protocol -------------------------------------------------------------------------------------------------------------

    def receive(self, deadline):
        while b"\0" not in self.left:
            ready, _, _ = select.select([self.come], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            more = os.read(self.come, 1 << 20)
            assert more, "the browser is gone: " + (self.folder / "chromium.log").read_text(errors="replace")[-1000:]
            self.left += more
        text, _, self.left = self.left.partition(b"\0")
        return json.loads(text)

    def note(self, event):
        method, told = event["method"], event["params"]
        if method == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(one.get("value", one.get("description"))) for one in told["args"]))
        elif method == "Runtime.exceptionThrown":
            self.said.append(told["exceptionDetails"]["text"] + " " + told["exceptionDetails"].get("exception", {}).get("description", ""))
        elif method == "Log.entryAdded":
            self.said.append(told["entry"]["text"])

    def ask(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters, **({"sessionId": self.session} if self.session else {})}
        os.write(self.to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while (answer := self.receive(deadline)).get("id") != self.number:
            if "method" in answer:
                self.note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    # -- a page -------------------------------------------------------------------------------------------------------------------

    def open(self, url):
        self.ask("Page.navigate", url=url)
        eventually(lambda: self.run("document.readyState") == "complete")

    def run(self, script):
        """What SCRIPT, an expression, is; of a promise, what it comes to."""
        told = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def window(self, width, height, dark=False, scale=1):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def press(self, key):
        """On the keyboard."""
        parts = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": KEYS[key], **({"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {})}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **parts)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **{name: value for name, value in parts.items() if name != "text"})

    def picture(self, file=None):
        """Of what is seen, as PNG; into FILE, too."""
        picture = base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
        if file:
            file.write_bytes(picture)
        return picture
