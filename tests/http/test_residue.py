"""Law 3: a non-match leaves a count and nothing else; soon gone from the gate's memory, never on a disk."""
import os
import re
import time
from pathlib import Path

import pytest

import plates
import ristretto
import thief
from house import eventually
from memory import found

READER = "reader/north/1"
FAST = {"keys.keyd.epoch_length_s": "6", "keys.keyd.epoch_overlap_s": "2", "keys.keyd.destroy_after_s": "1"}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root reads the memory of a process that hides it")


def tokens_of(reads):
    """{label: bytes} of all tokens of some reads, as sent and as bytes, and of what names them."""
    patterns = {}
    for number, read in enumerate(reads):
        patterns[f"read {number} read_id text"] = read["read_id"].encode()
        patterns[f"read {number} read_id bytes"] = plates.bytes64(read["read_id"])
        for candidate in read["candidates"]:
            for made in candidate["tokens"]:
                for grade, value in made.items():
                    for place, text in enumerate(value if isinstance(value, list) else [value]):
                        patterns[f"read {number} {grade} {place} text"] = text.encode()
                        patterns[f"read {number} {grade} {place} bytes"] = plates.bytes64(text)
                        patterns[f"read {number} {grade} {place} hexadecimal"] = plates.bytes64(text).hex().encode()
    return patterns


def misses(installation, count):
    lane = installation.lane(READER)
    return lane, [installation.read(lane, f"ZZZ{number:04d}") for number in range(count)]


@needs_root
@pytest.mark.parametrize("kind", ["one read", "full batch", "one by one", "refused", "with a hit"])
def test_memory(installation, kind):
    name = installation.listed("QQ6001M", grade="near")
    lane, reads = misses(installation, 64 if kind == "full batch" else 12 if kind == "one by one" else 1)
    session = installation.session(READER)

    def post(body, status=200):
        answer = session.post(installation.url("/v1/checks"), json=body, timeout=30)
        assert answer.status_code == status, answer.text

    if kind == "one by one":
        for read in reads:
            post(installation.check_body(lane, [read]))
    elif kind == "refused":
        post({**installation.check_body(lane, reads), "unknown": 1}, 400)
    elif kind == "with a hit":
        post(installation.check_body(lane, [*reads, installation.read(lane, "QQ6001M")]))
    else:
        post(installation.check_body(lane, reads))
    pid, secret = installation.gate.pid(), tokens_of(reads[::8] + reads[-1:])
    assert found(pid, {"list": name.encode()}), "the search itself must find what is there"
    eventually(lambda: not (left := found(pid, secret)) or print(left), step=0.2)  # the connection is still there
    session.close()


def spellings(name, raw):
    return {f"{name} bytes": raw, f"{name} text": plates.text64(raw).encode(), f"{name} hexadecimal": raw.hex().encode()}


def wait_destroyed(house, epoch):
    eventually(lambda: [gone for gone in house.epochs(("destroyed",)) if gone["id"] == epoch["id"]], 60, 0.2)


@needs_root
def test_a_destroyed_key_is_gone(new_installation):
    house = new_installation({**FAST, "keys.keyd.suite": "hmac-sha256"}, start=False)
    house.start(("keys",))
    one = house.epochs(("coming",))[-1]
    patterns = spellings("key", house.key(one["id"]))
    assert "key bytes" in found(house.keys.pid(), patterns), "the search itself must find what is there"
    wait_destroyed(house, one)
    assert found(house.keys.pid(), patterns) == {}


@needs_root
def test_a_destroyed_key_pair_is_gone(new_installation):
    """Its seed, which is on the disk alone, and its secret scalar, which is in memory until then, derived as docs/protocol.md says."""
    house = new_installation(FAST, start=False)
    house.start(("keys",))
    one = house.epochs(("coming",))[-1]
    seed, secret = thief.seed_of(house, one), thief.secret_of(house, one)
    assert plates.text64(ristretto.encode(ristretto.multiply(secret, ristretto.GENERATOR))) == one["public_key"]
    patterns = spellings("seed", seed) | spellings("secret", secret.to_bytes(32, "little"))
    for _ in range(5):
        answer = house.post(f"/v1/epochs/{one['id']}/evaluate", READER, {"blinded": [one["public_key"]] * 64}, server="keys")
        assert answer.status_code == 200
    assert set(found(house.keys.pid(), patterns)) == {"secret bytes"}, "the search itself must find what is there"
    wait_destroyed(house, one)
    assert found(house.keys.pid(), patterns) == {}


def test_disks(installation):
    """Not in PostgreSQL's files, its WAL among them, not in the spool, not in a log: as text, bytes, or hexadecimal."""
    installation.listed("QQ6002M")
    lane, reads = misses(installation, 40)
    answer = installation.post("/v1/checks", READER, installation.check_body(lane, reads))
    assert answer.status_code == 200
    assert installation.check("QQ6002M")["answer"] == "hit"
    assert installation.post("/v1/checks", READER, {**installation.check_body(lane, reads), "extra": 1}).status_code == 400
    time.sleep(1)
    installation.sql("CHECKPOINT")
    sent = [token for read in reads[::10] for made in read["candidates"][0]["tokens"] for token in (made["full"], made["plate"], *made.get("near", ())[:2])]
    sent += [read["read_id"] for read in reads[::10]]
    patterns = [form for text in sent for form in (text.encode(), plates.bytes64(text), plates.bytes64(text).hex().encode())]
    searched = 0
    for root in ("db", "gate", "keys", "log", "run"):
        for path in (installation.folder / root).rglob("*"):
            if path.is_file():
                searched += 1
                data = path.read_bytes()
                assert not [pattern for pattern in patterns if pattern in data], path
    assert searched > 100
    assert "QQ6002M" not in Path(installation.gate.log).read_text()


def test_no_core_and_no_debugger(installation):
    """Neither daemon leaves a core file, nor lets others of its user look into it."""
    for daemon in (installation.gate, installation.keys):
        limits = Path(f"/proc/{daemon.pid()}/limits").read_text()
        assert re.search(r"Max core file size\s+0\s+0", limits)
        # a process that may be dumped belongs to its user in /proc; one that may not, to root
        assert os.stat(f"/proc/{daemon.pid()}/mem").st_uid == 0


def test_metrics_carry_counts_only(installation):
    installation.check("ZZZ7777")
    for server in ("gate", "keys"):
        names = installation.metrics(server)
        assert names
        assert not [name for name in names if "ZZZ7777" in name or re.search(r'"[A-Za-z0-9_-]{22}"', name)]


def test_counts_add_up(installation):
    before = installation.get("/v1/status", "auditor/ines").json()["checks"]
    installation.listed("QQ63CCC3", covert=True)
    installation.listed("QQ64DDD4")
    for plate in ("ZZZ0001", "QQ63CCC3", "QQ64DDD4", "ZZZ0002"):
        installation.check(plate)
    auditor = installation.get("/v1/status", "auditor/ines").json()["checks"]
    operator = installation.get("/v1/status", "operator/gate/olga").json()["checks"]
    assert {key: auditor[key] - before[key] for key in ("reads", "cleared", "hits", "covert")} == {"reads": 4, "cleared": 2, "hits": 2, "covert": 1}
    assert auditor["reads"] == auditor["cleared"] + auditor["hits"] == operator["reads"] == operator["cleared"] + operator["hits"]
    assert operator["hits"] == auditor["hits"] - auditor["covert"]
    assert not {"covert", "hits_by_grade", "hits_by_list"} & set(operator)
    assert sum(auditor["hits_by_grade"].values()) == auditor["hits"]


def test_later_looks_are_counted_apart(installation):
    """One vehicle, looked at four times: it is cleared once, hits each entry once, and what it hit covertly only auditors see."""
    open_name, other = installation.listed("QQ65EEE5"), installation.listed("QQ65EEF5")
    covert = installation.listed("QQ66FFF6", covert=True)
    before = {who: installation.get("/v1/status", who).json()["checks"] for who in ("auditor/ines", "operator/gate/olga")}
    counted = installation.metrics()["platesieve_looks_again_total"]
    lane = installation.lane("reader/north/1")
    looks = [installation.read(lane, plate, read_id="MTIzNDU2Nzg5MDEyMzQ1Ng")
             for plate in ("ZZZ0003", "QQ65EEE5", "QQ65EEE5", "QQ65EEF5", "ZZZ0004", "QQ66FFF6", "QQ66FFF6")]
    answers = []
    for number, look in enumerate(looks):
        answer = installation.post("/v1/checks", "reader/north/1", installation.check_body(lane, [{**look, "again": number > 0}]))
        assert answer.status_code == 200, answer.text
        answers.append(answer)
    told = [answer.json()["answers"][0]["answer"] for answer in answers]
    assert told == ["clear", "hit", "hit", "hit", "clear", "clear", "clear"]
    assert len({len(answer.content) for answer in answers[-3:]}) == 1
    after = {who: installation.get("/v1/status", who).json()["checks"] for who in before}
    gained = {who: {key: after[who][key] - before[who][key] for key in ("reads", "cleared", "hits", "again")} for who in before}
    assert gained["operator/gate/olga"] == {"reads": 4, "cleared": 1, "hits": 3, "again": 3}
    assert gained["auditor/ines"] == {"reads": 6, "cleared": 1, "hits": 5, "again": 1}
    assert installation.metrics()["platesieve_looks_again_total"] == counted + 3
    for checks in after.values():
        assert sum(one["again"] for one in checks["lanes"]) == checks["again"] and checks["reads"] == checks["cleared"] + checks["hits"]
    for name in (open_name, other, covert):
        assert [one["count"] for one in installation.wait_hits(1, name)] == [1], "one vehicle, one read counted on its hit"


def test_a_lane_that_only_looks_again_is_named(installation):
    """What is said to be a later look is not among the reads: whoever says it of everything shows up in the status."""
    lane_name = "reader/excess/looks"
    installation.issue(lane_name)
    lane = installation.lane(lane_name)
    look = {**installation.read(lane, "ZZZ0005"), "again": True}
    for _ in range(2):
        answer = installation.post("/v1/checks", lane_name, installation.check_body(lane, [look] * 60))
        assert answer.status_code == 200, answer.text
    said = installation.platesieve("status", "--as", "auditor/ines").stdout
    assert f"{lane_name} calls 120 of its looks later ones, beside 0 reads" in said and "reader/north/1 calls" not in said
