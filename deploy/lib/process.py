"""Processes that outlive the program that starts them: started in a session of their own, remembered by pid and start time, and
stopped only when the pid still is that process."""
import errno
import json
import os
import pwd
import signal
import subprocess
import time
from pathlib import Path


class Failure(Exception):
    """Something a person can act on: one line, perhaps with the end of a log below it."""


def tail(path, lines=25):
    """The last LINES lines of a log, indented; empty when there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 16384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "".join(f"    {line}\n" for line in text.splitlines()[-lines:])


def process_start(pid):
    """When process PID began, in clock ticks since boot, with its name; None when it is gone or a zombie.  One that was killed is there until the
    last of its threads has ended: until then its files are open and locked."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        threads = len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return None
    name = text[text.index("(") + 1:text.rindex(")")]
    fields = text[text.rindex(")") + 2:].split()
    return None if fields[0] in "ZX" and threads <= 1 else (int(fields[19]), name)


def reap(pid):
    """Collects PID when it was a child of ours; harmless otherwise."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except OSError as error:
        if error.errno != errno.ECHILD:
            raise


def wait_until(condition, seconds, step=0.02):
    """True as soon as CONDITION() is; False after SECONDS."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step)
    return True


def user_name():
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise Failure(f"user {os.geteuid()} has no name in /etc/passwd, and PostgreSQL wants one") from None


class AddressInUse(Exception):
    """The daemon left with exit code 4."""


class Daemon:
    """One of the two daemons: ARGV in the foreground, its standard error in LOG, its pid in RUN/NAME.pid."""

    def __init__(self, name, argv, run, log):
        self.name, self.argv, self.log = name, argv, Path(log)
        self.pid_file = Path(run) / f"{name}.pid"
        self.ready_file = Path(run) / f"{name}.ready"

    def pid(self):
        """The running daemon's pid, or None.  (/proc/PID/exe of a daemon that hides its memory can be read by root only; pid, name and
        start time together say as much.)"""
        try:
            mark = json.loads(self.pid_file.read_text())
        except (OSError, ValueError):
            return None
        now = process_start(mark["pid"])
        return mark["pid"] if now and list(now) == mark["start"] and mark["boot"] == boot_id() else None

    def ready(self):
        """What the daemon wrote when it was ready, if this is the running one."""
        try:
            told = json.loads(self.ready_file.read_text())
        except (OSError, ValueError):
            return None
        return told if told.get("pid") == self.pid() else None

    def start(self, seconds=30, wait=True):
        """Starts it and waits until it is ready.  AddressInUse, or Failure with the end of its log; then it does not run."""
        if self.pid():
            return
        self.ready_file.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            child = subprocess.Popen([*self.argv, "--ready-file", str(self.ready_file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     cwd="/", start_new_session=True)
        program = Path(self.argv[0]).name[:15]
        wait_until(lambda: child.poll() is not None or (process_start(child.pid) or (0, ""))[1] == program, 5, 0.002)
        mark = {"pid": child.pid, "start": process_start(child.pid), "boot": boot_id()}
        self.pid_file.write_text(json.dumps(mark))
        if not wait:
            return
        if wait_until(lambda: child.poll() is not None or self.ready(), seconds) and child.poll() is None:
            return
        code = child.poll()
        if code is None:
            self.stop(5)
            raise Failure(f"{self.name}: not ready after {seconds} s; the end of {self.log}:\n{tail(self.log)}")
        self.pid_file.unlink(missing_ok=True)
        if code == 4:
            raise AddressInUse(self.name)
        raise Failure(f"{self.name}: left with code {code}; the end of {self.log}:\n{tail(self.log)}")

    def send(self, number):
        """Sends a signal, if it runs; says whether it did."""
        pid = self.pid()
        if pid:
            os.kill(pid, number)
        return bool(pid)

    def stop(self, seconds=20):
        """SIGTERM, after SECONDS SIGKILL.  Says how it ended: "stopped", "killed", or "" when it did not run."""
        pid = self.pid()
        ended = ""
        if pid:
            os.kill(pid, signal.SIGTERM)
            ended = "stopped"
            if not wait_until(lambda: reap(pid) or not self.pid(), seconds):
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: reap(pid) or not self.pid(), 10)
                ended = "killed"
        self.pid_file.unlink(missing_ok=True)
        self.ready_file.unlink(missing_ok=True)
        return ended

    def kill(self):
        """SIGKILL, now (for tests of what survives it)."""
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: reap(pid) or not self.pid(), 10, 0.002)


def boot_id():
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
