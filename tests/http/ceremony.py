"""Three key servers that share keys, and what their ceremony means, written again from docs/protocol.md."""
import calendar
import contextlib
import hashlib
import hmac
import json
import time

import plates
import pytest
import ristretto
from conftest import make_house, remove_house
from meddler import Meddler

ANA, READER = "agency/customs/ana", "reader/north/1"
SERVERS = (1, 2, 3)
READS = "plate,jurisdiction\nQQ61XX61,NL\nQQ44444,NL\n"


def leaf(seed, second):
    """What a seed has for an epoch that opens then."""
    for bit in f"{second:034b}":
        seed = hmac.digest(seed, b"platesieve/1/share-tree\0" + bytes([int(bit)]), "sha256")
    return seed


def opening(epoch):
    return calendar.timegm(time.strptime(epoch["id"], "%Y%m%dT%H%M%SZ"))


def scalar_of(seed, epoch):
    """s_j"""
    return int.from_bytes(hmac.digest(leaf(seed, opening(epoch)), b"platesieve/1/share\0" + epoch["id"].encode(), "sha512"), "little") % ristretto.ORDER


def share_of(seeds, server, epoch):
    return sum(scalar_of(seeds[j], epoch) * (1 - server * pow(j, -1, ristretto.ORDER)) for j in SERVERS if j != server) % ristretto.ORDER


def whole_key(seeds, epoch):
    return sum(scalar_of(seeds[j], epoch) for j in SERVERS) % ristretto.ORDER


def public(key):
    return ristretto.encode(ristretto.multiply(key, ristretto.GENERATOR))


def key_id_of(seeds, epoch):
    return plates.text64(hashlib.sha256(public(whole_key(seeds, epoch))).digest()[:16])


def output(key, message):
    return ristretto.finalize(message, 1, ristretto.evaluate(key, ristretto.encode(ristretto.hash_to_group(message))))


@contextlib.contextmanager
def three_servers(dealt):
    """A house with three key servers; DEALT, a dict, gets the seeds of their ceremony, which nobody else ever sees together."""
    house = make_house({"key_servers": 3}, start=False)
    try:
        house.run("platesieve", "keys", "ceremony", house.folder / "secrets/ceremony")
        for file in (house.folder / "secrets/ceremony").iterdir():
            dealt |= {int(j): plates.bytes64(seed) for j, seed in json.loads(file.read_text())["seeds"].items()}
        house.start()
        yield house
    finally:
        remove_house(house)


@contextlib.contextmanager
def instead_of(house, number, meddle=None):
    """A key server in the place of NUMBER that meddles; with the environment for a client."""
    bad = Meddler(house, f"node/keys-{number}", house.url_of(f"keys-{number}"))
    bad.meddle = meddle
    urls = [bad.url if n == number else house.url_of(f"keys-{n}") for n in SERVERS]
    try:
        yield bad, {"PLATESIEVE_KEYS": ",".join(urls)}
    finally:
        bad.stop()


def lane(house, text, *options, code=0, env=None):
    """(alerting reads, lines that were not checked, summary, what was said)"""
    done = house.platesieve("--as", READER, "lane", "--json", *options, text=text, code=code, env=env)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return ([one for one in lines if "alerts" in one], [one["line"] for one in lines if one.get("unchecked")], lines[-1].get("summary"), done.stderr)


def push(house, name, text, tmp_path, *options, code=0, env=None):
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    done = house.platesieve("--as", ANA, "list", "push", name, file, "--json", *options, code=code, env=env)
    if code == 0:
        house.wait_live(name, json.loads(done.stdout.splitlines()[-1])["revision"])
    return done


def list_on(house, folder):
    """A list with a plate on it; its name."""
    name = "shared-way"
    house.platesieve("--as", ANA, "list", "create", name, "--category", "stolen", "--grade", "near", "--ends", "30d")
    house.approve(name)
    push(house, name, "plate,jurisdiction\nQQ61XX61,NL\n", folder)
    return name


def epochs(house, number=1):
    told = house.get("/v1/epochs", READER, server=f"keys-{number}")
    assert told.status_code == 200
    return [one for one in told.json()["epochs"] if one["state"] in ("open", "coming")]


def server_of(house, number):
    return next(one for one in house.get("/v1/status", "auditor/ines").json()["key_servers"] if one["share"] == number)


# -- fixtures of files whose installation has three key servers ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def dealt():
    return {}


@pytest.fixture(scope="module")
def installation(dealt):
    """With three key servers; DEALT has the seeds of their ceremony, which nobody else ever sees together."""
    with three_servers(dealt) as house:
        yield house


@pytest.fixture(scope="module")
def listed(installation, tmp_path_factory):
    return list_on(installation, tmp_path_factory.mktemp("listed"))
