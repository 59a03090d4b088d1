"""platesieve registry: operators say at all their gates and key servers who is admitted."""
import json

from registration import INES, OLGA, QUOTAS, READER, fresh, names, stranger

INSTALLATION = QUOTAS


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_client(installation):
    house, name = installation, fresh()
    told = lines(house.platesieve("registry", "add", name, "--quota", "busy", "--json"))
    assert [(one["server"], one["name"], one["done"]) for one in told] == [("gate", name, "registered"), ("keys", name, "registered")]
    assert "changed" in house.platesieve("registry", "add", name, "--at", "keys", "--quota", "other").stdout
    house.platesieve("registry", "add", name)  # leaves it as it is
    for server, quota in (("gate", "busy"), ("keys", "other")):
        assert names(house, server)[name]["quota"] == quota
        assert name in house.platesieve("registry", "list", "--at", server).stdout
    assert [one["server"] for one in lines(house.platesieve("--as", INES, "registry", "list", "--json"))] == ["gate", "keys"]
    assert lines(house.platesieve("--as", OLGA, "registry", "remove", name, "--json")) == [{"server": "gate", "url": house.gate_url, "name": name, "done": "removed"}]
    assert name not in names(house, "gate") and name in names(house, "keys")
    done = house.platesieve("registry", "remove", name, code=5)
    assert f"{house.gate_url}, {name}" in done.stderr and "not-found" in done.stderr  # the other server was asked all the same
    assert name not in names(house, "keys")


def test_the_client_asks_whom_it_concerns(installation):
    house, node, operator = installation, fresh("node"), fresh("operator/gate")
    assert [one["server"] for one in lines(house.platesieve("registry", "add", node, operator, "--json"))] == ["gate", "keys"]
    assert operator in names(house, "gate") and node in names(house, "keys")
    assert node not in names(house, "gate") and operator not in names(house, "keys")
    assert [one["server"] for one in lines(house.platesieve("registry", "add", "node/ca", "--json"))] == ["gate"]
    assert "422 name" in house.platesieve("registry", "add", "--at", "gate", fresh("operator/keys"), code=5).stderr
    house.platesieve("--as", OLGA, "registry", "add", node, code=2)
    house.platesieve("registry", "remove", node, operator)
    assert "last-operator" in house.platesieve("registry", "remove", OLGA, code=5).stderr


def test_the_client_goes_on_to_the_next_server(installation):
    house, name = installation, fresh()
    gates = f"https://127.0.0.1:1,{house.gate_url}"
    done = house.platesieve("--gate", gates, "registry", "add", "--at", "gate", name, code=4)
    assert "127.0.0.1:1" in done.stderr and f"{house.gate_url}: registered {name}" in done.stdout
    house.platesieve("registry", "remove", "--at", "gate", name)


def test_the_client_says_what_is_wrong_with_a_profile(installation):
    for profile in ("nowhere", "agency"):
        done = installation.platesieve("registry", "add", fresh(), "--quota", profile, code=5)
        assert done.stderr.count(f"has no quota profile {profile} for this role") == 2  # gate, key server


def test_the_clients_usage(installation):
    house = installation
    for wrong in (("add",), ("add", "reader/north"), ("add", "evidence/customs/1"), ("add", "--at", "home", READER), ("add", "--quota", "A", READER),
                  ("remove",), ("remove", "--quota", "a", READER), ("list", "x"), ("move",), ()):
        house.platesieve("registry", *wrong, code=2)
    house.platesieve("--as", READER, "registry", "list", code=2)
    house.platesieve("--as", INES, "registry", "add", fresh(), code=2)


def test_a_lane_that_is_not_registered_says_so(installation):
    name = stranger(installation, fresh())
    done = installation.platesieve("--as", name, "lane", "--patience", "1", text="plate,jurisdiction\nQQ1XX1,NL\n", code=None)
    assert done.returncode not in (0, 3) and "unregistered" in done.stderr
    assert '"cleared":1' not in done.stdout
