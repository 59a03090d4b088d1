"""The certificates that follow the first one, and clocks that are off."""
import json
import os
import re
import subprocess
import time
from datetime import timezone

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from clocks import MovingClock
from enrol import (Device, Serving, certificate_of, code_bytes, code_for, end, leave, listed, mac, make_csr, state_of, wait_for_requests)
from house import eventually
from plates import bytes64, text64


# -- clocks --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", (-3600, 3600))
def test_a_device_whose_clock_is_an_hour_off(installation, device, name, shifted, seconds):
    """It enrols, and is told."""
    with Serving(installation):
        done = device.run(code_for(installation, name), env=shifted(seconds))
    assert re.search("clock is (59|60) minutes " + ("behind" if seconds < 0 else "ahead"), done.stderr), done.stderr
    assert device.holds_a_pair()
    installation.register(name)
    eventually(device.is_admitted)


@pytest.mark.parametrize("seconds", (-3600, 3600))
def test_an_authority_whose_clock_is_an_hour_off(installation, device, name, shifted, seconds):
    """Codes begin and end by its own clock; what it signs is good elsewhere at once."""
    code = installation.platesieve("ca", "code", name, env=shifted(seconds)).stdout.strip()
    child = device.start(code)
    wait_for_requests(installation)
    installation.platesieve("ca", "approve", env=shifted(seconds))
    end(child)
    installation.register(name)
    eventually(device.is_admitted)


def is_shut_out(device):
    try:
        return not device.is_admitted()
    except requests.ConnectionError:
        return True


@pytest.mark.parametrize("seconds", (-3600, 3600))
def test_an_authority_whose_clock_is_an_hour_off_takes_back(installation, device, name, shifted, seconds):
    """What it revokes is revoked at once; also what it revokes when its clock was set right."""
    other = Device(installation, device.folder.parent / "other", name + "-2")
    with Serving(installation):
        for one in (device, other):
            one.run(code_for(installation, one.name))
            installation.register(one.name)
            eventually(one.is_admitted)
    installation.platesieve("ca", "revoke", device.name, env=shifted(seconds))
    eventually(lambda: is_shut_out(device))
    assert other.is_admitted()
    installation.platesieve("ca", "revoke", other.name)
    eventually(lambda: is_shut_out(other))
    assert is_shut_out(device)


def test_a_device_whose_clock_is_years_off(installation, device, name, shifted):
    done = device.run(code_for(installation, name), "--wait", "0", exit_code=4, env=shifted(-10 * 365 * 86400))
    assert "is the clock right" in done.stderr


# -- renewal -------------------------------------------------------------------------------------------------------------------------


def sign_renewal(key, csr):
    return key.sign(b"platesieve/1/renew\0" + csr, ec.ECDSA(hashes.SHA256()))


class Holder:
    """A lane with a certificate that was made by hand, for requests by hand."""

    def __init__(self, house, name, lifetime="40s"):
        self.house, self.name = house, name
        code = code_bytes(code_for(house, name))
        csr, self.key = make_csr(name)
        answer = leave(house, csr, mac(code, csr)).json()
        house.platesieve("ca", "approve", "--lifetime", lifetime)
        self.der = bytes64(state_of(house, answer["id"])["certificate"])

    def renewal(self, csr, signature=None, certificate=None, as_="reader/north/1"):
        """Leaves a renewal under the identity AS_ (the gate does not judge it), and has it judged."""
        body = {"csr": text64(csr), "certificate": text64(certificate or self.der), "signature": text64(signature or sign_renewal(self.key, csr))}
        answer = self.house.post("/v1/enrolments", as_, body)
        assert answer.status_code == 202, answer.text
        said = self.house.platesieve("ca", "approve", code=None)
        return self.house.get(f"/v1/enrolments/{answer.json()['id']}", as_).json(), said


def test_renewals_are_judged(installation, name):
    """The old key vouches for the new one; for another name, another signature, or a second time it does not."""
    holder = Holder(installation, name)
    csr, _ = make_csr(name)
    swapped, _ = make_csr(name)
    other, _ = make_csr("reader/north/1")
    state, said = holder.renewal(swapped, sign_renewal(holder.key, csr))
    assert state["refused"] == "request" and said.returncode == 6 and "changed it" in said.stderr
    state, said = holder.renewal(other)
    assert state["refused"] == "request" and "another name" in said.stderr
    state, said = holder.renewal(csr, certificate=certificate_of(installation, "reader/north/1"))
    assert state["refused"] == "request" and said.returncode == 6
    state, said = holder.renewal(csr)
    assert state["state"] == "signed" and said.returncode == 0
    assert holder.renewal(csr)[0]["certificate"] == state["certificate"]
    state, said = holder.renewal(swapped)
    assert state["refused"] == "renewed" and "somebody else has the old key" in said.stderr


def test_nothing_is_renewed_that_is_revoked_expired_or_young(installation, name):
    csr, _ = make_csr(name)
    young = Holder(installation, name, "30d")
    assert young.renewal(csr)[0]["refused"] == "early"
    installation.platesieve("ca", "revoke", name)
    state, said = young.renewal(csr)
    assert state["refused"] == "certificate" and "revoked" in said.stderr
    short = Holder(installation, name, "2s")
    time.sleep(2.5)
    state, said = short.renewal(csr)
    assert state["refused"] == "certificate" and "expired" in said.stderr


def test_enrol_renew(installation, device, name):
    """By a timer: nothing while there is time, the next certificate in the last third."""
    installation.register(name)
    with Serving(installation, "--lifetime", "20s"):
        device.run(code_for(installation, name))
        first = device.certificate()
        assert device.run(None, "--renew").stdout.startswith("good ")
        time.sleep(7)
        assert device.run(None, "--renew").stdout.startswith("renewed ")
    second = device.certificate()
    assert second.serial_number != first.serial_number and second.not_valid_after > first.not_valid_after
    assert second.public_key().public_numbers() != first.public_key().public_numbers()
    assert device.holds_a_pair()


def test_a_renewed_pair_that_is_not_taken_is_not_put_in_place(installation, device, name):
    """The gate refuses the new pair (here: the name was taken out meanwhile): the old one stays."""
    installation.register(name)
    with Serving(installation, "--lifetime", "20s"):
        device.run(code_for(installation, name))
        time.sleep(7)
        child = device.start(None, "--renew")
        request = wait_for_requests(installation)[0]
        before = device.certificate().serial_number
        assert request["from"] == name
        installation.unregister(name, daemons=("gate",))
        assert end(child, None)[0] == ""
    assert device.certificate().serial_number == before and device.holds_a_pair()


class Lane:
    """`platesieve lane` of a device, with rows as they come."""

    def __init__(self, device):
        argv = [str(device.house.programs / "platesieve"), "lane", "--json", "--gate", device.house.gate_url, "--keys", device.house.keys_url,
                "--pki", str(device.pki), "--parallel", "2"]
        self.out, self.err = device.folder / "lane.out", device.folder / "lane.err"  # a pipe would fill
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=out, stderr=err, text=True, env=device.environment())
        self.child.stdin.write("plate,jurisdiction\n")
        self.reads = 0

    def read(self, plate):
        self.child.stdin.write(f"{plate},NL\n")
        self.child.stdin.flush()
        self.reads += 1

    def end(self):
        self.child.stdin.close()
        code, err = self.child.wait(30), self.err.read_text()
        return code, [json.loads(line) for line in self.out.read_text().splitlines()], err


def test_a_lane_renews_while_it_reads(installation, device, name):
    """Over two ends of its certificate, without losing a read; every pair that it had on disk was one."""
    listed(installation, "QQ00QQ8")
    installation.register(name)
    with Serving(installation, "--lifetime", "9s") as serving:
        device.run(code_for(installation, name))
        ends, serials = device.certificate().not_valid_after, set()
        lane = Lane(device)
        deadline = time.monotonic() + 60
        while device.certificate().not_valid_before < ends:  # the one in use began when the first had ended
            lane.read("QQ00QQ8")
            serials.add(device.certificate().serial_number)
            assert time.monotonic() < deadline and lane.child.poll() is None, (lane.err.read_text(), serving.text())
            time.sleep(0.05)
        code, told, err = lane.end()
    assert code == 0, err
    summary = next(line["summary"] for line in told if "summary" in line)
    assert summary["reads"] == lane.reads and summary["hits"] == lane.reads, (summary, err)
    assert len(serials) >= 3 and err.count("renewed the certificate") >= 3
    assert device.holds_a_pair()
    names = [line for line in installation.platesieve("ca", "list").stdout.splitlines() if name in line]
    assert len(names) >= 4


def test_a_lane_whose_certificate_nobody_renews(installation, device, name):
    """It says so, goes on while it can, and does not take long to stop."""
    listed(installation, "QQ00QQ9")
    installation.register(name)
    with Serving(installation, "--lifetime", "12s"):
        device.run(code_for(installation, name))
    lane = Lane(device)
    lane.read("QQ00QQ9")
    time.sleep(14)
    began = time.monotonic()
    _, _, err = lane.end()
    assert time.monotonic() - began < 5
    assert "was not renewed yet" in err


def late_lane(device, clock):
    service = device.house.lane_service(device.name, device.folder / "lane", lane={"pki": str(device.pki)}, report={"interval_s": 1})
    service.environment.update(clock)
    return service


def certificate_shown(service, house, name):
    """The lane's own word, and the operator's on it."""
    lanes = house.get("/v1/lanes", "operator/gate/olga").json()["lanes"]
    lane = next((one for one in lanes if f"reader/{one['site']}/{one['lane']}" == name), None)
    return service.status(), lane


@pytest.mark.parametrize("passed_s,renewal,alarm", [(0, "not-due", False), (50 * 60, "due", False), (90 * 60, "due", True), (130 * 60, "due", True)])
def test_a_lane_tells_when_its_certificate_ends(installation, device, name, shifted, passed_s, renewal, alarm):
    """Of four hours, two of them past: the last third begins 80 minutes before the end, and little is left in the last 40.  The lane's clock says how late it is."""
    house = installation
    house.register(name)
    with Serving(house, "--lifetime", "2h"):
        device.run(code_for(house, name))
    ends = device.certificate().not_valid_after
    with late_lane(device, shifted(passed_s)) as service:
        told = eventually(lambda: (status := service.status()["certificate"])["renewal"] == renewal and status)
        assert told["ends_at"] == ends.strftime("%Y-%m-%dT%H:%M:%S.000Z") and abs(told["days_left"] - (7200 - passed_s) / 86400) < 0.005
        assert ("certificate" in service.status()["alarms"]) == alarm
        assert service.metrics()["platesieve_lane_certificate_ends_seconds"] == ends.replace(tzinfo=timezone.utc).timestamp()
        assert service.metrics()["platesieve_lane_certificate_alarm"] == alarm
        if passed_s > 7200:
            return  # the gate's clock is right, and takes the lane; no matter
        lane = eventually(lambda: (shown := certificate_shown(service, house, name)[1]) and shown["state"] != "ended" and shown)
        eventually(lambda: ("certificate" in certificate_shown(service, house, name)[1]["alarms"]) == alarm)
        assert lane["report"]["certificate"]["ends_at"] == told["ends_at"]
        line = next(line for line in house.platesieve("--as", "operator/gate/olga", "status").stdout.splitlines() if name.removeprefix("reader/") + " " in line)
        assert ("certificate ends in 0 days" in line) == alarm
        assert "days left" in house.platesieve("lane", "status", "--url", service.url).stdout


def test_a_renewal_that_is_refused_is_an_alarm(installation, device, name, shifted):
    """At once, however much is left: it will not come by waiting.  (The authority's clock is three hours ahead: it takes the certificate for expired.)"""
    house = installation
    house.register(name)
    with Serving(house, "--lifetime", "2h"):
        device.run(code_for(house, name))
    with late_lane(device, shifted(50 * 60)) as service:
        wait_for_requests(house)
        assert "certificate" not in service.status()["alarms"] and service.status()["certificate"]["renewal"] == "due"
        house.platesieve("ca", "approve", env=shifted(3 * 3600), code=None)
        eventually(lambda: "certificate" in service.status()["alarms"], 30)
        assert service.status()["certificate"]["renewal"] == "failed"


def test_a_renewal_by_hand_ends_the_alarm(installation, device, name, tmp_path):
    """For good: when the next certificate comes to its last third, nothing has failed yet."""
    house, clock = installation, MovingClock(tmp_path)
    house.register(name)
    with Serving(house, "--lifetime", "2h"):
        device.run(code_for(house, name))
    clock.set(119 * 60)  # the lane's; little is left, so that it looks often
    with late_lane(device, clock.environment) as service:
        wait_for_requests(house)
        house.platesieve("ca", "approve", env={**clock.environment, "SHIFT_FILE": "", "SHIFT_S": str(3 * 3600)}, code=None)
        eventually(lambda: service.status()["certificate"]["renewal"] == "failed", 30)
        with Serving(house, "--lifetime", "6h"):
            device.run(None, "--renew", "--now")
        eventually(lambda: service.status()["certificate"]["renewal"] == "not-due", 30)
        clock.set(340 * 60)
        assert service.status()["certificate"]["renewal"] == "due"


def test_a_break_within_a_renewal(installation, device, name):
    """Stopped between certificate and key: the lane finds both again by itself."""
    listed(installation, "QQ00QQ6")
    installation.register(name)
    with Serving(installation):
        device.run(code_for(installation, name))
    os.rename(device.files[1], f"{device.base}.key.new")
    with open(device.files[1], "w", encoding="ascii") as old:
        old.write(open(installation.certificate("reader/north/1")[1], encoding="ascii").read())
    eventually(lambda: '"hits":1' in device.lane("QQ00QQ6", "--json").stdout.replace(" ", ""))
    assert device.holds_a_pair()
