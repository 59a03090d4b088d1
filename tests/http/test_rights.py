"""What an agency's identity may do: push lists, view hits, decrypt evidence.  Said when its name is registered, in force within a second."""
import json

import pytest

from house import assert_problem, eventually
from registration import INES, OLGA, OPERATOR, command, fresh, names, path_of, registry, stranger
from wire import Wire, problem

BOTH = pytest.mark.parametrize("server", ("gate", "keys"))
PURPOSE = {"Platesieve-Purpose": "test"}


def user(house, *rights):
    """Another identity of the agency customs, with RIGHTS everywhere."""
    name = stranger(house, fresh("agency/customs"))
    command(house, "gate", "register", "--rights", ",".join(rights), name)
    command(house, "keys", "register", "--rights", ",".join(rights), name)
    eventually(lambda: house.get("/livez", name).status_code == house.get("/livez", name, server="keys").status_code == 200, 3)
    return name


def refused(answer, *rights):
    assert assert_problem(answer, 403, "right")["rights"] == list(rights)


def test_who_only_pushes_sees_no_hits(installation):
    house = installation
    name = user(house, "push")
    listed = house.listed("QQ11RR", user=name)
    refused(house.get("/v1/hits", name, headers=PURPOSE), "view")
    assert house.get(f"/v1/lists/{listed}", name).status_code == 200
    assert house.get("/v1/hits", "agency/customs/eva", headers=PURPOSE).status_code == 200


def test_who_only_views_changes_nothing(installation):
    house = installation
    name, listed = user(house, "view"), house.new_list()
    assert house.get("/v1/hits", name, headers=PURPOSE).status_code == 200
    assert house.get(f"/v1/lists/{listed}", name).status_code == 200
    before = house.list_object(listed)
    for method, path in (("POST", "/v1/lists"), ("POST", f"/v1/lists/{listed}/revisions"), ("PUT", f"/v1/lists/{listed}/revisions/1/parts/1"),
                         ("POST", f"/v1/lists/{listed}/revisions/1/commit"), ("DELETE", f"/v1/lists/{listed}/revisions/1")):
        body = {} if method == "DELETE" else {"data": b"{}"}
        refused(house.request(method, path, name, **body), "push")
    assert house.list_object(listed) == before
    epoch = house.epochs()[0]["id"]
    refused(house.post(f"/v1/epochs/{epoch}/evaluate", name, {"blinded": []}, server="keys"), "push")
    refused(house.get(f"/v1/epochs/{epoch}/key", name, server="keys"), "push")
    assert house.get("/v1/epochs", name, server="keys").status_code == 200


def test_who_only_decrypts(installation):
    house = installation
    name, listed = user(house, "decrypt"), house.new_list()
    refused(house.get("/v1/hits", name, headers=PURPOSE), "view")
    refused(house.get("/v1/lists", name), "push", "view")
    refused(house.get(f"/v1/lists/{listed}", name), "push", "view")


def test_rights_are_of_agencies(installation):
    """Nobody else's name has any, and nobody else needs one."""
    house = installation
    for name in (fresh(), fresh("auditor"), fresh("operator/gate")):
        assert_problem(house.put(path_of(name), OLGA, '{"rights": ["push"]}'), 400, "bad-field")
        assert "only names of agencies" in command(house, "gate", "register", "--rights", "push", name, code=2).stderr
        assert name not in names(house, "gate")
    assert house.get("/v1/lists", OLGA).status_code == house.get("/v1/lists", INES).status_code == 200
    assert "rights" not in names(house, "gate")[OLGA]
    assert house.post(f"/v1/epochs/{house.epochs()[0]['id']}/evaluate", "reader/north/1", {"blinded": []}, server="keys").status_code != 403


@BOTH
def test_what_operators_say_and_see(installation, server):
    house, name = installation, fresh("agency/fresh")
    told = house.put(path_of(name), OPERATOR[server], "{}", server=server)
    assert told.status_code == 201 and told.json()["rights"] == ["push", "view", "decrypt"]
    told = house.put(path_of(name), OPERATOR[server], '{"rights": ["decrypt", "push"]}', server=server)
    assert told.status_code == 200 and told.json()["rights"] == ["push", "decrypt"]
    assert f"changed the registration of {name}, quota agency, rights push decrypt" in (house.folder / f"log/{server}.log").read_text()
    assert house.put(path_of(name), OPERATOR[server], "{}", server=server).json()["rights"] == ["push", "decrypt"]  # they stay
    assert names(house, server)[name]["rights"] == ["push", "decrypt"]
    for bad in ('[]', '["push", "push"]', '["Push"]', '["all"]', '"push"', 'null', '["push", 1]', '{}'):
        assert_problem(house.put(path_of(name), OPERATOR[server], f'{{"rights": {bad}}}', server=server), 400, "bad-field")
    assert names(house, server)[name]["rights"] == ["push", "decrypt"]
    assert f"[{name}]\nrights = push decrypt\n" in registry(house, server).read_text()
    listed = {one["name"]: one for one in json.loads(command(house, server, "registered", "--json").stdout)["identities"]}
    assert listed[name]["rights"] == ["push", "decrypt"]
    assert house.delete(path_of(name), OPERATOR[server], server=server).status_code == 204


@pytest.mark.parametrize("how", ("command", "operator"))
def test_in_force_on_an_open_connection(installation, how):
    house = installation
    name = user(house, "push", "view")
    with Wire(house, name) as wire:
        def ask():
            wire.send(b"GET /v1/hits HTTP/1.1\r\nHost: localhost\r\nPlatesieve-Purpose: test\r\n\r\n")
            return wire.answer()

        assert ask()[0] == 200
        if how == "operator":
            assert house.put(path_of(name), OLGA, '{"rights": ["push"]}').status_code == 200
            assert problem(ask()) == (403, "right")
        else:
            command(house, "gate", "register", "--rights", "push", name)
            eventually(lambda: ask()[0] == 403, 1)
        assert wire.ask("GET", "/v1/lists")[0] == 200  # the connection stays: the name is still welcome
        assert house.put(path_of(name), OLGA, '{"rights": ["view"]}').status_code == 200
        assert ask()[0] == 200


def test_the_client(installation):
    house, name = installation, stranger(installation, fresh("agency/customs"))
    house.platesieve("registry", "add", name, "--rights", "view")
    for server in ("gate", "keys"):
        assert names(house, server)[name]["rights"] == ["view"]
    assert "view" in next(line for line in house.platesieve("registry", "list", "--at", "gate").stdout.splitlines() if name in line)
    done = house.platesieve("--as", name, "list", "create", "mine", "--category", "test", code=5)
    assert "403 right" in done.stderr and f"{name} has not the right to push at the gate" in done.stderr
    assert f"platesieve registry add {name} --rights" in done.stderr
    house.platesieve("registry", "add", name, "--rights", "push,view")
    house.platesieve("--as", name, "list", "create", f"{name.rpartition('/')[2]}", "--category", "test")
    for wrong in ("", "push,push", "all", "push view", "push,view,decrypt,more"):
        house.platesieve("registry", "add", name, "--rights", wrong, code=2)
    house.platesieve("registry", "add", name, fresh(), "--rights", "push", code=2)
    assert names(house, "gate")[name]["rights"] == ["push", "view"]


def test_rights_do_not_let_in(installation):
    """A name without registration has none."""
    name = stranger(installation, fresh("agency/customs"))
    assert_problem(installation.get("/v1/hits", name, headers=PURPOSE), 403, "unregistered")


def test_who_only_pushes_sends_no_hits_elsewhere(installation):
    """A webhook carries hits out: it takes the right to see them."""
    for method, path in ((installation.get, "/v1/webhooks"), (installation.get, "/v1/webhooks/desk"), (installation.delete, "/v1/webhooks/desk")):
        refused(method(path, user(installation, "push")), "view")
