"""voprf-ristretto255-sha512: lanes and lists use it without being told, and are not fooled by a key server that answers with something else."""
import contextlib
import hashlib
import json
import os
import subprocess
import time

import pytest

import plates
import ristretto
from fake import Epoch, Fake
from house import eventually
from meddler import Meddler, flip, on_evaluate

SUITE = "voprf-ristretto255-sha512"
ANA = "agency/customs/ana"


@contextlib.contextmanager
def meddler(house, meddle=None):
    server = Meddler(house)
    server.meddle = meddle
    try:
        yield server
    finally:
        server.stop()


def via(*servers):
    return {"PLATESIEVE_KEYS": ",".join(server if isinstance(server, str) else server.url for server in servers)}


def questions(keys):
    """{path: blinded elements} that a meddler was asked."""
    asked = {}
    for (_, path), body in zip(keys.asked, keys.bodies):
        if b"blinded" in body:
            asked.setdefault(path, []).extend(json.loads(body)["blinded"])
    return asked


def push(house, name, text, tmp_path, *options, code=0, mode="push", env=None):
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    done = house.platesieve("--as", ANA, "list", mode, name, file, "--json", *options, code=code, env=env)
    summary = json.loads(done.stdout.splitlines()[-1]) if code in (0, 3) else None
    if summary:
        house.wait_live(name, summary["revision"])
    return summary or done


def told_by(done):
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return ([one for one in lines if "alerts" in one], [one["line"] for one in lines if one.get("unchecked")],
            lines[-1]["summary"] if lines and "summary" in lines[-1] else None)


def lane(house, text, *options, code=0, env=None):
    """(alerting reads, lines that were not checked, summary, what was said)"""
    done = house.platesieve("--as", "reader/north/1", "lane", "--json", *options, text=text, code=code, env=env)
    return *told_by(done), done.stderr


@pytest.fixture(scope="module")
def listed(installation, tmp_path_factory):
    """A list at `near` with two plates on it; its name."""
    house, name = installation, "voprf-way"
    house.platesieve("--as", ANA, "list", "create", name, "--category", "stolen", "--grade", "near", "--ends", "30d", "--instruction", "Look again")
    house.approve(name)
    push(house, name, "plate,jurisdiction,reference\nQQ71XX71,NL,case 71\nQQ72XX72,NL,\n", tmp_path_factory.mktemp("listed"))
    return name


# -- the whole way --------------------------------------------------------------------------------------------------------------


def test_the_way_of_a_read(installation, listed):
    house = installation
    assert {epoch["suite"] for epoch in house.epochs(("open", "coming"))} == {SUITE}
    hits, unchecked, summary, _ = lane(house, "plate,jurisdiction\nqq-71-xx-71,NL\nQQ71XX71,DE\nQQ7IXX7I,NL\nQQ71XY71,NL\nQQ72XX72,NL\n"
                                       "QQ7777777,NL\nQQ71XX71,\n,NL\n", code=3)
    ours = [[alert for alert in one["alerts"] if alert["list"] == listed] for one in hits]
    assert [alerts[0]["grade"] for alerts in ours] == ["full", "plate", "similar", "near", "full", "plate"]
    assert (summary["alarms"], unchecked) == (0, []) and summary["reads"] == summary["cleared"] + summary["hits"] == 7
    found = eventually(lambda: [one for one in (json.loads(line) for line in house.platesieve(
        "--as", ANA, "hits", "--json", "--all", "--list", listed).stdout.splitlines()) if one.get("reference") == "case 71"])
    assert found[0]["grade"] == "full"


def test_a_plate_has_the_tokens_of_the_standard(installation, listed, tmp_path):
    """Nobody but the client knows the blinds; so it is held against itself: twice the same plate gives twice the same parts, and other
    blinded elements."""
    house, epochs, parts, bodies = installation, [], [], []
    with meddler(house) as keys:
        for _ in range(2):
            gate = Fake(house.pki)
            epochs = house.epochs(("open", "coming"))
            gate.epochs = [Epoch(one["id"], one["state"]) for one in epochs]
            for ours, real in zip(gate.epochs, epochs):
                ours.key_id = real["key_id"]
            gate.make_list("same", grade="similar")
            file = tmp_path / "same.csv"
            file.write_text("plate,jurisdiction,reference\n" + "".join(f"QQ{n:05d},NL,case {n}\n" for n in range(100)), encoding="ascii")
            keys.asked.clear()
            keys.bodies.clear()
            house.platesieve("--as", ANA, "list", "push", "same", file, "--parallel", str(1 + 3 * len(parts)),
                             env={"PLATESIEVE_GATE": gate.url, **via(keys)})
            parts.append([hashlib.sha256(part).hexdigest() for part in gate.revisions[1]["parts"].values()])
            asked = questions(keys)
            assert len(asked) == len(epochs) and len({frozenset(elements) for elements in asked.values()}) == 1  # blinded once for all epochs
            assert all(len(set(elements)) == len(elements) == 300 for elements in asked.values())
            bodies.append(set(next(iter(asked.values()))))
            gate.stop()
    assert parts[0] == parts[1]
    assert not bodies[0] & bodies[1]
    assert all(ristretto.decode(plates.bytes64(element)) for element in list(bodies[0])[:5])


def test_one_question_for_all_that_waits(installation, listed):
    """All grades of all reads that wait in one request; nothing is asked for a second time in another way, and no key."""
    house = installation
    with meddler(house) as keys:
        reads = [f"QQ3{n}33{n}3" for n in range(8)]
        _, _, summary, _ = lane(house, "plate,jurisdiction\n" + "".join(f"{plate},NL\n" for plate in reads), env=via(keys))
        assert summary["reads"] == 8 and summary["unchecked"] == 0
        asked, paths = questions(keys), [path for _, path in keys.asked]
    assert keys.count("/key") == 0
    assert "/livez" in paths[:next(i for i, path in enumerate(paths) if path.endswith("/evaluate"))]  # connected before the first read
    wanted = sum(3 + len(plates.near(plates.folded(plate), "lane")) for plate in reads)
    assert paths.count(next(iter(asked))) <= 3
    assert all(len(elements) == len(set(elements)) == wanted for elements in asked.values())


def test_the_same_plate_twice_looks_like_two(installation, listed):
    house = installation
    with meddler(house) as keys:
        lane(house, "plate,jurisdiction\n" + "QQ71XX71,NL\n" * 3, env=via(keys))
        asked = questions(keys)
    assert all(len(elements) > 50 and len(set(elements)) == len(elements) for elements in asked.values())


# -- key servers that fail ------------------------------------------------------------------------------------------------------


def other_key(value):
    """Right in form: evaluated, and proven, with a key that is not the epoch's."""
    secret = 12345
    elements = [ristretto.encode(ristretto.multiply(secret, ristretto.decode(plates.bytes64(one)))) for one in value["evaluated"][:3]]
    return {**value, "evaluated": [plates.text64(one) for one in elements] + value["evaluated"][3:]}


BAD = {
    "proof": (on_evaluate(lambda value: {**value, "proof": flip(value["proof"], 9)}), "wrong proof"),
    "proof of another batch": (on_evaluate(lambda value: {**value, "proof": plates.text64(bytes([7] * 31 + [0]) * 2)}), "wrong proof"),
    "swapped": (on_evaluate(lambda value: {**value, "evaluated": value["evaluated"][::-1]}), "wrong proof"),
    "another key": (on_evaluate(other_key), "wrong proof"),
    "one element twice": (on_evaluate(lambda value: {**value, "evaluated": value["evaluated"][:1] * len(value["evaluated"])}), "wrong proof"),
    "identity": (on_evaluate(lambda value: {**value, "evaluated": [plates.text64(bytes(32)), *value["evaluated"][1:]]}), "no element"),
    "not canonical": (on_evaluate(lambda value: {**value, "evaluated": [plates.text64(b"\xff" * 32), *value["evaluated"][1:]]}), "no element"),
    "one less": (on_evaluate(lambda value: {**value, "evaluated": value["evaluated"][:-1]}), "another number"),
    "one more": (on_evaluate(lambda value: {**value, "evaluated": value["evaluated"] * 2}), "another number"),
    "no proof": (on_evaluate(lambda value: {"evaluated": value["evaluated"]}), "no proof"),
    "short": (on_evaluate(lambda value: {**value, "evaluated": ["AAAA"] * len(value["evaluated"])}), "can't be read"),
    "nothing": (on_evaluate(lambda value: []), "another number"),
    "cut": (on_evaluate(lambda value: "cut"), "no answer"),
    "busy": (on_evaluate(lambda value: (503, "busy")), "can't just now: busy"),
    "over quota": (on_evaluate(lambda value: (429, "quota")), "can't just now: quota"),
    "hang": (on_evaluate(lambda value: "hang"), "no answer"),
}
READS = "plate,jurisdiction\nQQ71XX71,NL\nQQ44444,NL\n"


@pytest.mark.parametrize("how", [how for how in BAD if how != "hang"])
def test_one_bad_key_server_clears_nobody(installation, listed, how):
    meddle, said = BAD[how]
    with meddler(installation, meddle) as keys:
        hits, unchecked, summary, stderr = lane(installation, READS, "--patience", "0", code=1, env=via(keys))
    assert not hits and unchecked == [2, 3] and said in stderr and keys.url in stderr
    assert {"reads": 2, "unchecked": 2, "cleared": 0, "hits": 0, "alarms": 0}.items() <= summary.items()


def test_lines_that_were_not_checked_are_told_to_people(installation, listed):
    with meddler(installation, BAD["proof"][0]) as keys:
        done = installation.platesieve("--as", "reader/north/1", "lane", "--patience", "0", text=READS, code=1, env=via(keys))
    assert "line 2: NOT CHECKED" in done.stderr and "line 3: NOT CHECKED" in done.stderr and "0 cleared, 0 hits, 2 unchecked" in done.stderr
    assert "QQ" not in done.stdout + done.stderr


@pytest.mark.parametrize("how", BAD)
def test_the_next_key_server_takes_over(installation, listed, how):
    """The bad one is named, and asked no more for a while."""
    meddle, said = BAD[how]
    with meddler(installation, meddle) as bad:
        hits, unchecked, summary, stderr = lane(installation, "plate,jurisdiction\n" + "QQ71XX71,NL\nQQ44444,NL\n" * 10, "--batch", "2",
                                                env=via(bad, installation.keys_url))
        assert bad.count("/evaluate") <= (2 if how == "cut" else 1)  # a connection that was kept may have been cut for its age
    assert len(hits) == 10 and not unchecked and summary["cleared"] == 10
    assert stderr.count(bad.url) == 1 and said in stderr and installation.keys_url not in stderr
    if how == "hang":
        assert 350 < max(bucket[0] for bucket in summary["latency_ms"]["histogram"])  # it was given time


def test_a_key_server_that_announces_another_key(installation, listed):
    """At the start: the gate's policy has the key id that the public key must have."""
    other = plates.text64(ristretto.encode(ristretto.multiply(54321, ristretto.GENERATOR)))

    def with_key_id(value):
        return {**value, "public_key": other, "key_id": plates.text64(hashlib.sha256(plates.bytes64(other)).digest()[:16])}

    for change, said in ((lambda value: {**value, "public_key": other}, "can't be read"), (with_key_id, "has another key"),
                         (lambda value: {**value, "suite": "hmac-sha256"}, "has another key"),
                         (lambda value: {key: one for key, one in value.items() if key != "public_key"}, "can't be read")):
        def meddle(_method, path, _status, value, change=change):
            return {**value, "epochs": [change(one) for one in value["epochs"]]} if path == "/v1/epochs" else value

        with meddler(installation, meddle) as bad:
            done = installation.platesieve("--as", "reader/north/1", "lane", "--json", "--patience", "0", text=READS, code=1, env=via(bad))
            assert said in done.stderr and bad.url in done.stderr and "alerts" not in done.stdout
            hits, _, summary, stderr = lane(installation, READS, env=via(bad, installation.keys_url))
            assert len(hits) == 1 and summary["cleared"] == 1 and bad.url in stderr


def test_a_key_server_that_dies_under_way(installation, listed):
    """Reads before are checked; those after are reported, and none is cleared."""
    house = installation
    with meddler(house) as keys:
        child = subprocess.Popen([str(house.programs / "platesieve"), "--as", "reader/north/1", "lane", "--json", "--patience", "0"], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env={**os.environ, **house.environment(), **via(keys)})
        child.stdin.write("plate,jurisdiction\nQQ71XX71,NL\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["alerts"]
        keys.meddle = on_evaluate(lambda value: "cut")
        child.stdin.write("QQ71XX71,NL\nQQ44444,NL\n")
        out, err = child.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [one["line"] for one in lines[:-1]] == [3, 4] and all(one["unchecked"] for one in lines[:-1])
    assert {"reads": 3, "hits": 1, "cleared": 0, "unchecked": 2}.items() <= lines[-1]["summary"].items()
    assert child.returncode == 1 and keys.url in err


def test_no_key_server_at_all(installation, listed):
    installation.platesieve("--as", "reader/north/1", "lane", "--patience", "0", text=READS, code=4, env=via("https://127.0.0.1:1"))


# -- lists ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["proof", "swapped", "one less"])
def test_a_push_takes_no_wrong_tokens(installation, tmp_path, how):
    house, name = installation, f"wrong-{how.replace(' ', '-')}"
    house.new_list(list=name)
    with meddler(house, BAD[how][0]) as bad:
        done = push(house, name, "plate,jurisdiction\nQQ81XX81,NL\n", tmp_path, code=1, env=via(bad))
        assert BAD[how][1] in done.stderr and bad.url in done.stderr and house.list_object(name)["revision"] == 0
        push(house, name, "plate,jurisdiction\nQQ81XX81,NL\n", tmp_path, env=via(bad, house.keys_url))
    assert [one["alerts"][0]["grade"] for one in lane(house, "plate,jurisdiction\nQQ81XX81,NL\n")[0]] == ["full"]


def test_a_push_waits_for_a_key_server(installation, tmp_path):
    house, name, begin = installation, "patient", time.monotonic()
    house.new_list(list=name)
    text = "plate,jurisdiction\n" + "".join(f"QQ9{n:04d},NL\n" for n in range(200))
    with meddler(house, on_evaluate(lambda value: "cut" if time.monotonic() - begin < 2 else value)) as keys:
        assert push(house, name, text, tmp_path, env=via(keys))["entries"] == 200
        begin = time.monotonic() + 60
        done = push(house, name, text, tmp_path, "--full", "--patience", "1", code=4, env=via(keys))
    assert "trying on" in done.stderr and house.list_object(name)["entries"] == 200
    assert len(lane(house, "plate,jurisdiction\n" + "".join(f"QQ9{n:04d},NL\n" for n in range(0, 200, 20)))[0]) == 10


def test_tokens_for_the_next_epoch_alone(new_installation, tmp_path):
    house, name = new_installation({"keys.keyd.epochs_ahead": "1"}), "ahead"
    house.new_list(list=name)
    push(house, name, "plate,jurisdiction\nQQ82XX82,NL\n", tmp_path)
    with house.without("keys"):
        house.asked["settings"]["keys.keyd.epochs_ahead"] = "2"
    file = tmp_path / "list.csv"
    eventually(lambda: len(house.epochs(("open", "coming"))) == 3)
    told = json.loads(house.platesieve("--as", ANA, "list", "tokens", name, file, "--json").stdout.splitlines()[-1])
    assert told["epochs"] == [house.epochs(("open", "coming"))[-1]["id"]]
    assert all(one["covered"] for one in house.list_object(name)["epochs"])


# -- from one suite to the other -----------------------------------------------------------------------------------------------------


def test_from_one_suite_to_the_other(new_installation, tmp_path):
    """The key server is told the other suite; epochs that stand keep theirs.  A list and a lane go on through the change."""
    length = {"keys.keyd.epoch_length_s": "10", "keys.keyd.epoch_overlap_s": "3", "keys.keyd.epochs_ahead": "1", "keys.keyd.destroy_after_s": "60"}
    house, name = new_installation({**length, "keys.keyd.suite": "hmac-sha256"}), "mixed"
    house.new_list(list=name)
    with house.without("keys"):
        house.asked["settings"] |= {"keys.keyd.suite": SUITE, "keys.keyd.epochs_ahead": "3"}
    epochs = eventually(lambda: (now := house.epochs(("open", "coming"))) and len({one["suite"] for one in now}) == 2 and now)
    assert [one["suite"] for one in epochs] == sorted(one["suite"] for one in epochs)
    told = push(house, name, "plate,jurisdiction\nQQ83XX83,NL\n", tmp_path)["epochs"]
    assert {one["id"] for one in epochs[1:]} <= set(told)  # the first may have closed since, and another been made
    child = subprocess.Popen([str(house.programs / "platesieve"), "--as", "reader/north/1", "lane", "--json"], text=True, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **house.environment()})
    child.stdin.write("plate,jurisdiction\n")
    seen, reads = set(), 0
    while "open voprf alone" not in seen and reads < 600:
        opened = {one["suite"] for one in house.lane()["epochs"]}
        seen |= {"both"} if len(opened) == 2 else {"open voprf alone"} if opened == {SUITE} else {"open hmac alone"}
        child.stdin.write("QQ83XX83,NL\nQQ44444,NL\n")
        child.stdin.flush()
        reads += 1
        time.sleep(0.1)
    out, err = child.communicate(timeout=90)
    summary = json.loads(out.splitlines()[-1])["summary"]
    assert {"both", "open voprf alone"} <= seen, seen
    assert (summary["hits"], summary["cleared"], summary["unchecked"], summary["alarms"]) == (reads, reads, 0, 0), (summary, err)
    assert child.returncode == 0
