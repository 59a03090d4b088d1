"""What the memory of a process holds, and whether some words are in it."""
import os
import re
import subprocess
import tempfile

BLOCK = 1 << 16
ZEROS = bytes(BLOCK)
EDGE = 256  # of zeros are kept beside what is none: the longest word, nearly


def writable_memory(pid):
    """[(kind of memory, bytes)] of all that process PID can write to, without the stretches that it never wrote to."""
    runs = []
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if match:
                where = line.split()[-1] if len(line.split()) > 5 else "anonymous"
                runs += [(where, run) for run in runs_of(memory, int(match[1], 16), int(match[2], 16))]
    return runs


def runs_of(memory, begin, end):
    """What lies between blocks of zeros."""
    runs, run = [], bytearray()
    memory.seek(begin)
    for place in range(begin, end, BLOCK):
        try:
            block = memory.read(min(BLOCK, end - place))
        except OSError:
            break
        if block != ZEROS[:len(block)]:
            run += block if run or place == begin else ZEROS[:EDGE] + block
        elif run:
            runs.append(bytes(run + ZEROS[:EDGE]))
            run.clear()
    return runs + ([bytes(run)] if run else [])


def is_any_in(runs, patterns):
    """Thousands are looked for in one go: a line of grep each, and so without what is before or after an end of line in them."""
    lines = {max(pattern.split(b"\n"), key=len) for pattern in patterns}
    assert all(len(line) >= 4 for line in lines), "nothing to look for"
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(line + b"\n" for line in lines))
        file.flush()
        done = subprocess.run(["grep", "-a", "-q", "-F", "-f", file.name], input=b"\n".join(runs), capture_output=True, check=False,
                              env={**os.environ, "LC_ALL": "C"})
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    return done.returncode == 0


def found(pid, patterns):
    """{name of pattern: kinds of memory it was found in}"""
    memory, seen = writable_memory(pid), {}
    if is_any_in([run for _, run in memory], patterns.values()):
        for name, pattern in patterns.items():
            kinds = {where for where, run in memory if pattern in run}
            if kinds:
                seen[name] = kinds
    return seen
