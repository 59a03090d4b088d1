"""A lane service that runs as an ordinary user, with little memory that may be locked; and one that is killed, or has a double."""
import base64
import concurrent.futures
import contextlib
import json
import os
import pwd
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time
import urllib.error
from pathlib import Path

import pytest

from house import eventually
from memory import runs_of
from process import AddressInUse, Failure
from relay import relay_to
from sealing import large_jpeg
from test_lane_service import QUICK, answers, in_chunks, memory_of, plain, plates_of, request_of
from test_residue import needs_root

ROOT = os.geteuid() == 0
LOCKS_ALL = subprocess.run(["sh", "-c", "ulimit -l unlimited"], stderr=subprocess.DEVNULL, check=False).returncode == 0
LISTED, OLGA = "QQ31HRD", "operator/gate/olga"
LOUD = {"alerts": {"json": "yes", "show_plates": "yes"}, "report": {"interval_s": 1}}
PICTURE = base64.b64encode(large_jpeg(30_000)).decode()
LARGE = base64.b64encode(large_jpeg(1_500_000)).decode()


@pytest.fixture(scope="module")
def hot_list(installation):
    return installation.listed(LISTED, cooldown_s=300)


@pytest.fixture
def ordinary(installation, hot_list):
    """A maker of lanes that are not started, of an ordinary user who may lock so many kB; None: all.  Where the tests run as one, they are this user's."""
    del hot_list
    base, services = Path(tempfile.mkdtemp(prefix="platesieve-test-", dir="/tmp")), []
    base.chmod(0o755)
    shutil.copytree(installation.pki / "reader", base / "pki/reader")
    shutil.copy(installation.ca, base / "ca.pem")
    shutil.copy(installation.crl, base / "crl.pem")
    shutil.copy(installation.programs / "platesieve", base / "platesieve")

    def make(locked_kb, **sections):
        files = {"pki": base / "pki", "ca": base / "ca.pem", "crl": base / "crl.pem"}
        told = {**LOUD, **sections, "lane": {**files, **sections.get("lane", {})}}
        service = installation.lane_service("reader/north/2", base / f"lane-{len(services)}", **told)
        services.append(service)
        service.environment = {"PLATESIEVE_STATE": str(service.folder)}
        service.program = str(service.folder / "run")
        become = f"setpriv --reuid={nobody.pw_uid} --regid={nobody.pw_gid} --clear-groups --inh-caps=-all --bounding-set=-all" if ROOT else ""
        limit = "unlimited" if locked_kb is None else locked_kb
        Path(service.program).write_text(f'#!/bin/sh\nulimit -l {limit} && exec {become} {base}/platesieve "$@"\n', encoding="utf-8")
        Path(service.program).chmod(0o755)
        if ROOT:
            subprocess.run(["chown", "-R", f"{nobody.pw_uid}:{nobody.pw_gid}", base / "pki", base / "ca.pem", base / "crl.pem", service.folder], check=True)
        return service

    nobody = pwd.getpwnam("nobody") if ROOT else None
    yield make
    for service in services:
        if service.process:
            service.kill()
    shutil.rmtree(base)


def started(service):
    service.start()
    eventually(lambda: service.status()["ready"])
    text = Path(f"/proc/{service.pid}/status").read_text(encoding="ascii")
    assert re.search(r"^Uid:\s+(\d+)", text, re.M)[1] != "0" and re.search(r"^CapEff:\s+0+$", text, re.M)
    return service


# -- as an ordinary user ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def crowd(service):
    """Sixteen that post 50 MB, slowly, and others that come and say nothing, meanwhile."""
    stop, silent = threading.Event(), []

    def post_slowly(number):
        while not stop.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", service.port), timeout=5) as wire:
                chunked = number % 3 == 0
                wire.sendall(in_chunks(b"", 1)[:-5] if chunked else request_of(b"", length=4 * 1024 * 1024 if number % 2 else 50_000_000))
                for _ in range(16):
                    wire.sendall(b"10000\r\n" + b"[" * 65536 + b"\r\n" if chunked else b"[" * 65536)
                    time.sleep(0.01)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        posts = [pool.submit(post_slowly, number) for number in range(16)]
        try:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    silent.append(socket.create_connection(("127.0.0.1", service.port), timeout=5))
            yield
        finally:
            stop.set()
            for wire in silent:
                wire.close()
    for post in posts:
        post.result()


def throw(service, plates, picture):
    """What parsers fear most, and pictures of vehicles that wait for a gate."""
    size = service.config.read_text().count("images_mib = 0") and 1_000_000 or 4_000_000
    for body in (b"[" * size, b"[" + b"1," * (size // 2 - 1000) + b"1]", b'{"plate": "' + b"Q" * size + b'"}', b"[" + b'{"a":1},' * (size // 8) + b"{}]",
                 b'{"plate": "QQ1QQ1", "image": "' + b"A" * size + b'"}', b"[" * 50_000_000):
        with contextlib.suppress(OSError):
            service.post("plain", body)
    for plate in plates:
        with contextlib.suppress(OSError):
            service.post("plain", plain(plate, image=picture))


@pytest.mark.parametrize("locked_kb, images_mib, most_mib, says", [
    (8192, None, 64, "messages of more than 512 kB are refused"), (8192, 0, 24, None), (4096, None, 24, "messages of more than 64 kB are refused"),
    pytest.param(None, None, 64, None, marks=pytest.mark.skipif(not LOCKS_ALL, reason="who runs the tests may not lock all memory"))])
def test_memory_of_an_ordinary_user_has_an_end(installation, ordinary, locked_kb, images_mib, most_mib, says):
    """Whatever is thrown at it, gates there or not; 8 MB is what a user of Debian may lock."""
    with relay_to(installation.asked["ports"]["gate"]) as relay:
        sections = {} if images_mib is None else {"memory": {"images_mib": images_mib}}
        service = started(ordinary(locked_kb, lane={"gate": relay.url}, **QUICK, **sections))
        memory = service.status()["memory"]
        assert memory["all_locked"] is (locked_kb is None) and (locked_kb is None or memory["locked_bytes"] <= locked_kb * 1024)
        assert (says is None or says in service.said()) and ("buffers of libraries" in service.said()) == (locked_kb is not None)
        assert ("no memory that can be locked for pictures" in service.said()) == (locked_kb == 4096)
        relay.cut()
        picture = LARGE if locked_kb is None else PICTURE
        throw(service, plates_of(40), picture)
        assert service.status()["waiting"]["fresh"] + service.status()["waiting"]["old"] > 0
        with crowd(service):
            throw(service, plates_of(40), picture)
        assert memory_of(service, "VmHWM") < most_mib
        assert locked_kb is None or service.status()["memory"]["locked_bytes"] <= locked_kb * 1024
        relay.join()
        eventually(lambda: service.post("plain", plain(LISTED))["reads"] == 1)
        eventually(lambda: service.alerts() and answers(service)["clear"] + answers(service)["hits"] == answers(service)["asked"] > 1)
        eventually(lambda: service.status()["memory"]["messages_bytes"] == 0 and memory_of(service) < 24)
        assert memory_of(service, "VmHWM") < most_mib and service.stop() == 0


@pytest.mark.parametrize("locked_kb", [0, 1024])
def test_a_lane_that_may_lock_nothing_does_not_start(ordinary, locked_kb):
    """Rather than hold plates where they can be swapped out."""
    service = ordinary(locked_kb)
    with pytest.raises(Failure, match="left with code 1"):
        service.start()
    assert "there is no memory that can be locked for" in service.said()


def locked_and_not(pid, words):
    """How many of process PID's stretches of memory hold one of WORDS: locked ones, and others."""
    locked, others, ranges = 0, 0, []
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="ascii", errors="replace").splitlines():
        if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S\S)", line):
            ranges.append([int(match[1], 16), int(match[2], 16), match[3] == "rw", False])
        elif line.startswith("VmFlags:"):
            ranges[-1][3] = " lo" in line
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, writable, is_locked in ranges:
            if writable and any(word in run for run in runs_of(memory, begin, end) for word in words):
                locked, others = locked + is_locked, others + (not is_locked)
    return locked, others


@needs_root
def test_plates_lie_in_locked_memory_only(installation, ordinary):
    """Of reads that wait, with their pictures, and of an alert that is kept; libraries had them for a moment at most."""
    mark = bytes(range(40, 80))
    picture = base64.b64encode(large_jpeg(20_000, mark)).decode()
    with relay_to(installation.asked["ports"]["gate"]) as relay:
        service = started(ordinary(8192, lane={"gate": relay.url}, **QUICK))
        service.post("plain", plain(LISTED, image=picture))
        eventually(service.alerts)
        relay.cut()
        plates = plates_of(20)
        for plate in plates:
            service.post("plain", plain(plate, image=picture))
        words = [LISTED.encode(), mark, *(plate.encode() for plate in plates)]
        eventually(lambda: (told := locked_and_not(service.pid, words))[0] > 0 and told[1] == 0)
        assert re.search(r"^VmSwap:\s+0 kB", Path(f"/proc/{service.pid}/status").read_text(encoding="ascii"), re.M)


# -- when it is killed ----------------------------------------------------------------------------------------------------------------


def places(*folders):
    """Where something could have been left."""
    return [folder for folder in map(Path, ("/tmp", "/var/tmp", "/dev/shm", "/var/crash", "/var/lib/systemd/coredump", *folders)) if folder.is_dir()]


def files_since(begin, *folders):
    """Those that were written since then: in FOLDERS all, elsewhere on the same disks those of the lane's user, but for other installations.  A core file of
    a program whose folder is / lies there."""
    user = pwd.getpwnam("nobody").pw_uid if ROOT else os.geteuid()
    for folder in [*places(*folders), Path("/")]:
        device = folder.stat().st_dev
        for base, names, files in os.walk(folder):
            names[:] = [] if str(folder) == "/" else [name for name in names if not name.startswith("platesieve-test-") and on_disk(Path(base) / name, device)]
            for file in (Path(base) / name for name in files):
                with contextlib.suppress(OSError):
                    told = file.lstat()
                    if stat.S_ISREG(told.st_mode) and told.st_mtime >= begin and told.st_size < 64 << 20 and (told.st_uid == user or folder in folders):
                        yield file


def on_disk(folder, device):
    """Is it on that disk?"""
    try:
        return folder.lstat().st_dev == device
    except OSError:
        return False


def holding(words, begin, *folders):
    """Files with one of WORDS in them."""
    found = set()
    for file in set(files_since(begin, *folders)):
        with contextlib.suppress(OSError):
            if any(word in file.read_bytes() for word in words):
                found.add(file)
    return found


def lane_at(house, name="2"):
    return next((one for one in house.get("/v1/lanes?site=north", OLGA).json()["lanes"] if one["lane"] == name), None)


def test_a_lane_that_is_killed(installation, ordinary):
    """Of what waited, was half in, or was shown to the officer nothing is on any disk; the next one begins at once, and knows nothing of it."""
    begin, plates = time.time() - 1, plates_of(20, 50)
    with relay_to(installation.asked["ports"]["gate"]) as relay:
        service = started(ordinary(8192, lane={"gate": relay.url}, alerts={"json": "yes"}, **QUICK))
        service.post("plain", plain(LISTED, image=PICTURE))
        eventually(service.alerts)
        relay.cut()
        for plate in plates:
            assert service.post("plain", plain(plate, image=PICTURE))["new"] == 1
        with socket.create_connection(("127.0.0.1", service.port)) as wire:
            wire.sendall(request_of(b'{"plate": "QQ97HLF", "note": "', length=1000))
            eventually(lambda: service.status()["memory"]["messages_bytes"] > 0)
            service.kill()
        words = [plate.encode() for plate in (LISTED, "QQ97HLF", *plates)]
        assert service.log in holding([b"reader/north/2 listens"], begin, service.folder)  # they would be found
        assert not holding(words, begin, service.folder)
        assert not [line for line in Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:] if line.split()[4] == str(service.pid)]
        relay.join()
        # The next one: what the engine was told was taken, and was not yet asked about, is lost.
        started(service)
        assert answers(service)["asked"] == 0 and service.get("/alerts?after=0")["alerts"] == []
        service.post("plain", plain(plates[0]))
        service.post("plain", plain(LISTED))
        eventually(lambda: answers(service)["clear"] == 1 and answers(service)["hits"] == 1)
        assert service.stop() == 0
    # Operators see two runs, and no goodbye of the first; the agency one hit.
    told = eventually(lambda: (lane := lane_at(installation)) and lane["report"]["ending"] and lane)
    assert "twice" not in told["alarms"] and told["report"]["totals"]["reads"] >= told["report"]["run"]["reads"] == 2
    assert len({alert["hit"] for alert in service.alerts()}) == 1


@pytest.mark.parametrize("moment_ms", [0, 3, 10, 40])
def test_killed_while_it_works(ordinary, moment_ms):
    """At whatever moment: the next one begins on the same port, with the same files, and alerts."""
    service = started(ordinary(8192, **QUICK))
    port = service.port
    stop = threading.Event()

    def post(start):
        for plate in plates_of(200, start):
            with contextlib.suppress(OSError):
                service.post("plain", plain(plate, image=PICTURE))
            if stop.is_set():
                return

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(post, 200 * number) for number in range(4)]
        service.post("plain", plain(LISTED, image=PICTURE))
        time.sleep(moment_ms / 1000)
        service.kill()
        stop.set()
        for one in posts:
            one.result()
    service.config.write_text(service.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    with contextlib.suppress(FileNotFoundError):
        service.out.unlink()
    started(service)
    assert service.port == port
    service.post("plain", plain(LISTED))
    eventually(lambda: [one for one in service.lines() if json.loads(one)["grade"] == "full"])
    assert service.stop() == 0


# -- two of them ------------------------------------------------------------------------------------------------------------------------


def test_a_double(installation, hot_list, tmp_path):
    """With the same settings it has no port; with another port it works, and operators have an alarm."""
    del hot_list
    name = "reader/south/1"
    with installation.lane_service(name, tmp_path / "one", **LOUD) as one:
        address = {"listen": {"address": f"127.0.0.1:{one.port}"}}
        with pytest.raises(AddressInUse):
            installation.lane_service(name, tmp_path / "two", **LOUD, **address).start()
        assert "listen" in (tmp_path / "two/log").read_text()
        with installation.lane_service(name, tmp_path / "three", **LOUD) as three:
            def alarms():
                return {alarm["why"] for alarm in installation.get("/v1/status", OLGA).json()["alarms"] if (alarm.get("site"), alarm.get("lane")) == ("south", "1")}
            eventually(lambda: "twice" in alarms())
            for service in (one, three):
                service.post("plain", plain(LISTED))
                assert eventually(service.alerts)[0]["grade"] == "full"
