"""A list's rules for tests: changing them, and what lanes and operators are told of the list then."""
import json

from registration import OLGA

ANA, EVA, BEN, MIA = "agency/customs/ana", "agency/customs/eva", "agency/marshals/ben", "agency/marshals/mia"
DAY = 86400


def change(house, name, user=ANA, version=None, **rules):
    version = version or house.list_object(name, user)["rules_version"]
    return house.put(f"/v1/lists/{name}", user, json.dumps({"rules_version": version, **rules}))


def changed(house, name, user=ANA, **rules):
    answer = change(house, name, user, **rules)
    assert answer.status_code == 200, answer.text
    return answer.json()


def entries(count, prefix="QQ"):
    return [{"plate": f"{prefix}{number:05d}", "jurisdiction": "US-TX", "reference": f"r{number}"} for number in range(count)]


def alarms(house, name):
    return {one["what"]: one for one in house.get("/v1/status", OLGA).json()["alarms"] if one["list"] == name}


def check(house, plate, identity="reader/north/1"):
    """One answered read; a lane tries again when another policy came into force meanwhile."""
    for _ in range(3):
        lane = house.lane(identity)
        answer = house.post("/v1/checks", identity, house.check_body(lane, [house.read(lane, plate)]))
        if answer.status_code != 409:
            break
    assert answer.status_code == 200, answer.text
    return answer.json()


def why_unchecked(house, plate, name, identity="reader/north/1"):
    return next((one["why"] for one in check(house, plate, identity)["unchecked"] if one["list"] == name), None)


def lists_hit(house, plate, identity="reader/north/1"):
    return [alert["list"] for alert in check(house, plate, identity)["answers"][0].get("alerts", [])]
