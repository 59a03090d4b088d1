"""Streams and webhooks while gates, the database and connections come and go: each hit once and in order to who goes on by the cursor."""
import contextlib
import http.client
import random
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
from conftest import make_house, remove_house
from house import eventually
from receiver import Receiver, make_certificate, verified
from second_gate import SecondGate
from sse import Events
from test_stream import drive

ANA = "agency/customs/ana"


@pytest.fixture(scope="module", name="receiver")
def make_receiver():
    folder = Path(tempfile.mkdtemp(prefix="platesieve-receiver-", dir="/tmp"))
    receiver = Receiver(*make_certificate(folder))
    yield receiver
    receiver.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module", name="house")
def make_two_gates(receiver):
    """An installation whose streams last three seconds."""
    house = make_house({"gate.gate.stream_life_s": "3", "gate.webhooks.allow": f"localhost:{receiver.port}", "gate.webhooks.ca": str(receiver.certificate)})
    yield house
    remove_house(house)


@pytest.fixture(scope="module", name="gates")
def make_gates(house):
    """The URLs of two gates."""
    second = SecondGate(house)
    second.start()
    yield [house.gate_url, second.url()], second
    second.end()


class Wanderer(threading.Thread):
    """Follows from the beginning, through whatever gate answers, and cuts its own connection now and then."""

    def __init__(self, house, urls, source):
        super().__init__()
        self.house, self.urls, self.source = house, urls, source
        self.cursors, self.hits, self.connections = [], [], 0
        self.last_id, self.ending = "0", threading.Event()

    def run(self):
        while not self.ending.is_set():
            try:
                events = Events(self.house, at=self.source.choice(self.urls), last_id=self.last_id)
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
                continue
            if events.answer.status_code == 200:
                self.connections += 1
                events.ended.wait(self.source.uniform(0.05, 0.6))
            events.close()
            self.cursors += [cursor for cursor, _ in events.hits]
            self.hits += [hit["hit"] for _, hit in events.hits]
            self.last_id = events.last_id
            time.sleep(0.05)


def test_each_hit_once_in_order_whatever_breaks(house, gates):
    """Two thousand hits, through one gate that is killed twice and a database that goes away, to four clients that come and go at two gates."""
    urls, second = gates
    house.listed("QQ4301S", cooldown_s=0)
    wanderers = [Wanderer(house, urls, random.Random(seed)) for seed in range(4)]
    for wanderer in wanderers:
        wanderer.start()
    told = []
    for number in range(20):
        told += drive(house, "QQ4301S", 100)
        if number in (5, 12):
            house.kill("gate")
            house.start(("gate",))
            house.forget_connections()
            eventually(lambda: house.ready()["ready"], 30)
        if number == 8:
            second.end(signal.SIGKILL)
            second.start()
        if number == 16:
            with house.without("db"):
                told += drive(house, "QQ4301S", 50)
            eventually(lambda: house.ready()["ready"], 30)
    try:
        eventually(lambda: house.one("SELECT count(*) FROM platesieve.hits") == str(len(told)), 60)
        head = house.one("SELECT hit_cursor FROM platesieve.agencies WHERE name = 'customs'")
        eventually(lambda: all(wanderer.last_id == head and wanderer.connections > 2 for wanderer in wanderers), 60)
    finally:
        for wanderer in wanderers:
            wanderer.ending.set()
        for wanderer in wanderers:
            wanderer.join()
    expected = [hit["hit"] for hit in house.hits()]
    assert set(expected) == set(told) and len(expected) == len(told)
    for wanderer in wanderers:
        assert wanderer.hits == expected and wanderer.cursors == sorted(set(wanderer.cursors)), wanderer.connections


def test_a_stream_ends_after_its_time(house):
    with Events(house) as events:
        events.wait_end(5)
        assert events.comments[-1] == "connect again" and events.cut is None


def test_the_database_away(house, gates):
    """The stream stays open, says so, and goes on without loss or doubles."""
    urls, _ = gates
    start = house.get("/v1/hits", ANA, params={"limit": 1, "after": house.one("SELECT hit_cursor FROM platesieve.agencies WHERE name = 'customs'")}).json()["cursor"]
    seen, last = [], start
    with house.without("db"):
        told = drive(house, "QQ4301S", 5)
        time.sleep(1)
    deadline = time.monotonic() + 40
    while len(seen) < 5 and time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException), Events(house, at=urls[0], last_id=last) as events:
            events.ended.wait(4)
            seen += [hit["hit"] for _, hit in events.hits]
            last = events.last_id or last
    assert seen == told


def test_a_gate_that_stops_says_so(house, gates):
    _, second = gates
    with Events(house, at=second.url()) as events:
        eventually(lambda: events.last_id)
        second.end()
        events.wait_end(5)
        assert events.comments[-1] in ("the gate stops", "connect again") and events.cut is None
    second.start()


def test_one_of_two_gates_delivers(house, gates, receiver):
    """Each hit comes once while both live, and all come when the one that delivers is killed."""
    _, second = gates
    answer = house.put("/v1/webhooks/out", ANA, None, json={"url": receiver.url()})
    assert answer.status_code == 201
    told = []
    for _ in range(10):
        told += drive(house, "QQ4301S", 10)
        time.sleep(0.3)
    eventually(lambda: len(receiver.hits()) >= 100, 30)
    assert receiver.hits() == told
    second.end(signal.SIGKILL)
    told += drive(house, "QQ4301S", 10)
    eventually(lambda: list(dict.fromkeys(receiver.hits())) == told, 60)
    assert all(verified(answer.json()["secret"], *delivery) for delivery in receiver.deliveries)
    second.start()
