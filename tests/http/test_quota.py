"""Quotas: what a stolen identity may ask of either daemon, under the daemons' own defaults unless a test says otherwise; kept over restarts, kills and
registrations; seen by operators."""
import concurrent.futures
import json
import secrets
import subprocess
import threading
import time

import pytest

import plates
import ristretto
from clocks import DAY_S, MINUTE_S, MovingClock
from conftest import make_house, remove_house
from fake import Fake, Problem
from house import TOP, assert_problem, eventually
from installation import LABORATORY

NORTH, OTHER, ANA, BEN = "reader/north/1", "reader/north/2", "agency/customs/ana", "agency/marshals/ben"
KIM, OLGA, INES = "operator/keys/kim", "operator/gate/olga", "auditor/ines"
HMAC, VOPRF = {"keys.keyd.suite": "hmac-sha256"}, {"keys.keyd.suite": "voprf-ristretto255-sha512"}
DEFAULTS = {name: None for name in LABORATORY if ".quota " in name}  # the daemons' own
INSTALLATION = {**HMAC, **DEFAULTS}


def elements(count):
    """COUNT blinded elements, as text."""
    point, made = ristretto.hash_to_group(secrets.token_bytes(8)), []
    for _ in range(count):
        point = ristretto.add(point, ristretto.GENERATOR)
        made.append(plates.text64(ristretto.encode(point)))
    return made


ELEMENTS = elements(256)


@pytest.fixture(scope="module", autouse=True, name="clock")
def clock_fixture(tmp_path_factory):
    """Of the daemons and clients of this file: nobody waits for a minute's end."""
    with MovingClock(tmp_path_factory.mktemp("clock")).of_all() as clock:
        yield clock


def evaluate(house, count, identity=NORTH, epoch=None, **options):
    epoch = epoch or house.epochs()[0]["id"]
    return house.post(f"/v1/epochs/{epoch}/evaluate", identity, {"blinded": ELEMENTS[:count]}, server="keys", **options)


def assert_over(clock, answer, counted, window):
    """429 with what was counted, and with a Retry-After that is the end of the window."""
    problem = assert_problem(answer, 429, "over-quota")
    assert (problem["counted"], problem["window"]) == (counted, window)
    left, told = clock.left({"minute": MINUTE_S, "day": DAY_S}[window]), int(answer.headers["Retry-After"])
    assert left - 1 <= told <= left + 10, (left, told)


def quotas(house, server="keys", identity=INES):
    answer = house.get("/v1/status", identity, server=server)
    assert answer.status_code == 200
    return answer.json()["quotas"]


def use_of(house, identity, server="keys"):
    """{"profile", "percent", "minute", "day", "refused"} of GET /v1/identities."""
    answer = house.get(f"/v1/identities/{identity}", INES, server=server)
    assert answer.status_code == 200
    return answer.json()["use"]


@pytest.fixture
def key_server(new_installation):
    """Maker of a key server alone, of the second suite, with these settings."""
    def make(settings=None):
        house = new_installation({**VOPRF, **DEFAULTS, **(settings or {})}, start=False)
        house.start(("keys",))
        return house
    return make


@pytest.fixture(scope="module")
def keys():
    """The same for the whole file, with the defaults."""
    house = make_house({**VOPRF, **DEFAULTS}, start=False)
    house.start(("keys",))
    yield house
    remove_house(house)


# -- the key server -----------------------------------------------------------------------------------------------------------------


def test_a_stolen_reader_evaluates_2700_elements_a_minute(keys, clock):
    """150 reads a minute, 3 candidates, 3 texts, 2 epochs."""
    house, epoch = keys, keys.epochs()[0]["id"]
    clock.new_minute()
    assert [evaluate(house, 256, epoch=epoch).status_code for _ in range(10)] == [200] * 10
    assert_over(clock, evaluate(house, 141, epoch=epoch), "evaluations", "minute")  # whole or not at all
    assert evaluate(house, 140, epoch=epoch).status_code == 200
    assert_over(clock, evaluate(house, 1, epoch=epoch), "evaluations", "minute")
    assert_over(clock, house.post(f"/v1/epochs/{epoch}/evaluate", NORTH, {"nonsense": 1}, server="keys"), "evaluations", "minute")  # not even read
    assert evaluate(house, 256, OTHER, epoch).status_code == 200  # another's is another's
    use = use_of(house, NORTH)
    assert use["profile"] == "lane" and use["minute"]["used"]["evaluations"] == use["day"]["used"]["evaluations"] == 2700
    assert use["minute"]["limit"]["evaluations"] == 2700 and use["day"]["limit"]["evaluations"] == 180000 and use["refused"] == 3
    assert house.metrics("keys")["platesieve_quota_refused_total"] >= 3
    told = next(one for one in quotas(house)["hot"] if one["name"] == NORTH)
    assert told["refused"] == 3 and told["percent"] == 1
    shown = house.platesieve("--as", KIM, "status").stdout
    assert f"{NORTH}, lane: 1 %, 2700 of 180000 evaluations, 0 of 96 keys, 3 refused" in shown and "requests refused" in shown
    assert any(line.split()[:4] == [NORTH, "lane", "-", "1%"] for line in house.platesieve("registry", "list", "--at", "keys").stdout.splitlines())


def test_an_agency_evaluates_its_lists(keys):
    """A million tokens, two epochs, two pushes and a quarter; no limit a minute: a push is not slowed down."""
    house, epoch = keys, keys.epochs()[0]["id"]
    assert [evaluate(house, 256, ANA, epoch).status_code for _ in range(12)] == [200] * 12
    use = use_of(house, ANA)
    assert use["profile"] == "agency" and use["day"]["limit"]["evaluations"] == 5_000_000 and use["minute"]["limit"]["evaluations"] is None


def test_what_was_not_done_is_not_charged(keys):
    house, reader = keys, "reader/south/1"
    assert_problem(evaluate(house, 1, reader, "19700101T000000Z"), 404, "not-found")
    assert_problem(house.post(f"/v1/epochs/{house.epochs()[0]['id']}/evaluate", reader, {"blinded": []}, server="keys"), 400, "bad-field")
    assert use_of(house, reader)["day"]["used"]["evaluations"] == 0
    assert evaluate(house, 5, reader).status_code == 200
    assert use_of(house, reader)["day"]["used"]["evaluations"] == 5


def test_parallel_connections_share_one_quota(keys, clock):
    """Sixteen connections of one identity, more than fits: to the last element, and not one more."""
    house, reader, epoch = keys, "reader/south/2", keys.epochs()[0]["id"]
    clock.new_minute()
    start = threading.Barrier(16)

    def hammer(_):
        with house.session(reader) as session:
            start.wait()
            return [session.post(house.url(f"/v1/epochs/{epoch}/evaluate", "keys"), json={"blinded": ELEMENTS[:20]}, timeout=60).status_code
                    for _ in range(12)]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        codes = [code for some in pool.map(hammer, range(16)) for code in some]
    assert (codes.count(200), codes.count(429)) == (2700 // 20, 16 * 12 - 2700 // 20)
    assert use_of(house, reader)["minute"]["used"]["evaluations"] == 2700


def test_retry_after_is_true(keys, clock):
    house, epoch, reader = keys, keys.epochs()[0]["id"], "reader/south/3"
    house.issue(reader)
    clock.new_minute()
    while (answer := evaluate(house, 256, reader, epoch)).status_code == 200:
        pass
    clock.forward(int(answer.headers["Retry-After"]))
    assert evaluate(house, 256, reader, epoch).status_code == 200


def test_the_day_is_kept_over_restarts_kills_and_registrations(key_server, clock):
    """40 reads a day: 720 evaluations."""
    house = key_server({"keys.quota lane.reads_a_day": "40"})
    epoch = house.epochs()[0]["id"]
    clock.new_minute()
    assert evaluate(house, 256, epoch=epoch).status_code == 200
    with house.without("keys"):
        pass
    assert evaluate(house, 256, epoch=epoch).status_code == 200
    house.keys.kill()
    house.start(("keys",))
    house.forget_connections()
    assert_over(clock, evaluate(house, 256, epoch=epoch), "evaluations", "day")
    assert evaluate(house, 208, epoch=epoch).status_code == 200
    house.unregister(NORTH, daemons=("keys",))
    eventually(lambda: evaluate(house, 1, epoch=epoch).status_code == 403)
    house.register(NORTH, daemons=("keys",))
    eventually(lambda: evaluate(house, 1, epoch=epoch).status_code != 403)
    assert_over(clock, evaluate(house, 1, epoch=epoch), "evaluations", "day")
    with house.without("keys"):
        pass
    assert_over(clock, evaluate(house, 1, epoch=epoch), "evaluations", "day")
    assert evaluate(house, 256, OTHER, epoch).status_code == 200


def test_alarms(key_server, clock):
    """A name at 80 % of its day, and all of them together: on the log once, in the status and the metrics."""
    house = key_server({"keys.quota lane.reads_a_day": "50", "keys.quota.total_a_day": "1000"})  # 900 a day each
    epoch = house.epochs()[0]["id"]
    clock.new_minute()

    def log():
        return (house.folder / "log/keys.log").read_text()

    for count in (256, 256, 207):
        assert evaluate(house, count, epoch=epoch).status_code == 200
    time.sleep(1.5)
    assert quotas(house)["alarms"] == [] and "quota:" not in log()
    assert house.metrics("keys")['platesieve_alarm{what="quota"}'] == 0
    assert evaluate(house, 1, epoch=epoch).status_code == 200  # 720
    told = quotas(house, identity=KIM)
    assert told["alarms"] == ["name"] and [(one["name"], one["percent"]) for one in told["hot"]] == [(NORTH, 80)]
    eventually(lambda: f"warning: quota: {NORTH} has used 80 % of its day" in log())
    assert house.metrics("keys")["platesieve_quota_hot"] == 1
    for count in (256, 24):
        assert evaluate(house, count, OTHER, epoch).status_code == 200
    told = quotas(house)
    assert told["alarms"] == ["name", "total"] and told["total"] == {"used": {"evaluations": 1000, "keys": 0}, "alarm_at": 1000}
    eventually(lambda: "all names together have used 1000 evaluations today, where 1000 raise an alarm" in log())
    assert eventually(lambda: house.metrics("keys")["platesieve_quota_total_share"] == 1)
    with house.without("keys"):
        pass
    assert evaluate(house, 100, epoch=epoch).status_code == 200
    time.sleep(1.5)
    assert log().count(f"{NORTH} has used") == 1  # once a day, also after a restart


def test_keys_are_given_a_few_times_a_day(installation, clock):
    """hmac-sha256: each of the keys of a day, 24 times."""
    house, reader = installation, "reader/south/2"
    epoch = house.epochs()[0]["id"]
    limit = use_of(house, reader)["day"]["limit"]["keys"]
    assert limit == 24 * (1 + 2 + 1)
    clock.new_minute()
    codes = [house.get(f"/v1/epochs/{epoch}/key", reader, server="keys").status_code for _ in range(limit)]
    assert set(codes) == {200}
    answer = house.get(f"/v1/epochs/{epoch}/key", reader, server="keys")
    assert_over(clock, answer, "keys", "day")
    assert "key\"" not in answer.text
    assert house.get(f"/v1/epochs/{epoch}/key", "reader/south/1", server="keys").status_code == 200


# -- the gate -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(installation):
    return installation.listed("QQ61XX61", grade="similar")


def check(house, lane, reads, identity=NORTH):
    return house.post("/v1/checks", identity, house.check_body(lane, reads))


def test_a_stolen_reader_asks_150_reads_a_minute(installation, listed, clock):
    house, lane = installation, installation.lane()
    clock.new_minute()
    reads = [house.read(lane, f"QQ{n:05d}") for n in range(50)]
    assert [check(house, lane, reads).status_code for _ in range(3)] == [200] * 3
    assert_over(clock, check(house, lane, reads[:1]), "reads", "minute")
    assert check(house, lane, reads[:1], OTHER).status_code == 200
    use = use_of(house, NORTH, "gate")
    assert use["minute"]["used"] == {"tokens": 450, "reads": 150} and use["day"]["limit"] == {"tokens": 180000, "reads": 10000}
    with house.without("gate"):
        pass
    eventually(lambda: house.ready().get("ready"))
    assert_over(clock, check(house, lane, reads[:1]), "reads", "minute")
    house.gate.kill()
    house.start(("gate",))
    house.forget_connections()
    eventually(lambda: house.ready().get("ready"))
    assert_over(clock, check(house, lane, reads[:1]), "reads", "minute")


def test_a_stolen_reader_asks_2700_tokens_a_minute(installation, listed, clock):
    """However they are dressed up: eight candidates a read, and `near` sets that nobody wants."""
    house, reader = installation, "reader/south/1"
    lane = house.lane(reader)
    clock.new_minute()
    full = [house.read({**lane, "grades": [*lane["grades"], "near"]}, "QQ11111", others=[(f"QQ1111{n}", "US-TX") for n in range(7)]) for _ in range(10)]
    tokens = sum(len(tokens.get("near", ())) + len(set(tokens) - {"near"}) for tokens in
                 (candidate["tokens"][0] for read in full for candidate in read["candidates"]))
    assert tokens > 1000
    passed = 0
    while (answer := check(house, lane, full, reader)).status_code == 200:
        passed += tokens
    assert_over(clock, answer, "tokens", "minute")
    assert 2700 - tokens < passed <= 2700
    assert use_of(house, reader, "gate")["minute"]["used"]["tokens"] == passed


def test_more_than_a_whole_quota_at_once(installation, listed):
    """No Retry-After that would never come true."""
    house, reader = installation, "reader/south/2"
    lane = house.lane(reader)
    reads = [house.read({**lane, "grades": [*lane["grades"], "near"]}, "QQ1234567", others=[("QQ7654321", "US-TX")] * 3) for _ in range(40)]
    answer = check(house, lane, reads, reader)
    problem = assert_problem(answer, 413, "too-much")
    assert (problem["counted"], problem["window"]) == ("tokens", "minute") and "Retry-After" not in answer.headers
    assert use_of(house, reader, "gate")["day"]["used"]["tokens"] == 0


def test_a_check_that_looked_up_nothing_is_not_charged(installation, listed):
    """A lane whose policy is an old one asks twice and is charged once."""
    house, reader = installation, "reader/south/2"
    lane = house.lane(reader)
    before = use_of(house, reader, "gate")["day"]["used"]
    body = house.check_body(lane, [house.read(lane, "QQ00007")])
    wrong = [{**body, "epochs": [{**body["epochs"][0], "key_id": plates.text64(bytes(16))}]}, {**body, "epochs": []}, {**body, "reads": [{}]}]
    assert [house.post("/v1/checks", reader, one).status_code // 100 for one in wrong] == [4, 4, 4]
    assert use_of(house, reader, "gate")["day"]["used"] == before
    assert house.post("/v1/checks", reader, body).status_code == 200
    assert use_of(house, reader, "gate")["day"]["used"] == {"tokens": before["tokens"] + 3, "reads": before["reads"] + 1}


def test_an_agency_uploads_its_lists(new_installation, clock):
    """100 tokens x 2 epochs x 2 pushes and a quarter: 500 a day."""
    house = new_installation({**HMAC, **DEFAULTS, "gate.quota agency.tokens": "100"})
    name = house.new_list(grade="plate")
    clock.new_minute()

    def entries(count):
        return [{"plate": f"QQ{n:05d}", "jurisdiction": "US-TX"} for n in range(count)]

    def put(count, number=1):
        body = "".join(line + "\n" for line in house.entry_lines(name, entries(count))).encode()
        return house.put_part(name, revision, number, body)

    per_entry = 2 * len(house.epochs(("open", "coming")))  # full and plate
    revision = house.open_revision(name)
    assert_problem(put(500 // per_entry + 1), 413, "too-much")
    assert put(50).status_code == 200
    assert_problem(house.put(f"/v1/lists/{name}/revisions/77/parts/1", ANA, "".join(line + "\n" for line in house.entry_lines(name, entries(9))).encode(),
                             headers=house.key_ids()), 404)  # not stored, not charged
    assert use_of(house, ANA, "gate")["day"]["used"] == {"tokens": 50 * per_entry, "reads": 0}
    while (answer := put(50)).status_code == 200:
        pass
    assert_over(clock, answer, "tokens", "day")
    assert use_of(house, ANA, "gate")["day"]["used"]["tokens"] == 500 // (50 * per_entry) * 50 * per_entry
    assert house.new_list(BEN) and use_of(house, BEN, "gate")["day"]["used"]["tokens"] == 0


# -- what it comes to ----------------------------------------------------------------------------------------------------------------------


def duration(days):
    """As docs/threat-model.md says it."""
    years = days / 365.25
    if years >= 1:
        return f"{years:.0f} years" if years >= 10 else f"{years:.1f} years"
    return f"{days * 24:.0f} hours" if days < 1 else f"{days:.0f} days" if days >= 10 else f"{days:.1f} days"


def test_the_arithmetic_of_the_threat_model(keys):
    """How long a thief needs for one state's format: docs/threat-model.md, held against the limits that the key server really has."""
    limits = {one["profile"]: one["day"]["evaluations"] for one in quotas(keys)["profiles"]}
    text = (TOP / "docs/threat-model.md").read_text()
    texts = {"`AAA0000`, lists of grade `plate` or `full`": 26**3 * 10**4, "the same with 20 letters (no vowels, no Q), as Texas has it": 20**3 * 10**4,
             "`AAA0000`, lists of grade `similar`: folded, 23³ × 10⁴": 23**3 * 10**4,
             "`AAA0000`, lists of grade `near`: one letter masked, 23² × 10⁴": 23**2 * 10**4, "all US states, 7.5 × 10⁹": 7.5e9}
    assert len({plates.folded(letter) for letter in "ABCDEFGHIJKLMNPQRSTUVWXYZ0"}) == 23
    for label, count in texts.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| {label} |")).strip("| ").split(" | ")
        for lanes, told in zip((1, 10, 100), row[2:5]):
            assert told == duration(count / limits["lane"] / lanes), (label, lanes)
        share, exact = float(row[5].rstrip(" %")), 100 * limits["lane"] / count
        assert abs(share - exact) <= 0.17 * exact, label
    assert "= 180,000 evaluations a day" in text and limits["lane"] == 180_000
    assert "= 5,000,000 evaluations a day" in text and limits["agency"] == 5_000_000
    assert f"{26**3 * 10**4 / limits['agency']:.0f} days for `AAA0000`" in text


# -- profiles and registration ------------------------------------------------------------------------------------------------------------


def test_a_profile_of_its_own(key_server, clock):
    house = key_server({"keys.quota bridge.reads_a_minute": "300", "keys.quota bridge.grades": "full plate similar near",
                        "keys.quota bridge.candidates": "1", "keys.quota bridge.epochs": "1", "keys.quota police.tokens": "1000"})
    path = f"/v1/identities/{NORTH}"
    assert house.put(path, KIM, json.dumps({"quota": "bridge"}), server="keys").json()["use"]["minute"]["limit"]["evaluations"] == 300 * 28
    for wrong in ("bridges", "agency", "police", "none", "", 5):
        assert_problem(house.put(path, KIM, json.dumps({"quota": wrong}), server="keys"), 400, "bad-field")
    assert_problem(house.put(f"/v1/identities/{ANA}", KIM, json.dumps({"quota": "lane"}), server="keys"), 400, "bad-field")
    assert house.put(f"/v1/identities/{ANA}", KIM, json.dumps({"quota": "police"}), server="keys").json()["use"]["profile"] == "police"
    assert "use" not in house.get(f"/v1/identities/{KIM}", KIM, server="keys").json()
    clock.new_minute()
    eventually(lambda: evaluate(house, 1).status_code == 200 and use_of(house, NORTH)["profile"] == "bridge")
    codes = [evaluate(house, 256).status_code for _ in range(33)]
    assert (codes.count(200), codes[-1]) == (32, 429)  # 8,400
    assert [one["profile"] for one in quotas(house)["profiles"]] == ["lane", "agency", "bridge", "police"]
    with house.without("keys"):  # settings without the profile: the role's own then, and a word on the log
        house.asked["settings"].update({name: None for name in house.asked["settings"] if ".quota bridge." in name})
    assert evaluate(house, 1).status_code == 429 and use_of(house, NORTH)["profile"] == "lane"
    assert f"{NORTH} is registered with a profile that is not in the settings" in (house.folder / "log/keys.log").read_text()


@pytest.mark.parametrize("daemon", ["gate", "keys"])
@pytest.mark.parametrize("section, key, value", [
    ("quota lane", "reads_a_day", "0"), ("quota lane", "reads_a_day", "many"), ("quota lane", "candidates", "9"), ("quota lane", "grades", "all"),
    ("quota lane", "speed", "9"), ("quota x y", "epochs", "1"), ("quota lane", "epochs", "5"), ("quota lane", "tokens", "5"),
    ("quota agency", "candidates", "3"), ("quota", "total_a_day", "-1"), ("quota", "reads", "1")])
def test_settings_that_make_no_sense(installation, tmp_path, daemon, section, key, value):
    program = {"gate": "platesieved", "keys": "platesieve-keyd"}[daemon]
    file = tmp_path / "bad.conf"
    text = (installation.folder / f"etc/{daemon}.conf").read_text()
    file.write_text(f"{text}\n[{section}]\n{key} = {value}\n")
    done = subprocess.run([str(installation.programs / program), "--config", str(file)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and str(file) in done.stderr and "quota" in done.stderr + section


def test_a_damaged_book_keeps_the_daemon_from_starting(key_server):
    """It names the file and changes nothing; moved away, a new one begins."""
    house = key_server()
    assert evaluate(house, 10).status_code == 200
    book = house.folder / "keys/quota"
    assert oct(book.stat().st_mode & 0o777) == "0o600"
    with house.without("keys"):
        good = book.read_bytes()
        book.write_bytes(b"nonsense" + good[8:])
        done = subprocess.run([str(house.programs / "platesieve-keyd"), "--config", str(house.folder / "etc/keys.conf")], capture_output=True, text=True,
                              timeout=20, check=False)
        assert done.returncode == 1 and str(book) in done.stderr and "move it away" in done.stderr
        assert book.read_bytes() == b"nonsense" + good[8:]
        book.write_bytes(good)
    assert use_of(house, NORTH)["day"]["used"]["evaluations"] == 10
    with house.without("keys"):
        book.unlink()
    assert use_of(house, NORTH)["day"]["used"]["evaluations"] == 0


# -- the client ---------------------------------------------------------------------------------------------------------------------------


def push(house, name, plates_listed, tmp_path, code=0):
    """What was said."""
    file = tmp_path / "list.csv"
    file.write_text("plate,jurisdiction\n" + "".join(f"{plate},NL\n" for plate in plates_listed))
    said = house.platesieve("--as", ANA, "list", "push", name, file, code=code).stderr
    if code == 0:
        house.wait_live(name, house.list_object(name)["revision"])
    return said


def run_lane(house, reads, *options, code=1, identity=NORTH):
    done = house.platesieve("--as", identity, "lane", "--json", "--batch", "20", *options, text="plate,jurisdiction\n" + "".join(f"{read},NL\n" for read in reads),
                            code=code)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [one for one in lines if one.get("unchecked")], lines[-1]["summary"], done.stderr


@pytest.mark.parametrize("daemon", ["gate", "keys"])
def test_a_lane_over_its_quota_clears_nobody_and_says_why(new_installation, tmp_path, daemon, clock):
    """30 reads a minute at the gate; 256 evaluations at the key server, which are 85 reads."""
    limit = {"gate": {"gate.quota lane.reads_a_minute": "30"}, "keys": {"keys.quota lane.reads_a_minute": "1"}}[daemon]
    house = new_installation({**VOPRF, **limit})
    house.platesieve("--as", ANA, "list", "create", "wanted", "--category", "stolen", "--grade", "similar")
    push(house, "wanted", ["QQ61XX61"], tmp_path)
    clock.new_minute()
    unchecked, summary, said = run_lane(house, [f"QQ{n:05d}" for n in range(100)])
    passed = {"gate": 20, "keys": 80}[daemon]  # whole batches
    assert summary["reads"] == 100 and summary["cleared"] == passed and summary["unchecked"] == summary["over_quota"] == 100 - passed
    assert {one["why"] for one in unchecked} == {"over-quota"}
    until = {one["until"] for one in unchecked}
    assert all(one[17:19] in ("00", "01") for one in until), until  # the next minute
    what = {"gate": "reads a minute", "keys": "evaluations a minute"}[daemon]
    assert f"can't just now: over-quota ({what}), until " in said or f"can't check now: over-quota ({what}), until " in said
    told = house.platesieve("--as", NORTH, "lane", text="plate,jurisdiction\n" + "QQ61XX61,NL\n" * 20, code=1).stderr
    assert "line 2: NOT CHECKED: this lane is over its quota until " in told and "20 of the unchecked were over this lane's quota" in told
    assert use_of(house, NORTH, daemon)["refused"] <= 5  # it does not hammer


def test_a_lane_waits_for_its_quota_if_it_may(new_installation, tmp_path, clock):
    house = new_installation({**VOPRF, "gate.quota lane.reads_a_minute": "30"})
    house.platesieve("--as", ANA, "list", "create", "wanted", "--category", "stolen")
    push(house, "wanted", ["QQ61XX61"], tmp_path)
    clock.new_minute(left=8)
    unchecked, summary, _ = run_lane(house, ["QQ61XX61"] * 50, "--patience", "70", code=0)
    assert not unchecked and summary["hits"] == 50 and summary["over_quota"] == 0


@pytest.mark.parametrize("daemon", ["gate", "keys"])
def test_a_push_over_its_quota_says_when(new_installation, tmp_path, daemon, clock):
    """It ends with the time from which the same command goes on; the old revision stays."""
    house = new_installation({**VOPRF, f"{daemon}.quota agency.tokens": "100", f"{daemon}.quota agency.pushes": "2"})  # 500 a day
    clock.new_minute()
    house.platesieve("--as", ANA, "list", "create", "wanted", "--category", "stolen")
    push(house, "wanted", [f"QQ{n:05d}" for n in range(100)], tmp_path)  # 100 x 2 grades x 2 epochs
    said = push(house, "wanted", [f"QQ{n:05d}" for n in range(100, 200)], tmp_path, code=4)
    what = {"gate": "the gate can't take more now: over-quota (tokens a day), until ", "keys": "this agency is over its quota at the key server until "}[daemon]
    assert what in said and "the same command goes on from there" in said and "--patience is shorter" in said
    assert f"{time.strftime('%Y-%m-%d', time.gmtime(clock.now() + DAY_S))}T00:00:0" in said
    assert house.list_object("wanted")["revision"] == 1


def test_a_push_waits_for_its_quota_if_it_may(installation, tmp_path):
    """A gate that says: in two seconds."""
    gate, asked = Fake(installation.pki), []
    gate.make_list("patient")

    def over(_method, path):
        if "/parts/" in path:
            asked.append(time.monotonic())
        return Problem(429, "over-quota", 2, counted="tokens", window="day") if "/parts/" in path and len(asked) == 1 else None

    gate.faults.append(over)
    file = tmp_path / "list.csv"
    file.write_text("plate,jurisdiction\nQQ12345,NL\n")
    try:
        done = installation.platesieve("--as", ANA, "list", "push", "patient", file, env={"PLATESIEVE_GATE": gate.url, "PLATESIEVE_KEYS": gate.url})
    finally:
        gate.stop()
    assert len(asked) == 2 and asked[1] - asked[0] >= 1.9 and "over-quota (tokens a day), until " in done.stderr
