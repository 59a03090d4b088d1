"""Webhooks: each hit arrives at least once, signed, in order, whatever the receiver does; and a gate goes nowhere else for it."""
import base64
import re
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from contract import Contract
from conftest import make_house, remove_house
from house import assert_problem, eventually
from receiver import Receiver, make_certificate, verified
from test_stream import drive

ANA, BEN = "agency/customs/ana", "agency/marshals/ben"


@pytest.fixture(scope="module", name="certificates")
def make_certificates():
    folder = Path(tempfile.mkdtemp(prefix="platesieve-receiver-", dir="/tmp"))
    yield make_certificate(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module", name="receivers")
def make_receivers(certificates):
    receivers = [Receiver(*certificates) for _ in range(3)]
    yield receivers
    for receiver in receivers:
        receiver.stop()


@pytest.fixture(scope="module", name="installation")
def make_installation(certificates, receivers):
    allow = ", ".join(f"localhost:{receiver.port}" for receiver in receivers) + ", localhost:1, *.customs.example"
    house = make_house({"gate.webhooks.allow": allow, "gate.webhooks.ca": str(certificates[0])})
    yield house
    remove_house(house)


@pytest.fixture(scope="module", name="wanted")
def make_wanted(installation):
    return installation.listed("QQ4201S", cooldown_s=0), "QQ4201S"


@pytest.fixture(name="receiver")
def fresh_receiver(receivers):
    """One that takes everything."""
    receivers[0].behave, receivers[0].deliveries, receivers[0].seen = 200, [], []
    return receivers[0]


@pytest.fixture(autouse=True)
def remove_webhooks(installation):
    yield
    for user in (ANA, BEN):
        for hook in installation.get("/v1/webhooks", user).json()["webhooks"]:
            installation.delete("/v1/webhooks/" + hook["webhook"], user)


def put(installation, receiver, name="out", user=ANA, **more):
    answer = installation.put("/v1/webhooks/" + name, user, None, json={"url": receiver.url(), **more})
    assert answer.status_code in (200, 201), answer.text
    receiver.secret = answer.json()["secret"]
    return answer


def show(installation, name="out", user=ANA):
    answer = installation.get("/v1/webhooks/" + name, user)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_hits_arrive_signed_and_in_order(installation, wanted, receiver):
    answer = put(installation, receiver)
    assert answer.status_code == 201 and len(base64.b64decode(receiver.secret.removeprefix("whsec_"))) == 32
    assert "secret" not in show(installation) and show(installation)["lag"] == 0
    told = drive(installation, wanted[1], 250)
    eventually(lambda: len(receiver.hits()) == 250)
    assert receiver.hits() == told and receiver.cursors() == sorted(set(receiver.cursors()))
    for headers, body in receiver.deliveries:
        assert headers["Content-Type"] == "application/json"
        assert verified(receiver.secret, headers, body)
        assert not verified(receiver.secret, headers, body + b" ")
        assert not verified("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(), headers, body)
    first = receiver.bodies()[0]
    assert first["type"] == "hits" and first["data"]["agency"] == "customs" and first["data"]["webhook"] == "out"
    assert first["data"]["hits"][0] == installation.get("/v1/hits/" + told[0], ANA).json()
    assert len({headers["webhook-id"] for headers, _ in receiver.deliveries}) == len(receiver.deliveries)
    hook = eventually(lambda: (lambda one: one if one["lag"] == 0 else None)(show(installation)))
    assert hook["failures"] == 0 and hook["error"] is None and hook["delivered_at"] and int(hook["cursor"]) >= receiver.cursors()[-1]


def test_the_receiver_of_the_agencies_page(installation, wanted, receiver, tmp_path, monkeypatch):
    """Its code takes what a gate sends once, and nothing else."""
    text = (Path(__file__).resolve().parents[2] / "docs/agencies.md").read_text()
    [code] = re.findall(r"```python\n(import base64, hmac.*?)```", text, re.S)
    put(installation, receiver)
    (tmp_path / "webhook.secret").write_text(receiver.secret + "\n")
    monkeypatch.chdir(tmp_path)
    page = {}
    exec(code, page)  # pylint: disable=exec-used
    told = drive(installation, wanted[1], 5)
    eventually(lambda: receiver.hits() == told)
    got, seen = [], set()
    for headers, body in receiver.deliveries * 2:
        assert page["receive"](headers, body, got.append, seen) == 200
        assert page["receive"](headers, body + b" ", got.append, seen) == 401
        assert page["receive"]({**headers, "webhook-timestamp": "1795305600"}, body, got.append, seen) == 401
    assert [hit["hit"] for hit in got] == told


@pytest.mark.parametrize("behave, error", [(500, "status 500"), (404, "status 404"), (410, "status 410"), (302, "redirect 302"), (307, "redirect 307"),
                                           ("large", "answer too large"), ("close", "broken off")])
def test_what_fails_is_tried_again(installation, wanted, receiver, behave, error):
    put(installation, receiver)
    receiver.behave = behave
    told = drive(installation, wanted[1], 2)
    hook = eventually(lambda: (lambda one: one if one["failures"] >= 2 else None)(show(installation)), 30)
    assert hook["error"] == error and hook["failing_since"] and hook["lag"] == 2 and hook["next_at"]
    assert not receiver.deliveries and {path for path, _, _ in receiver.seen} == {"/hits"}, "a redirect is not followed"
    assert len({identity for _, identity, _ in receiver.seen}) == 1, "the same delivery keeps its id"
    told += drive(installation, wanted[1], 1)
    receiver.behave = 200
    eventually(lambda: receiver.hits() == told, 30)
    assert show(installation)["failures"] == 0


def test_a_receiver_that_hangs_or_is_away_holds_up_nobody(installation, wanted, receivers):
    hanging, away, good = receivers
    for receiver in receivers:
        receiver.behave, receiver.deliveries, receiver.seen = 200, [], []
    hanging.behave = "hang"
    away.stop()
    for name, receiver in zip(("hanging", "away", "good"), receivers):
        put(installation, receiver, name)
    told = drive(installation, wanted[1], 3)
    began = time.monotonic()
    eventually(lambda: good.hits() == told)
    assert time.monotonic() - began < 5
    assert eventually(lambda: show(installation, "away")["error"]) == "no connection"
    assert eventually(lambda: show(installation, "hanging")["error"], 30) == "timeout"
    away.start()
    hanging.behave = 200
    eventually(lambda: away.hits() == told and hanging.hits() == told, 60)
    assert good.hits() == told


def test_a_failing_webhook_is_an_alarm_until_it_works(installation, wanted, receiver):
    put(installation, receiver)
    receiver.behave = 503
    told = drive(installation, wanted[1], 1)

    def alarm():
        alarms = installation.get("/v1/status", "operator/gate/olga").json()["alarms"]
        return next((one for one in alarms if one["what"] == "webhook" and one["webhook"] == "out"), None)
    found = eventually(alarm, 40, 0.3)
    assert (found["agency"], found["webhook"], found["error"]) == ("customs", "out", "status 503") and found["failures"] >= 3 and found["lag"] == 1
    Contract().check_answer("gate", "GET", "/v1/status", installation.get("/v1/status", "auditor/ines"))
    assert installation.metrics()['platesieve_alarm{what="webhooks"}'] == 1 and installation.metrics()["platesieve_webhooks_failing"] == 1
    receiver.behave = 200
    assert installation.post("/v1/webhooks/out/test", ANA, data=b"").status_code == 202  # a test that works ends the pause
    eventually(lambda: receiver.hits() == told, 30)
    eventually(lambda: alarm() is None, 20, 0.3)


def test_a_test_says_what_came_of_it(installation, receiver):
    put(installation, receiver)
    assert show(installation)["test"] is None
    done = installation.platesieve("hits", "webhook", "test", "--as", ANA, "out")
    assert "has taken it" in done.stdout
    headers, body = receiver.deliveries[0]
    assert verified(receiver.secret, headers, body) and receiver.bodies()[0]["type"] == "test" and receiver.bodies()[0]["data"]["hits"] == []
    receiver.behave = 418
    done = installation.platesieve("hits", "webhook", "test", "--as", ANA, "out", code=1)
    assert "status 418" in done.stderr
    installation.platesieve("hits", "webhook", "test", "--as", ANA, "nobody", code=5)


def test_the_command(installation, receiver, wanted):
    added = installation.platesieve("hits", "webhook", "add", "--as", ANA, "--json", "out", receiver.url(), "--after", "0")
    import json
    receiver.secret = json.loads(added.stdout)["secret"]
    eventually(lambda: receiver.deliveries)
    assert all(verified(receiver.secret, *delivery) for delivery in receiver.deliveries)
    shown = installation.platesieve("hits", "webhook", "show", "--as", ANA).stdout
    assert "out" in shown and receiver.url() in shown and "secret" not in shown
    assert json.loads(installation.platesieve("hits", "webhook", "show", "--as", ANA, "--json", "out").stdout)["webhook"] == "out"
    again = installation.platesieve("hits", "webhook", "add", "--as", ANA, "--json", "out", receiver.url())
    assert json.loads(again.stdout)["secret"] != receiver.secret and "no longer good" in again.stderr
    installation.platesieve("hits", "webhook", "remove", "--as", ANA, "out")
    installation.platesieve("hits", "webhook", "show", "--as", ANA, "out", code=5)
    installation.platesieve("hits", "webhook", "add", "--as", ANA, "out", code=2)
    installation.platesieve("hits", "webhook", "add", "--as", ANA, "out", "https://elsewhere.example/", code=5)


def test_only_where_the_operator_lets_it(installation, receiver):
    port = receiver.port
    for url in ("https://localhost/", "http://localhost:1/", f"https://user:word@localhost:{port}/", f"https://127.0.0.1:{port}/", f"https://localhost:{port}/#x",
                "https://customs.example/", "https://xcustoms.example/", "https://a.customs.example:8443/", "https://a.customs.example.evil.example/",
                "https://localhost:1@evil.example/", "https://evil.example/?https://localhost:1/", "file:///etc/passwd", "https://", "nonsense", "",
                f"https://localhost:{port}/" + "x" * 512, f"https://localhost:{port}/ä", f"https://localhost:{port}/\r\nX: y",
                f"https://localhost.:{port}/", "https://[::1]/", f"https:\\\\localhost:{port}/", f"HTTPS://localhost:{port}/"):
        answer = installation.put("/v1/webhooks/out", ANA, None, json={"url": url})
        assert answer.status_code in (400, 422), url
        assert len(url) < 10 or url not in answer.text
    for url in ("https://a.customs.example/in?x=1", "https://a.b.customs.example:443/", f"https://LOCALHOST:{port}/"):
        assert installation.put("/v1/webhooks/out", ANA, None, json={"url": url}).status_code in (200, 201), url
    for body in ({}, {"url": 1}, {"url": receiver.url(), "after": 5}, {"url": receiver.url(), "after": "-1"}, {"url": receiver.url(), "secret": "x"}, []):
        assert installation.put("/v1/webhooks/out", ANA, None, json=body).status_code == 400, body
    assert_problem(installation.put("/v1/webhooks/out", ANA, None, json={"url": receiver.url(), "after": "9999999999"}), 409, "cursor")


def test_each_agency_has_its_own(installation, receivers):
    mine, theirs = receivers[0], receivers[1]
    for receiver in receivers:
        receiver.behave, receiver.deliveries, receiver.seen = 200, [], []
    own, other = installation.listed("QQ4202S", cooldown_s=0), installation.listed("QQ4202S", user=BEN, cooldown_s=0)
    put(installation, mine)
    put(installation, theirs, user=BEN)
    told = drive(installation, "QQ4202S", 2)
    eventually(lambda: len(mine.hits()) == 2 and len(theirs.hits()) == 2)
    assert {hit["list"] for body in mine.bodies() for hit in body["data"]["hits"]} == {own}
    assert {hit["list"] for body in theirs.bodies() for hit in body["data"]["hits"]} == {other}
    assert set(mine.hits()) | set(theirs.hits()) == set(told) and theirs.bodies()[0]["data"]["agency"] == "marshals"
    installation.delete("/v1/webhooks/out", BEN)
    assert_problem(installation.get("/v1/webhooks/out", BEN), 404, "not-found")
    assert show(installation)["webhook"] == "out"
    for number in range(7):
        put(installation, mine, f"more-{number}")
    assert_problem(installation.put("/v1/webhooks/too-many", ANA, None, json={"url": mine.url()}), 409, "too-many")
    for identity in ("reader/north/1", "operator/gate/olga", "auditor/ines"):
        assert_problem(installation.get("/v1/webhooks", identity), 403, "forbidden")


def test_the_database_holds_no_secret_and_can_not_redirect(installation, wanted, receivers):
    """Whoever changes the address in the database gets nothing; the secret's row is sealed to its address."""
    receiver, thief = receivers[0], receivers[1]
    for one in receivers:
        one.behave, one.deliveries, one.seen = 200, [], []
    put(installation, receiver)
    raw = base64.b64decode(receiver.secret.removeprefix("whsec_")).hex()
    assert raw not in "\n".join(row[0] for row in installation.sql("SELECT w::text FROM platesieve.webhooks w"))
    installation.sql(f"UPDATE platesieve.webhooks SET url = '{thief.url()}'")
    drive(installation, wanted[1], 1)
    assert eventually(lambda: show(installation)["error"]) == "secret"
    assert not thief.seen and not receiver.seen


def test_a_receiver_with_another_certificate(installation, certificates, receivers, tmp_path):
    """Somebody else at that address is told nothing."""
    receiver = receivers[2]
    receiver.stop()
    receiver.certificate, receiver.key = make_certificate(tmp_path)
    receiver.start()
    receiver.seen = []
    put(installation, receiver)
    done = installation.platesieve("hits", "webhook", "test", "--as", ANA, "out", code=1)
    assert "certificate" in done.stderr and not receiver.seen
    receiver.stop()
    receiver.certificate, receiver.key = certificates
    receiver.start()


def test_a_killed_gate_delivers_on(installation, wanted, receiver):
    """kill -9 while it delivers: at least once, in order."""
    put(installation, receiver)
    told = drive(installation, wanted[1], 50)
    eventually(lambda: receiver.deliveries)
    installation.kill("gate")
    installation.start(("gate",))
    installation.forget_connections()
    eventually(lambda: installation.ready()["ready"], 30)
    told += drive(installation, wanted[1], 50)
    eventually(lambda: set(receiver.hits()) == set(told), 60)
    first = list(dict.fromkeys(receiver.hits()))
    assert first == told
    assert all(verified(receiver.secret, *delivery) for delivery in receiver.deliveries)
