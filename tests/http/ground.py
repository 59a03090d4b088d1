"""What installations of tests stand on: a folder in memory, where there is plenty of it, and a PostgreSQL with the schema on it, which is made once by each
process that tests and then copied.  (The way without is that of deploy/local and deploy/demo, whose tests go it.)"""
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from installation import Installation

MEMORY = "/dev/shm"
PLENTY = 6 << 30  # bytes; an installation takes a tenth of a gigabyte, a few of them run at one time

made = []  # the folder with the cluster


def available():
    """Bytes of memory that programs could have."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))


@functools.cache
def base():
    try:
        there = os.statvfs(MEMORY)
        plenty = min(there.f_bavail * there.f_frsize, available() // 2) >= PLENTY and os.access(MEMORY, os.W_OK)
    except OSError:
        plenty = False
    return MEMORY if plenty else "/tmp"


def new_folder():
    return Path(tempfile.mkdtemp(prefix="platesieve-test-", dir=base()))


def cluster_at_rest():
    """The folder of its data."""
    if not made:
        made.append(new_folder())
        house = Installation(made[0])
        house.prepare(settings={"db.fsync": "off"})
        try:
            house.start(("db",))
        finally:
            house.stop(("db",))
            house.cluster.remove_socket()
    return made[0] / "db/data"


def give_data(cluster):
    """A copy, with owner and rights as they are."""
    subprocess.run(["cp", "-a", cluster_at_rest(), cluster.data], check=True)


def remove():
    while made:
        shutil.rmtree(made.pop(), ignore_errors=True)
