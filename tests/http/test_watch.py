"""platesieve list push --watch: a list stays what its file says, through changes of the file, of epochs, and outages."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from fake import Client, Epoch, Fake, Problem
from house import TOP, eventually

PROGRAM = os.environ.get("PLATESIEVE_BUILD", str(TOP / "build")) + "/platesieve"
HEADER = "plate,jurisdiction,reference\n"


def rows(*numbers):
    return HEADER + "".join(f"QQ{number:05d},NL,case {number}\n" for number in numbers)


class Watch:
    """A running watch, and what it has told."""

    def __init__(self, client, *options, env=None):
        self.file = client.folder / "list.csv"
        self.events = []
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PLATESIEVE_")}
        self.child = subprocess.Popen(
            [PROGRAM, "list", "push", "stolen", str(self.file), "--watch", "--settle", "0", "--look", "1", "--patience", "0", "--json", *options],
            env={**clean, "PLATESIEVE_PKI": str(client.pki), "PLATESIEVE_STATE": str(client.folder / "state"), **client.urls, **(env or {})},
            stdout=subprocess.PIPE, stderr=open(client.folder / "errors", "w", encoding="utf-8"), text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.child.stdout:
            self.events.append(json.loads(line))

    def of(self, name):
        return [event for event in self.events if event.get("event") == name]

    def count(self, name, number):
        """Waits for the NUMBERth event of that name."""
        return eventually(lambda: len(self.of(name)) >= number and self.of(name)[number - 1])

    def put(self, text):
        """As most programs do it: written beside, and moved into place."""
        beside = self.file.with_suffix(".new")
        beside.write_text(text, encoding="ascii")
        os.replace(beside, self.file)

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        assert self.child.wait(10) == 0
        self.reader.join(5)
        assert self.events[-1]["event"] == "stopping"


@pytest.fixture
def client(tmp_path):
    return Client(tmp_path, PROGRAM)


@pytest.fixture
def fake(client):
    server = Fake(client.pki)
    client.point_at(server)
    server.make_list("stolen")
    yield server
    server.stop()


@pytest.fixture
def watch(client, fake):
    watches = []

    def begin(*options, text=rows(1, 2, 3), **more):
        if text is not None:
            (client.folder / "list.csv").write_text(text, encoding="ascii")
        watches.append(Watch(client, *options, **more))
        return watches[-1]

    yield begin
    for one in watches:
        if one.child.poll() is None:
            one.end()


def size(fake):
    return len(fake.lists["stolen"]["standing"])


def test_the_file_is_pushed_when_it_changes(fake, watch):
    one = watch()
    assert one.count("pushed", 1)["way"] == "replace" and size(fake) == 3
    one.put(rows(2, 3, 4, 5))  # replaced by another of its name
    second = one.count("pushed", 2)
    assert (second["way"], second["added"], second["removed"]) == ("delta", 2, 1) and size(fake) == 4
    with open(one.file, "a", encoding="ascii") as file:  # written in place
        file.write("QQ00009,NL,case 9\n")
    assert one.count("pushed", 3)["added"] == 1 and size(fake) == 5
    one.file.touch()
    assert one.count("pushed", 4)["unchanged"] == 5
    assert [event["event"] for event in one.events] == ["watching"] + ["pushed"] * 4


def test_a_file_that_is_being_written_is_left_alone(fake, watch):
    one = watch("--settle", "1")
    one.count("pushed", 1)
    with open(one.file, "w", encoding="ascii") as file:  # emptied, and written bit by bit
        for line in rows(*range(10, 18)).splitlines(keepends=True):
            file.write(line)
            file.flush()
            time.sleep(0.25)
            assert size(fake) == 3
    assert one.count("pushed", 2)["entries"] == 8 and size(fake) == 8


def test_what_is_no_whole_file_changes_nothing(fake, watch):
    one = watch()
    one.count("pushed", 1)
    one.file.unlink()
    one.count("gone", 1)
    one.put("")
    one.count("failed", 1)
    one.put(HEADER)
    one.count("failed", 2)
    one.put(rows(1, 2)[:-12])
    one.count("failed", 3)
    assert size(fake) == 3 and fake.lists["stolen"]["revision"] == 1
    one.put(rows(1, 2))
    one.count("pushed", 2)
    assert size(fake) == 2


def test_a_file_that_comes_later(fake, watch):
    one = watch(text=None)
    one.count("gone", 1)
    one.put(rows(1))
    one.count("pushed", 1)
    assert size(fake) == 1


def test_the_age_is_renewed(fake, watch):
    one = watch("--renew", "1")
    assert one.count("pushed", 3)["unchanged"] == 3
    assert [fake.revisions[number]["mode"] for number in (1, 2, 3)] == ["replace", "change", "change"]


def test_the_age_limit_says_how_often(fake, watch):
    fake.lists["stolen"]["age_limit_s"] = 8
    one = watch()
    one.count("pushed", 2)


def test_a_new_epoch_gets_its_tokens(fake, watch):
    one = watch()
    one.count("pushed", 1)
    fake.epochs.append(Epoch("20260102T000000Z", "coming"))
    assert one.count("epochs", 1)["missing"] == ["20260102T000000Z"]
    one.count("pushed", 2)
    assert all(len(entry["tokens"]) == 2 for entry in fake.lists["stolen"]["standing"].values())
    fake.epochs[0].state = "closed"  # a rotation in an emergency
    fake.epochs.append(Epoch("20260101T120000Z", "open"))
    one.count("pushed", 3)
    assert all("20260101T120000Z" in entry["tokens"] for entry in fake.lists["stolen"]["standing"].values())


def test_an_outage_is_waited_out(fake, watch):
    fake.faults.append(lambda method, path: "cut")
    one = watch()
    assert one.count("waiting", 1)["code"] == 4
    one.count("away", 1)
    fake.faults.clear()
    one.count("pushed", 1)
    one.count("back", 1)
    assert size(fake) == 3 and len(one.of("away")) == 1


def test_what_the_gate_refuses_leaves_the_old_list(fake, watch):
    one = watch()
    one.count("pushed", 1)
    fake.faults.append(lambda method, path: Problem(422, "shrinks") if path.endswith("/commit") else None)
    one.put(rows(1))
    assert one.count("refused", 1)["problem"] == "shrinks"
    time.sleep(1.5)
    assert size(fake) == 3 and len(one.of("refused")) == 1  # not again and again
    fake.faults.clear()
    one.put(rows(1, 2))
    one.count("pushed", 2)
    assert size(fake) == 2


def test_who_came_second_tries_again(fake, watch):
    one = watch()
    one.count("pushed", 1)
    fake.faults.append(lambda method, path: Problem(409, "base") if path.endswith("/commit") else None)
    one.put(rows(1, 2, 3, 4))
    assert one.count("waiting", 1)["problem"] == "base"
    fake.faults.clear()
    one.count("pushed", 2)
    assert size(fake) == 4


def test_sighup_pushes_now(fake, watch):
    one = watch()
    one.count("pushed", 1)
    one.child.send_signal(signal.SIGHUP)
    assert one.count("pushed", 2)["unchanged"] == 3 and fake.lists["stolen"]["revision"] == 2


def test_certificates_renewed_on_disk_are_used(client, fake, watch):
    one = watch()
    one.count("pushed", 1)
    for path in (client.pki / "agency").glob("customs.ana.*"):
        path.write_text("nothing", encoding="ascii")
    one.put(rows(1))
    eventually(lambda: one.of("failed") or one.of("waiting"))
    for path in (client.pki / "agency").glob("customs.ana.*"):
        path.unlink()
    client.run("ca", "issue", "agency/customs/ana")
    one.put(rows(1, 2))
    one.count("pushed", 2)
    assert size(fake) == 2


def test_systemd_is_told(client, fake, watch):  # pylint: disable=unused-argument
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(client.folder / "notify"))
        told.settimeout(10)
        one = watch(env={"NOTIFY_SOCKET": str(client.folder / "notify")})
        one.count("pushed", 1)
        one.end()
        said = []
        while "STOPPING=1" not in said:
            said.append(told.recv(4096).decode())
    assert "READY=1" in said and any(text.startswith("STATUS=stolen: revision 1") for text in said)


def test_a_line_for_each_event(client, fake):  # pylint: disable=unused-argument
    file = client.folder / "list.csv"
    file.write_text(rows(1, 2), encoding="ascii")
    with subprocess.Popen([PROGRAM, "list", "push", "stolen", str(file), "--watch", "--settle", "0"], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PLATESIEVE_PKI": str(client.pki), "PLATESIEVE_STATE": str(client.folder / "state"),
                               **client.urls}) as child:
        lines = [child.stdout.readline() for _ in range(2)]
        child.send_signal(signal.SIGINT)
        lines += child.stdout.readlines()
        assert child.wait(10) == 0
    assert lines[0].startswith("stolen: watching") and lines[1] == "stolen: revision 1, 2 entries, 0 unusable rows: pushed whole\n"
    assert lines[2:] == ["stolen: stopping\n"]


def test_standard_input_can_not_be_watched(client, fake):  # pylint: disable=unused-argument
    client.run("list", "push", "stolen", "-", "--watch", code=2)
    client.run("list", "add", "stolen", "list.csv", "--watch", code=2)
