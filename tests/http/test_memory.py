"""What a copy of a daemon's memory shows: no token of a read that matched nothing, a second after; no key of an epoch that was destroyed.
Only root may look into a process that does not let itself be looked into."""
import os
import re
import secrets
import time

import pytest

import plates
from house import eventually

READER = "reader/north/1"
FAST = {"keys.keyd.epoch_length_s": "4", "keys.keyd.epoch_overlap_s": "2", "keys.keyd.destroy_after_s": "1"}

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the daemons' memory")


def in_memory(daemon, patterns):
    """Those PATTERNS (bytes) that the daemon's memory holds, each with where."""
    search = re.compile(b"|".join(re.escape(pattern) for pattern in patterns))
    found = {}
    with open(f"/proc/{daemon.pid()}/maps", encoding="ascii") as maps, open(f"/proc/{daemon.pid()}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights, *rest = line.split()
            first, last = (int(text, 16) for text in span.split("-"))
            if "r" not in rights or rest[-1] in ("[vvar]", "[vsyscall]"):
                continue
            try:
                memory.seek(first)
                content = memory.read(last - first)
            except OSError:
                continue
            for match in search.finditer(content):
                found.setdefault(match[0], (hex(first + match.start()), rest[-1] if len(rest) > 3 else ""))
    return found


def spellings(raw):
    return [raw, plates.text64(raw).encode(), raw.hex().encode()]


@needs_root
def test_a_miss_is_gone_within_a_second(installation):
    eventually(lambda: installation.ready()["ready"], 15, 0.2)
    installation.listed("QQ9001M", grade="near")
    lane = installation.lane(READER)
    body = installation.check_body(lane, [installation.read(lane, f"ZZZ{secrets.randbelow(9999):04d}", "US-TX") for _ in range(5)])
    tokens = {token for read in body["reads"] for candidate in read["candidates"] for tokens in candidate["tokens"]
              for value in tokens.values() for token in (value if isinstance(value, list) else [value])}
    assert tokens
    for _ in range(3):
        answer = installation.post("/v1/checks", READER, body)
        assert answer.status_code == 200 and {one["answer"] for one in answer.json()["answers"]} == {"clear"}
    time.sleep(1)
    assert in_memory(installation.gate, [b"platesieve.example/problems/no-lists"])  # the search finds what is there
    found = in_memory(installation.gate, [spelling for token in tokens for spelling in spellings(plates.bytes64(token))])
    assert not found, [where for where in found.values()]


@needs_root
def test_a_destroyed_key_is_gone(new_installation):
    house = new_installation(FAST, start=False)
    house.start(("keys",))
    one = next(one for one in house.epochs(("coming",)))
    keys = spellings(house.key(one["id"]))
    assert in_memory(house.keys, keys[:1])  # the search finds what is there
    eventually(lambda: [gone for gone in house.epochs(("destroyed",)) if gone["id"] == one["id"]], 30, 0.2)
    time.sleep(1)
    assert not in_memory(house.keys, keys)
