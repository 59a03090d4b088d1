"""Suppressions: an entry that makes no hit at one lane for a while, but a count; in force at once, ended by itself, and only by its agency."""
import json
import time

import pytest

from house import assert_problem, eventually, now_text
from test_hits import new_id, send

ANA, BEN = "agency/customs/ana", "agency/marshals/ben"
JSON = {"Content-Type": "application/json"}


def suppress(house, name, reference, site="north", lane="1", seconds=3600.0, identity=ANA, status=200, **more):
    body = {"reference": reference, "site": site, "lane": lane, "until": now_text(seconds), **more}
    answer = house.put(f"/v1/lists/{name}/suppressions", identity, json.dumps(body), headers=JSON)
    assert answer.status_code == status, answer.text
    return answer.json()


def shown(house, name, identity=ANA):
    answer = house.get(f"/v1/lists/{name}/suppressions", identity)
    assert answer.status_code == 200, answer.text
    return answer.json()["suppressions"]


def answer_of(house, plate, identity="reader/north/1"):
    return send(house, plate, new_id(), identity)["answer"]


def quiet(house, plate, identity="reader/north/1", seconds=1.0):
    """Until the lane is answered `clear`; it must be within a second."""
    begun = time.monotonic()
    eventually(lambda: answer_of(house, plate, identity) == "clear")
    assert time.monotonic() - begun < seconds + 0.5


def test_no_hit_at_that_lane_but_a_count(installation):
    name = installation.listed("QQ9001S", cooldown_s=0)
    made = suppress(installation, name, "ref-QQ9001S")
    assert made["in_force"] and made["matches"] == 0 and made["created_by"] == ANA and made["reference"] == "ref-QQ9001S"
    quiet(installation, "QQ9001S")
    eventually(lambda: installation.get("/v1/status", "auditor/ines").json()["spool"]["depth"] == 0)
    hits = len(installation.hits(name))  # of the milliseconds before
    before = installation.get("/v1/status", "auditor/ines").json()["checks"]
    told = send(installation, "QQ9001S", new_id())
    assert told.keys() == {"read_id", "answer"} and told["answer"] == "clear"
    after = installation.get("/v1/status", "auditor/ines").json()["checks"]
    assert after["cleared"] == before["cleared"] + 1 and after["hits"] == before["hits"] and after["covert"] == before["covert"]
    eventually(lambda: shown(installation, name)[0]["matches"] >= 2)
    assert len(installation.hits(name)) == hits
    assert answer_of(installation, "QQ9001S", "reader/north/2") == "hit"
    assert answer_of(installation, "QQ9001S", "reader/south/1") == "hit"
    counted = shown(installation, name)[0]["matches"]
    for _ in range(5):
        send(installation, "QQ9001S", new_id())
    eventually(lambda: shown(installation, name)[0]["matches"] == counted + 5)
    assert len(installation.wait_hits(hits + 2, name)) == hits + 2


def test_other_lists_and_entries_still_hit(installation):
    mine, theirs = installation.listed("QQ9002S"), installation.listed("QQ9002S", user=BEN)
    suppress(installation, mine, "ref-QQ9002S")
    eventually(lambda: [alert["list"] for alert in send(installation, "QQ9002S", new_id())["alerts"]] == [theirs])
    installation.push(mine, [{"plate": "QQ9012S", "jurisdiction": "US-TX", "reference": "other"}], mode="change")
    assert answer_of(installation, "QQ9012S") == "hit"


def test_it_stays_over_a_push(installation):
    name = installation.listed("QQ9003S")
    suppress(installation, name, "ref-QQ9003S")
    quiet(installation, "QQ9003S")
    installation.push(name, [{"plate": "QQ9003S", "jurisdiction": "US-TX", "reference": "ref-QQ9003S"}])
    assert answer_of(installation, "QQ9003S") == "clear"
    installation.push(name, [{"plate": "QQ9003S", "jurisdiction": "US-TX", "reference": "a new one"}])
    assert answer_of(installation, "QQ9003S") == "hit"


def test_ends_by_itself_and_may_be_removed(installation):
    name = installation.listed("QQ9004S")
    suppress(installation, name, "ref-QQ9004S", seconds=2.0)
    quiet(installation, "QQ9004S")
    time.sleep(2.1)
    assert answer_of(installation, "QQ9004S") == "hit"
    ended = shown(installation, name)
    assert len(ended) == 1 and not ended[0]["in_force"]
    again = suppress(installation, name, "ref-QQ9004S")
    assert again["suppression"] == ended[0]["suppression"] and again["matches"] == 0
    quiet(installation, "QQ9004S")
    path = f"/v1/lists/{name}/suppressions/{again['suppression']}"
    assert_problem(installation.delete(path, BEN), 404)
    assert installation.delete(path, ANA).status_code == 204
    eventually(lambda: answer_of(installation, "QQ9004S") == "hit", 1.5)
    assert_problem(installation.delete(path, ANA), 404)
    assert shown(installation, name) == []


def test_a_covert_lists_suppression_shows_nowhere_at_the_lane(installation):
    name = installation.listed("QQ9005S", covert=True, cooldown_s=0)
    send(installation, "QQ9005S", new_id())
    assert len(installation.wait_hits(1, name)) == 1
    before = send(installation, "QQ9005S", new_id())
    suppress(installation, name, "ref-QQ9005S")
    eventually(lambda: (send(installation, "QQ9005S", new_id()), shown(installation, name)[0]["matches"])[1] > 0)
    after = send(installation, "QQ9005S", new_id())
    assert after.keys() == before.keys() and after["answer"] == before["answer"] == "clear" and name not in json.dumps(after)


@pytest.mark.parametrize("change", [{"reference": ""}, {"reference": "x" * 65}, {"reference": 1}, {"site": "North"}, {"lane": ""}, {"lane": "1/2"},
                                    {"until": "soon"}, {"until": now_text(-60)}, {"until": now_text(31 * 86400)}, {"plate": "ZZZ9999"}])
def test_bad_suppressions(installation, change):
    name = installation.new_list()
    body = {"reference": "r", "site": "north", "lane": "1", "until": now_text(60), **change}
    answer = installation.put(f"/v1/lists/{name}/suppressions", ANA, json.dumps(body), headers=JSON)
    assert_problem(answer, 400)
    assert "ZZZ9999" not in answer.text


def test_whose_and_of_what(installation):
    name = installation.listed("QQ9006S")
    suppress(installation, name, "ref-QQ9006S", identity=BEN, status=404)
    suppress(installation, "never-made", "r", status=404)
    suppress(installation, name, "no such entry", status=422)
    assert_problem(installation.get(f"/v1/lists/{name}/suppressions", BEN), 404)
    for number in (0, "x", 2**31):
        assert_problem(installation.delete(f"/v1/lists/{name}/suppressions/{number}", ANA), 404)
    assert answer_of(installation, "QQ9006S") == "hit"


def test_no_more_than_a_list_may_have(installation):
    name = installation.listed("QQ9007S")
    number = installation.one(f"SELECT number FROM platesieve.lists WHERE id = '{name}'")
    installation.sql("INSERT INTO platesieve.suppressions (list, entry, site, lane, until_at, reference, created_by, mac)"
                     f" SELECT {number}, n, 'north', '1', now() + interval '1 hour', 'r', 'x', decode(repeat('00', 32), 'hex') FROM generate_series(1, 256) n")
    assert suppress(installation, name, "ref-QQ9007S", status=409)["type"].endswith("/too-many")
    installation.sql(f"DELETE FROM platesieve.suppressions WHERE list = {number} AND entry = 1")
    suppress(installation, name, "ref-QQ9007S")
    suppress(installation, name, "ref-QQ9007S", seconds=60)  # the same again takes no room
    assert suppress(installation, name, "ref-QQ9007S", lane="2", status=409)["type"].endswith("/too-many")
    installation.sql(f"DELETE FROM platesieve.suppressions WHERE list = {number}")


def test_a_row_that_no_gate_made_silences_nothing(installation):
    name = installation.listed("QQ9008S", cooldown_s=0)
    made = suppress(installation, name, "ref-QQ9008S", lane="2")
    quiet(installation, "QQ9008S", "reader/north/2")
    installation.sql("INSERT INTO platesieve.suppressions (list, entry, site, lane, until_at, reference, created_by, mac)"
                     " SELECT list, entry, site, '1', until_at, reference, created_by, mac FROM platesieve.suppressions"
                     f" WHERE number = {made['suppression']}")
    installation.sql("UPDATE platesieve.suppressions SET until_at = until_at + interval '1 hour' WHERE number = " + str(made["suppression"]))
    installation.sql("UPDATE platesieve.head SET version = version + 1")
    eventually(lambda: answer_of(installation, "QQ9008S", "reader/north/2") == "hit")
    assert answer_of(installation, "QQ9008S") == "hit"
    assert "not made by a gate" in (installation.folder / "log/gate.log").read_text()


def test_client(installation, tmp_path):
    name = installation.new_list()
    file = tmp_path / "list.csv"
    file.write_text("plate,jurisdiction,reference\nQQ9009S,US-TX,case 18\n")
    installation.platesieve("--as", ANA, "list", "push", name, file)
    eventually(lambda: answer_of(installation, "QQ9009S") == "hit")
    told = installation.platesieve("--as", ANA, "list", "suppress", name, "case 18", "--lane", "north/1", "--days", "3").stdout
    assert "case 18" in told and "north/1" in told
    quiet(installation, "QQ9009S")
    made = json.loads(installation.platesieve("--as", ANA, "--json", "list", "suppressions", name).stdout)
    assert made["reference"] == "case 18" and made["reference_sent"] != "case 18" and made["in_force"]
    assert "no entry" in installation.platesieve("--as", ANA, "list", "suppress", name, "case 19", "--lane", "north/1", code=5).stderr
    said = installation.platesieve("--as", ANA, "list", "suppress", name, "case 18", "--lane", "north/1", "--days", "31", code=5).stderr
    assert "lets it last 30 days at most" in said
    assert "again" in installation.platesieve("--as", ANA, "list", "unsuppress", name, "case 18", "--lane", "north/1").stdout
    installation.platesieve("--as", ANA, "list", "unsuppress", name, "case 18", "--lane", "north/1", code=5)
    eventually(lambda: answer_of(installation, "QQ9009S") == "hit")
    clear = installation.listed("QQ9010S")  # references as they are
    installation.platesieve("--as", ANA, "list", "suppress", clear, "ref-QQ9010S", "--lane", "north/1", "--until", now_text(600))
    quiet(installation, "QQ9010S")
    for words in ((name,), (name, "x"), (name, "x", "--lane", "north"), (name, "x", "--lane", "a/b/c"), (name, "x", "--lane", "north/1", "--days", "0"),
                  (name, "x", "y", "--lane", "north/1"), (name, "x", "--lane", "north/1", "--until", "never")):
        installation.platesieve("--as", ANA, "list", "suppress", *words, code=2)


def test_a_lane_that_does_not_exist_is_told(installation):
    """It may come yet, so it is taken; but whoever wrote north/11 for north/1 hears of it, at once and in the listing."""
    house, name = installation, installation.new_list()
    house.push(name, [{"plate": "QQ9002S", "reference": "case-1"}])
    for lane, known in (("north/1", True), ("north/11", False)):
        done = house.platesieve("--as", ANA, "list", "suppress", name, "case-1", "--lane", lane)
        assert ("no lane north/11 is registered" in done.stderr) == (not known), done.stderr
        assert json.loads(house.platesieve("--as", ANA, "list", "suppress", name, "case-1", "--lane", lane, "--json").stdout)["lane_known"] is known
    listing = house.platesieve("--as", ANA, "list", "suppressions", name).stdout.splitlines()
    assert [("no such lane" in line) for line in sorted(listing, key=lambda line: "north/11" in line)] == [False, True]
    assert {one["lane"]: one["lane_known"] for one in shown(house, name)} == {"1": True, "11": False}
