"""Coverage: who lacks tokens for which epoch is told in time, to the gate's operators and to the agency."""
import json

import pytest

from house import eventually

OLGA, ANA, BEN = "operator/gate/olga", "agency/customs/ana", "agency/marshals/ben"
INSTALLATION = {"keys.keyd.epoch_length_s": "86400", "keys.keyd.epochs_ahead": "2", "gate.lists.alarm_before_s": str(31 * 86400)}
ENTRY = {"plate": "QQ31COV", "jurisdiction": "US-TX", "reference": "r"}


def alarms(house, name):
    return [one for one in house.get("/v1/status", OLGA).json()["alarms"] if one["list"] == name]


def log_lines(house, name, words):
    return [line for line in (house.folder / "log/gate.log").read_text().splitlines() if f"/{name} " in line and words in line]


def test_alarm_until_the_push(installation, tmp_path):
    """A list pushed for one epoch of those that are known: an alarm for each of the others, everywhere, until it has their tokens."""
    house = installation
    name, epochs = house.new_list(), house.epochs_to_push()
    assert alarms(house, name) == []  # never committed: nobody misses it
    house.push(name, [ENTRY], epochs=epochs[:1])
    missing = epochs[1:]
    told = eventually(lambda: (now := alarms(house, name)) and len(now) == len(missing) and now)
    assert told == [{"what": "coverage", "agency": "customs", "list": name, "epoch": one["id"], "state": one["state"], "opens": one["opens"],
                     "coverage": "none"} for one in missing]
    eventually(lambda: len(log_lines(house, name, "has no tokens for epoch")) == len(missing))
    metrics = house.metrics()
    assert metrics['platesieve_alarm{what="coverage"}'] == 1 and metrics['platesieve_lists_uncovered{epoch="next"}'] >= 1
    mine = {key: value for key, value in metrics.items() if key.startswith("platesieve_list_uncovered_opens_seconds") and f'list="{name}"' in key}
    assert len(mine) == min(len(missing), 2) and all('agency="customs"' in key for key in mine)  # the next one, and those later
    text = house.platesieve("--as", OLGA, "status").stdout
    assert f"ALARM      customs/{name} has no tokens for epoch {missing[0]['id']}, which opens" in text and " min\n" in text
    shown = house.platesieve("--as", ANA, "list", "show", name).stdout
    assert all(f"NO TOKENS    {one['id']}, which opens in" in shown for one in missing) and "platesieve list tokens" in shown
    object_epochs = house.list_object(name)["epochs"]
    assert [(one["id"], one["opens"], one["covered"]) for one in object_epochs] == [(one["id"], one["opens"], one in epochs[:1]) for one in epochs]
    house.push(name, [ENTRY], mode="tokens", epochs=missing)
    eventually(lambda: alarms(house, name) == [])
    eventually(lambda: len(log_lines(house, name, "has its tokens for epoch")) == len(missing))
    assert len(log_lines(house, name, "has no tokens")) == len(missing)  # once each, however long it lasted
    assert "NO TOKENS" not in house.platesieve("--as", ANA, "list", "show", name).stdout
    assert not [key for key in house.metrics() if "platesieve_list_uncovered" in key and f'list="{name}"' in key]


def test_another_agency_is_not_told(installation):
    house, name = installation, installation.new_list()
    house.push(name, [ENTRY], epochs=house.epochs_to_push()[:1])
    eventually(lambda: alarms(house, name))
    assert name not in house.platesieve("--as", BEN, "list", "show", "--json").stdout


@pytest.mark.parametrize("before, alarm", [(str(31 * 86400), True), ("0", False)])
def test_not_before_its_time(new_installation, before, alarm):
    house = new_installation({"keys.keyd.epoch_length_s": str(30 * 86400), "gate.lists.alarm_before_s": before})
    name, epochs = house.new_list(), house.epochs_to_push()
    house.push(name, [ENTRY], epochs=epochs[:1])
    eventually(lambda: house.metrics()['platesieve_lists_uncovered{epoch="next"}'] == 1)
    assert bool(alarms(house, name)) == alarm and house.metrics()['platesieve_alarm{what="coverage"}'] == alarm


def test_no_list_has_tokens_after_a_rotation(new_installation):
    """The epoch that is open lacks every list: the alarm says so, and the lists' agencies see it."""
    house = new_installation({"keys.keyd.epoch_length_s": "86400"})
    names = [house.listed(f"QQ3{n}CO{n}") for n in range(2)]
    assert house.get("/v1/status", OLGA).json()["alarms"] == []
    told = json.loads(house.platesieve("--as", "operator/keys/kim", "keys", "rotate", "--yes", "--json", "--destroy", "--opens-in", "0s").stdout)
    told = eventually(lambda: [one for one in house.get("/v1/status", OLGA).json()["alarms"] if (one["epoch"], one["state"]) == (told["rotation"], "open")])
    assert {one["list"] for one in told} == set(names)
    assert "is open: under it lanes get no alerts of this list, or not all" in house.platesieve("--as", ANA, "list", "show", names[0]).stdout
    assert "which is open" in house.platesieve("--as", OLGA, "status").stdout
