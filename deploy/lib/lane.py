"""A lane service that a program or a test runs: `platesieve lane --config`, its settings, its doors, and what it prints."""
import json
import os
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

from process import AddressInUse, Failure, tail, wait_until

LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def settings_text(sections):
    """{section: {key: value}} as the service reads it; a value of None is left out."""
    text = "; Written by deploy/lib/lane.py.\n"
    for section, keys in sections.items():
        text += f"\n[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None)
    return text


class Lane:
    """FOLDER holds lane.conf, out (standard output: alerts), log (standard error: remarks and counts) and ready."""

    def __init__(self, program, folder, sections, environment=None):
        self.program, self.folder, self.environment = str(program), Path(folder), environment or {}
        self.config, self.out, self.log, self.ready = (self.folder / name for name in ("lane.conf", "out", "log", "ready"))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.config.write_text(settings_text(sections), encoding="utf-8")
        self.process = self.port = None

    # -- running it -------------------------------------------------------------------------------------------------------

    def start(self, *argv, stdin=subprocess.DEVNULL, seconds=30):
        """Starts it and waits until it listens.  AddressInUse, or Failure with the end of its log; then it does not run."""
        self.ready.unlink(missing_ok=True)
        with open(self.out, "ab") as out, open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program, "lane", "--config", str(self.config), "--ready-file", str(self.ready), *argv], stdin=stdin,
                                            stdout=out, stderr=log, cwd="/", start_new_session=True, env={**os.environ, **self.environment})
        if wait_until(lambda: self.process.poll() is not None or self.ready.exists(), seconds) and self.process.poll() is None:
            self.port = json.loads(self.ready.read_text())["port"]
            return self
        code = self.process.poll()
        self.kill()
        if code == 4:
            raise AddressInUse(str(self.config))
        raise Failure(f"the lane {'left with code ' + str(code) if code is not None else 'is not ready'}; the end of {self.log}:\n{tail(self.log)}")

    @property
    def pid(self):
        return self.process.pid

    def stop(self, seconds=20):
        """SIGTERM; its exit code.  Failure when it does not end."""
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"the lane did not end within {seconds} s; the end of {self.log}:\n{tail(self.log)}") from None

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.stop()

    # -- its doors --------------------------------------------------------------------------------------------------------

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def get(self, path):
        """The JSON that it answers with; urllib.error.HTTPError for a problem."""
        with LOCAL.open(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, engine, message, content_type="application/json", camera=None):
        """One message of ENGINE: bytes, or what becomes JSON."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        query = "?" + urllib.parse.urlencode({"camera": camera}) if camera else ""
        request = urllib.request.Request(f"{self.url}/engines/{engine}{query}", body, {"Content-Type": content_type}, method="POST")
        with LOCAL.open(request, timeout=10) as answer:
            return json.load(answer)

    def status(self):
        return self.get("/status")

    def metrics(self):
        """{name with labels: value}"""
        with LOCAL.open(self.url + "/metrics", timeout=10) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line and not line.startswith("#")]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    # -- what it printed --------------------------------------------------------------------------------------------------

    def lines(self):
        """Of standard output, so far."""
        return self.out.read_text().splitlines() if self.out.exists() else []

    def alerts(self):
        """The alerts so far, where it prints them as JSON."""
        return [json.loads(line) for line in self.lines()]

    def said(self):
        return self.log.read_text() if self.log.exists() else ""
