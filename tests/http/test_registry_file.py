"""The file of registered names and those who change it: broken files, restarts, the daemons' own command, many at once."""
import concurrent.futures
import json
import os
import pwd
import re
import threading
import time

import pytest

from house import assert_problem, eventually
from registration import INES, KIM, OLGA, OPERATOR, QUOTAS, READER, command, fresh, names, path_of, registry, stranger

INSTALLATION = QUOTAS
BOTH = pytest.mark.parametrize("server", ("gate", "keys"))


@BOTH
def test_a_broken_file_changes_nothing(installation, server):
    """Who was registered stays so, nobody else comes in, and everybody who looks is told."""
    file, log, name = registry(installation, server), installation.folder / f"log/{server}.log", stranger(installation, fresh())
    good, before = file.read_text(), names(installation, server)
    evil = (b"garbage\n", good.encode()[:-5], (good + f"[{name}]\n[reader/North/1]\n").encode(), (good + f"[{name}]\n[evidence/a/1]\n").encode(),
            f"[{name}]\n\0\n".encode(), b"[" * 5_000_000, None)
    try:
        for number, content in enumerate(evil):
            said = len(log.read_text())
            if content is None:
                file.unlink()
            else:
                file.write_bytes(content)
            eventually(lambda said=said: "registry is not usable" in log.read_text()[said:], 3)
            assert names(installation, server) == before, number
            assert_problem(installation.get("/livez", name, server=server), 403, "unregistered")
            assert_problem(installation.put(path_of(name), OPERATOR[server], "{}", server=server), 503, "registry")
            status = installation.get("/v1/status", INES, server=server).json()
            assert status["registry"]["broken"] and "registry" in status["degraded"]
            assert installation.metrics(server)['platesieve_alarm{what="registry"}'] == 1
            assert installation.ready(server)["ready"]  # it does its work
    finally:
        file.write_text(good)
        file.chmod(0o600)
    eventually(lambda: not installation.get("/v1/status", INES, server=server).json()["registry"]["broken"], 3)
    assert installation.metrics(server)['platesieve_alarm{what="registry"}'] == 0
    assert names(installation, server) == before


@BOTH
def test_does_not_start_without(new_installation, server):
    house = new_installation(start=False)
    house.start((server,) if server == "keys" else ("db", "gate"))
    house.stop((server,))
    file = registry(house, server)
    good = file.read_text()
    for content, why in ((None, "No such file"), ("garbage\n", "line 1: "), (good + "[evidence/customs/1]\n", "no use for names"), (good[:-3], "cut off"),
                         (good + "[reader/north/1]\n", "there already")):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_text(content)
        done = command(house, server, "run", code=2)
        assert str(file) in done.stderr and why in done.stderr, done.stderr
    file.write_text(good)
    file.chmod(0o666)
    assert "chmod o-w" in command(house, server, "run", code=2).stderr
    file.unlink()
    file.mkdir()
    assert "plain file" in command(house, server, "run", code=2).stderr
    file.rmdir()
    config = house.folder / f"etc/{server}.conf"
    config.write_text(re.sub(r"^registry = .*\n", "", config.read_text(), flags=re.M))
    assert "registry: is missing" in command(house, server, "run", code=2).stderr


def test_nobody_registered(new_installation):
    """An empty file is one: the daemon runs, admits nobody, and says so; the command lets the first one in."""
    house = new_installation(start=False)
    registry(house, "keys").touch(mode=0o600)
    house.start(("keys",))
    assert "nobody is registered" in (house.folder / "log/keys.log").read_text()
    assert_problem(house.get("/livez", KIM, server="keys"), 403, "unregistered")
    command(house, "keys", "register", KIM)
    eventually(lambda: house.get("/v1/status", KIM, server="keys").status_code == 200, 2)
    by = house.get(path_of(KIM), KIM, server="keys").json()["by"]
    assert by == f"local/{pwd.getpwuid(os.getuid()).pw_name}"


def test_a_restart_keeps_it(new_installation):
    house = new_installation(QUOTAS, start=False)
    house.start(("keys",))
    kept, dropped = stranger(house, fresh()), READER
    assert house.put(path_of(kept), KIM, '{"quota": "busy"}', server="keys").status_code == 201
    assert house.delete(path_of(dropped), KIM, server="keys").status_code == 204
    before = names(house, "keys")
    house.stop(("keys",))
    house.forget_connections()
    house.start(("keys",))
    assert names(house, "keys") == before
    assert house.get("/livez", kept, server="keys").status_code == 200
    assert_problem(house.get("/livez", dropped, server="keys"), 403, "unregistered")


def test_the_command(installation):
    first, second = fresh(), fresh()
    assert "2 name(s)" in command(installation, "gate", "register", "--quota", "busy", first, second).stderr
    assert "0 name(s)" in command(installation, "gate", "register", first).stderr  # it keeps its profile
    told = {one["name"]: one for one in json.loads(command(installation, "gate", "registered", "--json").stdout)["identities"]}
    assert told[first]["quota"] == told[second]["quota"] == "busy" and told[first]["by"].startswith("local/")
    assert re.search(rf"^{re.escape(first)} +busy ", command(installation, "gate", "registered").stdout, re.M)
    assert "is not registered" in command(installation, "gate", "unregister", first, fresh(), code=1).stderr
    assert first in command(installation, "gate", "registered").stdout  # all or nothing
    command(installation, "gate", "unregister", first, second)
    assert first not in command(installation, "gate", "registered").stdout
    for wrong in (("register",), ("registered", "x"), ("register", "--quota", "A B", first), ("unregister", "--quota", "a", first), ("register", "--json", first),
                  ("register", first, "no name"), ("register", "--quota", "unheard-of", first), ("register", "--quota", "busy", first, fresh("agency/fresh"))):
        command(installation, "gate", *wrong, code=2)
    assert first not in command(installation, "gate", "registered").stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_file_keeps_its_owner(new_installation):
    """Root runs the command; the daemon, which does not run as root, must still be able to read and replace the file."""
    house = new_installation(start=False)
    file = registry(house, "keys")
    os.chown(file.parent, 65534, 65534)
    command(house, "keys", "register", KIM)
    for path in (file, file.with_name("keys.conf.lock")):
        assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777) == (65534, 65534, 0o600)
    os.chown(file, 1, 1)
    file.chmod(0o640)
    command(house, "keys", "register", READER)
    assert (file.stat().st_uid, file.stat().st_gid, file.stat().st_mode & 0o777) == (1, 1, 0o640)


# -- many at once ----------------------------------------------------------------------------------------------------------------------


def test_writers_at_once(installation):
    """Two operators and the command of the machine's owner: nobody's change is lost."""
    olaf = fresh("operator/gate")
    installation.issue(olaf)
    wanted = [fresh("reader/many") for _ in range(36)]

    def by_operator(name, identity):
        with installation.session(identity) as session:
            assert session.put(installation.url(path_of(name)), json={}, timeout=30).status_code == 201

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for number, name in enumerate(wanted):
            if number % 3 == 2:
                pool.submit(command, installation, "gate", "register", name)
            else:
                pool.submit(by_operator, name, (OLGA, olaf)[number % 3])
    eventually(lambda: set(wanted) <= set(names(installation, "gate")), 3)
    assert installation.get(path_of(olaf), OLGA).status_code == 200


def test_under_load(installation):
    """While names come and go, those that stay never notice, and one that went gets nothing more."""
    leaver, stop, seen = fresh(), threading.Event(), {}
    installation.issue(leaver)

    def ask_on(identity, key):
        seen[key] = []
        with installation.session(identity) as session:
            while not stop.is_set():
                seen[key].append(session.get(installation.url("/v1/lane"), timeout=30).status_code)

    askers = [threading.Thread(target=ask_on, args=(f"reader/{site}/{lane}", (site, lane))) for site in ("north", "south") for lane in (1, 2)]
    askers.append(threading.Thread(target=ask_on, args=(leaver, "leaver")))
    for asker in askers:
        asker.start()
    for _ in range(20):
        name = fresh("reader/passing")
        assert installation.put(path_of(name), OLGA, "{}").status_code == 201
        assert installation.delete(path_of(name), OLGA).status_code == 204
    assert installation.delete(path_of(leaver), OLGA).status_code == 204
    asked = len(seen["leaver"])
    time.sleep(0.5)
    stop.set()
    for asker in askers:
        asker.join()
    assert set(seen.pop("leaver")[asked + 1:]) == {403}
    for key, statuses in seen.items():
        assert len(statuses) > 20 and set(statuses) == {200}, key
