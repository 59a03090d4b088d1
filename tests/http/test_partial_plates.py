"""Partial plates on lists: the tokens that they get, and what fits them."""
import json

import pytest

import plates
from fake import Client, Epoch
from house import eventually
from importing import ANA, PROGRAM, faked, push, standing
from meddler import Meddler


def partial_plates_hit(house, tmp_path, name):
    """Partial plates on a list at `similar` of a real gate: what fits them hits, at its grade, and nothing else does."""
    house.platesieve("--as", ANA, "list", "create", name, "--category", "stolen", "--grade", "similar")
    file = tmp_path / "partial.csv"
    file.write_text("plate,jurisdiction,reference\nXX81??,NL,P1\nXX4?4Z,NL,P2\nXX4444Y,NL,P3\n")
    summary = json.loads(house.platesieve("--as", ANA, "list", "push", name, file, "--json").stdout)
    assert summary["entries"] == 3
    house.wait_live(name, summary["revision"])
    reads = [("XX8100", "NL", "full"), ("xx-81o0", "NL", "full"), ("XX81YZ", "DE", "plate"), ("XXBI77", "NL", "similar"), ("XX81WW", "", "plate"),
             ("XX4747", "NL", None), ("XX474Z", "NL", "full"), ("XX4742", "NL", "similar"), ("XX4444Y", "NL", "full"), ("XX8200", "NL", None),
             ("XX8100Y", "NL", None), ("XX810", "NL", None), ("YX8100", "NL", None), ("XX44Z", "NL", None)]
    text = "plate,jurisdiction\n" + "".join(f"{plate},{where}\n" for plate, where, _ in reads)
    done = house.platesieve("--as", "reader/north/1", "lane", "--json", text=text, code=None)
    found = {line["line"]: [alert["grade"] for alert in line["alerts"] if alert["list"] == name]
             for line in map(json.loads, done.stdout.splitlines()) if "alerts" in line}
    assert [found.get(number, []) for number in range(2, len(reads) + 2)] == [[grade] if grade else [] for _, _, grade in reads]
    named = lambda: {one["reference"] for one in map(json.loads, house.platesieve("--as", ANA, "hits", "--json", "--all", "--list", name)  # noqa: E731
                                                     .stdout.splitlines()) if "reference" in one}
    eventually(lambda: named() == {"P1", "P2", "P3"})


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    return Client(tmp_path_factory.mktemp("imports"), PROGRAM)


@pytest.fixture
def fake(client):
    with faked(client) as server:
        yield server


ALPHABET = "0123456789ABCDEFGHIJKLMNPQRSTUVWXYZ"


def fitting(pattern):
    """Canonical plates that a canonical PATTERN fits."""
    plates_ = [""]
    for char in pattern:
        plates_ = [one + other for one in plates_ for other in (ALPHABET if char == "?" else char)]
    return plates_


def expected_of(fake, pattern, jurisdiction, grade):
    """What an entry of PATTERN must have for the first epoch: made plate by plate, and not a token twice."""
    found = {}
    for plate in fitting(pattern):
        made = plates.list_tokens(fake.epochs[0].key, plate, jurisdiction, [one for one in plates.grades_from(grade) if one != "near"], "stolen", "customs")
        for name, tokens in made.items():
            found.setdefault(name, set()).update(tokens)
    return {name: tokens for name, tokens in found.items() if tokens}


@pytest.mark.parametrize("plate, pattern, options", [
    ("qqo1??", "QQ01??", []), ("QQ1?2", "QQ1?2", []), ("?QQ77-7?", "?QQ777?", []), ("QQ\uff1f771", "QQ?771", []), ("Q 7 7 7 ?", "Q777?", []),
    ("QQ1*2_", "QQ1?2", ["--wildcard", "*"]), ("QQ12*", "QQ12", []), ("QQ.1__7", "QQ1??7", ["--wildcard", "_"])])
@pytest.mark.parametrize("grade", ["plate", "similar", "near"])
def test_partial_plates(client, fake, plate, pattern, options, grade):
    fake.make_list("stolen", grade=grade)
    if "?" not in pattern and grade == "near":
        return  # a whole plate has tokens there, too
    _, summary = push(client, f"plate,jurisdiction\n{plate},NL\n", *options, code=3 if grade == "near" else 0)
    entry, = standing(fake)
    wanted = expected_of(fake, pattern, "NL", grade)
    made = entry["tokens"][fake.epochs[0].id]
    assert {name: len(tokens) for name, tokens in made.items()} == {name: len(tokens) for name, tokens in wanted.items()}
    assert {name: set(tokens) for name, tokens in made.items()} == wanted and summary["entries"] == 1
    unknown = pattern.count("?")
    assert len(made["plate"]) == 35 ** unknown and (grade == "plate" or len(made["similar"]) == 27 ** unknown)


@pytest.mark.parametrize("plate, reason", [
    ("QQ1???", "partial"), ("??QQ77?", "partial"), ("QQ1??", "partial-short"), ("??", "partial-short"), ("A?", "partial-short"),
    ("QQ7777777777?", "too-long"), ("QQQQQ00000QQ0000?", "too-long"), ("1234567.0?", None), ("?QQ777777777?", "too-long")])
def test_partial_plates_that_say_too_little(client, fake, plate, reason):
    remarks, _ = push(client, f"plate,jurisdiction\n{plate},NL\nQQ1,NL\n", code=3 if reason else 0)
    assert remarks == ([(2, reason)] if reason else [])


def test_partial_plates_among_others(client, fake):
    """In their order, in several epochs, with rows before and behind; found again by plate to be removed."""
    fake.epochs.append(Epoch("20260102T000000Z", "coming"))
    rows = "".join(f"QQ{number:03d}{'??' if number % 40 == 7 else 'X'},{'' if number % 80 == 7 else 'NL'},\n" for number in range(200))
    _, summary = push(client, "plate,jurisdiction,reference\n" + rows, code=3)
    assert summary["entries"] == 200 and summary["partial"] == 5 and summary["without_full"] == 3 and summary["repeated"] == 0
    for epoch in fake.epochs:
        counts = [len(entry["tokens"][epoch.id]["plate"]) for entry in standing(fake)]
        assert counts == [1225 if number % 40 == 7 else 1 for number in range(200)]
        assert [("full" in entry["tokens"][epoch.id]) for entry in standing(fake)] == [number % 80 != 7 for number in range(200)]
        assert set(standing(fake)[47]["tokens"][epoch.id]["full"]) == {
            plates.list_tokens(epoch.key, one, "NL", ["full"], "stolen", "customs")["full"][0] for one in fitting("QQ047??")}
    push(client, "plate,jurisdiction\nqq-047??,NL\nQQ048X,NL\n", verb="remove")
    assert len(standing(fake)) == 198 and sum(len(entry["tokens"][epoch.id]["plate"]) == 1225 for entry in standing(fake)) == 4


def test_eight_epochs_of_a_partial_plate_are_one_line(client, fake):
    fake.make_list("stolen", grade="similar")
    fake.epochs += [Epoch(f"2026010{day}T000000Z", "coming") for day in range(2, 9)]
    push(client, "plate,jurisdiction\nQQ77??,NL\n")
    entry, = standing(fake)
    assert len(entry["tokens"]) == 8 and all([len(grades[name]) for name in ("full", "plate", "similar")] == [1225, 1225, 729]
                                             for grades in entry["tokens"].values())
    assert 800_000 < max(len(body) for body in fake.bodies) < 1 << 20


def test_reads_that_fit_a_partial_plate_hit(installation, tmp_path):
    """Through the real daemons, under the suite that key servers use unless told otherwise; test_suite_hmac.py has the other one."""
    partial_plates_hit(installation, tmp_path, "partial-voprf")


def test_a_partial_plate_goes_on_where_a_key_server_broke_off(installation, tmp_path):
    """Some answers get lost.  Nothing of what was evaluated is asked for again, and the entry is whole."""
    house, name, answered = installation, "partial-breaks", []

    def meddle(method, path, status, value):
        if method != "POST" or status != 200:
            return value
        answered.append(path)
        return (503, "busy") if len(answered) % 20 == 10 else value

    house.platesieve("--as", ANA, "list", "create", name, "--category", "stolen")
    file = tmp_path / "partial.csv"
    file.write_text("plate,jurisdiction,reference\nXX5500,NL,P0\nXX55??,NL,P1\nXX5501,NL,P2\n")
    keys = Meddler(house)
    keys.meddle = meddle
    try:
        summary = json.loads(house.platesieve("--as", ANA, "list", "push", name, file, "--json", env={"PLATESIEVE_KEYS": keys.url}).stdout)
    finally:
        keys.stop()
    lost = len(answered) // 20 + 1
    asked = [(path, len(json.loads(body)["blinded"])) for (method, path), body in zip(keys.asked, keys.bodies) if method == "POST"]
    for epoch in summary["epochs"]:
        elements = sum(count for path, count in asked if epoch in path)
        assert 2454 <= elements <= 2454 + 64 * lost, (elements, lost)
    house.wait_live(name, summary["revision"])
    for plate in ("XX5500", "XX5577", "XX55ZZ", "XX5501"):
        alerts = [alert for alert in house.check(plate, "NL").get("alerts", []) if alert["list"] == name]
        assert len(alerts) == (2 if plate in ("XX5500", "XX5501") else 1) and alerts[0]["grade"] == "full", plate
