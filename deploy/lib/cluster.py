"""A private PostgreSQL cluster in a folder: reached by a Unix socket only, by the user who made it only."""
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from process import Failure, process_start, tail, user_name, wait_until

BIN = Path("/usr/lib/postgresql/15/bin")
ROLES = ("postgres", "platesieve_owner", "platesieve_gate", "platesieve_agency")
DATABASE = "platesieve"

# What a read could leave behind must not be here: no statement and no parameter is logged.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "80",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_line_prefix": "%m [%p] %u ",
    "cluster_name": "platesieve",
}


class Cluster:
    """FOLDER holds the data; SOCKET is a short folder (a socket's path ends at 107 bytes); LOG is a file."""

    def __init__(self, folder, log, socket=None):
        self.data, self.log, self.socket = Path(folder) / "data", Path(log), socket
        self.user = "postgres" if os.geteuid() == 0 else user_name()

    def command(self, *argv):
        """ARGV as the cluster's user.  PostgreSQL refuses root; the capability lets it pass folders of mode 0700 on its way."""
        if os.geteuid() != 0:
            return [str(word) for word in argv]
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--inh-caps=+dac_read_search",
                "--ambient-caps=+dac_read_search", *(str(word) for word in argv)]

    def own(self, path):
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def make(self):
        """Makes the cluster, unless it is there."""
        if (self.data / "PG_VERSION").exists():
            return
        if not (BIN / "initdb").exists():
            raise Failure("PostgreSQL 15 is not installed: run deploy/packages install run")
        new = self.data.with_name("data.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        self.own(new)
        done = subprocess.run(self.command(BIN / "initdb", "-D", new, "-U", "postgres", "-A", "peer", "-E", "UTF8", "--locale=C.UTF-8",
                                           "--data-checksums", "--no-instructions"),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", check=False)
        if done.returncode:
            raise Failure(f"initdb failed:\n{done.stdout}")
        new.rename(self.data)

    def configure(self, extra):
        """Writes who may come in and the settings; EXTRA goes on top."""
        users = sorted({self.user, user_name()})
        ident = "".join(f'platesieve "{user}" {role}\n' for user in users for role in ROLES)
        lines = {**SETTINGS, "unix_socket_directories": str(self.socket), **extra}
        conf = "".join("{} = '{}'\n".format(key, value.replace("'", "''")) for key, value in lines.items())
        self.write("pg_hba.conf", "local all all peer map=platesieve\n")
        self.write("pg_ident.conf", ident)
        self.write("conf.d-platesieve.conf", conf)
        main = self.data / "postgresql.conf"
        include = "include 'conf.d-platesieve.conf'\n"
        if include not in main.read_text():
            with open(main, "a", encoding="utf-8") as file:
                file.write(include)

    def write(self, name, text):
        path = self.data / name
        path.write_text(text)
        path.chmod(0o600)
        self.own(path)

    def socket_folder(self):
        """The socket's folder, made again when it is gone; returns its path."""
        if not (self.socket and os.path.isdir(self.socket)):
            self.socket = tempfile.mkdtemp(prefix="platesieve-", dir="/tmp")
        os.chmod(self.socket, 0o700)
        self.own(self.socket)
        return self.socket

    def pid(self):
        """The server's pid, or None: the pid in its file, if that is a postgres that sits in this data folder."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            start = process_start(pid)
            return pid if start and start[1] == "postgres" and os.path.samefile(f"/proc/{pid}/cwd", self.data) else None
        except (OSError, ValueError, IndexError):
            return None

    def start(self):
        if self.pid():
            return
        self.log.touch(mode=0o600)
        self.own(self.log)
        done = subprocess.run(self.command(BIN / "pg_ctl", "start", "-w", "-t", "60", "-s", "-D", self.data, "-l", self.log),
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", check=False)
        if done.returncode:
            self.stop("immediate")
            raise Failure(f"the database does not start; the end of {self.log}:\n{tail(self.log)}")

    def stop(self, mode="fast"):
        """Stops the server; MODE "immediate" is a crash.  Says whether it ran."""
        pid = self.pid()
        if not pid:
            return False
        for attempt in (mode, "immediate"):
            subprocess.run(self.command(BIN / "pg_ctl", "stop", "-w", "-t", "30", "-s", "-m", attempt, "-D", self.data),
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", check=False)
            if wait_until(lambda: not self.pid(), 5):
                return True
        raise Failure(f"the database (process {pid}) does not stop")

    def psql(self, sql=None, file=None, database=DATABASE, user="postgres"):
        """Runs SQL or FILE as USER; returns rows as lists of texts (unaligned, separated by a unit separator)."""
        argv = [str(BIN / "psql"), "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-U", user, "-d", database]
        argv += ["-f", str(file)] if file else ["-c", sql]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", check=False,
                              env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"})
        if done.returncode:
            raise Failure(f"psql: {done.stderr.strip()}")
        return [line.split("\x1f") for line in done.stdout.splitlines() if line]

    def database(self, name=DATABASE):
        """Makes the database, unless it is there."""
        if not self.psql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'", database="postgres"):
            self.psql(f"CREATE DATABASE {name} OWNER platesieve_owner TEMPLATE template0 ENCODING 'UTF8'", database="postgres")

    def conninfo(self, role):
        return f"host={self.socket} dbname={DATABASE} user={role}"

    def remove_socket(self):
        if self.socket and re.fullmatch(r"/tmp/platesieve-[A-Za-z0-9_]+", self.socket):
            shutil.rmtree(self.socket, ignore_errors=True)
