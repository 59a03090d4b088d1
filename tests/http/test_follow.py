"""platesieve hits --follow: what it prints, what it remembers, and how it gets over what breaks."""
import json
import os
import signal
import subprocess
import threading

import pytest
from house import eventually
from test_stream import drive

ANA = "agency/customs/ana"


class Follower:
    """The client, with its lines as they come."""

    running = []

    def __init__(self, installation, *argv, gates=None):
        environment = {**os.environ, **installation.environment(), **({"PLATESIEVE_GATE": gates} if gates else {})}
        self.process = subprocess.Popen([str(installation.programs / "platesieve"), "hits", "--as", ANA, "--follow", "--json", *argv],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, stdin=subprocess.DEVNULL)
        self.running.append(self.process)
        self.lines, self.told = [], []
        self.threads = [threading.Thread(target=self.read, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.told))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def read(pipe, lines):
        for line in pipe:
            lines.append(line.rstrip("\n"))

    def ids(self):
        return [one["hit"] for one in map(json.loads, self.lines) if "hit" in one]

    def end(self, code=0, number=signal.SIGINT):
        """Its last line, after an interrupt."""
        self.process.send_signal(number)
        assert self.process.wait(10) == code, self.told
        for thread in self.threads:
            thread.join(5)
        return json.loads(self.lines[-1])


@pytest.fixture(autouse=True)
def end_followers():
    yield
    while Follower.running:
        process = Follower.running.pop()
        process.kill()
        process.wait()


def alone(installation):
    """No stream is open any more: the next one is ours."""
    eventually(lambda: installation.metrics()["platesieve_streams"] == 0)


@pytest.fixture(name="wanted", scope="module")
def make_wanted(installation):
    return installation.listed("QQ4101S", cooldown_s=0), "QQ4101S"


def test_it_prints_what_was_and_what_comes_and_ends_with_the_cursor(installation, wanted):
    before = drive(installation, wanted[1], 3)
    installation.wait_hits(3, wanted[0])
    follower = Follower(installation, "--list", wanted[0])
    eventually(lambda: follower.ids() == before)
    after = drive(installation, wanted[1], 2)
    eventually(lambda: follower.ids() == before + after, 5)
    last = follower.end()
    assert last == {"cursor": last["cursor"], "more": False, "hits": 5} and not follower.told
    done = installation.platesieve("hits", "--as", ANA, "--json", "--after", last["cursor"])
    assert [json.loads(line).get("hits") for line in done.stdout.splitlines()] == [0]
    shown = json.loads(follower.lines[0])
    assert shown["reference_kind"] and shown["list"] == wanted[0]


def test_only_new_ones(installation, wanted):
    drive(installation, wanted[1], 1)
    eventually(lambda: installation.get("/v1/status", "auditor/ines").json()["spool"]["depth"] == 0)
    alone(installation)
    follower = Follower(installation, "--new")
    eventually(lambda: installation.metrics()["platesieve_streams"] == 1)
    new = drive(installation, wanted[1], 1)
    eventually(lambda: follower.ids() == new)
    follower.end(number=signal.SIGTERM)


def test_the_state_goes_on_over_runs(installation, wanted, tmp_path):
    state = tmp_path / "cursor"
    alone(installation)
    follower = Follower(installation, "--new", "--state", str(state))
    eventually(lambda: installation.metrics()["platesieve_streams"] == 1)
    told = drive(installation, wanted[1], 2)
    eventually(lambda: follower.ids() == told)
    follower.end()
    told = drive(installation, wanted[1], 3)
    follower = Follower(installation, "--state", str(state))
    eventually(lambda: follower.ids() == told)
    follower.process.kill()  # what it had printed a second ago is not printed again
    follower.process.wait()
    told = drive(installation, wanted[1], 1)
    follower = Follower(installation, "--state", str(state))
    eventually(lambda: follower.ids()[-1:] == told)
    assert len(follower.ids()) <= 4
    follower.end()
    done = installation.platesieve("hits", "--as", ANA, "--json", "--state", state)
    assert json.loads(done.stdout)["hits"] == 0
    done = installation.platesieve("hits", "--as", "agency/marshals/ben", "--json", "--state", state, code=1)
    assert "another agency" in done.stderr
    state.write_text("nonsense")
    installation.platesieve("hits", "--as", ANA, "--state", state, code=1)


def test_what_could_not_be_printed_comes_again(installation, wanted, tmp_path):
    state = tmp_path / "cursor"
    told = drive(installation, wanted[1], 30)
    installation.wait_hits(30, wanted[0])
    argv = [str(installation.programs / "platesieve"), "hits", "--as", ANA, "--follow", "--json", "--list", wanted[0], "--state", str(state)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, env={**os.environ, **installation.environment()}, check=False, timeout=20)
    assert done.returncode == 1
    assert done.stderr.startswith(b"platesieve: writing to standard output failed") and done.stderr.count(b"\n") == 1
    follower = Follower(installation, "--list", wanted[0], "--state", str(state))
    eventually(lambda: follower.ids()[-30:] == told)
    follower.end()
    first = json.loads(installation.platesieve("hits", "--as", ANA, "--json", "--list", wanted[0], "--limit", "1").stdout.splitlines()[0])
    assert follower.ids()[0] == first["hit"], "it began anew"


def test_a_state_that_can_not_be_kept_is_said_before_anything_is_shown(installation, wanted, tmp_path):
    drive(installation, wanted[1], 1)
    done = installation.platesieve("hits", "--as", ANA, "--follow", "--json", "--list", wanted[0], "--state", tmp_path / "none" / "cursor", code=1)
    assert done.stdout == "" and "can't write" in done.stderr


def test_it_goes_to_another_gate_and_comes_back(new_installation):
    house = new_installation()
    name = house.listed("QQ4102S", cooldown_s=0)
    gates = "https://localhost:1," + house.gate_url
    follower = Follower(house, "--list", name, gates=gates)
    told = drive(house, "QQ4102S", 5)
    eventually(lambda: follower.ids() == told)
    house.kill("gate")
    eventually(lambda: any("disconnected" in line for line in follower.told))
    house.start(("gate",))
    house.forget_connections()
    eventually(lambda: house.ready()["ready"], 30)
    more = drive(house, "QQ4102S", 5)
    eventually(lambda: follower.ids() == told + more, 30)
    assert any("connected again" in line for line in follower.told)
    with house.without("db"):
        more += drive(house, "QQ4102S", 5)
        patient = Follower(house, "--list", name)  # one that begins now
        eventually(lambda: any("database; trying again" in line for line in patient.told))
    eventually(lambda: follower.ids() == told + more and patient.ids() == told + more, 30)
    patient.end()
    house.stop(("gate",))
    eventually(lambda: any("the gate stops" in line for line in follower.told))
    follower.end()


def test_what_is_refused(installation):
    for argv, code in ((("--after", "99999999999"), 5), (("--new", "--after", "1"), 2), (("--reference", "x"), 2), (("--grade", "worst"), 2),
                       (("--since", "yesterday"), 2), (("--covert", "maybe"), 2), (("--verdict", "perhaps"), 5)):
        installation.platesieve("hits", "--as", ANA, "--follow", *argv, code=code)
    done = installation.platesieve("hits", "--as", ANA, "--follow", "--gate", "https://localhost:1", code=4)
    assert "no connection" in done.stderr and "again" not in done.stderr


def test_filters(installation, tmp_path):
    """Each option is the argument of its name; a reference is sealed first."""
    name = installation.new_list(cooldown_s=0)
    rows = tmp_path / "rows.csv"
    rows.write_text("plate,jurisdiction,reference\nQQ4103S,US-TX,first\nQQ4104S,US-TX,second\n")
    installation.platesieve("list", "push", "--as", ANA, name, rows)
    installation.wait_live(name, 1)
    one, two = drive(installation, "QQ4103S", 1, "reader/north/2"), drive(installation, "QQ4104S", 1, "reader/south/1")
    installation.wait_hits(2, name)

    def shown(*argv):
        done = installation.platesieve("hits", "--as", ANA, "--json", "--all", "--list", name, *argv)
        return [told["hit"] for told in map(json.loads, done.stdout.splitlines()) if "hit" in told]
    assert shown() == one + two and shown("--reference", "first") == one and shown("--reference", "second", "--site", "south") == two
    assert shown("--lane", "2") == one and shown("--site", "south") == two and shown("--grade", "full") == one + two
    assert shown("--covert", "no") == one + two and shown("--covert", "yes") == [] and shown("--verdict", "none") == one + two
    assert shown("--since", "2020-01-01") == one + two and shown("--until", "2020-01-01T00:00:00+02:00") == [] and shown("--reference", "third") == []
    assert shown("--reference", "first", "--clear-references") == []
