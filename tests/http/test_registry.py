"""Registration: each daemon admits the names that its own operator registered, and nobody else, whoever signed the certificate."""
import contextlib
import json
import re
import ssl
import subprocess
import time

import pytest
import requests

from cluster import BIN
from house import assert_problem, eventually
from registration import ANA, INES, KIM, OLGA, OPERATOR, QUOTAS, READER, command, forged, fresh, gone_within, names, numbers, path_of, registry, routes, stranger
from wire import Wire, problem

INSTALLATION = QUOTAS
BOTH = pytest.mark.parametrize("server", ("gate", "keys"))


# -- who is not registered -------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("role", ("reader/north", "agency/customs", "operator/gate", "operator/keys", "auditor", "node"))
def test_a_good_certificate_is_not_enough(installation, server, role):
    """Nothing on any route, nor where there is none; and what was asked is not repeated."""
    name = stranger(installation, f"{role}/x{next(numbers)}")
    before = installation.metrics(server)["platesieve_unregistered_total"]
    asked = routes(installation, server) + [("GET", "/v1/nothing"), ("PATCH", "/v1/lane")]
    assert len(asked) > 10
    for method, path in asked:
        with Wire(installation, name, server) as wire:
            body = b"{}" if method in ("POST", "PUT") else b""
            answer = wire.ask(method, path.replace("{}", "x"), body)
            assert problem(answer) == (403, "unregistered"), (method, path)
            assert answer[1]["connection"] == "close" and wire.ended()
            assert name.rpartition("/")[2].encode() not in answer[2]
    assert installation.metrics(server)["platesieve_unregistered_total"] == before + len(asked)
    assert f"as it is not registered: {role}/" in (installation.folder / f"log/{server}.log").read_text()


@BOTH
def test_a_large_body_from_a_stranger(installation, server):
    name = stranger(installation, fresh())
    with Wire(installation, name, server) as wire:
        wire.send(b"POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000000\r\n\r\n")
        assert problem(wire.answer()) == (403, "unregistered")
        assert wire.ended()


def test_registered_at_one_only(installation):
    name = stranger(installation, fresh())
    installation.register(name, daemons=("keys",))
    eventually(lambda: installation.get("/livez", name, server="keys").status_code == 200, 2)
    assert_problem(installation.get("/v1/lane", name), 403, "unregistered")
    installation.register(name, daemons=("gate",))
    installation.unregister(name, daemons=("keys",))
    eventually(lambda: installation.get("/v1/lane", name).status_code == 200, 2)
    eventually(lambda: installation.get("/v1/epochs", name, server="keys").status_code == 403, 2)


def test_each_daemon_has_its_own_operators(installation):
    for server, stranger_here in (("gate", KIM), ("keys", OLGA)):
        for method, path in (("GET", "/v1/identities"), ("PUT", path_of(fresh())), ("DELETE", path_of(READER)), ("GET", "/v1/status")):
            answer = installation.request(method, path, stranger_here, server=server, **({"json": {}} if method == "PUT" else {}))
            assert_problem(answer, 403, "unregistered")
        assert READER in names(installation, server)


# -- whole names -----------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("other", ("reader/trick/1", "reader/trick/123", "reader/trick/12.1", "reader/trick.12/12", "reader/tric/12", "agency/trick/12",
                                   "reader/12/trick", "auditor/trick"))
def test_names_that_are_nearly_it(installation, tmp_path, server, other):
    if "reader/trick/12" not in names(installation, server):
        assert installation.put(path_of("reader/trick/12"), OPERATOR[server], "{}", server=server).status_code == 201
    with Wire(installation, files=forged(installation, tmp_path, "reader/trick/12"), server=server) as wire:
        assert wire.ask("GET", "/livez")[0] == 200
    with Wire(installation, files=forged(installation, tmp_path, other), server=server) as wire:
        assert problem(wire.ask("GET", "/livez")) == (403, "unregistered")


def test_names_that_are_none(installation):
    """No case but the lower, no pattern, nothing that the file could take for something else."""
    before = registry(installation, "gate").read_bytes()
    for name in ("reader/North/1", "Reader/north/1", "reader/north/*", "reader/north/", "reader//1", "reader/north/1]", "reader/north/1\n[auditor/x]", "reader/../1",
                 "root/x/y", "reader/north/" + "a" * 49, " reader/north/1", "evidence/customs/1"):
        command(installation, "gate", "register", "--", name, code=2)
        answer = installation.put("/v1/identities/" + requests.utils.quote(name, safe="/"), OLGA, "{}")
        assert answer.status_code in (404, 422), (name, answer.text)
    assert registry(installation, "gate").read_bytes() == before


def test_roles_that_have_nothing_to_ask(installation):
    for server, useless in (("gate", ("operator/keys/kim", "evidence/customs/1")), ("keys", ("operator/gate/olga", "evidence/customs/1"))):
        for name in useless:
            assert_problem(installation.put(path_of(name), OPERATOR[server], "{}", server=server), 422, "name")
            assert "no use" in command(installation, server, "register", name, code=2).stderr
            assert name not in names(installation, server)


# -- in force within a second ----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("how", ("command", "operator", "revoked"))
def test_shut_out_on_an_open_connection(installation, server, how):
    name = fresh()
    installation.issue(name)
    with Wire(installation, name, server) as wire, Wire(installation, READER, server) as other:
        assert wire.ask("GET", "/livez")[0] == other.ask("GET", "/livez")[0] == 200
        if how == "command":
            installation.unregister(name)
        elif how == "revoked":
            installation.run("platesieve", "ca", "revoke", "--pki", installation.pki, name)
        else:
            assert installation.delete(path_of(name), OPERATOR[server], server=server).status_code == 204
        answer = gone_within(wire, 0.05 if how == "operator" else 1.0)
        assert problem(answer) == (403, "revoked" if how == "revoked" else "unregistered")
        assert wire.ended()
        assert other.ask("GET", "/livez")[0] == 200  # nobody else is touched
    if how != "revoked":  # else the handshake fails: test_tls.py
        with Wire(installation, name, server) as wire:
            assert problem(wire.ask("GET", "/livez")) == (403, "unregistered")


@BOTH
def test_those_who_are_not_registered_are_few(installation, server):
    """They hold 64 connections at a time, and nobody else's."""
    house, name = installation, stranger(installation, fresh())
    with contextlib.ExitStack() as held:
        for _ in range(64):
            with contextlib.suppress(OSError):  # some of an earlier test may still be there
                held.enter_context(Wire(house, name, server)).send(b"GET /liv")
        eventually(lambda: turned_away(house, name, server))
        with Wire(house, READER, server) as other:
            assert other.ask("GET", "/livez")[0] == 200
    eventually(lambda: not turned_away(house, name, server))


def turned_away(house, name, server):
    try:
        with Wire(house, name, server) as wire:
            return wire.ask("GET", "/livez") is None
    except (ssl.SSLError, ConnectionError):
        return True


def test_shut_out_while_the_body_comes(installation):
    name = fresh()
    installation.issue(name)
    with Wire(installation, name) as wire:
        wire.send(b"POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{")
        time.sleep(0.1)
        assert installation.delete(path_of(name), OLGA).status_code == 204
        wire.send(b"}")
        assert problem(wire.answer()) == (403, "unregistered")
        assert wire.ended()


def test_shut_out_while_it_waits(installation):
    """What was found for somebody who is not admitted any more is not told."""
    name = fresh("agency/fresh")
    installation.issue(name)
    lock = subprocess.Popen([str(BIN / "psql"), "-X", "-q", "-h", installation.cluster.socket, "-U", "postgres", "-d", "platesieve", "-c",
                             "BEGIN; LOCK TABLE platesieve.feed_days IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT"], stdout=subprocess.DEVNULL)
    with Wire(installation, name) as wire:
        eventually(lambda: installation.sql("SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'platesieve.feed_days'::regclass"))
        wire.send(b"GET /v1/hits HTTP/1.1\r\nHost: localhost\r\nPlatesieve-Purpose: test\r\n\r\n")
        time.sleep(0.2)
        assert installation.delete(path_of(name), OLGA).status_code == 204
        assert lock.poll() is None
        assert problem(wire.answer()) == (403, "unregistered")
        assert wire.ended()
    assert lock.wait(10) == 0


def test_let_in_again(installation):
    name = fresh()
    installation.issue(name)
    for _ in range(3):
        assert installation.delete(path_of(name), OLGA).status_code == 204
        assert_problem(installation.get("/v1/lane", name), 403, "unregistered")
        assert installation.put(path_of(name), OLGA, '{"quota": "busy"}').status_code == 201
        assert installation.get("/v1/lane", name).status_code in (200, 503)


# -- for operators ---------------------------------------------------------------------------------------------------------------


def without_use(told):
    """What is registered, without what was used of the quota (test_quota.py)."""
    return {key: value for key, value in told.items() if key != "use"}


@BOTH
def test_what_operators_see(installation, server):
    for name, parts in ((fresh("reader/seen"), ("site", "lane")), (fresh("agency/seen"), ("agency", "user")), (fresh("auditor"), ("user",))):
        answer = installation.put(path_of(name), OPERATOR[server], "{}", server=server)
        assert answer.status_code == 201
        told = without_use(answer.json())
        assert "/".join([told["role"], *(told[part] for part in parts)]) == told["name"] == name
        assert told["quota"] == {"reader": "lane", "agency": "agency"}.get(told["role"], "none")
        assert told["by"] == OPERATOR[server] and re.fullmatch(r"20\d\d-.*Z", told["since"])
        for identity in (OPERATOR[server], INES):
            assert without_use(installation.get(path_of(name), identity, server=server).json()) == told
        other = {"reader": "busy", "agency": "bulk"}.get(told["role"], "none")
        changed = installation.put(path_of(name), OPERATOR[server], json.dumps({"quota": other}), server=server)
        assert changed.status_code == 200 and without_use(changed.json()) == {**told, "quota": other} == without_use(names(installation, server)[name])
        assert without_use(installation.put(path_of(name), OPERATOR[server], "{}", server=server).json())["quota"] == other  # it keeps it
        log = (installation.folder / f"log/{server}.log").read_text()
        assert f"{OPERATOR[server]} registered {name}, quota " in log and f"changed the registration of {name}, quota {other}" in log
        assert installation.delete(path_of(name), OPERATOR[server], server=server).status_code == 204
        assert f"{OPERATOR[server]} removed the registration of {name}" in (installation.folder / f"log/{server}.log").read_text()
        assert_problem(installation.get(path_of(name), INES, server=server), 404, "not-found")
        assert_problem(installation.delete(path_of(name), OPERATOR[server], server=server), 404, "not-found")
    assert sorted(names(installation, server)) == list(names(installation, server))
    assert installation.get("/v1/status", INES, server=server).json()["registry"] == {"names": len(names(installation, server)), "broken": False}


def test_slashes_may_be_written_so(installation):
    name = fresh()
    assert installation.put("/v1/identities/" + name.replace("/", "%2F"), OLGA, "{}").status_code == 201
    assert name in names(installation, "gate")
    assert installation.get(path_of(name), OLGA).json()["name"] == name
    assert installation.get("/v1/identities/auditor/ines", OLGA).json()["name"] == INES  # nothing is left of the request before


def test_a_body_that_is_none(installation):
    name = fresh()
    for body in ('{"quota": ""}', '{"quota": "a b"}', '{"quota": "A"}', '{"quota": 1}', '{"quota": null}', '{"quota": "lane", "role": "agency"}',
                 '{"quota": "' + "a" * 49 + '"}', '{"site": "north"}', '{"quota": "unheard-of"}', '{"quota": "bulk"}', '{"quota": "none"}'):
        assert_problem(installation.put(path_of(name), OLGA, body), 400, "bad-field")
    for body in ("", "[]", "{", '{"quota": "a\\u0000b"}', '{"quota": "a", "quota": "b"}'):
        assert_problem(installation.put(path_of(name), OLGA, body), 400, "bad-json")
    assert_problem(installation.put(path_of(name), OLGA, " " * 1025), 413, "body-too-large")
    assert_problem(installation.put(path_of(name) + "?force=1", OLGA, "{}"), 400, "bad-query")
    assert name not in names(installation, "gate")


@BOTH
def test_only_operators_change_it(installation, server):
    name = fresh()
    for identity in (INES, READER, ANA):
        assert_problem(installation.put(path_of(name), identity, "{}", server=server), 403, "forbidden")
        assert_problem(installation.delete(path_of(READER), identity, server=server), 403, "forbidden")
    for identity in (READER, ANA):
        assert_problem(installation.get("/v1/identities", identity, server=server), 403, "forbidden")
        assert_problem(installation.get(path_of(identity), identity, server=server), 403, "forbidden")
    assert name not in names(installation, server) and READER in names(installation, server)


@BOTH
def test_the_last_operator_stays(installation, server):
    me, role = OPERATOR[server], OPERATOR[server].rpartition("/")[0]
    second = fresh(role)
    assert_problem(installation.delete(path_of(me), me, server=server), 409, "last-operator")
    installation.issue(second)
    assert installation.delete(path_of(me), me, server=server).status_code == 204  # one who leaves
    assert_problem(installation.get("/v1/status", me, server=server), 403, "unregistered")
    assert_problem(installation.delete(path_of(second), second, server=server), 409, "last-operator")
    assert installation.put(path_of(me), second, "{}", server=server).status_code == 201
    assert installation.delete(path_of(second), me, server=server).status_code == 204
    # Whoever owns the machine may do more, and is warned.
    assert "no operator" in command(installation, server, "unregister", me).stderr
    eventually(lambda: installation.get("/livez", me, server=server).status_code == 403, 2)
    command(installation, server, "register", me)
    eventually(lambda: installation.get("/livez", me, server=server).status_code == 200, 2)
