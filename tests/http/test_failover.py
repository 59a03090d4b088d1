"""Two gates and three key servers, and a lane that goes on when one of them is killed, hangs or comes back: no read waits a second for it."""
import contextlib
import json
import os
import signal
import subprocess
import time

import pytest

from house import eventually
from second_gate import SecondGate

INSTALLATION = {"key_servers": 3}
READER = "reader/north/1"
WITHIN_S = 1.0
SERVERS = ("keys-1", "keys-2", "keys-3")

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module", name="second")
def make_second(installation):
    gate = SecondGate(installation)
    gate.start()
    yield gate
    gate.end()


@pytest.fixture(scope="module", name="listed")
def make_listed(installation, second, tmp_path_factory):
    file = tmp_path_factory.mktemp("listed") / "list.csv"
    file.write_text("plate,jurisdiction\nQQ61XX61,NL\n", encoding="ascii")
    installation.platesieve("--as", "agency/customs/ana", "list", "create", "wanted", "--category", "stolen")
    installation.platesieve("--as", "agency/customs/ana", "list", "push", "wanted", file)
    installation.wait_live("wanted", 1)
    eventually(lambda: installation.session("auditor/ines").get(f"{second.url()}/v1/status", timeout=5).json()["lists"][0]["revision"] == 1)
    return "wanted"


class Lane:
    """A lane that runs; each read is of a listed plate, and timed."""

    def __init__(self, house, urls, *options):
        env = {**os.environ, **house.environment(), "PLATESIEVE_GATE": ",".join(urls)}
        self.child = subprocess.Popen([str(house.programs / "platesieve"), "--as", READER, "lane", "--json", *options], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        self.child.stdin.write("plate,jurisdiction\n")
        self.reads, self.slowest = 0, 0

    def read(self, times=3):
        for _ in range(times):
            begin = time.monotonic()
            self.child.stdin.write("QQ61XX61,NL\n")
            self.child.stdin.flush()
            told = json.loads(self.child.stdout.readline())
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.reads += 1
            assert told.get("alerts"), (told, self.end())

    def end(self):
        out, err = self.child.communicate(timeout=60)
        return json.loads(out.splitlines()[-1])["summary"], err


@pytest.fixture(name="lane")
def make_lane(installation, second, listed):
    lane = Lane(installation, [installation.gate_url, second.url()])
    lane.read()
    lane.slowest = 0
    yield lane
    if lane.child.poll() is None:
        lane.child.kill()
        lane.child.wait()
        lane.child.stdin.close()


def pid_of(house, second, part):
    return second.process.pid if part == "second" else house.part(part).pid()


@contextlib.contextmanager
def hanging(house, second, *parts):
    """They are there, take connections, and answer nothing."""
    pids = [pid_of(house, second, part) for part in parts]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def killed(house, second, *parts):
    for part in parts:
        if part == "second":
            second.end(signal.SIGKILL)
        else:
            house.kill(part)
    try:
        yield
    finally:
        for part in parts:
            if part == "second":
                second.start()
            else:
                house.start((part,))


HOWS = {"hangs": hanging, "is killed": killed}


@pytest.mark.parametrize("how", HOWS)
def test_the_other_gate_answers_within_a_second(installation, second, lane, how):
    for part in ("gate", "second", "gate"):  # each is used again when it is back
        with HOWS[how](installation, second, part):
            lane.read(4)
        eventually(lambda: installation.ready()["ready"])
        time.sleep(1)
    assert lane.slowest < WITHIN_S
    summary, err = lane.end()
    assert (summary["hits"], summary["unchecked"], summary["alarms"]) == (lane.reads, 0, 0)
    assert f"no answer from the gate: {installation.gate_url}" in err and f"the gate {installation.gate_url} answers again" in err


@pytest.mark.parametrize("how", HOWS)
def test_two_of_three_key_servers_answer_within_a_second(installation, second, lane, how):
    for part in SERVERS:
        with HOWS[how](installation, second, part):
            lane.read()
            time.sleep(1)  # it is found out, whoever was asked
            lane.read()
        time.sleep(1)
    assert lane.slowest < WITHIN_S
    summary, err = lane.end()
    assert (summary["hits"], summary["unchecked"]) == (lane.reads, 0)
    assert all(installation.url_of(part) in err for part in SERVERS)


def test_a_gate_and_a_key_server_that_hang_together(installation, second, lane):
    with hanging(installation, second, "gate", "keys-2"):
        lane.read(4)
    assert lane.slowest < WITHIN_S
    assert lane.end()[0]["unchecked"] == 0


def test_all_gates_are_away_for_a_while(installation, second, lane):
    """Within its patience a lane finds the gates again; nothing is `clear` that was not checked."""
    with hanging(installation, second, "gate", "second"):
        lane.child.stdin.write("QQ61XX61,NL\n")
        lane.child.stdin.flush()
        time.sleep(2)
    assert json.loads(lane.child.stdout.readline()).get("alerts")
    lane.reads += 1
    lane.read()
    summary, _ = lane.end()
    assert (summary["hits"], summary["unchecked"], summary["cleared"]) == (lane.reads, 0, 0)
