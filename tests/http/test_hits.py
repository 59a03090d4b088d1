"""Hits: recorded once, counted within the cooldown, seen by their agency only, by a cursor that skips none."""
import re
import secrets
import threading

import plates
from house import assert_problem, eventually

ANA, BEN = "agency/customs/ana", "agency/marshals/ben"


def send(installation, plate, read_id, identity="reader/north/1", jurisdiction="US-TX", seen_s=0.0):
    lane = installation.lane(identity)
    answer = installation.post("/v1/checks", identity, installation.check_body(
        lane, [installation.read(lane, plate, jurisdiction, read_id=read_id, seen_s=seen_s)]))
    assert answer.status_code == 200, answer.text
    return answer.json()["answers"][0]


def new_id():
    return plates.text64(secrets.token_bytes(16))


def test_hit_is_recorded(installation):
    name = installation.listed("QQ1001H", "US-TX", grade="similar")
    alert = installation.check("QQ1O0IH", "US-TX", confidence=0.75)["alerts"][0]
    hit = installation.wait_hits(1, name)[0]
    assert hit["hit"] == alert["hit"]
    assert (hit["list"], hit["reference"], hit["site"], hit["lane"], hit["grade"], hit["candidate"], hit["revision"], hit["count"]) == \
           (name, "ref-QQ1001H", "north", "1", "similar", 0, 1, 1)
    assert abs(hit["confidence"] - 0.75) < 1e-6 and hit["covert"] is False and hit["verify"] is False
    assert hit["seen_at"] <= hit["recorded_at"] and hit["last_seen_at"] == hit["seen_at"]


def test_hit_id_is_the_one_of_the_design(installation):
    """A hash of lane, read and entry: the same at whatever gate."""
    import hashlib
    name = installation.listed("QQ1002H")
    raw = secrets.token_bytes(16)
    alert = send(installation, "QQ1002H", plates.text64(raw))["alerts"][0]
    key = hashlib.sha256(b"platesieve/1/entry\0customs\0" + name.encode() + b"\0ref-QQ1002H").digest()[:8]
    told = hashlib.sha256(b"platesieve/1/hit\0north\0" + b"1\0" + raw + b"customs\0" + name.encode() + b"\0" + key).digest()[:16]
    assert plates.bytes64(alert["hit"]) == told


def test_retry_is_the_same_hit(installation):
    name = installation.listed("QQ1003H")
    read = new_id()
    ids = {send(installation, "QQ1003H", read)["alerts"][0]["hit"] for _ in range(5)}
    assert len(ids) == 1
    hits = installation.wait_hits(1, name)
    eventually(lambda: installation.get("/v1/status", "auditor/ines").json()["spool"]["depth"] == 0)
    hits = installation.hits(name)
    assert [(hit["hit"], hit["count"]) for hit in hits] == [(ids.pop(), 1)]


def test_cooldown_raises_the_count(installation):
    name = installation.listed("QQ1004H", cooldown_s=300)
    answers = [send(installation, "QQ1004H", new_id()) for _ in range(4)]
    assert len({answer["alerts"][0]["hit"] for answer in answers}) == 1
    hit = eventually(lambda: next((one for one in installation.hits(name) if one["count"] == 4), None))
    assert len(installation.hits(name)) == 1 and hit["last_seen_at"] >= hit["seen_at"]


def test_a_hit_says_the_strongest_grade(installation):
    """Of all looks at the vehicle and all passages in the cooldown; a weaker one later takes nothing away."""
    name = installation.listed("QQ1015H", "US-TX", grade="similar", cooldown_s=600)

    def seen(plate, read_id, confidence, grade, reads, **more):
        lane = installation.lane()
        read = installation.read(lane, plate, read_id=read_id, confidence=confidence, **more)
        answer = installation.post("/v1/checks", "reader/north/1", installation.check_body(lane, [{**read, "again": grade != "similar"}]))
        assert answer.status_code == 200, answer.text
        eventually(lambda: (hit := installation.wait_hits(1, name)[0])["grade"] == grade and hit["count"] == reads)
        return installation.wait_hits(1, name)[0]["confidence"]

    read = new_id()
    seen("QQ1OI5H", read, 0.5, "similar", 1)
    assert abs(seen("QQ1015H", read, 0.75, "plate", 1, jurisdiction="US-OK") - 0.75) < 1e-6
    assert abs(seen("QQ1015H", new_id(), 0.875, "full", 2) - 0.875) < 1e-6
    assert abs(seen("QQ1OI5H", new_id(), 1.0, "full", 3) - 0.875) < 1e-6


def test_cooldown_is_of_this_entry_and_this_lane(installation):
    name = installation.new_list(cooldown_s=300)
    installation.push(name, [{"plate": f"QQ100{number}K", "jurisdiction": "US-TX"} for number in range(3)])
    ids = {send(installation, f"QQ100{number}K", new_id(), lane)["alerts"][0]["hit"] for number in range(3) for lane in ("reader/north/1", "reader/north/2")}
    assert len(ids) == 6
    assert all(hit["count"] == 1 for hit in installation.wait_hits(6, name))


def test_no_cooldown_no_merging(installation):
    name = installation.listed("QQ1005H", cooldown_s=0)
    ids = {send(installation, "QQ1005H", new_id())["alerts"][0]["hit"] for _ in range(3)}
    assert len(ids) == 3
    assert {hit["hit"] for hit in installation.wait_hits(3, name)} == ids


def test_cooldown_ends(installation):
    name = installation.listed("QQ1006H", cooldown_s=60)
    first = send(installation, "QQ1006H", new_id(), seen_s=-200)["alerts"][0]["hit"]
    second = send(installation, "QQ1006H", new_id(), seen_s=-170)["alerts"][0]["hit"]
    third = send(installation, "QQ1006H", new_id(), seen_s=-100)["alerts"][0]["hit"]
    assert first == second != third
    counts = eventually(lambda: (lambda found: found if found == {first: 2, third: 1} else None)({hit["hit"]: hit["count"] for hit in installation.hits(name)}))
    assert counts


def test_each_agency_sees_its_own(installation):
    mine, theirs = installation.listed("QQ1007H"), installation.listed("QQ1007H", user=BEN)
    installation.check("QQ1007H")
    assert {hit["list"] for hit in installation.wait_hits(1, mine)} == {mine}
    assert {hit["list"] for hit in installation.wait_hits(1, theirs, BEN)} == {theirs}
    assert mine not in {hit["list"] for hit in installation.hits(None, BEN)}
    assert installation.hits(theirs, ANA) == []


def test_one_hit_by_its_id(installation):
    name = installation.listed("QQ1009H")
    alert = installation.check("QQ1009H")["alerts"][0]
    hit = installation.wait_hits(1, name)[0]
    assert installation.get("/v1/hits/" + alert["hit"], ANA).json() == hit
    for other in (new_id(), alert["hit"][:-1], alert["hit"][:-1] + "*", "x"):
        assert_problem(installation.get("/v1/hits/" + other, ANA), 404, "not-found")
    assert_problem(installation.get("/v1/hits/" + alert["hit"], BEN), 404, "not-found")
    assert_problem(installation.get("/v1/hits/" + alert["hit"], "reader/north/1"), 403, "forbidden")


def test_cursor_skips_none_while_hits_come(installation):
    """Four lanes write while an agency reads on by its cursor, page by page: each hit comes once."""
    name = installation.new_list(cooldown_s=0)
    installation.push(name, [{"plate": f"QQ2{number:02d}0C", "jurisdiction": "US-TX"} for number in range(50)])
    lanes = ("reader/north/1", "reader/north/2", "reader/south/1", "reader/south/2")
    acknowledged, lock = set(), threading.Lock()

    def drive(identity):
        session = installation.session(identity)
        lane = installation.lane(identity)
        for number in range(50):
            body = installation.check_body(lane, [installation.read(lane, f"QQ2{number:02d}0C")])
            answer = session.post(installation.url("/v1/checks"), json=body, timeout=30).json()["answers"][0]
            with lock:
                acknowledged.update(alert["hit"] for alert in answer["alerts"] if alert["list"] == name)

    for identity in lanes:
        installation.lane(identity)  # connections and keys of the tests' own are made by one thread
    threads = [threading.Thread(target=drive, args=(identity,)) for identity in lanes]
    for thread in threads:
        thread.start()
    got, cursor = [], "0"

    def follow():
        nonlocal cursor
        answer = installation.get("/v1/hits", ANA, params={"after": cursor, "limit": 7, "list": name}).json()
        got.extend(hit["hit"] for hit in answer["hits"])
        cursor = answer["cursor"]
        return answer["more"]

    while any(thread.is_alive() for thread in threads):
        follow()
    for thread in threads:
        thread.join()
    assert len(acknowledged) == 200
    eventually(lambda: (follow(), len(got) >= 200)[1], 15)
    assert len(got) == len(set(got)) and set(got) == acknowledged


def query_hits(installation, user=ANA, **query):
    answer = installation.get("/v1/hits", user, params={"limit": 1000, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def end_of_feed(installation):
    """The cursor behind all there is: other tests of the same installation may have left more than a page."""
    told = query_hits(installation)
    while told["more"]:
        told = query_hits(installation, after=told["cursor"])
    return told["cursor"]


def test_filters(installation):
    """Three entries on two lists, at two lanes: each filter gives what a filter over all of them gives."""
    open_list, covert = installation.new_list(cooldown_s=0, grade="similar"), installation.new_list(cooldown_s=0, covert=True)
    installation.push(open_list, [{"plate": "QQ31I0F", "jurisdiction": "US-TX", "reference": "one"},
                                  {"plate": "QQ32I0F", "jurisdiction": "US-TX", "reference": "two"}], grade="similar")
    installation.push(covert, [{"plate": "QQ33I0F", "jurisdiction": "US-TX", "reference": "one"}])
    before = end_of_feed(installation)
    for plate, where, lane, seen_s in (("QQ31I0F", "US-TX", "north/1", 0), ("QQ32I0F", "US-OK", "north/2", -7200), ("QQ3210F", "US-TX", "south/1", -3600),
                                       ("QQ33I0F", "US-TX", "south/2", 0), ("QQ31I0F", "US-TX", "south/1", -3600)):
        send(installation, plate, new_id(), f"reader/{lane}", where, seen_s)
    mine = eventually(lambda: (lambda told: told if len(told["hits"]) == 5 else None)(query_hits(installation, after=before)))["hits"]
    assert [int(hit["cursor"]) for hit in mine] == sorted({int(hit["cursor"]) for hit in mine})
    assert {hit["grade"] for hit in mine} == {"full", "plate", "similar"}
    hour, order = mine[0]["seen_at"], ("full", "plate", "similar", "near")
    middle = sorted({hit["seen_at"] for hit in mine})[1]
    cases = [({"list": open_list}, lambda hit: hit["list"] == open_list), ({"site": "south"}, lambda hit: hit["site"] == "south"),
             ({"lane": "1"}, lambda hit: hit["lane"] == "1"), ({"site": "south", "lane": "1"}, lambda hit: (hit["site"], hit["lane"]) == ("south", "1")),
             ({"covert": "true"}, lambda hit: hit["covert"]), ({"covert": "false"}, lambda hit: not hit["covert"]),
             *(({"grade": grade}, lambda hit, grade=grade: order.index(hit["grade"]) <= order.index(grade)) for grade in order),
             ({"since": middle}, lambda hit: hit["seen_at"] >= middle), ({"until": middle}, lambda hit: hit["seen_at"] < middle),
             ({"since": middle, "until": hour}, lambda hit: middle <= hit["seen_at"] < hour),
             ({"list": open_list, "reference": "one"}, lambda hit: (hit["list"], hit["reference"]) == (open_list, "one")),
             ({"list": covert, "reference": "two"}, lambda hit: False),
             ({"list": open_list, "reference": "one", "site": "south"}, lambda hit: (hit["list"], hit["reference"], hit["site"]) == (open_list, "one", "south"))]
    for query, wanted in cases:
        told = query_hits(installation, after=before, **query)
        assert told["hits"] == [hit for hit in mine if wanted(hit)], query
        assert told["more"] is False and int(told["cursor"]) >= int(mine[-1]["cursor"]), "the cursor is that of the feed"
        found, cursor = [], before
        while True:  # in pages of one
            told = query_hits(installation, after=cursor, **{**query, "limit": 1})
            found, cursor = found + told["hits"], told["cursor"]
            if not told["more"]:
                break
        assert found == [hit for hit in mine if wanted(hit)], query


def test_a_cursor_that_was_never_given(installation):
    head = end_of_feed(installation)
    for cursor in (int(head) + 1, 2 ** 62):
        assert_problem(installation.get(f"/v1/hits?after={cursor}", ANA), 409, "cursor")
    assert query_hits(installation, after=head)["hits"] == []


def test_few_among_many_are_found_by_an_index(installation):
    """Hits are looked up by the agency's cursor, or by their entry; never by reading all there are."""
    for name, keys in (("hits_after", ("h.cursor > 5", "hits_.*agency_cursor|hits_cursor")), ("entry", ("h.entry = 5", "entry"))):
        condition, index = keys
        plan = installation.sql("SET enable_seqscan = off; EXPLAIN SELECT h.id FROM platesieve.hits h WHERE h.agency = 'customs' AND "
                                f"{condition} ORDER BY h.cursor LIMIT 10")
        text = "\n".join(row[0] for row in plan)
        assert "Seq Scan" not in text and re.search(index, text), (name, text)


def test_bad_queries(installation):
    for query in ("site=No", "lane=", "grade=worst", "covert=1", "since=today", "until=x", "reference=one", "list=x&reference=", "list=x&reference=%01",
                  "list=x&reference=" + "x" * 65, "limit=0", "limit=1001", "limit=x", "after=x", "after=-1", "list=No", "plate=ZZZ9999", "limit=1&limit=2"):
        answer = installation.get(f"/v1/hits?{query}", ANA)
        assert_problem(answer, 400, "bad-query")
        assert "ZZZ9999" not in answer.text
    long = installation.get("/v1/hits", ANA, headers={"Platesieve-Purpose": "x" * 300})
    assert_problem(long, 400)


def test_no_plate_token_or_slot_in_the_database(installation):
    """Law 1 and 2: what the database's rows hold of a hit."""
    installation.listed("QQ1008H")
    lane = installation.lane("reader/north/1")
    read = installation.read(lane, "QQ1008H")
    installation.post("/v1/checks", "reader/north/1", installation.check_body(lane, [read]))
    eventually(lambda: installation.get("/v1/status", "auditor/ines").json()["spool"]["depth"] == 0)
    tables = [row[0] for row in installation.sql("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                                 "WHERE n.nspname = 'platesieve' AND c.relkind = 'r'")]
    tokens = [plates.bytes64(token).hex() for made in read["candidates"][0]["tokens"] for token in (made["full"], made["plate"]) if token]
    for table in tables:
        text = "\n".join(row[0] for row in installation.sql(f'SELECT t::text FROM platesieve."{table}" t')).lower().replace("-", "")
        for token in tokens:
            assert token not in text, table
