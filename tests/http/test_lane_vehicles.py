"""One vehicle, one read: what a lane service makes of several messages about it, to the counts, alerts and pictures."""
import base64
import contextlib
import time

import pytest

from house import eventually
from sealing import jpeg

READER = "reader/north/1"
LISTED, PROBE, FLEET = "QQ80VEH", "QQ31ZPRB", [f"QQ771VE{number}" for number in range(3)]
ENOUGH = 5  # vehicles, for a caption
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


# -- captions ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def reading_lanes(installation, hot_list, tmp_path):
    """A maker of lanes that learn captions from ENOUGH vehicles, and ask about them again after so many seconds."""
    del hot_list
    with contextlib.ExitStack() as stack:
        def make(again_s):
            service = installation.lane_service(READER, tmp_path / f"lane-{again_s}", alerts={"json": "yes", "show_plates": "yes"},
                                                reads={"caption_vehicles": ENOUGH, "caption_again_s": again_s, "vehicle_window_ms": 0})
            stack.enter_context(service)
            eventually(lambda: service.status()["ready"])
            return service
        yield make


passing = (f"QW{number * 7919 % 100000:05d}X" for number in range(10000))


def beside(lane, text, camera="c", plate=None):
    """A vehicle passes, and the engine reads TEXT beside its plate.  How many looks were answered then."""
    time.sleep(0.005)  # or it would be one vehicle with the last, whose readings have TEXT, too
    told = [{"plate": plate or next(passing), "confidence": 0.9}, {"plate": text, "confidence": 0.6}]
    assert lane.post("plain", {"camera": camera, "candidates": told})["new"] == 1
    return eventually(lambda: (counts := lane.status()["counts"]) and counts["reads"]["clear"] + counts["reads"]["hits"] == counts["reads"]["asked"] and counts)


def test_captions(installation, reading_lanes):
    """Learned after some vehicles, skipped and counted from then on beside other readings of that camera; asked about now and then."""
    lettering = "QQ55TXI"
    patient, curious = reading_lanes(3600), reading_lanes(1)
    for lane in (patient, curious):
        for number in range(1, ENOUGH + 4):
            assert beside(lane, lettering)["captions"] == max(0, number - ENOUGH) or lane is curious
    name = installation.listed(lettering, "US-TX", cooldown_s=0)
    # It is a plate of somebody's who is looked for, too: what is skipped here, the other lane finds when it asks again.
    seen = patient.status()["counts"]["captions"]
    for number in range(1, 4):
        assert beside(patient, lettering)["captions"] == seen + number
    assert not patient.alerts()
    eventually(lambda: beside(curious, lettering) and curious.alerts())
    assert curious.metrics()["platesieve_lane_captions_total"] == curious.status()["counts"]["captions"]
    # Another camera of the same lane reads all.
    beside(patient, lettering, camera="d")
    assert len(eventually(patient.alerts)) == 1
    # The vehicle that bears it is read alone; and what was on a list once is skipped no more.
    patient.post("plain", {"camera": "c", "plate": lettering})
    eventually(lambda: len(patient.alerts()) == 2)
    assert beside(patient, lettering)["captions"] == seen + 3
    eventually(lambda: len(patient.alerts()) == 3)
    assert all(alert["list"] == name for alert in patient.alerts() + curious.alerts())
    text = installation.platesieve("lane", "status", "--url", patient.url).stdout
    assert f"captions   {seen + 3} skipped" in text


def test_a_listed_plate_on_every_picture(installation, reading_lanes):
    """It stands in the jam, with others that pass; or somebody wears it as a sticker on vehicle after vehicle.  It is asked about each time."""
    del installation
    lane = reading_lanes(3600)
    lane.post("plain", {"camera": "c", "plate": LISTED})
    for _ in range(6 * ENOUGH):
        assert beside(lane, LISTED)["captions"] == 0
        lane.post("plain", {"camera": "c", "plate": LISTED})
    counts = eventually(lambda: (counts := lane.status()["counts"]) and counts["reads"]["hits"] == counts["reads"]["asked"] > 6 * ENOUGH and counts)
    assert (counts["reads"]["clear"], counts["looks"]["caption"], counts["captions"]) == (0, 0, 0)
    assert set(plates_of(lane.alerts())) == {LISTED}


def test_a_sticker_hides_nobody(installation, reading_lanes):
    """Whoever has the plate of the one who follows worn by others makes it a caption; what bears it is found all the same, and so is all that bears the sticker."""
    lane, driver = reading_lanes(3600), "QQ66STK"
    for _ in range(2 * ENOUGH):
        counts = beside(lane, driver)
    assert counts["captions"] == ENOUGH
    name = installation.listed(driver, "US-TX", cooldown_s=0)
    assert not lane.alerts()
    beside(lane, driver, plate=LISTED)  # one of those that wear it is looked for itself
    assert plates_of(eventually(lane.alerts)) == [LISTED]
    lane.post("plain", {"camera": "c", "plate": driver})
    eventually(lambda: [alert["list"] for alert in lane.alerts()].count(name) == 1)
