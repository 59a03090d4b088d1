"""Verdicts: given by the agency, corrected, counted; a misread is erased from every table at once, and stays so."""
import json
import secrets

import pytest

import plates
from house import assert_problem, eventually
from test_hits import new_id, send

ANA, EVA, BEN = "agency/customs/ana", "agency/customs/eva", "agency/marshals/ben"
VERDICTS = ("confirmed", "misread", "wrong-jurisdiction", "stale-entry")


def judge(house, hit, verdict, identity=ANA, status=200, **more):
    answer = house.put(f"/v1/hits/{hit}/verdict", identity, json.dumps({"verdict": verdict, **more}), headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    return answer.json()


def one_hit(house, plate, identity="reader/north/1", **fields):
    """A new list, and a hit of it; returns both."""
    name = house.listed(plate, **fields)
    send(house, plate, new_id(), identity)
    return name, house.wait_hits(1, name)[0]


def drained(house):
    eventually(lambda: house.get("/v1/status", "auditor/ines").json()["spool"]["depth"] == 0)


def grades(house, name, user=ANA):
    """What is counted of a list, over all grades."""
    answer = house.get(f"/v1/lists/{name}/flags", user)
    assert answer.status_code == 200, answer.text
    total = {}
    for counts in answer.json()["grades"].values():
        for key, value in counts.items():
            total[key] = total.get(key, 0) + value
    return {key: value for key, value in total.items() if value}


def tables(house):
    """Every table and partition that holds rows."""
    return [row[0] for row in house.sql("SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'platesieve'::regnamespace AND c.relkind = 'r'")]


def test_verdict_is_told(installation):
    name, hit = one_hit(installation, "QQ8001V")
    assert hit["verdict"] is None
    told = judge(installation, hit["hit"], "confirmed", action="recovered")
    assert told["verdict"]["verdict"] == "confirmed" and told["verdict"]["action"] == "recovered" and told["verdict"]["by"] == ANA
    assert told == installation.hits(name)[0] == installation.get(f"/v1/hits/{hit['hit']}", ANA).json()
    assert grades(installation, name) == {"hits": 1, "reads": 1, "confirmed": 1}


def test_said_twice_and_corrected(installation):
    name, hit = one_hit(installation, "QQ8002V")
    first = judge(installation, hit["hit"], "confirmed", action="stopped")
    assert judge(installation, hit["hit"], "confirmed", action="stopped") == first
    assert judge(installation, hit["hit"], "confirmed", EVA, action="arrested")["verdict"]["by"] == EVA
    assert grades(installation, name) == {"hits": 1, "reads": 1, "confirmed": 1}
    for number, verdict in enumerate(("wrong-jurisdiction", "stale-entry", "confirmed", "stale-entry"), 1):
        judge(installation, hit["hit"], verdict)
        assert grades(installation, name) == {"hits": 1, "reads": 1, verdict: 1, "corrected": number}


def test_whose_hit_it_is(installation):
    _, hit = one_hit(installation, "QQ8003V")
    for identity, code in ((BEN, 404), ("reader/north/1", 403), ("operator/gate/olga", 403), ("auditor/ines", 403)):
        judge(installation, hit["hit"], "misread", identity, code)
    judge(installation, plates.text64(secrets.token_bytes(16)), "confirmed", status=404)
    judge(installation, "x", "confirmed", status=404)
    assert installation.get(f"/v1/hits/{hit['hit']}", ANA).json()["verdict"] is None


@pytest.mark.parametrize("body", [{}, {"verdict": "maybe"}, {"verdict": 1}, {"verdict": None}, {"verdict": ""}, {"verdict": "confirmed", "action": "shot"},
                                  {"verdict": "confirmed", "action": 3}, {"verdict": "confirmed", "plate": "ZZZ9999"}, {"action": "none"}, []])
def test_bad_verdicts(installation, body):
    answer = installation.put(f"/v1/hits/{plates.text64(bytes(16))}/verdict", ANA, json.dumps(body), headers={"Content-Type": "application/json"})
    assert_problem(answer, 400)
    assert "ZZZ9999" not in answer.text


def test_misread_is_erased_everywhere(installation):
    """The hit, its repeats and what hangs on it, in every table and partition."""
    lane, confidence = f"reader/south/{secrets.token_hex(8)}", 0.8359375
    installation.issue(lane)
    name = installation.listed("QQ8004V", cooldown_s=3600)
    for seconds in (-70, -40, -10):
        told = installation.lane(lane)
        read = installation.read(told, "QQ8004V", seen_s=seconds, confidence=confidence)
        assert installation.post("/v1/checks", lane, installation.check_body(told, [read])).json()["answers"][0]["alerts"]
    hit = eventually(lambda: next((one for one in installation.hits(name) if one["count"] == 3), None))
    number = installation.one(f"SELECT number FROM platesieve.lists WHERE id = '{name}'")
    entry, drop_on = installation.sql(f"SELECT entry, drop_on FROM platesieve.hits WHERE list = {number}")[0]
    details = (lane.rpartition("/")[2], str(confidence), "ref-QQ8004V", entry)

    def where():
        found = {}
        for table in tables(installation):
            for row in installation.sql(f'SELECT to_jsonb(t)::text FROM platesieve."{table}" t'):
                for number, detail in enumerate(details):
                    if detail in row[0]:
                        found.setdefault(number, set()).add(table)
        return found

    partition = f"hits_until_{drop_on.replace('-', '')}"
    assert all(partition in where()[number] for number in range(len(details))), "the search itself must find what is there"
    stone = judge(installation, hit["hit"], "misread")
    assert set(stone) == {"hit", "list", "count", "verdict"} and stone["count"] == 3
    found = where()
    # the entry stands on the list, and is counted at its lane, which is known as a lane: when and how it was read is nowhere
    assert found == {0: {"entry_verdicts", "lanes"}, 2: {"entries"}, 3: found[3]} and found[3] <= {"entries", "slots", "entry_verdicts"} | \
        {table for table in tables(installation) if table.startswith("slots_")}
    assert installation.sql(f"SELECT to_jsonb(v) - 'ends_on' FROM platesieve.entry_verdicts v WHERE list = {number}") == \
        [[json.dumps({"lane": details[0], "list": int(number), "site": "south", "entry": int(entry), "stale": 0, "wrong": 0, "misread": 1, "confirmed": 0})]]
    for table in ("hits", "sightings"):
        times = installation.sql(f"SELECT to_char(seen_at AT TIME ZONE 'UTC', 'HH24:MI:SS.US') FROM platesieve.{table} WHERE list = {number}")
        assert times == [["00:00:00.000000"]] * (1 if table == "hits" else 3)
    assert grades(installation, name) == {"hits": 1, "reads": 3, "misread": 1}
    assert installation.hits(name) == []
    assert_problem(installation.get(f"/v1/hits/{hit['hit']}", ANA), 410, "erased")


def test_misread_stays_erased(installation):
    name, hit = one_hit(installation, "QQ8005V", cooldown_s=3600)
    stone = judge(installation, hit["hit"], "misread", action="released")
    assert judge(installation, hit["hit"], "misread", action="released") == stone
    for verdict in VERDICTS:
        if verdict != "misread":
            answer = installation.put(f"/v1/hits/{hit['hit']}/verdict", ANA, json.dumps({"verdict": verdict}), headers={"Content-Type": "application/json"})
            assert_problem(answer, 410, "erased")
    # a repeat within the cooldown, and a retry of the read itself
    read = new_id()
    assert [send(installation, "QQ8005V", read)["alerts"][0]["hit"] for _ in range(2)] == [hit["hit"]] * 2
    drained(installation)
    assert installation.hits(name) == []
    assert grades(installation, name) == {"hits": 1, "reads": 2, "misread": 1}
    assert installation.sql("SELECT count, site, lane, reference, confidence, seen_at = date_trunc('day', seen_at, 'UTC') AND last_seen_at = seen_at"
                            f" FROM platesieve.hits h JOIN platesieve.lists l ON l.number = h.list WHERE l.id = '{name}'") == [["2", "", "", "", "0", "t"]]


def test_a_follower_goes_on_past_an_erased_hit(installation):
    name = installation.new_list(cooldown_s=0)
    installation.push(name, [{"plate": f"QQ801{number}V", "jurisdiction": "US-TX"} for number in range(5)])
    ids = [send(installation, f"QQ801{number}V", new_id())["alerts"][0]["hit"] for number in range(5)]
    installation.wait_hits(5, name)
    page = installation.get("/v1/hits", ANA, params={"list": name, "limit": 2}).json()
    for hit in (ids[1], ids[2], ids[4]):
        judge(installation, hit, "misread")
    rest = installation.get("/v1/hits", ANA, params={"list": name, "after": page["cursor"]}).json()
    assert [hit["hit"] for hit in rest["hits"]] == [ids[3]] and not rest["more"]
    assert installation.get("/v1/hits", ANA, params={"list": name, "after": rest["cursor"]}).json()["hits"] == []


def test_an_erased_hit_is_not_restored_by_a_restart(new_installation):
    """The cooldown of a gate that starts knows nothing of it: its next read is a new hit."""
    house = new_installation()
    name, hit = one_hit(house, "QQ8006V", cooldown_s=3600)
    judge(house, hit["hit"], "misread")
    with house.without("gate"):
        pass
    eventually(lambda: house.ready()["ready"])
    assert send(house, "QQ8006V", new_id())["alerts"][0]["hit"] != hit["hit"]
    assert len(house.wait_hits(1, name)) == 1
    assert grades(house, name) == {"hits": 2, "reads": 2, "misread": 1}


def test_false_alarms_flag_an_entry(installation):
    """Three false alarms, or half of four verdicts; by lane, and only for their agency."""
    name = installation.new_list(cooldown_s=0)
    installation.push(name, [{"plate": f"QQ802{number}V", "jurisdiction": "US-TX", "reference": f"entry-{number}"} for number in range(3)])

    def verdicts(plate, lane, *words):
        for word in words:
            hit = send(installation, plate, new_id(), lane)["alerts"][0]["hit"]
            eventually(lambda: installation.get(f"/v1/hits/{hit}", ANA).status_code == 200)
            judge(installation, hit, word)

    def flags():
        return installation.get(f"/v1/lists/{name}/flags", ANA).json()["flags"]

    verdicts("QQ8020V", "reader/north/1", "misread", "stale-entry", "confirmed")
    verdicts("QQ8021V", "reader/north/1", "misread", "confirmed", "confirmed")
    assert flags() == [] and installation.list_object(name)["flagged"] == 0
    verdicts("QQ8020V", "reader/south/1", "misread")
    assert [(flag["reference"], flag["misread"], flag["stale-entry"], flag["confirmed"]) for flag in flags()] == [("entry-0", 2, 1, 1)]
    assert [(lane["site"], lane["lane"], lane["misread"]) for lane in flags()[0]["lanes"]] == [("north", "1", 1), ("south", "1", 1)]
    verdicts("QQ8021V", "reader/north/1", "wrong-jurisdiction")
    assert [flag["reference"] for flag in flags()] == ["entry-0", "entry-1"]
    assert installation.list_object(name)["flagged"] == 2
    assert next(one for one in installation.get("/v1/lists", ANA).json()["lists"] if one["list"] == name)["flagged"] == 2
    assert "flagged" not in installation.get(f"/v1/lists/{name}?agency=customs", "auditor/ines").json()
    assert_problem(installation.get(f"/v1/lists/{name}/flags", BEN), 404)
    installation.push(name, [{"plate": "QQ8021V", "jurisdiction": "US-TX", "reference": "entry-1"}])  # the other is gone from the list
    assert [flag["reference"] for flag in flags()] == ["entry-1"]


def test_client(installation, tmp_path):
    name = installation.new_list()
    file = tmp_path / "list.csv"
    file.write_text("plate,jurisdiction,reference\nQQ8030V,US-TX,case 17\n")
    installation.platesieve("--as", ANA, "list", "push", name, file)
    eventually(lambda: installation.check("QQ8030V")["answer"] == "hit")
    hit = installation.wait_hits(1, name)[0]["hit"]
    shown = installation.platesieve("--as", ANA, "hits", "--list", name).stdout
    assert hit in shown and "case 17" in shown
    assert "confirmed" in installation.platesieve("--as", ANA, "hits", "verdict", hit, "confirmed", "--action", "stopped").stdout
    assert " confirmed" in installation.platesieve("--as", ANA, "hits", "--list", name).stdout
    told = json.loads(installation.platesieve("--as", ANA, "--json", "hits", "verdict", hit, "stale-entry").stdout)
    assert told["verdict"]["verdict"] == "stale-entry" and told["verdict"]["action"] == "none"
    flags = json.loads(installation.platesieve("--as", ANA, "list", "flags", "--json", name).stdout)
    assert flags["flags"] == [] and flags["grades"]["full"]["stale-entry"] == 1
    assert "erased" in installation.platesieve("--as", ANA, "hits", "verdict", hit, "misread").stdout
    assert "erased" in installation.platesieve("--as", ANA, "hits", "verdict", hit, "confirmed", code=5).stderr
    for words in ((hit,), (hit, "perhaps"), ("x", "confirmed"), (hit, "confirmed", "--action", "shot"), (hit, "confirmed", "twice")):
        installation.platesieve("--as", ANA, "hits", "verdict", *words, code=2)


@pytest.mark.parametrize("hit", ["-" + "A" * 21, "--" + "A" * 20, "-o" + "A" * 20])
def test_an_id_that_looks_like_an_option(installation, hit, tmp_path):
    """One id in 64 begins with a hyphen; it is an id all the same, wherever it stands."""
    for words in (("verdict", hit, "confirmed"), ("verdict", "--action", "none", hit, "confirmed"), ("evidence", hit), ("evidence", "-o", tmp_path / "x", hit)):
        assert "not" in installation.platesieve("--as", ANA, "hits", *words, code=5).stderr
    installation.platesieve("--as", ANA, "hits", "verdict", hit, code=2)
    installation.platesieve("--as", ANA, "hits", "verdict", hit, hit, "confirmed", code=2)
