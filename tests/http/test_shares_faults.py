"""Two of three: a key server that is away, slow or lying changes nothing but a warning; two of them are too many."""
import contextlib
import hashlib
import json
import os
import subprocess

import pytest

import plates
import ristretto
from ceremony import READER, READS, SERVERS, dealt, epochs, installation, instead_of, lane, listed, public, push, server_of  # noqa: F401
from fake import Epoch, Fake
from house import eventually
from meddler import flip, on_evaluate


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
