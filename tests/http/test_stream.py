"""GET /v1/hits/stream: each hit once, in order, as it is recorded; from any cursor on; for nobody but its agency; in bounds."""
import secrets
import socket
import ssl
import time

import plates
import pytest
from house import assert_problem, eventually
from sse import Events, follow

ANA, BEN, EVA = "agency/customs/ana", "agency/marshals/ben", "agency/customs/eva"


def new_id():
    return plates.text64(secrets.token_bytes(16))


def drive(installation, plate, count=1, identity="reader/north/1"):
    """COUNT hits of their own; returns their ids."""
    lane = installation.lane(identity)
    ids = []
    for _ in range(0, count, 50):
        reads = [installation.read(lane, plate) for _ in range(min(50, count - len(ids)))]
        answer = installation.post("/v1/checks", identity, installation.check_body(lane, reads))
        assert answer.status_code == 200, answer.text
        ids += [alert["hit"] for one in answer.json()["answers"] for alert in one.get("alerts", [])]
    return ids


@pytest.fixture(scope="module", name="wanted")
def make_wanted(installation):
    """A list whose hits are never counted together: (list, plate)."""
    return installation.listed("QQ4001S", cooldown_s=0), "QQ4001S"


def test_a_hit_comes_at_once(installation, wanted):
    with Events(installation) as events:
        assert events.answer.headers["Content-Type"] == "text/event-stream" and events.answer.headers["Cache-Control"] == "no-store"
        eventually(lambda: events.last_id)
        assert events.hits == [] and events.retry_ms >= 1000, "what was before is asked for with a cursor"
        for _ in range(3):
            began = time.time()
            [told] = drive(installation, wanted[1])
            hit = events.wait(len(events.hits) + 1)[-1]
            assert hit["hit"] == told and events.arrived[-1] - began < 2
        assert [int(hit["cursor"]) for _, hit in events.hits] == [identity for identity, _ in events.hits]
        assert installation.get("/v1/hits/" + told, ANA).json() == hit
    with Events(installation, BEN) as events:
        eventually(lambda: events.last_id)
        drive(installation, wanted[1])
        time.sleep(1)
        assert events.hits == []


def test_it_goes_on_from_a_cursor(installation, wanted):
    before = installation.get("/v1/hits", ANA, params={"limit": 1000}).json()
    start = before["cursor"]
    ids = drive(installation, wanted[1], 120)
    with Events(installation, after=start) as events:
        assert [hit["hit"] for hit in events.wait(120)] == ids
        middle = str(events.hits[59][0])
    with Events(installation, last_id=middle) as events:
        assert [hit["hit"] for hit in events.wait(60)] == ids[60:]
    with Events(installation, last_id=middle, after="0") as events:  # what the browser adds wins over the URL it was given
        assert [hit["hit"] for hit in events.wait(60)] == ids[60:]
        more = drive(installation, wanted[1], 2)
        assert [hit["hit"] for hit in events.wait(62)] == ids[60:] + more
    every = [hit["hit"] for hit in installation.hits()]
    with Events(installation, after="0") as events:
        assert [hit["hit"] for hit in events.wait(len(every))] == every


def test_filters_are_those_of_the_query(installation, wanted):
    other = installation.listed("QQ4002S", cooldown_s=0, covert=True)
    start = installation.get("/v1/hits", ANA, params={"limit": 1000}).json()["cursor"]
    filters = ({"list": wanted[0]}, {"list": other}, {"site": "south"}, {"lane": "2"}, {"covert": "true"}, {"covert": "false"}, {"grade": "full"},
               {"list": wanted[0], "reference": "ref-QQ4001S"}, {"since": "2099-01-01T00:00:00Z"}, {"until": "2099-01-01T00:00:00Z"})
    live = [follow(installation, **query) for query in filters]
    for events in live:
        eventually(lambda events=events: events.last_id)
    for plate, lane in (("QQ4001S", "north/1"), ("QQ4002S", "north/2"), ("QQ4001S", "south/1"), ("QQ4002S", "south/2")):
        drive(installation, plate, 3, f"reader/{lane}")
    eventually(lambda: len(installation.get("/v1/hits", ANA, params={"after": start}).json()["hits"]) == 12)
    for query, events in zip(filters, live):
        expected = installation.get("/v1/hits", ANA, params={"after": start, **query}).json()["hits"]
        assert events.wait(len(expected)) == expected, query
        with follow(installation, after=start, **query) as late:
            assert late.wait(len(expected)) == expected, query
        events.close()


def test_what_is_refused(installation):
    head = int(installation.get("/v1/hits", ANA, params={"limit": 1000}).json()["cursor"])
    for query in ({"after": "x"}, {"after": "-1"}, {"limit": "5"}, {"list": "No"}, {"grade": "worst"}, {"reference": "one"}):
        with Events(installation, **query) as events:
            assert_problem(events.answer, 400, "bad-query")
    for identity in ("", "abc", "1 2", "9" * 40):
        with Events(installation, last_id=identity) as events:
            assert_problem(events.answer, 400, "bad-query")
    for query in ({"after": head + 1}, {"last_id": str(2 ** 60)}):
        with Events(installation, **query) as events:
            assert_problem(events.answer, 409, "cursor")
    for identity in ("reader/north/1", "auditor/ines", "operator/gate/olga"):
        with Events(installation, identity) as events:
            assert_problem(events.answer, 403, "forbidden")
    assert installation.request("HEAD", "/v1/hits/stream", ANA).status_code == 200


def test_curl_reads_it(installation, wanted):
    """curl -N, without any knowledge of the protocol."""
    import subprocess
    certificate, key = installation.certificate(ANA)
    with subprocess.Popen(["curl", "-sN", "--cacert", str(installation.ca), "--cert", certificate, "--key", key, installation.url("/v1/hits/stream")],
                          stdout=subprocess.PIPE, text=True) as curl:
        lines = iter(curl.stdout.readline, "")
        assert next(lines).startswith("retry: ")
        [told] = drive(installation, wanted[1])
        data = next(line for line in lines if line.startswith("data: "))
        assert told in data
        curl.terminate()


# -- who may not go on ------------------------------------------------------------------------------------------------------


def test_who_is_no_longer_registered_loses_the_stream(installation, wanted):
    name = "agency/customs/leaver"
    installation.issue(name)
    with follow(installation, name) as events, follow(installation) as other:
        drive(installation, wanted[1])
        events.wait(1)
        began = time.monotonic()
        assert installation.delete("/v1/identities/" + name, "operator/gate/olga").status_code in (200, 204)
        events.wait_end(5)
        assert time.monotonic() - began < 1.2 and events.comments[-1] == "unregistered"
        drive(installation, wanted[1])
        other.wait(2)
        assert len(events.hits) == 1 and not other.ended.is_set()


def test_who_loses_the_right_to_see_hits_loses_the_stream(installation, wanted):
    name = "agency/customs/mover"
    installation.issue(name)
    with follow(installation, name) as events:
        drive(installation, wanted[1])
        events.wait(1)
        answer = installation.request("PUT", "/v1/identities/" + name, "operator/gate/olga", json={"rights": ["push"]})
        assert answer.status_code in (200, 201), answer.text
        events.wait_end(5)
        assert events.comments[-1] == "right"
    with Events(installation, name) as events:
        assert_problem(events.answer, 403, "right")


def test_a_revoked_certificate_loses_the_stream(installation, wanted):
    name = "agency/customs/stolen"
    installation.issue(name)
    with follow(installation, name) as events:
        drive(installation, wanted[1])
        events.wait(1)
        installation.run("platesieve", "ca", "revoke", "--pki", installation.pki, name)
        events.wait_end(5)
        assert events.comments[-1] == "revoked"


# -- bounds -----------------------------------------------------------------------------------------------------------------


def test_only_so_many_streams_of_one_agency(installation):
    streams = [follow(installation) for _ in range(16)]
    with Events(installation, EVA) as events:
        assert_problem(events.answer, 503, "streams")
        assert events.answer.headers["Retry-After"]
    with Events(installation, BEN) as events:
        assert events.answer.status_code == 200
    for events in streams:
        events.close()
    follow(installation).close()
    eventually(lambda: installation.metrics()["platesieve_streams"] == 0)


def open_and_stop_reading(installation, query):
    """A client that asks, reads the answer's first bytes, and then nothing any more."""
    context = ssl.create_default_context(cafile=str(installation.ca))
    context.load_cert_chain(*installation.certificate(ANA))
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", int(installation.url("").rsplit(":", 1)[1])))
    client = context.wrap_socket(plain, server_hostname="localhost")
    client.sendall(f"GET /v1/hits/stream?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert client.recv(64).startswith(b"HTTP/1.1 200 ")
    return client


@pytest.mark.slow
def test_a_client_that_stops_reading_is_cut_off(installation, wanted):
    """It takes up its buffer and no more, holds up nobody, and is gone after a while."""
    for _ in range(4):
        drive(installation, wanted[1], 500)
    eventually(lambda: len(installation.hits(wanted[0])) >= 2000)
    before = installation.metrics()["platesieve_streams_stalled_total"]
    stuck = [open_and_stop_reading(installation, "after=0") for _ in range(8)]
    began = time.monotonic()
    with follow(installation) as events:
        told = drive(installation, wanted[1], 20)
        assert [hit["hit"] for hit in events.wait(20, 5)] == told
        eventually(lambda: installation.metrics()["platesieve_streams_stalled_total"] == before + 8, 45, 0.5)
        assert time.monotonic() - began > 15
        eventually(lambda: installation.metrics()["platesieve_streams"] == 1)
        assert installation.get("/v1/hits", ANA).status_code == 200
    for client in stuck:
        client.close()
