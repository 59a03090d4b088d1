"""The key server's evaluation service: any RFC 9497 client gets what it should, verified by one written from the RFCs; everything else gets a
problem, and no echo."""
import datetime
import json
import re
import secrets
import subprocess
import threading
import time

import pytest

import plates
import ristretto
from conftest import make_house, remove_house
from house import TOP, assert_problem, eventually
from wire import Wire, problem

READER, ANA = "reader/north/1", "agency/customs/ana"
SUITE = "voprf-ristretto255-sha512"
BATCH_MAX = 256


@pytest.fixture(scope="module")
def keys():
    """A key server alone."""
    house = make_house({}, start=False)
    house.start(("keys",))
    yield house
    remove_house(house)


def epoch_of(house, state="open", suite=SUITE):
    return next(one for one in house.epochs((state,)) if one["suite"] == suite)


def ask(house, epoch, blinded, identity=READER, **options):
    """The answer to elements (bytes)."""
    return house.post(f"/v1/epochs/{epoch['id']}/evaluate", identity, {"blinded": [plates.text64(one) for one in blinded]}, server="keys", **options)


def evaluated(answer):
    """(elements, proof) of an answer that must be a good one."""
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert set(told) == {"evaluated", "proof"}
    return [plates.bytes64(one) for one in told["evaluated"]], plates.bytes64(told["proof"])


def client(house, epoch, messages, identity=READER):
    """What a client makes of MESSAGES: blinded, evaluated, verified, finalised."""
    scalars = [secrets.randbelow(ristretto.ORDER - 1) + 1 for _ in messages]
    blinded = [ristretto.blind(message, scalar) for message, scalar in zip(messages, scalars)]
    elements, proof = evaluated(ask(house, epoch, blinded, identity))
    assert ristretto.verify(plates.bytes64(epoch["public_key"]), blinded, elements, proof)
    return [ristretto.finalize(*one) for one in zip(messages, scalars, elements)]


def some_elements(count, seed=None):
    """COUNT good elements, quickly; others each time, unless a SEED is given."""
    point, step, elements = ristretto.hash_to_group(seed or secrets.token_bytes(8)), ristretto.GENERATOR, []
    for _ in range(count):
        point = ristretto.add(point, step)
        elements.append(ristretto.encode(point))
    return elements


# -- this file's own client ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0, 1])
def test_client_reproduces_the_official_vectors(shared, mode):
    suites = json.loads((shared / "vectors/rfc9497/allVectors.json").read_text())
    suite = next(one for one in suites if one["identifier"] == "ristretto255-SHA512" and one["mode"] == mode)
    key = ristretto.derive(bytes.fromhex(suite["seed"]), bytes.fromhex(suite["keyInfo"]), mode)
    assert key.to_bytes(32, "little").hex() == suite["skSm"]
    for vector in suite["vectors"]:
        inputs, blinds, blinded, after, outputs = ([bytes.fromhex(one) for one in vector[name].split(",")] for name in
                                                   ("Input", "Blind", "BlindedElement", "EvaluationElement", "Output"))
        blinds = [int.from_bytes(one, "little") for one in blinds]
        assert [ristretto.blind(*one, mode) for one in zip(inputs, blinds)] == blinded
        assert [ristretto.evaluate(key, one) for one in blinded] == after
        assert [ristretto.finalize(*one) for one in zip(inputs, blinds, after)] == outputs
        if mode == 1:
            proof, nonce = (bytes.fromhex(vector["Proof"][name]) for name in ("proof", "r"))
            assert ristretto.prove(key, blinded, after, int.from_bytes(nonce, "little")) == proof
            assert ristretto.verify(bytes.fromhex(suite["pkSm"]), blinded, after, proof)


def test_documented_example():
    """docs/protocol.md's exchange is what its worked example says: derived here again from the seed."""
    text = (TOP / "docs/protocol.md").read_text()
    blinded, after = (re.findall(r'"([\w-]{43})"', re.search(rf'{{"{name}": \[([^\]]*)\]', text[text.index("(line breaks added)"):])[1])
                      for name in ("blinded", "evaluated"))
    key = ristretto.derive(bytes(range(32)), b"platesieve/1/epoch-key\x0020261122T000000Z")
    public_key = ristretto.encode(ristretto.multiply(key, ristretto.GENERATOR))
    messages = [plates.message("full", "US-TX", "ZZ0099Q"), plates.message("plate", "", "ZZ0099Q")]
    scalars = [int.from_bytes(bytes([byte] * 31 + [0]), "little") for byte in (1, 2)]
    assert blinded == [plates.text64(ristretto.blind(*one)) for one in zip(messages, scalars)]
    assert after == [plates.text64(ristretto.evaluate(key, plates.bytes64(one))) for one in blinded]
    proof = ristretto.prove(key, *([plates.bytes64(one) for one in some] for some in (blinded, after)), int.from_bytes(bytes([3] * 31 + [0]), "little"))
    for value in (public_key, plates.hashlib.sha256(public_key).digest()[:16], proof):
        assert plates.text64(value) in text


# -- what it is for -----------------------------------------------------------------------------------------------------------------


def test_epochs_carry_public_keys(keys):
    for identity in (READER, ANA, "node/gate-1", "operator/keys/kim", "auditor/ines"):
        listed = keys.get("/v1/epochs", identity, server="keys").json()["epochs"]
        assert {one["state"] for one in listed} == {"open", "coming"}
        for one in listed:
            public_key = plates.bytes64(one["public_key"])
            assert one["suite"] == SUITE and ristretto.decode(public_key) and public_key != bytes(32)
            assert plates.bytes64(one["key_id"]) == plates.hashlib.sha256(public_key).digest()[:16]
    assert len({one["public_key"] for one in listed}) == len(listed) >= 2


def test_end_to_end(keys):
    messages = [plates.message("plate", "", "QQ00QQ0"), plates.message("full", "US-TX", "QQ00QQ0"), b"", bytes(48)]
    one, other = epoch_of(keys), epoch_of(keys, "coming")
    first = client(keys, one, messages)
    assert client(keys, one, messages, ANA) == first  # whoever asks, and under other blinds
    assert client(keys, one, messages[::-1]) == first[::-1]
    assert set(client(keys, other, messages)).isdisjoint(first)  # ahead of its opening, under a key of its own


def test_one_proof_for_the_whole_batch(keys):
    epoch = epoch_of(keys)
    public_key, blinded = plates.bytes64(epoch["public_key"]), some_elements(5)
    elements, proof = evaluated(ask(keys, epoch, blinded))
    again, other_proof = evaluated(ask(keys, epoch, blinded))
    assert again == elements and proof != other_proof
    assert ristretto.verify(public_key, blinded, elements, proof) and ristretto.verify(public_key, blinded, again, other_proof)
    assert not ristretto.verify(plates.bytes64(epoch_of(keys, "coming")["public_key"]), blinded, elements, proof)
    assert not ristretto.verify(public_key, blinded, elements[1:] + elements[:1], proof)
    assert not ristretto.verify(public_key, blinded[:4], elements[:4], proof)
    assert evaluated(ask(keys, epoch, [blinded[0]] * 3))[0] == [elements[0]] * 3


def test_largest_batch(keys):
    epoch, blinded = epoch_of(keys), some_elements(BATCH_MAX)
    elements, proof = evaluated(ask(keys, epoch, blinded))
    assert len(elements) == BATCH_MAX
    assert ristretto.verify(plates.bytes64(epoch["public_key"]), blinded, elements, proof)


@pytest.mark.parametrize("size", [16, 48])
def test_many_at_once(keys, size):
    """Several threads, event loops or workers, evaluate under one key, and none gets what belongs to another."""
    epoch, wrong = epoch_of(keys), []
    batches = [some_elements(size) for _ in range(8)]
    expected = [evaluated(ask(keys, epoch, batch))[0] for batch in batches]

    def run(number):
        with keys.session(READER) as session:
            body = {"blinded": [plates.text64(one) for one in batches[number]]}
            for _ in range(10):
                answer = session.post(keys.url(f"/v1/epochs/{epoch['id']}/evaluate", "keys"), json=body, timeout=30)
                if evaluated(answer)[0] != expected[number]:
                    wrong.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_lane_does_not_wait_for_agencies(new_installation):
    """While one worker has many large batches before it, a few elements come back at once."""
    house = new_installation({"keys.keyd.workers": "1"}, start=False)
    house.start(("keys",))
    epoch, ends = epoch_of(house), []
    url = house.url(f"/v1/epochs/{epoch['id']}/evaluate", "keys")
    large, small = ({"blinded": [plates.text64(one) for one in some_elements(size)]} for size in (BATCH_MAX, 3))

    def run():
        with house.session(ANA) as session:
            for _ in range(4):
                evaluated(session.post(url, json=large, timeout=60))
            ends.append(time.monotonic())

    threads = [threading.Thread(target=run) for _ in range(8)]
    with house.session(READER) as session:
        evaluated(session.post(url, json=small, timeout=60))  # connected
        for thread in threads:
            thread.start()
        began = time.monotonic()
        for _ in range(4):
            evaluated(session.post(url, json=small, timeout=60))
        took = time.monotonic() - began
    for thread in threads:
        thread.join()
    assert took < 0.75 * (max(ends) - began), (took, max(ends) - began)


def test_counted(keys):
    def counts():
        return (keys.metrics("keys")["platesieve_evaluations_total"], keys.get("/v1/status", "operator/keys/kim", server="keys").json()["evaluations"])
    before = counts()
    evaluated(ask(keys, epoch_of(keys), some_elements(7)))
    assert_problem(ask(keys, epoch_of(keys), [bytes(32)] * 7), 422, "element")
    assert counts() == (before[0] + 7, before[1] + 7)


# -- bad input ----------------------------------------------------------------------------------------------------------------------

GOOD = some_elements(1, b"the same for every worker")[0]
BAD_ELEMENTS = {
    "identity": bytes(32),
    "field order": ristretto.P.to_bytes(32, "little"),  # zero again, not canonical
    "a good one plus the field order": next((s + ristretto.P).to_bytes(32, "little") for s in range(2, 19, 2)
                                            if ristretto.decode(s.to_bytes(32, "little"))),
    "highest bit": GOOD[:31] + bytes([GOOD[31] | 0x80]),
    "negative": (ristretto.P - int.from_bytes(GOOD, "little")).to_bytes(32, "little"),
    "one": b"\1" + bytes(31),
    "minus one": (ristretto.P - 1).to_bytes(32, "little"),
    "not on the curve": next(s.to_bytes(32, "little") for s in range(2, 1000, 2) if not ristretto.decode(s.to_bytes(32, "little"))),
    "all bits": b"\xff" * 32,
}


@pytest.mark.parametrize("name", BAD_ELEMENTS)
def test_bad_elements(keys, name):
    """Alone, and anywhere in a batch that is good otherwise."""
    bad, epoch = BAD_ELEMENTS[name], epoch_of(keys)
    for batch in ([bad], [bad, GOOD, GOOD], [GOOD, bad, GOOD], [GOOD] * (BATCH_MAX - 1) + [bad]):
        answer = ask(keys, epoch, batch)
        assert_problem(answer, 422, "element")
        assert plates.text64(bad) not in answer.text and plates.text64(GOOD) not in answer.text


TEXT = plates.text64(GOOD)
LAST = TEXT[:-1] + chr(ord(TEXT[-1]) + 1)  # bits beyond the last byte
BAD_TEXTS = [TEXT[:-1], TEXT + "A", TEXT + "=", "", LAST, "+" + TEXT[1:], "/" + TEXT[1:], " " + TEXT[1:], TEXT[:42] + "\n", TEXT[:20] + "=" + TEXT[21:],
             "é" + TEXT[1:], GOOD.hex(), 7, 0.5, None, True, [TEXT], {"element": TEXT}]
BAD_BODIES = [{}, {"blinded": []}, {"blinded": TEXT}, {"blinded": None}, {"blinded": {"0": TEXT}}, {"blinded": [TEXT], "epoch": "x"}, {"Blinded": [TEXT]},
              {"blinded": [TEXT] * (BATCH_MAX + 1)}]
NOT_JSON = [b"{", b"[]", b'["%s"]' % TEXT.encode(), b"null", b"blinded", b'{"blinded": ["%s"' % TEXT.encode(), b'{"blinded": ["%s"]} x' % TEXT.encode(),
            b'{"blinded": ["%s"], "blinded": ["%s"]}' % (TEXT.encode(), TEXT.encode()), b'{"blinded": %s%s}' % (b"[" * 13, b"]" * 13),
            b'{"blinded": ["\xff"]}', b'{"blinded": ["\\u0000"]}']


@pytest.mark.parametrize("body", [{"blinded": [bad]} for bad in BAD_TEXTS] + [{"blinded": [TEXT, bad, TEXT]} for bad in BAD_TEXTS[:6]] + BAD_BODIES)
def test_bad_members(keys, body):
    answer = keys.post(f"/v1/epochs/{epoch_of(keys)['id']}/evaluate", READER, body, server="keys")
    assert_problem(answer, 400, "bad-field")
    assert TEXT[:20] not in answer.text


@pytest.mark.parametrize("body", NOT_JSON, ids=range(len(NOT_JSON)))
def test_bad_json(keys, body):
    answer = keys.request("POST", f"/v1/epochs/{epoch_of(keys)['id']}/evaluate", READER, server="keys", data=body)
    assert_problem(answer, 400, "bad-json")
    assert TEXT[:20] not in answer.text


def test_bad_requests(keys):
    path = f"/v1/epochs/{epoch_of(keys)['id']}/evaluate"
    with Wire(keys, READER, "keys") as wire:
        assert problem(wire.ask("POST", path)) == (411, "no-length")
    with Wire(keys, READER, "keys") as wire:
        assert problem(wire.ask("POST", path, b"0\r\n\r\n", ["Transfer-Encoding: chunked"])) == (400, "bad-length")
    assert_problem(keys.post(path + "?unverified=1", READER, {"blinded": [TEXT]}, server="keys"), 400, "bad-query")
    assert_problem(keys.request("POST", path, READER, server="keys", data=b" " * 16385), 413, "body-too-large")
    assert_problem(keys.request("POST", path, READER, server="keys", data=b""), 400, "bad-json")
    assert_problem(keys.get(path, READER, server="keys"), 405, "method")
    with Wire(keys, READER, "keys") as wire:  # cut off in the middle of the body; the server goes on
        wire.send(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{\"blinded\"".encode())
    evaluated(ask(keys, epoch_of(keys), [GOOD]))


def test_who_may(keys):
    epoch = epoch_of(keys)
    for identity in ("node/gate-1", "operator/keys/kim", "auditor/ines"):
        assert_problem(ask(keys, epoch, [GOOD], identity), 403, "forbidden")
    assert_problem(ask(keys, epoch, [GOOD], "operator/gate/olga"), 403, "unregistered")
    for identity in (READER, ANA):
        evaluated(ask(keys, epoch, [GOOD], identity))


def test_the_key_never_leaves(keys):
    for epoch in keys.epochs(("open", "coming")):
        for identity in (READER, ANA):
            answer = keys.get(f"/v1/epochs/{epoch['id']}/key", identity, server="keys")
            assert "key" not in assert_problem(answer, 404, "suite")
        assert_problem(keys.get(f"/v1/epochs/{epoch['id']}/key", "operator/keys/kim", server="keys"), 403, "forbidden")


def test_unknown_epochs(keys):
    for name in ("20010101T000000Z", "x", epoch_of(keys)["id"] + "x"):
        assert_problem(ask(keys, {"id": name}, [GOOD]), 404, "not-found")


# -- epochs come and go ---------------------------------------------------------------------------------------------------------------


def seconds(moment):
    return datetime.datetime.fromisoformat(moment[:-1] + "+00:00").timestamp()


def test_closed_and_destroyed(new_installation):
    """An epoch that closes is evaluated no more; under load, its erasure neither waits long nor breaks an answer."""
    house = new_installation({"keys.keyd.epoch_length_s": "4", "keys.keyd.epoch_overlap_s": "1", "keys.keyd.destroy_after_s": "0"}, start=False)
    house.start(("keys",))
    epoch, answers = house.epochs(("coming",))[-1], []
    body = {"blinded": [plates.text64(one) for one in some_elements(64)]}

    def run():
        with house.session(READER) as session:
            while not answers or answers[-1] != 410:
                answers.append(session.post(house.url(f"/v1/epochs/{epoch['id']}/evaluate", "keys"), json=body, timeout=30).status_code)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(answers) == {200, 410} and answers.count(200) > 10
    gone = eventually(lambda: [one for one in house.epochs(("destroyed",)) if one["id"] == epoch["id"]])[0]
    assert 0 <= seconds(gone["destroyed"]) - seconds(epoch["destroyed"]) <= 20
    assert {**gone, "state": "coming", "destroyed": epoch["destroyed"]} == epoch  # its public key is still told
    assert_problem(ask(house, epoch, [GOOD]), 410, "gone")
    assert_problem(house.get(f"/v1/epochs/{epoch['id']}/key", READER, server="keys"), 404, "suite")
    with house.without("keys"):
        pass
    assert gone in house.epochs(("destroyed",))


def test_restart_keeps_the_pair(new_installation):
    house = new_installation(start=False)
    house.start(("keys",))
    before = [(epoch, client(house, epoch, [b"message"])) for epoch in house.epochs(("open", "coming"))]
    with house.without("keys"):
        pass
    for epoch, output in before:
        assert epoch in house.epochs(("open", "coming", "closed"))
        assert client(house, epoch, [b"message"]) == output


def test_suite_changes_for_new_epochs_only(new_installation):
    house = new_installation({"keys.keyd.suite": "hmac-sha256", "keys.keyd.epoch_length_s": "3600", "keys.keyd.epochs_ahead": "1"}, start=False)
    house.start(("keys",))
    old = [one["id"] for one in house.epochs(("open", "coming"))]
    with house.without("keys"):
        house.asked["settings"] |= {"keys.keyd.suite": SUITE, "keys.keyd.epochs_ahead": "3"}
        house.write_settings()
    listed = eventually(lambda: (lambda found: found if any(one["suite"] == SUITE for one in found) else None)(house.epochs(("open", "coming"))), 20, 0.2)
    for one in listed:
        assert one["suite"] == ("hmac-sha256" if one["id"] in old else SUITE)
        assert ("public_key" in one) == (one["suite"] == SUITE)
        key = house.get(f"/v1/epochs/{one['id']}/key", READER, server="keys")
        if one["suite"] == SUITE:
            assert_problem(key, 404, "suite")
            client(house, one, [b"message"])
        else:
            assert key.status_code == 200
            assert_problem(ask(house, one, [GOOD]), 404, "suite")
    assert {one["suite"] for one in listed} == {SUITE, "hmac-sha256"}


def test_a_suite_that_is_not_known(keys):
    conf = keys.folder / "etc/other.conf"
    conf.write_text((keys.folder / "etc/keys.conf").read_text().replace("[keyd]", "[keyd]\nsuite = poprf-p256-sha256"))
    done = subprocess.run([str(keys.programs / "platesieve-keyd"), "--config", str(conf)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2 and "suite is not one that is known" in done.stderr and "poprf" not in done.stderr


def test_a_gate_takes_public_keys_ids(new_installation):
    """A lane is told the suite and the key id of each epoch by the gate; the public key comes from the key server, and fits."""
    house = new_installation()
    eventually(lambda: house.get("/v1/lane", READER).status_code == 200, 15, 0.2)
    told = house.lane()["epochs"]
    assert [(one["id"], one["suite"], one["key_id"]) for one in told] == [(one["id"], SUITE, one["key_id"]) for one in house.epochs()]
    status = house.get("/v1/status", "operator/gate/olga").json()["epochs"]
    assert {one["suite"] for one in status} == {SUITE}
    time.sleep(0.5)
    with house.without("keys"), house.without("gate"):
        pass
    eventually(lambda: house.get("/v1/lane", READER).status_code == 200, 15, 0.2)
