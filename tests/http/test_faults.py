"""What fails, and what goes on: an acknowledged hit is never lost and never doubled, and "clear" is never said out of ignorance."""
import contextlib
import os
import random
import secrets
import subprocess
import threading
import time

import pytest
import requests

import plates
from house import assert_problem, eventually

ANA, READER = "agency/customs/ana", "reader/north/1"


def auditor_status(installation):
    return installation.get("/v1/status", "auditor/ines").json()


def drained(installation, seconds=20):
    eventually(lambda: auditor_status(installation)["spool"]["depth"] == 0, seconds, 0.1)


def stored(installation, name):
    """{hit id: count} of one list, from the API, and how many sightings lie under it."""
    hits = {hit["hit"]: hit["count"] for hit in installation.hits(name)}
    sightings = int(installation.one(f"SELECT count(*) FROM platesieve.sightings s JOIN platesieve.lists l ON l.number = s.list WHERE l.id = '{name}'"))
    return hits, sightings


def hit_ids(answer, name):
    return {alert["hit"] for alert in answer.get("alerts", ()) if alert["list"] == name}


# -- the database -----------------------------------------------------------------------------------------------------------------


def test_database_lost_and_back(new_installation):
    house = new_installation()
    name = house.listed("QQ4001F", cooldown_s=0)
    told = set()
    with house.without("db"):
        for _ in range(10):
            told |= hit_ids(house.check("QQ4001F"), name)
            assert house.check("ZZZ9999")["answer"] == "clear"
        assert len(told) == 10
        eventually(lambda: house.lane(READER)["degraded"], 15, 0.2)
        assert auditor_status(house)["spool"]["depth"] == 10
        for answer in (house.get("/v1/lists", ANA), house.get("/v1/hits", ANA), house.post("/v1/lists", ANA, {"list": "x", "category": "y"})):
            assert_problem(answer, 503, "database")
            assert int(answer.headers["Retry-After"]) >= 1
    drained(house)
    eventually(lambda: not house.lane(READER)["degraded"], 15, 0.2)
    hits, sightings = stored(house, name)
    assert set(hits) == told and set(hits.values()) == {1} and sightings == 10


def test_gate_restarted_while_the_database_is_away(new_installation):
    """What was acknowledged lies in the spool and is drained by the next process; the checks wait until lists were loaded."""
    house = new_installation()
    name = house.listed("QQ4002F", cooldown_s=0)
    house.stop(("db",))
    told = set().union(*(hit_ids(house.check("QQ4002F"), name) for _ in range(5)))
    house.gate.kill()
    house.forget_connections()
    house.start(("gate",))
    lane = house.get("/v1/lane", READER)
    assert lane.status_code == 503
    ready = house.ready()
    assert ready["ready"] is False and ready["reasons"]
    house.start(("db",))
    eventually(lambda: house.ready()["ready"], 20, 0.2)
    drained(house)
    hits, sightings = stored(house, name)
    assert set(hits) == told and sightings == 5
    assert house.check("QQ4002F")["answer"] == "hit"


def test_no_database_at_start(new_installation):
    house = new_installation()
    name = house.listed("QQ4003F")
    house.stop(("gate", "db"))
    house.forget_connections()
    house.start(("gate",))
    assert house.ready()["ready"] is False
    body = {"policy": "0" * 16, "epochs": [], "reads": []}
    for answer in (house.get("/v1/lane", READER), house.post("/v1/checks", READER, body)):
        assert answer.status_code in (400, 503), answer.text
        assert "clear" not in answer.text.replace("unclear", "")
    assert_problem(house.get("/v1/lane", READER), 503, "starting")
    house.start(("db",))
    eventually(lambda: house.ready()["ready"], 20, 0.2)
    assert hit_ids(house.check("QQ4003F"), name)


def test_database_crashes_while_hits_drain(new_installation):
    """A commit whose answer is lost is unknown: it is tried again, and still counts once."""
    house = new_installation()
    name = house.new_list(cooldown_s=0)
    house.push(name, [{"plate": f"QQ4{number:02d}0G", "jurisdiction": "US-TX"} for number in range(20)])
    told, stop = set(), threading.Event()

    def drive():
        session, lane, number = house.session(READER), house.lane(READER), 0
        while not stop.is_set():
            number += 1
            body = house.check_body(lane, [house.read(lane, f"QQ4{number % 20:02d}0G") for _ in range(8)])
            answer = session.post(house.url("/v1/checks"), json=body, timeout=30)
            if answer.status_code == 200:
                told.update(*(hit_ids(one, name) for one in answer.json()["answers"]))

    thread = threading.Thread(target=drive)
    thread.start()
    try:
        for _ in range(3):
            time.sleep(random.uniform(0.2, 0.8))
            house.cluster.stop("immediate")
            time.sleep(random.uniform(0.0, 0.3))
            house.cluster.start()
    finally:
        stop.set()
        thread.join()
    drained(house, 40)
    hits, sightings = stored(house, name)
    assert told and set(hits) == told
    assert set(hits.values()) == {1} and sightings == len(told)


# -- the gate -----------------------------------------------------------------------------------------------------------------------


def test_gate_killed_while_hits_are_posted(new_installation):
    """kill -9 at random moments; lanes try again with the same read id until they are answered.  Each read is one hit in the end."""
    house = new_installation()
    name = house.new_list(cooldown_s=0)
    house.push(name, [{"plate": f"QQ5{number:02d}0G", "jurisdiction": "US-TX"} for number in range(20)])
    acknowledged, sent, stop, given_up, lock = {}, set(), threading.Event(), threading.Event(), threading.Lock()

    def drive(identity):
        session, lane = house.session(identity), house.lane(identity)
        number = 0
        while not stop.is_set():
            number += 1
            read_id = plates.text64(secrets.token_bytes(16))
            with lock:
                sent.add(read_id)
            answer = None
            while answer is None:
                if given_up.is_set():
                    return
                body = house.check_body(lane, [house.read(lane, f"QQ5{number % 20:02d}0G", read_id=read_id)])
                try:
                    told = session.post(house.url("/v1/checks"), json=body, timeout=30)
                    if told.status_code == 200:
                        answer = told.json()["answers"][0]
                    else:
                        time.sleep(0.05)
                except requests.RequestException:
                    session.close()
                    time.sleep(0.05)
            with lock:
                acknowledged[read_id] = hit_ids(answer, name)

    identities = (READER, "reader/north/2", "reader/south/1")
    for identity in identities:
        house.lane(identity)
    threads = [threading.Thread(target=drive, args=(identity,)) for identity in identities]
    for thread in threads:
        thread.start()
    try:
        for _ in range(6):
            time.sleep(random.uniform(0.1, 0.6))
            house.gate.kill()
            house.gate.start()
            eventually(lambda: house.ready()["ready"], 20, 0.05)
    except BaseException:
        given_up.set()
        raise
    finally:
        time.sleep(0.3)
        stop.set()
        for thread in threads:
            thread.join()
    house.forget_connections()
    drained(house)
    hits, sightings = stored(house, name)
    assert len(acknowledged) > 20 and set(acknowledged) == sent
    assert set().union(*acknowledged.values()) == set(hits)
    assert all(len(ids) == 1 for ids in acknowledged.values())
    assert set(hits.values()) == {1} and sightings == len(sent)


def test_spool_survives_kill_with_the_database_away(new_installation):
    """No drain hides a loss: what was acknowledged before kill -9 is on the disk."""
    house = new_installation()
    name = house.listed("QQ4004F", cooldown_s=0)
    house.stop(("db",))
    told = set()
    for _ in range(3):
        for _ in range(4):
            told |= hit_ids(house.check("QQ4004F"), name)
        house.gate.kill()
        house.forget_connections()
        house.start(("db",))  # lists are loaded from it; then away again, as soon as may be
        house.start(("gate",))
        eventually(lambda: house.ready()["ready"], 20, 0.02)
        house.stop(("db",))
    house.start(("db",))
    drained(house)
    hits, _ = stored(house, name)
    assert set(hits) == told and len(told) == 12


def test_cooldown_survives_a_restart(new_installation):
    house = new_installation()
    name = house.listed("QQ4005F", cooldown_s=300)
    first = hit_ids(house.check("QQ4005F"), name)
    drained(house)
    house.gate.kill()
    house.forget_connections()
    house.start(("gate",))
    eventually(lambda: house.ready()["ready"], 20, 0.05)
    assert hit_ids(house.check("QQ4005F"), name) == first
    drained(house)
    hits, sightings = stored(house, name)
    assert (set(hits), list(hits.values()), sightings) == (first, [2], 2)


def test_clean_stop_answers_what_is_under_way(new_installation):
    house = new_installation()
    name = house.listed("QQ4006F", cooldown_s=0)
    told = set().union(*(hit_ids(house.check("QQ4006F"), name) for _ in range(20)))
    begin = time.monotonic()
    assert house.stop(("gate",)) == {"gate": "stopped"}
    assert time.monotonic() - begin < 15
    house.forget_connections()
    house.start(("gate",))
    eventually(lambda: house.ready()["ready"], 20, 0.05)
    drained(house)
    assert set(stored(house, name)[0]) == told


# -- the spool ------------------------------------------------------------------------------------------------------------------------


def post_until_refused(house, plate, limit):
    """Posts hits until one is refused; returns (ids that were acknowledged, the refusal)."""
    told, lane = set(), house.lane(READER)
    for _ in range(limit):
        body = house.check_body(lane, [house.read(lane, plate) for _ in range(lane["reads_max"])])
        answer = house.post("/v1/checks", READER, body)
        if answer.status_code != 200:
            return told, answer
        for one in answer.json()["answers"]:
            told |= {alert["hit"] for alert in one["alerts"]}
    pytest.fail(f"never refused in {limit} requests")


def test_spool_full(new_installation):
    """Full: every check is refused, also of plates on no list; drained: it goes on, and nothing is lost."""
    house = new_installation({"gate.gate.spool_max_bytes": "262144"})
    name = house.listed("QQ4007F", cooldown_s=0)
    house.stop(("db",))
    told, refusal = post_until_refused(house, "QQ4007F", 200)
    assert_problem(refusal, 503, "spool")
    assert int(refusal.headers["Retry-After"]) >= 1
    lane = house.lane(READER) if house.get("/v1/lane", READER).status_code == 200 else None
    if lane:
        assert_problem(house.post("/v1/checks", READER, house.check_body(lane, [house.read(lane, "ZZZ9999")])), 503, "spool")
    assert house.ready()["ready"] is False
    house.start(("db",))
    drained(house, 40)
    eventually(lambda: house.ready()["ready"], 20, 0.1)
    assert house.check("ZZZ9999")["answer"] == "clear"
    hits, sightings = stored(house, name)
    assert told <= set(hits) and sightings == len(hits)


@pytest.fixture
def small_disk(tmp_path_factory):
    """A file system of 4 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path_factory.mktemp("disk")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("a small disk can't be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(disk):
    with open(disk / "ballast", "wb", buffering=0) as ballast:
        for size in (65536, 4096):
            with contextlib.suppress(OSError):
                while ballast.write(b"\0" * size) == size:
                    pass


def test_disk_of_the_spool_full(new_installation, small_disk):
    """After a write that failed nothing is accepted until the gate is started again; what was acknowledged is there."""
    house = new_installation({"gate.gate.spool_dir": str(small_disk)}, start=False)
    house.start()
    name = house.listed("QQ4008F", cooldown_s=0)
    house.stop(("db",))
    told = set().union(*(hit_ids(house.check("QQ4008F"), name) for _ in range(3)))
    fill(small_disk)
    more, refusal = post_until_refused(house, "QQ4008F", 400)
    told |= more
    assert_problem(refusal, 503, "spool")
    assert house.ready()["ready"] is False
    (small_disk / "ballast").unlink()
    house.gate.kill()
    house.forget_connections()
    house.start(("db", "gate"))
    eventually(lambda: house.ready()["ready"], 20, 0.1)
    drained(house)
    hits, _ = stored(house, name)
    assert told <= set(hits)
    assert house.check("QQ4008F")["answer"] == "hit"


def test_drained_onto_a_full_disk(new_installation, small_disk):
    """The database takes the hits while the disk has no room to drop them: once there is room they go, without a restart."""
    house = new_installation({"gate.gate.spool_dir": str(small_disk)}, start=False)
    house.start()
    name = house.listed("QQ4011F", cooldown_s=0)
    house.stop(("db",))
    told = set().union(*(hit_ids(house.check("QQ4011F"), name) for _ in range(3)))
    fill(small_disk)
    more, _ = post_until_refused(house, "QQ4011F", 400)
    told |= more
    house.start(("db",), ready=False)
    eventually(lambda: told <= set(stored(house, name)[0]), 20, 0.2)
    assert auditor_status(house)["spool"]["full"]
    (small_disk / "ballast").unlink()
    eventually(lambda: house.ready()["ready"], 20, 0.1)
    drained(house)
    assert house.check("QQ4011F")["answer"] == "hit"
    drained(house)
    hits, sightings = stored(house, name)
    assert told <= set(hits) and sightings == len(hits)


# -- the key server ---------------------------------------------------------------------------------------------------------------------


def test_key_server_away(new_installation):
    """The gate goes on, with tokens that were made before, and says that it is degraded; a restarted gate still knows its epochs."""
    house = new_installation()
    name = house.listed("QQ4009F", cooldown_s=0)
    for plate in ("QQ4009F", "ZZZ9999"):
        house.check(plate)
    with house.without("keys"):
        assert hit_ids(house.check("QQ4009F"), name)
        assert house.check("ZZZ9999")["answer"] == "clear"
        eventually(lambda: house.lane(READER)["degraded"], 20, 0.2)
        house.stop(("gate",))
        house.forget_connections()
        house.start(("gate",))
        eventually(lambda: house.ready()["ready"], 20, 0.1)
        assert hit_ids(house.check("QQ4009F"), name)
    eventually(lambda: not house.lane(READER)["degraded"], 20, 0.2)


def test_no_epoch_is_open(new_installation):
    """The key server stays away until the last epoch has closed: lanes hear that nothing can be checked, and go on when it is back."""
    house = new_installation({"keys.keyd.epoch_length_s": "4", "keys.keyd.epoch_overlap_s": "2", "keys.keyd.destroy_after_s": "1"})
    house.listed("QQ4010F", cooldown_s=0)
    with house.without("keys"):
        eventually(lambda: not house.lane(READER)["epochs"], 30, 0.2)
        lane = house.lane(READER)
        assert_problem(house.post("/v1/checks", READER, house.check_body(lane, [house.read(lane, "QQ4010F")])), 503, "no-lists")
        told = subprocess.run([house.programs / "platesieve", "lane", "--as", "reader/north/2", "--patience", "1"], capture_output=True, text=True,
                              input="plate,jurisdiction\nQQ4010F,US-TX\n", env={**os.environ, **house.environment()}, timeout=60, check=False)
        assert "no-lists" in told.stderr and "1 unchecked" in told.stderr, told.stderr


def test_unknown_schema_is_refused(new_installation):
    house = new_installation()
    house.stop(("gate",))
    columns = [row[0] for row in house.sql("SELECT column_name FROM information_schema.columns WHERE table_schema = 'platesieve' AND table_name = 'migrations' "
                                           "ORDER BY ordinal_position")]
    house.sql(f"UPDATE platesieve.migrations SET {columns[0]} = {columns[0]} + 1000")
    done = subprocess.run([*house.gate.argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert "migrate" in done.stderr


# -- another pepper ------------------------------------------------------------------------------------------------------------------


def test_a_gate_with_another_pepper_answers_nothing(new_installation):
    """Its slots are none of the database's: it must not call a listed plate clear."""
    house = new_installation({})
    eventually(lambda: house.ready()["ready"])
    house.listed("QQ00Q7Q")
    lane = house.lane()
    body = house.check_body(lane, [house.read(lane, "QQ00Q7Q")])
    assert house.post("/v1/checks", READER, body).json()["answers"][0]["answer"] == "hit"
    house.stop(("gate",))
    house.forget_connections()
    (house.folder / "gate/gate.sealed").unlink()
    subprocess.run([str(house.programs / "platesieved"), "init", "--config", str(house.folder / "etc/gate.conf")], check=True)
    for file in (house.folder / "gate/spool").iterdir():
        file.unlink()  # sealed under the old state
    house.start(("gate",), ready=False)
    eventually(lambda: "no open epoch is known" in house.ready().get("reasons", ()))
    assert_problem(house.post("/v1/checks", READER, body), 503)
    time.sleep(2)  # nor later
    assert_problem(house.post("/v1/checks", READER, body), 503)
