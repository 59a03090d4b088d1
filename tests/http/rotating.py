"""Rotations for tests: when one may be, asking for it, and what lanes are answered meanwhile."""
import datetime
import time

KIM, READER, ANA = "operator/keys/kim", "reader/north/1", "agency/customs/ana"
HOURLY = {"keys.keyd.epoch_length_s": "3600", "keys.keyd.epoch_overlap_s": "600", "keys.keyd.destroy_after_s": "300", "keys.keyd.epochs_ahead": "2"}


def moment(text):
    return datetime.datetime.fromisoformat(text[:-1] + "+00:00").timestamp()


def text_of(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def soon(seconds=0):
    """An even second, so far from now."""
    at = int(time.time()) // 2 * 2 + 2 + seconds
    return at + 2 if at % 3600 == 0 else at


def rotate(house, status=200, **body):
    answer = house.post("/v1/epochs/rotate", KIM, body, server="keys")
    assert answer.status_code == status, answer.text
    return answer.json()


def by_id(house, states=("coming", "open", "closed", "destroyed")):
    return {one["id"]: one for one in house.epochs(states)}


def log_of(house, name="keys"):
    return (house.folder / f"log/{name}.log").read_text()


def answer_of(house, plate):
    """("hit" | "clear" | "unchecked" | a problem's name, the lists that were not asked)"""
    lane = house.lane(READER)
    told = house.post("/v1/checks", READER, house.check_body(lane, [house.read(lane, plate)]))
    if told.status_code != 200:
        return told.json()["type"].rpartition("/")[2], []
    return told.json()["answers"][0]["answer"], told.json()["unchecked"]
