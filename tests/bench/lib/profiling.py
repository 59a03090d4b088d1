"""Where the processor time of a check goes: perf's samples of the gate under load, summed by what they serve."""
import re
import shutil
import subprocess
import time

from process import Failure
from report import say

# The first row that fits a sample counts it: (what, library, symbol).
GROUPS = (
    ("kernel: network, waiting, scheduling", r"kernel|vdso", r""),
    ("slots (HMAC)", r"nettle", r"sha256|hmac"),
    ("TLS (GnuTLS, nettle)", r"gnutls|nettle|hogweed|gmp", r""),
    ("HTTP (libmicrohttpd)", r"microhttpd", r""),
    ("slots (HMAC)", r"sodium", r""),
    ("slots (HMAC)", r"platesieved", r"^(platesieve_slot|keyed_|hmac|sha256)"),
    ("parsing", r"yajl", r""),
    ("parsing", r"platesieved", r"parse|base64|moment"),
    ("look-up", r"platesieved", r"^(index_|entries_|bucket)|rcu"),
    ("look-up", r"urcu", r""),
    ("answer", r"platesieved", r"check_text|answer|put_"),
    ("wiping, copying, allocating (libc)", r"libc", r"mem|alloc|free|arena"),
    ("wiping, copying, allocating (libc)", r"platesieved", r"^(free|realloc|wipe|malloc|arena|platesieve_arena|platesieve_wipe)"),
    ("libc, the rest", r"libc|ld-linux|pthread", r""),
    ("the gate's own, the rest", r"platesieved", r""),
)
ROW = re.compile(r"^\s*([0-9.]+)%\s+(\S+)\s+\[[^]]*\]\s+(\S+)")


def group_of(library, symbol):
    return next((what for what, libraries, symbols in GROUPS if re.search(libraries, library) and re.search(symbols, symbol)), "other")


def shares(report):
    """{what: percent} of the lines of `perf report --sort dso,sym`."""
    found = {}
    for line in report.splitlines():
        row = ROW.match(line)
        if row:
            what = group_of(row[2], row[3])
            found[what] = found.get(what, 0.0) + float(row[1])
    return found


def profile(stage, pid, load):
    """Samples process PID while LOAD() runs, and says what it did."""
    if not shutil.which("perf"):
        raise Failure("--profile needs perf: install linux-perf")
    data = stage.folder / "perf.data"
    record = stage.child("perf", "record", "-q", "-p", pid, "-F", 1999, "-o", data, "--", "sleep", stage.warm_up_s + stage.run_s - 0.2,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.1)
    load()
    record.wait(30)
    done = subprocess.run(["perf", "report", "-i", str(data), "--stdio", "--no-children", "--sort", "dso,sym"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    found = shares(done.stdout)
    if not found:
        raise Failure("perf saw nothing (kernel.perf_event_paranoid?)")
    say("  the gate's processor time goes to:")
    for what, share in sorted(found.items(), key=lambda pair: -pair[1]):
        say(f"    {share:5.1f} %  {what}")
    top = [line.strip() for line in done.stdout.splitlines() if ROW.match(line) and "kernel" not in line][:25]
    say("  beside the kernel, most of it in:")
    for line in top:
        say(f"    {line}")
