"""Programs whose clock is off, and such whose clock jumps."""
import contextlib
import math
import mmap
import os
import struct
import subprocess
import time

MINUTE_S, DAY_S = 60, 86400

SHIFT = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static const volatile long *moving; /* SHIFT_FILE: in it, and read at each call */
__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("SHIFT_FILE");
    const int fd = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    moving = mmap(NULL, sizeof(*moving), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (moving == MAP_FAILED) abort();
}
static long shift(void)
{
    const char *text = getenv("SHIFT_S");
    return moving ? *moving : text ? atol(text) : 0;
}
int clock_gettime(clockid_t id, struct timespec *now)
{
    int code = (int)syscall(SYS_clock_gettime, id, now);
    if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return code;
}
time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


def shifter(folder):
    """A maker of environments, for programs whose clock is off by so many seconds."""
    (folder / "shift.c").write_text(SHIFT, encoding="ascii")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "shift.so", folder / "shift.c"], check=True)
    return lambda seconds: {"LD_PRELOAD": str(folder / "shift.so"), "SHIFT_S": str(seconds)}


class MovingClock:
    """A clock that this program sets for others while they run, those with its `environment`."""

    def __init__(self, folder):
        self.file = folder / "shift"
        self.file.write_bytes(bytes(8))
        with open(self.file, "r+b") as file:
            self.shift = mmap.mmap(file.fileno(), 8)
        self.environment = {**shifter(folder)(0), "SHIFT_FILE": str(self.file)}

    def set(self, seconds):
        """From now on it is so many seconds off."""
        self.shift[:] = struct.pack("=q", seconds)

    def now(self):
        """What they believe."""
        return time.time() + struct.unpack("=q", self.shift[:])[0]

    def forward(self, seconds):
        """At least so many seconds, less than one more."""
        self.set(struct.unpack("=q", self.shift[:])[0] + math.ceil(seconds))

    def left(self, length):
        """Seconds until a minute or day ends."""
        return length - self.now() % length

    def new_minute(self, left=None):
        """A minute has just begun (or has only LEFT seconds), and the day has many."""
        if self.left(DAY_S) < 1000:
            self.forward(self.left(DAY_S))
        self.forward(self.left(MINUTE_S))
        if left:
            self.forward(self.left(MINUTE_S) - left)

    @contextlib.contextmanager
    def of_all(self):
        """It is that of all programs that are started meanwhile."""
        os.environ.update(self.environment)
        try:
            yield self
        finally:
            for name in self.environment:
                del os.environ[name]
