"""Law 2: no copy of one machine opens anything, and a stolen identity is good for what its owner may ask, no more.  Each identity and each
machine's files are stolen in turn; what the thief has then is said in the test, to the letter, both ways: nothing more, and nothing less
(a search that finds nothing at all would be no proof)."""
import json
import re
import shutil
import subprocess
import time
from types import SimpleNamespace

import pytest
import requests

import plates
import ristretto
import thief
from cluster import BIN
from house import assert_problem, eventually

INSTALLATION = {"keys.keyd.suite": "voprf-ristretto255-sha512"}
ANA, READER = "agency/customs/ana", "reader/north/1"
LISTED, PASSED = "QQ81XX81", "ZZZ8282"
PROBES = {"GET /livez", "GET /readyz"}
READS = PROBES | {"GET /v1/lane", "PUT /v1/lane/report", "POST /v1/checks", "GET /v1/headers/{}", "POST /v1/hits/{}/evidence", "POST /v1/hits/{}/judgement"}
LISTS = {"GET /v1/lists", "GET /v1/lists/{}"}
PUSHES = {"POST /v1/lists", "POST /v1/lists/{}/revisions", "GET /v1/lists/{}/revisions/{}", "DELETE /v1/lists/{}/revisions/{}",
          "PUT /v1/lists/{}/revisions/{}/parts/{}", "POST /v1/lists/{}/revisions/{}/commit", "PUT /v1/lists/{}", "POST /v1/lists/{}/approval", "DELETE /v1/lists/{}/approval"}
WORKS = {"GET /v1/hits", "GET /v1/hits/stream", "GET /v1/hits/{}", "PUT /v1/hits/{}/verdict", "GET /v1/hits/{}/evidence", "GET /v1/hits/{}/evidence/{}",
         "GET /v1/lists/{}/flags", "GET /v1/lists/{}/suppressions", "PUT /v1/lists/{}/suppressions", "DELETE /v1/lists/{}/suppressions/{}", "GET /v1/shares",
         "PUT /v1/lists/{}/shares/{}", "DELETE /v1/lists/{}/shares/{}", "PUT /v1/lists/{}/header", "GET /v1/lists/{}/header", "DELETE /v1/lists/{}/header",
         "GET /v1/retention", "GET /v1/webhooks", "PUT /v1/webhooks/{}", "GET /v1/webhooks/{}", "DELETE /v1/webhooks/{}", "POST /v1/webhooks/{}/test"}
OVERSEES = {"PUT /v1/agencies/{}/lists/{}/cap", "PUT /v1/agencies/{}/lists/{}/suspension", "DELETE /v1/agencies/{}/lists/{}/suspension"}
TOKENS = PROBES | {"GET /v1/epochs", "GET /v1/epochs/{}/key", "POST /v1/epochs/{}/evaluate"}
WATCH = PROBES | {"GET /v1/status", "GET /metrics"}
LANES = {"GET /v1/lanes"}
ADMITTED = {"GET /v1/identities", "GET /v1/identities/{}/{}", "GET /v1/identities/{}/{}/{}"}
ADMITS = {f"{method} /v1/identities/{path}" for method in ("PUT", "DELETE") for path in ("{}/{}", "{}/{}/{}")}
RENEWS = {"POST /v1/enrolments", "GET /v1/enrolments/{}"}  # puts a request where the authority, elsewhere, finds it, and sees what came of it
COLLECTS = {"GET /v1/enrolments", "PUT /v1/enrolments/{}"}
#                          what it may ask a gate                        what it may ask a key server
MAY = {
    None: (RENEWS, set()),  # somebody who has stolen nothing
    READER: (READS | RENEWS, TOKENS),
    "agency/marshals/ben": (PROBES | LISTS | PUSHES | RENEWS | WORKS, TOKENS),
    "operator/gate/olga": (WATCH | LANES | LISTS | {"GET /v1/retention"} | OVERSEES | ADMITTED | ADMITS | RENEWS | COLLECTS, set()),
    "operator/keys/kim": (set(), WATCH | {"GET /v1/epochs", "POST /v1/epochs/rotate"} | ADMITTED | ADMITS),
    "auditor/ines": (WATCH | LANES | LISTS | {"GET /v1/retention"} | ADMITTED | RENEWS, WATCH | {"GET /v1/epochs"} | ADMITTED),
    "node/ca": (PROBES | RENEWS | COLLECTS, set()),
    "node/gate-1": (set(), PROBES | {"GET /v1/epochs"}),
    "node/keys-1": (set(), PROBES | {"GET /v1/epochs"}),
    "evidence/customs/1": (set(), set()),
}


@pytest.fixture(scope="module")
def stage(installation, tmp_path_factory):
    """One listed plate that came by, one other that did; and all that there is to steal."""
    house, folder = installation, tmp_path_factory.mktemp("stage")
    file = folder / "list.csv"
    file.write_text(f"plate,jurisdiction,reference\n{LISTED},NL,case-8181\n", encoding="ascii")
    house.platesieve("--as", ANA, "list", "create", "wanted-81", "--category", "stolen")
    house.platesieve("--as", ANA, "list", "push", "wanted-81", file)
    house.wait_live("wanted-81", house.list_object("wanted-81")["revision"])
    assert lane(house, LISTED)[0] == "hit"
    assert lane(house, PASSED)[0] == "clear"
    house.wait_hits(1, "wanted-81")
    epochs = house.epochs(("open", "coming"))
    secrets = thief.Secrets()
    secrets.add_plate("the listed plate", LISTED, "NL", house, epochs)
    secrets.add_plate("the plate that passed", PASSED, "NL", house, epochs)
    secrets.add("the entry's reference", "case-8181")
    secrets.add("the list's name", "wanted-81")
    secrets.add("which lane", "reader/north/1", "north")
    for epoch in epochs:
        secret = thief.secret_of(house, epoch)
        secrets.add("epoch keys", thief.seed_of(house, epoch), secret.to_bytes(32, "little"), secret.to_bytes(32, "big"))
        secrets.add("peppers", thief.pepper_of(house, epoch))
    secrets.add("the master key", (house.folder / "secrets/keys-master.key").read_bytes())
    secrets.add("the state key", (house.folder / "secrets/gate-state.key").read_bytes())
    secrets.add("private keys", "PRIVATE KEY-----")
    return SimpleNamespace(house=house, secrets=secrets, epochs=epochs)


def lane(house, plate, identity=READER, env=None):
    """The answer to one read of PLATE, and all that the lane told."""
    told = house.platesieve("--as", identity, "lane", "--json", text=f"plate,jurisdiction\n{plate},NL\n", env=env).stdout
    summary = json.loads(told.splitlines()[-1])["summary"]
    assert summary["reads"] == summary["hits"] + summary["cleared"] == 1
    return "hit" if summary["hits"] else "clear", told


# -- identities -----------------------------------------------------------------------------------------------------------------


def routes(house, program):
    """(method, path) of all that a daemon serves."""
    told = subprocess.run([str(house.programs / program), "--routes"], capture_output=True, text=True, check=True).stdout
    return [tuple(line.split()[:2]) for line in told.splitlines()]


def try_all(house, identity, server, program):
    """What IDENTITY was not refused for who it is, as "GET /v1/lane"."""
    admitted = set()
    for method, path in routes(house, program):
        body = {"json": {"surprise": 1}} if method in ("POST", "PUT") else {}
        time.sleep(0 if identity else 0.15)  # strangers are let in at a rate
        try:
            answer = house.request(method, path.replace("{}", "wanted-81"), identity, server=server, stream=True, **body)
            answer.close()  # one does not end
        except (requests.ConnectionError, OSError):
            continue  # the handshake
        if answer.status_code != 403:
            admitted.add(f"{method} {path}")
    return admitted


@pytest.mark.parametrize("identity", MAY)
def test_what_a_stolen_identity_may_ask(stage, identity):
    gate, keys = MAY[identity]
    assert (try_all(stage.house, identity, "gate", "platesieved"), try_all(stage.house, identity, "keys", "platesieve-keyd")) == (gate, keys)


def test_a_stolen_lane(stage):
    """It can ask whether a chosen plate is listed, and that is recorded under its name; it gets no key, no list, no hit."""
    house = stage.house
    before = len(house.hits("wanted-81"))
    answer, told = lane(house, LISTED, "reader/south/2")
    assert answer == "hit" and "case-8181" not in told
    assert house.wait_hits(before + 1, "wanted-81")[-1]["lane"] in ("south/2", "2")
    for epoch in stage.epochs:
        assert_problem(house.get(f"/v1/epochs/{epoch['id']}/key", "reader/south/2", server="keys"), 404, "suite")
    answers = [house.get("/v1/lane", "reader/south/2").content, house.get("/v1/epochs", "reader/south/2", server="keys").content]
    assert stage.secrets.found(*answers) <= {"which lane"}


def test_a_stolen_agency(stage):
    """Its own lists and hits; another agency's list is as one that does not exist, and no entry ever comes back."""
    house = stage.house
    for path in ("/v1/lists/{}", "/v1/hits?list={}"):
        strange, none = (house.get(path.format(name), "agency/marshals/ben", headers={"Platesieve-Purpose": "test"}) for name in ("wanted-81", "nothing-81"))
        assert (strange.status_code, re.sub(r'"instance".*', "", strange.text)) == (none.status_code, re.sub(r'"instance".*', "", none.text))
    assert "wanted-81" not in house.get("/v1/lists", "agency/marshals/ben").text
    assert "the list's name" not in stage.secrets.found(house.get("/v1/hits", "agency/marshals/ben", headers={"Platesieve-Purpose": "test"}).content)
    own = [house.get(path, ANA, headers={"Platesieve-Purpose": "test"}).content for path in ("/v1/lists/wanted-81", "/v1/hits", "/v1/lists")]
    assert stage.secrets.found(*own) == {"the list's name", "which lane"}  # the reference comes sealed; its key is the client's


@pytest.mark.parametrize("identity, server", [("operator/gate/olga", "gate"), ("operator/keys/kim", "keys"), ("auditor/ines", "gate"),
                                              ("auditor/ines", "keys"), ("node/gate-1", "keys")])
def test_a_stolen_watcher(stage, identity, server):
    """Counts, states and names of lists; no reference, no plate, no token, no key."""
    house = stage.house
    answers = [house.get(path, identity, server=server) for path in ("/v1/status", "/v1/lists", "/v1/lists/wanted-81", "/metrics", "/v1/epochs")]
    got = stage.secrets.found(*(answer.content for answer in answers if answer.status_code == 200))
    assert got <= {"the list's name", "which lane"}
    assert ("the list's name" in got) == (server == "gate")


# -- machines -------------------------------------------------------------------------------------------------------------------


def copied(house, tmp_path, *names):
    """Copies of what lies in the installation, as it stands at that moment."""
    for name in names:
        shutil.copytree(house.folder / name, tmp_path / name)
    return [tmp_path / name for name in names]


def refuses(house, program, config, changed):
    """What PROGRAM says when it does not start with a CONFIG where some values are others."""
    text = (house.folder / "etc" / f"{config}.conf").read_text(encoding="utf-8")
    for old, new in changed.items():
        assert f"{house.folder}/{old}" in text
        text = text.replace(f"{house.folder}/{old}", str(new))
    file = house.folder / f"stolen-{config}.conf"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([str(house.programs / program), "--config", str(file)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode != 0
    return done.stderr


def another_key(tmp_path):
    path = tmp_path / "another.key"
    path.write_bytes(bytes(range(32)))
    path.chmod(0o600)
    return path


def test_the_gates_disk(stage, tmp_path):
    """Also with hits that wait in its spool.  It does not even start as a gate elsewhere, without the state key."""
    house = stage.house
    with house.without("db"):
        lane(house, LISTED, "reader/south/1")
        disk = copied(house, tmp_path, "gate") + [house.folder / "pki/node/gate-1.key", house.folder / "etc/gate.conf", house.folder / "log/gate.log"]
    got = stage.secrets.found(*disk)
    assert got <= {"private keys", "the list's name", "which lane"} and "private keys" in got
    assert "gate.sealed" in refuses(house, "platesieved", "gate", {"gate": tmp_path / "gate", "secrets/gate-state.key": another_key(tmp_path)})


def test_the_gates_disk_and_its_state_key(stage, tmp_path):
    """The pepper: good for nothing without an epoch key, since a slot is made of a token."""
    house = stage.house
    copied(house, tmp_path, "gate")
    state = thief.unseal(tmp_path / "gate", "gate.sealed", house.folder / "secrets/gate-state.key", "platesieve/1/gate-state")
    peppers = [thief.pepper_of(house, epoch) for epoch in stage.epochs]
    got = stage.secrets.found(state, *peppers)
    assert got == {"peppers"}
    dictionary = [plates.message(grade, where, f"QQ{number}XX{number}") for number in range(70, 90) for grade, where in (("full", "NL"), ("plate", ""))]
    slots = dump(house)
    guesses = [thief.slot(pepper, epoch, message[:16]) for pepper, epoch in zip(peppers, stage.epochs) for message in dictionary]
    assert not [guess for guess in guesses if guess.hex().encode() in slots]


def test_the_key_servers_disk(stage, tmp_path):
    """Sealed keys: it does not start without the master key.  With it, it evaluates; it knows no list, no read and no hit."""
    house = stage.house
    disk = copied(house, tmp_path, "keys") + [house.folder / "pki/node/keys-1.key", house.folder / "etc/keys.conf", house.folder / "log/keys.log"]
    assert stage.secrets.found(*disk) <= {"private keys", "which lane"}  # the log may name a lane that asked
    assert refuses(house, "platesieve-keyd", "keys", {"keys": tmp_path / "keys", "secrets/keys-master.key": another_key(tmp_path)})
    seeds = [thief.seed_of(house, epoch) for epoch in stage.epochs]
    assert stage.secrets.found(*seeds) == {"epoch keys"}
    for epoch in stage.epochs:
        public = ristretto.encode(ristretto.multiply(thief.secret_of(house, epoch), ristretto.GENERATOR))
        assert plates.text64(public) == epoch["public_key"], "the thief does have the epoch's key then"


def dump(house):
    """The whole database as text, as a backup holds it."""
    made = subprocess.run([str(BIN / "pg_dumpall"), "-h", house.cluster.socket, "-U", "postgres"], capture_output=True, cwd="/", check=True)
    assert b"wanted-81" in made.stdout
    return made.stdout


def test_the_database(stage, tmp_path):
    """Its files, WAL among them, and a dump: lists and hits with their lanes; slots, which are pseudonyms."""
    house = stage.house
    house.sql("CHECKPOINT")
    has = {"the list's name", "which lane", "the listed plate's slots"}
    assert stage.secrets.found(dump(house)) == has
    assert stage.secrets.found(*copied(house, tmp_path, "db")) == has


def test_the_database_and_the_epoch_keys(stage):
    """Even the key server's secrets open it not: no dictionary of plates finds the one that is listed, neither by tokens nor by tags."""
    house = stage.house
    text = dump(house)
    for epoch in stage.epochs:
        secret = thief.secret_of(house, epoch)
        for number in range(80, 83):
            for grade, where in (("full", "NL"), ("plate", "")):
                out = thief.prf(secret, plates.message(grade, where, f"QQ{number}XX{number}"))
                tag = plates.tag(out[16:32], "wanted-81", "customs")
                assert not [one for one in (*thief.spellings(out[:16]), *thief.spellings(tag)) if one in text]


def test_a_lanes_files(stage, tmp_path):
    """Its client key.  No read, although it read one a moment ago, and no epoch key."""
    house, client = stage.house, tmp_path / "client"
    client.mkdir()
    assert [lane(house, plate, env={"PLATESIEVE_STATE": str(client)})[0] for plate in (LISTED, PASSED)] == ["hit", "clear"]
    got = stage.secrets.found(house.folder / "pki/reader/north.1.key", house.folder / "pki/reader/north.1.pem", house.ca, *client.rglob("*"))
    assert got == {"private keys"}


def test_an_agencys_files(stage):
    """Its client key and the key of its references; plates only in list files that lie beside, of which there are none here."""
    house = stage.house
    got = stage.secrets.found(house.folder / "client", house.folder / "pki/agency")
    assert got <= {"private keys", "the list's name"} and "private keys" in got


# -- the end of a theft ---------------------------------------------------------------------------------------------------------


def test_revoked_within_a_second(new_installation):
    """On a connection that stays open, at both daemons."""
    house = new_installation(INSTALLATION)
    session = house.session(READER)
    urls = [house.url("/v1/lane"), house.url("/v1/epochs", "keys")]
    assert [session.get(url, timeout=10).status_code for url in urls] == [200, 200]
    house.platesieve("ca", "revoke", "--pki", house.pki, READER)
    began = time.monotonic()
    for url in urls:
        def gone(url=url):
            try:
                return session.get(url, timeout=10).status_code == 403
            except requests.ConnectionError:
                return True
        eventually(gone, 5, 0.02)
    assert time.monotonic() - began < 1.5  # a second, and what a busy machine adds
