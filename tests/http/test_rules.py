"""A list's own rules change while it stands, and some changes take two people; a list ends; calibration lists."""
import json
import threading
import time

import pytest
import requests

from house import assert_problem, eventually, now_text
from registration import INES, OLGA, command, forged, fresh, stranger
from ruling import ANA, BEN, DAY, EVA, MIA, alarms, change, changed, check, entries, lists_hit, why_unchecked

INSTALLATION = {"gate.lists.special_days_max": "40", "gate.lists.ends_alarm_days": "5"}


@pytest.fixture(scope="module", autouse=True)
def another_list(installation):
    """So that there is always one to be asked."""
    return installation.listed("QQ99XXX")


# -- rules that change -----------------------------------------------------------------------------------------------------------


def test_what_is_said_changes_and_nothing_else(installation):
    house, name = installation, installation.new_list()
    before = house.list_object(name)
    told = changed(house, name, cooldown_s=60, instruction="Call.", sites=["north", "south"])
    assert told["changed"] == {"cooldown_s": {"from": 300, "to": 60}, "instruction": {"from": "", "to": "Call."}, "sites": {"from": [], "to": ["north", "south"]}}
    assert told["rules_version"] == before["rules_version"] + 1 and told["waiting"] is None
    now = house.list_object(name)
    assert {key for key in before if before[key] != now[key]} == {"cooldown_s", "instruction", "sites", "rules_version"}
    assert changed(house, name, cooldown_s=60)["changed"] == {}
    assert house.list_object(name)["rules_version"] == now["rules_version"]
    everything = {"category": "other", "priority": 7, "grade": "similar", "sites": [], "cooldown_s": 0, "retention_days": 3, "instruction": "Look.",
                  "age_limit_s": 60, "ends_at": now_text(400 * DAY)}
    changed(house, name, **everything)
    assert {key: house.list_object(name)[key] for key in everything} == everything


def test_live_within_a_second(installation):
    house = installation
    name = house.listed("QQ01LIV", priority=10)
    assert lists_hit(house, "QQ01LIV") == [name]
    changed(house, name, priority=90, instruction="Now.", category="abduction")
    eventually(lambda: {(alert["priority"], alert["instruction"], alert["category"]) for alert in check(house, "QQ01LIV")["answers"][0]["alerts"]} == {(90, "Now.", "abduction")}, 1)
    changed(house, name, sites=["south"])
    eventually(lambda: not lists_hit(house, "QQ01LIV"), 1)
    assert lists_hit(house, "QQ01LIV", "reader/south/1") == [name]
    changed(house, name, ends_at="2020-01-01T00:00:00Z")
    eventually(lambda: not lists_hit(house, "QQ01LIV", "reader/south/1"), 1)
    assert house.list_object(name)["state"] == "ended"
    changed(house, name, ends_at=None, sites=[])
    eventually(lambda: lists_hit(house, "QQ01LIV") == [name], 1)


def test_all_or_nothing(installation):
    house, name = installation, installation.new_list()
    before = house.list_object(name)
    for wrong in ({"cooldown_s": 86401}, {"grade": "fuzzy"}, {"category": ""}, {"sites": ["North"]}, {"retention_days": 0}, {"extra": 1}, {"ends_at": "soon"},
                  {"covert": 1}, {"list": name}, {"cap_tokens": 5}, {"suspended": False}, {"rules_version": "1"}):
        assert_problem(house.put(f"/v1/lists/{name}", ANA, json.dumps({"rules_version": 1, "priority": 99, **wrong})), 400, "bad-field")
    assert_problem(house.put(f"/v1/lists/{name}", ANA, '{"priority": 99}'), 400, "bad-field")  # a change of which rules?
    assert house.list_object(name) == before


def test_two_changes_at_once(installation):
    """Both saw the same rules: one is in force, the other is told so."""
    house, name = installation, installation.new_list()
    version, answers = house.list_object(name)["rules_version"], []

    def set_cooldown(number, user):
        with house.session(user) as session:
            answers.append(session.put(house.url(f"/v1/lists/{name}"), json={"rules_version": version, "cooldown_s": number}, timeout=30).status_code)

    threads = [threading.Thread(target=set_cooldown, args=(number, (ANA, EVA)[number % 2])) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 7
    assert_problem(change(house, name, version=version, cooldown_s=9), 409, "rules")
    assert house.list_object(name)["rules_version"] == version + 1


def test_only_its_own_agency(installation):
    house, name = installation, installation.new_list()
    assert_problem(house.put(f"/v1/lists/{name}", BEN, '{"rules_version": 1, "priority": 1}'), 404, "not-found")
    assert_problem(house.put("/v1/lists/never-made", ANA, '{"rules_version": 1, "priority": 1}'), 404, "not-found")
    for identity in (OLGA, INES, "reader/north/1"):
        assert_problem(house.put(f"/v1/lists/{name}", identity, '{"rules_version": 1, "priority": 1}'), 403, "forbidden")


def test_a_weaker_grade_is_not_covered_until_the_list_is_pushed_again(installation):
    house = installation
    name = house.listed("QQ02BBB", grade="plate")
    assert why_unchecked(house, "QQ99999", name) is None
    changed(house, name, grade="similar")
    eventually(lambda: why_unchecked(house, "QQ99999", name) == "partial", 1)
    assert not any(epoch["covered"] for epoch in house.list_object(name)["epochs"])
    assert lists_hit(house, "QQ02BBB") == [name]  # what has tokens still hits
    assert lists_hit(house, "QQ02B8B") == []
    # Tokens of the stronger grade alone don't make it whole again, in whatever mode.
    extra = [{"plate": "QQ02BBB", "jurisdiction": "US-TX", "reference": "ref-QQ02BBB"}]
    revision = house.open_revision(name, "tokens")
    body = "".join(line + "\n" for line in house.entry_lines(name, extra, grade="plate", operation="tokens")).encode()
    assert_problem(house.put_part(name, revision, 1, body), 422, "line")
    house.push(name, extra, mode="tokens", grade="similar")
    eventually(lambda: why_unchecked(house, "QQ99999", name) is None, 1)
    assert lists_hit(house, "QQ02B8B") == [name]
    changed(house, name, grade="full")  # a stronger one needs nothing
    eventually(lambda: lists_hit(house, "QQ02B8B") == [], 1)
    assert why_unchecked(house, "QQ99999", name) is None


def test_a_push_under_way_when_the_grade_becomes_weaker(installation):
    house = installation
    name = house.listed("QQ03BBB", grade="plate")
    revision = house.open_revision(name)
    body = "".join(line + "\n" for line in house.entry_lines(name, entries(3), grade="plate")).encode()
    assert house.put_part(name, revision, 1, body).status_code == 200
    changed(house, name, grade="similar")
    assert_problem(house.commit(name, revision, [body], 3), 409, "base")
    assert_problem(house.put_part(name, revision, 2, body), 409, "base")


# -- two people and an end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", ({"covert": True}, {"grade": "near"}), ids=str)
def test_a_special_list_must_end(installation, rules):
    house = installation
    body = {"list": "never-ending", "category": "test", **rules}
    for end in ({}, {"ends_at": None}, {"ends_at": now_text(41 * DAY)}, {"ends_at": now_text(-5)}):
        assert_problem(house.post("/v1/lists", ANA, {**body, **end}), 422, "ends")
    assert_problem(house.get("/v1/lists/never-ending", ANA), 404, "not-found")
    name = house.new_list()
    assert_problem(change(house, name, **rules), 422, "ends")
    assert_problem(change(house, name, ends_at=now_text(41 * DAY), **rules), 422, "ends")


@pytest.mark.parametrize("rules", ({"covert": True}, {"grade": "near"}), ids=str)
def test_a_special_list_takes_two_people(installation, rules):
    house = installation
    name, plate = f"two-{'covert' if 'covert' in rules else 'near'}", "QQ04TWO"
    end = now_text(30 * DAY)
    told = house.post("/v1/lists", ANA, {"list": name, "category": "test", "ends_at": end, **rules})
    assert told.status_code == 201
    waiting = told.json()["waiting"]
    assert told.json()["state"] == "waiting" and waiting["asked_by"] == ANA and waiting["new"] and waiting["changes"] == {}
    house.push(name, [{"plate": plate, "jurisdiction": "US-TX", "reference": "r"}], grade=rules.get("grade", "plate"))
    assert lists_hit(house, plate) == [] and why_unchecked(house, plate, name) is None
    assert house.hits(name) == []

    number = waiting["request"]
    path = f"/v1/lists/{name}/approval"
    assert_problem(house.post(path, ANA, {"request": number}), 403, "same-person")
    assert_problem(house.post(path, MIA, {"request": number}), 404, "not-found")
    assert_problem(house.post(path, EVA, {"request": number + 1}), 409, "rules")
    for bad in ({}, {"request": "1"}, {"request": 0}, {"request": number, "yes": True}):
        assert_problem(house.post(path, EVA, bad), 400, "bad-field")
    viewer = stranger(house, fresh("agency/customs"))
    command(house, "gate", "register", "--rights", "view", viewer)
    eventually(lambda: house.get("/livez", viewer).status_code == 200, 2)
    assert_problem(house.post(path, viewer, {"request": number}), 403, "right")
    assert house.list_object(name)["state"] == "waiting"

    approved = house.post(path, EVA, {"request": number})
    assert approved.status_code == 200 and approved.json()["state"] == "in-force" and approved.json()["waiting"] is None
    assert approved.json()["approval"] == {"asked_by": ANA, "approved_by": EVA, "at": approved.json()["approval"]["at"]}
    assert_problem(house.post(path, EVA, {"request": number}), 404, "not-found")
    if "covert" in rules:
        eventually(lambda: (check(house, plate), house.hits(name))[1], 2)
        assert lists_hit(house, plate) == []
    else:
        eventually(lambda: lists_hit(house, plate) == [name], 1)
    house.put(f"/v1/lists/{name}", ANA, json.dumps({"rules_version": house.list_object(name)["rules_version"], "ends_at": "2020-01-01T00:00:00Z"}))
    log = (house.folder / "log/gate.log").read_text()
    assert f"{EVA} approved what {ANA} asked for of list customs/{name}" in log


def test_the_same_name_is_the_same_person(installation, tmp_path):
    """Another certificate for the name, another key: still the one who asked."""
    house = installation
    name = house.new_list()
    assert change(house, name, covert=True, ends_at=now_text(DAY)).status_code == 202
    number = house.list_object(name)["waiting"]["request"]
    certificate, key = forged(house, tmp_path, ANA)
    answer = requests.post(house.url(f"/v1/lists/{name}/approval"), json={"request": number}, cert=(str(certificate), str(key)), verify=str(house.ca), timeout=30)
    assert_problem(answer, 403, "same-person")


def test_a_change_that_takes_two(installation):
    house = installation
    name = house.listed("QQ05CCC")
    end = now_text(20 * DAY)
    answer = change(house, name, covert=True, ends_at=end, priority=3)
    assert answer.status_code == 202 and answer.json()["changed"]["covert"] == {"from": False, "to": True}
    assert house.list_object(name)["waiting"]["changes"] == answer.json()["changed"]
    assert lists_hit(house, "QQ05CCC") == [name] and not house.list_object(name)["covert"] and house.list_object(name)["state"] == "in-force"
    # Nothing of it is in force; another change takes its place, and then whoever made that asked.
    changed(house, name, cooldown_s=0)
    assert house.list_object(name)["waiting"] is None
    assert change(house, name, EVA, covert=True, ends_at=end).status_code == 202
    number = house.list_object(name)["waiting"]["request"]
    assert_problem(house.post(f"/v1/lists/{name}/approval", EVA, {"request": number}), 403, "same-person")
    assert house.post(f"/v1/lists/{name}/approval", ANA, {"request": number}).status_code == 200
    eventually(lambda: lists_hit(house, "QQ05CCC") == [], 1)
    # Covert: sooner, or other rules, take one; later takes two; open again takes one.
    assert changed(house, name, ends_at=now_text(10 * DAY), priority=5)["waiting"] is None
    assert change(house, name, ends_at=now_text(11 * DAY)).status_code == 202
    assert_problem(change(house, name, ends_at=None), 422, "ends")
    assert_problem(change(house, name, ends_at=now_text(41 * DAY)), 422, "ends")
    assert changed(house, name, covert=False)["waiting"] is None
    eventually(lambda: lists_hit(house, "QQ05CCC") == [name], 1)
    changed(house, name, ends_at=None)


def test_refused_and_withdrawn(installation):
    house = installation
    name = "refused-list"
    house.post("/v1/lists", ANA, {"list": name, "category": "test", "covert": True, "ends_at": now_text(DAY)})
    number = house.list_object(name)["waiting"]["request"]
    assert house.delete(f"/v1/lists/{name}/approval", EVA).status_code == 204
    assert_problem(house.delete(f"/v1/lists/{name}/approval", EVA), 404, "not-found")
    assert_problem(house.post(f"/v1/lists/{name}/approval", EVA, {"request": number}), 404, "not-found")
    assert house.list_object(name)["state"] == "waiting" and house.list_object(name)["waiting"] is None
    assert change(house, name).status_code == 202  # asks again
    assert house.delete(f"/v1/lists/{name}/approval", ANA).status_code == 204  # withdrawn
    assert changed(house, name, covert=False)["state"] == "empty"  # not special any more: in force without a second person


FORGERIES = ("asked_by = 'agency/customs/mia'", "ends_at = '2099-01-01'", "sites = '{north}'", "instruction = 'x'", "grade = 3", "retention_days = 3650",
             "expires_at = expires_at + interval '1 year'", "list = (SELECT min(number) FROM platesieve.lists)", "mac = NULL", "mac = sha256('x')")


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_waits_can_not_be_forged(installation, forgery):
    """Who writes to the database makes nobody his own second person, and nobody approve what nobody asked for."""
    house, name = installation, fresh("forged").replace("/", "-")
    told = house.post("/v1/lists", ANA, {"list": name, "category": "test", "covert": True, "ends_at": now_text(DAY)})
    number = told.json()["waiting"]["request"]
    house.cluster.psql(f"UPDATE platesieve.list_requests SET {forgery} WHERE number = {number}")
    path = f"/v1/lists/{name}/approval"
    moved = forgery.startswith("list")
    for who in (ANA, EVA):
        assert_problem(house.post(path, who, {"request": number}), *((404, "not-found") if moved else (409, "forged")))
    assert house.list_object(name)["state"] == "waiting" and house.list_object(name)["waiting"] is None
    assert_problem(house.delete(path, EVA), 404, "not-found") if moved else house.delete(path, EVA)
    if moved:
        house.cluster.psql(f"DELETE FROM platesieve.list_requests WHERE number = {number}")
    assert change(house, name).status_code == 202  # asked anew
    again = house.list_object(name)["waiting"]["request"]
    assert house.post(path, EVA, {"request": again}).status_code == 200
    house.put(f"/v1/lists/{name}", ANA, json.dumps({"rules_version": house.list_object(name)["rules_version"], "ends_at": "2020-01-01T00:00:00Z"}))


def test_a_request_waits_for_some_days_only(installation):
    house, name = installation, installation.new_list()
    assert change(house, name, covert=True, ends_at=now_text(DAY)).status_code == 202
    number = house.list_object(name)["waiting"]["request"]
    house.cluster.psql(f"UPDATE platesieve.list_requests SET expires_at = now() - interval '1 s' WHERE number = {number}")
    assert house.list_object(name)["waiting"] is None
    assert_problem(house.post(f"/v1/lists/{name}/approval", EVA, {"request": number}), 404, "not-found")


def test_a_list_ends_by_itself(installation):
    """Within a second, whatever happens to be going on; lanes are told that it is not asked."""
    house = installation
    name = house.listed("QQ06DDD", ends_at=now_text(4))
    ends = time.time() + 4
    assert house.list_object(name)["ends_soon"] and alarms(house, name)["ends"]["at"] == house.list_object(name)["ends_at"]
    assert house.metrics()['platesieve_alarm{what="list-ends"}'] == 1
    while time.time() < ends - 0.5:
        assert lists_hit(house, "QQ06DDD") == [name]
        time.sleep(0.2)
    eventually(lambda: lists_hit(house, "QQ06DDD") == [], max(0, ends - time.time()) + 1, 0.05)
    assert why_unchecked(house, "QQ06DDD", name) == "ended"
    assert house.list_object(name)["state"] == "ended" and "ends" not in alarms(house, name)
    assert any(one["count"] > 0 for one in house.wait_hits(1, name))  # what was hit stays with the agency


def test_entries_begin_and_expire_within_a_second(installation):
    house, name = installation, installation.new_list()
    begins, ends = time.time() + 3, time.time() + 4.5
    house.push(name, [{"plate": "QQ07EFF", "jurisdiction": "US-TX", "reference": "begins", "effective": now_text(begins - time.time())},
                      {"plate": "QQ07EXP", "jurisdiction": "US-TX", "reference": "ends", "expires": now_text(ends - time.time())}])
    assert lists_hit(house, "QQ07EFF") == [] and lists_hit(house, "QQ07EXP") == [name]
    eventually(lambda: lists_hit(house, "QQ07EFF") == [name], begins + 1 - time.time())
    assert time.time() >= begins - 1  # whole seconds
    eventually(lambda: lists_hit(house, "QQ07EXP") == [], ends + 1 - time.time())
    assert time.time() >= ends - 1


# -- the client ------------------------------------------------------------------------------------------------------------------


def test_the_client_sets(installation):
    house, name = installation, installation.new_list()
    told = house.platesieve("--as", ANA, "list", "set", name, "--cooldown", "60", "--site", "north", "--site", "south", "--priority", "9", "--category", "other",
                            "--retention", "9", "--instruction", "Stop.", "--age-limit", "60", "--ends", "2d", "--grade", "similar")
    assert "cooldown_s: 300 -> 60" in told.stdout and 'sites: [] -> ["north","south"]' in told.stdout
    assert "the new retention is for those to come" in told.stderr
    now = house.list_object(name)
    assert (now["cooldown_s"], now["sites"], now["priority"], now["category"], now["retention_days"], now["instruction"], now["age_limit_s"], now["grade"]) == \
        (60, ["north", "south"], 9, "other", 9, "Stop.", 60, "similar")
    assert now["ends_soon"] and "ENDS SOON" in house.platesieve("--as", ANA, "list", "show", name).stdout
    house.platesieve("--as", ANA, "list", "set", name, "--ends", "never", "--all-sites")
    assert house.list_object(name)["ends_at"] is None and house.list_object(name)["sites"] == []
    assert "nothing to change" in house.platesieve("--as", ANA, "list", "set", name, "--cooldown", "60").stdout
    assert json.loads(house.platesieve("--as", ANA, "--json", "list", "set", name, "--cooldown", "61").stdout)["changed"] == {"cooldown_s": {"from": 60, "to": 61}}
    for wrong in ((), ("--cooldown", "x"), ("--grade", "fuzzy"), ("--ends", "tomorrow"), ("--ends", "0d"), ("--ends", "3651d"), ("--site", "North"), ("other", "--covert")):
        house.platesieve("--as", ANA, "list", "set", name, *wrong, code=2)
    assert "not-found" in house.platesieve("--as", ANA, "list", "set", "never-made", "--cooldown", "5", code=5).stderr
    house.push(name, entries(1), grade="similar")
    changed(house, name, grade="plate")
    assert "until the list is pushed again" in house.platesieve("--as", ANA, "list", "set", name, "--grade", "similar").stderr


def test_the_client_asks_and_approves(installation):
    house, name = installation, "client-covert"
    assert "between 1 and" in house.platesieve("--as", ANA, "list", "create", name, "--category", "watch", "--retention", "0", code=2).stderr
    assert "422 ends" in house.platesieve("--as", ANA, "list", "create", name, "--category", "watch", "--covert", code=5).stderr
    done = house.platesieve("--as", ANA, "list", "create", name, "--category", "watch", "--covert", "--ends", "9d")
    assert "NOT IN FORCE" in done.stdout and f"platesieve list approve {name}" in done.stderr
    assert "say --yes" in house.platesieve("--as", EVA, "list", "approve", name, code=1).stderr
    assert "403 same-person" in house.platesieve("--as", ANA, "list", "approve", name, "--yes", code=5).stderr
    done = house.platesieve("--as", EVA, "list", "approve", name, "--yes")
    assert f"{ANA} asked" in done.stdout and "approved, and in force" in done.stdout
    assert "nothing waits" in house.platesieve("--as", EVA, "list", "approve", name, "--yes", code=1).stderr
    done = house.platesieve("--as", EVA, "list", "set", name, "--ends", "20d")
    assert "not in force: it waits for a second person" in done.stderr
    assert "WAITING" in house.platesieve("--as", ANA, "list", "show", name).stdout
    assert "asked for no more" in house.platesieve("--as", EVA, "list", "set", name, "--priority", "7").stderr
    assert "asked for no more" not in house.platesieve("--as", EVA, "list", "set", name, "--ends", "20d").stderr
    house.platesieve("--as", ANA, "list", "refuse", name)
    assert "nothing waits" in house.platesieve("--as", ANA, "list", "refuse", name, code=1).stderr
    house.platesieve("--as", ANA, "list", "set", name, "--open", "--ends", "never")
    assert house.list_object(name)["covert"] is False


# -- calibration lists -----------------------------------------------------------------------------------------------------------------


def test_a_calibration_list(installation):
    """It is for lanes to try themselves with: small, open, unshared, soon forgotten; and told apart."""
    house, plates_of = installation, [{"plate": f"QQ00QQ{number:03}Q", "jurisdiction": "US-TX"} for number in range(17)]
    for wrong in ({"covert": True, "ends_at": now_text(86400)}, {"grade": "near", "ends_at": now_text(86400)}, {"retention_days": 8}):
        body = {"list": "calibration-wrong", "category": "calibration", "calibration": True, **wrong}
        assert_problem(house.post("/v1/lists", ANA, body), 422, "calibration")
    name = house.new_list(category="calibration", calibration=True)
    shown = house.list_object(name)
    assert shown["calibration"] is True and shown["retention_days"] == 1 and shown["cooldown_s"] == 86400 and shown["state"] == "empty"
    assert_problem(house.put(f"/v1/lists/{name}/shares/marshals", ANA, json.dumps({"until": now_text(86400)})), 422, "calibration")
    revision = house.open_revision(name)
    body = "".join(line + "\n" for line in house.entry_lines(name, plates_of)).encode()
    assert house.put_part(name, revision, 1, body).status_code == 200
    assert_problem(house.commit(name, revision, [body], 17), 422, "calibration")
    house.push(name, plates_of[:16])
    before = house.get("/v1/status", INES).json()["checks"]
    assert house.check("QQ00QQ003Q")["answer"] == "hit"
    checks = house.get("/v1/status", INES).json()["checks"]
    assert checks["calibration"] == before["calibration"] + 1 and checks["hits"] == before["hits"] + 1
    assert next(one for one in checks["lanes"] if one["lane"] == "reader/north/1")["calibration"] >= 1
    assert eventually(lambda: house.hits(name))[0]["list"] == name
    # It may become one like others; a list that is shared, or has many entries, does not become one for calibration.
    done = house.platesieve("list", "set", "--as", ANA, name, "--no-calibration", "--retention", "30")
    assert "calibration" in done.stdout
    house.push(name, plates_of[16:], mode="change")
    for arguments in (("--calibration",), ("--calibration", "--retention", "7")):
        assert "calibration" in house.platesieve("list", "set", "--as", ANA, name, *arguments, code=None).stderr
    assert house.list_object(name)["calibration"] is False
    shared = house.new_list(retention_days=7)
    assert house.put(f"/v1/lists/{shared}/shares/marshals", ANA, json.dumps({"until": now_text(86400)})).status_code == 204
    answer = house.put(f"/v1/lists/{shared}", ANA, json.dumps({"rules_version": 1, "calibration": True}))
    assert_problem(answer, 422, "calibration")


def test_what_marks_a_calibration_list_is_sealed(installation):
    """Who can write to the database can't take a list out of what is counted."""
    house = installation
    name = house.listed("QQ00SS5", category="stolen")
    house.sql(f"UPDATE platesieve.lists SET calibration = true WHERE id = '{name}'")
    house.sql("UPDATE platesieve.head SET version = version + 1")
    house.sql(f"UPDATE platesieve.lists SET version = (SELECT version FROM platesieve.head) WHERE id = '{name}'")
    eventually(lambda: [one["trouble"] for one in house.get("/v1/status", INES).json()["lists"] if one["list"] == name] == ["forged"])
    house.sql(f"UPDATE platesieve.lists SET calibration = false WHERE id = '{name}'")
    house.sql("UPDATE platesieve.head SET version = version + 1")
    house.sql(f"UPDATE platesieve.lists SET version = (SELECT version FROM platesieve.head) WHERE id = '{name}'")
    eventually(lambda: [one["trouble"] for one in house.get("/v1/status", INES).json()["lists"] if one["list"] == name] == [None], 60)
