"""Sharing: a list's hits in another agency's feed, for a time, exactly once, and not a moment longer."""
import json
import threading
import time

import pytest

from house import assert_problem, eventually, now_text
from sealing import openssl, seal
from sse import follow
from test_hits import new_id, send
from test_verdicts import drained, judge

ANA, BEN = "agency/customs/ana", "agency/marshals/ben"
JSON = {"Content-Type": "application/json"}


def put(house, name, partner="marshals", seconds=3600.0, identity=ANA, status=204, **more):
    answer = house.put(f"/v1/lists/{name}/shares/{partner}", identity, json.dumps({"until": now_text(seconds), **more}), headers=JSON)
    assert answer.status_code == status, answer.text
    return answer


def shares(house, identity):
    answer = house.get("/v1/shares", identity)
    assert answer.status_code == 200, answer.text
    return answer.json()


def feed(house, identity=BEN, after="0", page=1000, **query):
    """All of a feed after a cursor, and the cursor it ended with."""
    found = []
    while True:
        answer = house.get("/v1/hits", identity, params={"after": after, "limit": page, **query})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        found += told["hits"]
        after = told["cursor"]
        if not told["more"]:
            return found, after


def head(house, identity=BEN):
    return feed(house, identity)[1]


def hit_of(house, plate, identity="reader/north/1"):
    return send(house, plate, new_id(), identity)["alerts"][0]["hit"]


def ids(hits):
    return [hit["hit"] for hit in hits]


def see(house, hit, identity=BEN):
    return house.get(f"/v1/hits/{hit}", identity)


def test_a_hit_is_in_both_feeds(installation):
    name, start = installation.listed("QQ7001T", cooldown_s=0), head(installation)
    before = hit_of(installation, "QQ7001T")
    installation.wait_hits(1, name)
    put(installation, name, note="joint patrol")
    during = hit_of(installation, "QQ7001T")
    got = eventually(lambda: feed(installation, after=start)[0])
    assert ids(got) == [during]
    mine = installation.get(f"/v1/hits/{during}", ANA).json()
    assert got[0]["shared_by"] == "customs" and mine["shared_by"] is None and got[0] == see(installation, during).json()
    assert {key: value for key, value in got[0].items() if key not in ("cursor", "shared_by")} == \
           {key: value for key, value in mine.items() if key not in ("cursor", "shared_by")}
    assert_problem(see(installation, before), 404)
    assert ids(installation.hits(name)) == [before, during]
    given, received = shares(installation, ANA)["given"], shares(installation, BEN)["received"]
    assert given[0] == received[0] and (given[0]["list"], given[0]["agency"], given[0]["with"], given[0]["state"], given[0]["note"]) == \
        (name, "customs", "marshals", "in-force", "joint patrol")
    assert shares(installation, ANA)["received"] == [] and shares(installation, BEN)["given"] == []
    assert_problem(installation.get(f"/v1/lists/{name}", BEN), 404)  # the list itself is not theirs


def test_revoked_at_once_and_old_hits_too(installation):
    name, start = installation.listed("QQ7002T", cooldown_s=0), head(installation)
    put(installation, name)
    hit = hit_of(installation, "QQ7002T")
    eventually(lambda: feed(installation, after=start)[0])
    assert installation.delete(f"/v1/lists/{name}/shares/marshals", ANA).status_code == 204
    assert feed(installation, after=start)[0] == []
    assert_problem(see(installation, hit), 404)
    judge(installation, hit, "confirmed", BEN, 404)
    assert_problem(installation.delete(f"/v1/lists/{name}/shares/marshals", ANA), 404)
    assert shares(installation, BEN)["received"][0]["state"] == shares(installation, ANA)["given"][0]["state"] == "revoked" or \
        [one["state"] for one in shares(installation, BEN)["received"] if one["list"] == name] == ["revoked"]
    put(installation, name)  # shared again: what was before stays where it was
    later = hit_of(installation, "QQ7002T")
    assert ids(eventually(lambda: feed(installation, after=start)[0])) == [later]


def test_ends_by_itself(installation):
    name, start = installation.listed("QQ7003T", cooldown_s=0), head(installation)
    put(installation, name, seconds=3.0)
    hit_of(installation, "QQ7003T")
    assert len(eventually(lambda: feed(installation, after=start)[0])) == 1
    time.sleep(3.0)
    assert feed(installation, after=start)[0] == []
    hit_of(installation, "QQ7003T")
    drained(installation)
    installation.wait_hits(2, name)
    assert feed(installation, after=start)[0] == []
    assert [one["state"] for one in shares(installation, BEN)["received"] if one["list"] == name] == ["ended"]
    put(installation, name)
    assert feed(installation, after=start)[0] == []


def test_not_before_it_begins(installation):
    name, start = installation.listed("QQ7004T", cooldown_s=0), head(installation)
    put(installation, name, **{"from": now_text(3.0)})
    assert [one["state"] for one in shares(installation, BEN)["received"] if one["list"] == name] == ["coming"]
    hit_of(installation, "QQ7004T")
    installation.wait_hits(1, name)
    time.sleep(3.0)
    assert feed(installation, after=start)[0] == []
    later = hit_of(installation, "QQ7004T")
    assert ids(eventually(lambda: feed(installation, after=start)[0])) == [later]


def test_only_confirmed_once(installation):
    name, start = installation.listed("QQ7005T", cooldown_s=0), head(installation)
    earlier = hit_of(installation, "QQ7005T")
    installation.wait_hits(1, name)
    put(installation, name, only_confirmed=True)
    hits = [hit_of(installation, "QQ7005T") for _ in range(4)]
    installation.wait_hits(5, name)
    assert feed(installation, after=start)[0] == []
    assert_problem(see(installation, hits[0]), 404)
    judge(installation, hits[2], "confirmed", action="stopped")
    assert ids(feed(installation, after=start)[0]) == [hits[2]]
    middle = head(installation)
    judge(installation, hits[2], "confirmed", action="arrested")
    judge(installation, hits[2], "stale-entry")
    judge(installation, hits[2], "confirmed")
    judge(installation, hits[1], "wrong-jurisdiction")
    judge(installation, earlier, "confirmed")
    assert feed(installation, after=middle)[0] == []
    judge(installation, hits[0], "confirmed")
    judge(installation, hits[1], "confirmed")
    assert ids(feed(installation, after=start)[0]) == [hits[2], hits[0], hits[1]]
    judge(installation, hits[2], "stale-entry")  # a correction is told: it was seen as confirmed
    assert [hit["verdict"]["verdict"] for hit in feed(installation, after=start)[0]] == ["stale-entry", "confirmed", "confirmed"]


def test_verdicts_of_a_partner(installation):
    name, start = installation.listed("QQ7006T", cooldown_s=0), head(installation)
    put(installation, name)
    hit = hit_of(installation, "QQ7006T")
    eventually(lambda: feed(installation, after=start)[0])
    answer = installation.put(f"/v1/hits/{hit}/verdict", BEN, json.dumps({"verdict": "confirmed"}), headers=JSON)
    assert_problem(answer, 403, "not-yours")
    put(installation, name, verdicts=True)
    assert judge(installation, hit, "confirmed", BEN)["verdict"]["by"] == BEN
    assert installation.get(f"/v1/hits/{hit}", ANA).json()["verdict"]["by"] == BEN
    assert judge(installation, hit, "stale-entry")["verdict"]["by"] == ANA


def test_a_misread_is_erased_for_both(installation):
    name, start = installation.listed("QQ7007T", cooldown_s=0), head(installation)
    put(installation, name, verdicts=True)
    mine, theirs, other = (hit_of(installation, "QQ7007T") for _ in range(3))
    eventually(lambda: len(feed(installation, after=start)[0]) == 3)
    judge(installation, mine, "misread")
    assert judge(installation, theirs, "misread", BEN).keys() == {"hit", "list", "count", "verdict"}
    for hit in (mine, theirs):
        for identity in (ANA, BEN):
            assert_problem(see(installation, hit, identity), 410, "erased")
    assert ids(feed(installation, after=start)[0]) == ids(installation.hits(name)) == [other]


def test_filters_and_evidence_of_shared_hits(installation):
    name, start = installation.listed("QQ7008T", cooldown_s=0), head(installation)
    put(installation, name)
    own = installation.listed("QQ7008T", user=BEN, cooldown_s=0)
    for lane in ("reader/north/1", "reader/south/1"):
        hit_of(installation, "QQ7008T", lane)
    everything = eventually(lambda: (lambda hits: hits if len(hits) == 4 else None)(feed(installation, after=start)[0]))
    assert [hit["list"] for hit in everything].count(name) == 2 and [hit["list"] for hit in everything].count(own) == 2
    for query in ({"list": name}, {"list": own}, {"site": "south"}, {"lane": "1"}, {"covert": "false"}, {"covert": "true"}, {"grade": "full"},
                  {"until": "2001-01-01T00:00:00Z"}):
        wanted = [hit for hit in everything if all((query.get("list", hit["list"]) == hit["list"], query.get("site", hit["site"]) == hit["site"],
                                                    query.get("covert", "false") == "false", "until" not in query))]
        assert feed(installation, after=start, **query)[0] == wanted, query
    assert [hit for page in (1, 3) for hit in feed(installation, after=start, page=page)[0]] == everything * 2
    hit = next(one for one in everything if one["shared_by"])["hit"]
    assert installation.get(f"/v1/hits/{hit}/evidence", BEN).json()["evidence"] == []


def test_covert_lists_say_so(installation):
    name, start = installation.listed("QQ7009T", covert=True), head(installation)
    put(installation, name)
    send(installation, "QQ7009T", new_id())
    assert eventually(lambda: feed(installation, after=start)[0])[0]["covert"] is True
    assert [one["covert"] for one in shares(installation, BEN)["received"] if one["list"] == name] == [True]


@pytest.mark.parametrize("change", [{"until": "soon"}, {"until": now_text(-60)}, {"until": now_text(91 * 86400)}, {"until": None}, {"only_confirmed": 1},
                                    {"verdicts": "yes"}, {"note": "x" * 201}, {"from": now_text(7200)}, {"plate": "ZZZ9999"}])
def test_bad_shares(installation, change):
    name = installation.new_list()
    answer = installation.put(f"/v1/lists/{name}/shares/marshals", ANA, json.dumps({"until": now_text(3600), **change}), headers=JSON)
    assert_problem(answer, 400)
    assert "ZZZ9999" not in answer.text


def test_whose_list_and_with_whom(installation):
    name = installation.new_list()
    assert_problem(put(installation, name, "customs", status=400), 400)
    assert_problem(put(installation, name, "nobody-here", status=422), 422, "agency")
    assert_problem(put(installation, "never-made", status=404), 404)
    put(installation, name)
    assert_problem(put(installation, name, "customs", identity=BEN, status=404), 404)  # not shared onward: it is not theirs
    assert_problem(installation.delete(f"/v1/lists/{name}/shares/customs", BEN), 404)
    assert_problem(installation.get(f"/v1/lists/{name}/flags", BEN), 404)
    installation.issue("agency/bystanders/bob")
    assert shares(installation, "agency/bystanders/bob")["received"] == []
    assert feed(installation, "agency/bystanders/bob")[0] == []


def test_each_once_and_in_order_while_both_directions_share(installation):
    """Two agencies share with each other while four lanes hit both, and pages are read on: nobody deadlocks, each hit comes once."""
    mine, theirs = installation.new_list(cooldown_s=0), installation.new_list(BEN, cooldown_s=0)
    entries = [{"plate": f"QQ72{number:02d}T", "jurisdiction": "US-TX"} for number in range(25)]
    installation.push(mine, entries)
    installation.push(theirs, entries, user=BEN)
    start = {user: head(installation, user) for user in (ANA, BEN)}
    put(installation, mine)
    put(installation, theirs, "customs", identity=BEN)
    lanes = ("reader/north/1", "reader/north/2", "reader/south/1", "reader/south/2")
    acknowledged, lock = set(), threading.Lock()

    def drive(identity):
        session, lane = installation.session(identity), installation.lane(identity)
        for entry in entries:
            body = installation.check_body(lane, [installation.read(lane, entry["plate"])])
            answer = session.post(installation.url("/v1/checks"), json=body, timeout=30).json()["answers"][0]
            with lock:
                acknowledged.update(alert["hit"] for alert in answer["alerts"] if alert["list"] in (mine, theirs))

    for identity in lanes:
        installation.lane(identity)
    threads = [threading.Thread(target=drive, args=(identity,)) for identity in lanes]
    for thread in threads:
        thread.start()
    got, cursors = {user: [] for user in start}, dict(start)

    def read_on():
        for user in got:
            hits, cursors[user] = feed(installation, user, cursors[user], 7)
            got[user] += [hit["hit"] for hit in hits if hit["list"] in (mine, theirs)]

    while any(thread.is_alive() for thread in threads):
        read_on()
    for thread in threads:
        thread.join()
    assert len(acknowledged) == 200
    eventually(lambda: (read_on(), all(len(hits) >= 200 for hits in got.values()))[1], 15)
    for user, hits in got.items():
        assert len(hits) == len(set(hits)) and set(hits) == acknowledged, user
    for name, partner, user in ((mine, "marshals", ANA), (theirs, "customs", BEN)):
        assert installation.delete(f"/v1/lists/{name}/shares/{partner}", user).status_code == 204


def test_hostile_sql_in_the_role_of_agencies_sees_nothing_of_it(installation):
    """Without a proof nobody is a partner; with one the unconfirmed hits of the list stay out of sight."""
    name = installation.listed("QQ7010T", cooldown_s=0)
    put(installation, name, only_confirmed=True)
    hit_of(installation, "QQ7010T")
    installation.wait_hits(1, name)
    hostile = "SELECT set_config('app.agency', 'marshals', false);"
    for what in ("list_shares", "shared_hits", "hits", "shared_hits_after(0, 1000000, ARRAY(SELECT generate_series(current_date, current_date + 400, "
                 "interval '1 day')::date), NULL)"):
        rows = installation.cluster.psql(f"{hostile} SET search_path = platesieve; SELECT count(*) FROM {what}", user="platesieve_agency")
        assert rows[-1] == ["0"], what
    for statement in ("INSERT INTO platesieve.list_shares (list) VALUES (1)", "UPDATE platesieve.list_shares SET until_at = now()",
                      "INSERT INTO platesieve.shared_hits VALUES ('marshals', 1, gen_random_uuid(), current_date + 1, 1, 1)",
                      "SELECT platesieve.share_put('customs', 'x', 'x', 'marshals', now(), now(), false, false, '', 1)",
                      "SELECT platesieve.hit_judge('customs', 'x', gen_random_uuid(), 1::smallint, 'none')"):
        with pytest.raises(Exception, match="permission denied"):
            installation.cluster.psql(statement, user="platesieve_agency")


def test_client(installation):
    name, start = installation.listed("QQ7011T", cooldown_s=0), head(installation)
    said = installation.platesieve("--as", ANA, "list", "share", name, "--with", "marshals", "--days", "2", "--note", "joint patrol").stdout
    assert "marshals" in said and "recipients" in said
    hit = hit_of(installation, "QQ7011T")
    eventually(lambda: feed(installation, after=start)[0])
    shown = installation.platesieve("--as", BEN, "hits", "--after", start).stdout
    assert hit in shown and "shared by customs" in shown
    for identity, word in ((ANA, "given"), (BEN, "received")):
        line = next(line for line in installation.platesieve("--as", identity, "list", "shares").stdout.splitlines() if name in line)
        assert line.startswith(word) and "in-force" in line and "joint patrol" in line
    assert any(json.loads(line)["given"] for line in installation.platesieve("--as", ANA, "--json", "list", "shares").stdout.splitlines())
    installation.platesieve("--as", ANA, "list", "share", name, "--with", "marshals", "--until", now_text(600), "--only-confirmed", "--verdicts")
    assert [one["only_confirmed"] and one["verdicts"] for one in shares(installation, BEN)["received"] if one["list"] == name] == [True]
    for words, told in ((("--days", "91"), "lets it last 90 days at most"), (("--until", "2020-01-01"), "that time is over")):
        assert told in installation.platesieve("--as", ANA, "list", "share", name, "--with", "marshals", *words, code=5).stderr
    assert "No such agency" in installation.platesieve("--as", ANA, "list", "share", name, "--with", "no-such", "--days", "1", code=5).stderr
    assert "any more" in installation.platesieve("--as", ANA, "list", "unshare", name, "--with", "marshals").stdout
    installation.platesieve("--as", ANA, "list", "unshare", name, "--with", "marshals", code=5)
    for words in ((name,), (name, "--with", "marshals"), (name, "--with", "Marshals", "--days", "1"), (name, "--with", "marshals", "--days", "0"),
                  (name, "--with", "marshals", "--until", "never"), (name, "--with", "marshals", "--days", "1", "--note", "x" * 201)):
        installation.platesieve("--as", ANA, "list", "share", *words, code=2)


def test_pictures_for_both(installation, tmp_path):
    """Sealed to both by the list's header, fetched and opened by each; gone with the share, and with a misread."""
    name, both = installation.listed("QQ7012T", cooldown_s=0), ("evidence/customs.1", "evidence/marshals.1")
    installation.platesieve("list", "recipients", "--as", ANA, name, "--share-with", "marshals",
                            *(word for cert in both for word in ("--cert", installation.pki / f"{cert}.pem")))
    put(installation, name)
    hit, picture = hit_of(installation, "QQ7012T"), b"a picture of a made-up vehicle" * 50
    eventually(lambda: see(installation, hit).status_code == 200)
    answer = installation.post(f"/v1/hits/{hit}/evidence", "reader/north/1", data=seal(installation, picture, both), headers={"Content-Type": "application/cms"})
    assert answer.status_code == 201, answer.text
    for identity, agency in ((ANA, "customs"), (BEN, "marshals")):
        assert see(installation, hit, identity).json()["evidence"] == 1
        path = tmp_path / agency
        path.write_bytes(installation.get(f"/v1/hits/{hit}/evidence/1", identity).content)
        key = installation.pki / f"evidence/{agency}.1"
        assert openssl("cms", "-decrypt", "-inform", "DER", "-binary", "-in", path, "-recip", f"{key}.pem", "-inkey", f"{key}.key") == picture
    assert installation.delete(f"/v1/lists/{name}/shares/marshals", ANA).status_code == 204
    for path in ("", "/1"):
        assert_problem(installation.get(f"/v1/hits/{hit}/evidence{path}", BEN), 404)
    assert installation.get(f"/v1/hits/{hit}/evidence/1", ANA).status_code == 200
    judge(installation, hit, "misread")
    assert installation.one("SELECT count(*) FROM platesieve.evidence e JOIN platesieve.lists l ON l.number = e.list"
                            f" WHERE l.id = '{name}'") == "0"


def test_in_the_partners_stream(installation):
    name = installation.listed("QQ7013T", cooldown_s=0)
    put(installation, name, only_confirmed=True)
    with follow(installation, BEN, after=head(installation)) as events:
        hit = hit_of(installation, "QQ7013T")
        eventually(lambda: see(installation, hit, ANA).status_code == 200)
        assert events.hits == []
        judge(installation, hit, "confirmed")
        assert [(one["hit"], one["shared_by"], one["verdict"]["verdict"]) for one in events.wait(1)] == [(hit, "customs", "confirmed")]
