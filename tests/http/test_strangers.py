"""Clients without a certificate, at a gate that takes requests for a first one: what they reach, and how little they can crowd out."""
import os
import subprocess
import time

import pytest

from enrol import Device, ask, certificate_of, code_for, leave, make_csr, waiting
from house import assert_problem, eventually
from plates import text64
from wire import Wire


# -- the waiting room ----------------------------------------------------------------------------------------------------------------


def test_garbage(installation):
    csr, _ = make_csr("reader/north/1")
    good = {"csr": text64(csr), "mac": text64(bytes(32))}
    bad = [b"", b"[]", b"{", b'{"csr":1,"mac":2}', b"\xff" * 100]
    for body in bad:
        answer = ask(installation, "POST", "/v1/enrolments", data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 411), answer.text
    for fields in ({"mac": text64(bytes(31))}, {"csr": text64(b"")}, {"csr": "***"}, {"extra": 1}, {"csr": text64(bytes(1025))}, {"mac": None}):
        assert_problem(ask(installation, "POST", "/v1/enrolments", json={**good, **fields}), 400, "bad-field")
    assert_problem(ask(installation, "POST", "/v1/enrolments", json={**good, "csr": text64(os.urandom(300))}), 422, "certificate")
    assert_problem(ask(installation, "POST", "/v1/enrolments", json={**good, "csr": "A" * 5000}), 413, "body-too-large")
    assert waiting(installation) == []


def test_answers_are_checked(installation):
    csr, _ = make_csr("reader/north/97")
    found = leave(installation, csr, bytes(32)).json()["id"]
    path = f"/v1/enrolments/{found}"
    for body, status in (({}, 400), ({"certificate": "", "refused": "x"}, 400), ({"refused": "Not one word"}, 400), ({"refused": ""}, 400),
                         ({"certificate": text64(b"no certificate")}, 422), ({"certificate": text64(bytes(1537))}, 400)):
        assert installation.request("PUT", path, "node/ca", json=body).status_code == status, body
    assert installation.request("PUT", path, "node/ca", json={"refused": "code"}).status_code == 204
    assert_problem(installation.request("PUT", path, "node/ca", json={"refused": "code"}), 409, "answered")
    assert_problem(installation.request("PUT", "/v1/enrolments/" + "A" * 22, "node/ca", json={"refused": "code"}), 404, "not-found")


def test_the_waiting_room_is_full(new_installation):
    """One address fills its share and no more; renewals find room; the authority's refusals make room again."""
    house = new_installation()
    csrs = [make_csr(f"reader/north/{number}")[0] for number in range(30)]
    statuses = []
    for csr in csrs[:17]:
        statuses.append(leave(house, csr, bytes(32)).status_code)
    assert statuses == [202] * 16 + [503]
    assert len(waiting(house)) == 16
    body = {"csr": text64(csrs[20]), "certificate": text64(certificate_of(house, "reader/north/1")), "signature": text64(bytes(70))}
    assert house.post("/v1/enrolments", "reader/north/1", body).status_code == 202
    house.platesieve("ca", "approve", code=6)
    assert waiting(house) == []
    time.sleep(1)
    assert leave(house, csrs[17], bytes(32)).status_code == 202


# -- strangers -----------------------------------------------------------------------------------------------------------------------


def routes(house):
    told = subprocess.run([str(house.programs / "platesieved"), "--routes"], capture_output=True, text=True, check=True).stdout
    return [line.split()[:3] for line in told.splitlines()]


def test_strangers_reach_nothing_else(installation):
    """Every route but two is as forbidden as one that does not exist, and each connection ends with its answer."""
    open_ones = set()
    for method, path, roles in [*routes(installation), ["GET", "/v1/nothing", "-"], ["DELETE", "/livez", "-"], ["PATCH", "/", "-"]]:
        time.sleep(0.15)
        with Wire(installation, timeout=10) as wire:
            answer = wire.ask(method, path.replace("{}", "a"), b"{}" if method in ("POST", "PUT") else b"")
            assert answer[1]["connection"] == "close" and wire.ended()
        if answer[0] != 403:
            open_ones.add((method, path))
            assert "stranger" in roles.split(",")
    assert open_ones == {("POST", "/v1/enrolments"), ("GET", "/v1/enrolments/{}")}


def test_strangers_are_few_and_brief(new_installation):
    """However many stand at the door, lanes get through; and who lingers is shown out."""
    house = new_installation()
    crowd = []
    began = time.monotonic()
    try:
        for _ in range(8):
            wire = Wire(house, timeout=20)
            wire.send(b"POST /v1/enrolments HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n{")
            crowd.append(wire)
        with pytest.raises(OSError):
            with Wire(house, timeout=10) as wire:
                assert wire.ask("GET", "/v1/enrolments/a") is not None
                raise AssertionError("a ninth was let in")
        assert house.get("/v1/lane", "reader/north/1").status_code == 200
        for wire in crowd:
            wire.socket.settimeout(20)
            assert wire.ended()
        assert 4 < time.monotonic() - began < 9
    finally:
        for wire in crowd:
            wire.socket.close()
    assert house.metrics()["platesieve_strangers_total"] == 8


def test_strangers_come_at_a_rate(new_installation):
    """No more than 32 at once and 8 a second come in from one address."""
    house = new_installation()
    turned_away, began = 0, time.monotonic()
    for _ in range(80):
        try:
            with Wire(house, timeout=10) as wire:
                assert wire.ask("GET", "/v1/enrolments/a")[0] == 404
        except OSError:
            turned_away += 1
    assert 80 - turned_away <= 32 + 8 * (time.monotonic() - began) + 1
    assert house.get("/v1/lane", "reader/north/1").status_code == 200
    time.sleep(1.5)
    with Wire(house, timeout=10) as wire:
        assert wire.ask("GET", "/v1/enrolments/a")[0] == 404


def test_without_the_setting_nobody_gets_in(new_installation):
    """As everywhere else: no certificate, no handshake.  Renewals do not depend on it."""
    house = new_installation({"gate.gate.enrolment": "no"})
    with pytest.raises(OSError):
        with Wire(house, timeout=10) as wire:
            assert wire.ask("GET", "/v1/enrolments/a") is not None
    device = Device(house, house.folder / "device", "reader/north/7")
    done = device.run(code_for(house, "reader/north/7"), "--wait", "0", exit_code=4)
    assert "enrolment" in done.stderr
    answer = house.get("/v1/enrolments/a", "reader/north/1")
    assert_problem(answer, 404, "not-found")


def test_only_the_authority_and_operators_collect(installation):
    for identity in ("reader/north/1", "agency/customs/ana", "auditor/ines"):
        assert_problem(installation.get("/v1/enrolments", identity), 403, "forbidden")
        assert_problem(installation.request("PUT", "/v1/enrolments/a", identity, json={"refused": "code"}), 403, "forbidden")
    other = f"node/other-{os.getpid()}"
    installation.platesieve("ca", "issue", other)
    installation.run("platesieved", "register", "--config", installation.folder / "etc/gate.conf", other)
    eventually(lambda: "unregistered" not in installation.get("/livez", other).text)
    assert_problem(installation.get("/v1/enrolments", other), 403, "forbidden")
    for identity in ("node/ca", "operator/gate/olga"):
        assert waiting(installation, identity) == []
