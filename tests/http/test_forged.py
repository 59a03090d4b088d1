"""Somebody writes to PostgreSQL, as its superuser: a gate loads nothing that it did not make, and nothing older than it has served; it says so to
lanes and operators, and goes on with all other lists."""
import shutil
import subprocess

import pytest

from house import assert_problem, eventually

INSTALLATION = {"keys.keyd.epochs_ahead": "1"}
OLGA, ANA, NORTH = "operator/gate/olga", "agency/customs/ana", "reader/north/1"
FIRST = [{"plate": "QQ51FRG", "jurisdiction": "US-TX", "reference": "a"}, {"plate": "QQ52FRG", "jurisdiction": "US-TX", "reference": "b"}]
SECOND = [{"plate": "QQ53FRG", "jurisdiction": "US-TX", "reference": "c"}]

# What is done to a list number {L}, with its segments {S1} (two entries) and {S2} (takes the second away and adds one), while the list number {O},
# with {O1} and {O2}, is left alone; {G1} and {G} are those of one that others take from.  {A} and {B}, {C}: keys of its entries.
RULES = {
    "grade": "grade = 3", "covert": "covert = true", "suspended": "suspended = true", "sites": "sites = '{{nowhere}}'", "cooldown": "cooldown_s = 86400",
    "retention": "retention_days = 1", "instruction": "instruction = 'let it pass'", "category": "category = 'x'", "priority": "priority = 0",
    "age-limit": "age_limit_s = 2000000", "cap": "cap_tokens = 0", "entries": "entries = 0", "committed": "committed_at = now() + interval '1 s'",
    "header": "header_id = sha256('x')", "edition": "edition = edition + 1", "base": "base_segment = {S2}", "revision": "revision = revision - 1",
    "never": "revision = 0", "end": "ends_at = now() + interval '10 years'", "approved": "approved = NOT approved", "rules-version": "rules_version = 99", "agency": "agency = 'marshals'", "link": "link = mac", "no-mac": "mac = NULL", "other-mac": "mac = (SELECT mac FROM lists WHERE number = {O})",
    "other-link": "link = (SELECT link FROM lists WHERE number = {O})",
}
ROWS = {
    "slots-copied": "INSERT INTO slots SELECT {A}, {S1}, 1, epoch, count, near, packed FROM slots WHERE segment = {O1} LIMIT 1",
    "slots-deleted": "DELETE FROM slots WHERE segment = {S1} AND entry = {A}",
    "slots-of-one-epoch": "DELETE FROM slots WHERE segment = {S1} AND entry = {A} AND epoch = (SELECT min(epoch) FROM slots WHERE segment = {S1})",
    "slots-twice": "INSERT INTO slots SELECT * FROM slots WHERE segment = {S1} AND entry = {A}",
    "slots-to-another-entry": "UPDATE slots SET entry = {C} WHERE segment = {S1} AND entry = {A}",
    "slots-to-another-segment": "UPDATE slots SET segment = {S2} WHERE segment = {S1} AND entry = {A}",
    "slots-to-another-list": "UPDATE slots SET segment = {G1} WHERE segment = {S1} AND entry = {A}",
    "epochs-exchanged": "UPDATE slots s SET epoch = (SELECT min(epoch) + max(epoch) FROM epochs_of_slots) - epoch WHERE segment = {S1} AND entry = {A}",
    "tag": "UPDATE slots SET packed = set_byte(packed, 17, get_byte(packed, 17) # 1) WHERE segment = {S1} AND entry = {A}",
    "grade-of-a-slot": "UPDATE slots SET packed = set_byte(packed, 24, 3) WHERE segment = {S1} AND entry = {A}",
    "entry-deleted": "DELETE FROM entries WHERE segment = {S1} AND key = {A}",
    "entry-added": "INSERT INTO entries (key, list, segment, part, reference) VALUES (7, {L}, {S1}, 1, 'x')",
    "entry-expires": "UPDATE entries SET expires = now() - interval '1 s' WHERE segment = {S1} AND key = {A}",
    "entry-not-yet": "UPDATE entries SET effective = now() + interval '1 year' WHERE segment = {S1} AND key = {A}",
    "entry-removed": "UPDATE entries SET removed_by = {S2} WHERE segment = {S1} AND key = {A}",
    "removal-undone": "UPDATE entries SET removed_by = 0 WHERE segment = {S1} AND key = {B}",
    "removal-forgotten": "UPDATE entries SET removed_by = 0 WHERE segment = {S1} AND key = {B}; DELETE FROM edits WHERE segment = {S2}",
    "removal-invented": "INSERT INTO edits VALUES ({A}, {S2}, 1, true); UPDATE entries SET removed_by = {S2} WHERE segment = {S1} AND key = {A}",
    "hidden": "UPDATE revisions SET state = 2 WHERE segment = {S2}",
    "kept": "UPDATE revisions SET kept = 1 WHERE segment = {S1}",
    "deleted": "DELETE FROM revisions WHERE segment = {S2}",
    "mode": "UPDATE revisions SET mode = 2 WHERE segment = {S2}",
    "sums": "UPDATE revisions SET sums = (SELECT sums FROM revisions WHERE segment = {O1}) WHERE segment = {S1}",
    "erased": "UPDATE erased SET remover = {S1} WHERE segment = {S1}; INSERT INTO erased SELECT remover, {S2}, epoch, sums FROM erased WHERE segment = {S1}"
              "; DELETE FROM slots WHERE segment = {S1} AND entry = {A}",
    "grafted": "UPDATE revisions SET list = {L}, revision = 77 WHERE segment = {G}; UPDATE entries SET list = {L} WHERE segment = {G}",
}
GONE = {
    "row-deleted": "DELETE FROM lists WHERE number = {L}",
    "renamed": "UPDATE lists SET id = id || '-x' WHERE number = {L}",
}
HARMLESS = {  # gates don't go by these
    "version": "UPDATE lists SET version = 1 WHERE number = {L}",
    "coverage": "UPDATE list_epochs SET whole = false, slots = 0 WHERE list = {L}",
    "tidied": "UPDATE revisions SET tidied = 0 WHERE segment = {S2}",
    "last": "UPDATE lists SET revision_last = 1 WHERE number = {L}",
}


def make(house, name, wait=True):
    house.new_list(list=name)
    epochs = house.epochs_to_push()
    house.push(name, FIRST, epochs=epochs, wait=False)
    house.push(name, SECOND, mode="change", remove=["b"], epochs=epochs, wait=wait)
    return name


def numbers(house, name):
    """What the attacks' SQL names."""
    number = house.one(f"SELECT number FROM platesieve.lists WHERE id = '{name}'")
    first, second = (row[0] for row in house.sql(f"SELECT segment FROM platesieve.revisions WHERE list = {number} AND state = 1 ORDER BY segment"))
    keys = {row[0]: row[1] for row in house.sql(f"SELECT reference, key FROM platesieve.entries WHERE list = {number}")}
    return {"L": number, "S1": first, "S2": second, "A": keys["a"], "B": keys.get("b"), "C": keys["c"]}


def attack(house, sql):
    """As somebody to whom no constraint and no trigger is sacred."""
    house.cluster.psql("SET search_path = platesieve; SET session_replication_role = replica;"
                       "CREATE TEMP VIEW epochs_of_slots AS SELECT DISTINCT epoch FROM slots; " + sql)


def restart(house):
    house.stop(("gate",))
    house.forget_connections()
    house.start(("gate",))
    eventually(lambda: house.ready()["ready"], 30, 0.1)


def alarms(house):
    return {one["list"]: (one["why"], one["served"]) for one in house.get("/v1/status", OLGA).json()["alarms"] if one["what"] == "list"}


def ask(house, plate="QQ51FRG"):
    """The whole answer to one check."""
    lane = house.lane(NORTH)
    answer = house.post("/v1/checks", NORTH, house.check_body(lane, [house.read(lane, plate)]))
    assert answer.status_code == 200, answer.text
    return answer.json()


def unchecked(told):
    return {one["list"]: one["why"] for one in told["unchecked"]}


def alerting(told):
    return {alert["list"] for alert in told["answers"][0].get("alerts", [])}


def command(house, *words, code=0):
    done = subprocess.run([house.programs / "platesieved", *words[:1], "--config", house.folder / "etc/gate.conf", *words[1:]], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


@pytest.fixture(scope="module", name="crime")
def crime_fixture(installation):
    """Every attack on a list of its own, while the gate is away; then it starts."""
    house = installation
    names = [*RULES, *ROWS, *GONE, *HARMLESS]
    make(house, "alone")
    for name in names:
        make(house, name, wait=False)
    make(house, "spare")  # last: its segments are the highest
    # housekeeping: slots of what was removed go at once, and entries after two days
    attack(house, "UPDATE revisions SET committed_at = now() - interval '3 days' WHERE list = (SELECT number FROM lists WHERE id = 'alone')")
    eventually(lambda: house.one("SELECT count(*) FROM platesieve.revisions WHERE mode = 1 AND tidied = 0") == "0", 60)
    eventually(lambda: house.one("SELECT count(*) FROM platesieve.entries WHERE reference = 'b' AND list ="
                                 " (SELECT number FROM platesieve.lists WHERE id = 'alone')") == "0", 60)
    restart(house)
    before = alarms(house), unchecked(ask(house)), alerting(ask(house))
    house.stop(("gate",))
    house.forget_connections()
    other, spare = numbers(house, "alone"), numbers(house, "spare")
    places = {"O": other["L"], "O1": other["S1"], "O2": other["S2"], "G1": spare["S1"], "G": spare["S2"]}
    attack(house, "DO $$ DECLARE c text; BEGIN FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = 'lists'::regclass AND contype = 'c' LOOP"
                  " EXECUTE format('ALTER TABLE lists DROP CONSTRAINT %I', c); END LOOP; END $$")
    for name in names:
        sql = {**{rule: f"UPDATE lists SET {change} WHERE number = {{L}}" for rule, change in RULES.items()}, **ROWS, **GONE, **HARMLESS}[name]
        attack(house, sql.format(**numbers(house, name), **places))
    house.start(("gate",))
    eventually(lambda: house.ready()["ready"], 30, 0.1)
    return house, before


def test_nothing_was_refused_before(crime):
    """Pushes, changes, housekeeping and a start of the gate are honest."""
    _, (told, missing, _) = crime
    assert told == {} and missing == {}


def test_each_is_refused_and_named(crime):
    house, _ = crime
    told, answer = alarms(house), ask(house)
    wrong = {name: told.get(name) for name in [*RULES, *ROWS] if told.get(name) not in {("forged", False), ("missing", False)}}
    assert wrong == {}
    assert {name: told.get(name) for name in GONE} == {name: ("missing", False) for name in GONE}
    named = unchecked(answer)
    assert {name for name in [*RULES, *ROWS, *GONE] if named.get(name) not in {"forged", "missing"}} <= {"sites", "covert"}  # as their rows now say
    assert answer["degraded"]
    log = (house.folder / "log/gate.log").read_text()
    assert "list customs/tag in the database is not what gates made of it: somebody has written to the database; it is not served" in log


def test_others_go_on(crime):
    house, _ = crime
    told = alarms(house)
    assert not {"alone", *HARMLESS} & told.keys()
    answer = ask(house)
    assert alerting(answer) <= {"alone", *HARMLESS} and alerting(answer)
    assert {"alone", *HARMLESS} <= {one["list"] for one in answer["lists"]}
    assert not {*RULES, *ROWS, *GONE} & {one["list"] for one in answer["lists"]}
    assert ask(house, "QQ52FRG")["answers"][0]["answer"] == "clear"  # removed everywhere


def test_operators_see_it(crime):
    house, _ = crime
    metrics = house.metrics()
    assert metrics['platesieve_lists_refused{why="forged"}'] >= len(RULES) and metrics['platesieve_lists_refused{why="missing"}'] >= len(GONE)
    assert metrics['platesieve_alarm{what="lists"}'] == 1
    assert "lists" in house.get("/v1/status", OLGA).json()["degraded"]
    text = house.platesieve("--as", OLGA, "status").stdout
    assert "customs/grade" in text and "not what gates made of it" in text


def test_a_forged_row_takes_no_push(crime):
    """What somebody wrote is not sealed by the next honest push; the contents of an honest row are put right by a whole one."""
    house, _ = crime
    assert_problem(house.post("/v1/lists/covert/revisions", ANA, {"base": 2, "mode": "change"}), 409, "forged")
    house.push("tag", FIRST)
    eventually(lambda: "tag" not in alarms(house))
    assert "tag" in alerting(ask(house))


def test_sealed_anew_by_the_operator(crime):
    house, _ = crime
    assert "let it pass" not in command(house, "reseal", "customs/instruction")
    eventually(lambda: "instruction" not in alarms(house))
    alert = next(one for one in ask(house)["answers"][0]["alerts"] if one["list"] == "instruction")
    assert alert["instruction"] == "let it pass"  # the operator vouched for it
    assert "AGENCY/LIST" in command(house, "reseal", "nonsense", code=2)
    command(house, "reseal", "customs/no-such", code=1)
    house.push("instruction", SECOND, mode="change")


def test_while_it_runs_the_last_good_state_is_served(new_installation):
    house = new_installation()
    for name in ("one", "two", "three"):
        make(house, name)
    good = house.one("SELECT mac FROM platesieve.lists WHERE id = 'one'")
    attack(house, "UPDATE lists SET suspended = true WHERE id = 'one'; DELETE FROM slots WHERE segment = (SELECT base_segment FROM lists WHERE id = 'two');"
                  "UPDATE lists SET edition = edition + 1, mac = sha256('x') WHERE id = 'two'; DELETE FROM lists WHERE id = 'three';"
                  "UPDATE head SET version = version + 1")
    told = eventually(lambda: (now := alarms(house)) and len(now) == 3 and now)
    assert told == {"one": ("forged", True), "two": ("forged", True), "three": ("missing", True)}
    answer = ask(house)
    assert alerting(answer) == {"one", "two", "three"} and answer["degraded"] and answer["unchecked"] == []
    attack(house, f"UPDATE lists SET suspended = false WHERE id = 'one' AND mac = '{good}'; UPDATE head SET version = version + 1")
    eventually(lambda: "one" not in alarms(house))
    assert "list customs/one in the database is as it should be again" in (house.folder / "log/gate.log").read_text()
    restart(house)
    assert unchecked(ask(house)) == {"two": "forged", "three": "missing"}


def test_a_database_that_was_set_back(new_installation):
    """A backup is put back: older lists are refused until the operator says so; what was not older is served."""
    house = new_installation()
    make(house, "moved")
    make(house, "same")
    house.stop(("gate", "db"))
    backup = house.folder / "backup"
    shutil.copytree(house.cluster.data, backup, symlinks=True)
    subprocess.run(["chown", "-R", "--reference", house.cluster.data, backup], check=True)
    house.start(("db", "gate"))
    house.forget_connections()
    eventually(lambda: house.ready()["ready"], 30, 0.1)
    house.push("moved", [{"plate": "QQ54FRG", "jurisdiction": "US-TX", "reference": "d"}], mode="change", remove=["a"])
    assert ask(house, "QQ51FRG")["answers"][0]["answer"] == "hit" and alerting(ask(house, "QQ54FRG")) == {"moved"}
    house.stop(("gate", "db"))
    shutil.rmtree(house.cluster.data)
    shutil.copytree(backup, house.cluster.data, symlinks=True)
    subprocess.run(["chown", "-R", "--reference", backup, house.cluster.data], check=True)
    house.start(("db", "gate"))
    house.forget_connections()
    eventually(lambda: house.ready()["ready"], 30, 0.1)
    assert alarms(house) == {"moved": ("older", False)}
    told = ask(house)
    assert unchecked(told) == {"moved": "older"} and alerting(told) == {"same"}
    assert_problem(house.post("/v1/lists/moved/revisions", ANA, {"base": 2, "mode": "replace"}), 409, "forged")
    assert "a gate runs" in command(house, "accept-older", "customs/moved", code=1)
    house.stop(("gate",))
    house.forget_connections()
    assert "is forgotten" in command(house, "accept-older", "customs/moved")
    house.start(("gate",))
    eventually(lambda: house.ready()["ready"], 30, 0.1)
    assert alarms(house) == {} and alerting(ask(house)) == {"moved", "same"}
    house.push("moved", [{"plate": "QQ54FRG", "jurisdiction": "US-TX", "reference": "d"}], mode="change", remove=["a"])
    assert alerting(ask(house)) == {"same"}


def test_coverage_is_what_the_slots_say(installation):
    """That a list has all its tokens is not believed, but looked at."""
    house, name = installation, "half"
    house.new_list(list=name)
    epochs = house.epochs_to_push()
    house.push(name, FIRST, epochs=epochs[1:])
    attack(house, f"INSERT INTO list_epochs SELECT l.number, e.number, 1000, 0, true FROM lists l, epochs e WHERE l.id = '{name}' AND e.id = '{epochs[0]['id']}'"
                  " ON CONFLICT (list, epoch) DO UPDATE SET whole = true, slots = 1000; UPDATE head SET version = version + 1")
    restart(house)
    assert unchecked(ask(house))[name] == "no-tokens"
