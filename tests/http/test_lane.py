"""platesieve lane: reads in, verified alerts out; never `clear` for what nobody checked."""
import json
import os
import re
import secrets
import subprocess
import time

import pytest

import plates
from fake import Client, Epoch, Fake, Problem
from house import TOP

PROGRAM = os.environ.get("PLATESIEVE_BUILD", str(TOP / "build")) + "/platesieve"


@pytest.fixture
def client(tmp_path):
    return Client(tmp_path, PROGRAM)


@pytest.fixture
def fake(client):
    server = Fake(client.pki)
    client.point_at(server)
    server.make_list("stolen", instruction="Stop it")
    list_plates(server, ("QQ00QQ0", "US-NY"), ("QQ11QQ1", ""))
    yield server
    server.stop()


def list_plates(fake, *entries, name="stolen", grades=("full", "plate")):
    for plate, jurisdiction in entries:
        tokens = {epoch.id: plates.list_tokens(epoch.key, plate, jurisdiction, grades, name, "customs") for epoch in fake.epochs}
        fake.lists[name]["standing"][plate] = {"tokens": tokens}


def lane(client, text, *argv, code=0, **options):
    """(alerting reads, remarks and unchecked, summary)"""
    told = client.json("lane", "--codes", "usps", *argv, text=text, code=code, **options)
    return [one for one in told if "alerts" in one], [one for one in told if "alerts" not in one and "summary" not in one], told[-1]["summary"]


def test_alerts_and_clears(client, fake):
    text = "plate,state\nqqoo-qqo,NY\nQQ00QQ0,NJ\nQQ11QQ1,\nQQ22QQ2,NY\n"
    hits, others, summary = lane(client, text)
    assert [(one["line"], one["alerts"][0]["grade"]) for one in hits] == [(2, "full"), (3, "plate"), (4, "plate")]
    assert {"list": "stolen", "agency": "customs", "instruction": "Stop it", "candidate": 0}.items() <= hits[0]["alerts"][0].items()
    assert not others
    assert {"reads": 4, "cleared": 1, "hits": 3, "alerts": 3, "hits_by_list": {"customs/stolen": 3}, "unusable": 0, "unchecked": 0, "alarms": 0,
            "unknown_jurisdiction": 1, "hits_by_grade": {"full": 1, "plate": 2, "similar": 0, "near": 0}}.items() <= summary.items()
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"]


def test_no_plate_leaves_the_lane(client, fake):
    text = "plate,state\nQQ00QQ0,NY\nQQ22QQ2,NY\n"
    done = client.run("lane", "--codes", "usps", "--json", text=text)
    assert not any(plate in b"".join(fake.bodies) for plate in (b"QQ00QQ0", b"QQ22QQ2"))
    assert "QQ00QQ0" not in done.stdout + done.stderr
    shown = [json.loads(line) for line in client.run("lane", "--codes", "usps", "--json", "--show-plates", text=text).stdout.splitlines()]
    assert (shown[0]["plate"], shown[0]["jurisdiction"]) == ("QQ00QQ0", "US-NY")


def test_an_officer_sees_the_plate(client, fake):
    done = client.run("lane", "--codes", "usps", text="plate,state\nqqoo-qqo,NY\nQQ22QQ2,NY\n")
    assert re.search(r"ALERT  qqoo-qqo US-NY  stolen \(customs/stolen\), match full, priority 50: Stop it", done.stdout)
    assert "QQ22QQ2" not in done.stdout + done.stderr and "2 reads: 1 cleared, 1 hits" in done.stderr


def test_only_wanted_grades_are_computed(client, fake):
    fake.grades = ["similar", "near"]
    lane(client, "plate,state\nQQ00QQ0,NY\nQQ1,NY\n")
    first, second = (read["candidates"][0]["tokens"][0] for body in fake.bodies if b"reads" in body for read in json.loads(body)["reads"])
    wanted = plates.lane_tokens(fake.epochs[0].key, "QQ00QQ0", "US-NY", ["similar", "near"])
    assert first["similar"] == wanted["similar"] and sorted(first["near"]) == sorted(wanted["near"]) and set(first) == {"similar", "near"}
    assert second["near"] == []


def test_near_alerts_verify(client, fake):
    fake.grades = ["full", "plate", "similar", "near"]
    fake.make_list("grave", grade="near")
    list_plates(fake, ("QQ44QQ4", "US-NY"), name="grave", grades=plates.GRADES)
    hits, _, summary = lane(client, "plate,state\nQQ44QX4,NY\n0Q44QQ4,NJ\nQQ44QQ44,NY\n")
    assert [one["alerts"][0]["grade"] for one in hits] == ["near", "similar", "near"] and summary["alarms"] == 0


def test_unusable_rows_are_reported_and_the_rest_goes_on(client, fake):
    text = ("plate,state\n,NY\nQQQQQ00000QQ00000,NY\n\u00a0,NY\nQQF\u00a01890.00,NY\nQQ00QQ0,NY\nBLANKPLATE,99\nQQ\u00a022QQ2,NY\n"
            "QQ33QQ3,99\nQQ33QQ3\n")
    hits, others, summary = lane(client, text, code=3)
    assert [(one["line"], one["remark"]) for one in others] == [(2, "empty"), (3, "too-long"), (4, "empty"), (5, "spreadsheet"), (7, "placeholder")]
    assert [one["line"] for one in hits] == [6]
    assert (summary["reads"], summary["unusable"], summary["unknown_jurisdiction"]) == (4, 5, 2)
    assert summary["unusable_by_reason"] == {"empty": 2, "too-long": 1, "spreadsheet": 1, "placeholder": 1}


def test_no_request_without_a_read(client, fake):
    """A row that is no plate, with nothing behind it yet, or at the end."""
    _, _, summary = lane(client, "plate,state\n,NY\n", code=3)
    assert (summary["reads"], summary["unusable"]) == (0, 1)
    lane(client, "plate,state\nQQ00QQ0,NY\n***,NY\n", "--batch", "1", code=3)
    assert all(json.loads(body)["reads"] for body in fake.bodies if b"reads" in body)


def test_unknown_jurisdictions_alone_are_no_remark(client, fake):
    _, _, summary = lane(client, "plate,region\nQQ33QQ3,99\nQQ33QQ3,\n", code=0)
    assert summary["unknown_jurisdiction"] == 2 and summary["cleared"] == 2


def test_no_header(client, fake):
    client.run("lane", text="QQ00QQ0,NY\n", code=1)
    client.run("lane", text="", code=1)
    assert ("POST", "/v1/checks") not in fake.asked


# -- a gate that lies ---------------------------------------------------------------------------------------------------------


def forged(fake, **changes):
    alert = fake.alert("stolen", fake.lists["stolen"], "full", fake.epochs[0].id, secrets.token_bytes(8))
    return {**alert, **changes}


def test_a_false_tag_is_an_alarm_and_no_alert(client, fake):
    fake.forge = lambda read, alerts: alerts or [forged(fake)]
    hits, _, summary = lane(client, "plate,state\nQQ22QQ2,NY\nQQ00QQ0,NY\n", code=6)
    assert [one["line"] for one in hits] == [3]
    assert {"alarms": 1, "hits": 1, "cleared": 0, "unchecked": 1, "reads": 2}.items() <= summary.items()
    done = client.run("lane", "--codes", "usps", text="plate,state\nQQ22QQ2,NY\n", code=6)
    assert "ALARM" in done.stderr and "ALERT" not in done.stdout and "QQ22QQ2" not in done.stderr


def test_a_false_tag_beside_a_good_one(client, fake):
    fake.forge = lambda read, alerts: [*alerts, forged(fake, list="other")]
    hits, _, summary = lane(client, "plate,state\nQQ00QQ0,NY\n", code=6)
    assert [one["list"] for one in hits[0]["alerts"]] == ["stolen"] and summary["alarms"] == 1 and summary["hits"] == 1


@pytest.mark.parametrize("changes", [
    {"agency": "marshals"}, {"list": "wanted"}, {"grade": "plate"}, {"grade": "near"}, {"grade": "exact"}, {"epoch": "20260105T000000Z"},
    {"candidate": 1}, {"tag": "AAAA"}, {"tag": "!!!!!!!!!!!"}, {"list": "../x"}, {"tag": None},
], ids=str)
def test_a_true_tag_under_another_name_is_false(client, fake, changes):
    fake.forge = lambda read, alerts: [{**alert, **changes} for alert in alerts]
    hits, _, summary = lane(client, "plate,state\nQQ00QQ0,NY\n", code=6)
    assert not hits and summary["alarms"] == 1 and summary["hits"] == 0


@pytest.mark.parametrize("mangle", [
    lambda answer: {**answer, "answers": answer["answers"][:-1]},
    lambda answer: {**answer, "answers": answer["answers"][::-1]},
    lambda answer: {**answer, "answers": [{**one, "answer": "maybe"} for one in answer["answers"]]},
    lambda answer: {**answer, "answers": [{**one, "answer": "hit"} for one in answer["answers"]]},
    lambda answer: {"policy": answer["policy"]},
    lambda answer: [],
], ids=["short", "reversed", "maybe", "hit without alerts", "none", "array"])
def test_answers_that_are_none_clear_nobody(client, fake, mangle):
    fake.mangle = mangle
    hits, others, summary = lane(client, "plate,state\nQQ22QQ2,NY\nQQ33QQ3,NY\n", code=1)
    assert not hits and summary["unchecked"] == 2 and summary["cleared"] == 0 and len(others) == 2


# -- change and trouble -----------------------------------------------------------------------------------------------------------


def test_an_epoch_opens_under_way(client, fake):
    changed = []

    def fault(method, path):
        if path == "/v1/checks" and not changed:
            changed.append(path)
            fake.epochs.append(Epoch("20260102T000000Z"))
            fake.policy = "fedcba9876543210"
            list_plates(fake, ("QQ00QQ0", "US-NY"))
        return None

    fake.faults.append(fault)
    hits, _, summary = lane(client, "plate,state\nQQ00QQ0,NY\n")
    assert len(hits) == 1 and summary["unchecked"] == 0
    last = json.loads([body for body in fake.bodies if b"reads" in body][-1])
    assert len(last["epochs"]) == 2 and len(last["reads"][0]["candidates"][0]["tokens"]) == 2


def test_keys_of_coming_epochs_are_at_hand(client, fake):
    """The key server is away when an epoch opens: the lane has its key."""
    fake.epochs.append(Epoch("20260102T000000Z", "coming"))
    keys, state = Fake(client.pki), []
    keys.epochs = fake.epochs

    def fault(method, path):
        if path == "/v1/checks" and not state:
            state.append(path)
            keys.faults.append(lambda *_: "cut")
            fake.epochs[1].state = "open"
            fake.policy = "fedcba9876543210"
        return None

    fake.faults.append(fault)
    _, _, summary = lane(client, "plate,state\nQQ22QQ2,NY\n", env={"PLATESIEVE_KEYS": keys.url})
    keys.stop()
    assert summary["cleared"] == 1 and state


def test_a_gate_that_never_agrees(client, fake):
    fake.faults.append(lambda method, path: Problem(409, "policy") if path == "/v1/checks" else None)
    _, others, summary = lane(client, "plate,state\nQQ22QQ2,NY\n", code=1)
    assert summary["unchecked"] == 1 and others == [{"line": 2, "unchecked": True}]
    assert len([one for one in fake.asked if one[1] == "/v1/checks"]) < 10


def test_the_next_gate_takes_over(client, fake):
    second = Fake(client.pki)
    second.epochs, second.lists, second.policy = fake.epochs, fake.lists, fake.policy
    client.point_at(fake, second)
    for fault in ("cut", Problem(503, "spool"), Problem(503, "starting")):
        fake.faults = [lambda method, path, fault=fault: fault if path == "/v1/checks" else None]
        hits, _, summary = lane(client, "plate,state\nQQ00QQ0,NY\nQQ22QQ2,NY\n")
        assert len(hits) == 1 and summary["cleared"] == 1
    second.stop()


def test_503_is_waited_out_then_unchecked(client, fake):
    begin = time.monotonic()
    fake.faults.append(lambda method, path: Problem(503, "no-lists") if path == "/v1/checks" and time.monotonic() - begin < 1.5 else None)
    assert lane(client, "plate,state\nQQ22QQ2,NY\n")[2]["cleared"] == 1
    fake.faults[:] = [lambda method, path: Problem(503, "no-lists") if path == "/v1/checks" else None]
    begin = time.monotonic()
    rows = "".join(f"QQ{number:04d},NY\n" for number in range(100))
    _, _, summary = lane(client, "plate,state\n" + rows, "--patience", "1", code=1)
    assert summary["unchecked"] == 100 and summary["cleared"] == 0
    assert time.monotonic() - begin < 10  # patience is had once, not for each batch


def test_a_refusal_ends_it(client, fake):
    fake.faults.append(lambda method, path: Problem(403, "revoked") if path == "/v1/checks" else None)
    done = client.run("lane", "--codes", "usps", text="plate,state\n" + "QQ22QQ2,NY\n" * 1000, code=5)
    assert "revoked" in done.stderr and "0 cleared" in done.stderr


def test_nobody_there(client, fake):
    fake.stop()
    client.run("lane", "--patience", "0", text="plate,state\nQQ22QQ2,NY\n", code=4)


def test_lists_that_were_not_asked_are_named(client, fake):
    fake.unchecked = [{"agency": "marshals", "list": "grave", "why": "no-tokens"}]
    done = client.run("lane", "--codes", "usps", text="plate,state\nQQ22QQ2,NY\n")
    assert "the list marshals/grave could not be asked: no-tokens" in done.stderr


# -- pace -------------------------------------------------------------------------------------------------------------------------------


def test_a_read_does_not_wait_for_the_next(client, fake):
    child = subprocess.Popen([PROGRAM, "lane", "--codes", "usps", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PLATESIEVE_PKI": str(client.pki), **client.urls})
    child.stdin.write("plate,state\nQQ00QQ0,NY\n")
    child.stdin.flush()
    assert json.loads(child.stdout.readline())["line"] == 2  # while the pipe stays open
    child.stdin.write("QQ00QQ0,NY\nQQ00Q")
    child.stdin.flush()
    assert json.loads(child.stdout.readline())["line"] == 3  # half a line behind it does not hold it up
    child.stdin.write("Q0,NY")
    child.stdin.close()
    assert json.loads(child.stdout.readline())["line"] == 4
    assert child.wait() == 0


def test_what_waits_goes_together(client, fake):
    lane(client, "plate,state\n" + "QQ22QQ2,NY\n" * 100, "--batch", "10")
    sizes = [len(json.loads(body)["reads"]) for body in fake.bodies if b'"reads"' in body]
    assert sum(sizes) == 100 and max(sizes) == 10 and len(sizes) <= 12


def test_many_connections_lose_nothing(client, fake):
    rows = "".join(f"QQ{number:05d},NY\n" if number % 10 else "QQ00QQ0,NY\n" for number in range(2000))
    hits, _, summary = lane(client, "plate,state\n" + rows, "--parallel", "4")
    assert summary["reads"] == 2000 and summary["hits"] == 200 and summary["cleared"] == 1800
    assert len({one["line"] for one in hits}) == 200
    ids = [read["read_id"] for body in fake.bodies if b'"reads"' in body for read in json.loads(body)["reads"]]
    assert len(set(ids)) == 2000


def test_rate(client, fake):
    begin = time.monotonic()
    lane(client, "plate,state\n" + "QQ22QQ2,NY\n" * 20, "--rate", "20")
    assert time.monotonic() - begin > 0.9


def test_confidence(client, fake):
    _, _, summary = lane(client, "plate,state,confidence\nQQ22QQ2,NY,97.5\nQQ22QQ2,NY,0.5\nQQ22QQ2,NY,\nQQ22QQ2,NY,high\n", code=3)
    given = [read["candidates"][0]["confidence"] for body in fake.bodies if b'"reads"' in body for read in json.loads(body)["reads"]]
    assert given == [0.975, 0.5, 1.0] and summary["unusable_by_reason"] == {"confidence": 1}
