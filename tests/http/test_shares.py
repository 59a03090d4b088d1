"""Two of three: three key servers share each epoch's key, any two make a token of it, and one that is away, slow or lying changes nothing but
a warning."""
import calendar
import contextlib
import hashlib
import hmac
import json
import os
import subprocess
import time

import pytest

import plates
import ristretto
from conftest import make_house, remove_house
from fake import Epoch, Fake
from house import eventually
from meddler import Meddler, flip, on_evaluate
from thief import unseal

ANA, READER = "agency/customs/ana", "reader/north/1"
SERVERS = (1, 2, 3)
READS = "plate,jurisdiction\nQQ61XX61,NL\nQQ44444,NL\n"
HEADER = b"plate,jurisdiction\n"


# -- what a ceremony means, written again from docs/protocol.md -----------------------------------------------------------------


def leaf(seed, second):
    """What a seed has for an epoch that opens then."""
    for bit in f"{second:034b}":
        seed = hmac.digest(seed, b"platesieve/1/share-tree\0" + bytes([int(bit)]), "sha256")
    return seed


def opening(epoch):
    return calendar.timegm(time.strptime(epoch["id"], "%Y%m%dT%H%M%SZ"))


def scalar_of(seed, epoch):
    """s_j"""
    return int.from_bytes(hmac.digest(leaf(seed, opening(epoch)), b"platesieve/1/share\0" + epoch["id"].encode(), "sha512"), "little") % ristretto.ORDER


def share_of(seeds, server, epoch):
    return sum(scalar_of(seeds[j], epoch) * (1 - server * pow(j, -1, ristretto.ORDER)) for j in SERVERS if j != server) % ristretto.ORDER


def whole_key(seeds, epoch):
    return sum(scalar_of(seeds[j], epoch) for j in SERVERS) % ristretto.ORDER


def public(key):
    return ristretto.encode(ristretto.multiply(key, ristretto.GENERATOR))


def key_id_of(seeds, epoch):
    return plates.text64(hashlib.sha256(public(whole_key(seeds, epoch))).digest()[:16])


def output(key, message):
    return ristretto.finalize(message, 1, ristretto.evaluate(key, ristretto.encode(ristretto.hash_to_group(message))))


# -- the house ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dealt():
    return {}


@pytest.fixture(scope="module")
def installation(dealt):
    """With three key servers; DEALT has the seeds of their ceremony, which nobody else ever sees together."""
    house = make_house({"key_servers": 3}, start=False)
    try:
        house.run("platesieve", "keys", "ceremony", house.folder / "secrets/ceremony")
        for file in (house.folder / "secrets/ceremony").iterdir():
            dealt |= {int(j): plates.bytes64(seed) for j, seed in json.loads(file.read_text())["seeds"].items()}
        house.start()
        yield house
    finally:
        remove_house(house)


@contextlib.contextmanager
def instead_of(house, number, meddle=None):
    """A key server in the place of NUMBER that meddles; with the environment for a client."""
    bad = Meddler(house, f"node/keys-{number}", house.url_of(f"keys-{number}"))
    bad.meddle = meddle
    urls = [bad.url if n == number else house.url_of(f"keys-{n}") for n in SERVERS]
    try:
        yield bad, {"PLATESIEVE_KEYS": ",".join(urls)}
    finally:
        bad.stop()


def lane(house, text, *options, code=0, env=None):
    """(alerting reads, lines that were not checked, summary, what was said)"""
    done = house.platesieve("--as", READER, "lane", "--json", *options, text=text, code=code, env=env)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return ([one for one in lines if "alerts" in one], [one["line"] for one in lines if one.get("unchecked")], lines[-1].get("summary"), done.stderr)


def push(house, name, text, tmp_path, *options, code=0, env=None):
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    done = house.platesieve("--as", ANA, "list", "push", name, file, "--json", *options, code=code, env=env)
    if code == 0:
        house.wait_live(name, json.loads(done.stdout.splitlines()[-1])["revision"])
    return done


@pytest.fixture(scope="module")
def listed(installation, tmp_path_factory):
    name = "shared-way"
    installation.platesieve("--as", ANA, "list", "create", name, "--category", "stolen", "--grade", "near", "--ends", "30d")
    installation.approve(name)
    push(installation, name, "plate,jurisdiction\nQQ61XX61,NL\n", tmp_path_factory.mktemp("listed"))
    return name


def epochs(house, number=1):
    told = house.get("/v1/epochs", READER, server=f"keys-{number}")
    assert told.status_code == 200
    return [one for one in told.json()["epochs"] if one["state"] in ("open", "coming")]


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


# -- one of them fails ----------------------------------------------------------------------------------------------------------


def other_key(value):
    """Right in form, under another key."""
    elements = [ristretto.encode(ristretto.multiply(12345, ristretto.decode(plates.bytes64(one)))) for one in value["evaluated"][:3]]
    return {**value, "evaluated": [plates.text64(one) for one in elements] + value["evaluated"][3:]}


BAD = {
    "proof": (on_evaluate(lambda value: {**value, "proof": flip(value["proof"], 9)}), "wrong proof"),
    "swapped": (on_evaluate(lambda value: {**value, "evaluated": value["evaluated"][::-1]}), "wrong proof"),
    "another key": (on_evaluate(other_key), "wrong proof"),
    "identity": (on_evaluate(lambda value: {**value, "evaluated": [plates.text64(bytes(32)), *value["evaluated"][1:]]}), "no element"),
    "one less": (on_evaluate(lambda value: {**value, "evaluated": value["evaluated"][:-1]}), "another number"),
    "no proof": (on_evaluate(lambda value: {"evaluated": value["evaluated"]}), "no proof"),
    "nothing": (on_evaluate(lambda value: []), "another number"),
    "cut": (on_evaluate(lambda value: "cut"), "no answer"),
    "busy": (on_evaluate(lambda value: (503, "busy")), "can't just now: busy"),
    "over quota": (on_evaluate(lambda value: (429, "over-quota")), "can't just now: over-quota"),
    "refused": (on_evaluate(lambda value: (403, "unregistered")), "unregistered"),
    "gone": (on_evaluate(lambda value: (410, "gone")), "calls an epoch over"),
    "unknown": (on_evaluate(lambda value: (404, "not-found")), "calls an epoch over"),
    "hang": (on_evaluate(lambda value: "hang"), "none within"),
}


@pytest.mark.parametrize("how", BAD)
def test_one_server_that_fails_is_named(installation, listed, how):
    """And the other two go on.  Which two are asked first is chance: here it goes on until the bad one was."""
    meddle, said = BAD[how]
    for number in SERVERS * 4:
        with instead_of(installation, number, meddle) as (bad, env):
            rate = ("--rate", "6") if how in ("gone", "unknown") else ()  # said when it lasts: a rotation reaches one after the other
            hits, unchecked, summary, stderr = lane(installation, "plate,jurisdiction\n" + "QQ61XX61,NL\nQQ44444,NL\n" * 10, "--batch", "2", *rate, env=env)
            assert len(hits) == 10 and not unchecked and summary["cleared"] == 10 and summary["alarms"] == 0
            asked = bad.count("/evaluate")
        others = [installation.url_of(f"keys-{n}") for n in SERVERS if n != number]
        assert not any(url in stderr for url in others), stderr
        if asked:
            assert stderr.count(bad.url) == 1 and said in stderr
            break
    else:
        pytest.fail("was never asked")
    if how == "hang":
        assert max(bucket[0] for bucket in summary["latency_ms"]["histogram"]) < 1000


def change_epochs(change):
    return lambda _method, path, _status, value: {**value, "epochs": [change(one) for one in value["epochs"]]} if path == "/v1/epochs" else value


OTHER_SHARE = plates.text64(public(54321))
WRONG = {
    "another share": (change_epochs(lambda one: {**one, "public_share": OTHER_SHARE}), "does not belong"),
    "another number": (change_epochs(lambda one: {**one, "share": {"server": one["share"]["server"] % 3 + 1, "of": 3}}), "does not belong"),
    "identity": (change_epochs(lambda one: {**one, "public_share": plates.text64(bytes(32))}), "does not belong"),
    "of five": (change_epochs(lambda one: {**one, "share": {"server": 1, "of": 5}}), "can't be read"),
    "a key of its own": (change_epochs(lambda one: {**{key: one[key] for key in one if key not in ("share", "public_share")}, "public_key": OTHER_SHARE,
                                                    "key_id": plates.text64(hashlib.sha256(public(54321)).digest()[:16])}),
                         "whole key"),
    "none": (lambda _method, path, _status, value: {**value, "epochs": []} if path == "/v1/epochs" else value, None),
    "garbage": (lambda _method, path, _status, value: [1] if path == "/v1/epochs" else value, "can't be read"),
    "cut": (lambda _method, _path, _status, _value: "cut", "no answer"),
}


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("number", (1, 3))
def test_one_server_that_tells_wrong_things(installation, listed, tmp_path, how, number):
    meddle, said = WRONG[how]
    with instead_of(installation, number, meddle) as (bad, env):
        hits, unchecked, summary, stderr = lane(installation, READS, env=env)
        assert len(hits) == 1 and not unchecked and summary["cleared"] == 1
        if said:
            assert bad.url in stderr and said in stderr
        name = f"told-{how.replace(' ', '-')}-{number}"
        installation.new_list(list=name)
        push(installation, name, "plate,jurisdiction\nQQ62XX62,NL\n", tmp_path, env=env)
    covered = installation.list_object(name)["epochs"]
    assert covered and all(one["covered"] for one in covered)


def test_a_gate_and_a_key_server_that_conspire(installation, listed, dealt, tmp_path):
    """They name a key that this server has whole.  Who insists on shared keys makes no token under it; the gate does not take it in either."""
    gate, known, seed = Fake(installation.pki), epochs(installation), 54321
    meddle, _ = WRONG["a key of its own"]
    other = plates.text64(hashlib.sha256(public(seed)).digest()[:16])
    gate.epochs = [Epoch(one["id"], one["state"]) for one in known]
    for ours in gate.epochs:
        ours.key_id, ours.suite = other, "voprf-ristretto255-sha512"
    gate.make_list("same", grade="similar")
    (tmp_path / "same.csv").write_text("plate,jurisdiction\nQQ61XX61,NL\n", encoding="ascii")
    try:
        with instead_of(installation, 1, meddle) as (bad, env):
            for shared in ("yes", "no"):
                told = {**env, "PLATESIEVE_GATE": gate.url, "PLATESIEVE_SHARED_KEYS": shared}
                done = installation.platesieve("--as", READER, "lane", "--json", "--patience", "0", text=READS, code=None, env=told)
                asked = bad.count("/evaluate")
                assert (asked > 0) == (shared == "no"), done.stderr  # without insisting, the lane goes by what the gate names
            assert done.returncode != 0 and '"cleared":0' in done.stdout
    finally:
        gate.stop()


def test_two_that_fail_are_too_many(installation, listed, tmp_path):
    """Nothing is cleared, nothing is pushed, and it is said why."""
    alone = {"PLATESIEVE_KEYS": ",".join(("https://127.0.0.1:1", "https://127.0.0.1:2", installation.url_of("keys-3")))}
    done = installation.platesieve("--as", READER, "lane", "--json", "--patience", "0", text=READS, code=None, env=alone)
    assert done.returncode in (1, 4) and "two must answer" in done.stderr and "alerts" not in done.stdout and '"cleared":2' not in done.stdout
    done = installation.platesieve("--as", READER, "lane", "--json", "--patience", "2", text=READS, code=4, env=alone)
    assert done.stderr.count("two must answer") == 1  # it tries on, and says so once
    installation.new_list(list="too-few")
    done = push(installation, "too-few", "plate,jurisdiction\nQQ63XX63,NL\n", tmp_path, "--patience", "2", code=4, env=alone)
    assert done.stderr.count("two must answer") == 1 and "trying on for 2 s" in done.stderr
    bad = {"PLATESIEVE_KEYS": None}
    with instead_of(installation, 1, BAD["proof"][0]) as (one, _), instead_of(installation, 2, BAD["proof"][0]) as (two, _):
        bad["PLATESIEVE_KEYS"] = ",".join((one.url, two.url, installation.url_of("keys-3")))
        hits, unchecked, summary, stderr = lane(installation, READS, "--patience", "0", code=1, env=bad)
    assert not hits and unchecked == [2, 3] and summary["cleared"] == 0 and "wrong proof" in stderr


def test_servers_die_under_way_in_turn(installation, listed):
    """A lane that runs: each server is killed once while the other two are there; no read waits long, none is lost."""
    child = subprocess.Popen([str(installation.programs / "platesieve"), "--as", READER, "lane", "--json"], text=True, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **installation.environment()})
    child.stdin.write("plate,jurisdiction\n")

    def read(times=5):
        for _ in range(times):
            child.stdin.write("QQ61XX61,NL\nQQ44444,NL\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["alerts"]

    read()
    for number in SERVERS:
        installation.kill(f"keys-{number}")
        read()
        installation.start((f"keys-{number}",))
        read(1)
    out, err = child.communicate(timeout=60)
    summary = json.loads(out.splitlines()[-1])["summary"]
    assert {"reads": 46, "hits": 23, "cleared": 23, "unchecked": 0, "alarms": 0}.items() <= summary.items() and child.returncode == 0
    assert any(installation.url_of(f"keys-{n}") in err for n in SERVERS)


# -- the gate -------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def gate_asks(house, url):
    house.stop(("gate",))
    house.asked["settings"]["gate.keys.url"] = url
    house.start(("gate",))
    try:
        yield
    finally:
        house.stop(("gate",))
        del house.asked["settings"]["gate.keys.url"]
        house.start(("gate",))
        house.forget_connections()


def server_of(house, number):
    return next(one for one in house.get("/v1/status", "auditor/ines").json()["key_servers"] if one["share"] == number)


def test_the_gate_goes_on_with_two(installation, listed):
    eventually(lambda: not installation.get("/v1/status", "auditor/ines").json()["degraded"])
    told = installation.get("/v1/status", "auditor/ines").json()
    assert [(one["share"], one["up"], one["fault"]) for one in told["key_servers"]] == [(1, True, None), (2, True, None), (3, True, None)]
    assert told["degraded"] == []
    with installation.without("keys-2"):
        eventually(lambda: not server_of(installation, 2)["up"])
        told = installation.get("/v1/status", "auditor/ines").json()
        assert told["degraded"] == ["keys"] and told["ready"] and told["follow"]["keys_up"] and not installation.lane()["degraded"]
        metrics = installation.metrics()
        assert [metrics[f'platesieve_key_server_up{{server="{installation.url_of(f"keys-{n}")}"}}'] for n in SERVERS] == [1, 0, 1]
        assert len(lane(installation, READS)[0]) == 1
    eventually(lambda: server_of(installation, 2)["up"] and not installation.get("/v1/status", "auditor/ines").json()["degraded"])
    eventually(lambda: f"key server {installation.url_of('keys-2')} can't be asked" in (installation.folder / "log/gate.log").read_text())


def test_the_gate_names_a_liar(installation, listed):
    pinned = {one["id"]: one["key_id"] for one in installation.get("/v1/status", "auditor/ines").json()["epochs"]}
    with instead_of(installation, 2, WRONG["another share"][0]) as (bad, env):
        with gate_asks(installation, env["PLATESIEVE_KEYS"]):
            eventually(lambda: server_of(installation, 2)["fault"] == "share")
            told = installation.get("/v1/status", "auditor/ines").json()
            assert {one["id"]: one["key_id"] for one in told["epochs"]} == pinned and told["degraded"] == ["keys"] and told["ready"]
            assert installation.metrics()[f'platesieve_key_server_wrong{{server="{bad.url}"}}'] == 1
            eventually(lambda bad=bad: f"the key server {bad.url} has a share that does not belong" in (installation.folder / "log/gate.log").read_text())
            shown, first = installation.platesieve("--as", "operator/gate/olga", "status").stdout, installation.keys_url.split(",")[0]
            assert f"{bad.url}: share 2, up, AT FAULT: share\n" in shown and f"{first}: share 1, up\n" in shown
            assert len(lane(installation, READS)[0]) == 1
            bad.meddle = None
            eventually(lambda: server_of(installation, 2)["fault"] is None)
            bad.meddle = lambda _method, path, _status, value: {**value, "now": "2026-01-01T00:00:00.000Z"} if path == "/v1/epochs" else value
            eventually(lambda: server_of(installation, 2)["fault"] == "calendar")
            bad.meddle = WRONG["a key of its own"][0]
            eventually(lambda: any(one["fault"] == "whole-key" for one in installation.get("/v1/status", "auditor/ines").json()["key_servers"]))
            assert {one["id"]: one["key_id"] for one in installation.get("/v1/status", "auditor/ines").json()["epochs"]} == pinned


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


def test_a_gate_that_knows_nothing_yet_meets_a_liar(new_installation):
    """Nobody can tell who lies: no epoch is taken in, and it says so.  Without the liar's address the two others will do."""
    house = new_installation({"key_servers": 3})
    with instead_of(house, 2, WRONG["another share"][0]) as (bad, env):
        house.stop(("gate",))
        (house.folder / "gate/epochs.json").unlink()
        house.asked["settings"]["gate.keys.url"] = env["PLATESIEVE_KEYS"]
        house.start(("gate",), ready=False)
        eventually(lambda: "epochs" in house.get("/v1/status", "auditor/ines").json()["degraded"])
        told = house.get("/v1/status", "auditor/ines").json()
        assert not told["epochs"] and not told["ready"] and "no open epoch is known" in told["reasons"]
        eventually(lambda: "contradict each other" in (house.folder / "log/gate.log").read_text())
        house.stop(("gate",))
        house.asked["settings"]["gate.keys.url"] = ",".join(house.url_of(f"keys-{n}") for n in (1, 3))
        house.start(("gate",))
        told = eventually(lambda: (now := house.get("/v1/status", "auditor/ines").json())["ready"] and now)
        assert len(told["epochs"]) == 2 and not told["degraded"] and not bad.count("/evaluate")


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
