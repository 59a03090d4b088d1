"""Law 3: a non-match leaves a count and nothing else; soon gone from the gate's memory, never on a disk."""
import os
import random
import re
import time
from pathlib import Path

import pytest

import plates
import ristretto
import thief
from house import eventually, now_text
from memory import found
from second_gate import SecondGate

READER = "reader/north/1"
GRADES = ("full", "plate", "similar", "near")
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
    time.sleep(1)
    assert found(pid, secret) == {}  # the connection is still there
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
    installation.listed("QQ62CCC2")
    installation.check("ZZZ7777")
    for server in ("gate", "keys"):
        names = installation.metrics(server)
        assert names
        assert not [name for name in names if "ZZZ7777" in name or re.search(r'"[A-Za-z0-9_-]{22}"', name)]


def counted_since(installation, before, looks):
    """An auditor's counts, once so many looks more are counted than BEFORE."""
    checks = installation.get("/v1/status", "auditor/ines").json()["checks"]
    return checks if checks["reads"] + checks["again"] - before["reads"] - before["again"] == looks else None


def test_counts_add_up(installation):
    before = installation.get("/v1/status", "auditor/ines").json()["checks"]
    installation.listed("QQ63CCC3", covert=True)
    installation.listed("QQ64DDD4")
    for plate in ("ZZZ0001", "QQ63CCC3", "QQ64DDD4", "ZZZ0002"):
        installation.check(plate)
    auditor = eventually(lambda: counted_since(installation, before, 4))  # covert hits count when they are on the disk
    operator = installation.get("/v1/status", "operator/gate/olga").json()["checks"]
    assert {key: auditor[key] - before[key] for key in ("reads", "cleared", "hits", "covert")} == {"reads": 4, "cleared": 2, "hits": 2, "covert": 1}
    assert auditor["reads"] == auditor["cleared"] + auditor["hits"] == operator["reads"] == operator["cleared"] + operator["hits"]
    assert operator["hits"] == auditor["hits"] - auditor["covert"]
    assert not {"covert", "hits_by_grade", "hits_by_list"} & set(operator)
    assert sum(auditor["hits_by_grade"].values()) == auditor["hits"]


def test_later_looks_are_counted_apart(installation):
    """One vehicle, looked at seven times: it is one read, which was cleared and hits, hits each entry once, and what it hit covertly only auditors see."""
    open_name, other = installation.listed("QQ65EEE5"), installation.listed("QQ65EEF5")
    covert = installation.listed("QQ66FFF6", covert=True)
    before = {who: installation.get("/v1/status", who).json()["checks"] for who in ("auditor/ines", "operator/gate/olga")}
    counted = {name: number for name, number in installation.metrics().items() if name.startswith(("platesieve_reads_", "platesieve_looks_"))}
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
    eventually(lambda: counted_since(installation, before["auditor/ines"], 7))
    after = {who: installation.get("/v1/status", who).json()["checks"] for who in before}
    gained = {who: {key: after[who][key] - before[who][key] for key in ("reads", "cleared", "hits", "again", "matches")} for who in before}
    assert gained["operator/gate/olga"] == {"reads": 1, "cleared": 0, "hits": 1, "again": 6, "matches": 2}
    assert gained["auditor/ines"] == {"reads": 1, "cleared": 0, "hits": 1, "again": 6, "matches": 3}
    metrics = installation.metrics()
    assert {name: metrics[name] - counted[name] for name in counted} == {
        'platesieve_reads_total{answer="clear"}': 1, 'platesieve_reads_total{answer="hit"}': 0, "platesieve_reads_hit_later_total": 1, "platesieve_looks_again_total": 6}
    for checks in after.values():
        assert sum(one["again"] for one in checks["lanes"]) == checks["again"] and checks["reads"] == checks["cleared"] + checks["hits"]
    for name in (open_name, other, covert):
        assert [one["count"] for one in installation.wait_hits(1, name)] == [1], "one vehicle, one read counted on its hit"


def stored_matches(installation, site, lists):
    """{what: reads counted on stored hits}, by lane, by list, and by the grade at which each was first stored (of all LISTS)."""
    mine = f"h.site = '{site}'"
    count = {f"reader/{site}/{lane}": int(number) for lane, number in installation.sql(
        f"SELECT h.lane, sum(h.count) FROM platesieve.hits h WHERE {mine} GROUP BY 1")}
    count |= {f"customs/{name}": int(number) for name, number in installation.sql(
        f"SELECT l.id, sum(h.count) FROM platesieve.hits h JOIN platesieve.lists l ON l.number = h.list WHERE {mine} GROUP BY 1")}
    names = ", ".join(f"'{name}'" for name in lists)
    count |= {GRADES[int(grade)]: int(number) for grade, number in installation.sql(
        f"SELECT d.grade, sum(d.reads) FROM platesieve.list_days d JOIN platesieve.lists l ON l.number = d.list WHERE l.id IN ({names}) GROUP BY 1")}
    return count


class Traffic:
    """Chance decides on looks, retries and vehicles that pass twice, on two lanes of a SITE, over three lists (one covert) with several entries of one plate."""

    def __init__(self, installation, site, prefix):
        self.installation, self.site, self.chance = installation, site, random.Random(14)
        self.lanes = [f"reader/{site}/{number}" for number in (1, 2)]
        installation.issue(*self.lanes)
        listed = [f"{prefix}L{number:02d}" for number in range(6)]
        self.lists = [installation.new_list(grade="similar", cooldown_s=cooldown, **more) for cooldown, more in ((300, {}), (0, {}), (300, {"covert": True}))]
        for number, name in enumerate(self.lists):
            installation.push(name, [{"plate": plate, "jurisdiction": state, "reference": f"{plate}-{state}"}
                                     for plate in listed[number:number + 4] for state in ("US-TX", "US-NM")], grade="similar")
        self.lane = installation.lane(self.lanes[0])
        self.asked = [installation.read(self.lane, plate, state) for plate, state in
                      [*((plate, self.chance.choice(("US-TX", "US-CA", ""))) for plate in listed), *((plate.replace("0L", "OL1"), "US-TX") for plate in listed), ("ZZZ0006", "US-TX")]]
        self.vehicles = [(self.chance.choice(self.lanes), plates.text64(self.chance.randbytes(16))) for _ in range(40)]
        self.sessions = {name: installation.session(name) for name in self.lanes}
        self.begun, self.looks = set(), 0

    def send(self, looks, urls):
        for _ in range(looks):
            lane_name, read_id = vehicle = self.chance.choice(self.vehicles)
            read = {**self.chance.choice(self.asked), "read_id": read_id, "seen_at": now_text(-self.chance.randrange(900)), "again": vehicle in self.begun}
            self.begun.add(vehicle)
            for _ in range(self.chance.choice((1, 1, 1, 2))):
                body = self.installation.check_body(self.lane, [read])
                answer = self.sessions[lane_name].post(self.chance.choice(urls), json=body, timeout=30)
                assert answer.status_code == 200, answer.text
                self.looks += 1


def test_matches_add_up_to_stored_reads(installation):
    """Whatever lanes ask, and however often."""
    traffic = Traffic(installation, "ledger", "QQ70")
    site, lanes, lists = traffic.site, traffic.lanes, traffic.lists
    before = {who: installation.get("/v1/status", who).json()["checks"] for who in ("auditor/ines", "operator/gate/olga")}
    traffic.send(150, [installation.url("/v1/checks")])
    looks = traffic.looks
    eventually(lambda: counted_since(installation, before["auditor/ines"], looks))
    eventually(lambda: installation.auditor_status()["spool"]["depth"] == 0)
    after = {who: installation.get("/v1/status", who).json()["checks"] for who in before}
    stored, told = stored_matches(installation, site, lists), after["auditor/ines"]
    for who, checks in after.items():
        for one in [checks, *checks["lanes"]]:
            assert one["reads"] == one["cleared"] + one["hits"], who
        assert sum(one["matches"] for one in checks["lanes"]) == checks["matches"]
    assert {one["lane"]: one["matches"] for one in told["lanes"] if one["lane"] in lanes} == {name: stored[name] for name in lanes}
    assert {name: told["matches_by_list"][name] for name in stored if name.startswith("customs/")} == {name: stored[name] for name in stored if name.startswith("customs/")}
    assert {grade: told["matches_by_grade"][grade] - before["auditor/ines"]["matches_by_grade"][grade] for grade in GRADES} == {
        grade: stored.get(grade, 0) for grade in GRADES}
    assert sum(told["matches_by_grade"].values()) == sum(told["matches_by_list"].values()) == told["matches"]
    assert sum(told["hits_by_grade"].values()) == told["hits"] <= sum(told["hits_by_list"].values()) <= told["matches"]
    covert = [int(row[0]) for row in installation.sql(f"SELECT sum(count) FROM platesieve.hits WHERE covert AND site = '{site}'")]
    assert after["operator/gate/olga"]["matches"] - before["operator/gate/olga"]["matches"] == told["matches"] - before["auditor/ines"]["matches"] - covert[0]
    assert told["matches"] - before["auditor/ines"]["matches"] > 40 < told["again"] - before["auditor/ines"]["again"]


def test_matches_of_several_gates_add_up(installation):
    """A gate that hears from the database that another had stored a match takes it back, when the database was away, too."""
    traffic, second = Traffic(installation, "ledgers", "QQ80"), SecondGate(installation)
    second.start()
    try:
        urls = [installation.url("/v1/checks"), f"{second.url()}/v1/checks"]
        auditor = installation.session("auditor/ines")

        def told():
            return [auditor.get(url.replace("checks", "status"), timeout=10).json() for url in urls]

        eventually(lambda: all(one["ready"] for one in told()))
        before = told()[0]["checks"]
        traffic.send(60, urls)
        with installation.without("db"):
            traffic.send(60, urls)
        traffic.send(60, urls)
        eventually(lambda: not any(one["spool"]["depth"] for one in told()), 40)
        checks = [one["checks"] for one in told()]
        assert all(one["reads"] == one["cleared"] + one["hits"] for gate in checks for one in [gate, *gate["lanes"]])
        assert sum(one["reads"] + one["again"] for one in checks) - before["reads"] - before["again"] == traffic.looks
        stored = stored_matches(installation, traffic.site, traffic.lists)
        for lane in traffic.lanes:
            assert sum(one["matches"] for gate in checks for one in gate["lanes"] if one["lane"] == lane) == stored[lane]
        for name in (f"customs/{name}" for name in traffic.lists):
            assert sum(gate["matches_by_list"].get(name, 0) for gate in checks) == stored[name]
        for grade in GRADES:
            assert sum(gate["matches_by_grade"][grade] for gate in checks) - before["matches_by_grade"][grade] == stored.get(grade, 0)
    finally:
        second.end()


def test_a_lane_that_only_looks_again_is_named(installation):
    """What is said to be a later look is not among the reads: whoever says it of everything shows up in the status."""
    lane_name = "reader/excess/looks"
    installation.listed("QQ00XS0")  # so that there is something to be asked, whichever tests run
    installation.issue(lane_name)
    lane = installation.lane(lane_name)
    look = {**installation.read(lane, "ZZZ0005"), "again": True}
    for _ in range(2):
        answer = installation.post("/v1/checks", lane_name, installation.check_body(lane, [look] * 60))
        assert answer.status_code == 200, answer.text
    said = installation.platesieve("status", "--as", "auditor/ines").stdout
    assert f"{lane_name} calls 120 of its looks later ones, beside 0 reads" in said and "reader/north/1 calls" not in said
