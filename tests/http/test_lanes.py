"""How lanes fare: their reports, silence as an alarm at every gate, and what operators see."""
import contextlib
import datetime
import json
import time

import pytest
import requests

from contract import Contract
from house import assert_problem, eventually, now_text
from process import Failure
from relay import relay_to
from second_gate import SecondGate

LANE, OTHER, OLGA, INES = "reader/north/1", "reader/north/2", "operator/gate/olga", "auditor/ines"
SILENCE_S = 3
INSTALLATION = {"gate.lanes.silence_s": str(SILENCE_S), "gate.site south.silence_s": "0", "gate.site south.idle_s": "2"}
LATE_S = 12  # what other gates may have heard meanwhile


@pytest.fixture(scope="module")
def contract():
    return Contract()


def totals(**counts):
    unchecked = {why: counts.pop(why.replace("-", "_"), 0) for why in ("away", "over-quota", "aged", "full", "failed")}
    names = ("messages", "reads", "clear", "hits", "alerts", "false_tags", "unusable")
    return {**{name: counts.pop(name, 0) for name in names}, "unchecked": unchecked, **counts}


STARTED = now_text(-60)


def report(started=STARTED, sent_s=0.0, calibration=None, **fields):
    counts = fields.pop("totals", totals())
    return {"started_at": started, "sent_at": now_text(sent_s), "interval_s": 10, "version": "0.1", "totals": counts, "waiting": 0,
            "calibration": calibration, **fields}


def send(house, identity=LANE, url=None, **fields):
    if url is None:
        answer = house.request("PUT", "/v1/lane/report", identity, json=report(**fields))
    else:
        with house.session(identity) as session:
            answer = session.put(url + "/v1/lane/report", json=report(**fields), timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def lane_of(house, name=LANE, url=None, **query):
    """As GET /v1/lanes shows it; None: it does not."""
    _, site, lane = name.split("/")
    path = "/v1/lanes?" + "&".join(f"{key}={value}" for key, value in {"site": site, **query}.items())
    if url is None:
        told = house.get(path, OLGA).json()
    else:
        with house.session(OLGA) as session:
            told = session.get(url + path, timeout=10).json()
    return next((one for one in told["lanes"] if one["lane"] == lane), None)


def alarms_of(house, name=LANE):
    _, site, lane = name.split("/")
    return {one["why"] for one in house.get("/v1/status", OLGA).json()["alarms"] if one["what"] == "lane" and (one["site"], one["lane"]) == (site, lane)}


def metric_of(house, name=LANE):
    _, site, lane = name.split("/")
    return house.metrics().get(f'platesieve_lane_silent{{site="{site}",lane="{lane}"}}')


# -- what is taken -----------------------------------------------------------------------------------------------------------------


def test_a_report_is_taken_and_shown(installation, contract):
    sent = report(totals=totals(reads=7, clear=6, hits=1, aged=2), waiting=3, calibration={"at": now_text(-5), "outcome": "good", "interval_s": 30})
    contract.validate(contract.document["components"]["schemas"]["LaneReport"], sent)
    answer = installation.request("PUT", "/v1/lane/report", LANE, json=sent)
    assert answer.status_code == 200 and answer.json()["degraded"] is False
    for who in (OLGA, INES):
        told = installation.get("/v1/lanes", who).json()
        contract.validate(contract.document["components"]["schemas"]["Lanes"], told)
    lane = lane_of(installation)
    assert lane["report"]["run"] == sent["totals"] and lane["report"]["waiting"] == 3 and lane["report"]["version"] == "0.1"
    assert lane["report"]["calibration"]["outcome"] == "good" and abs(lane["report"]["skew_ms"]) < 2000
    assert lane["alarms"] == ["unchecked"] and lane["state"] == "alarm" and lane["silence_s"] == SILENCE_S
    assert alarms_of(installation) == {"unchecked"}
    for who in (LANE, "agency/customs/ana"):
        assert_problem(installation.get("/v1/lanes", who), 403, "forbidden")
    assert_problem(installation.request("PUT", "/v1/lane/report", "agency/customs/ana", json=sent), 403, "forbidden")


@pytest.mark.parametrize("change", [
    {"version": ""}, {"version": "x" * 33}, {"version": "a b"}, {"version": "\u202eevil"}, {"interval_s": 0}, {"interval_s": 3601}, {"interval_s": "10"},
    {"waiting": -1}, {"waiting": 2**60}, {"sent_at": "yesterday"}, {"started_at": None}, {"totals": {}}, {"totals": {**totals(), "plate": 1}},
    {"totals": {**totals(), "unchecked": {"away": 1}}}, {"totals": {**totals(), "reads": 1.5}}, {"calibration": {}}, {"calibration": []},
    {"calibration": {"at": None, "outcome": "fine"}}, {"calibration": {"at": 5, "outcome": "good"}}, {"ending": 1}, {"plate": "ABC"}], ids=str)
def test_what_is_no_report(installation, change):
    assert_problem(installation.request("PUT", "/v1/lane/report", OTHER, json={**report(), **change}), 400, "bad-field")


def test_bodies_that_are_none(installation):
    for body, status in ((b"", 400), (b"{", 400), (b"[]", 400), (json.dumps(report())[:-1].encode(), 400), (b" " * 5000, 413)):
        assert installation.put("/v1/lane/report", OTHER, body, headers={"Content-Type": "application/json"}).status_code == status, body[:20]


def test_counts_of_runs_add_up(installation):
    in_database = "SELECT run[2], coalesce(before[2], 0) FROM platesieve.lanes WHERE site = 'north' AND lane = '1'"
    send(installation, totals=totals(reads=8, clear=8))
    eventually(lambda: installation.sql(in_database) == [["8", "0"]])
    send(installation, started=now_text(-30), totals=totals(reads=10, clear=10))
    before = lane_of(installation)["report"]["totals"]["reads"]
    time.sleep(0.5)  # runs that follow each other at once may get into the database in the wrong order, until the next report
    send(installation, started=now_text(-3), totals=totals(reads=4, clear=4))
    lane = lane_of(installation)
    assert lane["report"]["run"]["reads"] == 4 and lane["report"]["totals"]["reads"] == before + 4
    eventually(lambda: installation.sql(in_database) == [["4", str(before)]])


def test_alarms_of_one_that_talks(installation):
    gone, day = now_text(-1000), now_text(-86000)
    bad = {"at": gone, "outcome": "good", "interval_s": 60}
    for fields, word in (({"calibration": bad}, "calibration"), ({"calibration": {"at": now_text(), "outcome": "clear"}}, "calibration"),
                         ({"calibration": {"at": None, "outcome": "none"}, "started": day}, "calibration"), ({"sent_s": 20}, "skew"), ({"sent_s": -20}, "skew"),
                         ({"totals": totals(false_tags=1)}, "false-tags")):
        send(installation, OTHER, **fields)
        assert word in lane_of(installation, OTHER)["alarms"], fields
        assert word in alarms_of(installation, OTHER)
    send(installation, OTHER, calibration={"at": now_text(-1), "outcome": "good"}, totals=totals(false_tags=1))
    assert lane_of(installation, OTHER)["alarms"] == ["false-tags", "twice"]  # for a day, and for ten minutes: a run that another had followed went on


def test_pages_and_filters(installation):
    for identity in (LANE, OTHER, "reader/south/1"):
        send(installation, identity)
    first = installation.get("/v1/lanes?limit=1", OLGA).json()
    second = installation.get(f"/v1/lanes?limit=2&after={first['next']}", OLGA).json()
    assert [f"{one['site']}/{one['lane']}" for one in first["lanes"] + second["lanes"]] == ["north/1", "north/2", "south/1"]
    assert first["next"] == "north/1"
    assert not installation.get("/v1/lanes?state=removed", OLGA).json()["lanes"]
    for query in ("limit=0", "limit=1001", "state=fine", "site=NORTH", "plate=1", "after="):
        assert_problem(installation.get("/v1/lanes?" + query, OLGA), 400, "bad-query")


def test_the_operators_status(installation):
    send(installation, calibration={"at": now_text(-40), "outcome": "good"}, totals=totals(reads=3))
    send(installation, OTHER, calibration={"at": now_text(-40), "outcome": "clear"}, totals=totals(reads=3, aged=37), ending=False)
    text = installation.platesieve("--as", OLGA, "status").stdout
    line = next(line for line in text.splitlines() if "north/1 " in line)
    assert "calibrated 40 s ago" in line and "0 unchecked" in line and "version 0.1" in line
    line = next(line for line in text.splitlines() if "north/2 " in line)
    assert "ALARM" in line and "37 unchecked" in line and ": calibration, unchecked" in line
    assert "lane north/2: calibration; heard last at" in text
    text = installation.platesieve("--as", OLGA, "status", "--site", "south").stdout
    assert "south/1" in text and "north/1 " not in text
    told = json.loads(installation.platesieve("--as", INES, "status", "--json").stdout.splitlines()[0])
    assert {one["site"] for one in told["lanes"]["lanes"]} == {"north", "south"} and told["status"]["lanes"] == told["lanes"]["counts"]
    assert "lanes" not in json.loads(installation.platesieve("--as", INES, "status", "--json").stdout.splitlines()[-1])


# -- silence -----------------------------------------------------------------------------------------------------------------------


def test_silence_is_an_alarm_until_it_speaks_again(installation):
    send(installation)
    assert metric_of(installation) == 0
    eventually(lambda: lane_of(installation)["state"] == "silent", SILENCE_S + LATE_S)
    assert alarms_of(installation) == {"silent"} and metric_of(installation) == 1 and installation.metrics()['platesieve_alarm{what="lanes"}'] == 1
    assert installation.ready() == {"ready": True}
    log = (installation.folder / "log/gate.log").read_text()
    assert "lane north/1 is silent" in log
    assert installation.get("/v1/status", OLGA).json()["lanes"]["silent"] >= 1
    send(installation)
    assert lane_of(installation)["state"] != "silent" and metric_of(installation) == 0
    eventually(lambda: "lane north/1 is not silent any more" in (installation.folder / "log/gate.log").read_text(), 5)


def test_a_lane_that_said_goodbye_is_not_silent(installation):
    send(installation, OTHER, ending=True)
    send(installation, LANE)
    eventually(lambda: lane_of(installation, LANE)["state"] == "silent", SILENCE_S + LATE_S)
    assert lane_of(installation, OTHER)["state"] == "ended"
    assert "silent" not in alarms_of(installation, OTHER)


def test_a_lane_that_only_checks_and_one_that_is_idle(installation):
    """At south the operator set no silence, but wants to hear of lanes without reads."""
    installation.listed("QQ77SS7")
    installation.check("QQ00LL0", identity="reader/north/2")
    lane = lane_of(installation, OTHER)
    assert lane["checked_at"] is not None
    send(installation, "reader/south/1", totals=totals(reads=1))
    eventually(lambda: "idle" in lane_of(installation, "reader/south/1")["alarms"], 6)
    assert lane_of(installation, "reader/south/1")["silence_s"] == 30
    send(installation, "reader/south/1", totals=totals(reads=2))
    assert "idle" not in lane_of(installation, "reader/south/1")["alarms"]


def test_what_no_gate_wrote_to_the_database(installation):
    """Whoever can write there makes no gate fall, and nothing that it says to others other than it should be."""
    send(installation, OTHER)
    eventually(lambda: installation.one("SELECT count(*) FROM platesieve.lanes WHERE site = 'north' AND lane = '2' AND reported_at IS NOT NULL") == "1")
    installation.sql("INSERT INTO platesieve.lanes (site, lane, checked_at, version) VALUES ('NORTH\"} 1', 'x', now(), E'\\x1b[2J'), ('north', '1/../2', now(), 'v'),"
                     " ('east', '1', now() + interval '200000 years', '1'), ('west', '1', '-infinity', '1')")
    installation.sql("UPDATE platesieve.lanes SET skew_ms = -9223372036854775808, interval_s = -5, waiting = -1, calibration = 99, run = ARRAY[9223372036854775807, NULL, -1],"
                     " before = array_fill(9223372036854775807, ARRAY[64]), reported_at = now() + interval '1 day', version = 'a b' WHERE site = 'north' AND lane = '2'")
    time.sleep(3)  # for two looks of the gate
    told = installation.get("/v1/lanes?limit=1000", OLGA).json()
    assert {f"{one['site']}/{one['lane']}" for one in told["lanes"]} <= {"north/1", "north/2", "south/1"} and told["degraded"] is False
    assert installation.metrics() and installation.ready() == {"ready": True}
    installation.sql("UPDATE platesieve.lanes SET version = '1', skew_ms = -9223372036854775808, calibration = 99, run = '{}', ending = false, reported_at = now(), before = array_fill(9223372036854775807, ARRAY[12]) WHERE site = 'north' AND lane = '2'")
    eventually(lambda: "skew" in lane_of(installation, OTHER)["alarms"], 5)
    assert lane_of(installation, OTHER)["report"]["skew_ms"] == -2**53 and lane_of(installation, OTHER)["report"]["calibration"]["outcome"] == "ordinary"
    installation.sql("DELETE FROM platesieve.lanes")
    send(installation, OTHER)
    assert "skew" not in lane_of(installation, OTHER)["alarms"]


@contextlib.contextmanager
def second_gate(house, name="gate-2", environment=None):
    gate = SecondGate(house, name)
    gate.start(environment)
    try:
        yield gate
    finally:
        gate.end()


def test_several_gates_and_the_database_away(installation):
    with second_gate(installation) as second:
        # It talks to the other one only: neither calls it silent, however long.
        for _ in range(2 * SILENCE_S):
            send(installation, OTHER, second.url())
            time.sleep(1)
            assert lane_of(installation, OTHER)["state"] != "silent"
        # It falls silent: both know.
        eventually(lambda: lane_of(installation, OTHER)["state"] == "silent", SILENCE_S + LATE_S)
        eventually(lambda: lane_of(installation, OTHER, second.url())["state"] == "silent", SILENCE_S + LATE_S)
        # Without the database the first one can't know of what it says to the second.
        send(installation, OTHER, second.url())
        eventually(lambda: lane_of(installation, OTHER)["state"] != "silent", 5)
        with installation.without("db"):
            eventually(lambda: lane_of(installation, OTHER)["state"] == "unknown", SILENCE_S + LATE_S)
            assert "silent" not in alarms_of(installation, OTHER)
            assert eventually(lambda: send(installation, LANE)["degraded"], 10)
            assert lane_of(installation, LANE)["state"] != "unknown"
        eventually(lambda: not send(installation, LANE)["degraded"], 20)
        eventually(lambda: (shown := lane_of(installation, LANE, second.url())) and shown["state"] != "silent", 20)


def test_a_lane_that_is_not_registered_is_no_alarm(installation):
    installation.issue("reader/west/9")
    send(installation, "reader/west/9")
    assert installation.delete("/v1/identities/reader/west/9", OLGA).status_code == 204
    eventually(lambda: lane_of(installation, "reader/west/9") is None, 5)
    assert lane_of(installation, "reader/west/9", state="removed")["state"] == "removed"
    assert not alarms_of(installation, "reader/west/9")
    assert metric_of(installation, "reader/west/9") is None


# -- the lane itself -----------------------------------------------------------------------------------------------------------------

TRIAL = "QQ00QQ00Q0"
QUICK = {"report": {"interval_s": 1}, "calibration": {"plate": TRIAL, "agency": "customs", "list": "trial", "interval_s": 1},
         "alerts": {"json": "yes", "show_plates": "yes"}, "waiting": {"age_s": 3}}


@pytest.fixture(scope="module")
def trial(installation):
    """The list that the manual tells an agency to make; and more lanes."""
    installation.issue("reader/north/3", "reader/north/4")
    installation.platesieve("list", "create", "--as", "agency/customs/ana", "trial", "--category", "calibration", "--calibration")
    installation.push("trial", [{"plate": TRIAL}])
    return "trial"


def outcome(service):
    return service.status()["calibration"]["outcome"]


def test_a_lane_tries_itself_and_reports(installation, trial, tmp_path):
    house, listed = installation, "QQ77KLM"
    house.listed(listed)
    with house.lane_service("reader/north/3", tmp_path / "lane", **QUICK) as service:
        eventually(lambda: outcome(service) == "good")
        lane = eventually(lambda: (shown := lane_of(house, "reader/north/3")) and shown["report"]["calibration"]["outcome"] == "good" and shown)
        assert lane["state"] == "well" and lane["report"]["version"] == service.status()["version"] and lane["report"]["interval_s"] == 1
        assert service.status()["reported_at"] and service.metrics()["platesieve_lane_calibration_alarm"] == 0
        eventually(lambda: service.status()["counts"]["calibrations"]["hits"] >= 3)
        # It goes the way of all reads, but is no read, and nobody is alerted.
        assert service.status()["counts"]["reads"]["asked"] == 0 and not service.alerts()
        service.post("plain", {"plate": listed, "jurisdiction": "US-TX"})
        assert len(eventually(service.alerts)) == 1
        eventually(lambda: lane_of(house, "reader/north/3")["report"]["run"]["reads"] == 1)
        assert lane_of(house, "reader/north/3")["report"]["run"]["hits"] == 1
        hits = eventually(lambda: [hit for hit in house.hits(trial) if hit["count"] >= 3])
        assert len(hits) == 1
        text = house.platesieve("--as", OLGA, "status", "--site", "north").stdout
        assert " well " in next(line for line in text.splitlines() if "north/3 " in line)
        # The list loses its entry: lane and operator hear of it, until it is back.
        house.push(trial, [])
        eventually(lambda: outcome(service) == "clear")
        assert "calibration" in service.status()["alarms"] and service.metrics()["platesieve_lane_calibration_alarm"] == 1
        eventually(lambda: alarms_of(house, "reader/north/3") == {"calibration"})
        assert "ALARM: calibration fails: clear" in service.said() and TRIAL not in service.said()
        house.push(trial, [{"plate": TRIAL}])
        eventually(lambda: outcome(service) == "good" and not alarms_of(house, "reader/north/3"), 30)
        assert "calibration" not in service.status()["alarms"] and "calibration succeeds again" in service.said()
        assert service.stop() == 0
    assert lane_of(house, "reader/north/3")["state"] == "ended"
    assert len(service.alerts()) == 1


def test_a_trial_on_an_ordinary_list(installation, trial, tmp_path):  # pylint: disable=unused-argument
    """Its hits count as those of real vehicles: that is no success, and says so in all places, until the list is one for trials."""
    house, name = installation, installation.new_list()
    house.push(name, [{"plate": TRIAL}])
    with house.lane_service("reader/north/3", tmp_path / "lane", **{**QUICK, "calibration": {**QUICK["calibration"], "list": name}}) as service:
        eventually(lambda: outcome(service) == "ordinary")
        assert "calibration" in service.status()["alarms"] and service.metrics()["platesieve_lane_calibration_alarm"] == 1
        said = [line for line in service.said().splitlines() if "ALARM: calibration" in line]
        assert len(said) == 1 and f"customs/{name} is no calibration list" in said[0] and TRIAL not in said[0]
        lane = eventually(lambda: (shown := lane_of(house, "reader/north/3")) and shown["report"]["calibration"]["outcome"] == "ordinary" and shown)
        assert lane["alarms"] == ["calibration"] and lane["report"]["calibration"]["at"]  # it did go the whole way
        text = house.platesieve("--as", OLGA, "status", "--site", "north").stdout
        line = next(line for line in text.splitlines() if "north/3 " in line)
        assert "ALARM" in line and "on an ordinary list" in line
        house.platesieve("list", "set", "--as", "agency/customs/ana", name, "--calibration", "--retention", "7")
        eventually(lambda: outcome(service) == "good" and not alarms_of(house, "reader/north/3"), 30)
        assert "calibration succeeds again" in service.said()


def test_a_lane_that_loses_its_gates(installation, trial, tmp_path):
    """Cut off from one gate it reports to the other; from both, its trials stay unchecked, and it is silent there."""
    house, name = installation, "reader/north/4"
    with second_gate(house, "gate-3") as second, relay_to(house.asked["ports"]["gate"]) as first_wire, relay_to(second.port) as second_wire:
        with house.lane_service(name, tmp_path / "lane", lane={"gate": f"{first_wire.url},{second_wire.url}"}, **QUICK) as service:
            eventually(lambda: outcome(service) == "good" and lane_of(house, name))
            first_wire.cut()
            begun = service.status()["counts"]["calibrations"]["hits"]
            eventually(lambda: service.status()["counts"]["calibrations"]["hits"] >= begun + 3)
            eventually(lambda: lane_of(house, name, second.url())["state"] == "well")
            eventually(lambda: lane_of(house, name)["state"] == "well")
            second_wire.cut()
            eventually(lambda: outcome(service) == "unchecked")
            assert {"calibration", "no-gate"} <= set(service.status()["alarms"])
            for url in (None, second.url()):
                eventually(lambda url=url: lane_of(house, name, url)["state"] == "silent", SILENCE_S + LATE_S)
            first_wire.join()
            eventually(lambda: outcome(service) == "good" and lane_of(house, name)["state"] in ("well", "alarm"), 30)
            assert lane_of(house, name)["report"]["run"]["unchecked"]["aged"] == 0  # trials are no reads
            service.kill()
        eventually(lambda: lane_of(house, name)["state"] == "silent", SILENCE_S + LATE_S)  # no goodbye


# -- clocks ---------------------------------------------------------------------------------------------------------------------------

DAY_S = 86400
OWN_CLOCK = {**QUICK, "reads": {"vehicle_window_ms": 0, "caption_vehicles": 0}, "waiting": {"age_s": 60}}


def plain(plate):
    return {"plate": plate, "jurisdiction": "US-TX"}


def answered(service):
    """All reads were, and none is given up."""
    counts = service.status()["counts"]["reads"]
    assert not any(counts["unchecked"].values()), counts
    return counts["asked"] == counts["clear"] + counts["hits"]


def stamp(moment):
    """Seconds since 1970 of an RFC 3339 time."""
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def all_since(begin, *moments):
    """They lie between BEGIN and now, by the clock that is right."""
    return all(begin - 1 <= stamp(moment) <= time.time() + 1 for moment in moments)


def notices(house, name, service, seconds):
    """That its clock is so many seconds ahead: in its status, its metrics, its log, its report, and the operator's status."""
    off = abs(seconds) > 60
    eventually(lambda: abs(service.status()["clock_ahead_ms"] - seconds * 1000) < 5000 and ("clock" in service.status()["alarms"]) == off)
    assert abs(service.metrics()["platesieve_lane_clock_ahead_seconds"] - seconds) < 5
    words = f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} the gate's" if off else "agrees with the gate's again"
    eventually(lambda: words in "".join([line for line in service.said().splitlines() if "this machine's clock" in line][-1:]))
    eventually(lambda: abs(lane_of(house, name)["report"]["skew_ms"] - seconds * 1000) < 5000)
    assert lane_of(house, name)["alarms"] == (["skew"] if off else [])
    assert alarms_of(house, name) == ({"skew"} if off else set())
    text = house.platesieve("--as", OLGA, "status", "--site", "north").stdout
    assert (f"lane {name.removeprefix('reader/')}: skew" in text) == off
    assert service.status()["ready"] and service.status()["alarms"] == (["clock"] if off else [])


def test_a_lane_whose_clock_jumps(installation, trial, tmp_path, moving_clock):
    """It is noticed at once and everywhere; each read is checked, none twice; a hit carries the time of the gates, whatever the lane's clock says."""
    house, name, listed, begin = installation, "reader/north/3", "QQ93JMP", time.time()
    hot_list = house.listed(listed, cooldown_s=300)
    with relay_to(house.asked["ports"]["gate"]) as wire:
        service = house.lane_service(name, tmp_path / "lane", lane={"gate": wire.url}, **OWN_CLOCK)
        service.environment = {**service.environment, **moving_clock.environment}
        with service:
            eventually(lambda: outcome(service) == "good" and lane_of(house, name)["state"] == "well")
            service.post("plain", plain(listed))
            eventually(lambda: len(service.alerts()) == 1)
            for number, seconds in enumerate((90, -90, DAY_S, 0)):
                moving_clock.set(seconds)
                service.post("plain", plain(listed))  # before anybody can have noticed
                eventually(lambda: answered(service))
                notices(house, name, service, seconds)
                service.post("plain", plain(f"QQ{number}4JMQ{number}"))
                eventually(lambda: answered(service))
            # What waits when the clock jumps keeps its age.
            wire.cut()
            for number in range(5):
                service.post("plain", plain(f"QQ{number}5JMR{number}"))
            service.post("plain", plain(listed))
            moving_clock.set(DAY_S)
            eventually(lambda: "no-gate" in service.status()["alarms"])
            assert service.status()["waiting"]["oldest_s"] < 60 and not service.status()["ready"]
            moving_clock.set(0)  # a gate that answered a day from now answers no more all the same
            assert "no-gate" in service.status()["alarms"]
            moving_clock.set(DAY_S)
            wire.join()
            eventually(lambda: answered(service))
            counts = service.status()["counts"]
            assert (counts["reads"]["asked"], counts["reads"]["hits"], counts["again"]["asked"]) == (15, 6, 0)
            assert len(service.get("/alerts")["kept"]) == 1
            # The officer's word is taken, too.
            judgement = f"{service.url}/alerts/{service.get('/alerts')['kept'][0]}/judgement"
            assert requests.post(judgement, json={"judgement": "misread"}, timeout=10).status_code == 200
            eventually(lambda: service.status()["alerts"]["judgements"] == {"delivered": 1, "lost": 0})
            assert stamp(service.status()["now"]) > begin + DAY_S - 1
            assert service.stop() == 0
    told = eventually(lambda: [one for one in house.hits(hot_list) if one["count"] == 6])
    assert len(told) == 1 and all_since(begin, told[0]["seen_at"], told[0]["last_seen_at"], told[0]["lane_says"]["at"])


def test_a_gate_whose_clock_is_off(installation, trial, tmp_path, moving_clock):
    """Its lanes notice, each of them, and it tells its operator so of each; nothing is refused for it."""
    house, name = installation, "reader/north/4"
    with second_gate(house, "gate-4", moving_clock.environment) as gate, house.lane_service(name, tmp_path / "lane", lane={"gate": gate.url()}, **OWN_CLOCK) as service:
        eventually(lambda: outcome(service) == "good")
        for number, seconds in enumerate((-1800, 1800, 0)):
            moving_clock.set(seconds)
            service.post("plain", plain(f"QQ{number}6GTQ{number}"))
            eventually(lambda: answered(service))
            if seconds < 0:
                eventually(lambda: "clock" in service.status()["alarms"])  # since the gate refused its reads for their time
            eventually(lambda: abs(lane_of(house, name, gate.url())["report"]["skew_ms"] + seconds * 1000) < 5000)
            assert "skew" in lane_of(house, name, gate.url())["alarms"] or seconds == 0
        assert service.status()["counts"]["reads"] == {"asked": 3, "clear": 3, "hits": 0, "unchecked": dict.fromkeys(service.status()["counts"]["reads"]["unchecked"], 0)}


def test_one_gate_of_two_whose_clock_is_off(installation, trial, tmp_path, moving_clock):
    """It is the one that is asked first.  Its word alone moves no read's time, neither there nor at the other one."""
    house, name, listed, begin = installation, "reader/north/4", "QQ97TWO", time.time()
    hot_list = house.listed(listed)
    with second_gate(house, "gate-5", moving_clock.environment) as gate:
        moving_clock.set(-1800)
        with house.lane_service(name, tmp_path / "lane", lane={"gate": f"{gate.url()},{house.gate_url}"}, **OWN_CLOCK) as service:
            eventually(lambda: outcome(service) == "good" and all(one["well"] for one in service.status()["gates"]))
            for number, seconds in enumerate((-1800, 200)):  # too late for it, and such that it takes them
                moving_clock.set(seconds)
                service.post("plain", plain(f"QQ{number}7TWQ{number}"))
                service.post("plain", plain(listed))
                eventually(lambda: answered(service))
                assert "clock" not in service.status()["alarms"] and abs(service.status()["clock_ahead_ms"]) < 5000
            assert "this machine's clock is" not in service.said() and "clocks differ" in service.said()
            assert (service.status()["counts"]["reads"]["clear"], service.status()["counts"]["reads"]["hits"]) == (2, 2)
    hit = eventually(lambda: [one for one in house.hits(hot_list) if one["count"] == 2])[0]
    assert all_since(begin, hit["seen_at"], hit["last_seen_at"])


def test_wrong_settings_of_a_trial(installation, tmp_path):
    for number, (settings, said) in enumerate((({"plate": TRIAL}, "go together"), ({**QUICK["calibration"], "plate": "?!"}, "plate: is none"),
                                               ({**QUICK["calibration"], "jurisdiction": "XX-9"}, "is no ISO code"))):
        with pytest.raises(Failure) as failure:
            installation.lane_service("reader/north/1", tmp_path / str(number), calibration=settings).start()
        assert said in str(failure.value) and TRIAL not in str(failure.value)
