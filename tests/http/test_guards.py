"""Guards, caps and suspension keep a list what it was: pushes that would make another of it, and lists that hit too much."""
import json
import secrets
import time

import pytest

import plates
from house import assert_problem, eventually
from process import Failure
from registration import INES, OLGA
from ruling import ANA, alarms, changed, check, entries, lists_hit, why_unchecked

# Small lists are guarded here; quick to wait for.
INSTALLATION = {"gate.lists.guard_entries_min": "10", "gate.lists.shrink_max_percent": "20", "gate.lists.grow_max_percent": "100",
                "gate.lists.suspend_share": "100", "gate.lists.suspend_reads_min": "300", "gate.lists.suspend_hits_min": "6"}


@pytest.fixture(scope="module", autouse=True)
def another_list(installation):
    """So that there is always one to be asked."""
    return installation.listed("QQ99XXX")


# -- guards and caps -------------------------------------------------------------------------------------------------------------


def push(house, name, rows, mode="replace", remove=(), operation="add", **options):
    """One revision; the answer to its commit, or to its part.  One that is refused is dropped."""
    lines = house.entry_lines(name, rows, operation=operation) + [json.dumps({"op": "remove", "reference": reference}) for reference in remove]
    body = "".join(line + "\n" for line in lines).encode()
    revision = house.open_revision(name, mode)
    answer = house.put_part(name, revision, 1, body) if body else None
    if answer is None or answer.status_code == 200:
        bodies = [body] if body else []
        answer = house.post(f"/v1/lists/{name}/revisions/{revision}/commit", ANA,
                            {"parts": len(bodies), "entries": len(lines), "sha256": plates.digest_of_parts(bodies), **options})
    if answer.status_code != 200:
        assert house.delete(f"/v1/lists/{name}/revisions/{revision}", ANA).status_code == 204
    return answer


def test_a_list_that_would_shrink(installation):
    house, name = installation, installation.new_list()
    assert push(house, name, entries(20, "QS")).status_code == 200
    assert push(house, name, entries(16, "QS")).status_code == 200  # 20 %
    for answer in (push(house, name, entries(5, "QS")), push(house, name, [], "change", [f"r{number}" for number in range(4)]), push(house, name, [])):
        problem = assert_problem(answer, 422, "guard")
        assert problem["guard"]["why"] == "shrinks" and problem["guard"]["from"] == 16 and problem["guard"]["percent_max"] == 20
    now = house.list_object(name)
    assert now["entries"] == 16 and now["revision"] == 2 and now["refusal"]["why"] == "shrinks" and now["refusal"]["by"] == ANA
    eventually(lambda: alarms(house, name).get("refused", {}).get("why") == "shrinks", 2)
    assert house.metrics()['platesieve_alarm{what="list-refused"}'] == 1
    eventually(lambda: lists_hit(house, "QS00015") == [name], 2)
    assert push(house, name, entries(5, "QS"), override=True).status_code == 200
    assert house.list_object(name)["refusal"] is None
    eventually(lambda: "refused" not in alarms(house, name), 2)
    assert "overrode the guard" in (house.folder / "log/gate.log").read_text()
    assert push(house, name, entries(1, "QS")).status_code == 200  # tiny lists are not guarded
    assert push(house, name, entries(40, "QS")).status_code == 200


def test_a_list_that_would_grow(installation):
    house, name = installation, installation.new_list()
    assert push(house, name, entries(10)).status_code == 200
    problem = assert_problem(push(house, name, entries(21)), 422, "guard")
    assert problem["guard"] == {"why": "grows", "from": 10, "to": 21, "percent_max": 100}
    more = [{"plate": f"QR{number:05d}", "jurisdiction": "US-TX", "reference": f"m{number}"} for number in range(11)]
    assert_problem(push(house, name, more, "change"), 422, "guard")
    assert house.list_object(name)["entries"] == 10
    assert push(house, name, more[:10], "change").status_code == 200
    assert push(house, name, more[10:], "change").status_code == 200
    for wrong in ("yes", 1, None):
        assert_problem(push(house, name, entries(10), override=wrong), 400, "bad-field")


def test_operators_cap_a_list(installation):
    house, name = installation, installation.new_list()
    path = f"/v1/agencies/customs/lists/{name}/cap"
    assert push(house, name, entries(5, "QC")).status_code == 200
    assert house.put(path, OLGA, '{"tokens": 9}').json() == {"agency": "customs", "list": name, "cap_tokens": 9}
    assert house.list_object(name)["cap_tokens"] == 9 and house.list_object(name)["entries"] == 5  # nothing was taken away
    eventually(lambda: lists_hit(house, "QC00001") == [name], 2)
    # 5 entries have 10 tokens (full, plate): as a whole, one by one, and as tokens for what stands.
    assert_problem(push(house, name, entries(5, "QC")), 422, "cap")
    assert_problem(push(house, name, entries(1, "QC"), "change"), 422, "cap")
    assert_problem(push(house, name, entries(5, "QC"), override=True), 422, "cap")
    assert_problem(push(house, name, entries(5, "QC"), "tokens", operation="tokens"), 422, "cap")
    assert house.list_object(name)["refusal"]["why"] == "cap" and house.list_object(name)["revision"] == 1
    eventually(lambda: alarms(house, name).get("refused", {}).get("why") == "cap", 2)
    assert push(house, name, entries(4, "QC")).status_code == 200
    assert house.put(path, OLGA, '{"tokens": 100}').status_code == 200
    assert push(house, name, entries(8, "QC")).status_code == 200


def test_only_operators_cap_and_suspend(installation):
    house, name = installation, installation.new_list()
    base = f"/v1/agencies/customs/lists/{name}"
    for identity in (ANA, INES, "reader/north/1"):
        assert_problem(house.put(f"{base}/cap", identity, '{"tokens": 5}'), 403, "forbidden")
        assert_problem(house.put(f"{base}/suspension", identity, '{"why": "x"}'), 403, "forbidden")
        assert_problem(house.delete(f"{base}/suspension", identity), 403, "forbidden")
    for path in (f"/v1/agencies/marshals/lists/{name}", "/v1/agencies/customs/lists/never-made", "/v1/agencies/Customs/lists/x"):
        assert_problem(house.put(f"{path}/cap", OLGA, '{"tokens": 5}'), 404, "not-found")
        assert_problem(house.put(f"{path}/suspension", OLGA, '{"why": "x"}'), 404, "not-found")
        assert_problem(house.delete(f"{path}/suspension", OLGA), 404, "not-found")
    for body in ('{}', '{"tokens": -1}', '{"tokens": 1073741825}', '{"tokens": "5"}', '{"tokens": 5, "x": 1}'):
        assert_problem(house.put(f"{base}/cap", OLGA, body), 400, "bad-field")
    for body in ('{}', '{"why": ""}', '{"why": 5}', json.dumps({"why": "x" * 257}), '{"why": "a\\nb"}'):
        assert_problem(house.put(f"{base}/suspension", OLGA, body), 400, "bad-field")


def test_the_agencys_role_can_touch_neither(installation):
    """Not even by SQL of its own."""
    house, name = installation, installation.new_list()
    update = f"""BEGIN; SELECT platesieve.fence_give('{"i" * 64}', '{"o" * 64}');
        SELECT set_config('app.agency', 'customs', true), set_config('app.operator', '', true), set_config('app.proof', encode(sha256('{"o" * 64}'::bytea ||
            sha256('{"i" * 64}'::bytea || convert_to('platesieve/1/fence' || chr(31) || 'customs' || chr(31) || chr(31) || pg_backend_pid() || '.' ||
            (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint, 'UTF8'))), 'hex'), true);
        SET LOCAL ROLE platesieve_agency; UPDATE platesieve.lists SET {{}} WHERE id = '{name}' RETURNING priority; ROLLBACK"""
    assert house.sql(update.format("priority = 3"))[-1] == ["3"]  # the proof is good
    for assignment in ("cap_tokens = 1 << 30", "suspended = true", "suspended_at = now()", "resumed_at = now()"):
        with pytest.raises(Failure):
            house.sql(update.format(assignment))


# -- suspension by hand ----------------------------------------------------------------------------------------------------------


def test_operators_suspend_and_resume(installation):
    house = installation
    name = house.listed("QQ08SUS")
    path = f"/v1/agencies/customs/lists/{name}/suspension"
    assert lists_hit(house, "QQ08SUS") == [name]
    assert house.put(path, OLGA, '{"why": "Half of Texas is on it."}').json()["changed"]
    eventually(lambda: lists_hit(house, "QQ08SUS") == [], 1)
    assert why_unchecked(house, "QQ08SUS", name) == "suspended"
    shown = house.list_object(name)
    assert shown["state"] == "suspended" and shown["suspension"]["by"] == OLGA and shown["suspension"]["why"] == "Half of Texas is on it."
    assert alarms(house, name)["suspended"]["at"] == shown["suspension"]["at"] and house.metrics()['platesieve_alarm{what="list-suspended"}'] == 1
    assert not house.put(path, OLGA, '{"why": "Again."}').json()["changed"]
    assert house.list_object(name)["suspension"] == shown["suspension"]
    changed(house, name, priority=1)  # its agency goes on keeping it, and can't lift that
    assert house.list_object(name)["suspended"]
    assert house.delete(path, OLGA).status_code == 204
    eventually(lambda: lists_hit(house, "QQ08SUS") == [name], 1)
    assert house.list_object(name)["suspension"] is None and "suspended" not in alarms(house, name)
    assert house.delete(path, OLGA).status_code == 204


# -- suspension by the gates -------------------------------------------------------------------------------------------------------


def reads(house, lane_name, listed, count):
    """COUNT reads at a lane of its own, among them the plates LISTED; what the last answer said of lists."""
    with house.session(lane_name) as session:
        lane = session.get(house.url("/v1/lane"), timeout=30).json()
        texts = [*listed, *(f"QZ{number:05d}" for number in range(count - len(listed)))]
        made = [house.read(lane, text) for text in texts]
        for start in range(0, len(made), 60):
            answer = session.post(house.url("/v1/checks"), json=house.check_body(lane, made[start:start + 60]), timeout=30)
            assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("covert", (False, True), ids=("open", "covert"))
def test_a_list_that_hits_too_much_is_suspended(installation, covert):
    house, lane_name = installation, f"reader/excess/{'covert' if covert else 'open'}"
    house.issue(lane_name)
    other = house.listed("QX00001")
    prefix = "QK" if covert else "QL"
    rows = entries(9, prefix)
    name = house.new_list(covert=covert)
    house.push(name, rows)
    plates_of = [row["plate"] for row in rows]
    reads(house, lane_name, plates_of[:5], 400)  # five entries of it, as often as you like
    reads(house, lane_name, plates_of[:5] * 4, 60)
    time.sleep(0.7)
    assert not house.list_object(name)["suspended"]
    policy = house.lane(lane_name)["policy"]
    reads(house, lane_name, plates_of[:5] + plates_of[5:], 60)
    eventually(lambda: house.list_object(name)["suspended"], 2)
    shown = house.list_object(name)
    assert shown["state"] == "suspended" and shown["suspension"]["by"] == "gate-1"
    why = shown["suspension"]["why"]  # operators read it: of a covert list neither where it hits nor how often
    assert why and (not covert and lane_name in why or covert and not any(char.isdigit() for char in why))
    assert not house.list_object(other)["suspended"] and alarms(house, name)["suspended"]
    assert f"list customs/{name} is suspended: {why}\n" in (house.folder / "log/gate.log").read_text()
    eventually(lambda: house.metrics()['platesieve_alarm{what="list-suspended"}'] == 1, 2)

    before = len(house.hits(name))
    answer = check(house, plates_of[0], lane_name)
    assert answer["answers"][0]["answer"] == "clear" and house.lane(lane_name)["policy"] == policy
    told = [one["why"] for one in answer["unchecked"] if one["list"] == name]
    assert told == ([] if covert else ["suspended"])
    time.sleep(0.5)
    assert len(house.hits(name)) == before

    house.platesieve("list", "resume", f"customs/{name}")
    if covert:
        eventually(lambda: (check(house, plates_of[6], "reader/south/2"), len(house.hits(name)) > before)[1], 3)
    else:
        eventually(lambda: lists_hit(house, plates_of[6], "reader/south/2") == [name], 2)
    reads(house, lane_name, plates_of, 100)  # it begins anew: not enough reads yet
    time.sleep(0.7)
    assert not house.list_object(name)["suspended"]


def test_suspended_while_the_database_is_away(installation):
    """At this gate at once; at all of them when the database is back."""
    house, lane_name = installation, "reader/excess/away"
    house.issue(lane_name)
    name = house.new_list()
    rows = entries(9, "QW")
    house.push(name, rows)
    plates_of = [row["plate"] for row in rows]
    reads(house, lane_name, plates_of[:5], 400)
    with house.without("db"):
        reads(house, lane_name, plates_of, 60)
        eventually(lambda: lists_hit(house, plates_of[0], lane_name) == [], 3)
        assert why_unchecked(house, plates_of[0], name, lane_name) == "suspended"
    eventually(lambda: house.list_object(name)["suspended"], 20)


def test_later_looks_count_for_the_share(installation):
    """A lane that calls nearly everything a later look makes no list look broad by that, and hides none of its hits."""
    house, lane_name = installation, "reader/excess/again"
    house.issue(lane_name)
    rows = entries(6, "QJ")
    name = house.new_list()
    house.push(name, rows)
    lane = house.lane(lane_name)
    clear, listed = house.read(lane, "QZ00001"), [house.read(lane, row["plate"]) for row in rows]
    looks = [{**clear, "read_id": plates.text64(secrets.token_bytes(16)), "again": number >= 300} for number in range(600)]
    looks += [{**one, "again": True} for one in listed]
    for start in range(0, len(looks), 60):
        answer = house.post("/v1/checks", lane_name, house.check_body(lane, looks[start:start + 60]))
        assert answer.status_code == 200, answer.text
    assert len(house.wait_hits(6, name)) == 6
    time.sleep(0.7)
    assert not house.list_object(name)["suspended"]  # 6 of 606, where 1 in 100 is allowed


# -- the client ------------------------------------------------------------------------------------------------------------------


def test_the_clients_operator(installation):
    house = installation
    name = house.listed("QQ09OPR")
    assert "cap set" in house.platesieve("list", "cap", f"customs/{name}", "1234").stdout
    assert house.list_object(name)["cap_tokens"] == 1234
    house.platesieve("list", "suspend", f"customs/{name}", "--why", "Too broad.")
    shown = house.platesieve("--as", ANA, "list", "show", name).stdout
    assert "SUSPENDED" in shown and "Too broad." in shown
    eventually(lambda: f"ALARM      customs/{name} is suspended since 20" in house.platesieve("--as", OLGA, "status").stdout, 2)
    house.platesieve("list", "resume", f"customs/{name}")
    assert not house.list_object(name)["suspended"]
    for wrong in (("cap", name, "5"), ("cap", f"customs/{name}"), ("cap", f"customs/{name}", "x"), ("suspend", f"customs/{name}"), ("suspend", f"customs/{name}", "--why", ""),
                  ("resume",), ("resume", "a/b/c")):
        house.platesieve("list", *wrong, code=2)
    assert "not-found" in house.platesieve("list", "resume", "customs/never-made", code=5).stderr


def test_the_client_overrides_a_guard(installation, tmp_path):
    house, name = installation, installation.new_list()
    header = "plate,jurisdiction,reference\n"
    (tmp_path / "long.csv").write_text(header + "".join(f"QT{number:05d},NL,r{number}\n" for number in range(20)))
    (tmp_path / "short.csv").write_text(header + "QT00001,NL,r1\n")
    house.platesieve("--as", ANA, "list", "push", name, tmp_path / "long.csv")
    done = house.platesieve("--as", ANA, "list", "push", name, tmp_path / "short.csv", code=5)
    assert "422 guard" in done.stderr and "20 entries would become 1" in done.stderr and "--override" in done.stderr
    assert "REFUSED" in house.platesieve("--as", ANA, "list", "show", name).stdout and house.list_object(name)["entries"] == 20
    house.platesieve("--as", ANA, "list", "push", name, tmp_path / "short.csv", "--override")
    assert house.list_object(name)["entries"] == 1
    assert "REFUSED" not in house.platesieve("--as", ANA, "list", "show", name).stdout
