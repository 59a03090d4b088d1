"""Two of three: three key servers share each epoch's key, any two make a token of it; how the shares come to be, and go with time."""
import hashlib
import hmac
import json
import os
import subprocess
import time

import pytest

import plates
import ristretto
from ceremony import (ANA, READER, READS, SERVERS, dealt, epochs, installation, key_id_of, lane, leaf, listed, opening, output, public, push, scalar_of,  # noqa: F401
                      server_of, share_of, whole_key)
from fake import Epoch, Fake
from house import eventually
from meddler import flip
from thief import unseal


# -- the ceremony ---------------------------------------------------------------------------------------------------------------


def test_a_ceremony(new_installation, tmp_path):
    house, folder = new_installation({}, start=False), tmp_path / "dealt"
    told = json.loads(house.run("platesieve", "keys", "ceremony", "--json", folder))
    assert [one["server"] for one in told["files"]] == [1, 2, 3] and os.stat(folder).st_mode & 0o777 == 0o700
    shares = {one["server"]: json.loads(open(one["file"], encoding="ascii").read()) for one in told["files"]}
    for one in told["files"]:
        assert os.stat(one["file"]).st_mode & 0o777 == 0o600
    assert {number: set(share["seeds"]) for number, share in shares.items()} == {1: {"2", "3"}, 2: {"1", "3"}, 3: {"1", "2"}}
    seeds = [{share["seeds"][j] for share in shares.values() if j in share["seeds"]} for j in "123"]
    assert all(len(one) == 1 for one in seeds) and len(set.union(*seeds)) == 3
    commitments = [hashlib.sha256(b"platesieve/1/share-commitment\0" + bytes([j]) + plates.bytes64(next(iter(seeds[j - 1])))).digest() for j in SERVERS]
    name = hashlib.sha256(b"platesieve/1/ceremony\0" + b"".join(commitments)).digest()[:16]
    for share in shares.values():
        assert [plates.bytes64(one) for one in share["commitments"]] == commitments and share["of"] == 3
        assert plates.bytes64(share["ceremony"]) == name == plates.bytes64(told["ceremony"])
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    done = house.platesieve("keys", "ceremony", folder, code=1)
    assert "is there already" in done.stderr and {file.name: file.read_bytes() for file in folder.iterdir()} == before
    house.platesieve("keys", "ceremony", tmp_path / "second")
    assert house.platesieve("keys", "ceremony", code=2).returncode == 2
    again = {file.read_bytes() for file in (tmp_path / "second").iterdir()}
    assert not again & set(before.values())


def test_a_share_that_is_not_what_it_says(new_installation, tmp_path):
    """Not taken: readable by others, damaged, of two ceremonies, or where there is no store."""
    house = new_installation({}, start=False)
    config, folders = house.folder / "etc/keys.conf", [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        house.run("platesieve", "keys", "ceremony", folder)
    good, other = (json.loads((folder / "keys-2.share").read_text()) for folder in folders)

    def take(value, mode=0o600):
        file = tmp_path / "share"
        file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="ascii")
        file.chmod(mode)
        done = subprocess.run([str(house.programs / "platesieve-keyd"), "share", str(file), "--config", str(config)], capture_output=True, text=True,
                              check=False)
        assert not any(seed in done.stdout + done.stderr for share in (good, other) for seed in share["seeds"].values())
        return done.returncode, done.stderr

    assert take(good)[0] == 1 and "platesieve-keyd init" in take(good)[1]
    house.run("platesieve-keyd", "init", "--config", config)
    assert "may be read by others" in take(good, 0o640)[1]
    for bad in ({**good, "server": 3}, {**good, "server": 0}, {**good, "server": 4}, {**good, "server": True}, {**good, "of": 5},
                {**good, "seeds": {**good["seeds"], "1": flip(good["seeds"]["1"])}}, {**good, "seeds": {**good["seeds"], "1": other["seeds"]["1"]}},
                {**good, "seeds": {"1": good["seeds"]["1"]}}, {**good, "seeds": {**good["seeds"], "2": good["seeds"]["1"]}},
                {**good, "ceremony": other["ceremony"]}, {**good, "commitments": other["commitments"]}, {**good, "commitments": good["commitments"][:2]},
                {}, "", "[]", "{", json.dumps(good)[:-20], json.dumps(good) + " " * 5000, "\0" * 100):
        code, said = take(bad)
        assert code == 1 and ("no share of a ceremony" in said), (bad, said)
    assert not (house.folder / "keys/share").exists()
    code, said = take(good)
    assert code == 0 and f"key server 2 of 3 of ceremony {good['ceremony']}" in said
    sealed = (house.folder / "keys/share").read_bytes()
    assert not any(plates.bytes64(seed) in sealed or seed.encode() in sealed for seed in good["seeds"].values())
    house.asked["settings"]["keys.keyd.suite"] = "hmac-sha256"
    house.save()
    house.register_all("keys")
    done = subprocess.run([str(house.programs / "platesieve-keyd"), "--config", str(config)], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2 and "shared under suite voprf" in done.stderr


# -- one server -----------------------------------------------------------------------------------------------------------------


def test_each_server_evaluates_with_its_share(installation, dealt):
    for number in SERVERS:
        told = epochs(installation, number)
        assert {(one["suite"], one["state"]) for one in told} == {("voprf-ristretto255-sha512", "open"), ("voprf-ristretto255-sha512", "coming")}
        for epoch in told:
            share = share_of(dealt, number, epoch)
            assert epoch["share"] == {"server": number, "of": 3} and "key_id" not in epoch and "public_key" not in epoch
            assert plates.bytes64(epoch["public_share"]) == public(share)
            blinded = [ristretto.blind(b"one", 5), ristretto.blind(b"two", 7)]
            answer = installation.post(f"/v1/epochs/{epoch['id']}/evaluate", READER, {"blinded": [plates.text64(one) for one in blinded]},
                                       server=f"keys-{number}").json()
            evaluated = [plates.bytes64(one) for one in answer["evaluated"]]
            assert evaluated == [ristretto.evaluate(share, one) for one in blinded]
            assert ristretto.verify(public(share), blinded, evaluated, plates.bytes64(answer["proof"]))
        status = installation.get("/v1/status", "operator/keys/kim", server=f"keys-{number}").json()
        assert (status["share"]["server"], status["share"]["of"]) == (number, 3)


def test_one_servers_files_are_not_enough(installation, dealt):
    """Two seeds of three: the share they give is not the key, and neither is any seed's own part."""
    epoch = epochs(installation)[0]
    key = whole_key(dealt, epoch)
    for number in SERVERS:
        known = [scalar_of(dealt[j], epoch) for j in SERVERS if j != number]
        assert key not in (*known, sum(known) % ristretto.ORDER, share_of(dealt, number, epoch))
        held = b"".join(path.read_bytes() for path in (installation.folder / f"keys-{number}").rglob("*") if path.is_file())
        assert not any(seed in held or plates.text64(seed).encode() in held for seed in dealt.values())
    assert not (installation.folder / "secrets/ceremony").exists()


def unseal_share(house, number, key):
    """What the state of server NUMBER holds with its master key: (server, given up until, {seed's number: nodes})."""
    plain = unseal(house.folder / f"keys-{number}", "share", key, "platesieve/1/key-share")
    server, given_up, nodes = plain[1], int.from_bytes(plain[18:26], "big"), plain[26:]
    half = [[nodes[base + 32 * i:base + 32 * i + 32] for i in range(34)] for base in (0, 34 * 32)]
    return server, given_up, dict(zip((j for j in SERVERS if j != server), half))


def leaf_from(given_up, nodes, second):
    """The leaf as a thief derives it; None: it was given up."""
    if second <= given_up:
        return None
    path, past = f"{second:034b}", f"{given_up:034b}"
    depth = next(i for i in range(34) if path[i] != past[i])
    node = nodes[depth]
    for bit in path[depth + 1:]:
        node = hmac.digest(node, b"platesieve/1/share-tree\0" + bytes([int(bit)]), "sha256")
    return node


def test_a_stolen_server_gives_its_share_and_no_more(installation, dealt):
    """Even with its master key.  Two stolen servers give every key to come: that is what two of three means."""
    epoch = epochs(installation)[-1]
    second = opening(epoch)
    stolen = {}
    for number in SERVERS:
        server, given_up, nodes = unseal_share(installation, number, installation.folder / f"secrets/keys-{number}-master.key")
        assert server == number and set(nodes) == set(SERVERS) - {number}
        for j, one in nodes.items():
            assert leaf_from(given_up, one, second) == leaf(dealt[j], second) and dealt[j] not in one
            stolen.setdefault(number, {})[j] = one
        with pytest.raises(Exception):
            unseal_share(installation, number, installation.folder / f"secrets/keys-{number % 3 + 1}-master.key")
    assert all(len(one) == 2 for one in stolen.values())
    assert set(stolen[1]) | set(stolen[2]) == {1, 2, 3}


# -- a whole token ----------------------------------------------------------------------------------------------------------------


def test_tokens_are_those_of_the_whole_key(installation, dealt, tmp_path):
    gate, known = Fake(installation.pki), epochs(installation)
    try:
        gate.epochs = [Epoch(one["id"], one["state"]) for one in known]
        for ours in gate.epochs:
            ours.key_id = key_id_of(dealt, {"id": ours.id})
        gate.make_list("same", grade="similar")
        file = tmp_path / "same.csv"
        file.write_text("plate,jurisdiction\nQQ61XX61,NL\nIZ5BG11,US-TX\n", encoding="ascii")
        installation.platesieve("--as", ANA, "list", "push", "same", file, env={"PLATESIEVE_GATE": gate.url})
        lines = [json.loads(line) for part in gate.revisions[1]["parts"].values() for line in part.splitlines()]
    finally:
        gate.stop()
    for line, (plate, jurisdiction) in zip(lines, (("QQ61XX61", "NL"), ("IZ5BG11", "US-TX"))):
        for epoch in known:
            for grade in ("full", "plate", "similar"):
                (where, text), = plates.texts(plate, jurisdiction, grade, "list")
                out = output(whole_key(dealt, epoch), plates.message(grade, where, text))
                assert plates.bytes64(line["tokens"][epoch["id"]][grade][0]) == out[:16] + plates.tag(out[16:32], "same", "customs")


def test_the_gate_pins_the_whole_key(installation, dealt):
    pinned = {one["id"]: one["key_id"] for one in installation.get("/v1/status", "auditor/ines").json()["epochs"]}
    assert pinned == {one["id"]: key_id_of(dealt, one) for one in epochs(installation)}
    assert {one["id"]: one["key_id"] for one in installation.lane()["epochs"]}.items() <= pinned.items()


def test_the_way_of_a_read(installation, listed):
    hits, unchecked, summary, stderr = lane(installation, READS + "QQ6IXX61,NL\nQQ61XX6,NL\n")
    assert [one["alerts"][0]["grade"] for one in hits] == ["full", "similar", "near"] and not unchecked and stderr == ""
    assert summary["cleared"] == 1 and summary["alarms"] == 0


# -- in the course of time --------------------------------------------------------------------------------------------------------


FAST = {"key_servers": 3, "keys.keyd.epoch_length_s": "12", "keys.keyd.epoch_overlap_s": "4", "keys.keyd.epochs_ahead": "2",
        "keys.keyd.destroy_after_s": "2"}


def known(house):
    return {one["id"]: one for one in house.get("/v1/status", "auditor/ines").json()["epochs"]}


def test_epochs_come_and_go_with_two(new_installation, tmp_path):
    """One is away while epochs are made, opened and destroyed: the others go on, and it finds its way back by itself."""
    house, name = new_installation(FAST), "turning"
    house.new_list(list=name)
    push(house, name, "plate,jurisdiction\nQQ61XX61,NL\n", tmp_path)
    first = house.lane()["epochs"][0]["id"]
    house.kill("keys-1")
    fresh = eventually(lambda: [one for one in known(house) if one > first and one not in covered(house, name)], 40)
    house.platesieve("--as", ANA, "list", "tokens", name, tmp_path / "list.csv")
    assert set(fresh) <= set(covered(house, name))
    eventually(lambda: first not in known(house), 40)
    house.platesieve("--as", ANA, "list", "tokens", name, tmp_path / "list.csv")
    house.wait_live(name, house.list_object(name)["revision"])
    hits, unchecked, summary, _ = lane(house, READS)
    assert len(hits) == 1 and not unchecked and summary["cleared"] == 1
    house.start(("keys-1",))
    eventually(lambda: not house.get("/v1/status", "auditor/ines").json()["degraded"], 30)
    told = [{one["id"]: one["public_share"] for one in epochs(house, number)} for number in SERVERS]
    shared = set(told[0]) & set(told[1]) & set(told[2]) & set(known(house))
    assert shared and all(one["fault"] is None for one in house.get("/v1/status", "auditor/ines").json()["key_servers"])
    for number in SERVERS:  # what they share of the past is gone from all three
        eventually(lambda number=number: unseal_share(house, number, house.folder / f"secrets/keys-{number}-master.key")[1]
                   >= (opening({"id": first}) if number > 1 else 1), 30)


def covered(house, name):
    return [one["id"] for one in house.list_object(name)["epochs"] if one["covered"]]


def test_from_one_key_server_to_three(new_installation, tmp_path):
    """Epochs that began with a whole key end with it, while the next ones are shared already; lists and lanes go on."""
    house, name = new_installation({**FAST, "keys.keyd.epochs_ahead": "1", "gate.keys.shared": "no"}, start=False), "grown"
    (house.folder / "secrets/ceremony.held").write_text("by hand")
    house.asked["settings"]["gate.keys.url"] = house.url_of("keys-1")
    house.start(("db", "keys-1", "gate"))
    env = {"PLATESIEVE_SHARED_KEYS": "no"}
    eventually(lambda: house.ready()["ready"])
    house.new_list(list=name)
    push(house, name, "plate,jurisdiction\nQQ61XX61,NL\n", tmp_path, env={**env, "PLATESIEVE_KEYS": house.url_of("keys-1")})
    house.run("platesieve", "keys", "ceremony", tmp_path / "dealt")
    house.stop(("keys-1", "gate"))
    for number in SERVERS:
        if number > 1:
            house.init_once(f"keys-{number}")
        house.run("platesieve-keyd", "share", tmp_path / f"dealt/keys-{number}.share", "--config", house.folder / f"etc/keys-{number}.conf")
    del house.asked["settings"]["gate.keys.url"]
    house.start()
    kinds, deadline = set(), time.monotonic() + 60
    while "shared" not in kinds and time.monotonic() < deadline:
        house.platesieve("--as", ANA, "list", "tokens", name, tmp_path / "list.csv", env=env)
        before = [one["key_id"] for one in house.lane()["epochs"]]
        hits, unchecked, summary, stderr = lane(house, READS, env=env)
        assert len(hits) == 1 and not unchecked and summary["alarms"] == 0, stderr
        whole = {one["key_id"] for one in epochs(house, 1) if "key_id" in one}
        kinds.add("shared" if not whole & set(before) else "whole")
        time.sleep(1)
    assert kinds == {"whole", "shared"}
    hits, unchecked, _, _ = lane(house, READS)
    assert len(hits) == 1 and not unchecked


def test_a_rotation_is_told_to_all_three(new_installation, tmp_path):
    """The same opening time gives the same epoch on all; told to two, it is there, and the third is out of it for that epoch."""
    house, name = new_installation({"key_servers": 3}), "turned"
    house.new_list(list=name)
    push(house, name, "plate,jurisdiction\nQQ61XX61,NL\n", tmp_path)
    before = set(known(house))
    for servers in (SERVERS, (1, 2)):
        opens = (int(time.time()) + 8) // 2 * 2
        told = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(opens))
        for number in servers:
            answer = house.post("/v1/epochs/rotate", "operator/keys/kim", {"opens": told, "reason": "test"}, server=f"keys-{number}")
            assert answer.status_code == 200, answer.text
        new = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(opens))
        eventually(lambda new=new: new in known(house))
        house.platesieve("--as", ANA, "list", "tokens", name, tmp_path / "list.csv")
        house.wait_live(name, house.list_object(name)["revision"])
        eventually(lambda new=new: [one["id"] for one in house.lane()["epochs"]] == [new], 30)
        hits, unchecked, _, _ = lane(house, READS)
        assert len(hits) == 1 and not unchecked and hits[0]["alerts"][0]["epoch"] == new
        before.add(new)
    assert before <= set(known(house))
    eventually(lambda: server_of(house, 3)["fault"] == "calendar")  # it goes on with an epoch that ended for the others
    assert house.get("/v1/status", "auditor/ines").json()["degraded"] == ["keys"]
    house.post("/v1/epochs/rotate", "operator/keys/kim", {"opens": told, "reason": "test"}, server="keys-3")
    eventually(lambda: server_of(house, 3)["fault"] is None)
