"""platesieve lane --config: a service that takes what engines say, and forgets."""
import base64
import concurrent.futures
import contextlib
import datetime
import http.client
import itertools
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.error

import pytest

from house import eventually
from meddler import Meddler
from memory import found
from process import Failure
from relay import relay_to
from sealing import large_jpeg
from test_residue import needs_root

LISTED = "QQ31LNS"
PROBLEMS = "https://platesieve.example/problems/"
QUICK = {"reads": {"vehicle_window_ms": 0, "caption_vehicles": 0}}  # each message is a vehicle of its own


@pytest.fixture(scope="module")
def hot_list(installation):
    return installation.listed(LISTED, "US-TX", grade="similar")


@pytest.fixture
def lane(installation, hot_list, tmp_path):  # pylint: disable=unused-argument
    """A maker of lanes as reader/north/1 that end with the test."""
    with contextlib.ExitStack() as stack:
        def make(*argv, start=True, **sections):
            service = installation.lane_service(folder=tmp_path / f"lane-{len(made)}", **{"alerts": {"json": "yes", "show_plates": "yes"}, **sections})
            made.append(service)
            if start:
                service.start(*argv)
                stack.callback(lambda: service.process.poll() is None and service.kill())
                eventually(lambda: service.status()["ready"])
            return service
        made = []
        yield make


def plain(plate, jurisdiction="US-TX", **more):
    return {"plate": plate, "jurisdiction": jurisdiction, **more}


def plates_of(number, start=0):
    """NUMBER plates that differ by more than an edit."""
    return [f"QQ{i:02d}{(i * 37) % 97:02d}W{chr(65 + i % 8)}" for i in range(start, start + number)]


def ago(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def answers(service):
    reads = service.status()["counts"]["reads"]
    return {"asked": reads["asked"], "clear": reads["clear"], "hits": reads["hits"], **reads["unchecked"]}


def raw(service, text):
    """What comes back for TEXT, sent as it is, until the other side closes."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=15) as wire:
        wire.sendall(text)
        got = b""
        with contextlib.suppress(ConnectionError):
            while piece := wire.recv(65536):
                got += piece
    return got.decode(errors="replace")


def request_of(body, headers="", method="POST", path="/engines/plain", length=None):
    size = len(body) if length is None else length
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n" \
           f"Connection: close\r\n{headers}\r\n".encode() + body


def refusal(call):
    with pytest.raises(urllib.error.HTTPError) as caught:
        call()
    with contextlib.closing(caught.value) as error:
        problem = json.load(error)
        assert error.headers["Content-Type"] == "application/problem+json" and problem["status"] == error.code
        return error.code, problem["type"].removeprefix(PROBLEMS)


# -- the way of a message ---------------------------------------------------------------------------------------------------


def test_message_to_alert(lane, hot_list):
    service = lane()
    assert service.post("plain", plain("qq-31 lns", camera="gate 4")) == {"message": "taken", "kind": "read", "reads": 1, "new": 1, "again": 0, "left_out": 0, "faults": 0}
    service.post("plain", plain("QQ00QQ0"))
    alert = eventually(service.alerts)[0]
    assert (alert["agency"], alert["list"], alert["grade"]) == ("customs", hot_list, "full")
    assert LISTED.lower() in json.dumps(alert).lower() or "31 lns" in json.dumps(alert)
    eventually(lambda: answers(service)["clear"] == 1)
    assert answers(service)["hits"] == 1
    assert "QQ00QQ0" not in service.said() + json.dumps(service.status()) and "31 lns" not in service.said()
    assert service.metrics()['platesieve_lane_looks_total{look="first",outcome="hit"}'] == 1
    assert service.stop() == 0
    line = json.loads([one for one in service.said().splitlines() if one.startswith("{")][-1])
    assert line["reads"]["asked"] == 2 and line["messages"] == 2


def test_what_was_seen_long_ago(installation, lane):
    """An engine tells what it had stored: the officer hears when it was, and so does the agency; nothing is seen in the future."""
    own, other = installation.listed("QQ64LNG", "US-TX"), installation.listed("QQ75LNG", "US-TX")
    service, seen = lane(**QUICK), ago(9 * 3600)
    service.post("plain", plain("QQ64LNG", seen_at=seen))
    first = eventually(service.alerts)[0]
    assert first["words"].startswith("SEEN 9 h AGO; ") and first["late"] and first["seen_at"] == seen and 0 <= first["seen_ago_s"] - 9 * 3600 < 60
    assert eventually(lambda: [hit["seen_at"] for hit in installation.hits(own) if hit["hit"] == first["hit"]]) == [seen]
    service.post("plain", plain("QQ64LNG", seen_at=ago(-120)))
    now = eventually(lambda: service.alerts()[1:])[0]
    assert not now["late"] and "SEEN" not in now["words"] and now["hit"] != first["hit"] and ago(60) < now["seen_at"] <= ago(0)
    assert eventually(lambda: [hit["seen_at"] for hit in installation.hits(own) if hit["hit"] == now["hit"]]) == [now["seen_at"]]
    service.post("plain", plain("QQ75LNG", seen_at=ago(3 * 86400)))  # which no gate takes; or the camera lost its clock
    last = eventually(lambda: service.alerts()[2:])[0]
    assert last["list"] == other and last["late"] and last["seen_ago_s"] is None and last["words"].startswith("SEEN OVER 24 h AGO, or the camera's clock is wrong; ")
    told = service.status()
    assert told["counts"]["late"] == 2 and told["engines"]["plain"]["faults"]["time"] == 1
    for alerts, seen in ((4, 3 * 86400), (5, 0), (6, 3 * 86400)):  # it comes again, and again, whatever its camera takes for now
        service.post("plain", plain("QQ75LNG", seen_at=ago(seen)))
        again = eventually(lambda: service.alerts()[alerts - 1:])[0]
        assert again["hit"] == last["hit"] and again["times"] == alerts - 2 and again["late"] == (seen > 0)


def test_one_vehicle_is_one_read(lane):
    service = lane()
    for _ in range(3):
        service.post("plain", plain("QQ55QQ5", camera="a", id="v1"))
    assert service.post("plain", plain("QQ55QQ6", camera="a", id="v1"))["again"] == 1
    eventually(lambda: answers(service)["clear"] == 1 and service.status()["counts"]["again"]["clear"] == 1)
    assert service.status()["counts"]["looks"]["known"] == 2


def test_standard_input(installation, lane, hot_list):
    service = lane(start=False, listen={"address": "none"}, **QUICK)
    text = "".join(json.dumps(plain(plate)) + "\n" for plate in (LISTED, *plates_of(5))) + "{\n" + json.dumps({"hello": 1})
    done = subprocess.run([service.program, "lane", "--config", service.config, "--stdin", "plain"], input=text, capture_output=True, text=True,
                          env={**os.environ, **service.environment}, timeout=60, check=False)
    assert done.returncode == 3, done.stderr  # one line was no JSON
    assert [json.loads(line)["list"] for line in done.stdout.splitlines()] == [hot_list]
    assert "8 messages, 6 reads: 5 clear, 1 hits, 0 unchecked; 1 alerts" in done.stderr
    assert LISTED not in done.stderr


def test_status_for_people(installation, lane):
    service = lane()
    service.post("plain", plain("QQ00QQ0"))
    eventually(lambda: answers(service)["clear"] == 1)
    text = installation.platesieve("lane", "status", "--url", service.url).stdout
    assert "reader/north/1" in text and "1 asked, 1 clear, 0 hits, unchecked: none" in text and "ready      yes" in text
    told = json.loads(installation.platesieve("lane", "status", "--url", service.url, "--json").stdout)
    assert told["counts"]["messages"] == 1 and told["engines"]["plain"]["last_message_at"]
    assert "give one of them" in installation.platesieve("lane", "status", "--url", service.url, "--config", service.config, code=2).stderr
    service.stop()
    assert "no lane answers" in installation.platesieve("lane", "status", "--url", service.url, code=4).stderr


# -- when gates are away ----------------------------------------------------------------------------------------------------


def test_reads_wait_until_they_are_too_many_or_too_old(installation, lane):
    with relay_to(installation.asked["ports"]["gate"]) as relay:
        service = lane(lane={"gate": relay.url}, waiting={"reads": 30, "age_s": 4}, **QUICK)
        relay.cut()
        for plate in plates_of(60):
            service.post("plain", plain(plate))
        eventually(lambda: answers(service)["full"] >= 60 - 30 - 16)  # two times eight are being asked about
        assert answers(service)["clear"] == 0
        eventually(lambda: (told := answers(service)) and told["full"] + told["aged"] == told["asked"] == 60)
        assert {"no-gate", "unchecked"} <= set(service.status()["alarms"]) and not service.status()["ready"]
        assert service.said().count("ALARM: reads go unchecked") == 1
        relay.join()
        eventually(lambda: service.status()["ready"])
        service.post("plain", plain("QQ00QQ0"))
        eventually(lambda: answers(service)["clear"] == 1)
        assert service.stop() == 0


def test_a_vehicle_whose_first_look_nobody_answered_is_counted(installation, lane):
    """Once, at the gate: later looks at it, which wait for less long, are answered."""
    def counted():
        checks = installation.get("/v1/status", "operator/gate/olga").json()["checks"]
        return checks["reads"], checks["again"]

    def looks(service):
        return [service.status()["counts"][look] for look in ("reads", "again")]

    with relay_to(installation.asked["ports"]["gate"]) as relay:
        service = lane(lane={"gate": relay.url}, waiting={"age_s": 4})
        reads, again = counted()
        relay.cut()
        spellings = (plain(f"QQ55Q{sign}6", camera="a", id="v1") for sign in "ACEFHJKLMNPRTUVWXY")
        while answers(service)["aged"] == 0:
            service.post("plain", next(spellings))
            time.sleep(0.5)
        relay.join()
        eventually(lambda: service.status()["ready"])
        service.post("plain", next(spellings))
        eventually(lambda: all(look["asked"] == look["clear"] + sum(look["unchecked"].values()) for look in looks(service)))
        answered = sum(look["clear"] for look in looks(service))
        eventually(lambda: sum(counted()) == reads + again + answered)
        assert counted() == (reads + 1, again + answered - 1)


def test_a_gate_far_away(installation, lane):
    """A lane on a slow link: with a connection to be made first, an answer takes longer than a gate that is well may take."""
    with relay_to(installation.asked["ports"]["gate"], delay_s=0.25) as relay:
        service = lane(lane={"gate": relay.url}, **QUICK)
        service.post("plain", plain(LISTED))
        eventually(service.alerts)
        eventually(lambda: service.status()["gates"][0]["well"])


def test_catching_up_floods_nobody(installation, lane, hot_list):
    """Neither with what was tried, nor with what came last; and that goes first."""
    with relay_to(installation.asked["ports"]["gate"]) as relay:
        service = lane(lane={"gate": relay.url}, waiting={"age_s": 120, "catch_up_rate": 6}, **QUICK)
        relay.cut()
        for plate in plates_of(16):
            service.post("plain", plain(plate))
        eventually(lambda: service.status()["waiting"]["old"] > 0)  # some were tried
        for plate in (*plates_of(29, 16), LISTED):
            service.post("plain", plain(plate))
        relay.join()
        begun = time.monotonic()
        eventually(service.alerts)
        assert answers(service)["clear"] < 40 and service.status()["waiting"]["old"] > 0
        eventually(lambda: answers(service)["clear"] == 45 and answers(service)["hits"] == 1, 30)
        took = time.monotonic() - begun
        assert took > (46 - 8 - 2) / 6 - 0.5, f"46 reads in {took:.2f} s"
        assert [alert["list"] for alert in service.alerts()] == [hot_list]
        assert sum(answers(service)[why] for why in ("away", "over-quota", "aged", "full", "failed")) == 0


def test_a_stored_queue_pushes_nothing_aside(installation, lane, hot_list):
    """More waits than may, and most of it an engine had kept for hours: all that drives past now is checked."""
    with relay_to(installation.asked["ports"]["gate"]) as relay:
        service = lane(lane={"gate": relay.url}, waiting={"reads": 30, "age_s": 120, "catch_up_rate": 50}, **QUICK)
        relay.cut()
        for plate in (LISTED, *plates_of(9)):
            service.post("plain", plain(plate))
        for plate in plates_of(60, 9):
            service.post("plain", plain(plate, seen_at=ago(3600)))
        eventually(lambda: answers(service)["full"] >= 70 - 30 - 8)
        relay.join()
        eventually(lambda: (told := answers(service)) and told["clear"] + told["hits"] + told["full"] == told["asked"] == 70)
        assert answers(service)["hits"] == 1 and answers(service)["clear"] >= 9 + 20 - 8 and service.status()["counts"]["late"] == 60
        assert [(alert["list"], alert["words"].startswith("SEEN 1")) for alert in service.alerts()] == [(hot_list, False)]


def test_gates_that_answer_but_check_nothing(installation, lane):
    gate = Meddler(installation, "node/gate-1", installation.gate_url)
    try:
        service = lane(lane={"gate": gate.url}, **QUICK)
        gate.meddle = lambda *_: (503, "spool")
        service.post("plain", plain("QQ00QQ0"))
        eventually(lambda: "waiting" in service.status()["alarms"])
        assert not service.status()["ready"] and "no-gate" not in service.status()["alarms"]
        with pytest.raises(urllib.error.HTTPError, match="503"):
            service.get("/readyz")
        gate.meddle = None
        eventually(lambda: answers(service)["clear"] == 1 and service.status()["ready"] and not service.status()["alarms"])
        assert service.stop() == 0
    finally:
        gate.stop()


def test_what_waits_at_the_end_is_unchecked(installation, lane):
    with relay_to(installation.asked["ports"]["gate"]) as relay:
        service = lane(lane={"gate": relay.url}, **QUICK)
        relay.cut()
        for plate in plates_of(5):
            service.post("plain", plain(plate))
        begun = time.monotonic()
        assert service.stop() == 0 and time.monotonic() - begun < 12
        assert "5 reads: 0 clear, 0 hits, 5 unchecked" in service.said()
        line = json.loads([one for one in service.said().splitlines() if one.startswith("{")][-1])
        assert line["reads"]["unchecked"]["away"] == 5 and line["waiting"] == 0


def test_what_waits_at_the_end_is_checked_where_it_can_be(installation, lane):
    service = lane(**QUICK)
    for plate in plates_of(30):
        service.post("plain", plain(plate))
    assert service.stop() == 0
    assert "30 reads: 30 clear, 0 hits, 0 unchecked" in service.said()


def test_a_lane_that_is_not_wanted_goes_on(installation, lane):
    service = lane(**QUICK)
    installation.unregister("reader/north/1", daemons=("gate",))
    try:
        time.sleep(0.6)
        service.post("plain", plain("QQ00QQ0"))
        eventually(lambda: "refused" in service.status()["alarms"])
        assert not service.status()["ready"] and "ALARM" in service.said()
    finally:
        installation.register("reader/north/1", daemons=("gate",))
    eventually(lambda: answers(service)["clear"] == 1 and service.status()["alarms"] == [], 30)
    assert service.stop() == 0


# -- bad requests -----------------------------------------------------------------------------------------------------------


def test_refusals(lane):
    service = lane(memory={"message_bytes": 65536})
    assert refusal(lambda: service.post("plain", b"{")) == (400, "malformed")
    assert refusal(lambda: service.post("plain", b"x", "image/jpeg")) == (415, "media-type")
    assert refusal(lambda: service.post("nobody", {})) == (404, "not-found")
    assert refusal(lambda: service.post("plain", {}, camera="x" * 100)) == (400, "bad-field")
    assert refusal(lambda: service.get("/engines/plain")) == (405, "method")
    assert raw(service, b"HEAD /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").startswith("HTTP/1.1 200 ")
    assert refusal(lambda: service.get("/alerts?after=-1")) == (400, "bad-field")
    assert refusal(lambda: service.get("/" + "x" * 3000)) == (414, "url-too-long")
    assert refusal(lambda: service.get("/alerts/AAAAAAAAAAAAAAAAAAAAAA/image")) == (404, "not-found")
    assert raw(service, request_of(b"", length=65537)).startswith("HTTP/1.1 413 ")  # before a byte of it
    assert raw(service, b"POST /engines/plain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").startswith("HTTP/1.1 411 ")
    assert raw(service, request_of(b"{}", "Content-Length: 3\r\n")).startswith("HTTP/1.1 400 ")
    assert raw(service, request_of(b"{}", "Content-Encoding: gzip\r\n")).startswith("HTTP/1.1 415 ")
    counts = service.status()["counts"]["refused"]
    assert counts["too-large"] == 1 and counts["request"] == 7  # an engine that is not there among them, so that a slip in a camera's address shows
    assert service.post("plain", plain("QQ00QQ0"))["reads"] == 1  # and the next one is served


@pytest.mark.parametrize("request_text,code,why", [
    (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-QQ11QQ1: " + b"x" * 20_000 + b"\r\n\r\n", 431, "request"),
    (request_of(b"", length="QQ11QQ1"), 400, "request"),
    (request_of(b"", length="-1"), 400, "request"),
    (request_of(b"", length="9" * 30), 413, "too-large"),
    (b"GET /livez HTTP/1.1\r\nX-QQ11QQ1: y\r\n\r\n", 400, "request"),  # no Host
    (b"GET /livez HTTP/7.1\r\nHost: localhost\r\n\r\n", 505, "request"),
    (request_of(b"", "Transfer-Encoding: chunked\r\n").replace(b"Content-Length: 0\r\n", b"") + b"QQ11QQ1\r\n\r\n", 400, "request"),
], ids=["a long header", "no length", "a negative length", "an absurd length", "no host", "a wrong version", "no chunks"])
def test_refusals_of_the_library_are_counted(lane, request_text, code, why):
    """What libmicrohttpd answers by itself, in HTML; by reason and once each."""
    service = lane()
    before = service.status()["counts"]["refused"]
    answer = raw(service, request_text)
    assert answer.startswith(f"HTTP/1.1 {code} ") and "QQ11QQ1" not in answer
    assert service.status()["counts"]["refused"] == before | {why: before[why] + 1}
    assert "QQ11QQ1" not in service.said()


def in_chunks(body, size, headers="", version="1.1", path="/engines/plain"):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    head = f"POST {path} HTTP/{version}\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    return (head + f"Connection: close\r\n{headers}\r\n").encode() + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_messages_in_chunks(lane, hot_list):
    """As cameras and libraries send what they do not know the size of."""
    service = lane(memory={"message_bytes": 300_000}, **QUICK)
    for i, (padding, size) in enumerate([(0, 1), (0, 7), (16_000, 16_383), (40_000, 1000), (140_000, 65_536), (299_900, 4096)]):
        body = json.dumps(plain(plates_of(6)[i], padding="x" * padding)).encode()
        assert '"reads":1' in raw(service, in_chunks(body, size)), (padding, size)
    assert '"reads":1' in raw(service, in_chunks(json.dumps(plain(LISTED)).encode(), 5, "X-Trailer: no\r\n"))
    assert [alert["list"] for alert in eventually(service.alerts)] == [hot_list]
    exact = json.dumps(plain("QQ00QQ0")).encode().ljust(300_000)
    assert '"reads":1' in raw(service, in_chunks(exact, 9999))
    assert service.status()["memory"]["messages_bytes"] == 0


def test_bad_chunks(lane):
    service = lane(memory={"message_bytes": 65_536})
    good = json.dumps(plain("QQ00QQ0")).encode()
    too_large = service.status()["counts"]["refused"]["too-large"]
    assert raw(service, in_chunks(good.ljust(65_537), 10_000)).startswith("HTTP/1.1 413 ")
    assert raw(service, in_chunks(b"[" * 3_000_000, 100_000)).startswith("HTTP/1.1 413 ")
    assert service.status()["counts"]["refused"]["too-large"] == too_large + 2
    assert raw(service, in_chunks(good, 9, f"Content-Length: {len(good)}\r\n")).startswith("HTTP/1.1 400 ")
    assert raw(service, in_chunks(good, 9, "Transfer-Encoding: chunked\r\n")).startswith("HTTP/1.1 400 ")
    assert raw(service, in_chunks(good, 9).replace(b"chunked", b"gzip, chunked", 1)).startswith("HTTP/1.1 400 ")
    assert " 400 " in raw(service, in_chunks(good, 9, version="1.0"))[:20]
    assert raw(service, in_chunks(good, 9, "Origin: http://evil.example\r\n")).startswith("HTTP/1.1 403 ")
    assert raw(service, in_chunks(b"", 9)).startswith("HTTP/1.1 400 ")
    assert '"reads":1' not in raw(service, in_chunks(good, 9).replace(b"\r\n0\r\n", b"\r\nno\r\n"))
    assert service.status()["memory"]["messages_bytes"] == 0
    assert service.post("plain", good)["reads"] == 1


def test_nothing_is_echoed(lane):
    service = lane()
    for body in (b'{"plate": "SECRET1"', b'SECRET1', b'["SECRET1"'):
        assert "SECRET1" not in raw(service, request_of(body))
    assert "SECRET1" not in raw(service, request_of(b"", path="/SECRET1", method="GET", length=0))
    assert "SECRET1" not in service.said()


@pytest.mark.parametrize("headers, code", [
    ("Host: evil.example\r\n", 403), ("Host: localhost.evil.example\r\n", 403), ("Host: localhost:8555\r\n", 200), ("Host: [::1]\r\n", 200),
    ("Host: localhost\r\nOrigin: http://evil.example\r\n", 403), ("Host: localhost\r\nOrigin: null\r\n", 403),
    ("Host: localhost\r\nOrigin: https://localhost\r\n", 403), ("Host: localhost\r\nOrigin: http://localhost\r\n", 200),
    ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403), ("Host: localhost\r\nSec-Fetch-Site: same-origin\r\n", 200),
    ("Host: localhost:80@evil.example\r\n", 403), ("Host: localhost:\r\n", 200), ("Host: localhost\r\nHost: localhost\r\n", 400)])
def test_pages_of_others(lane_for_all, headers, code):
    """A page that somebody's browser was tricked into loading reaches nothing here."""
    got = raw(lane_for_all, f"GET /status HTTP/1.1\r\n{headers}Connection: close\r\n\r\n".encode())
    assert re.match(rf"HTTP/1.1 ({code}|403) " if code == 400 else rf"HTTP/1.1 {code} ", got), got[:200]
    assert "Access-Control" not in got and ("nosniff" in got or code == 400)


@pytest.fixture(scope="module")
def lane_for_all(installation, tmp_path_factory):
    with installation.lane_service(folder=tmp_path_factory.mktemp("lane")) as service:
        yield service


def test_only_loopback(installation, lane):
    for address in ("0.0.0.0:0", "[::]:0", "nowhere", "127.0.0.1", "10.0.0.1:8555", "127.0.0.1:99999", "127.0.0.1:http"):
        service = lane(start=False, listen={"address": address})
        with pytest.raises(Failure, match="left with code 2"):
            service.start()
        assert "[listen] address" in service.said()
    with lane(listen={"address": "[::1]:0"}, start=False) as service:
        connection = http.client.HTTPConnection("::1", service.port, timeout=10)
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
        connection.close()


@pytest.mark.parametrize("text, words", [
    ("[lane]\nas = reader/north/1\nsecret = SECRET1\n", ":3: "), ("[nothing]\nx = 1\n", ":2: "), ("[waiting]\nage_s = SECRET1\n", ":2: [waiting] age_s"),
    ("[waiting]\nage_s = 0\n", "[waiting] age_s"), ("[engines]\nnames = rekor, SECRET1\n", "[engines] names"), ("[reads]\nconfidence = 2\n", "confidence"),
    ("[engine tesla]\ncodes = SECRET1\n", ":2: [engine tesla] codes: "), ("[engine rekor]\ncodes = SECRET1\n", ":2: [engine rekor] codes: "),
    ("[camera a\x1b]\nflavour = SECRET1\n", ":2: [camera a?] flavour: "),
    ("[calibration]\nplate = SECRET1\n", "[calibration]"), ("[alerts]\nprint = SECRET1\n", "[alerts] print"), ("[memory]\nmessage_bytes = 1\n", "message_bytes"),
    ("[lane]\nas = a\nas = b\n", "given twice"), ("[listen]\naddress = none\n", "nothing would ever come"),
    ("[lane]\n\nas = agency/SECRET1/ana\n", ":3: [lane] as: "), ("[lane]\ngate = http://SECRET1\n", ":2: [lane] gate: "),
    ("[lane]\nkeys = https://a:1,SECRET1\n", ":2: [lane] keys: "), ("[alerts]\ndisplay = http://SECRET1/alerts\n", ":2: [alerts] display: "),
    ("[reads]\ncandidates = 3\nconfidence = 2\n", ":3: [reads] confidence: "), ("; one\n[calibration]\nlist = SECRET1\n", ":3: [calibration] plate, ")])
def test_wrong_settings(installation, tmp_path, text, words):
    file = tmp_path / "lane.conf"
    file.write_text(text)
    done = installation.platesieve("lane", "--config", file, code=2)
    assert words in done.stderr and "SECRET1" not in done.stderr
    assert "lane.conf" in done.stderr or "none" in words or "nothing" in words


@pytest.mark.parametrize("name", ["ca", "crl"])
def test_files_that_are_not_there(lane, tmp_path, name):
    """A lane that could ask nobody does not begin to listen."""
    service = lane(start=False, lane={name: str(tmp_path / "none.pem")})
    with pytest.raises(Failure, match="left with code 2"):
        service.start()
    assert "authority's certificate" in service.said() or "revoked certificates" in service.said()


def test_a_folder_is_no_settings(installation, tmp_path):
    assert f"{tmp_path}: can't be read" in installation.platesieve("lane", "--config", tmp_path, code=2).stderr


def test_settings_of_engines_and_cameras(lane):
    service = lane(**{"engine plain": {"camera": "the gate"}, "camera north": {"camera": "north gate"}, "engines": {"names": "plain, rekor"}})
    assert refusal(lambda: service.post("frigate", {})) == (404, "not-found")
    assert service.post("plain", plain("QQ00QQ0"), camera="north")["reads"] == 1
    assert set(service.status()["engines"]) == {"plain", "rekor"}


# -- much, slow and large ---------------------------------------------------------------------------------------------------


def memory_of(service, key="VmRSS"):
    text = open(f"/proc/{service.pid}/status", encoding="ascii").read()
    return int(re.search(rf"^{key}:\s+(\d+) kB", text, re.M)[1]) / 1024


def test_slow_ones_are_cut_off(lane):
    service = lane()
    wires = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(16)]
    for wire in wires:
        wire.sendall(request_of(b"", length=1000)[:-20])
    time.sleep(0.7)
    for plate in plates_of(5):
        assert service.post("plain", plain(plate))["reads"] == 1  # at once, in place of the one that is slow for longest
    begun = time.monotonic()
    for wire in wires:
        wire.settimeout(15)
        with contextlib.suppress(ConnectionError):
            while True:
                wire.sendall(b"x: y\r\n")
                time.sleep(0.2)
        wire.close()
    assert time.monotonic() - begun < 14
    assert service.status()["counts"]["refused"]["slow"] >= 1


def test_many_engines_at_one_time(lane):
    """Each message on a connection of its own, from more engines than connections stay open: none is cut off."""
    service = lane(**QUICK)

    def post(numbers):
        for plate in plates_of(20, 20 * numbers):
            assert service.post("plain", plain(plate))["reads"] == 1

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert list(pool.map(post, range(32))) == [None] * 32
    assert service.status()["counts"]["messages"] == 640


def test_a_thousand_connections(lane):
    service, wires = lane(), []
    try:
        for _ in range(1000):
            wires.append(socket.create_connection(("127.0.0.1", service.port), timeout=5))
        for plate in plates_of(5):
            assert service.post("plain", plain(plate))["reads"] == 1
        assert memory_of(service) < 24
        assert len(os.listdir(f"/proc/{service.pid}/fd")) < 120
    finally:
        for wire in wires:
            wire.close()


def test_memory_has_an_end(lane):
    """Sixteen that post 50 MB, slowly; what parsers fear most; pictures without end."""
    service = lane()
    stop, turns = threading.Event(), itertools.count()

    def post_slowly():
        while not stop.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", service.port), timeout=5) as wire:
                chunked = next(turns) % 3 == 0
                wire.sendall(in_chunks(b"", 1)[:-5] if chunked else request_of(b"", length=4 * 1024 * 1024 if next(turns) % 2 else 50_000_000))
                for _ in range(64):
                    wire.sendall(b"10000\r\n" + b"[" * 65536 + b"\r\n" if chunked else b"[" * 65536)
                    time.sleep(0.01)

    threads = [threading.Thread(target=post_slowly) for _ in range(16)]
    for thread in threads:
        thread.start()
    try:
        worst = 0
        for body in (b"[" * 4_000_000, b"[" + b"1," * 1_999_000 + b"1]", b'{"plate": "' + b"Q" * 4_000_000 + b'"}', b'[' + b'{"a":1},' * 500_000 + b"{}]",
                     b'{"plate": "QQ1QQ1", "image": "' + b"A" * 4_000_000 + b'"}') * 2:
            with contextlib.suppress(urllib.error.HTTPError, OSError):
                service.post("plain", body)
            worst = max(worst, memory_of(service))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert memory_of(service, "VmHWM") < 64
    eventually(lambda: memory_of(service) < 24)
    eventually(lambda: service.post("plain", plain("QQ00QQ0"))["reads"] == 1)
    assert service.stop() == 0


def test_pictures_in_flight_have_an_end(installation, lane):
    """No gate answers, and every camera sends a large picture."""
    with relay_to(installation.asked["ports"]["gate"]) as relay:
        service = lane(lane={"gate": relay.url}, **QUICK)
        relay.cut()
        picture = base64.b64encode(large_jpeg(1_500_000)).decode()
        for plate in plates_of(30):
            assert service.post("plain", plain(plate, image=picture))["new"] == 1
        told = service.status()
        assert 10 << 20 < told["memory"]["images_bytes"] <= 16 << 20 and told["counts"]["pictures_dropped"] >= 14
        assert memory_of(service, "VmHWM") < 64
        relay.join()
        eventually(lambda: answers(service)["clear"] == 30)
        eventually(lambda: service.status()["memory"]["images_bytes"] == 0)
        eventually(lambda: memory_of(service) < 24)


def test_little_memory_without_images(lane):
    service = lane(memory={"images_mib": 0}, **QUICK)
    for body in (b"[" * 1_000_000, b"[" + b"1," * 499_000 + b"1]", b'{"plate": "QQ1QQ1", "image": "' + b"A" * 1_000_000 + b'"}'):
        with contextlib.suppress(urllib.error.HTTPError):
            service.post("plain", body)
    for plate in plates_of(90):
        service.post("plain", plain(plate))
    assert memory_of(service, "VmHWM") < 24


# -- what it leaves ---------------------------------------------------------------------------------------------------------


def test_nothing_on_disk(lane, hot_list, tmp_path):
    """No file is open for writing but what it prints to; no core file can be."""
    service = lane(**QUICK)
    service.post("plain", plain(LISTED))
    eventually(service.alerts)
    folder = f"/proc/{service.pid}/fd"
    files = {os.readlink(f"{folder}/{number}") for number in os.listdir(folder)}
    assert {name for name in files if name.startswith("/") and not name.startswith("/dev/")} <= {str(service.out), str(service.log)}
    limits = open(f"/proc/{service.pid}/limits", encoding="ascii").read()
    assert re.search(r"Max core file size\s+0\s+0", limits)
    assert os.stat(f"/proc/{service.pid}/environ").st_uid == 0  # not dumpable: nobody else's to look at
    assert memory_of(service, "VmLck") > 1


@needs_root
def test_nothing_in_memory(lane):
    """Once a vehicle is over, its plate is nowhere in the process: no heap, no stack, no buffer of a library."""
    service = lane(reads={"vehicle_window_ms": 500})
    plates = [f"QZ{i:02d}RS{i % 7}" for i in range(20)]
    for plate in plates:
        service.post("plain", plain(plate, note="x" * 100))
    service.post("plain", plain("QZ99BIG", note="y" * 200000))
    form = b'--b\r\nContent-Disposition: form-data; name="json"\r\n\r\n{"plate":"QZ97FRM"}\r\n--b--\r\n'
    service.post("plain", form, "multipart/form-data; boundary=b")
    refusal(lambda: service.post("plain", b'{"plate": "QZ98CUT"'))
    wire = socket.create_connection(("127.0.0.1", service.port))  # stays open
    wire.sendall(request_of(json.dumps(plain("QZ96KPT")).encode()).replace(b"Connection: close\r\n", b""))
    assert b"200 OK" in wire.recv(4096)
    eventually(lambda: answers(service)["clear"] == answers(service)["asked"] > 10)
    half = socket.create_connection(("127.0.0.1", service.port))
    half.sendall(request_of(b'{"plate": "QZ95HLF", "note": "', length=1000))
    eventually(lambda: found(service.pid, {"half": b"QZ95HLF"}))  # it would be found
    half.close()
    words = {plate: plate.encode() for plate in (*plates, "QZ99BIG", "QZ97FRM", "QZ98CUT", "QZ96KPT", "QZ95HLF")}
    eventually(lambda: not (left := found(service.pid, words)) or print(left), 10, 1)
    wire.close()


def test_closed_output(installation, lane, hot_list):
    """Nothing that is open later gets the number of a standard output that was closed, and alerts with it."""
    service = lane(start=False, listen={"address": "none"}, **QUICK)
    with subprocess.Popen(["/bin/sh", "-c", 'exec "$@" >&-', "sh", service.program, "lane", "--config", service.config, "--stdin", "plain"], text=True,
                          stdin=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **service.environment}) as process:
        process.stdin.write(json.dumps(plain(LISTED)) + "\n")
        process.stdin.flush()
        eventually(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) > 5)
        assert os.readlink(f"/proc/{process.pid}/fd/1") == "/dev/null"
        said = process.communicate(timeout=60)[1]
    assert "did not get through to the output" in said and LISTED not in said, said


def test_log_of_counts(lane, tmp_path):
    log = tmp_path / "counts.jsonl"
    service = lane(log={"file": log, "interval_s": 1}, **QUICK)
    service.post("plain", plain("QQ00QQ0"))
    eventually(lambda: log.exists() and len(log.read_text().splitlines()) >= 2)
    log.rename(tmp_path / "old.jsonl")
    service.process.send_signal(1)  # SIGHUP
    eventually(lambda: log.exists() and log.read_text())
    assert service.stop() == 0
    lines = [json.loads(line) for line in (tmp_path / "old.jsonl").read_text().splitlines() + log.read_text().splitlines()]
    assert lines[-1]["reads"]["asked"] == 1 and "QQ00QQ0" not in log.read_text()
