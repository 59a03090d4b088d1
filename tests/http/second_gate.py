"""Another gate of the same installation: the same lists, database and secrets, a spool and a port of its own."""
import configparser
import json
import os
import shutil
import signal
import subprocess

import ports
from house import eventually


class SecondGate:
    def __init__(self, house, name="gate-2"):
        self.house, self.folder, self.process = house, house.folder / name, None
        self.port, self.metrics_port = ports.pick(house.asked["ports"].values()), ports.pick(house.asked["ports"].values())
        shutil.copytree(house.folder / "gate", self.folder / "state", ignore=shutil.ignore_patterns("spool*"))
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(house.folder / "etc/gate.conf")
        settings["gate"].update({"name": name, "listen": f"127.0.0.1:{self.port}", "metrics_listen": f"127.0.0.1:{self.metrics_port}",
                             "state_dir": str(self.folder / "state"), "spool_dir": str(self.folder / "spool")})
        with open(self.folder / "gate.conf", "w", encoding="utf-8") as file:
            settings.write(file)
        (self.folder / "gate.conf").chmod(0o600)

    def start(self, environment=None):
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        with open(self.folder / "log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([str(self.house.programs / "platesieved"), "--config", str(self.folder / "gate.conf"), "--ready-file", str(ready)],
                                            stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
        eventually(lambda: ready.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        assert json.loads(ready.read_text())["port"] == self.port

    def url(self):
        return f"https://localhost:{self.port}"

    def end(self, number=signal.SIGTERM):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)
