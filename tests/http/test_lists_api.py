"""Lists and their revisions through the gate: at once and whole, or not at all."""
import hashlib
import json
import threading

import pytest

import plates
from house import assert_problem, eventually, now_text

ANA, EVA, BEN = "agency/customs/ana", "agency/customs/eva", "agency/marshals/ben"


def plate_number(number):
    return f"QQ{number:04d}X"


def entry(number, **fields):
    return {"plate": plate_number(number), "jurisdiction": "US-TX", "reference": f"case-{number}", **fields}


def hit_lists(installation, plate, **options):
    return {one["list"] for one in installation.check(plate, **options).get("alerts", ())}


# -- lists ----------------------------------------------------------------------------------------------------------------------


def test_defaults_and_object(installation):
    name = installation.new_list()
    told = installation.list_object(name)
    expected = {"list": name, "agency": "customs", "category": "stolen", "priority": 50, "grade": "plate", "covert": False, "sites": [], "cooldown_s": 300,
                "retention_days": 30, "instruction": "", "age_limit_s": 86400, "suspended": False, "revision": 0, "committed_at": None, "entries": 0}
    assert {key: told[key] for key in expected} | {"instruction": told["instruction"] or ""} == expected
    assert told["cap_tokens"] > 0


def test_given_members_are_kept(installation):
    fields = {"category": "abduction", "priority": 95, "grade": "near", "covert": True, "sites": ["north", "south"], "cooldown_s": 60, "retention_days": 7,
              "instruction": "Call at once — don’t stop.", "age_limit_s": 3600,
              "ends_at": now_text(20 * 86400)}
    told = installation.list_object(installation.new_list(**fields))
    assert {key: told[key] for key in fields} == fields


def test_same_name_twice_but_not_across_agencies(installation):
    name = installation.new_list()
    assert_problem(installation.post("/v1/lists", EVA, {"list": name, "category": "stolen"}), 409, "list-exists")
    assert installation.new_list(BEN, list=name) == name
    assert installation.list_object(name, BEN)["agency"] == "marshals"
    assert installation.list_object(name, EVA)["agency"] == "customs"


@pytest.mark.parametrize("fields", [
    {"list": "Upper"}, {"list": ""}, {"list": "a" * 49}, {"list": "a/b"}, {"list": ".hidden"}, {"list": 5}, {"category": ""}, {"category": "x" * 49},
    {"priority": 101}, {"priority": -1}, {"priority": "high"}, {"grade": "fuzzy"}, {"covert": "yes"}, {"sites": "north"}, {"sites": ["North"]},
    {"sites": [1]}, {"cooldown_s": 86401}, {"retention_days": 0}, {"retention_days": 3651}, {"instruction": "x" * 257}, {"age_limit_s": 0},
    {"extra": 1}, {"priority": 1.5}, {"ends_at": "tomorrow"}, {"ends_at": 5}, {"rules_version": 1},
], ids=str)
def test_bad_members(installation, fields):
    body = {"list": "bad-members", "category": "stolen", **fields}
    assert_problem(installation.post("/v1/lists", ANA, body), 400, "bad-field")
    assert_problem(installation.get("/v1/lists/bad-members", ANA), 404, "not-found")


@pytest.mark.parametrize("text", ['{"list": "x"', "[]", "null", '{"list": "a", "list": "b", "category": "c"}', "[" * 100 + "]" * 100, '"list"'])
def test_bad_bodies(installation, text):
    problem = assert_problem(installation.post("/v1/lists", ANA, data=text.encode()), 400)
    assert problem["type"].rpartition("/")[2] in ("bad-json", "bad-field")


def test_another_agencys_list_is_not_there(installation):
    """Not to be read, pushed to, or told from one that does not exist."""
    name = installation.listed("QQ0900Y")
    nowhere = installation.get("/v1/lists/no-such-list", BEN)
    for answer in (installation.get(f"/v1/lists/{name}", BEN), installation.post(f"/v1/lists/{name}/revisions", BEN, {"base": 1, "mode": "change"}),
                   installation.get(f"/v1/lists/{name}/revisions/1", BEN), installation.delete(f"/v1/lists/{name}/revisions/1", BEN),
                   installation.put_part(name, 1, 1, b"", BEN), installation.commit(name, 1, [], 0, BEN)):
        assert_problem(answer, 404, "not-found")
        assert answer.json() == nowhere.json()
    assert name not in [one["list"] for one in installation.get("/v1/lists", BEN).json()["lists"]]
    assert_problem(installation.get("/v1/lists?agency=customs", BEN), 403, "forbidden")
    assert name in [one["list"] for one in installation.get("/v1/lists", EVA).json()["lists"]]


def test_operators_and_auditors_see_all_and_change_nothing(installation):
    mine, theirs = installation.new_list(), installation.new_list(BEN)
    for identity in ("operator/gate/olga", "auditor/ines"):
        lists = installation.get("/v1/lists", identity).json()["lists"]
        assert {("customs", mine), ("marshals", theirs)} <= {(one["agency"], one["list"]) for one in lists}
        only = installation.get("/v1/lists?agency=marshals", identity).json()["lists"]
        assert {one["agency"] for one in only} == {"marshals"}
        assert installation.get(f"/v1/lists/{mine}?agency=customs", identity).json()["list"] == mine
        assert_problem(installation.post("/v1/lists", identity, {"list": "x", "category": "y"}), 403, "forbidden")
        assert_problem(installation.get("/v1/hits", identity), 403, "forbidden")
    assert_problem(installation.get("/v1/lists", "operator/keys/kim"), 403, "unregistered")


# -- revisions ------------------------------------------------------------------------------------------------------------------


def test_replace_change_and_tokens(installation):
    name = installation.new_list()
    told = installation.push(name, [entry(1), entry(2)])
    assert (told["revision"], told["entries"]) == (1, 2) and told["committed_at"]
    assert all(epoch["covered"] for epoch in told["epochs"])
    assert name in hit_lists(installation, plate_number(1)) and name in hit_lists(installation, plate_number(2))

    told = installation.push(name, [entry(3)], mode="change", remove=["case-1"])
    assert told["entries"] == 2
    assert [name in hit_lists(installation, plate_number(number)) for number in (1, 2, 3)] == [False, True, True]

    told = installation.push(name, [entry(4)])
    assert told["entries"] == 1
    assert [name in hit_lists(installation, plate_number(number)) for number in (1, 2, 3, 4)] == [False, False, False, True]

    told = installation.push(name, [])
    assert told["entries"] == 0
    assert name not in hit_lists(installation, plate_number(4))


def test_added_again_replaces_the_entry(installation):
    name = installation.new_list()
    installation.push(name, [{"plate": "QQ1100A", "jurisdiction": "US-TX", "reference": "case"}])
    told = installation.push(name, [{"plate": "QQ1100B", "jurisdiction": "US-TX", "reference": "case"}], mode="change")
    assert told["entries"] == 1
    assert name not in hit_lists(installation, "QQ1100A") and name in hit_lists(installation, "QQ1100B")


def test_nothing_is_visible_before_commit(installation):
    name = installation.new_list()
    installation.push(name, [entry(10)])
    revision = installation.open_revision(name, "replace")
    body = "\n".join(installation.entry_lines(name, [entry(11)])).encode() + b"\n"
    assert installation.put_part(name, revision, 1, body).status_code == 200
    assert [name in hit_lists(installation, plate_number(number)) for number in (10, 11)] == [True, False]
    assert installation.list_object(name)["revision"] == 1
    told = installation.commit(name, revision, [body], 1).json()
    assert told["revision"] == revision
    installation.wait_live(name, revision)
    assert [name in hit_lists(installation, plate_number(number)) for number in (10, 11)] == [False, True]
    # the same commit again is the same answer
    again = installation.commit(name, revision, [body], 1)
    assert again.status_code == 200 and again.json()["revision"] == revision


def test_entry_is_live_within_a_second(installation):
    name = installation.new_list()
    installation.push(name, [entry(12)])
    revision = installation.open_revision(name, "change")
    body = "\n".join(installation.entry_lines(name, [entry(13)])).encode() + b"\n"
    installation.put_part(name, revision, 1, body)
    assert installation.commit(name, revision, [body], 1).status_code == 200
    eventually(lambda: name in hit_lists(installation, plate_number(13)), 1.0, 0.02)


def test_parts_resume_and_are_idempotent(installation):
    name = installation.new_list()
    revision = installation.open_revision(name)
    bodies = ["".join(line + "\n" for line in installation.entry_lines(name, [entry(number) for number in numbers])).encode()
              for numbers in ((20, 21), (22,))]
    for number, body in ((2, bodies[1]), (1, bodies[0]), (1, bodies[0])):
        told = installation.put_part(name, revision, number, body).json()
        assert told == {"part": number, "lines": body.count(b"\n"), "sha256": hashlib.sha256(body).hexdigest()}
    state = installation.get(f"/v1/lists/{name}/revisions/{revision}", ANA).json()
    assert (state["revision"], state["base"], state["mode"], state["state"]) == (revision, 0, "replace", "open")
    assert sorted((part["part"], part["lines"], part["sha256"]) for part in state["parts"]) == \
           [(number, body.count(b"\n"), hashlib.sha256(body).hexdigest()) for number, body in enumerate(bodies, 1)]
    # another body under the same number takes its place
    other = "".join(line + "\n" for line in installation.entry_lines(name, [entry(23)])).encode()
    assert installation.put_part(name, revision, 2, other).status_code == 200
    assert installation.commit(name, revision, [bodies[0], other], 3).status_code == 200
    installation.wait_live(name, revision)
    assert [name in hit_lists(installation, plate_number(number)) for number in (20, 22, 23)] == [True, False, True]
    assert_problem(installation.put_part(name, revision, 3, other), 409, "committed")


def test_commit_that_does_not_add_up_changes_nothing(installation):
    name = installation.new_list()
    installation.push(name, [entry(30)])
    revision = installation.open_revision(name)
    body = "".join(line + "\n" for line in installation.entry_lines(name, [entry(31), entry(32)])).encode()
    installation.put_part(name, revision, 1, body)
    path = f"/v1/lists/{name}/revisions/{revision}/commit"
    right = {"parts": 1, "entries": 2, "sha256": plates.digest_of_parts([body])}
    for wrong in ({"parts": 2}, {"parts": 0}, {"entries": 1}, {"entries": 3}, {"sha256": "0" * 64}):
        assert_problem(installation.post(path, ANA, {**right, **wrong}), 422, "parts")
    for wrong in ({"sha256": "0" * 63}, {"sha256": "Z" * 64}, {"parts": -1}, {"parts": "1"}, {"extra": 1}):
        assert_problem(installation.post(path, ANA, {**right, **wrong}), 400, "bad-field")
    assert installation.list_object(name)["revision"] == 1
    assert [name in hit_lists(installation, plate_number(number)) for number in (30, 31)] == [True, False]
    assert installation.post(path, ANA, right).status_code == 200


def test_missing_part_is_noticed(installation):
    name = installation.new_list()
    revision = installation.open_revision(name)
    bodies = ["".join(line + "\n" for line in installation.entry_lines(name, [entry(number)])).encode() for number in (33, 34)]
    installation.put_part(name, revision, 1, bodies[0])
    installation.put_part(name, revision, 3, bodies[1])
    assert_problem(installation.commit(name, revision, bodies, 2), 422, "parts")
    assert installation.list_object(name)["revision"] == 0


def test_push_that_broke_off_leaves_the_old_revision(installation):
    name = installation.new_list()
    installation.push(name, [entry(35)])
    revision = installation.open_revision(name)
    assert installation.put_part(name, revision, 1, "\n".join(installation.entry_lines(name, [entry(36)])).encode()).status_code == 200
    assert installation.delete(f"/v1/lists/{name}/revisions/{revision}", ANA).status_code == 204
    assert_problem(installation.get(f"/v1/lists/{name}/revisions/{revision}", ANA), 404, "not-found")
    assert_problem(installation.commit(name, revision, [], 0), 404, "not-found")
    assert [name in hit_lists(installation, plate_number(number)) for number in (35, 36)] == [True, False]


def test_base_must_be_the_current_revision(installation):
    name = installation.new_list()
    installation.push(name, [entry(40)])
    assert_problem(installation.post(f"/v1/lists/{name}/revisions", ANA, {"base": 0, "mode": "change"}), 409, "base")
    first = installation.open_revision(name, "change")
    second = installation.open_revision(name, "change", EVA)
    body = "".join(line + "\n" for line in installation.entry_lines(name, [entry(41)])).encode()
    for revision in (first, second):
        assert installation.put_part(name, revision, 1, body).status_code == 200
    assert installation.commit(name, first, [body], 1).status_code == 200
    assert_problem(installation.commit(name, second, [body], 1), 409, "base")
    assert installation.list_object(name)["entries"] == 2


def test_commits_at_the_same_time_one_wins(installation):
    name = installation.new_list()
    revisions = [installation.open_revision(name) for _ in range(4)]
    bodies = ["".join(line + "\n" for line in installation.entry_lines(name, [entry(50 + number)])).encode() for number in range(4)]
    for revision, body in zip(revisions, bodies):
        assert installation.put_part(name, revision, 1, body).status_code == 200
    answers = {}

    def run(number):
        session = installation.session(ANA)
        path = f"/v1/lists/{name}/revisions/{revisions[number]}/commit"
        answers[number] = session.post(installation.url(path), timeout=30, json={
            "parts": 1, "entries": 1, "sha256": plates.digest_of_parts([bodies[number]])}).status_code

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.values()) == [200, 409, 409, 409]
    winner = next(number for number, code in answers.items() if code == 200)
    installation.wait_live(name, revisions[winner])
    assert [name in hit_lists(installation, plate_number(50 + number)) for number in range(4)] == [number == winner for number in range(4)]


def test_at_most_four_open_revisions(installation):
    name = installation.new_list()
    for _ in range(4):
        installation.open_revision(name)
    assert_problem(installation.post(f"/v1/lists/{name}/revisions", ANA, {"base": 0, "mode": "replace"}), 409, "too-many")


@pytest.mark.parametrize("body", [{"base": 0}, {"mode": "replace"}, {"base": -1, "mode": "replace"}, {"base": 0, "mode": "merge"},
                                  {"base": "0", "mode": "replace"}, {"base": 0, "mode": "replace", "x": 1}], ids=str)
def test_bad_revision(installation, body):
    name = installation.new_list()
    assert_problem(installation.post(f"/v1/lists/{name}/revisions", ANA, body), 400, "bad-field")


# -- parts ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pushing(installation):
    """(name, revision, a good line, its epoch)"""
    name = installation.new_list()
    installation.push(name, [entry(60)])
    line = json.loads(installation.entry_lines(name, [entry(61)])[0])
    return name, installation.open_revision(name, "change"), line, next(iter(line["tokens"]))


def line_changes(line, epoch):
    tokens = line["tokens"][epoch]
    token = tokens["plate"][0]

    def with_tokens(**grades):
        return {**line, "tokens": {epoch: {**tokens, **grades}}}
    return {
        "no reference": {key: value for key, value in line.items() if key != "reference"}, "reference too long": {**line, "reference": "x" * 65},
        "reference empty": {**line, "reference": ""}, "reference a number": {**line, "reference": 7}, "control character": {**line, "reference": "a\nb"},
        "unknown op": {**line, "op": "upsert"}, "no op": {key: value for key, value in line.items() if key != "op"},
        "op of another mode": {**line, "op": "tokens"}, "unknown member": {**line, "plate": "ZZZ9999"}, "no tokens": {key: value for key, value in line.items() if key != "tokens"},
        "expires in words": {**line, "expires": "soon"}, "expires before effective": {**line, "effective": now_text(60), "expires": now_text(0)},
        "token without tag": with_tokens(plate=[token[:22]]), "token too long": with_tokens(plate=[token + "A"]), "token not base64url": with_tokens(plate=["!" * 32]),
        "token a number": with_tokens(plate=[1]), "tokens not an array": with_tokens(plate=token), "unknown grade": with_tokens(fuzzy=[token]),
        "too many tokens": with_tokens(plate=[token] * 1226), "not an object": [line], "removal with tokens": {**line, "op": "remove"},
    }


NAMES = list(line_changes({"reference": "", "op": "", "tokens": {"e": {"plate": ["A" * 32]}}}, "e"))


@pytest.mark.parametrize("name", NAMES)
def test_bad_line(installation, pushing, name):
    list_name, revision, line, epoch = pushing
    bad = json.dumps(line_changes(line, epoch)[name])
    good = json.dumps({**line, "reference": "good"})
    answer = installation.put_part(list_name, revision, 7, f"{good}\n{bad}\n".encode())
    problem = assert_problem(answer, 422)
    assert problem["type"].rpartition("/")[2] in ("line", "parts")
    if problem["type"].endswith("/line"):
        assert problem.get("line", 2) == 2  # what only the database can tell is said without a line
    assert "ZZZ9999" not in answer.text and "soon" not in answer.text
    parts = installation.get(f"/v1/lists/{list_name}/revisions/{revision}", ANA).json()["parts"]
    assert 7 not in [part["part"] for part in parts]


@pytest.mark.parametrize("text", [b"not json\n", b'{"op": "add"\n', b"{}\n", b'{"op":"add","op":"add"}\n', b"[" * 3000 + b"\n", b"\xff\xfe\n", b"{} {}\n"], ids=repr)
def test_bad_text(installation, pushing, text):
    problem = assert_problem(installation.put_part(pushing[0], pushing[1], 8, text), 422, "line")
    assert problem["line"] == 1


def test_tokens_of_a_grade_that_the_list_wants_are_missing(installation):
    """An entry with `full` alone would let a read of unknown jurisdiction pass as clear, on a list that says it covers the epoch."""
    name = installation.new_list(grade="similar")
    line = json.loads(installation.entry_lines(name, [{"plate": "QQ81SM1", "jurisdiction": "US-TX"}], grade="similar")[0])
    revision = installation.open_revision(name)
    for missing in ("plate", "similar"):
        poor = {**line, "tokens": {epoch: {grade: made for grade, made in tokens.items() if grade != missing}
                                   for epoch, tokens in line["tokens"].items()}}
        assert_problem(installation.put_part(name, revision, 1, json.dumps(poor).encode()), 422, "line")
    del line["tokens"][next(iter(line["tokens"]))]["full"]
    assert installation.put_part(name, revision, 1, json.dumps(line).encode()).status_code == 200


def test_reference_twice(installation, pushing):
    name, _, line, _ = pushing
    revision = installation.open_revision(name, "change")
    twice = (json.dumps(line) + "\n").encode() * 2
    answer = installation.put_part(name, revision, 1, twice)
    if answer.status_code == 200:
        answer = installation.commit(name, revision, [twice], 2)
    assert_problem(answer, 422, "duplicate-reference")
    installation.delete(f"/v1/lists/{name}/revisions/{revision}", ANA)


def test_reference_in_two_parts(installation, pushing):
    name, _, line, _ = pushing
    revision = installation.open_revision(name, "change")
    body = (json.dumps(line) + "\n").encode()
    first = installation.put_part(name, revision, 1, body)
    assert first.status_code == 200
    answer = installation.put_part(name, revision, 2, body)
    if answer.status_code == 200:
        answer = installation.commit(name, revision, [body, body], 2)
    assert_problem(answer, 422, "duplicate-reference")
    installation.delete(f"/v1/lists/{name}/revisions/{revision}", ANA)


def test_wrong_or_unknown_key(installation, pushing):
    name, revision, line, epoch = pushing
    body = (json.dumps(line) + "\n").encode()
    wrong = {"Content-Type": "application/jsonl", "Platesieve-Key-Ids": f"{epoch}={'A' * 22}"}
    assert_problem(installation.put_part(name, revision, 9, body, headers=wrong), 409, "key-id")
    absent = {"Content-Type": "application/jsonl", "Platesieve-Key-Ids": f"20200101T000000Z={'A' * 22}"}
    assert_problem(installation.put_part(name, revision, 9, body, headers=absent), 409, "key-id")
    for text in ("", "nonsense", f"{epoch}", f"{epoch}=AAAA"):
        answer = installation.put_part(name, revision, 9, body, headers={"Content-Type": "application/jsonl", "Platesieve-Key-Ids": text})
        assert answer.status_code in (409, 422), answer.text
        assert answer.json()["type"].endswith("/key-id")


def test_part_too_large(installation, pushing):
    answer = installation.put_part(pushing[0], pushing[1], 10, b" " * (4 * 1024 * 1024 + 1))
    assert_problem(answer, 413, "body-too-large")


@pytest.mark.parametrize("path", ["0", "4097", "x", "-1", "1.5", "99999999999999999999"])
def test_part_numbers(installation, pushing, path):
    answer = installation.put(f"/v1/lists/{pushing[0]}/revisions/{pushing[1]}/parts/{path}", ANA, b"", headers=installation.key_ids())
    assert answer.status_code in (400, 404)


def test_tokens_for_an_entry_that_does_not_stand(installation):
    name = installation.new_list()
    installation.push(name, [entry(70)])
    lines = installation.entry_lines(name, [entry(71)], operation="tokens")
    revision = installation.open_revision(name, "tokens")
    body = (lines[0] + "\n").encode()
    answer = installation.put_part(name, revision, 1, body)
    if answer.status_code == 200:
        answer = installation.commit(name, revision, [body], 1)
    assert_problem(answer, 422, "unknown-reference")
    assert installation.list_object(name)["revision"] == 1


def test_tokens_for_one_epoch_then_the_rest(installation):
    """A list that was pushed for one epoch only is named under `unchecked` in the other, until its tokens come."""
    epochs = installation.epochs(("coming", "open"))
    if len(epochs) < 2:
        pytest.skip("only one epoch is known")
    name = installation.new_list()
    told = installation.push(name, [entry(80)], epochs=epochs[1:])
    covered = {epoch["id"]: epoch["covered"] for epoch in told["epochs"]}
    assert covered.get(epochs[0]["id"]) in (None, False) and covered[epochs[1]["id"]]
    if epochs[0]["state"] == "open" and epochs[1]["state"] == "coming":
        lane = installation.lane("reader/north/1")
        answer = installation.post("/v1/checks", "reader/north/1", installation.check_body(lane, [installation.read(lane, plate_number(80))])).json()
        assert {"agency": "customs", "list": name, "why": "no-tokens"} in answer["unchecked"]
        assert name not in [one["list"] for one in answer["lists"]]
    told = installation.push(name, [entry(80)], mode="tokens", epochs=epochs[:1])
    assert all(epoch["covered"] for epoch in told["epochs"]) and told["entries"] == 1
    assert name in hit_lists(installation, plate_number(80))


# -- caps, times, sites --------------------------------------------------------------------------------------------------------


def test_effective_and_expires(installation):
    name = installation.new_list()
    installation.push(name, [entry(90, effective=now_text(3600)), entry(91, expires=now_text(-1)), entry(92, effective=now_text(-60), expires=now_text(60)),
                             entry(93, effective=now_text(2)), entry(94, expires=now_text(2.5))])
    seen = {number: name in hit_lists(installation, plate_number(number)) for number in (90, 91, 92)}
    assert seen == {90: False, 91: False, 92: True}
    eventually(lambda: name in hit_lists(installation, plate_number(93)), 6, 0.2)
    eventually(lambda: name not in hit_lists(installation, plate_number(94)), 6, 0.2)


def test_two_lists_and_two_entries_for_one_plate(installation):
    first, second = installation.new_list(), installation.new_list(BEN, priority=99)
    installation.push(first, [{"plate": "QQ7700T", "jurisdiction": "US-TX", "reference": "a"}, {"plate": "QQ7700T", "jurisdiction": "US-NM", "reference": "b"}])
    installation.push(second, [{"plate": "QQ7700T", "jurisdiction": "US-NM", "reference": "c"}], user=BEN)
    alerts = [one for one in installation.check("QQ7700T", "US-TX")["alerts"] if one["list"] in (first, second)]
    assert len(alerts) == 3
    grades = [(one["list"], one["grade"]) for one in alerts]
    assert grades[0] == (first, "full"), "the strongest grade comes first"
    assert grades[1] == (second, "plate"), "then the highest priority"
    assert grades[2] == (first, "plate")
