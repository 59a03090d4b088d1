"""What a lane understands of the messages of camera engines: all samples, the same ones broken in every way, and the list of bad input.

`platesieve lane try` takes messages as a lane does.  What is expected of a sample is read out of it again here (readings.py), and pinned in a table that names no
plate: the samples are no part of this project, and some look like real captures."""
import base64
import copy
import csv
import json
import os
import re
import subprocess
import time
import urllib.parse
from datetime import datetime, timezone
from pathlib import Path

import pytest

import plates
import readings
from house import SHARED

BUILD = Path(os.environ.get("PLATESIEVE_BUILD") or Path(__file__).resolve().parents[2] / "build").resolve()
CLIENT_REMARKS = 3
MADE_UP = "QQ00QQ0"

# (file, line): [(jurisdiction, camera, time in ms, preview, how many spellings, the best one's confidence)], with the lane told that it is in the US.
SAMPLES = {
    ("data/openalpr_results.jsonl", 0): [("US-MO", "1234", 1562681608425, False, 4, 0.9294), ("US-MO", "1234", 1562681608425, False, 3, 0.9474)],
    ("data/openalpr_results.jsonl", 1): [("US-MO", "1234", 1562681121504, False, 3, 0.9388)],
    ("data/openalpr_results.jsonl", 2): [("US-WA", "", 1592849838217, False, 2, 0.9409)],
    ("data/openalpr_results.jsonl", 3): [("", "", 1456566569022, False, 9, 0.917)],
    ("data/openalpr_results.jsonl", 4): [("US-GA", "", 1448299357883, False, 4, 0.8843)],
    ("data/openalpr_results.jsonl", 5): [("", "", 1583029314644, False, 10, 0.9115)],
    ("data/openalpr_results.jsonl", 6): [("", "", 1569613729719, False, 5, 0.9106)],
    ("data/openalpr_results.jsonl", 7): [("", "", 1541521162954, False, 10, 0.8509)],
    ("data/openalpr_results.jsonl", 8): [("", "", 0, False, 9, 0.867)],
    ("data/openalpr_results.jsonl", 9): [("", "", 1515145377003, False, 1, 0.9427), ("", "", 1515145377003, False, 1, 0.9499)],
    ("data/openalpr_results.jsonl", 10): [("", "", 1592745193749, False, 2, 0.9268)],
    ("data/openalpr_results.jsonl", 11): [("NL", "", 1549623852465, False, 3, 0.9105)],
    ("data/openalpr_results.jsonl", 12): [("", "", 1789016691683, False, 9, 0.8902)],
    ("data/openalpr_results.jsonl", 13): [("", "", 1638566810336, False, 5, 0.8582)],
    ("data/openalpr_results.jsonl", 14): [("", "", 1436708576996, False, 10, 0.8956)],
    ("data/openalpr_results.jsonl", 15): [("US-KY", "", 1493500437687, False, 10, 0.8604)],
    ("data/openalpr_results.jsonl", 16): [("US-IL", "", 1563554171947, False, 2, 0.9371)],
    ("data/openalpr_results.jsonl", 17): [("AU", "", 1569484450487, False, 3, 0.947)],
    ("data/openalpr_results.jsonl", 18): [("US-CA", "", 1490574589596, False, 4, 0.9494)],
    ("data/openalpr_results.jsonl", 19): [("NL", "", 1574472366561, False, 1, 0.9352)],
    ("data/openalpr_results.jsonl", 20): [("US-OH", "", 1669220005557, False, 1, 0.9494)],
    ("data/openalpr_results.jsonl", 21): [],
    ("data/openalpr_results.jsonl", 22): [("", "", 1651662133289, False, 8, 0.7906)],
    ("data/openalpr_results.jsonl", 23): [("", "", 1457395109000, False, 5, 0.7713), ("", "", 1457395109000, False, 3, 0.7817)],
    ("data/platerecognizer_results.jsonl", 0): [("US-NJ", "", 0, False, 1, 0.999), ("US-NY", "", 0, False, 4, 1.0), ("US-NY", "", 0, False, 1, 1.0)],
    ("data/platerecognizer_results.jsonl", 1): [("US-NJ", "", 0, False, 1, 0.999), ("US-NY", "", 0, False, 4, 1.0), ("US-NY", "", 0, False, 1, 1.0)],
    ("data/platerecognizer_results.jsonl", 2): [
        ("FR", "sv1-searial-1", 1729206290098, False, 8, 1.0),
        ("FR", "sv1-searial-1", 1729206290098, False, 8, 1.0)],
    ("data/platerecognizer_results.jsonl", 3): [("FR", "sv1-searial-1", 1729206290098, False, 8, 1.0)],
    ("data/platerecognizer_results.jsonl", 4): [],
    ("data/platerecognizer_results.jsonl", 5): [("PT", "", 1712789235648, False, 1, 0.9)],
    ("data/platerecognizer_results.jsonl", 6): [("IN", "", 1669140104386, False, 2, 0.896)],
    ("data/platerecognizer_results.jsonl", 7): [],
    ("data/platerecognizer_results.jsonl", 8): [("CA-AB", "", 1631423836788, False, 1, 0.901)],
    ("data/platerecognizer_results.jsonl", 9): [("GB", "", 1602519447574, False, 1, 0.904)],
    ("data/platerecognizer_results.jsonl", 10): [("US-PA", "", 0, False, 2, 0.899)],
    ("data/alpr_group_with_jpeg.json", 0): [("US-IN", "106232737", 1609433731402, False, 2, 0.935)],
    ("formats/axis_ffgroup_lpr_event.json", 0): [("PL", "defaultID_176", 1623405938252, False, 1, 0.719)],
    ("formats/frigate_events_mqtt.json", 0): [("", "front_door", 1607123962082, True, 1, 0.9335)],
    ("formats/frigate_tracked_object_update_lpr.json", 0): [("", "driveway_cam", 1607123958748, True, 1, 0.95)],
    ("formats/hikvision_isapi_anpr.xml", 0): [("DE", "Camera 01", 1705634239000, False, 1, 0.97)],
    ("formats/platerecognizer_snapshot_v1.json", 0): [("GB", "", 1602519447574, False, 1, 0.904)],
    ("formats/platerecognizer_snapshot_webhook.json", 0): [("", "", 1567261326983, False, 1, 0.9132), ("", "", 1567261326983, False, 1, 0.7701)],
    ("formats/platerecognizer_stream_webhook.json", 0): [("US-CA", "camera-1", 1705634239654, False, 2, 0.902)],
    ("formats/platerecognizer_vehicle_mode.json", 0): [("GB", "my-camera", 1637690207896, False, 1, 0.838)],
    ("formats/rekor_alpr_alert_v1.json", 0): [("US-MA", "1000", 1630695989342, False, 1, 0.9325)],
    ("formats/rekor_alpr_group_v2.json", 0): [("US-MO", "1234", 1562681121504, False, 3, 0.9388)],
    ("formats/rekor_alpr_group_v3.json", 0): [("US-MA", "1000", 1634475947845, False, 1, 0.9325)],
    ("formats/rekor_alpr_results_v2.json", 0): [
        ("US-MO", "1234", 1562681608425, False, 4, 0.9294),
        ("US-MO", "1234", 1562681608425, False, 3, 0.9474)],
    ("formats/rekor_heartbeat.json", 0): [],
    ("formats/rekor_vehicle_v3.json", 0): [],
    ("formats/verkada_lpr_webhook.json", 0): [("US-CA", "38718198-8a78-4718-a60f-68e1a8de30ac", 1758302865879, False, 1, 0.963)],
}


def engine_of(file):
    name = Path(file).stem.split("_")[0]
    return {"alpr": "rekor", "openalpr": "rekor"}.get(name, name)


def sample(file, line=0):
    """The bytes of a sample."""
    if not (SHARED / file).exists():
        pytest.skip(f"no {SHARED / file}: the samples are not there")
    body = (SHARED / file).read_bytes()
    return body.splitlines()[line] if file.endswith(".jsonl") else body


def moment(ms):
    """RFC 3339."""
    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def run(engine, body, *options, code=None):
    done = subprocess.run([str(BUILD / "platesieve"), "lane", "try", *options, engine], input=body, capture_output=True, check=False, timeout=60)
    assert done.returncode in ((0, 1, CLIENT_REMARKS) if code is None else (code,)), (done.returncode, done.stderr)
    return done


def take(engine, body, content_type=None, now_ms=None, options=()):
    """What is understood of one message."""
    types = ("--type", content_type) if content_type else ()
    now = ("--now", moment(now_ms)) if now_ms else ()
    return json.loads(run(engine, body, *types, *now, *options).stdout)


def take_all(engine, bodies):
    """What is understood of each of BODIES, none of which has a line's end in it, by few programs."""
    assert not any(b"\n" in body or not body for body in bodies)
    told, size = [], max(1, 3_000_000 // max(map(len, bodies)))
    for i in range(0, len(bodies), size):
        told += [json.loads(line) for line in run(engine, b"\n".join(bodies[i:i + size]), "--lines").stdout.splitlines()]
    assert len(told) == len(bodies)
    return told


def spellings(read):
    """{canonical text: confidence} of a read as it was understood; the order is looked at here."""
    confidences = [one["confidence"] for one in read["candidates"]]
    assert confidences == sorted(confidences, reverse=True)
    found = {one["plate"]: one["confidence"] for one in read["candidates"]}
    assert len(found) == len(read["candidates"])
    return found


def seen(read):
    return readings.iso_ms(read["seen_at"]) if read["seen_at"] else 0


def same(read, vehicle):
    found, expected = spellings(read), vehicle.candidates()
    assert set(found) == set(expected)
    assert all(abs(found[text] - expected[text]) < 1e-6 for text in found), "confidences"


# -- the samples ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file,line", SAMPLES, ids=lambda value: Path(value).stem if isinstance(value, str) else str(value))
def test_every_sample_gives_the_reads_that_a_person_expects(file, line):
    body, engine, expected = sample(file, line), engine_of(file), SAMPLES[file, line]
    told = take(engine, body, now_ms=max((row[2] for row in expected), default=0) + 1000, options=("--country", "US"))
    vehicles = readings.reading(engine, body)
    assert told["outcome"] == "taken"
    assert len(told["reads"]) == len(vehicles) == len(expected)
    for read, vehicle, (jurisdiction, camera, seen_ms, preview, count, best) in zip(told["reads"], vehicles, expected):
        same(read, vehicle)
        assert len(read["candidates"]) == count and abs(read["candidates"][0]["confidence"] - best) < 0.0001
        assert (read["jurisdiction"] or "") == jurisdiction
        assert (read["camera"] or "") == camera == vehicle.camera
        assert seen(read) == seen_ms == vehicle.seen_ms
        assert read["preview"] == preview == vehicle.preview


def test_every_sample_is_in_the_table():
    if not SHARED.exists():
        pytest.skip(f"no {SHARED}: the samples are not there")
    files = [*(SHARED / "formats").glob("*.json"), *(SHARED / "formats").glob("*.xml"), *(SHARED / "data").glob("*_results.jsonl"),
             SHARED / "data/alpr_group_with_jpeg.json"]
    there = {(str(file.relative_to(SHARED)), line) for file in files for line in range(len(file.read_bytes().splitlines()) if file.suffix == ".jsonl" else 1)}
    assert there == set(SAMPLES)


# -- what is sent otherwise than as bare JSON ----------------------------------------------------------------------------------


FORM = "multipart/form-data; boundary=frontier"


def form(*parts):
    """A multipart message of (name, file name, type, bytes); as its type and its body."""
    body = b""
    for name, file_name, content_type, content in parts:
        body += f'--frontier\r\nContent-Disposition: form-data; name="{name}"'.encode() + (f'; filename="{file_name}"'.encode() if file_name else b"")
        body += (f"\r\nContent-Type: {content_type}".encode() if content_type else b"") + b"\r\n\r\n" + content + b"\r\n"
    return FORM, body + b"--frontier--\r\n"


STREAM, HIKVISION, AXIS = ("formats/platerecognizer_stream_webhook.json", "formats/hikvision_isapi_anpr.xml", "formats/axis_ffgroup_lpr_event.json")


@pytest.mark.parametrize("kind", ["multipart", "urlencoded"])
def test_plate_recognizer_stream_posts_a_form(kind):
    body = sample(STREAM)
    parts = form(("json", None, None, body), ("upload", "image.jpg", "image/jpeg", readings.JPEG))
    message = parts if kind == "multipart" else ("application/x-www-form-urlencoded", urllib.parse.urlencode({"json": body.decode()}).encode())
    told = take("platerecognizer", message[1], message[0])
    same(told["reads"][0], readings.reading("platerecognizer", body)[0])
    assert told["reads"][0]["picture"] == (len(readings.JPEG) if kind == "multipart" else None)


def test_hikvision_sends_xml_and_pictures_in_one_message():
    body = sample(HIKVISION)
    scene, plate = readings.JPEG + b"\0" * 9, readings.JPEG
    told = take("hikvision", *reversed(form(("anpr.xml", "anpr.xml", 'text/xml; charset="UTF-8"', body),
                                                  ("licensePlatePicture.jpg", "licensePlatePicture.jpg", "image/pjpeg", plate),
                                                  ("detectionPicture.jpg", "detectionPicture.jpg", "image/pjpeg", scene))))
    same(told["reads"][0], readings.reading("hikvision", body)[0])
    assert told["reads"][0]["picture"] == len(scene)  # what a person wants to see
    told = take("hikvision", *reversed(form(("anpr.xml", "anpr.xml", "text/xml", body), ("detectionPicture.jpg", "detectionPicture.jpg", "image/jpeg", b""),
                                                  ("licensePlatePicture.jpg", "licensePlatePicture.jpg", "image/jpeg", plate))))
    assert told["reads"][0]["picture"] == len(plate) and told["faults"].get("image", 0) == 0  # parts may be there and empty


def test_hikvision_reports_other_things_too():
    body = sample(HIKVISION).replace(b"<eventType>ANPR</eventType>", b"<eventType>VMD</eventType>")
    told = take("hikvision", body)
    assert told["outcome"] == "taken" and told["reads"] == []
    assert take("hikvision", b"<Other><eventType>ANPR</eventType></Other>")["outcome"] == "unknown"


@pytest.mark.parametrize("word", ["unknown", "noPlate", "", "无车牌"])
def test_hikvision_sends_cars_without_a_plate(word):
    body = re.sub(rb"icensePlate>[^<]*<", b"icensePlate>" + word.encode() + b"<", sample(HIKVISION))
    told = take("hikvision", body)
    assert told["outcome"] == "taken"
    assert [one for read in told["reads"] for one in read["candidates"]] == []


@pytest.mark.parametrize("content_type", ["application/json", None])
def test_axis_sends_its_event_as_a_part_of_a_form(content_type):
    body = sample(AXIS)
    told = take("axis", *reversed(form(("event", "event.json", content_type, body), ("image", "image.jpg", "image/jpeg", readings.JPEG))))
    same(told["reads"][0], readings.reading("axis", body)[0])
    assert told["reads"][0]["picture"] == len(readings.JPEG)


def genetec():
    """A message with the members whose names are known."""
    names = re.findall(r"^([A-Z]\w+)\s+(?:string|object)", sample("formats/genetec_webhook_fields.txt").decode(), re.M)
    values = {"CameraName": "Sharp 1", "ContextImage": base64.b64encode(readings.JPEG).decode(), "DateUtc": "03/11/2026", "TimeUtc": "13:05:38", "Plate": "qq00 qq-0",
              "State": "TX", "ConfidenceScore": "97", "Attributes": {"State Name Confidence Score": "88", "Confidence Score": "70", "Relative Motion": "Closer"}}
    assert set(names) == set(values)
    return values


def test_genetec():
    message = genetec()
    vehicle = readings.reading("genetec", json.dumps(message).encode())[0]
    read = take("genetec", json.dumps(message).encode(), now_ms=vehicle.seen_ms + 1000)["reads"][0]
    same(read, vehicle)
    assert (read["jurisdiction"], read["region_confidence"], read["camera"], seen(read)) == ("US-TX", 0.88, "Sharp 1", vehicle.seen_ms)
    assert read["picture"] == len(readings.JPEG)
    american = take("genetec", json.dumps(message | {"DateUtc": "11/03/2026"}).encode(), now_ms=vehicle.seen_ms + 1000, options=("--month-first",))
    assert seen(american["reads"][0]) == vehicle.seen_ms


def test_genetec_may_be_told_to_send_xml():
    xml = (b"<AutoVu><Plate>qq00 qq-0</Plate><State>TX</State><UTCDate>2026:11:03</UTCDate><UTCTime>13:05:38.250</UTCTime><CameraName>Sharp 1</CameraName>"
           b"<ConfidenceScore>97</ConfidenceScore><ContextImage>" + base64.b64encode(readings.JPEG) + b"</ContextImage></AutoVu>")
    read = take("genetec", xml, now_ms=1793711138250 + 5000)["reads"][0]
    assert spellings(read) == {"QQ00QQ0": 0.97}
    assert (read["jurisdiction"], seen(read), read["picture"]) == ("US-TX", 1793711138250, len(readings.JPEG))
    long = take("genetec", xml.replace(b"<ContextImage>", b"<ContextImage>" + b"A" * 100_000), now_ms=1793711138250 + 5000)["reads"][0]
    assert spellings(long) == {"QQ00QQ0": 0.97} and long["picture"] is None  # pictures of any size want JSON; the plate is asked about all the same


@pytest.mark.parametrize("plate", ["#PLATE_READ#", "#CUSTOM_FIELDS#{Plate}", "{plate}", "${plate}", "$plate$", "%plate%"])
def test_a_template_that_was_not_filled_in_is_no_plate(plate):
    """Else a camera with a misspelt one would seem to read a plate, always the same."""
    told = take("genetec", json.dumps({"Plate": plate, "ConfidenceScore": "90"}).encode())
    assert (told["reads"][0]["candidates"], told["faults"]) == ([], {"plate-form": 1})


def test_xml_that_begins_with_an_empty_line():
    """As templates do; XML itself forbids it before a declaration."""
    body = b'\r\n  <?xml version="1.0"?><Read><Plate>QQ00QQ0</Plate><ConfidenceScore>90</ConfidenceScore></Read>\r\n'
    assert plain_of(take("genetec", body)) == plain_of(take("genetec", body, "text/xml")) == {MADE_UP: 0.9}


@pytest.mark.parametrize("change,plates_there", [
    ({"after": {"recognized_license_plate": ["qq00 qq0", 0.5]}}, {MADE_UP: 0.5}),
    ({"after": {"recognized_license_plate": None}}, {}),
    ({"after": {"sub_label": ["QQ11QQ1", 0.9], "recognized_license_plate": None}}, {}),  # a name that somebody gave, no reading
    ({"type": "end"}, None),
    ({"type": "new"}, None),
])
def test_frigate(change, plates_there):
    message = json.loads(sample("formats/frigate_events_mqtt.json"))
    message["after"].update(change.pop("after", {}))
    message.update(change)
    told = take("frigate", json.dumps(message).encode())
    assert told["outcome"] == "taken"
    expected = readings.frigate(message)[0].candidates() if plates_there is None else plates_there
    assert [spellings(read) for read in told["reads"]] == ([expected] if expected else [])
    assert all(read["preview"] == (message["type"] != "end") for read in told["reads"])


def test_frigate_update_of_another_type():
    assert take("frigate", b'{"type": "description", "id": "1.2-a", "description": "a red car"}') | {"kind": None} == \
        take("frigate", b'{"type": "face", "id": "1.2-a", "name": "Ana"}') | {"kind": None}
    assert take("frigate", b'{"type": "something new"}')["outcome"] == "unknown"


@pytest.mark.parametrize("kind", ["notification", "sensor_alert"])
def test_verkada_posts_other_things_too(kind):
    told = take("verkada", json.dumps({"webhook_type": kind, "data": {"license_plate_number": MADE_UP}}).encode())
    assert told["outcome"] == "taken" and told["reads"] == []


def test_verkada_before_it_told_milliseconds():
    message = json.loads(sample("formats/verkada_lpr_webhook.json"))
    del message["data"]["detected"]
    told = take("verkada", json.dumps(message).encode(), now_ms=message["data"]["created"] * 1000 + 5000)
    assert seen(told["reads"][0]) == message["data"]["created"] * 1000


@pytest.mark.parametrize("state,preview", [("new", True), ("update", True), ("lost", False)])
def test_axis_says_a_vehicle_several_times(state, preview):
    message = json.loads(sample(AXIS))
    message.update({"carState": state, "plateASCII": MADE_UP, "plateISO3166-2": "US-TX", "plateCountry": "USA"})
    read = take("axis", json.dumps(message).encode())["reads"][0]
    assert read["preview"] == preview and read["jurisdiction"] == "US-TX"
    assert MADE_UP in spellings(read) and len(read["candidates"]) == 2  # as it was read, and transliterated


# -- broken in every way ------------------------------------------------------------------------------------------------------

KINDS = {"data_type", "webhook_type", "type", "eventType", "key"}  # what says that it is such a message at all
OUTCOMES = {"taken", "unknown", "type", "malformed", "too-large"}
JSON_SAMPLES = [("formats/rekor_alpr_results_v2.json", 0), ("formats/rekor_alpr_group_v2.json", 0), ("formats/rekor_alpr_alert_v1.json", 0),
                ("formats/platerecognizer_stream_webhook.json", 0), ("formats/platerecognizer_vehicle_mode.json", 0), ("formats/platerecognizer_snapshot_webhook.json", 0),
                ("formats/frigate_events_mqtt.json", 0), ("formats/frigate_tracked_object_update_lpr.json", 0), ("formats/verkada_lpr_webhook.json", 0),
                ("formats/axis_ffgroup_lpr_event.json", 0), ("data/openalpr_results.jsonl", 3), ("data/openalpr_results.jsonl", 23)]
REPLACEMENTS = ({}, [], None, True, 12345, -1, 1e308, "", "\x00", "x" * 3000, {"plate": {"plate": []}}, [[[[]]]])


def places(value, path=()):
    """All paths in VALUE; of long lists the first three members, and nothing inside of what says where and how the vehicle was."""
    inside = value.items() if isinstance(value, dict) else list(enumerate(value))[:3] if isinstance(value, list) else ()
    for step, child in inside:
        yield (*path, step)
        if step not in ("vehicle", "vehicle_path", "plate_path", "coordinates", "regions_of_interest", "box"):
            yield from places(child, (*path, step))


def changed(message, path, replacement):
    """MESSAGE with REPLACEMENT at PATH; with no REPLACEMENT, without what is there."""
    out = copy.deepcopy(message)
    inner = readings.at(out, path[:-1])
    if replacement is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = replacement
    return out


def survivors(vehicles, path, message):
    """The plates that stand at places which a change of PATH leaves alone."""
    for vehicle in vehicles:
        for plate, _ in vehicle.places:
            if path[-1] not in KINDS and plate[:len(path)] != path:
                yield plates.canonical(readings.at(message, plate))


CORPUS = Path(__file__).resolve().parents[1] / "fuzz/corpus/engine"


def corpus_messages():
    """Made-up messages of all engines: (name of the file, engine, body)."""
    for file in sorted(CORPUS.iterdir()):
        first, _, body = file.read_bytes().partition(b"\n")
        yield file.name, *first.decode("ascii", "replace").partition(" ")[::2], body


CORPUS_JSON = [name for name, _, content_type, body in corpus_messages() if content_type.startswith("application/json") and body[:1] == b"{" and body.rstrip()[-1:] == b"}"]


@pytest.mark.parametrize("name", CORPUS_JSON)
def test_a_made_up_message_with_one_broken_member_gives_the_rest(name):
    engine, body = next((engine, body) for other, engine, _, body in corpus_messages() if other == name)
    try:
        message = json.loads(body)
    except ValueError:
        pytest.skip("it is broken already")
    give_the_rest(engine, message, readings.reading(engine, body) if engine in readings.READERS else [])


@pytest.mark.parametrize("file,line", JSON_SAMPLES, ids=lambda value: Path(value).stem if isinstance(value, str) else str(value))
def test_a_message_with_one_broken_member_gives_the_rest(file, line):
    give_the_rest(engine_of(file), json.loads(sample(file, line)), readings.reading(engine_of(file), sample(file, line)))


def give_the_rest(engine, message, vehicles):
    cases = [(path, replacement) for path in places(message) for replacement in (*REPLACEMENTS, ...)]
    bodies = [json.dumps(changed(message, path, replacement)).encode() for path, replacement in cases]
    for (path, replacement), told in zip(cases, take_all(engine, bodies)):
        assert told["outcome"] in OUTCOMES
        found = {one["plate"] for read in told["reads"] for one in read["candidates"]}
        missing = set(survivors(vehicles, path, message)) - found
        assert not missing, (path, replacement, len(missing))


@pytest.mark.parametrize("file,line", [*JSON_SAMPLES, (HIKVISION, 0)], ids=lambda value: Path(value).stem if isinstance(value, str) else str(value))
def test_a_message_that_is_cut_off_gives_nothing_and_shows_nothing(file, line):
    engine, body = engine_of(file), b" ".join(sample(file, line).split())
    cuts = sorted({*range(1, min(len(body), 40)), *range(40, len(body), max(1, len(body) // 60)), *range(len(body) - 20, len(body))})
    for cut, told in zip(cuts, take_all(engine, [body[:cut] for cut in cuts])):
        assert told["outcome"] == "malformed" and told["reads"] == [], cut


@pytest.mark.parametrize("name", ["axis-form", "hikvision-form", "platerecognizer-form"])
def test_a_form_that_is_cut_off_gives_nothing(name):
    engine, content_type, body = next(rest for other, *rest in corpus_messages() if other == name)
    whole = take(engine, body, content_type)
    assert whole["outcome"] == "taken" and whole["reads"][0]["picture"] is not None
    for cut in (*range(0, len(body) - 4, len(body) // 15), len(body) - 5, len(body) - 4):
        told = take(engine, body[:cut], content_type)
        assert told["outcome"] == "malformed" and told["reads"] == [], cut
    for cut in (len(body) - 2, len(body) - 1):  # the closing line is there, but for its end
        assert take(engine, body[:cut], content_type) == whole


def test_xml_with_one_broken_element_gives_the_rest():
    body = " ".join(sample(HIKVISION).decode().split())
    vehicle = readings.reading("hikvision", body.encode())[0]
    elements = [match.span() for match in re.finditer(r"<(\w+)>[^<]*</\1>", body)]
    bodies = [body[:start] + piece + body[end:] for start, end in elements for piece in ("", "<x><y/></x>", "<dateTime>&#0;</dateTime>", "text", "<ANPR/>")]
    for i, told in enumerate(take_all("hikvision", [one.encode() for one in bodies])):
        assert told["outcome"] in OUTCOMES
        start, end = elements[i // 5]
        if told["outcome"] == "taken" and "icensePlate" not in body[start:end] and "eventType" not in body[start:end] and i % 5 < 2:
            assert set(spellings(told["reads"][0])) == set(vehicle.candidates())


# -- the list of bad input ---------------------------------------------------------------------------------------------------------


def group(*candidates, **members):
    """A group of Rekor's with made-up plates: candidates are (plate, confidence)."""
    return json.dumps({"data_type": "alpr_group", "camera_id": 7, "uuids": ["a-1"], "candidates": [{"plate": plate, "confidence": confidence}
                                                                                                 for plate, confidence in candidates]} | members).encode()


def plain_of(told):
    assert told["outcome"] == "taken"
    return spellings(told["reads"][0]) if told["reads"] else {}


@pytest.mark.parametrize("raw,expected", [
    ("qq00qq0", MADE_UP), ("QQ 00 QQ 0", MADE_UP), ("  qq-00.qq-0 ", MADE_UP), ("QQ0OQQO", MADE_UP), ("ＱＱ００ＱＱ０", MADE_UP),
    ("АВЕ 00 ХХ", "ABE00XX"), ("ΑΒΕ 00 ΧΧ", "ABE00XX"), ("Plate: QQ00QQ0", MADE_UP), ("", None), ("   ", None), ("---", None), ("unknown", None), ("noPlate", None),
    ("Q" * 13, None), ("Q" * 5000, None), ("Щ", None), (None, None), (17, None), ({}, None), ([], None), (True, None),
])
def test_plates_in_every_notation(raw, expected):
    told = take("rekor", group((raw, 90), ("QQ11QQ1", 50)))
    found = plain_of(told)
    if raw == 17:
        found.pop("17", None)  # a number may be a plate
    assert found == ({expected: 0.9} if expected else {}) | {"QQ11QQ1": 0.5}
    assert expected or raw == 17 or raw is None or sum(told["faults"].values()) == 1


@pytest.mark.parametrize("value,expected", [
    ("97", 0.97), (97, 0.97), (97.0, 0.97), ("97.0", 0.97), (0.97, 0.97), ("0.97", 0.97), (100, 1), (0, 0), ("0", 0), (1.0, None),
    (-1, 0), (101, 0), ("much", 0), ({}, 0), (1e308, 0), ("1e999", 0), ("nan", 0), ("0x61", 0),
])
def test_confidences_in_every_notation(value, expected):
    """Of an engine that counts to 100 and of one that counts to 1.  1 alone is one of a hundred, or certain."""
    of_100 = plain_of(take("rekor", group(("QQ00QQ0", value))))[MADE_UP]
    body = {"type": "lpr", "id": "1.2-a", "camera": "a", "plate": "QQ00QQ0", "score": value, "timestamp": time.time()}
    of_1 = plain_of(take("frigate", json.dumps(body).encode()))[MADE_UP]
    assert (of_100, of_1) == ((0.01, 1) if expected is None else (pytest.approx(expected), pytest.approx(expected)))


def test_candidates_that_are_empty_unsorted_or_contradict():
    best = {"plate": "QQ22QQ2", "confidence": 95, "candidates": []}
    assert plain_of(take("rekor", group(best_plate=best))) == {"QQ22QQ2": 0.95}
    told = take("rekor", group(("QQ11QQ1", 20), ("QQ00QQ0", 90), ("qq 11 qq 1", 60), best_plate=best, best_plate_number="QQ33QQ3", best_confidence=10))
    assert plain_of(told) == {"QQ22QQ2": 0.95, "QQ00QQ0": 0.9, "QQ11QQ1": 0.6, "QQ33QQ3": 0.1}


@pytest.mark.parametrize("plate,candidates,expected", [
    (None, [("QQ11QQ1", None), ("QQ22QQ2", 0.4), ("QQ00QQ0", 0.9)], [("QQ00QQ0", 0.9), ("QQ11QQ1", 0.9), ("QQ22QQ2", 0.4)]),
    ("QQ33QQ3", [("QQ00QQ0", 0.9)], [("QQ00QQ0", 0.9), ("QQ33QQ3", 0.9)]),
    ("QQ22QQ2", [("QQ00QQ0", 0.9), ("QQ22QQ2", 0.4)], [("QQ00QQ0", 0.9), ("QQ22QQ2", 0.4)]),  # of a double, what is said counts
    ("QQ33QQ3", [("QQ00QQ0", 0)], [("QQ00QQ0", 0), ("QQ33QQ3", 0)]),
    ("QQ33QQ3", [("QQ00QQ0", None)], [("QQ33QQ3", 1), ("QQ00QQ0", 1)]),
    ("QQ33QQ3", [], [("QQ33QQ3", 1)]),
    (None, [("QQ11QQ1", "N/A"), ("QQ22QQ2", ""), ("QQ00QQ0", 0.9)], [("QQ00QQ0", 0.9), ("QQ11QQ1", 0.9), ("QQ22QQ2", 0.9)]),  # engines' words for none
])
def test_a_spelling_without_a_confidence_is_no_better_than_one_with(plate, candidates, expected):
    """Nor is it left out for five that have one."""
    body = {"plate": plate, "candidates": [{"plate": text} | ({} if sure is None else {"confidence": sure}) for text, sure in candidates]}
    read = take("plain", json.dumps(body).encode())["reads"][0]
    assert [(one["plate"], pytest.approx(one["confidence"])) for one in read["candidates"]] == expected


def test_a_plate_that_is_an_object():
    body = {"results": [{"plate": {"props": {"plate": [{"value": "qq00qq0", "score": 0.9}, {"value": 5}, 7, None]}}}, {"plate": {"props": 3}}, {"plate": "qq11qq1", "score": 0.5}]}
    told = take("platerecognizer", json.dumps(body).encode())
    assert told["outcome"] == "taken"
    assert {one["plate"] for read in told["reads"] for one in read["candidates"]} - {"5"} == {MADE_UP, "QQ11QQ1"}


NOW_MS = 1795345200250  # 2026-11-22T11:00:00.250Z


@pytest.mark.parametrize("written", [1795345200250, 1795345200.25, "1795345200250", "1795345200.25", "2026-11-22T11:00:00.250Z", "2026-11-22T12:00:00.250+01:00",
                                     "2026-11-22 11:00:00.250", "20261122 110000250", "22/11/2026 11:00:00"])
def test_times_in_every_notation(written):
    body = {"plateText": MADE_UP, "capture_timestamp": written}
    read = take("axis", json.dumps(body).encode(), now_ms=NOW_MS + 2000)["reads"][0]
    assert seen(read) // 1000 == NOW_MS // 1000


@pytest.mark.parametrize("written", ["2027-11-22T11:00:00Z", 4102444800, "1999-01-01T00:00:00Z", 0, -5, "99/99/2026 11:00:00", "tomorrow", {}, "2026-11-22T11:00:00+99:99"])
def test_times_that_cannot_be(written):
    told = take("axis", json.dumps({"plateText": MADE_UP, "capture_timestamp": written}).encode(), now_ms=NOW_MS)
    assert seen(told["reads"][0]) == 0 and told["faults"]["time"] == 1 and MADE_UP in plain_of(told)


@pytest.mark.parametrize("picture,bad", [
    (base64.b64encode(readings.JPEG).decode(), False), ("data:image/jpeg;base64," + base64.b64encode(readings.JPEG).decode(), False),
    ("%%% no base64 %%%" * 40, True), (base64.b64encode(b"no picture at all " * 40).decode(), True), (base64.b64encode(readings.JPEG).decode()[:-3] + "!", True),
    ("", False), (5, True), ({}, True), (base64.b64encode(readings.JPEG).decode()[:601], True),
    (base64.b64encode(b"\xff\xd8\xff" + b"x" * 900).decode(), True), (base64.b64encode(readings.JPEG[:-2]).decode(), True),
    (base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 900).decode(), True),
], ids=str)
def test_pictures_that_are_none(picture, bad):
    told = take("rekor", group((MADE_UP, 90), vehicle_crop_jpeg=picture))
    assert plain_of(told) == {MADE_UP: 0.9}
    assert told["reads"][0]["picture"] == (len(readings.JPEG) if not bad and picture else None)
    assert (told["faults"].get("image", 0) > 0) == bad


@pytest.mark.parametrize("head,body,bad", [
    ('name="upload"; filename="a.jpg"\r\nContent-Type: image/jpeg', b"GIF89a", 1), ('name="frame"\r\nContent-Type: image/png', b"x", 1),
    ('name="upload"; filename="a"', b"no picture", 1), ('name="upload"; filename="a"\r\nContent-Type: image/jpeg', b"", 0), ('name="note"', b"x", 0)])
def test_files_that_are_no_pictures(head, body, bad):
    message = json.dumps({"results": [{"plate": MADE_UP, "score": 0.9}]}).encode()
    form_of = b'--b\r\nContent-Disposition: form-data; name="json"\r\n\r\n%s\r\n--b\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n--b--\r\n'
    told = take("platerecognizer", form_of % (message, head.encode(), body), "multipart/form-data; boundary=b")
    assert plain_of(told) == {MADE_UP: 0.9} and told["faults"].get("image", 0) == bad


@pytest.mark.parametrize("country,name,expected", [
    (None, "Texas", "US-TX"), (None, " NEW_YORK ", "US-NY"), (None, "west virginia", "US-WV"), (None, "Newfoundland and Labrador", "CA-NL"), (None, "Québec", "CA-QC"),
    (None, "Quebec", "CA-QC"), (None, "Nuevo León", "MX-NLE"), (None, "Ciudad de México", "MX-CMX"), ("US", "Georgia", "US-GA"), ("MX", "Texas", "US-TX"),
    (None, "Georgia", None), ("GE", "Georgia", None), (None, "Mexico", None), (None, "Texaz", None), (None, "T", None), (None, "Texas" * 100, None), (None, "New York?", None)])
def test_regions_by_their_names(country, name, expected):
    """Templates of cameras write them so."""
    body = {"Plate": MADE_UP, "State": name}
    told = take("genetec", json.dumps(body).encode(), options=("--country", country) if country else ())
    assert told["reads"][0]["jurisdiction"] == expected and told["faults"].get("region", 0) == (expected is None)


def test_every_state_and_province_by_its_name():
    """As in the tables of the posts."""
    tables = [(SHARED / "data/jurisdictions" / name, country) for name, country in (("usps_state.csv", "US"), ("canada_post_province.csv", "CA"))]
    if not all(path.exists() for path, _ in tables):
        pytest.skip("no tables of the posts: the samples are not there")
    wanted = []
    for path, country in tables:
        with open(path, encoding="utf-8", newline="") as file:
            wanted += [(f"{country}-{row['code']}", name.strip()) for row in csv.DictReader(file) for name in row["name"].split(";")]
    wanted = [(code, name) for code, name in wanted if code.removeprefix("US-") not in ("AA", "AE", "AP", "FM", "GA", "MH", "PW", "VI")]
    told = take_all("genetec", [json.dumps({"Plate": MADE_UP, "State": name}).encode() for _, name in wanted])
    assert [(one["reads"][0]["jurisdiction"], name) for one, (_, name) in zip(told, wanted)] == wanted and len(wanted) > 65


@pytest.mark.parametrize("content_type", ["text/html", "image/jpeg", "application/pdf", "multipart/form-data", "multipart/form-data; boundary=", "x" * 900])
def test_wrong_content_types(content_type):
    told = take("rekor", group((MADE_UP, 90)), content_type)
    assert told["outcome"] in ("type", "malformed") and told["reads"] == []


@pytest.mark.parametrize("body", [b"", b"\0", b"{", b"[" * 100000, b'{"a":' * 100000, b"null", b'"text"', b"QQ00QQ0", b"<a>", b"\xff\xfe{", b"{}" * 9, b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"],
                         ids=lambda body: repr(body[:12]))
@pytest.mark.parametrize("engine", ["rekor", "platerecognizer", "frigate", "genetec", "hikvision", "unifi", "dahua", "verkada", "axis", "plain"])
def test_what_is_no_message(engine, body):
    told = take(engine, body)
    assert told["outcome"] in OUTCOMES - {"taken"} and told["reads"] == []


MANY_VEHICLES = {
    "rekor": {"data_type": "alpr_results", "results": [{"plate": f"QQ{i:05}", "confidence": 90} for i in range(100)]},
    "platerecognizer": {"data": {"results": [{"plate": f"qq{i:05}", "score": 0.9} for i in range(100)]}},
    "plain": [{"plate": f"QQ{i:05}"} for i in range(100)],
}


def test_too_many_of_everything():
    many = take("rekor", group(*((f"QQ{i:05}", i % 100) for i in range(500))))
    assert len(plain_of(many)) == 32 and many["faults"]["too-much"] > 0
    assert many["left_out"] == 0  # spellings, no vehicles
    for engine, body in MANY_VEHICLES.items():
        told = take(engine, json.dumps(body).encode())
        assert (len(told["reads"]), told["left_out"], told["faults"]["too-much"]) == (16, 84, 84), engine
    assert take("rekor", json.dumps({str(i): [] for i in range(300000)}).encode())["outcome"] == "too-large"
    assert b"larger than" in run("rekor", group((MADE_UP, 90), vehicle_crop_jpeg="A" * 50_000_000), code=1).stderr


def test_a_message_that_is_not_taken_is_not_shown(tmp_path):
    """Neither what was read of it nor what stood around that."""
    for engine, body, content_type in (("rekor", group((MADE_UP, 90))[:-3], None), ("rekor", group((MADE_UP, 90)), "text/html"), ("hikvision", b"<a>QQ00QQ0<", None),
                                       ("rekor", json.dumps({"data_type": MADE_UP}).encode(), None)):
        file = tmp_path / "message"
        file.write_bytes(body)
        types = ("--type", content_type) if content_type else ()
        done = subprocess.run([str(BUILD / "platesieve"), "lane", "try", *types, engine, str(file)], capture_output=True, text=True, check=False)
        assert MADE_UP not in done.stdout + done.stderr and json.loads(done.stdout)["outcome"] != "taken"
