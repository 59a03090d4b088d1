"""The client against real daemons: a list is pushed, reads pass, hits come back, whatever goes away in between."""
import json
import os
import re
import signal
import subprocess
import time

import pytest
import requests

import plates
from house import eventually, now_text
from meddler import Meddler

ANA = "agency/customs/ana"
EPOCHS = {"keys.keyd.epoch_length_s": "6", "keys.keyd.epoch_overlap_s": "4", "keys.keyd.epochs_ahead": "3", "keys.keyd.destroy_after_s": "2"}


def push(house, name, text, tmp_path, *options, code=0, mode="push"):
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    done = house.platesieve("--as", ANA, "list", mode, name, file, "--json", *options, code=code)
    summary = json.loads(done.stdout.splitlines()[-1])
    house.wait_live(name, summary["revision"])
    return summary


def lane(house, text, *options, code=0, identity="reader/north/1"):
    """(alerting reads, summary)"""
    told = [json.loads(line) for line in house.platesieve("--as", identity, "lane", "--json", *options, text=text, code=code).stdout.splitlines()]
    return [one for one in told if "alerts" in one], told[-1]["summary"]


def start_lane(house, *options, out=subprocess.PIPE):
    return subprocess.Popen([str(house.programs / "platesieve"), "--as", "reader/north/1", "lane", "--json", *options], text=True,
                            stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE, env={**os.environ, **house.environment()})


def hits_on(house, name, *options):
    *hits, last = [json.loads(line) for line in
                   house.platesieve("--as", ANA, "hits", "--json", "--all", "--list", name, *options).stdout.splitlines()]
    assert last["hits"] == len(hits) and not last["more"]
    return hits


def test_the_way_of_a_read(installation, tmp_path):
    house, name = installation, "way"
    house.platesieve("--as", ANA, "list", "create", name, "--category", "stolen", "--grade", "near", "--ends", "30d", "--instruction", "Look again")
    house.approve(name)
    push(house, name, "plate,jurisdiction,reference\nQQ71XX71,NL,case 71\nQQ72XX72,NL,\n", tmp_path)
    hits, summary = lane(house, "plate,jurisdiction\nqq-71-xx-71,NL\nQQ71XX71,DE\nQQ7IXX7I,NL\nQQ71XY71,NL\nQQ72XX72,NL\nQQ7777777,NL\n,NL\n", code=3)
    ours = [[alert for alert in one["alerts"] if alert["list"] == name] for one in hits]
    assert [alerts[0]["grade"] for alerts in ours] == ["full", "plate", "similar", "near", "full"]
    assert ours[0][0]["instruction"] == "Look again" and ours[0][0]["category"] == "stolen"
    assert summary["alarms"] == 0 and summary["unchecked"] == 0 and summary["reads"] == summary["cleared"] + summary["hits"] == 6
    found = eventually(lambda: (now := hits_on(house, name)) and sum(one["count"] for one in now) == 5 and now)
    assert found[0]["reference"] == "case 71" and found[0]["count"] == 4 and found[0]["grade"] == "full"
    assert {one["reference_kind"] for one in found} == {"opened", "derived"}
    assert not any(one["reference"] == "case 71" for one in found[1:])


def test_add_remove_and_replace(installation, tmp_path):
    house, name = installation, "changes"
    house.new_list(list=name)
    push(house, name, "plate,jurisdiction,reference\nQQ11XX1,NL,a\nQQ12XX2,NL,b\n", tmp_path)
    push(house, name, "plate,jurisdiction,reference\nQQ13XX3,NL,c\nQQ14XX4,NL,a\n", tmp_path, mode="add")
    push(house, name, "reference\nb\n", tmp_path, mode="remove")
    reads = "plate,jurisdiction\n" + "".join(f"QQ1{n}XX{n},NL\n" for n in range(1, 5))
    assert [one["line"] for one in lane(house, reads)[0]] == [4, 5]
    push(house, name, "plate,jurisdiction,reference\nQQ11XX1,NL,z\n", tmp_path)
    assert [one["line"] for one in lane(house, reads)[0]] == [2]
    push(house, name, "plate,jurisdiction\n", tmp_path, "--yes")
    assert lane(house, reads)[0] == []


def test_a_push_that_was_killed_goes_on(new_installation, tmp_path):
    """The gate that it speaks to says nothing more after it has stored the second of three parts."""
    house, name, file = new_installation({"keys.keyd.suite": "hmac-sha256"}), "killed", tmp_path / "big.csv"
    house.new_list(list=name)
    file.write_text("plate,jurisdiction,reference\n" + "".join(f"QQ{n:07d},NL,case {n}\n" for n in range(40000)), encoding="ascii")
    gate = Meddler(house, "node/gate-1", house.gate_url)
    gate.meddle = lambda method, path, status, value: "hang" if method == "PUT" and path.endswith("/parts/2") else value
    child = subprocess.Popen([str(house.programs / "platesieve"), "--as", ANA, "list", "push", name, str(file)],
                             env={**os.environ, **house.environment(), "PLATESIEVE_GATE": gate.url}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    remembered = house.folder / f"client/customs/push-{name}.json"

    def stored():
        number = json.loads(remembered.read_text())["revision"]
        return len(house.get(f"/v1/lists/{name}/revisions/{number}", ANA).json()["parts"])
    eventually(lambda: gate.count("/parts/2") and stored() == 2, 60)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    gate.stop()
    assert house.list_object(name)["entries"] == 0
    summary = json.loads(house.platesieve("--as", ANA, "list", "push", name, file, "--json").stdout)
    assert summary["resumed"] and summary["parts_skipped"] == 2 < summary["parts"] and summary["entries"] == 40000
    assert house.list_object(name)["entries"] == 40000 and not remembered.exists()


def test_another_agency_and_other_roles_are_refused(installation, tmp_path):
    house = installation
    name = house.new_list()
    file = tmp_path / "list.csv"
    file.write_text("plate,jurisdiction\nQQ1,NL\n", encoding="ascii")
    done = house.platesieve("--as", "agency/marshals/ben", "list", "push", name, file, code=5)
    assert "not-found" in done.stderr
    house.platesieve("--as", "reader/north/1", "hits", code=2)
    house.platesieve("--as", "evidence/customs/1", "status", code=2)


def test_status_of_both(installation):
    told = [json.loads(line) for line in installation.platesieve("--as", "auditor/ines", "status", "--json").stdout.splitlines()]
    assert [one["server"] for one in told] == ["gate", "keys"] and told[0]["status"]["gate"] == "gate-1"
    assert "key server keys-1" in installation.platesieve("--as", "operator/keys/kim", "status").stdout
    text = installation.platesieve("status").stdout
    assert "gate gate-1" in text and "key server keys-1" in text
    assert "keys from" not in text and "AT FAULT" not in text  # one key server that is well is nothing to tell of


def test_lane_waits_for_a_gate_that_restarts(new_installation, tmp_path):
    house = new_installation()
    name = house.new_list()
    push(house, name, "plate,jurisdiction\nQQ1XX1,NL\n", tmp_path)
    child = start_lane(house, "--rate", "100", "--patience", "30")
    child.stdin.write("plate,jurisdiction\n" + "QQ1XX1,NL\nQQ2XX2,NL\n" * 150)
    child.stdin.close()
    time.sleep(0.7)
    with house.without("gate"):
        time.sleep(0.5)
    told = [json.loads(line) for line in child.stdout]
    assert child.wait() == 0, child.stderr.read()
    summary = told[-1]["summary"]
    assert (summary["reads"], summary["hits"], summary["cleared"]) == (300, 150, 150)
    eventually(lambda: sum(one["count"] for one in hits_on(house, name)) == 150)


def is_turned_away(house, identity):
    with house.session(identity) as session:
        try:
            return session.get(house.url("/livez"), timeout=10).status_code == 403
        except requests.ConnectionError:  # in the handshake
            return True


def test_a_revoked_lane_is_told_nothing(new_installation, tmp_path):
    house = new_installation()
    name = house.new_list()
    push(house, name, "plate,jurisdiction\nQQ1XX1,NL\n", tmp_path)
    child = start_lane(house, "--patience", "1")
    child.stdin.write("plate,jurisdiction\nQQ1XX1,NL\n")
    child.stdin.flush()
    assert json.loads(child.stdout.readline())["alerts"]
    house.platesieve("ca", "revoke", "reader/north/1")
    eventually(lambda: is_turned_away(house, "reader/north/1"))
    child.stdin.write("QQ1XX1,NL\nQQ2XX2,NL\n")
    child.stdin.close()
    summary = [json.loads(line) for line in child.stdout][-1]["summary"]
    assert child.wait() in (1, 4, 5)
    assert summary["hits"] == 1 and summary["cleared"] == 0
    house.platesieve("--as", "reader/north/1", "lane", text="plate,jurisdiction\nQQ1XX1,NL\n", code=4)


def test_epochs_change_under_a_lane(new_installation, tmp_path):
    house = new_installation(EPOCHS)
    name = house.new_list()
    text = "plate,jurisdiction,reference\nQQ1XX1,NL,a\nQQ3XX3,NL,\n"
    push(house, name, text, tmp_path)
    with open(tmp_path / "out", "w", encoding="ascii") as out:
        child = start_lane(house, "--rate", "40", "--patience", "20", out=out)
    child.stdin.write("plate,jurisdiction\n" + "QQ1XX1,NL\nQQ2XX2,NL\n" * 300)
    child.stdin.close()
    while child.poll() is None:  # fifteen seconds: three epochs
        house.platesieve("--as", ANA, "list", "tokens", name, tmp_path / "list.csv", code=0)
        time.sleep(0.5)
    summary = json.loads((tmp_path / "out").read_text().splitlines()[-1])["summary"]
    assert (summary["reads"], summary["hits"], summary["cleared"]) == (600, 300, 300), (summary, child.stderr.read())


def test_lane_speaks_the_protocol(installation, tmp_path):
    """What the client computes is what the second implementation computes."""
    house = installation
    name = house.new_list(grade="similar")
    house.push(name, [{"plate": "QQ55XX5", "jurisdiction": "NL"}], grade="similar")
    hits, _ = lane(house, "plate,jurisdiction\nqq55xx5,NL\nQ055XX5,NL\n")
    assert [one["alerts"][0]["grade"] for one in hits] == ["full", "similar"]
    assert plates.canonical("qq55xx5") == "QQ55XX5"


@pytest.mark.parametrize("seconds, how", [(-3600, "behind"), (3600, "ahead of")])
def test_a_lane_whose_clock_is_an_hour_off(installation, shifted, seconds, how):
    """It is told, once.  Its reads carry the gate's time, and so are refused neither for their age nor for coming from the future."""
    hot_list = installation.listed("QQ53XX53", "NL")
    done = installation.platesieve("--as", "reader/north/1", "lane", "--json", code=None, env=shifted(seconds),
                                   text="plate,jurisdiction\n" + "ZZZ5354,NL\n" * 69 + "QQ53XX53,NL\n")
    assert len(re.findall(f"clock is (3599|3600|3601) s {how} the gate's", done.stderr)) == 1, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])["summary"]
    assert (done.returncode, summary["cleared"], summary["hits"], summary["unchecked"]) == (0, 69, 1, 0), summary
    seen = installation.wait_hits(1, hot_list)[0]["seen_at"]
    assert now_text(-1800) < seen < now_text(1800)
