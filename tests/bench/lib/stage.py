"""What the measurements stand on: one installation in a folder, its processes, and those of the yardsticks."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import ports
from house import House
from installation import DATABASE, identity_file
from process import Failure, wait_until
from report import say

TOP = Path(__file__).resolve().parents[3]

# One open epoch, so that a check carries tokens once: a length that no run sees the end of, and an overlap that can't matter.
SETTINGS = {
    "keys.keyd.epoch_length_s": str(7 * 86400),
    "keys.keyd.epoch_overlap_s": "1",
    "gate.site north.grades": "full plate similar",
}

SLOT_ROW_BYTES = 25  # slot, tag, grade: see schema/0001_lists.sql
OPEN_EPOCH = "SELECT number FROM platesieve.epochs WHERE opens_at <= now() AND closes_at > now() ORDER BY number DESC LIMIT 1"


def anonymous_bytes(pid):
    """Memory that is a process's own and resident: without the files that it maps."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^RssAnon:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024


class Stage:
    def __init__(self, quick=False, pairs=None, keep=False, profile=False, big=False):
        self.quick, self.keep, self.profile, self.big = quick, keep, profile, big
        self.pairs = pairs or (2 if quick else 15)
        self.run_s, self.warm_up_s = (0.8, 0.3) if quick else (1.5, 0.4)
        self.children = []
        self.folder = None
        self.made, self.count = None, 1
        self.settings = SETTINGS
        self.loaded = None     # index.Loaded, once made
        self.empty_bytes = 0   # of the gate's process before it had a list

    def __enter__(self):
        # /var/tmp: /tmp may be in memory, where a sync costs nothing.
        self.folder = Path(tempfile.mkdtemp(prefix="platesieve-bench-", dir=os.environ.get("TMPDIR") or "/var/tmp"))
        return self

    def __exit__(self, *_):
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        for child in reversed(self.children):
            self.end(child)
        self.leave_installation()
        if self.keep:
            say(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        for number, handler in handlers.items():
            signal.signal(number, handler)

    # -- the installation --------------------------------------------------------------------------------------------------

    @property
    def installation(self):
        """The present installation; made and started when it is first asked for."""
        if not self.made:
            say("making an installation")
            self.made = House(self.folder / f"local-{self.count}")
            self.made.prepare({}, self.settings)
            self.made.start()
            if not wait_until(lambda: self.made.ready().get("ready"), 30):
                raise Failure("the gate does not get ready")
            self.empty_bytes = anonymous_bytes(self.made.gate.pid())
        return self.made

    def leave_installation(self):
        """Stops the installation; the next one that is asked for is a new one."""
        if self.made:
            self.made.forget_connections()
            self.made.stop()
            self.made.cluster.remove_socket()
            if not self.keep:
                shutil.rmtree(self.made.folder, ignore_errors=True)
        self.made, self.count = None, self.count + 1

    def fresh(self, **settings):
        """The next installation that is asked for is a new one, with these settings of its key server."""
        self.leave_installation()
        self.settings = {**SETTINGS, **{f"keys.keyd.{key}": value for key, value in settings.items()}}

    @property
    def programs(self):
        return Path(os.environ.get("PLATESIEVE_BUILD") or TOP / "build").resolve()

    def platesieve(self, *argv, identity=None, ok=(0,)):
        """The client, to its end; returns its standard output and the seconds it took."""
        installation = self.installation
        words = [str(installation.programs / "platesieve"), *(["--as", identity] if identity else []), *(str(word) for word in argv)]
        began = time.monotonic()
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              env={**os.environ, **installation.environment()})
        took = time.monotonic() - began
        if done.returncode not in ok:
            raise Failure(f"platesieve {argv[0]} left with code {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")
        return done.stdout, took

    def psql(self, sql, user="postgres"):
        return self.installation.cluster.psql(sql, user=user)

    def slot_rows(self):
        """The slots of each entry, in PostgreSQL, for the open epoch."""
        for (row,) in self.psql(f"SELECT encode(packed, 'hex') FROM platesieve.slots WHERE epoch = ({OPEN_EPOCH})"):
            packed = bytes.fromhex(row)
            yield [packed[at:at + 16] for at in range(0, len(packed), SLOT_ROW_BYTES)]

    def psql_script(self, script):
        """Feeds SCRIPT to psql and returns what it prints."""
        cluster = self.installation.cluster
        done = subprocess.run(["/usr/lib/postgresql/15/bin/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", cluster.socket, "-U", "postgres", "-d",
                               DATABASE], input=script, capture_output=True, text=True, cwd="/", check=False)
        if done.returncode:
            raise Failure(f"psql: {done.stderr.strip()}")
        return done.stdout

    def psql_client(self, command):
        """Seconds that psql takes for one command of its own (\\copy), its start included."""
        began = time.monotonic()
        self.psql_script(command + "\n")
        return time.monotonic() - began

    def list_create(self, name, grade):
        self.platesieve("list", "create", name, "--category", "bench", "--grade", grade, identity="agency/customs/ana")

    def list_push(self, name, path):
        """Seconds that the push takes, to the client's end."""
        return self.platesieve("list", "push", name, path, "--codes", "iso", identity="agency/customs/ana")[1]

    def identity(self, name, house=None):
        """(CA, certificate, key) of role/rest."""
        house = house or self.installation
        base = house.pki / identity_file(name)
        return str(house.ca), f"{base}.pem", f"{base}.key"

    # -- other processes -------------------------------------------------------------------------------------------------------

    def child(self, *argv, **more):
        """A process that ends with this stage, at the latest.  In a session of its own, as the daemons are: Linux shares the processors out
        by session (autogroup), so on a busy machine a server in ours would get another share than a gate."""
        process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, text=True, cwd="/", start_new_session=True, **more)
        self.children.append(process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        if process in self.children:
            self.children.remove(process)

    def bare(self, answer_bytes):
        """A bare libmicrohttpd server; returns (process, port)."""
        _, certificate, key = self.identity("node/gate-1")
        process = self.child(self.programs / "tests/bench/bare", "--certificate", certificate, "--key", key, "--ca", self.installation.ca,
                             "--threads", self.installation.settings()["gate"]["gate"]["threads"], "--answer-bytes", answer_bytes,
                             stdout=subprocess.PIPE)
        return process, self.port_of(process)

    def bare_plain(self, answer_bytes):
        """The same without TLS and with one thread: what a lane's listener is made of."""
        process = self.child(self.programs / "tests/bench/bare", "--plain", "--answer-bytes", answer_bytes, stdout=subprocess.PIPE)
        return process, self.port_of(process)

    @staticmethod
    def port_of(process):
        line = process.stdout.readline().strip()
        if not line:
            raise Failure("the bare server does not start")
        return int(line)

    def redis(self):
        """A Redis that speaks mutual TLS and keeps nothing on disk; returns (process, port)."""
        ca, certificate, key = self.identity("node/gate-1")
        for _ in range(5):
            port = ports.pick(())
            process = self.child("redis-server", "--port", 0, "--tls-port", port, "--bind", "127.0.0.1", "--tls-cert-file", certificate,
                                 "--tls-key-file", key, "--tls-ca-cert-file", ca, "--tls-auth-clients", "yes",
                                 "--tls-protocols", "TLSv1.3", "--save", "", "--appendonly", "no", "--dir", self.folder,
                                 stdout=subprocess.DEVNULL)
            if wait_until(lambda: process.poll() is not None or self.redis_says(port, "PING") == "PONG", 10, 0.05) and process.poll() is None:
                return process, port
            self.end(process)
        raise Failure("Redis does not start")

    def redis_says(self, port, *words, stdin=subprocess.DEVNULL):
        ca, certificate, key = self.identity("reader/north/1")
        done = subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(port), "--tls", "--cacert", ca, "--cert", certificate, "--key", key,
                               *(str(word) for word in words)], stdin=stdin, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def load(self, target, port, *more, pid=None, seconds=None, house=None):
        """One run of the generator as a reader (of another HOUSE than the installation); returns its result."""
        ca, certificate, key = self.identity("reader/north/1", house)
        argv = [str(self.programs / "tests/bench/load"), "--target", target, "--port", str(port), "--ca", ca, "--certificate", certificate,
                "--key", key, "--seconds", str(seconds or self.run_s), "--warm-up", str(self.warm_up_s), *(str(word) for word in more)]
        if pid:
            argv += ["--server-pid", str(pid)]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"load of {target} failed: {done.stderr.strip()}")
        return json.loads(done.stdout) if "--show-lane" not in more else done.stdout
