"""hmac-sha256, by configuration: the whole way of a read, and what only this suite can: a lane that goes on without its key server."""
import json
import os
import subprocess

import pytest

import plates
from house import assert_problem, eventually
from test_partial_plates import partial_plates_hit
from test_suite_voprf import lane, push

SUITE = "hmac-sha256"
INSTALLATION = {"keys.keyd.suite": SUITE}
ANA, READER = "agency/customs/ana", "reader/north/1"


@pytest.fixture(scope="module")
def listed(installation, tmp_path_factory):
    """A list at `near` with two plates on it; its name."""
    house, name = installation, "hmac-way"
    house.platesieve("--as", ANA, "list", "create", name, "--category", "stolen", "--grade", "near", "--ends", "30d", "--instruction", "Look again")
    house.approve(name)
    push(house, name, "plate,jurisdiction,reference\nQQ71XX71,NL,case 71\nQQ72XX72,NL,\n", tmp_path_factory.mktemp("listed"))
    return name


def test_the_way_of_a_read(installation, listed):
    house = installation
    assert {epoch["suite"] for epoch in house.epochs(("open", "coming"))} == {SUITE}
    hits, unchecked, summary, _ = lane(house, "plate,jurisdiction\nqq-71-xx-71,NL\nQQ71XX71,DE\nQQ7IXX7I,NL\nQQ71XY71,NL\nQQ72XX72,NL\nQQ7777777,NL\n")
    assert [[alert["grade"] for alert in one["alerts"]] for one in hits] == [["full"], ["plate"], ["similar"], ["near"], ["full"]]
    assert (summary["alarms"], unchecked) == (0, []) and summary["reads"] == summary["cleared"] + summary["hits"] == 6
    found = eventually(lambda: [one for one in (json.loads(line) for line in house.platesieve(
        "--as", ANA, "hits", "--json", "--all", "--list", listed).stdout.splitlines()) if one.get("reference") == "case 71"])
    assert found[0]["grade"] == "full"


def test_reads_that_fit_a_partial_plate_hit(installation, tmp_path):
    partial_plates_hit(installation, tmp_path, "partial-hmac")


def test_who_makes_tokens_from_the_protocol_alone(installation, listed):
    """Keys are given out and fit their ids; what Python makes with them is found, and the tag is right."""
    house = installation
    epoch = house.epochs()[0]
    key = house.key(epoch["id"])
    assert plates.text64(plates.key_id(key)) == epoch["key_id"] and "public_key" not in epoch
    alert = house.check("QQ71XX71", "NL")["alerts"][0]
    assert plates.bytes64(alert["tag"]) == plates.tag(plates.prf(key, "full", "NL", "QQ71XX71")[16:], listed, "customs")
    assert house.check("ZZZ9999")["answer"] == "clear"
    assert_problem(house.post(f"/v1/epochs/{epoch['id']}/evaluate", READER, {"blinded": [plates.text64(key)]}, server="keys"), 404, "suite")


def test_a_lane_goes_on_without_the_key_server(installation, listed):
    house = installation
    with subprocess.Popen([str(house.programs / "platesieve"), "--as", READER, "lane", "--json"], text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **house.environment()}) as child:
        child.stdin.write("plate,jurisdiction\nQQ71XX71,NL\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["alerts"]
        with house.without("keys"):
            out, _ = child.communicate("QQ71XX71,NL\nQQ44444,NL\n", timeout=30)
    summary = json.loads(out.splitlines()[-1])["summary"]
    assert (child.returncode, summary["hits"], summary["cleared"], summary["unchecked"]) == (0, 2, 1, 0)
