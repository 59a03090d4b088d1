"""One vehicle, one read: what a lane service makes of several messages about it, to the counts, alerts and pictures."""
import base64

import pytest

from house import eventually
from sealing import jpeg

READER = "reader/north/1"
LISTED, PROBE, FLEET = "QQ80VEH", "QQ31ZPRB", [f"QQ771VE{number}" for number in range(3)]
PICTURE = jpeg(middle=b"\xff\xe1\x00\x0fExif\0\0where\x00\x00")


@pytest.fixture(scope="module")
def hot_list(installation):
    """At `plate`: one vehicle, and the first and last of a fleet of three."""
    name = installation.new_list(grade="plate", cooldown_s=0)
    installation.push(name, [{"plate": plate, "jurisdiction": "US-TX"} for plate in (LISTED, PROBE, FLEET[0], FLEET[2])])
    eventually(lambda: installation.check(PROBE)["answer"] == "hit")
    return name


@pytest.fixture
def lane(installation, hot_list, tmp_path):
    del hot_list
    with installation.lane_service(READER, folder=tmp_path / "lane", alerts={"json": "yes", "show_plates": "yes"}) as service:
        eventually(lambda: service.status()["ready"])
        yield service


def group(plates, uuids, preview=False, picture=None, region="us-tx"):
    """As Rekor's agent says a vehicle; PLATES: [(plate, confidence of 100)]."""
    some = [{"plate": plate, "confidence": confidence} for plate, confidence in plates]
    return {"data_type": "alpr_group", "is_preview": preview, "camera_id": 7, "uuids": uuids, "plate_indexes": [0] * len(uuids), "best_uuid": uuids[0],
            "best_plate_number": plates[0][0], "best_confidence": plates[0][1], "best_region": region, "best_region_confidence": 90,
            "candidates": some, **({"vehicle_crop_jpeg": base64.b64encode(picture).decode()} if picture else {})}


def settled(lane, count):
    """The lane's counts once COUNT looks were answered."""
    def answered():
        counts = lane.status()["counts"]
        done = sum(counts[kind][outcome] for kind in ("reads", "again") for outcome in ("clear", "hits"))
        return counts if done >= count else None
    counts = eventually(answered)
    assert sum(counts[kind][outcome] for kind in ("reads", "again") for outcome in ("clear", "hits")) == count
    return counts


def plates_of(alerts):
    return [alert["reading"]["plate"] for alert in alerts]


def test_preview_and_final_are_one_read(installation, lane, hot_list):
    """The preview is clear; the final group brings the spelling that is listed, later than the window, and is another look at the same read."""
    lane.post("rekor", group([("QQ80VFH", 71), ("0Q80VFH", 55)], ["u-1"], preview=True))
    assert settled(lane, 1)["reads"] == {**lane.status()["counts"]["reads"], "clear": 1, "hits": 0}
    assert not lane.alerts()
    final = group([(LISTED, 93), ("QQ80VFH", 80)], ["u-2", "u-1"])
    lane.post("rekor", final)
    counts = settled(lane, 2)
    assert (counts["reads"]["clear"], counts["again"]["hits"]) == (1, 1)
    assert plates_of(lane.alerts()) == [LISTED]
    for _ in range(3):
        lane.post("rekor", final)  # the engine tries again
    assert lane.post("rekor", group([(LISTED, 93)], ["u-9"]))["reads"] == 1  # another frame, of which nothing is new
    assert len(lane.alerts()) == 1 and settled(lane, 2)
    assert sum(hit["count"] for hit in installation.wait_hits(2, hot_list)) == 2  # with the one that the fixture asked about


def test_a_jurisdiction_that_comes_later(lane):
    """Without one nothing is asked at `full`; it becomes known, and the same spelling is asked about once more."""
    lane.post("plain", {"plate": LISTED, "camera": "j"})
    settled(lane, 1)
    lane.post("plain", {"plate": LISTED, "camera": "j", "jurisdiction": "US-TX"})
    settled(lane, 2)
    alerts = lane.alerts()
    assert {alert["grade"] for alert in alerts} == {"plate", "full"} and len({alert["hit"] for alert in alerts}) == 1


def test_two_cars_in_sequence(lane):
    """One edit apart: one read in the counts, and yet each is asked about; a picture of the second is none of the first."""
    lane.post("plain", {"plate": FLEET[0], "camera": "f"})
    settled(lane, 1)
    lane.post("plain", {"plate": FLEET[1], "camera": "f", "image": base64.b64encode(PICTURE).decode()})
    settled(lane, 2)
    lane.post("plain", {"plate": FLEET[2], "camera": "f"})
    counts = settled(lane, 3)
    assert (counts["reads"]["hits"], counts["again"]["clear"], counts["again"]["hits"]) == (1, 1, 1)
    assert plates_of(lane.alerts()) == [FLEET[0], FLEET[2]]
    assert [alert["image"] for alert in lane.get("/alerts?after=0")["alerts"]] == [None, None]


def test_the_final_brings_the_picture(lane):
    """Also where it is asked about, since it brings another spelling."""
    lane.post("rekor", group([(LISTED, 80)], ["w-1"], preview=True))
    settled(lane, 1)
    lane.post("rekor", group([("QQ8OVEM", 90), (LISTED, 85)], ["w-1", "w-2"], picture=PICTURE))
    settled(lane, 2)
    eventually(lambda: [alert["image"] for alert in lane.get("/alerts?after=0")["alerts"]] == [{"type": "image/jpeg", "path": f"/alerts/{lane.alerts()[0]['hit']}/image"}])


def test_a_vehicle_that_stays(lane):
    """A parked one, read forty times in a second with others that pass."""
    for number in range(40):
        lane.post("plain", [{"plate": "QQ55PRK", "camera": "p"}, {"plate": f"Q{number * 7919 % 100000:05d}Z", "camera": "q"}])
    counts = settled(lane, 41)
    assert counts["reads"]["clear"] + counts["again"]["clear"] == 41
