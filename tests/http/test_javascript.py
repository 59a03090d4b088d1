"""The JavaScript of docs/embedding.md, with the package that it names, against real daemons and against servers that lie.

The package comes from npm when the test runs; without npm, or without a network, this is skipped."""
import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

import plates
from conftest import make_house, remove_house
from meddler import Meddler, flip, on_evaluate
from wire import authority, make_certificate

TOP = Path(__file__).resolve().parents[2]
DOCUMENT = (TOP / "docs/embedding.md").read_text()
SPELLINGS = ("qq-0oq7 q", "zz-oo 99q", "ＱＱ００Ｑ７Ｑ", "ААА 123", "βγ ζ 77", "straße1", "ﬁ-8", "É1l2", "ı77", "ⅷ-z", "5", "Q1W2", "Q1W2E", "ŉx9")
# What a program is given beside the document's own: prints the outputs of the PRF for one plate, {epoch: {grade: [hexadecimal]}}.
OUTPUTS = """
import { evaluate, messagesOf } from "./one-read.mjs";
const [epochs, plate, jurisdiction] = process.argv.slice(2);
const told = {};
for (const epoch of JSON.parse(epochs)) {
    told[epoch.id] = {};
    for (const [grade, messages] of Object.entries(messagesOf(plate, jurisdiction, ["full", "plate", "similar", "near"])))
        told[epoch.id][grade] = messages.length ? (await evaluate(epoch, messages)).map((one) => Buffer.from(one).toString("hex")) : [];
}
console.log(JSON.stringify(told));
process.stdout.write("", () => process.exit(0)); // when all is written: a pipe may be full
"""
MESSAGES = """
import { messagesOf } from "./one-read.mjs";
const hexadecimal = (messages) => messages.map((one) => one.toString("hex")).sort();
for (const plate of JSON.parse(process.argv[2])) {
    let told = null;
    try {
        told = Object.fromEntries(Object.entries(messagesOf(plate, "US-TX", ["full", "plate", "similar", "near"])).map(([g, m]) => [g, hexadecimal(m)]));
    } catch { /* not a plate */ }
    console.log(JSON.stringify(told));
}
process.stdout.write("", () => process.exit(0)); // when all is written: a pipe may be full
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """one-read.mjs beside its package, as the document says."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("javascript")
    (folder / "one-read.mjs").write_text(re.search(r"^```js\n(.*?)^```", DOCUMENT, re.M | re.S)[1])
    (folder / "outputs.mjs").write_text(OUTPUTS)
    (folder / "messages.mjs").write_text(MESSAGES)
    (folder / "package.json").write_text('{"name": "one-read", "private": true}\n')
    wanted = re.search(r"^    npm install (@noble/curves@[0-9.]+)$", DOCUMENT, re.M)[1]
    try:
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", wanted], cwd=folder, capture_output=True, text=True,
                              timeout=120, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        pytest.skip("npm install did not end within 120 s")
    assert not re.search(r"E404|ETARGET|EINTEGRITY", done.stderr), done.stderr  # the document names what is not there
    if done.returncode != 0:
        pytest.skip(f"npm can't install the package: {done.stderr.strip().splitlines()[:1]}")
    return folder


def node(folder, house, program, *argv, text="", env=None):
    return subprocess.run(["node", program, *argv], cwd=folder, input=text, capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, **(house.environment() if house else {}), **(env or {})})


def read(folder, house, *lines, env=None):
    """What one-read.mjs says of each line."""
    done = node(folder, house, "one-read.mjs", text="".join(line + "\n" for line in lines), env=env)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def alerts(told, name):
    return [alert["grade"] for alert in told.get("alerts", []) if alert["list"] == name]


def outputs(folder, house, plate, jurisdiction):
    done = node(folder, house, "outputs.mjs", json.dumps(house.lane()["epochs"]), plate, jurisdiction)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_messages_are_those_of_the_protocol(folder, installation):
    """Spellings of all kinds, some of them random."""
    letters = "ABOQZ1lIoß éÉÅΑВК-０Ａｚﬀǅ\u0301\u00a0😀"
    texts = [*SPELLINGS, "", "é", "A" * 13, "A" * 257, *("".join(secrets.choice(letters) for _ in range(9)) for _ in range(200))]
    done = node(folder, installation, "messages.mjs", json.dumps(texts))
    assert done.returncode == 0, done.stderr
    for text, line in zip(texts, done.stdout.splitlines(), strict=True):
        expected = None
        if plates.canonical(text) and len(text.encode()) <= 256:
            made = plates.messages_of(text, "US-TX", plates.GRADES, "lane")
            expected = {grade: sorted(one.hex() for one in some) for grade, some in made.items()}
        assert json.loads(line) == expected, text


def test_tokens_and_answers_of_the_default_suite(folder, installation):
    name = installation.listed("QQ00Q7Q", "US-TX", grade="near")
    lane = installation.lane()
    assert {epoch["suite"] for epoch in lane["epochs"]} == {"voprf-ristretto255-sha512"}
    told = outputs(folder, installation, "qq-0oq7 q", "US-TX")
    for epoch in lane["epochs"]:
        made = plates.outputs_by_grade(installation.prf(epoch["id"]), plates.messages_of("QQ00Q7Q", "US-TX", plates.GRADES, "lane"))
        assert {grade: sorted(some) for grade, some in told[epoch["id"]].items()} == \
            {grade: sorted(one.hex() for one in some) for grade, some in made.items()}
    hit, near, clear, short, none = read(folder, installation, "qq-0oq7q US-TX", "QQ00Q7W", "ZZ99ZZ999 US-TX", "ZZ9", "-- US-TX")
    assert hit["answer"] == "hit" and alerts(hit, name) == ["full"] and hit["false_tags"] == 0
    assert near["answer"] == "hit" and alerts(near, name) == ["near"]
    assert clear["answer"] == short["answer"] == "clear"
    assert none["answer"] == "unchecked" and "not a plate" in none["why"]


def test_tokens_and_answers_of_the_hmac_suite(folder, new_installation, tmp_path):
    """The same tokens as `platesieve token`."""
    house = new_installation({"keys.keyd.suite": "hmac-sha256"})
    name = house.listed("QQ00Q7Q", "US-TX", grade="near")
    told = outputs(folder, house, "qq-0oq7 q", "US-TX")
    for epoch in house.lane()["epochs"]:
        (tmp_path / "epoch.key").write_bytes(house.key(epoch["id"]))
        for grade, made in told[epoch["id"]].items():
            expected = house.platesieve("token", "--epoch-key", tmp_path / "epoch.key", "--grade", grade, "--", "qq-0oq7 q", "US-TX").stdout.split()
            assert sorted(one[:32] for one in made) == expected, grade
    hit, clear = read(folder, house, "qq-0oq7q US-TX", "ZZ99ZZ999 US-TX")
    assert alerts(hit, name) == ["full"] and clear["answer"] == "clear"


@contextlib.contextmanager
def between(house, meddle, server="keys"):
    meddler = Meddler(house, real=house.url_of(server), node=f"node/{server if '-' in server else 'keys-1'}")
    meddler.meddle = meddle
    try:
        yield meddler
    finally:
        meddler.stop()


IDENTITY = plates.text64(bytes(32))
GENERATOR = plates.text64(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))
LIES = {
    "wrong proof": on_evaluate(lambda told: {**told, "proof": flip(told["proof"], 9)}),
    "wrong element": on_evaluate(lambda told: {**told, "evaluated": [told["evaluated"][-1], *told["evaluated"][1:]]}),
    "other order": on_evaluate(lambda told: {**told, "evaluated": told["evaluated"][::-1]}),
    "one missing": on_evaluate(lambda told: {**told, "evaluated": told["evaluated"][:-1]}),
    "one too many": on_evaluate(lambda told: {**told, "evaluated": told["evaluated"] + told["evaluated"][:1]}),
    "identity": on_evaluate(lambda told: {**told, "evaluated": [IDENTITY] * len(told["evaluated"])}),
    "no point": on_evaluate(lambda told: {**told, "evaluated": [plates.text64(b"\xff" * 32)] * len(told["evaluated"])}),
    "no proof": on_evaluate(lambda told: {"evaluated": told["evaluated"]}),
    "no object": on_evaluate(lambda told: [told]),
    "not base64url": on_evaluate(lambda told: {**told, "proof": "!" + told["proof"][1:]}),
    "cut": on_evaluate(lambda told: "cut"),
    "busy": on_evaluate(lambda told: (503, "busy")),
    "other key": lambda method, path, status, told: told if method == "POST" else
    {**told, "epochs": [{**epoch, "public_key": GENERATOR} for epoch in told["epochs"]]},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_key_server_that_lies(folder, installation, lie):
    """The read is unchecked and the gate never asked; with an honest key server behind it, the read is checked there."""
    name = installation.listed("QQ8001J", "US-TX")
    with between(installation, LIES[lie]) as keys, between(installation, None, "gate") as gate:
        env = {"PLATESIEVE_KEYS": keys.url, "PLATESIEVE_GATE": gate.url}
        (told,) = read(folder, installation, "QQ8001J US-TX", env=env)
        assert told["answer"] == "unchecked" and keys.url in told["why"], told
        assert gate.count("/v1/lane") == 1 and gate.count("/v1/checks") == 0
        (told,) = read(folder, installation, "QQ8001J US-TX", env={**env, "PLATESIEVE_KEYS": f"{keys.url},{installation.keys_url}"})
        assert alerts(told, name) == ["full"]


@pytest.fixture(scope="module")
def three(folder):  # pylint: disable=unused-argument
    """An installation whose epochs' keys are shared by three key servers, with a list that has QQ8006J."""
    house = make_house({"key_servers": 3})
    try:
        house.platesieve("--as", "agency/customs/ana", "list", "create", "shared", "--category", "stolen")
        (house.folder / "list.csv").write_text("plate,jurisdiction\nQQ8006J,US-TX\n")
        told = house.platesieve("--as", "agency/customs/ana", "--json", "list", "push", "shared", house.folder / "list.csv").stdout
        house.wait_live("shared", json.loads(told.splitlines()[-1])["revision"])
        yield house
    finally:
        remove_house(house)


def on_epochs(change):
    return lambda method, path, status, told: {**told, "epochs": [change(one) for one in told["epochs"]]} if method == "GET" and status == 200 else told


SHARE_LIES = {
    "honest": None,
    "wrong proof": LIES["wrong proof"],
    "busy": LIES["busy"],
    "cut": lambda method, path, status, told: "cut",
    "another share": on_epochs(lambda one: {**one, "public_share": GENERATOR}),
    "the identity": on_epochs(lambda one: {**one, "public_share": IDENTITY}),
    "another's number": on_epochs(lambda one: {**one, "share": {"server": one["share"]["server"] % 3 + 1, "of": 3}}),
    "no number": on_epochs(lambda one: {**one, "share": {"server": 1.5, "of": 3}}),
    "a whole key": on_epochs(lambda one: {**{k: v for k, v in one.items() if k != "share"}, "public_key": one["public_share"]}),
}


@pytest.mark.parametrize("liar", [1, 2, 3])
@pytest.mark.parametrize("lie", SHARE_LIES)
def test_one_of_three_key_servers_lies(folder, three, lie, liar):
    """The other two answer; a server that fails is named, if it was asked.  (Which share is the wrong one, nobody is told.)"""
    urls = {number: three.url_of(f"keys-{number}") for number in (1, 2, 3)}
    with between(three, SHARE_LIES[lie], f"keys-{liar}") as bad:
        env = {"PLATESIEVE_KEYS": ",".join({**urls, liar: bad.url}.values())}
        done = node(folder, three, "one-read.mjs", text="QQ8006J US-TX\nZZ8006J US-TX\n", env=env)
        hit, clear = (json.loads(line) for line in done.stdout.splitlines())
        assert alerts(hit, "shared") == ["full"] and clear["answer"] == "clear", (hit, clear)
    asked_last = liar == 3 and lie in ("wrong proof", "busy")
    silent = asked_last or lie in ("honest", "another share", "another's number")
    assert (bad.url in done.stderr) == (not silent), done.stderr


@pytest.mark.parametrize("lie", ["wrong proof", "another share", "cut"])
def test_two_of_three_key_servers_lie(folder, three, lie):
    with between(three, SHARE_LIES[lie], "keys-1") as one, between(three, SHARE_LIES[lie], "keys-2") as two:
        (told,) = read(folder, three, "ZZ8006J US-TX", env={"PLATESIEVE_KEYS": f"{one.url},{two.url},{three.url_of('keys-3')}"})
    assert told["answer"] == "unchecked", told


def test_blinded_elements_are_new_for_each_read(folder, installation):
    with between(installation, None) as keys:
        read(folder, installation, "QQ8002J US-TX", "QQ8002J US-TX", env={"PLATESIEVE_KEYS": keys.url})
        sent = [one for body in keys.bodies if body for one in json.loads(body)["blinded"]]
    assert len(sent) >= 4 and len(set(sent)) == len(sent)


def forged(told):
    alert = {"hit": plates.text64(bytes(16)), "list": "stolen", "agency": "customs", "category": "stolen", "priority": 50, "grade": "plate", "candidate": 0,
             "epoch": None, "tag": plates.text64(bytes(8)), "instruction": "stop", "revision": 1, "age_s": 1, "calibration": False, "verify": False}
    return {**told, "answers": [{**told["answers"][0], "answer": "hit", "alerts": [alert]}]}


def of_this_epoch(installation, told):
    told = forged(told)
    told["answers"][0]["alerts"][0]["epoch"] = installation.lane()["epochs"][0]["id"]
    return told


@pytest.mark.parametrize("lie", ["forged alert", "forged alert of no epoch", "another read", "two answers", "no answer", "an answer unheard of", "busy", "policy"])
def test_a_gate_that_lies(folder, installation, lie):
    """No alert without its tag, and no `clear` by guess."""
    installation.listed("QQ8003J", "US-TX")
    change = {
        "forged alert": lambda told: of_this_epoch(installation, told),
        "forged alert of no epoch": forged,
        "another read": lambda told: {**told, "answers": [{**told["answers"][0], "read_id": plates.text64(bytes(16))}]},
        "two answers": lambda told: {**told, "answers": told["answers"] * 2},
        "no answer": lambda told: {**told, "answers": []},
        "an answer unheard of": lambda told: {**told, "answers": [{**told["answers"][0], "answer": "maybe"}]},
        "busy": lambda told: (503, "busy"),
        "policy": lambda told: (409, "policy"),
    }[lie]
    meddle = lambda method, path, status, told: change(told) if path == "/v1/checks" and status == 200 else told  # noqa: E731
    with between(installation, meddle, "gate") as gate:
        (told,) = read(folder, installation, "ZZ8003J US-TX", env={"PLATESIEVE_GATE": gate.url})
        assert told["answer"] == "unchecked" and not told.get("alerts"), told
        asked = [json.loads(body)["reads"][0]["read_id"] for body in gate.bodies if body]
    assert len(set(asked)) == 1 and len(asked) == (3 if lie == "policy" else 1)
    if "forged" in lie:
        assert told["false_tags"] == 1


@pytest.mark.parametrize("name", ["node/keys-9", "reader/south/1", "nodes/x"])
def test_only_a_node_is_a_server(folder, installation, tmp_path, name):
    """Whatever else the authority signed for a server, at the right address."""
    files = make_certificate(tmp_path, authority(installation), [f"spiffe://platesieve.local/{name}"], ExtendedKeyUsageOID.SERVER_AUTH,
                             addresses=["127.0.0.1"])
    with between(installation, None) as keys:
        keys.server.socket.context.load_cert_chain(*files)
        (told,) = read(folder, installation, "ZZ8004J US-TX", env={"PLATESIEVE_KEYS": keys.url})
    assert told["answer"] == ("clear" if name.startswith("node/") else "unchecked"), told
    assert name.startswith("node/") or "not a node" in told["why"] and not keys.asked


def test_nothing_answers(folder, installation):
    (told,) = read(folder, installation, "QQ8005J US-TX", env={"PLATESIEVE_GATE": "https://127.0.0.1:1"})
    assert told["answer"] == "unchecked"
