"""The key server: epochs come, open, close and are destroyed on time; keys of hmac-sha256 go to those who may have them, and nowhere else.  Of the
other suite there is more in test_evaluate.py."""
import base64
import datetime
import os
import re
import subprocess
import time

import pytest

import plates
from house import assert_problem, eventually

READER, ANA = "reader/north/1", "agency/customs/ana"
HMAC = {"keys.keyd.suite": "hmac-sha256"}
FAST = {**HMAC, "keys.keyd.epoch_length_s": "6", "keys.keyd.epoch_overlap_s": "4", "keys.keyd.destroy_after_s": "4"}
SHORTEST = {**HMAC, "keys.keyd.epoch_length_s": "2", "keys.keyd.epoch_overlap_s": "1", "keys.keyd.destroy_after_s": "0"}
STEADY = {**HMAC, "keys.keyd.epoch_length_s": "3600", "keys.keyd.epoch_overlap_s": "120", "keys.keyd.destroy_after_s": "60"}


def start_keys(new_installation, settings):
    house = new_installation(settings, start=False)
    house.start(("keys",))
    return house


@pytest.fixture
def keys(new_installation):
    """A key server alone, whose epochs outlast a test."""
    return start_keys(new_installation, STEADY)


def told(house, identity=READER):
    answer = house.get("/v1/epochs", identity, server="keys")
    assert answer.status_code == 200
    return answer.json()


def epochs(house):
    return told(house)["epochs"]


def files(house):
    return {name for name in os.listdir(house.folder / "keys") if re.match(r"\d{10}-", name)}


def milliseconds(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    return int(datetime.datetime.fromisoformat(text[:-1] + "+00:00").timestamp() * 1000)


def test_calendar(keys):
    answer = told(keys)
    now = milliseconds(answer["now"])
    assert abs(now - time.time() * 1000) < 2000
    for one in answer["epochs"]:
        opens, closes, destroyed = (milliseconds(one[name]) for name in ("opens", "closes", "destroyed"))
        assert opens % 3600000 == 0 and closes - opens == 3720000 and destroyed - closes == 60000
        assert one["id"] == re.sub(r"[-:]|\.\d*", "", one["opens"])
        assert one["suite"] == "hmac-sha256" and len(plates.bytes64(one["key_id"])) == 16
        assert one["state"] == ("coming" if now < opens else "open")
    states = [one["state"] for one in answer["epochs"]]  # two of a kind about the turn of the hour
    assert set(states) == {"coming", "open"} and states == sorted(states, reverse=True) and len(states) in (2, 3)


def test_a_life(new_installation):
    """Coming, open, closed, destroyed; the key is given in the first two, its file lasts for three."""
    keys = start_keys(new_installation, {**FAST, "keys.keyd.epochs_ahead": "2"})
    first = [one for one in epochs(keys) if one["state"] == "coming"][-1]  # at least six seconds before it opens
    path = f"/v1/epochs/{first['id']}/key"
    key = keys.get(path, READER, server="keys").json()["key"]
    seen = []
    while seen[-1:] != ["destroyed"]:
        state = next(one for one in epochs(keys) if one["id"] == first["id"])["state"]
        answer = keys.get(path, ANA, server="keys")
        if next(one for one in epochs(keys) if one["id"] == first["id"])["state"] != state:
            continue  # it changed while we asked
        if state in ("coming", "open"):
            assert answer.status_code == 200 and answer.json()["key"] == key
        else:
            assert_problem(answer, 410, "gone")
        if seen[-1:] != [state]:
            seen.append(state)
        kept = [name for name in files(keys) if first["id"] in name]
        if state in ("coming", "open"):
            assert len(kept) == 1
        elif state == "closed":
            assert kept  # perhaps it is being erased just now
        time.sleep(0.1)
    assert seen == ["coming", "open", "closed", "destroyed"]
    assert [name.rpartition(".")[2] for name in files(keys) if first["id"] in name] == ["gone"]
    eventually(lambda: f"the key of epoch {first['id']}, number {first['number']}, is erased" in (keys.folder / "log/keys.log").read_text())
    log = (keys.folder / "log/keys.log").read_text()
    assert f"the key of epoch {first['id']}" in log and "erased" in log and key not in log
    said = [log.index(words) for words in (f"epoch {first['id']}, number {first['number']}, has a key", f"epoch {first['id']} is open",
                                           f"epoch {first['id']} is closed", f"the key of epoch {first['id']}, number {first['number']}, is erased")]
    assert said == sorted(said) and log.count(f"epoch {first['id']} is open") == 1


def test_numbers_go_on_and_eight_are_remembered(new_installation):
    keys = start_keys(new_installation, SHORTEST)
    first = epochs(keys)[0]
    assert first["number"] == milliseconds(first["opens"]) // 2000  # a new store goes on where a lost one was
    eventually(lambda: epochs(keys)[0]["number"] >= first["number"] + 2, 120, 0.5)
    # one that was erased this very moment may be the ninth
    listed = eventually(lambda: (now := epochs(keys)) and sum(one["state"] == "destroyed" for one in now) == 8 and now)
    assert [one["number"] for one in listed] == list(range(listed[0]["number"], listed[-1]["number"] + 1))
    assert_problem(keys.get("/v1/epochs/20010101T000000Z/key", READER, server="keys"), 404, "not-found")


def test_key_is_what_its_id_says(keys):
    for one in epochs(keys):
        for identity in (READER, ANA):
            answer = keys.get(f"/v1/epochs/{one['id']}/key", identity, server="keys").json()
            assert set(answer) == {"id", "suite", "key_id", "key"}
            assert answer["id"] == one["id"] and answer["key_id"] == one["key_id"]
            assert plates.text64(plates.key_id(plates.bytes64(answer["key"]))) == one["key_id"]


def test_who_may(keys):
    one = epochs(keys)[-1]["id"]
    for identity in ("node/gate-1", "operator/keys/kim", "auditor/ines"):
        assert told(keys, identity)["epochs"]
        assert_problem(keys.get(f"/v1/epochs/{one}/key", identity, server="keys"), 403, "forbidden")
    assert_problem(keys.get("/v1/epochs", "operator/gate/olga", server="keys"), 403, "unregistered")
    assert_problem(keys.get("/v1/epochs?all=1", READER, server="keys"), 400, "bad-query")
    status = keys.get("/v1/status", "operator/keys/kim", server="keys").json()
    assert status["ready"] and status["schedule"] == {"length_s": 3600, "overlap_s": 120, "ahead": 1, "destroy_after_s": 60}


def test_restart_keeps_keys(keys):
    taken = {one["id"]: keys.get(f"/v1/epochs/{one['id']}/key", READER, server="keys").json()["key"] for one in epochs(keys)}
    with keys.without("keys"):
        pass
    assert {name: keys.get(f"/v1/epochs/{name}/key", READER, server="keys").json()["key"] for name in taken} == taken


def test_restart_erases_what_fell_due(new_installation):
    keys = start_keys(new_installation, SHORTEST)
    before = {one["id"]: one for one in epochs(keys)}
    keys.stop(("keys",))
    time.sleep(max(milliseconds(one["destroyed"]) for one in before.values()) / 1000 - time.time() + 1)
    assert any(name.endswith(".key") for name in files(keys))
    keys.start(("keys",))
    keys.forget_connections()
    after = {one["id"]: one for one in epochs(keys)}
    for name, one in before.items():
        assert after[name]["state"] == "destroyed" and milliseconds(after[name]["destroyed"]) >= milliseconds(one["destroyed"])
        assert_problem(keys.get(f"/v1/epochs/{name}/key", READER, server="keys"), 410, "gone")
    for one in after.values():  # epochs that nobody made are missing, and numbers go on all the same
        assert one["number"] == milliseconds(one["opens"]) // 2000


def test_keys_lie_sealed(keys):
    taken = [plates.bytes64(keys.get(f"/v1/epochs/{one['id']}/key", READER, server="keys").json()["key"]) for one in epochs(keys)]
    for path in (keys.folder / "keys").rglob("*"):
        content = path.read_bytes()
        for key in taken:
            assert key not in content and base64.urlsafe_b64encode(key)[:43] not in content and key.hex().encode() not in content
        assert path.stat().st_mode & 0o077 == 0 or path.name.startswith(".")


def start_by_hand(house, code):
    done = subprocess.run([str(house.programs / "platesieve-keyd"), "--config", str(house.folder / "etc/keys.conf")], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr


def test_refuses_to_start(keys):
    """Each with a line that says what is wrong, and without touching anything."""
    folder = keys.folder / "keys"
    assert "another key server" in start_by_hand(keys, 1)
    keys.stop(("keys",))
    before = {name: (folder / name).read_bytes() for name in files(keys)}

    (folder / "foreign.txt").write_text("x")
    assert "foreign.txt: does not belong here" in start_by_hand(keys, 1)
    (folder / "foreign.txt").unlink()

    name = sorted(before)[-1]
    (folder / name).write_bytes(before[name][:-1] + bytes([before[name][-1] ^ 1]))
    assert f"{name}: is broken" in start_by_hand(keys, 1)
    (folder / name).write_bytes(before[name])

    master = keys.folder / "secrets/keys-master.key"
    right = master.read_bytes()
    master.write_bytes(bytes(32))
    assert "another master key" in start_by_hand(keys, 1)
    master.write_bytes(right[:31])
    assert "32 bytes" in start_by_hand(keys, 2)
    master.write_bytes(right)
    master.chmod(0o640)
    assert "chmod 600" in start_by_hand(keys, 2)
    master.chmod(0o600)

    conf = keys.folder / "etc/keys.conf"
    text = conf.read_text()
    for line, said in (("surprise = 1", "unknown section or key"), ("epoch_length_s = 1", "epoch_length_s"), ("metrics_listen = 0.0.0.0:0", "given twice"),
                       ("epochs_ahead = 33", "epochs_ahead: is not a number from 1 to 32")):
        conf.write_text(f"{text}\n[keyd]\n{line}\n")
        assert said in start_by_hand(keys, 2)
    conf.write_text(re.sub(r"metrics_listen = .*", "metrics_listen = 0.0.0.0:0", text))
    assert "loopback addresses only" in start_by_hand(keys, 2)
    conf.write_text(re.sub("epoch_overlap_s = 120", "epoch_overlap_s = 3601", text))
    assert "epoch_overlap_s must not exceed epoch_length_s" in start_by_hand(keys, 2)
    conf.write_text(text)
    after = {name: (folder / name).read_bytes() for name in files(keys)}
    assert before.items() <= after.items()  # a start that fails late may have made a key that was due meanwhile
    keys.start(("keys",))
    keys.forget_connections()
    assert epochs(keys)


def test_address_in_use(new_installation):
    house = new_installation(start=False)
    house.start(("keys",))
    conf = (house.folder / "etc/keys.conf").read_text()
    other = house.folder / "etc/other.conf"
    (house.folder / "other").mkdir()
    other.write_text(re.sub("state_dir = .*", f"state_dir = {house.folder}/other", conf))
    keyd = str(house.programs / "platesieve-keyd")
    subprocess.run([keyd, "init", "--config", str(other)], check=True, capture_output=True, timeout=20)
    done = subprocess.run([keyd, "--config", str(other)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 4 and "can't listen on" in done.stderr
