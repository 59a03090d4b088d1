"""list_large: a list of ten million entries: pushed whole, held at rest, and changed by a thousand rows."""
import os
import re
import subprocess
import threading
import time
from pathlib import Path

from lists import USER, Watch, copy_of_slots, cpu_s
from made_up import write_list
from process import Failure, wait_until
from report import Figure, say

LIST, PREFIX, CHANGED = "bench-large", "Q7", 1000
QUOTA = {"gate.quota agency.tokens": "1000000000", "keys.quota agency.tokens": "1000000000"}
REST_BYTES = 64 << 20


def load_average():
    return os.getloadavg()[0]


def gate_cpu_s(stage):
    return cpu_s(stage.installation.gate.pid())


def database_cpu_s(stage):
    """Of PostgreSQL's processes that live; its connections are kept, and so are their processes."""
    server = int((stage.installation.cluster.data / "postmaster.pid").read_text(encoding="ascii").split()[0])
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server)], capture_output=True, text=True, check=True).stdout.split()
    total = 0.0
    for pid in [server, *map(int, told)]:
        try:
            total += cpu_s(pid)
        except OSError:
            pass
    return total


def client(stage, *argv):
    """Runs the client to its end: (seconds, most resident bytes, standard output); says what processor time it took."""
    installation = stage.installation
    words = [str(installation.programs / "platesieve"), "--as", USER, *(str(word) for word in argv)]
    gate_s, database_s, began = gate_cpu_s(stage), database_cpu_s(stage), time.monotonic()
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, **installation.environment()}) as child:
        errors = []
        reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
        reader.start()
        told = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        reader.join()
    say(f"  `{' '.join(str(word) for word in argv[:2])}`: {usage.ru_utime + usage.ru_stime:.1f} s of processor time here, "
        f"{gate_cpu_s(stage) - gate_s:.1f} s in the gate, {database_cpu_s(stage) - database_s:.1f} s in the database")
    if child.returncode:
        raise Failure(f"platesieve {argv[0]} {argv[1]} left with code {child.returncode}: {errors[0].strip()[-500:]}")
    return time.monotonic() - began, usage.ru_maxrss * 1024, told


def resident(pid, field="VmRSS"):
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024


def at_rest(stage, seconds=60):
    """(resident bytes beyond index and entries, the index's own words), once it has stopped falling."""
    house, pid = stage.installation, stage.installation.gate.pid()
    least, since = None, time.monotonic()
    while time.monotonic() - since < seconds:
        index = house.get("/v1/status", "operator/gate/olga").json()["index"]
        rest = resident(pid) - index["bytes"] - index["entries_bytes"]
        if least is None or rest < least[0]:
            least = rest, index
        if rest <= REST_BYTES // 2:
            break
        time.sleep(1)
    return least


def live_s(stage, plate_number, prefix, run):
    """Seconds from the beginning of RUN, in a thread of its own, to the first hit; and what RUN returned."""
    watch, seen = Watch(stage, plate_number, prefix), []
    if watch.hit():
        raise Failure("a plate was listed before it was pushed")
    began = time.monotonic()
    thread = threading.Thread(target=lambda: seen.append(run()))
    thread.start()
    live = watch.until_hit(7200, 0.02) - began
    thread.join()
    if not seen:
        raise Failure("a command of the client failed")
    return live, seen[0]


def push_whole(stage, path, count):
    write_list(path, count, PREFIX)
    stage.list_create(LIST, "plate")
    live, (took, most, _) = live_s(stage, count - 1, PREFIX, lambda: client(stage, "list", "push", LIST, path, "--patience", "900"))
    pid = stage.installation.gate.pid()
    say(f"  {count:,} entries: {took:.1f} s until the client was done, {live:.1f} s until a hit on the last one; most resident: client "
        f"{most >> 20} MiB, gate {resident(pid, 'VmHWM') >> 20} MiB (load average {load_average():.1f})")
    copy_s, rows = copy_of_slots(stage, LIST)
    say(f"  COPY of its {rows:,} rows: {copy_s:.1f} s")
    return took, most, copy_s


def add_thousand(stage, path, count):
    """A file of a thousand rows by `list add`: seconds until the last is live."""
    text = path.parent / "thousand.csv"
    write_list(text, CHANGED, "Q3")
    live, (took, _, _) = live_s(stage, CHANGED - 1, "Q3", lambda: client(stage, "list", "add", LIST, text))
    say(f"  {CHANGED:,} more by `list add`: live after {live:.2f} s, the client was done after {took:.2f} s (load average {load_average():.1f})")
    text.unlink()
    return live


def push_changed(stage, path, count):
    """The whole file again, with a thousand other rows at its end: the client reads it all, and sends these."""
    with open(path, "a", encoding="ascii") as file:
        extra = path.parent / "extra.csv"
        write_list(extra, CHANGED, "Q4")
        file.writelines(extra.read_text(encoding="ascii").splitlines(keepends=True)[1:])
        extra.unlink()
    live, (took, most, told) = live_s(stage, CHANGED - 1, "Q4", lambda: client(stage, "list", "push", LIST, path))
    say(f"  the whole file with {CHANGED:,} rows more, by `list push`: live after {live:.1f} s, done after {took:.1f} s, most resident "
        f"{most >> 20} MiB (load average {load_average():.1f})")
    if "1,000 added" not in told and f"{CHANGED} added" not in told:
        raise Failure(f"not a thousand rows were sent: {told.strip()[-300:]}")
    return took


def list_large(stage):
    count = 20_000 if stage.quick else 10_000_000 if stage.big else 1_000_000
    stage.fresh(suite="hmac-sha256")
    stage.settings.update(QUOTA)
    path = stage.folder / "large.csv"
    took, most, copy_s = push_whole(stage, path, count)
    if not wait_until(lambda: stage.installation.ready().get("ready"), 30):
        raise Failure("the gate is not ready any more")
    rest, index = at_rest(stage)
    say(f"  at rest: {index['slots']:,} slots in {index['bytes'] >> 20} MiB, {index['entries']:,} entries in {index['entries_bytes'] >> 20} MiB, "
        f"and {rest >> 20} MiB besides")
    live = add_thousand(stage, path, count)
    push_changed(stage, path, count)
    rest_after, _ = at_rest(stage)
    say(f"  at rest after the changes: {rest_after >> 20} MiB besides")
    path.unlink()
    stage.fresh()
    yield Figure("list_large", took, "s", "psql COPY of the rows", copy_s, "<= 900 s", lambda figure: figure.value <= 900)
    yield Figure("list_large_client", most / (1 << 20), "MiB", "", 0, "<= 500 MB", lambda figure: most <= 500_000_000)
    yield Figure("list_large_rest", max(rest, rest_after) / (1 << 20), "MiB", "", 0, "<= 64 MB",
                 lambda figure: max(rest, rest_after) <= 64_000_000)
    yield Figure("list_large_delta", live, "s", "", 0, "<= 2 s", lambda figure: figure.value <= 2)
