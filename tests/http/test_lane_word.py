"""The lane's word on a hit: said by the lane whose hit it is, shown to its agency, and nothing more than a word."""
import datetime
import json
import time
import uuid

import pytest

import plates
from house import assert_problem, eventually, now_text
from sse import Events
from test_verdicts import drained, grades, judge

ANA, BEN, LANE, OTHER = "agency/customs/ana", "agency/marshals/ben", "reader/north/1", "reader/south/1"
WORDS = ("confirmed", "misread", "wrong-jurisdiction", "stale-entry")


def say(house, hit, judgement, at=None, identity=LANE):
    return house.post(f"/v1/hits/{hit}/judgement", identity, {"judgement": judgement, "at": at or now_text()})


def said(house, hit, judgement, at=None, identity=LANE):
    answer = say(house, hit, judgement, at, identity)
    assert answer.status_code == 200, answer.text
    return answer.json()


def unknown(house, hit, identity=LANE):
    """What is no hit of this lane; nothing waits in the spool."""
    drained(house)
    return assert_problem(say(house, hit, "misread", identity=identity), 404, "not-found")


def alerted(house, plate, **rules):
    """A new list, and the id in the alert of its first hit, which is stored."""
    name = house.listed(plate, **rules)
    hit = house.check(plate)["alerts"][0]["hit"]
    house.wait_hits(1, name)
    return name, hit


def shown(house, hit, user=ANA):
    answer = house.get(f"/v1/hits/{hit}", user)
    assert answer.status_code == 200, answer.text
    return answer.json()["lane_says"]


def test_the_officer_acknowledges_and_judges(installation):
    name, hit = alerted(installation, "QQ7501J")
    assert shown(installation, hit) is None
    first, second = now_text(-20), now_text(-10)
    assert said(installation, hit, "acknowledged", second) == {"judgement": None, "at": None, "acknowledged_at": second}
    assert said(installation, hit, "acknowledged", first)["acknowledged_at"] == first == said(installation, hit, "acknowledged", second)["acknowledged_at"]
    for word in WORDS:
        at = now_text()
        assert said(installation, hit, word, at) == {"judgement": word, "at": at, "acknowledged_at": first} == shown(installation, hit)
        assert said(installation, hit, word, at)["judgement"] == word
        time.sleep(0.002)
    assert said(installation, hit, "misread", second)["judgement"] == "stale-entry"  # an older word that comes late
    assert installation.hits(name)[0]["lane_says"] == shown(installation, hit)
    assert installation.hits(name)[0]["verdict"] is None and grades(installation, name) == {"hits": 1, "reads": 1}


def test_a_misread_of_the_lane_erases_nothing(installation):
    name, hit = alerted(installation, "QQ7502J")
    before = installation.hits(name)[0]
    said(installation, hit, "misread")
    after = installation.hits(name)[0]
    assert after.pop("lane_says")["judgement"] == "misread" and before.pop("lane_says") is None and after == before
    drained(installation)
    judge(installation, hit, "misread")
    assert installation.one(f"SELECT lane_judgement = 0 AND lane_judged_at IS NULL AND lane_acknowledged_at IS NULL FROM platesieve.hits h JOIN platesieve.lists l"
                            f" ON l.number = h.list WHERE l.id = '{name}'") == "t", "what the lane said goes with the misread of its agency"
    unknown(installation, hit)


def test_only_the_lane_whose_hit_it_is(installation):
    covert = installation.listed("QQ7503J", covert=True)
    name, hit = alerted(installation, "QQ7504J")
    assert installation.check("QQ7503J")["answer"] == "clear"
    secret = installation.wait_hits(1, covert)[0]["hit"]
    drained(installation)
    answers = [say(installation, one, "misread", identity=who) for one, who in
               ((hit, OTHER), (secret, LANE), (secret, OTHER), ("AAAAAAAAAAAAAAAAAAAAAA", LANE))]
    for answer in answers:
        assert_problem(answer, 404, "not-found")
    assert len({answer.content for answer in answers}) == 1
    assert installation.hits(name)[0]["lane_says"] is None and installation.hits(covert)[0]["lane_says"] is None
    assert_problem(say(installation, hit, "misread", identity=ANA), 403, "forbidden")
    assert_problem(say(installation, "AAAA", "misread"), 404, "not-found")


def test_a_read_that_was_counted_on_a_hit(installation):
    """Two gates may begin two hits of one vehicle, and the database makes one of them: the lane goes by the name that it was told."""
    name, hit = alerted(installation, "QQ7505J")
    number, day = installation.sql(f"SELECT h.list, h.drop_on FROM platesieve.hits h JOIN platesieve.lists l ON l.number = h.list WHERE l.id = '{name}'")[0]
    other = uuid.uuid4()
    installation.sql(f"INSERT INTO platesieve.sightings SELECT '{other}', h.id, h.seen_at, h.drop_on, h.list FROM platesieve.hits h WHERE h.list = {number}"
                     f" AND h.drop_on = '{day}'")
    said(installation, plates.text64(other.bytes), "confirmed")
    assert shown(installation, hit)["judgement"] == "confirmed"


@pytest.mark.parametrize("body", [{}, {"judgement": "misread"}, {"at": "now"}, {"judgement": "perhaps", "at": None}, {"judgement": "none", "at": None},
                                  {"judgement": 2, "at": None}, {"judgement": "", "at": None},
                                  {"judgement": ["misread"], "at": None}, {"judgement": "misread", "at": 1795305600}, {"judgement": "misread", "at": None, "plate": "ZZZ9999"}])
def test_bad_words(installation, body):
    body = {name: now_text() if name == "at" and value is None else value for name, value in body.items()}
    answer = installation.post("/v1/hits/AAAAAAAAAAAAAAAAAAAAAA/judgement", LANE, body)
    assert "ZZZ9999" not in json.dumps(assert_problem(answer, 400, "bad-field"))


def test_time_and_number_are_bounded(installation):
    name, hit = alerted(installation, "QQ7506J")
    for offset in (-86500, 400):
        assert_problem(say(installation, hit, "confirmed", now_text(offset)), 422, "time")
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=60)
    for number in range(16):
        said(installation, hit, WORDS[number % 4], (begin + datetime.timedelta(seconds=number)).isoformat(timespec="seconds"))
    assert_problem(say(installation, hit, "confirmed"), 409, "too-many")
    assert shown(installation, hit)["judgement"] == WORDS[15 % 4]
    said(installation, hit, WORDS[0], begin.isoformat(timespec="seconds"))  # said before: it changes nothing
    late, old = alerted(installation, "QQ7507J")
    installation.sql("UPDATE platesieve.hits SET recorded_at = now() - interval '25 hours' WHERE list = "
                     f"(SELECT number FROM platesieve.lists WHERE id = '{late}')")
    assert_problem(say(installation, old, "confirmed"), 410, "late")
    assert shown(installation, old) is None and len(installation.hits(name)) == 1


def test_the_agency_asks_for_it(installation):
    name = installation.new_list()
    listed = {word: f"QQ76{number:02d}J" for number, word in enumerate((*WORDS, "acknowledged", "none"))}
    installation.push(name, [{"plate": plate, "jurisdiction": "US-TX", "reference": word} for word, plate in listed.items()])
    for word, plate in listed.items():
        hit = installation.check(plate)["alerts"][0]["hit"]
        eventually(lambda one=hit: installation.get(f"/v1/hits/{one}", ANA).status_code == 200)
        if word != "none":
            said(installation, hit, word)
    for word in (*WORDS, "acknowledged"):
        answer = installation.get("/v1/hits", ANA, params={"list": name, "lane_judgement": word}).json()
        assert [one["reference"] for one in answer["hits"]] == [word]
    answer = installation.get("/v1/hits", ANA, params={"list": name, "lane_judgement": "none"}).json()
    assert [one["reference"] for one in answer["hits"]] == ["acknowledged", "none"]
    answer = installation.get("/v1/hits", ANA, params={"list": name, "reference": "misread", "lane_judgement": "misread"}).json()
    assert len(answer["hits"]) == 1
    assert_problem(installation.get("/v1/hits", ANA, params={"lane_judgement": "perhaps"}), 400, "bad-query")
    with Events(installation, ANA, after="0", list=name, lane_judgement="misread") as events:
        assert [one["reference"] for one in events.wait(1)] == ["misread"]
    text = installation.platesieve("hits", "--as", ANA, "--list", name).stdout
    assert "the lane says: misread" in text and "the lane says: seen" in text
    only = installation.platesieve("hits", "--as", ANA, "--list", name, "--lane-judgement", "misread").stdout
    assert "the lane says: misread" in only and "stale-entry" not in only


def test_partners_see_it(installation):
    name, hit = alerted(installation, "QQ7508J")
    assert shown(installation, hit) is None
    until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).isoformat(timespec="seconds")
    answer = installation.put(f"/v1/lists/{name}/shares/marshals", ANA, json.dumps({"until": until}), headers={"Content-Type": "application/json"})
    assert answer.status_code == 204, answer.text
    installation.listed("QQ7509J")  # a gate has seen the change by now
    other = installation.check("QQ7508J", identity=OTHER)["alerts"]
    theirs = next(one["hit"] for one in other if one["list"] == name)
    eventually(lambda: installation.get(f"/v1/hits/{theirs}", BEN).status_code == 200)
    said(installation, theirs, "wrong-jurisdiction", identity=OTHER)
    assert shown(installation, theirs, BEN) == shown(installation, theirs) != None  # noqa: E711
    page = installation.get("/v1/hits", BEN, params={"lane_judgement": "wrong-jurisdiction"}).json()["hits"]
    assert [one["hit"] for one in page] == [theirs]
