"""A whole Platesieve in a folder: PostgreSQL, CA, identities, key server, gate.

  DIR/local.json      what was asked for: ports, settings, the socket's folder
  DIR/env             shell assignments that make `platesieve` and `curl` work
  DIR/etc             gate.conf and keys.conf, written at each `up`
  DIR/pki             the CA and <role>/<name>.pem, .key
  DIR/secrets         gate-state.key, keys-master.key: elsewhere than what they seal
  DIR/gate, DIR/keys  the daemons' own folders; DIR/gate/spool the spool
                      (three key servers that share their keys: keys-1, keys-2, keys-3 instead of keys, everywhere)
  DIR/registry        gate.conf and keys.conf: the names that each daemon admits
  DIR/db              the cluster
  DIR/client          what the client remembers
  DIR/log, DIR/run    logs; pids
"""
import contextlib
import fcntl
import json
import os
import secrets
import shlex
import shutil
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import ports
from cluster import DATABASE, Cluster
from lane import Lane
from process import AddressInUse, Daemon, Failure, tail, wait_until

TOP = Path(__file__).resolve().parents[2]
TRUST_DOMAIN = "platesieve.local"
IDENTITIES = (
    "node/gate-1", "node/keys-1", "node/ca",
    "reader/north/1", "reader/north/2", "reader/south/1", "reader/south/2",
    "agency/customs/ana", "agency/customs/eva", "agency/marshals/ben", "agency/marshals/mia",
    "evidence/customs/1", "evidence/marshals/1",
    "operator/gate/olga", "operator/keys/kim", "auditor/ines",
)
NO_PROXY = urllib.request.ProxyHandler({})
LOCAL = urllib.request.build_opener(NO_PROXY)
PROGRAMS = {"gate": "platesieved", "keys": "platesieve-keyd"}
ADMITTED = {"gate": ("reader", "agency", "operator/gate", "auditor", "node"), "keys": ("reader", "agency", "operator/keys", "auditor", "node")}
AUTHORITY = "node/ca"  # the CA's machine: the only node that a gate has a use for, and no use for a key server
SUITES = ("voprf-ristretto255-sha512", "hmac-sha256")  # the first is a key server's default
# A laboratory: the operator's caps are wider than a gate's own defaults, and nobody runs into a quota.  A setting of None is left out of
# the file: the daemon's own default.
QUOTAS = {"lane.reads_a_day": 10**11, "lane.reads_a_minute": 10**8, "agency.tokens": 2**30, "agency.pushes": 10**5,
          "lane.key_fetches": 10**6, "agency.key_fetches": 10**6}
LABORATORY = {"gate.lists.near_entries_max": "10000", "gate.lists.suspend_share": "0",  # here most reads may hit
              **{f"{daemon}.quota {figure}": str(value) for daemon in ("gate", "keys") for figure, value in QUOTAS.items()}}


def identity_file(name):
    """role/rest of an identity's files, without their ending: agency/customs/ana is agency/customs.ana."""
    role, rest = name.split("/", 1)
    return f"{role}/{rest.replace('/', '.')}"


def kind_of(name):
    """gate, keys or db, of a part's name: there may be keys-1, keys-2, keys-3."""
    return name.split("-", 1)[0]


def node_of(name):
    """The name in the certificate of the daemon called NAME."""
    return name if "-" in name else f"{name}-1"


def role_of(name):
    first, rest = name.split("/", 1)
    return f"{first}/{rest.split('/', 1)[0]}" if first == "operator" else first


def is_admitted(name, daemon):
    """Has DAEMON a use for NAME?"""
    return role_of(name) in ADMITTED[daemon] and (role_of(name) != "node" or (daemon == "gate") == (name == AUTHORITY))


class Installation:
    def __init__(self, folder, programs=None):
        self.folder = Path(os.path.abspath(folder))
        self.programs = Path(programs or os.environ.get("PLATESIEVE_BUILD") or TOP / "build").resolve()
        self.asked = {"ports": {}, "fixed": [], "settings": dict(LABORATORY), "socket": None, "key_servers": 1}
        if self.exists():
            self.asked = json.loads((self.folder / "local.json").read_text())
            self.asked["settings"] = {**LABORATORY, **self.asked["settings"]}  # an older one may know less of it
        self.cluster = Cluster(self.folder / "db", self.folder / "log/db.log", self.asked["socket"])
        self.daemons = {}
        self.make_daemons()

    def make_daemons(self):
        run, log, etc = self.folder / "run", self.folder / "log", self.folder / "etc"
        self.daemons = {name: Daemon(name, [str(self.programs / PROGRAMS[kind_of(name)]), "--config", str(etc / f"{name}.conf")], run, log / f"{name}.log")
                        for name in (*self.key_names, "gate")}

    # -- what it is -------------------------------------------------------------------------------------------------------

    def exists(self):
        return (self.folder / "local.json").is_file()

    @property
    def key_names(self):
        """The key servers: one with whole keys, or three that share them."""
        count = self.asked.get("key_servers", 1)
        return ("keys",) if count == 1 else tuple(f"keys-{number}" for number in range(1, count + 1))

    @property
    def names(self):
        """All parts, in the order in which they start."""
        return ("db", *self.key_names, "gate")

    def expand(self, parts):
        """PARTS, in the order in which they start; `keys` is each key server."""
        return tuple(name for name in self.names if name in parts or kind_of(name) in parts)

    @property
    def gate(self):
        return self.daemons["gate"]

    @property
    def keys(self):
        """The key server, or the first."""
        return self.daemons[self.key_names[0]]

    def url_of(self, name):
        return f"https://127.0.0.1:{self.asked['ports'][name]}"

    @property
    def gate_url(self):
        return self.url_of("gate")

    @property
    def keys_url(self):
        return ",".join(self.url_of(name) for name in self.key_names)

    @property
    def pki(self):
        return self.folder / "pki"

    @property
    def ca(self):
        return self.pki / "ca/ca.pem"

    @property
    def crl(self):
        return self.pki / "ca/crl.pem"

    def environment(self):
        return {"PLATESIEVE_GATE": self.gate_url, "PLATESIEVE_KEYS": self.keys_url, "PLATESIEVE_CA": str(self.ca),
                "PLATESIEVE_PKI": str(self.pki), "PLATESIEVE_STATE": str(self.folder / "client"),
                **({"PLATESIEVE_SHARED_KEYS": "yes"} if len(self.key_names) > 1 else {})}

    def part(self, name):
        """The daemon or cluster called NAME: gate, keys, db; where there are three key servers, keys-1, keys-2, keys-3."""
        return self.cluster if name == "db" else self.daemons[name]

    @contextlib.contextmanager
    def locked(self):
        """One change at a time."""
        with open(self.folder / ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # -- making it --------------------------------------------------------------------------------------------------------

    def prepare(self, fixed_ports=None, settings=None, key_servers=None):
        """Makes all that is not there yet; nothing runs afterwards but what ran before.  KEY_SERVERS: 1, or 3 that share their keys;
        it stays as it was made."""
        if key_servers and self.exists() and key_servers != len(self.key_names):
            raise Failure(f"{self.folder} was made with {len(self.key_names)} key server{'s' if len(self.key_names) > 1 else ''}")
        self.asked["key_servers"] = key_servers or len(self.key_names)
        self.make_daemons()
        for name in fixed_ports or {}:
            if name not in self.daemons:
                raise Failure("with three key servers their ports are picked")
        self.make_folders()
        with self.locked():
            self.asked["settings"].update(settings or {})
            for name, port in (fixed_ports or {}).items():
                self.asked["ports"][name] = port
                self.asked["fixed"] = sorted({*self.asked["fixed"], name})
            for name in (port for daemon in ("gate", *self.key_names) for port in (daemon, f"{daemon}_metrics")):
                if name not in self.asked["ports"]:
                    self.asked["ports"][name] = ports.pick(self.asked["ports"].values())
            self.asked["socket"] = self.cluster.socket_folder()
            self.save()
            self.make_secrets()
            self.make_identities()
            self.make_cluster()

    def make_folders(self):
        if self.folder.exists() and not self.folder.is_dir():
            raise Failure(f"{self.folder} is not a folder")
        if self.folder.is_dir() and not self.exists() and any(name != ".lock" for name in os.listdir(self.folder)):
            raise Failure(f"{self.folder} holds something else: give an empty or new folder")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("etc", "pki", "secrets", "gate", "gate/spool", *self.key_names, "registry", "db", "client", "log", "run"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)

    def save(self):
        write(self.folder / "local.json", json.dumps(self.asked, indent=2) + "\n")
        assignments = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self.environment().items())
        write(self.folder / "env", f"""\
# Written by deploy/local.  In a shell:  . {shlex.quote(str(self.folder / 'env'))}
unset PLATESIEVE_SHARED_KEYS
{assignments}export PATH={shlex.quote(str(self.programs))}:"$PATH"
# platesieve --as agency/customs/ana list show
# curl --cacert "$PLATESIEVE_CA" --cert "$PLATESIEVE_PKI/agency/customs.ana.pem" --key "$PLATESIEVE_PKI/agency/customs.ana.key" \\
#     "$PLATESIEVE_GATE/v1/lists"
""")
        self.write_settings()

    def make_secrets(self):
        for name in ("gate-state.key", *(f"{name}-master.key" for name in self.key_names)):
            path = self.folder / "secrets" / name
            if not path.exists():
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(secrets.token_bytes(32))

    def make_cluster(self):
        self.cluster.make()

    def make_identities(self):
        if not self.ca.exists():
            self.run("platesieve", "ca", "init", "--pki", self.pki, "--trust-domain", TRUST_DOMAIN)
        self.run("platesieve", "ca", "crl", "--pki", self.pki)  # signed again, so that it does not end while this runs
        missing = [name for name in self.identities if not (self.pki / f"{identity_file(name)}.pem").exists()]
        if missing:
            self.run("platesieve", "ca", "issue", "--pki", self.pki, *missing)

    @property
    def identities(self):
        return tuple(dict.fromkeys((*IDENTITIES, *(f"node/{node_of(name)}" for name in self.key_names))))

    def run(self, program, *argv):
        """One of our programs, to its end; Failure with what it said."""
        if not (self.programs / program).exists():
            raise Failure(f"{self.programs / program} is not there: run deploy/build")
        done = subprocess.run([str(self.programs / program), *(str(word) for word in argv)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, cwd="/", env={**os.environ, **self.environment()}, check=False)
        if done.returncode:
            raise Failure(f"{program} {argv[0]} left with code {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def auditor_status(self):
        """GET /v1/status of the gate as the auditor, who sees covert hits counted too."""
        context = ssl.create_default_context(cafile=str(self.ca))
        base = self.pki / identity_file("auditor/ines")
        context.load_cert_chain(f"{base}.pem", f"{base}.key")
        opener = urllib.request.build_opener(NO_PROXY, urllib.request.HTTPSHandler(context=context))
        with opener.open(self.gate_url + "/v1/status", timeout=10) as answer:
            return json.load(answer)

    def readiness(self, name):
        """What the daemon NAME says on its loopback port: (ready, reasons)."""
        if not self.part(name).pid():
            return False, ["does not run"]
        try:
            with LOCAL.open(f"http://127.0.0.1:{self.asked['ports'][name + '_metrics']}/readyz", timeout=5) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                try:
                    told = json.load(error)
                except ValueError:
                    return False, [f"answered {error.code}"]
        except (OSError, ValueError):
            return False, ["does not answer"]
        return bool(told.get("ready")), told.get("reasons", [])

    # -- settings ---------------------------------------------------------------------------------------------------------

    def settings(self):
        """{"gate": {section: {key: value}}, "keys": … (or "keys-1" …), "db": {key: value}}"""
        f, port = self.folder, self.asked["ports"]
        common = {"trust_domain": TRUST_DOMAIN, "ca": self.ca, "crl": self.crl, "threads": min(2, os.cpu_count() or 1)}
        gate = {
            "gate": {"name": "gate-1", "listen": f"127.0.0.1:{port['gate']}", "metrics_listen": f"127.0.0.1:{port['gate_metrics']}",
                     "certificate": self.pki / "node/gate-1.pem", "key": self.pki / "node/gate-1.key", **common, "workers": 4,
                     "enrolment": "yes", "registry": f / "registry/gate.conf",
                     "state_dir": f / "gate", "state_key": f"file:{f}/secrets/gate-state.key", "spool_dir": f / "gate/spool"},
            "keys": {"url": self.keys_url, **({"shared": "yes"} if len(self.key_names) > 1 else {})},
            "database": {role: self.cluster.conninfo(f"platesieve_{role}") for role in ("gate", "agency", "owner")},
            "lists": {},
            "webhooks": {"allow": "localhost:8444, localhost:1"},  # a receiver that somebody tries out; nobody
        }
        files = {"gate": gate, "db": {}}
        for daemon in self.key_names:
            node = self.pki / f"node/{node_of(daemon)}"
            files[daemon] = {
                "keyd": {"name": node_of(daemon), "listen": f"127.0.0.1:{port[daemon]}", "metrics_listen": f"127.0.0.1:{port[daemon + '_metrics']}",
                         "certificate": f"{node}.pem", "key": f"{node}.key", **common, "registry": f / f"registry/{daemon}.conf",
                         "state_dir": f / daemon, "master_key": f"file:{f}/secrets/{daemon}-master.key"},
            }
        for name, value in self.asked["settings"].items():
            if value is None:
                continue
            where, rest = name.split(".", 1)
            if where == "db":
                files["db"][rest] = value
            else:
                section, key = rest.rsplit(".", 1)
                for name in self.expand((where,)):
                    files[name].setdefault(section, {})[key] = value
        return files

    def write_settings(self):
        files = self.settings()
        for name in self.daemons:
            text = "; Written by deploy/local at each `up`: change it with --set.\n"
            for section, keys in files[name].items():
                text += f"\n[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
            write(self.folder / "etc" / f"{name}.conf", text)
        if self.cluster.data.exists():
            self.cluster.configure(files["db"])

    # -- running it -------------------------------------------------------------------------------------------------------

    def start(self, parts=("db", "keys", "gate"), ready=True):
        """Starts PARTS that do not run, and waits a while until they can do their work (READY: they will); returns those that it started.
        When one fails, those that this call started are stopped again."""
        started = []
        with self.locked():
            self.asked["socket"] = self.cluster.socket_folder()
            self.save()
            try:
                for name in self.expand(parts):
                    if not self.part(name).pid():
                        started.append(name)
                        getattr(self, f"start_{kind_of(name)}")(name)
            except BaseException:
                for name in reversed(started):
                    self.part(name).stop()
                raise
        if ready and started and all(self.part(name).pid() for name in self.names):
            wait_until(lambda: all(self.readiness(name)[0] for name in self.daemons), 20)
        return started

    def start_db(self, _name):
        self.cluster.start()
        if not (self.folder / "db/made").exists():
            self.cluster.psql(file=TOP / "schema/roles.sql", database="postgres")
            self.cluster.database()
            write(self.folder / "db/made", f"{DATABASE}\n")
        self.run("platesieved", "migrate", "--config", self.folder / "etc/gate.conf")  # also what a newer build brings

    def lane_service(self, identity="reader/north/1", folder=None, **sections):
        """A lane service as IDENTITY, on a port of its own, that is started by start() or `with`; SECTIONS: {"waiting": {"age_s": 5}, "camera gate": …} over
        what it needs.  Its files are in FOLDER (FOLDER/run/lane-…)."""
        told = {"lane": {"as": identity, "pki": self.pki, "ca": self.ca, "crl": self.crl, "gate": self.gate_url, "keys": self.keys_url,
                         "shared_keys": "yes" if len(self.key_names) > 1 else "no"},
                "listen": {"address": "127.0.0.1:0"}}
        for section, keys in sections.items():
            told[section] = {**told.get(section, {}), **keys}
        folder = folder or self.folder / "run" / f"lane-{identity_file(identity).split('/')[1]}"
        return Lane(self.programs / "platesieve", folder, told, {"PLATESIEVE_STATE": str(self.folder / "client")})

    # -- who is admitted --------------------------------------------------------------------------------------------------

    def register(self, *names, daemons=("gate", "keys"), quota=None):
        """Registers NAMES at DAEMONS, as far as these have a use for their roles; in force within half a second."""
        self.registration("register", names, daemons, *(("--quota", quota) if quota else ()))

    def unregister(self, *names, daemons=("gate", "keys")):
        self.registration("unregister", names, daemons)

    def registration(self, command, names, daemons, *options):
        for daemon in self.expand(daemons):
            fitting = [name for name in names if is_admitted(name, kind_of(daemon))]
            if fitting:
                self.run(PROGRAMS[kind_of(daemon)], command, "--config", self.folder / f"etc/{daemon}.conf", *options, *fitting)

    def issue(self, *names):
        """Certificates for NAMES, which are then registered wherever their roles may be."""
        self.run("platesieve", "ca", "issue", "--pki", self.pki, *names)
        self.register(*names)

    def register_all(self, daemon):
        """Once: what is taken out later stays out."""
        if not (self.folder / f"registry/{daemon}.conf").exists():
            self.register(*self.identities, daemons=(daemon,))

    def start_keys(self, name):
        if len(self.key_names) > 1:
            self.hold_ceremony()
        self.start_gate(name)

    def start_gate(self, name):
        """The gate, or a key server."""
        self.init_once(name)
        self.register_all(name)
        self.start_daemon(self.daemons[name], (name, f"{name}_metrics"))

    def init_once(self, name):
        mark = self.folder / name / ".made"
        if not mark.exists():
            self.run(PROGRAMS[kind_of(name)], "init", "--config", self.folder / f"etc/{name}.conf")
            write(mark, "")

    def hold_ceremony(self):
        """Deals the seeds to the key servers, which do not run yet.  Here all of them are on one machine; nobody else should do that."""
        dealt, held = self.folder / "secrets/ceremony", self.folder / "secrets/ceremony.held"
        if held.exists():
            return
        if not dealt.exists():
            self.run("platesieve", "keys", "ceremony", dealt)
        for number, name in enumerate(self.key_names, 1):
            self.init_once(name)
            self.run("platesieve-keyd", "share", dealt / f"keys-{number}.share", "--config", self.folder / f"etc/{name}.conf")
        for file in dealt.iterdir():
            file.write_bytes(bytes(file.stat().st_size))
        shutil.rmtree(dealt)
        write(held, "")

    def start_daemon(self, daemon, own_ports):
        """Starts DAEMON; when another program was quicker to take one of its ports, with other ports, unless they were given or used."""
        used = self.folder / "run" / f"{daemon.name}.ports"
        for _ in range(20):
            try:
                daemon.start()
                write(used, json.dumps([self.asked["ports"][name] for name in own_ports]))
                return
            except AddressInUse:
                kept = own_ports if used.exists() else [name for name in own_ports if name in self.asked["fixed"]]
                taken = [str(self.asked["ports"][name]) for name in kept if not ports.free(self.asked["ports"][name])]
                if taken or used.exists():
                    raise Failure(f"{daemon.name}: port {' and '.join(taken) or 'of its settings'} is in use by another program") from None
                mine = [name for name in own_ports if name not in kept]
                for name in mine:
                    self.asked["ports"][name] = ports.pick(self.asked["ports"].values())
                self.save()
        raise Failure(f"{daemon.name}: no free port found")

    def kill(self, name):
        """Ends the daemon NAME as an outage would."""
        with self.locked():
            self.daemons[name].send(signal.SIGKILL)
            self.daemons[name].stop(0)

    def stop(self, parts=("gate", "keys", "db")):
        """Stops PARTS; returns {part: how it ended} for those that ran."""
        ended = {}
        with self.locked():
            for name in reversed(self.expand(parts)):
                how = self.part(name).stop()
                if how:
                    ended[name] = how if isinstance(how, str) else "stopped"
        return ended


def write(path, text):
    """Writes a file of ours whole, mode 0600."""
    temporary = Path(f"{path}.new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
