"""Rotation: an epoch with a new key out of the calendar, when a key is lost or in wrong hands; and what lanes and lists make of it."""
import json
import os
import re
import select
import subprocess
import time

import pytest

from conftest import make_house, remove_house
from house import assert_problem, eventually
from meddler import Meddler
from rotating import ANA, HOURLY, KIM, READER, answer_of, by_id, log_of, moment, rotate, soon, text_of


def calendar(house):
    """The epochs without what time alone changes."""
    return {name: {member: value for member, value in one.items() if member != "state"} for name, one in by_id(house).items()}


@pytest.fixture
def keys(new_installation):
    """A key server alone, whose keys can be asked for."""
    house = new_installation({**HOURLY, "keys.keyd.suite": "hmac-sha256"}, start=False)
    house.start(("keys",))
    return house


@pytest.fixture(scope="module")
def untouched():
    """Another one, for what changes nothing."""
    house = make_house({**HOURLY, "keys.keyd.suite": "hmac-sha256"}, start=False)
    house.start(("keys",))
    yield house
    remove_house(house)


# -- the key server -----------------------------------------------------------------------------------------------------------------


def test_ahead(keys):
    """The times of all epochs are told at once; nothing else happens before."""
    before, at = by_id(keys), soon(600)
    told = rotate(keys, opens=text_of(at), reason="drill")
    made = next(one for one in told["epochs"] if one["id"] == told["rotation"])
    assert moment(made["opens"]) == at and made["number"] == at // 2 and made["state"] == "coming"
    for one in before.values():
        now = by_id(keys)[one["id"]]
        if moment(one["opens"]) < at:
            closes = min(at, moment(one["closes"]))
            assert (moment(now["closes"]), moment(now["destroyed"])) == (closes, min(closes + 300, moment(one["destroyed"])))
            assert {**now, "closes": one["closes"], "destroyed": one["destroyed"]} == one
        else:
            assert now == one
    coming = min(moment(one["opens"]) for one in keys.epochs(("coming",)) if moment(one["opens"]) > at)
    assert moment(made["closes"]) == coming + 600 and moment(made["destroyed"]) == coming + 900
    again = rotate(keys, opens=text_of(at), reason="drill")
    assert again["epochs"] == told["epochs"]
    with keys.without("keys"):
        pass
    assert by_id(keys) == {one["id"]: one for one in told["epochs"]}


def test_at_once(keys):
    """No time given, and all keys from before destroyed: within seconds there are new ones, and nothing of the old on the disk."""
    before = by_id(keys)
    old = {name: keys.get(f"/v1/epochs/{name}/key", READER, server="keys").json()["key"] for name in before}
    told = rotate(keys, destroy=True, coming=True, reason="the key server was opened")
    eventually(lambda: by_id(keys)[told["rotation"]]["state"] == "open" and not [one for one in before if by_id(keys)[one]["state"] != "destroyed"])
    now = by_id(keys)
    assert len([one for one in now.values() if one["state"] == "coming"]) == 2 and set(before) < set(now)
    for name in before:
        assert_problem(keys.get(f"/v1/epochs/{name}/key", READER, server="keys"), 410, "gone")
    fresh = {keys.get(f"/v1/epochs/{name}/key", READER, server="keys").json()["key"] for name in set(now) - set(before)}
    assert len(fresh) == 3 and not fresh & set(old.values())
    names = {name for name in os.listdir(keys.folder / "keys") if re.match(r"\d{10}-", name)}
    assert {name.partition("-")[2] for name in names} == {f"{one}.gone" for one in before} | {f"{one}.key" for one in set(now) - set(before)}
    assert [one["number"] for one in now.values()] == sorted(one["number"] for one in now.values())
    assert keys.ready("keys") == {"ready": True}


def test_all_is_on_the_log(keys):
    before = by_id(keys)
    told = rotate(keys, destroy=True, coming=True, reason='stolen, says "Ångström"')
    eventually(lambda: all(by_id(keys)[one]["state"] == "destroyed" for one in before))
    eventually(lambda: all(any(f"{one['number']}" in line and "is erased" in line for line in log_of(keys).splitlines()) for one in before.values()))
    lines = log_of(keys).splitlines()
    rotation = [line for line in lines if "rotation by" in line]
    assert len(rotation) == 1 and f"rotation by {KIM}: epoch {told['rotation']}" in rotation[0] and 'stolen, says "Ångström"' in rotation[0]
    for one in told["epochs"]:
        said = [line for line in lines if one["id"] in line or str(one["number"]) in line]
        assert sum("has a key" in line for line in said) == 1, one
        assert sum("is erased" in line and "could" not in line and "now closes" not in line for line in said) == (one["id"] in before), one
    eventually(lambda: f"epoch {told['rotation']} is open" in log_of(keys))
    assert keys.metrics("keys")["platesieve_rotations_total"] == 1


@pytest.mark.parametrize("body", [
    {"opens": 7}, {"opens": "soon"}, {"opens": ""}, {"opens": None}, {"opens": "2026-11-22T10:00:00.5Z"}, {"keep": 1}, {"destroy": "yes"}, {"coming": None},
    {"keep": True, "destroy": True}, {"reason": 5}, {"reason": "x" * 201}, {"reason": "é" * 101}, {"reason": "two\nlines"}, {"reason": "\x1b[31m"},
    {"reason": "bell\x07"}, {"reason": "\x7f"}, {"reason": "\u0085"}, {"reason": "\u2028"}, {"reason": "\u202e"}, {"reason": "\u2066"},
    {"Opens": "2026-11-22T10:00:00Z"}, {"opens_in_s": 5}])
def test_bad_members(untouched, body):
    before = untouched.epochs(("coming", "open"))
    assert_problem(untouched.post("/v1/epochs/rotate", KIM, body, server="keys"), 400, "bad-field")
    assert untouched.epochs(("coming", "open")) == before and "rotation" not in log_of(untouched)


def test_times_that_can_not_be(keys):
    known = keys.epochs(("coming", "open"))
    first = soon(900)
    for opens in (known[0]["opens"], known[-1]["opens"], text_of(soon() + 1), text_of(soon(-70)), text_of(soon(3700)), "1970-01-01T00:00:02Z", "2105-01-01T00:00:00Z"):
        assert_problem(keys.post("/v1/epochs/rotate", KIM, {"opens": opens}, server="keys"), 409, "rotation")
    assert keys.epochs(("coming", "open")) == known
    accepted = [keys.post("/v1/epochs/rotate", KIM, {"opens": text_of(first + 20 * n), "keep": True}, server="keys").status_code for n in range(5)]
    assert accepted[:2] == [200, 200] and set(accepted[3:]) == {409}
    spans = [(moment(one["opens"]), moment(one["closes"])) for one in keys.epochs(("coming", "open"))]
    assert max(sum(opens <= at < closes for opens, closes in spans) for at, _ in spans) <= 4


def test_who_may(untouched):
    for identity in (READER, ANA, "node/gate-1", "auditor/ines"):
        assert_problem(untouched.post("/v1/epochs/rotate", identity, {}, server="keys"), 403, "forbidden")
    assert_problem(untouched.get("/v1/epochs/rotate", KIM, server="keys"), 405, "method")
    assert_problem(untouched.post("/v1/epochs/rotate?now=1", KIM, {}, server="keys"), 400, "bad-query")
    assert_problem(untouched.request("POST", "/v1/epochs/rotate", KIM, server="keys", data=b" " * 4097), 413, "body-too-large")


# -- the gate, lanes and lists ------------------------------------------------------------------------------------------------------


def test_through_a_rotation(new_installation):
    """Listed plates are never clear: before, while no list has tokens for the new epoch, and after the push; slots of the old go."""
    house = new_installation(HOURLY)
    name = house.listed("QQ81ROT", cooldown_s=0)
    before = by_id(house)
    slots = {int(row[0]) for row in house.sql("SELECT number FROM platesieve.epochs")}
    assert answer_of(house, "QQ81ROT") == ("hit", [])
    told = rotate(house, destroy=True, coming=True, reason="stolen")
    seen = []

    def look():
        seen.append(answer_of(house, "QQ81ROT")[0])
        return [one["id"] for one in house.lane(READER)["epochs"]] == [told["rotation"]]
    eventually(look)
    assert set(seen) <= {"hit", "policy", "key-id", "no-lists"}
    assert answer_of(house, "QQ81ROT")[0] == "no-lists" and answer_of(house, "ZZZ9999")[0] == "no-lists"
    epochs = house.epochs_to_push()
    assert {one["id"] for one in epochs}.isdisjoint(before) and len(epochs) == 3
    house.push(name, [{"plate": "QQ81ROT", "jurisdiction": "US-TX", "reference": "ref-QQ81ROT"}], mode="tokens", epochs=epochs)
    eventually(lambda: answer_of(house, "QQ81ROT") == ("hit", []))
    assert answer_of(house, "ZZZ9999")[0] == "clear"
    eventually(lambda: not slots & {int(row[0]) for row in house.sql("SELECT number FROM platesieve.epochs")})
    assert not {row[0] for row in house.sql("SELECT relname FROM pg_class WHERE relname LIKE 'slots_%' AND relkind = 'r'")} & {f"slots_{one}" for one in slots}
    said = [f"the pepper is ratcheted to number {epochs[0]['number']}:", f"epoch {told['rotation']} is open"]
    for one in before.values():
        if one["number"] in slots:
            said += [f"epoch {one['id']}, number {one['number']}, is over", f"the slots of epoch number {one['number']} are dropped"]
    eventually(lambda: all(words in log_of(house, "gate") for words in said))
    assert not house.get("/v1/status", "auditor/ines").json()["degraded"]


def test_pushed_ahead_nothing_is_missed(new_installation):
    """The rotation is told some time before: lists have their tokens when it comes, and no read is answered without them."""
    house = new_installation(HOURLY)
    name = house.listed("QQ82ROT", cooldown_s=0)
    at = soon(14)
    told = rotate(house, opens=text_of(at))
    eventually(lambda: told["rotation"] in {one["id"] for one in house.get("/v1/status", "auditor/ines").json()["epochs"]})
    new = [one for one in house.epochs(("coming",)) if one["id"] == told["rotation"]]
    house.push(name, [{"plate": "QQ82ROT", "jurisdiction": "US-TX", "reference": "ref-QQ82ROT"}], mode="tokens", epochs=new)
    assert time.time() < at, "too slow to say anything"
    seen = []
    while not seen or [one["id"] for one in house.lane(READER)["epochs"]] != [told["rotation"]]:
        seen.append(answer_of(house, "QQ82ROT"))
        assert len(seen) < 2000
        time.sleep(0.05)
    assert {one for one, _ in seen} <= {"hit", "policy"} and all(not unchecked for _, unchecked in seen)
    assert answer_of(house, "QQ82ROT") == ("hit", []) and answer_of(house, "ZZZ9999") == ("clear", [])


def test_the_key_server_lost_its_keys(new_installation):
    """A new store names other keys for epochs that the gate knows: nothing is served under them, until a rotation makes new ones."""
    house = new_installation(HOURLY)
    name = house.listed("QQ83ROT", cooldown_s=0)
    with house.without("keys"):
        for path in (house.folder / "keys").iterdir():
            path.unlink()  # and the start makes a new store
    eventually(lambda: "epochs" in house.get("/v1/status", "auditor/ines").json()["degraded"])
    house.prfs.clear()
    told = rotate(house, destroy=True, coming=True, reason="the disk died")
    eventually(lambda: [one["id"] for one in house.lane(READER)["epochs"]] == [told["rotation"]])
    assert answer_of(house, "QQ83ROT")[0] == "no-lists"
    house.push(name, [{"plate": "QQ83ROT", "jurisdiction": "US-TX", "reference": "ref-QQ83ROT"}], mode="tokens", epochs=house.epochs_to_push())
    eventually(lambda: answer_of(house, "QQ83ROT") == ("hit", []))
    eventually(lambda: not house.get("/v1/status", "auditor/ines").json()["degraded"])


# -- the client ---------------------------------------------------------------------------------------------------------------------


def command(house, *options, code=0, **more):
    return house.platesieve("--as", KIM, "keys", "rotate", *options, code=code, **more)


def test_it_is_asked_for_and_explained(keys):
    before = keys.epochs(("coming", "open"))
    done = command(keys, "--destroy", "--coming", code=2)
    assert "add --yes" in done.stderr and keys.epochs(("coming", "open")) == before
    for one in before:
        assert one["id"] in done.stderr
    assert "No list has tokens" in done.stderr and "platesieve list tokens" in done.stderr
    done = command(keys, "--json", "--yes", "--destroy", "--coming", "--opens-in", "2s", "--reason", "drill")
    told = json.loads(done.stdout)
    assert set(told["closing"]) | set(told["replaced"]) == {one["id"] for one in before} and told["servers"] == [{"url": keys.keys_url, "done": True}]
    eventually(lambda: by_id(keys)[told["rotation"]]["state"] == "open")
    assert "reason: drill" in log_of(keys)
    told = json.loads(command(keys, "--json", "--yes").stdout)
    assert 560 < moment(by_id(keys)[told["rotation"]]["opens"]) - time.time() < 620


def test_wrong_usage(untouched):
    for options in (("--opens-in", "10"), ("--opens-in", "m"), ("--opens-in", "-1m"), ("--opens-in", "99999h"), ("--opens", "soon"),
                    ("--opens", "2026-11-22T10:00:01Z"), ("--keep", "--destroy"), ("--reason", "x" * 201), ("--reason", "two\nlines"),
                    ("--opens-in", "1m", "--opens", text_of(time.time() // 2 * 2 + 60)), ("surprise",)):
        assert "two\nlines" not in command(untouched, "--yes", *options, code=2).stderr
    command(untouched, "--yes", "--opens-in", "2h", code=5)
    untouched.platesieve("--as", "operator/gate/olga", "keys", "rotate", "--yes", code=2)


def test_all_key_servers_or_none(keys):
    """One that does not answer, or whose clock is wrong, is found before anything is changed; one that fails half way is named."""
    before, meddler = keys.epochs(("coming", "open")), Meddler(keys)
    both = ("--keys", f"{keys.keys_url},{meddler.url}")
    try:
        done = command(keys, "--yes", "--keys", f"{keys.keys_url},https://127.0.0.1:1", code=4)
        assert "https://127.0.0.1:1" in done.stderr and "nothing was changed" in done.stderr
        meddler.meddle = lambda method, path, status, value: {**value, "now": text_of(time.time() + 3600)} if path == "/v1/status" else value
        assert "clocks of the key servers are 3600 s apart" in command(keys, *both, "--yes", code=1).stderr.replace("3599", "3600")
        assert keys.epochs(("coming", "open")) == before
        meddler.meddle = lambda method, path, status, value: "cut" if method == "POST" else value
        done = command(keys, *both, "--yes", "--json", "--opens-in", "5m", code=4)
        assert f"{keys.keys_url}: done" in done.stderr and f"{meddler.url}: NOT DONE" in done.stderr
        told = json.loads(done.stdout)
        assert [one["done"] for one in told["servers"]] == [True, False] and told["opens"] in done.stderr
        after, meddler.meddle = by_id(keys), None
        again = json.loads(command(keys, *both, "--yes", "--json", "--opens", told["opens"]).stdout)
        assert [one["done"] for one in again["servers"]] == [True, True] and again["rotation"] == told["rotation"] and by_id(keys) == after
    finally:
        meddler.stop()


class Lane:
    """platesieve lane, read by read."""

    def __init__(self, house, *options):
        self.child = subprocess.Popen([str(house.programs / "platesieve"), "--as", READER, "lane", "--json", *options], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **house.environment()})
        self.child.stdin.write("plate,jurisdiction\n")

    def read(self, plate):
        """"hit" or "unchecked": a read that is said to be clear gives no line."""
        self.child.stdin.write(f"{plate},US-TX\n")
        self.child.stdin.flush()
        assert select.select([self.child.stdout], [], [], 30)[0], "no word on this read: it was cleared"
        told = json.loads(self.child.stdout.readline())
        return "hit" if told.get("alerts") else "unchecked" if told.get("unchecked") else told

    def end(self):
        self.child.stdin.close()
        last = [json.loads(line) for line in self.child.stdout][-1]
        self.child.wait()
        return last["summary"]


def test_a_lane_and_an_agency_go_through_it(new_installation, tmp_path):
    """As their people see it: alerts; then, until the agency has pushed, reads that are said not to have been checked; then alerts."""
    house, file = new_installation(HOURLY), tmp_path / "list.csv"
    file.write_text("plate,jurisdiction,reference\nQQ84ROT,US-TX,case 84\n", encoding="ascii")
    house.platesieve("--as", ANA, "list", "create", "rotated", "--category", "stolen")
    house.platesieve("--as", ANA, "list", "push", "rotated", file)
    house.wait_live("rotated", 1)
    lane = Lane(house, "--patience", "0")
    assert lane.read("QQ84ROT") == "hit"
    told = json.loads(command(house, "--json", "--yes", "--destroy", "--coming", "--opens-in", "4s").stdout)
    seen = ["hit"]

    def look():
        seen.append(lane.read("QQ84ROT"))
        return [one["id"] for one in house.lane("reader/north/2")["epochs"]] == [told["rotation"]]
    eventually(look)
    assert set(seen) <= {"hit", "unchecked"}
    assert lane.read("QQ84ROT") == "unchecked"
    pushed = json.loads(house.platesieve("--as", ANA, "list", "tokens", "rotated", file, "--json").stdout.splitlines()[-1])
    assert pushed["epochs"] == [one["id"] for one in house.epochs(("open", "coming"))]
    house.wait_live("rotated", pushed["revision"])
    eventually(lambda: lane.read("QQ84ROT") == "hit")
    summary = lane.end()
    assert summary["cleared"] == 0 and summary["alarms"] == 0 and summary["reads"] == summary["hits"] + summary["unchecked"]


def test_a_push_that_a_rotation_ends_says_so_once(new_installation, tmp_path):
    house, file = new_installation(HOURLY), tmp_path / "list.csv"
    name = house.new_list()
    file.write_text("plate,jurisdiction\n" + "".join(f"QQ{n:05},US-TX\n" for n in range(20000)), encoding="ascii")
    with subprocess.Popen([str(house.programs / "platesieve"), "--as", ANA, "list", "push", name, str(file)], text=True, stderr=subprocess.PIPE,
                          env={**os.environ, **house.environment()}) as child:
        time.sleep(1)
        rotate(house, destroy=True, coming=True)
        said = child.communicate(timeout=60)[1]
    assert child.returncode == 1 and said.count("starts anew") == 1
    assert house.list_object(name)["revision"] == 0


def test_a_push_that_a_rotation_overtakes(new_installation, tmp_path):
    """The epochs that its parts are for are destroyed: it is refused, rather than make a list that nobody can ask; pushed again, the list is whole."""
    house, file = new_installation(HOURLY), tmp_path / "list.csv"
    name = house.new_list()
    lines = house.entry_lines(name, [{"plate": "QQ85ROT", "jurisdiction": "US-TX", "reference": "r"}], epochs=house.epochs_to_push())
    old = house.key_ids()
    revision, body = house.open_revision(name), (lines[0] + "\n").encode()
    assert house.put_part(name, revision, 1, body, headers=old).status_code == 200
    told = rotate(house, destroy=True, coming=True)
    eventually(lambda: [one["id"] for one in house.lane()["epochs"]] == [told["rotation"]])
    assert_problem(house.put_part(name, revision, 2, body.replace(b'"r"', b'"s"'), headers=old), 409, "key-id")
    ended = ", ".join(f"'{epoch}'" for epoch in json.loads(lines[0])["tokens"])
    eventually(lambda: house.one(f"SELECT count(*) FROM platesieve.epochs WHERE id IN ({ended}) AND destroyed_at > now()") == "0")
    assert_problem(house.commit(name, revision, [body], 1), 410, "gone")
    assert house.list_object(name)["revision"] == 0 and answer_of(house, "QQ85ROT")[0] == "no-lists"
    file.write_text("plate,jurisdiction,reference\nQQ85ROT,US-TX,r\n", encoding="ascii")
    house.platesieve("--as", ANA, "list", "push", name, file)
    eventually(lambda: answer_of(house, "QQ85ROT") == ("hit", []))


def test_three_key_servers_that_share(new_installation, tmp_path):
    """All are told the same time, and so make shares of the same keys; the gate takes the new epochs when it hears of them from two."""
    house, file = new_installation({**HOURLY, "key_servers": 3}), tmp_path / "list.csv"
    file.write_text("plate,jurisdiction,reference\nQQ86ROT,US-TX,r\n", encoding="ascii")
    house.platesieve("--as", ANA, "list", "create", "shared", "--category", "stolen")
    house.platesieve("--as", ANA, "list", "push", "shared", file)
    house.wait_live("shared", 1)
    for _ in range(2):  # one emergency after the other: the seeds must have something left for times that have not come
        told = json.loads(command(house, "--json", "--yes", "--destroy", "--coming", "--opens-in", "2s").stdout)
        assert [one["done"] for one in told["servers"]] == [True] * 3
        eventually(lambda told=told: [one["id"] for one in house.lane(READER)["epochs"]] == [told["rotation"]])
        lane = Lane(house, "--patience", "0")
        assert lane.read("QQ86ROT") == "unchecked"
        pushed = json.loads(house.platesieve("--as", ANA, "list", "tokens", "shared", file, "--json").stdout.splitlines()[-1])
        assert len(pushed["epochs"]) == 3 and pushed["epochs"][0] == told["rotation"]
        house.wait_live("shared", pushed["revision"])
        eventually(lambda lane=lane: lane.read("QQ86ROT") == "hit")
        assert lane.end()["cleared"] == 0
    status = house.get("/v1/status", "operator/gate/olga").json()
    assert not status["degraded"] and not [one for one in status["key_servers"] if one["fault"]]
    # one that comes of another ceremony would take the new epoch from all: nothing is changed
    before = calendar(house)
    house.run("platesieve", "keys", "ceremony", tmp_path / "dealt")
    house.stop(("keys-3",))
    house.run("platesieve-keyd", "share", tmp_path / "dealt/keys-3.share", "--config", house.folder / "etc/keys-3.conf")
    house.start(("keys-3",))
    done = command(house, "--yes", code=1)
    assert f"{house.url_of('keys-3')} is of ceremony" in done.stderr and "nothing was changed" in done.stderr and calendar(house) == before
    two = ",".join(house.url_of(name) for name in ("keys-1", "keys-2"))
    assert "at 2 of 2" in command(house, "--yes", "--keys", two).stdout
