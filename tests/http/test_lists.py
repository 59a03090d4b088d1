"""platesieve list: files become tokens that the gate can look up, whatever is wrong with some of their rows."""
import json
import os
import subprocess
import time

import pytest

import plates
from fake import Client, Epoch, Fake, Problem
from house import TOP, eventually

PROGRAM = os.environ.get("PLATESIEVE_BUILD", str(TOP / "build")) + "/platesieve"


@pytest.fixture
def client(tmp_path):
    return Client(tmp_path, PROGRAM)


@pytest.fixture
def fake(client):
    server = Fake(client.pki)
    client.point_at(server)
    yield server
    server.stop()


def write(client, text, name="list.csv"):
    path = client.folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def standing(fake, name="stolen"):
    return list(fake.lists[name]["standing"].values())


def expected(fake, plate, jurisdiction, grades, name="stolen"):
    return {epoch.id: {grade: tokens for grade, tokens in
                       plates.list_tokens(epoch.key, plate, jurisdiction, grades, name, "customs").items() if tokens} for epoch in fake.epochs}


def same_tokens(entry, wanted):
    assert {epoch: {grade: sorted(tokens) for grade, tokens in grades.items()} for epoch, grades in entry["tokens"].items()} == \
        {epoch: {grade: sorted(tokens) for grade, tokens in grades.items()} for epoch, grades in wanted.items()}


def test_create_and_show(client, fake):
    client.run("list", "create", "stolen", "--category", "stolen vehicle", "--priority", "80", "--grade", "similar", "--site", "north",
               "--site", "south", "--cooldown", "60", "--retention", "90", "--instruction", "Stop; two officers", "--age-limit", "3600", "--covert")
    shown = client.json("list", "show", "stolen")[0]
    assert {"category": "stolen vehicle", "priority": 80, "grade": "similar", "sites": ["north", "south"], "cooldown_s": 60,
            "retention_days": 90, "instruction": "Stop; two officers", "age_limit_s": 3600, "covert": True}.items() <= shown.items()
    assert "Stop; two officers" in client.run("list", "show").stdout
    refused = client.run("list", "create", "stolen", "--category", "x", code=5)
    assert "list-exists" in refused.stderr and "Some advice." in refused.stderr
    client.run("list", "create", "x", "--category", "y", "--grade", "exact", code=2)
    client.run("list", "create", "Not A Name", "--category", "y", code=2)
    client.run("list", "create", "x", code=2)
    client.run("list", "show", "nothing", code=5)


def test_push_makes_the_tokens_of_the_protocol(client, fake):
    fake.epochs.append(Epoch("20260102T000000Z", "coming"))
    fake.epochs.insert(0, Epoch("20251231T000000Z", "closed"))
    fake.make_list("stolen", grade="near")
    file = write(client, "plate,jurisdiction,reference,effective,expires\nqqo,US-NY,A1,2026-01-01T02:00:00+01:00,2036-02-01\nqq00qq0,NL,B2,,\n")
    summary = client.json("list", "push", "stolen", file, code=3)[-1]
    assert (summary["rows"], summary["entries"], summary["without_near"]) == (2, 2, 1)
    fake.epochs.pop(0)
    first, second = standing(fake)
    same_tokens(first, expected(fake, "QQO", "US-NY", ["full", "plate", "similar"]))
    same_tokens(second, expected(fake, "QQ00QQ0", "NL", ["full", "plate", "similar", "near"]))
    assert (first["effective"], first["expires"]) == ("2026-01-01T01:00:00.000Z", "2036-02-01T00:00:00.000Z")
    assert "effective" not in second


def test_grade_of_the_list_bounds_the_tokens(client, fake):
    fake.make_list("stolen", grade="plate")
    client.run("list", "push", "stolen", write(client, "plate,state\nQQ00QQ0,NY\n"), "--codes", "usps")
    same_tokens(standing(fake)[0], expected(fake, "QQ00QQ0", "US-NY", ["full", "plate"]))


def test_codes_differ(client, fake):
    fake.make_list("stolen")
    file = write(client, "plate,state\nQQ00QQ0,NB\n")
    client.run("list", "push", "stolen", file, "--codes", "ncic")
    same_tokens(standing(fake)[0], expected(fake, "QQ00QQ0", "US-NE", ["full", "plate"]))
    client.run("list", "push", "stolen", file, "--codes", "usps")
    same_tokens(standing(fake)[0], expected(fake, "QQ00QQ0", "CA-NB", ["full", "plate"]))


def test_no_plate_and_no_reference_travels_in_clear(client, fake):
    fake.make_list("stolen")
    client.run("list", "push", "stolen", write(client, "plate,jurisdiction,reference\nQQ77QQ7,NL,case-4711\nQQ88QQ8,NL,\n"))
    sent = b"".join(fake.bodies)
    for secret in (b"QQ77QQ7", b"QQ88QQ8", b"case-4711", b"4711"):
        assert secret not in sent
    names = {entry["reference"] for entry in standing(fake)}
    assert len(names) == 2 and all(len(name) <= 64 for name in names)
    client.run("list", "push", "stolen", write(client, "plate,jurisdiction,reference\nQQ77QQ7,NL,case-4711\nQQ88QQ8,NL,\n"))
    assert {entry["reference"] for entry in standing(fake)} == names  # the same from push to push
    client.run("list", "push", "stolen", "--clear-references", write(client, 'plate,jurisdiction,reference\nQQ77QQ7,NL,"say ""4711"" \\"\n'))
    assert standing(fake)[0]["reference"] == 'say "4711" \\'


def test_rows_that_can_not_be_used_are_reported_by_line(client, fake):
    fake.make_list("stolen")
    file = write(client, b"\xef\xbb\xbfPlate,Jurisdiction,Reference,Expires\r\n"
                 b"QQ1,US-NY,1,\r\n"                          # 2 good
                 b",US-NY,2,\r\n"                             # 3 empty
                 b"QQQQQ00000QQ00000,US-NY,3,\r\n"            # 4 a VIN
                 b"\xc2\xa0\xc2\xa0,US-NY,4,\r\n"             # 5 nothing but NBSP
                 b"QQF\xc2\xa01890.00,US-NY,5,\r\n"           # 6 spreadsheet
                 b"\r\n"
                 b"BLANKPLATE,US-NY,6,\r\n"                   # 8 placeholder
                 b"QQ\xff,US-NY,7,\r\n"                       # 9 not UTF-8
                 b"QQ2,US-NY,8,soon\r\n"                      # 10 no time
                 b"\"QQ3,US-NY,9,\r\n"                        # 11 lost quote
                 b"QQ\xc2\xa04,US-NY,10,\r\n"                 # 12 good
                 b"QQ5,US-ZZ,11,\r\n"                         # 13 no such jurisdiction
                 b"QQ6,,12,\r\n"                              # 14 blank
                 b"QQ7??,US-NY,13,\r\n")                      # 15 partial
    *remarks, summary = client.json("list", "push", "stolen", file, code=3)
    assert [(one["line"], one["remark"]) for one in remarks] == [
        (3, "empty"), (4, "too-long"), (5, "empty"), (6, "spreadsheet"), (8, "placeholder"), (9, "not-utf-8"), (10, "time"),
        (11, "unfinished-quote"), (13, "without-full"), (14, "without-full"), (15, "partial-short")]
    assert (summary["rows"], summary["entries"], summary["unusable"], summary["without_full"]) == (13, 4, 9, 2)
    assert [list(entry["tokens"][fake.epochs[0].id]) for entry in standing(fake)] == [["full", "plate"]] * 2 + [["plate"]] * 2
    told = client.run("list", "push", "stolen", file, code=3)
    assert "line 6: damaged by a spreadsheet" in told.stderr and "1890" not in told.stderr + told.stdout


def test_repeated_plates_and_references(client, fake):
    fake.make_list("stolen")
    file = write(client, "plate,jurisdiction,reference\nQQ1,NL,A\nqq-1,NL,A\nQQ2,NL,A\nQQ2,NL,A\nQQ3,NL,\nQQ3,NL,\nQQ3,DE,\nQQ1,NL,B\n")
    summary = client.json("list", "push", "stolen", file, code=3)[-1]
    assert (summary["entries"], summary["repeated"], summary["suffixed"]) == (5, 3, 1)
    wanted = [("QQ1", "NL"), ("QQ2", "NL"), ("QQ3", "NL"), ("QQ3", "DE"), ("QQ1", "NL")]
    for entry, (plate, jurisdiction) in zip(standing(fake), wanted):
        same_tokens(entry, expected(fake, plate, jurisdiction, ["full", "plate"]))


def test_full_only_lists_need_a_jurisdiction(client, fake):
    fake.make_list("stolen", grade="full")
    *remarks, summary = client.json("list", "push", "stolen", write(client, "plate,jurisdiction\nQQ1,\nQQ2,NL\n"), code=3)
    assert [one["remark"] for one in remarks] == ["jurisdiction"] and summary["entries"] == 1


def test_add_and_remove(client, fake):
    fake.make_list("stolen")
    client.run("list", "push", "stolen", write(client, "plate,jurisdiction,reference\nQQ1,NL,A\nQQ2,NL,B\nQQ3,NL,\n"))
    client.run("list", "add", "stolen", "-", text="plate,jurisdiction,reference\nQQ4,NL,C\nQQ5,NL,A\n")
    assert len(standing(fake)) == 4  # QQ5 took the place of QQ1 under A
    same_tokens(standing(fake)[0], expected(fake, "QQ5", "NL", ["full", "plate"]))
    client.run("list", "remove", "stolen", "-", text="reference\nA\nnothing\n")
    client.run("list", "remove", "stolen", "-", text="plate,jurisdiction\nqq 3,NL\n")
    assert len(standing(fake)) == 2
    assert fake.revisions[max(fake.revisions)]["mode"] == "change"


def test_remove_finds_entries_with_a_suffix(client, fake):
    fake.make_list("stolen")
    client.run("list", "push", "stolen", write(client, "plate,jurisdiction,reference\nQQ1,NL,A\nQQ2,NL,A\n"), code=3)
    client.run("list", "remove", "stolen", "-", text="plate,jurisdiction,reference\nQQ1,NL,A\nQQ2,NL,A\n")
    assert standing(fake) == []


def test_tokens_for_epochs_to_come(client, fake):
    fake.make_list("stolen")
    file = write(client, "plate,jurisdiction,reference\nQQ1,NL,A\nQQ2,NL,A\nQQ3,NL,\n")
    client.run("list", "push", "stolen", file, code=3)
    client.run("list", "tokens", "stolen", file)
    assert len(fake.revisions) == 1  # nothing to do
    fake.epochs.append(Epoch("20260102T000000Z", "coming"))
    summary = client.json("list", "tokens", "stolen", file, code=3)[-1]
    assert summary["epochs"] == ["20260102T000000Z"] and len(standing(fake)) == 3
    for entry, plate in zip(standing(fake), ("QQ1", "QQ2", "QQ3")):
        same_tokens(entry, expected(fake, plate, "NL", ["full", "plate"]))


def test_an_empty_file_does_not_empty_a_list(client, fake):
    fake.make_list("stolen")
    client.run("list", "push", "stolen", write(client, "plate,jurisdiction\nQQ1,NL\n"))
    empty = write(client, "plate,jurisdiction\n", "empty.csv")
    assert "--yes" in client.run("list", "push", "stolen", empty, code=1).stderr
    assert len(standing(fake)) == 1 and len(fake.revisions) == 1
    client.run("list", "push", "stolen", empty, "--yes")
    assert standing(fake) == []


def test_files_that_are_none(client, fake):
    fake.make_list("stolen")
    for text in ("", "number,state\nQQ1,NY\n", "\n\n"):
        client.run("list", "push", "stolen", write(client, text), code=1)
    client.run("list", "push", "stolen", client.folder / "missing.csv", code=1)
    client.run("list", "push", "stolen", code=2)
    assert not fake.revisions


# -- breaks ----------------------------------------------------------------------------------------------------------------------


def big_file(client, rows=50000):
    return write(client, "plate,jurisdiction,reference\n" + "".join(f"QQ{number:06d},NL,case {number}\n" for number in range(rows)), "big.csv")


def parts_asked(fake):
    return [int(path.rsplit("/", 1)[1]) for method, path in fake.asked if method == "PUT"]


def test_large_files_go_in_parts_below_the_limit(client, fake):
    fake.make_list("stolen")
    summary = client.json("list", "push", "stolen", big_file(client))[-1]
    revision = next(iter(fake.revisions.values()))
    assert summary["parts"] == len(revision["parts"]) > 1 and summary["entries"] == 50000 == len(standing(fake))
    assert all(len(part) <= 4 << 20 for part in revision["parts"].values())


def test_a_break_is_waited_out(client, fake):
    fake.make_list("stolen")
    broken = []

    def fault(method, path):
        if method == "PUT" and path.endswith("/2") and len(broken) < 3:
            broken.append(path)
            return "cut" if len(broken) < 3 else Problem(503, "busy")
        return None

    fake.faults.append(fault)
    client.run("list", "push", "stolen", big_file(client))
    assert len(broken) == 3 and len(standing(fake)) == 50000


@pytest.mark.parametrize("trouble", ["cut", Problem(503, "busy")], ids=["cut", "busy"])
@pytest.mark.parametrize("where", ["/v1/lists/stolen", "/v1/epochs", "/v1/lists/stolen/revisions"])
def test_patience_begins_with_the_first_request(client, fake, where, trouble):
    """A gate or key server that is just being started is waited for; what is wrong is said once."""
    fake.make_list("stolen")
    file, broken = write(client, "plate,jurisdiction\nQQ1,NL\n"), []

    def fault(_, path):
        if path == where and len(broken) < 3:
            broken.append(path)
            return trouble
        return None

    fake.faults.append(fault)
    said = client.run("list", "push", "stolen", file, "--patience", "30").stderr
    assert len(broken) == 3 and len(standing(fake)) == 1
    assert said.count("trying on for 30 s") == 1 and len(set(said.splitlines())) == len(said.splitlines()), said
    fake.faults[:] = [lambda method, path: trouble if path == where else None]
    assert "trying on" not in client.run("list", "push", "stolen", file, "--patience", "0", "--full", code=4 if trouble == "cut" or where == "/v1/epochs" else 5).stderr


def test_a_broken_push_is_not_begun_anew_for_want_of_an_answer(client, fake):
    """The first question of a push that goes on, what the gate has of it, is tried again, too."""
    fake.make_list("stolen")
    file, broken = big_file(client), []
    fake.faults.append(lambda method, path: "cut" if method == "PUT" and path.endswith("/3") else None)
    client.run("list", "push", "stolen", file, "--patience", "0", code=4)
    fake.faults[:] = [lambda method, path: broken.append(path) or "cut" if method == "GET" and path.endswith("/revisions/1") and len(broken) < 3 else None]
    assert client.json("list", "push", "stolen", file, "--patience", "30")[-1]["parts_skipped"] == 2 and len(broken) == 3


def test_a_push_goes_on_where_it_broke_off(client, fake):
    fake.make_list("stolen")
    file = big_file(client)
    fake.faults.append(lambda method, path: "cut" if method == "PUT" and path.endswith("/3") else None)
    assert "goes on from there" in client.run("list", "push", "stolen", file, "--patience", "0", code=4).stderr
    assert fake.lists["stolen"]["revision"] == 0
    fake.faults.clear()
    fake.asked.clear()
    summary = client.json("list", "push", "stolen", file)[-1]
    assert summary["resumed"] and summary["parts_skipped"] == 2 and len(standing(fake)) == 50000
    assert 1 not in parts_asked(fake) and 2 not in parts_asked(fake) and len(fake.revisions) == 1


def test_another_file_does_not_go_on_there(client, fake):
    fake.make_list("stolen")
    file = big_file(client)
    fake.faults.append(lambda method, path: "cut" if method == "PUT" and path.endswith("/3") else None)
    client.run("list", "push", "stolen", file, "--patience", "0", code=4)
    fake.faults.clear()
    small = write(client, "plate,jurisdiction\nQQ1,NL\n")
    assert not client.json("list", "push", "stolen", small)[-1]["resumed"]
    assert len(standing(fake)) == 1 and list(fake.revisions) == [1]  # the old one was dropped


def test_a_refused_push_leaves_nothing_open(client, fake):
    fake.make_list("stolen")
    fake.faults.append(lambda method, path: Problem(422, "cap") if path.endswith("/commit") else None)
    refused = client.run("list", "push", "stolen", write(client, "plate,jurisdiction\nQQ1,NL\n"), code=5)
    assert "cap" in refused.stderr and not fake.revisions


def test_an_epoch_that_the_gate_learns_of_late(client, fake):
    """The key server has it; the gate refuses its tokens for a second."""
    fake.make_list("stolen")
    begin, refused = time.monotonic(), []

    def fault(method, _path):
        if method == "PUT" and time.monotonic() - begin < 1:
            refused.append(method)
            return Problem(409, "key-id")
        return None

    fake.faults.append(fault)
    client.run("list", "push", "stolen", write(client, "plate,jurisdiction\nQQ1,NL\n"))
    assert refused and len(standing(fake)) == 1


# -- servers ------------------------------------------------------------------------------------------------------------------------


def test_nobody_answers(client, fake):
    url = fake.url
    fake.stop()
    done = client.run("list", "show", env={"PLATESIEVE_GATE": url}, code=4)
    assert "no answer from the gate" in done.stderr


def test_the_next_gate_is_asked(client, fake):
    fake.make_list("stolen")
    assert client.json("list", "show", env={"PLATESIEVE_GATE": f"https://127.0.0.1:1,{fake.url}"})[0]["list"] == "stolen"


def test_only_a_node_of_our_domain_is_a_gate(client, fake, tmp_path):
    other = Client(tmp_path / "other", PROGRAM)  # another authority altogether
    stranger = Fake(other.pki)
    client.run("list", "show", env={"PLATESIEVE_GATE": stranger.url}, code=4)
    stranger.stop()
    impostor = Fake(client.pki, "agency/customs.ana")  # our authority, but no node
    client.run("list", "show", env={"PLATESIEVE_GATE": impostor.url}, code=4)
    impostor.stop()
    assert not impostor.asked and not stranger.asked
    client.run("list", "show", env={"PLATESIEVE_GATE": fake.url.replace("https", "http")}, code=2)


def test_patience_is_not_for_what_can_never_work(client, fake, tmp_path):
    """A push says at once that a gate is not ours, or does not take us for who we say; while one of several may still answer, it tries on."""
    fake.make_list("stolen")
    file, other = write(client, "plate,jurisdiction\nQQ1,NL\n"), Client(tmp_path / "other", PROGRAM)
    stranger, impostor = Fake(other.pki), Fake(client.pki, "agency/customs.ana")
    ours, theirs = str(client.pki / "ca/ca.pem"), {"PLATESIEVE_PKI": str(other.pki)}
    try:
        for env in ({"PLATESIEVE_GATE": stranger.url}, {"PLATESIEVE_GATE": impostor.url}, {**theirs, "PLATESIEVE_CA": ours},
                    {"PLATESIEVE_GATE": f"{stranger.url},{impostor.url}"}):
            said = client.run("list", "push", "stolen", file, "--patience", "40", env=env, code=4).stderr
            assert said.count("no answer from the gate") == 1, said
            assert "trying on" not in said or env.get("PLATESIEVE_PKI"), said  # whoever refuses us may hang up before its reason is read
        for gates in (f"https://127.0.0.1:1,{stranger.url}", f"{stranger.url},https://127.0.0.1:1"):
            assert "trying on for 1 s" in client.run("list", "push", "stolen", file, "--patience", "1", env={"PLATESIEVE_GATE": gates}, code=4).stderr
    finally:
        stranger.stop()
        impostor.stop()
    assert not fake.asked and not stranger.asked and not impostor.asked


def test_a_revoked_node_is_no_gate(client, fake):
    fake.make_list("stolen")
    crl = {"PLATESIEVE_CRL": str(client.pki / "ca/crl.pem")}
    client.run("list", "show", env=crl)
    client.run("ca", "revoke", "node/gate-1")
    client.run("list", "show", env=crl, code=4)


def test_which_identity(client, fake):
    fake.make_list("stolen")
    client.run("ca", "issue", "agency/marshals/ben")
    done = client.run("list", "show", code=2)
    assert "agency/customs/ana" in done.stderr and "agency/marshals/ben" in done.stderr
    for name in ("agency/customs/ana", "agency/customs.ana"):
        client.run("--as", name, "list", "show")
        client.run("list", "show", "--as", name)
    client.run("list", "show", "--as", "reader/north/1", code=2)
    client.run("list", "show", "--as", "agency/nobody/x", code=1)


def test_a_key_that_was_not_announced_is_not_used(client, fake):
    fake.make_list("stolen")
    fake.epochs[0].key = bytes(32)
    done = client.run("list", "push", "stolen", write(client, "plate,jurisdiction\nQQ1,NL\n"), code=1)
    assert "another key" in done.stderr and not fake.revisions


# -- hits ------------------------------------------------------------------------------------------------------------------------------


def hit(reference, number):
    return {"hit": "A" * 22, "list": "stolen", "reference": reference, "site": "north", "lane": "1", "seen_at": "2026-01-01T00:00:00.000Z",
            "recorded_at": "2026-01-01T00:00:00.000Z", "grade": "full", "candidate": 0, "confidence": 0.9, "revision": 1, "age_s": number,
            "verify": False, "covert": False, "count": 1, "last_seen_at": "2026-01-01T00:00:00.000Z"}


def test_hits_show_references_to_their_owner(client, fake):
    fake.make_list("stolen")
    client.run("list", "push", "stolen", write(client, "plate,jurisdiction,reference\nQQ1,NL,case 4711\nQQ2,NL,\n"))
    fake.hits = [hit(entry["reference"], number) for number, entry in enumerate(standing(fake))] + [hit("in clear", 2)]
    *hits, last = client.json("hits")
    assert [one["reference_kind"] for one in hits] == ["opened", "derived", "as-sent"]
    assert hits[0]["reference"] == "case 4711" and hits[2]["reference"] == "in clear"
    assert last == {"cursor": "3", "more": False, "hits": 3}
    assert "case 4711" in client.run("hits").stdout
    assert client.json("hits", env={"PLATESIEVE_STATE": str(client.folder / "elsewhere")})[0]["reference_kind"] == "as-sent"


def test_hits_by_page_and_cursor(client, fake):
    fake.hits = [hit("in clear", number) for number in range(7)]
    *hits, last = client.json("hits", "--limit", "3")
    assert [one["age_s"] for one in hits] == [0, 1, 2] and last["more"]
    *hits, last = client.json("hits", "--limit", "3", "--after", last["cursor"], "--all", "--purpose", "case review")
    assert [one["age_s"] for one in hits] == [3, 4, 5, 6] and last == {"cursor": "7", "more": False, "hits": 4}
    client.run("hits", "--after", "a&b", code=2)
    client.run("hits", "--limit", "1001", code=2)


def test_a_full_disk_is_noticed(client, fake):
    fake.hits = [hit("in clear", number) for number in range(7)]
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, "hits", "--json"], stdout=full, stderr=subprocess.PIPE, check=False, text=True,
                              env={**os.environ, "PLATESIEVE_PKI": str(client.pki), "PLATESIEVE_STATE": str(client.folder / "state"), **client.urls})
    assert done.returncode == 1 and "standard output" in done.stderr


def test_json_of_a_push_is_json(client, fake):
    fake.make_list("stolen")
    done = client.run("list", "push", "stolen", write(client, "plate,jurisdiction\nQQ1,NL\n"), "--json")
    assert json.loads(done.stdout)["agency"] == "customs" and "made a key" in done.stderr


def test_other_peoples_words_are_no_orders_to_a_terminal(installation):
    """Marks that turn the direction of text, and characters that terminals obey, of lists and of their hits."""
    house, marks = installation, "\u202e\u2066\u009b31m"
    name = house.new_list(category="taken\u202enekats", instruction="look \u2067again", retention_days=1)
    file = house.folder / "marks.csv"
    file.write_text(f"plate,jurisdiction,reference\nQQ44MRK,NL,case{marks}7\n", encoding="utf-8")
    house.platesieve("--as", "agency/customs/ana", "list", "push", name, file, "--clear-references")
    shown = house.platesieve("--as", "agency/customs/ana", "list", "show", name).stdout
    assert "taken?nekats" in shown and "look ?again" in shown
    assert json.loads(house.platesieve("--as", "agency/customs/ana", "list", "show", name, "--json").stdout)["category"] == "taken\u202enekats"
    house.platesieve("--as", "reader/north/1", "lane", "--json", text="plate,jurisdiction\nQQ44MRK,NL\n")
    told = eventually(lambda: "case" in (out := house.platesieve("--as", "agency/customs/ana", "hits", "--all", "--list", name).stdout) and out)
    assert "case???31m7" in told
    house.platesieve("--as", "agency/customs/ana", "list", "create", f"{name}-next", "--category", f"x{marks}")
    assert not set(marks[:3]) & set(shown + told + house.platesieve("--as", "agency/customs/ana", "list", "show").stdout + house.platesieve("--as", "operator/gate/olga", "status").stdout)
