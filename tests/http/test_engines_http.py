"""Engines' messages over HTTP, to a real lane that asks real daemons: each engine's way to the officer, and the list of bad input."""
import base64
import concurrent.futures
import configparser
import http.client
import json
import os
import re
import subprocess
import textwrap
from datetime import datetime, timedelta, timezone

import pytest
import requests

import proxy
from house import eventually
from receiver import make_certificate
from sealing import jpeg
from test_documents import blocks
from test_engines import BUILD, CORPUS, FORM, form
from test_ninth_engine import TOP

PLATES = [f"QQ{i:02}QQ{i % 10}" for i in range(60)]
DOCUMENT = (TOP / "docs/reader-integration.md").read_text()
CYRILLIC, CANONICAL = "КА 77 КА", "KA77KA"
WHOLE = ("axis-form", "axis-json", "dahua", "frigate-event", "frigate-lpr", "frigate-recognizer", "genetec-json", "genetec-sharp", "genetec-sharp-xml", "genetec-xml", "hikvision-form",
         "hikvision-xml", "plain", "platerecognizer-form", "platerecognizer-json", "platerecognizer-urlencoded", "platerecognizer-vehicle", "rekor-alert", "rekor-group",
         "rekor-passed-on", "rekor-results", "unifi", "verkada")


@pytest.fixture(scope="module")
def listed(installation):
    name = installation.new_list("agency/customs/ana", grade="plate")
    installation.push(name, [{"plate": plate, "jurisdiction": "US-TX", "reference": f"ref-{plate}"} for plate in (*PLATES, CANONICAL)], user="agency/customs/ana",
                      grade="plate")
    return name


class Wire:
    """One connection to the lane, as an engine has one."""
    def __init__(self, lane):
        self.lane = lane
        self.connection = http.client.HTTPConnection("127.0.0.1", lane.port, timeout=15)

    def post(self, engine, body, content_type="application/json"):
        """(status, JSON); whatever is wrong with a message, the answer shows nothing of it and the connection goes on."""
        self.connection.request("POST", f"/engines/{engine}", body, {"Content-Type": content_type} if content_type else {})
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def outcomes(self, engine):
        told = self.lane.status()["engines"][engine]
        return told["messages"] | {f"fault {name}": count for name, count in told["faults"].items()}

    def alerts(self, engine):
        return [alert for alert in self.lane.alerts() if alert["reading"]["engine"] == engine]


@pytest.fixture(scope="module")
def wire(installation, tmp_path_factory, listed):
    sections = {"alerts": {"json": "yes", "show_plates": "yes"}, "reads": {"vehicle_window_ms": 0, "caption_vehicles": 0}, "engines": {"country": "US"}}
    with installation.lane_service(folder=tmp_path_factory.mktemp("engines"), **sections) as lane:
        eventually(lambda: lane.status()["ready"])
        yield Wire(lane)


def plate_in(name, plate):
    """(engine, type, body) of a made-up message of the corpus, with PLATE."""
    first, _, body = (CORPUS / name).read_bytes().partition(b"\n")
    engine, _, content_type = first.decode().partition(" ")
    for old in (b"QQ00QQ0", b"qq00qq0"):
        body = body.replace(old, plate.encode())
    return engine, content_type, body


# -- each engine's way ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
def test_every_engine_reaches_the_officer(wire, listed, name):
    plate = PLATES[WHOLE.index(name)]
    engine, content_type, body = plate_in(name, plate)
    status, told = wire.post(engine, body, content_type)
    assert status == 200 and told["message"] == "taken" and told["reads"] >= 1
    alert = eventually(lambda: [one for one in wire.alerts(engine) if one["reading"]["plate"].upper() == plate])[0]
    assert alert["list"] == listed and 0 < alert["reading"]["confidence"] <= 1


def test_every_engine_is_there():
    """In the messages above, in docs/reader-integration.md and in the man page."""
    refused = subprocess.run([BUILD / "platesieve", "lane", "try", "none"], input=b"", capture_output=True, check=False)
    engines = set(re.search(r"one of (.*)", refused.stderr.decode())[1].split(", "))
    assert {plate_in(name, "")[0] for name in WHOLE} == engines and len(engines) > 8
    rows = re.findall(r"^\| \[.*?\]\(#(.*?)\).* \| `/engines/(\w+)` \|", DOCUMENT, re.M)
    assert {name for _, name in rows} == engines
    headings = [re.sub(r"[^a-z -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^## (.*)", DOCUMENT, re.M)]
    assert {link for link, _ in rows} <= set(headings)
    listed_there = re.search(r"^\.Pq Cm (axis .*) \.$", (TOP / "man/platesieve-lane.1").read_text(), re.M)[1]
    assert set(re.sub(r"No or Cm|,", " ", listed_there).split()) == engines


def test_dahua_is_told_that_it_need_not_send_again(wire):
    """A camera of it repeats what is answered otherwise."""
    for message in ({"Picture": {"Plate": {"PlateNumber": "ZZ99ZZ9"}}}, {"Active": "keepAlive", "DeviceID": "a"}, {"Events": []}):
        status, told = wire.post("dahua", json.dumps(message).encode())
        assert (status, told["Result"]) == (200, True)
    assert "Result" not in wire.post("plain", b'{"plate": "ZZ99ZZ9"}')[1]
    status, told = wire.post("dahua", b"{")
    assert status == 400 and "Result" not in told


# -- docs/reader-integration.md ---------------------------------------------------------------------------------------------------


def settings_in(text):
    """{section: {key: value}} of the document's blocks for lane.conf; those for engines have other sections."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    for block in re.findall(r"^ *```ini\n(.*?)^ *```", text, re.M | re.S):
        if re.search(r"^ *\[(lane|engines|engine \w+)\]", block, re.M):
            parser.read_string(textwrap.dedent(block))
    return {section: dict(parser[section]) for section in parser.sections()}


def test_the_settings_of_the_document(installation, tmp_path):
    told = settings_in(DOCUMENT)
    assert {"lane", "listen", "engines", "engine genetec"} == set(told)
    told.pop("lane"), told.pop("listen")  # this installation's own, of the same names
    told["engines"]["names"] += ", genetec"
    with installation.lane_service(folder=tmp_path / "lane", **told) as lane:
        assert set(lane.status()["engines"]) == {"rekor", "genetec"}
        assert lane.post("genetec", {"Plate": "ZZ99ZZ9", "State": "CA"})["faults"] == 0  # California's, not Canada's


def test_the_bridge_of_the_document(wire, tmp_path):
    """Frigate's messages, one a line, as mosquitto_sub prints them."""
    script = next(block for block in re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.M | re.S) if "mosquitto_sub" in block)
    assert script.count("http://127.0.0.1:8555/") == 1
    (tmp_path / "bridge.sh").write_text(script.replace("http://127.0.0.1:8555/", wire.lane.url + "/"))
    messages = b"".join(plate_in(name, "ZZ98ZZ8")[2].replace(b"\n", b" ") + b"\n" for name in ("frigate-event", "frigate-lpr"))
    (tmp_path / "messages").write_bytes(messages)
    (tmp_path / "mosquitto_sub").write_text(f"#!/bin/sh\ncat {tmp_path}/messages\n")
    (tmp_path / "mosquitto_sub").chmod(0o755)
    before = wire.outcomes("frigate")["taken"]
    subprocess.run(["sh", tmp_path / "bridge.sh"], env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True, timeout=30)
    assert wire.outcomes("frigate")["taken"] == before + 2


# -- bad input --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(name="camera")
def fixture_camera(wire, tmp_path):
    """camera(engine, body, …): what the document's proxy answers a camera, (status, text)."""
    if not proxy.nginx():
        pytest.skip("nginx is not installed")
    block, dahua = blocks("reader-integration.md", "nginx")
    block = block.replace("    location / {", dahua + "    location / {")
    certificate, key = make_certificate(tmp_path)
    hashed = subprocess.run(["openssl", "passwd", "-6", "a camera's"], capture_output=True, text=True, check=True).stdout
    (tmp_path / "cameras").write_text(f"north-1:{hashed}")
    places = {"/etc/nginx/lane.pem": certificate, "/etc/nginx/lane.key": key, "/etc/nginx/cameras": tmp_path / "cameras", "127.0.0.1:8555": f"127.0.0.1:{wire.lane.port}",
              "/var/log/nginx/lane.log": tmp_path / "lane.log", "192.0.2.31": "127.0.0.1", "192.0.2.32": "127.0.0.1", "192.0.2.33": "127.0.0.1"}
    with proxy.Proxy(tmp_path, block, places) as front:
        (tmp_path / "bodies").rmdir()  # whoever wants to write a body to a disk can't

        def post(path, body, content_type="application/json", password="a camera's", **more):
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(f"https://localhost:{front.port}{path}", data=body, headers={"Content-Type": content_type}, verify=str(certificate),
                                      auth=("north-1", password) if password else None, timeout=20, **more)
                return answer.status_code, answer.text
        post.front = front
        yield post


def test_the_proxy_of_the_document(wire, camera, tmp_path):
    engine, content_type, body = plate_in("hikvision-xml", PLATES[-1])
    before = wire.lane.status()["counts"]["messages"], wire.lane.status()["counts"]["refused"]
    for path, password in (("/engines/hikvision", None), ("/engines/hikvision", "another"), ("/engines/plain", None), ("/engines/plain?word=another", None),
                           ("/engines/rekor", "a camera's"), ("/alerts", None)):
        assert camera(path, body, content_type, password)[0] in (401, 403, 404)
    assert (wire.lane.status()["counts"]["messages"], wire.lane.status()["counts"]["refused"]) == before  # nothing of that came to the lane
    status, told = camera("/engines/hikvision?camera=another", body, content_type)
    assert status == 200 and json.loads(told)["reads"] == 1
    alert = eventually(lambda: [one for one in wire.alerts(engine) if one["reading"]["plate"] == PLATES[-1]])[0]
    assert alert["reading"]["camera"] == "north-1"  # whatever it calls itself
    plain = {"plate": PLATES[-2], "jurisdiction": "US-TX", "camera": "mine"}
    largest = json.dumps({**plain, "image": base64.b64encode(jpeg() + bytes(2_000_000)).decode(), "more": "x" * 1_500_000}).encode()
    assert 4_000_000 < len(largest) < 4 * 1024 * 1024
    assert camera("/engines/plain?word=a-long-random-word", largest)[0] == 200
    assert camera("/engines/plain?word=a-long-random-word", iter([largest[:1_000_000], largest[1_000_000:]]))[0] == 200  # in chunks
    alert = eventually(lambda: [one for one in wire.alerts("plain") if one["reading"]["plate"] == PLATES[-2]])[0]
    assert alert["reading"]["camera"] == "north-2" and alert["image"] is not None
    assert camera("/engines/plain?word=a-long-random-word", largest + bytes(1_000_000))[0] == 413
    assert camera("/engines/plain?word=a-long-random-word", json.dumps(plain).encode())[0] == 200  # and the next message is served
    written = camera.front.said() + (tmp_path / "access.log").read_text() + (tmp_path / "lane.log").read_text()
    assert not re.search(f"{PLATES[-1]}|{PLATES[-2]}|random-word|camera's", written), written


def test_dahua_through_the_proxy_of_the_document(wire, camera):
    """Its cameras add paths of their own to the address."""
    _, content_type, body = plate_in("dahua", PLATES[-3])
    status, told = camera("/NotificationInfo/TollgateInfo", body.replace(b'"NLD"', b'""'), content_type, None)
    told = json.loads(told)
    assert (status, told["kind"], told["reads"], told["Result"]) == (200, "read", 1, True)
    alert = eventually(lambda: [one for one in wire.alerts("dahua") if one["reading"]["plate"] == PLATES[-3]])[0]
    assert alert["reading"]["camera"] == "north-3"
    assert json.loads(camera("/NotificationInfo/KeepAlive", b'{"Active": "keepAlive", "DeviceID": "a"}', password=None)[1])["kind"] == "heartbeat"


def rekor(*candidates, **members):
    return {"data_type": "alpr_group", "camera_id": 7, "candidates": [{"plate": plate, "confidence": confidence} for plate, confidence in candidates]} | members


LISTED = [*PLATES[28:48], *PLATES[53:55]]
MESSAGES = {  # what is wrong: (engine, message, type, status, what is counted, whether an alert comes all the same, of what plate)
    "truncated": ("rekor", json.dumps(rekor((LISTED[0], 90))).encode()[:-9], None, 400, "malformed", None),
    "truncated XML": ("hikvision", plate_in("hikvision-xml", LISTED[0])[2][:-40], "application/xml", 400, "malformed", None),
    "truncated form": ("axis", plate_in("axis-form", LISTED[0])[2][:-90], FORM, 400, "malformed", None),
    "50 MB": ("rekor", b" " * 50_000_000, None, 413, None, None),
    "too many members": ("rekor", b"[" + b"[]," * 600_000 + b"[]]", None, 413, "too-large", None),
    "no JSON": ("plain", b"plate: QQ20QQ0", None, 400, "malformed", None),
    "a wrong type": ("rekor", rekor((LISTED[0], 90)), "text/html", 415, "type", None),
    "a type of another engine": ("verkada", plate_in("hikvision-xml", LISTED[0])[2], "application/xml", 415, "type", None),
    "a form without its boundary": ("platerecognizer", plate_in("platerecognizer-form", LISTED[0])[2], "multipart/form-data", 400, "malformed", None),
    "another kind": ("rekor", {"data_type": "weather"}, None, 200, "unknown", None),
    "base64 that isn't": ("rekor", rekor((LISTED[0], 90), vehicle_crop_jpeg="%" * 700), None, 200, "fault image", LISTED[0]),
    "an image that isn't": ("rekor", rekor((LISTED[1], 90), vehicle_crop_jpeg=base64.b64encode(b"text " * 200).decode()), None, 200, "fault image", LISTED[1]),
    "a JPEG that is cut": ("rekor", rekor((LISTED[19], 90), vehicle_crop_jpeg=base64.b64encode(jpeg()[:-60]).decode()), None, 200, "fault image", LISTED[19]),
    "junk that begins as a JPEG": ("rekor", rekor((LISTED[20], 90), vehicle_crop_jpeg=base64.b64encode(b"\xff\xd8\xff" + b"text " * 200).decode()), None, 200,
                                   "fault image", LISTED[20]),
    "junk that begins as a PNG": ("plain", {"plate": LISTED[21], "image": base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"text " * 200).decode()}, None, 200, "fault image",
                                  LISTED[21]),
    "a file that isn't": ("axis", form(("event", None, "application/json", json.dumps({"plateText": LISTED[2]}).encode()),
                                       ("image", "a.jpg", "image/jpeg", b"GIF89a" * 99))[1], FORM, 200, "fault image", LISTED[2]),
    "lower case": ("plain", {"plate": LISTED[3].lower()}, None, 200, "taken", LISTED[3]),
    "spaces": ("plain", {"plate": f" {LISTED[4][:2]} {LISTED[4][2:]}  "}, None, 200, "taken", LISTED[4]),
    "a label": ("plain", {"plate": f"License plate: {LISTED[5]}"}, None, 200, "taken", LISTED[5]),
    "Cyrillic letters": ("plain", {"plate": CYRILLIC}, None, 200, "taken", CYRILLIC),
    "zero length": ("rekor", rekor(("", 99), (LISTED[6], 50)), None, 200, "fault plate-empty", LISTED[6]),
    "a plate as an object": ("rekor", rekor(({"text": "QQ"}, 99), (LISTED[7], 50)), None, 200, "fault plate-form", LISTED[7]),
    "a plate as an object, in vehicle mode": ("platerecognizer", {"results": [{"plate": {"props": {"plate": [{"value": LISTED[8].lower(), "score": 0.8}]}}}]}, None, 200,
                                              "taken", LISTED[8]),
    "a novel as a plate": ("rekor", rekor(("Q" * 4000, 99), (LISTED[9], 50)), None, 200, "fault plate-long", LISTED[9]),
    "no candidates": ("rekor", rekor(best_plate={"plate": LISTED[10], "confidence": 90, "candidates": []}), None, 200, "taken", LISTED[10]),
    "unsorted candidates": ("rekor", rekor(("AA11AA1", 10), ("BB22BB2", 20), ("CC33CC3", 30), ("DD44DD4", 40), ("EE55EE5", 50), (LISTED[11], 60)), None, 200, "taken",
                            LISTED[11]),
    "contradicting candidates": ("rekor", rekor(("AA11AA1", 95), best_plate={"plate": LISTED[12], "confidence": 93, "candidates": []}, best_plate_number="BB22BB2"),
                                 None, 200, "taken", LISTED[12]),
    'confidence "97"': ("rekor", rekor((LISTED[13], "97")), None, 200, "taken", LISTED[13]),
    "confidence 0.97": ("rekor", rekor((LISTED[14], 0.97)), None, 200, "taken", LISTED[14]),
    "confidence 97": ("frigate", {"type": "lpr", "id": "a", "camera": "a", "plate": LISTED[15], "score": 97}, None, 200, "taken", LISTED[15]),
    "confidence much": ("rekor", rekor((LISTED[16], "much")), None, 200, "fault confidence", LISTED[16]),
    "a time in the future": ("plain", {"plate": LISTED[17], "seen_at": "2999-01-01T00:00:00Z"}, None, 200, "fault time", LISTED[17]),
    "a time that is none": ("plain", {"plate": LISTED[18], "seen_at": {"hour": 3}}, None, 200, "fault time", LISTED[18]),
}
CONFIDENCES = {'confidence "97"': 0.97, "confidence 0.97": 0.97, "confidence 97": 0.97, "confidence much": 0}


@pytest.mark.parametrize("what", MESSAGES)
def test_bad_input_is_counted_and_the_next_message_is_served(wire, what):
    engine, message, content_type, status, counted, plate = MESSAGES[what]
    before = wire.outcomes(engine)
    got, told = wire.post(engine, message if isinstance(message, bytes) else json.dumps(message).encode(), content_type or "application/json") if what != "50 MB" else \
        refused_at_once(wire, engine)
    assert got == status, told
    assert not any(spelling in json.dumps(told) for spelling in PLATES)  # nothing of the message
    after = wire.outcomes(engine)
    assert counted is None or after[counted] == before[counted] + 1
    assert status == 200 or told["type"].startswith("https://platesieve.example/problems/")
    if plate is not None:
        alert = eventually(lambda: [one for one in wire.alerts(engine) if one["reading"]["plate"].strip().upper().replace(" ", "") == plate.replace(" ", "")])[-1]
        assert abs(alert["reading"]["confidence"] - CONFIDENCES.get(what, alert["reading"]["confidence"])) < 0.001
    assert wire.post(engine, *good(engine))[1]["reads"] >= 1  # on the same connection, where there is still one


def test_times_in_five_notations(wire):
    """An alert says when the vehicle was seen, however the camera said it."""
    when = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(seconds=20)
    there = when.astimezone(timezone(timedelta(hours=8)))
    written = [int(when.timestamp()) * 1000, when.timestamp(), there.isoformat(), when.strftime("%Y%m%d %H%M%S000"), when.strftime("%d/%m/%Y %H:%M:%S")]
    for plate, text in zip(PLATES[48:], written):
        wire.post("axis", json.dumps({"plateText": plate, "capture_timestamp": text}).encode())
    for plate, text in zip(PLATES[48:], written):
        alert = eventually(lambda plate=plate: [one for one in wire.alerts("axis") if one["reading"]["plate"] == plate])[0]
        assert datetime.fromisoformat(alert["seen_at"].replace("Z", "+00:00")).replace(microsecond=0) == when, text


def good(engine):
    """A whole message of ENGINE with a plate that nobody listed."""
    name = next(name for name in WHOLE if plate_in(name, "")[0] == engine)
    _, content_type, body = plate_in(name, "ZZ99ZZ9")
    return body, content_type


def refused_at_once(wire, engine):
    """50 MB are refused by what the head says, before they are sent."""
    wire.connection.putrequest("POST", f"/engines/{engine}")
    wire.connection.putheader("Content-Type", "application/json")
    wire.connection.putheader("Content-Length", "50000000")
    wire.connection.endheaders()
    answer = wire.connection.getresponse()
    told = answer.status, json.loads(answer.read())
    wire.connection.close()
    return told


def test_nothing_of_it_is_in_the_log(wire):
    """Runs after the others: plates are in alerts, which were asked for, and nowhere else."""
    said = wire.lane.said()
    assert not any(plate in said or plate.lower() in said for plate in (*PLATES, CYRILLIC, CANONICAL, "ZZ99ZZ9"))
    unusable = wire.lane.status()["counts"]["unusable"]
    assert unusable >= 6, "messages that were not taken are counted"
    assert not any(plate in json.dumps(wire.lane.status()) for plate in PLATES)


# -- settings of engines and cameras ------------------------------------------------------------------------------------------------


HERE = {"nebraska": "US-NE", "brunswick": "CA-NB", "texas": "US-TX"}
OVERRIDES = {"engines": {"country": "US"}, "engine genetec": {"codes": "usps", "camera": "a Sharp"}, "engine plain": {"codes": "ncic"},
             "camera nebraska": {"codes": "ncic", "camera": "the west gate"}, "camera brunswick": {"codes": "usps", "country": "CA"},
             "camera texas": {"codes": "iso", "country": "US"}}


def messages_of_many(plates):
    """(engine, camera in the address, message, jurisdiction that is meant, camera that the officer is shown): codes clash, NB most of all."""
    def some(engine, camera, make, code, where, shown):
        return [(engine, camera, make(next(plates), code), where, shown) for _ in range(3)]

    def own(name):
        return lambda plate, code: {"plate": plate, "jurisdiction": code, "camera": name}

    def sharp(plate, code):
        return {"Plate": plate, "State": code, "ConfidenceScore": 90, "CameraName": "its own"}

    def stream(plate, code):
        return {"hook": {}, "data": {"camera_id": "its own", "results": [{"plate": plate, "score": 0.9, "region": {"code": code, "score": 0.9}}]}}

    return [*some("plain", None, own("nobody's"), "NB", "US-NE", "nobody's"), *some("plain", "brunswick", own("its own"), "NB", "CA-NB", "brunswick"),
            *some("plain", "nebraska", own("its own"), "NB", "US-NE", "the west gate"), *some("genetec", None, sharp, "NB", "CA-NB", "a Sharp"),
            *some("genetec", "nebraska", sharp, "NB", "US-NE", "the west gate"), *some("platerecognizer", "brunswick", stream, "nb", "CA-NB", "brunswick"),
            *some("platerecognizer", "texas", stream, "us-tx", "US-TX", "texas"), *some("platerecognizer", "texas", stream, "tx", "US-TX", "texas"),
            *some("platerecognizer", None, stream, "us-tx", "US-TX", "its own")]


def test_many_engines_and_cameras_with_settings_of_their_own(installation, tmp_path):
    """At one time into one lane: what a code means is said by the camera's settings, then by the engine's, then by all."""
    made, plates = tmp_path / "lane", [f"QZ{number:02d}NB{chr(65 + number % 20)}" for number in range(27)]
    lists = {where: installation.new_list(grade="full") for where in HERE.values()}
    for where, name in lists.items():
        installation.push(name, [{"plate": plate, "jurisdiction": where} for plate in plates], grade="full")
    told = messages_of_many(iter(plates))
    assert len(told) == len(plates)
    with installation.lane_service(folder=made, alerts={"json": "yes", "show_plates": "yes"}, reads={"vehicle_window_ms": 0}, **OVERRIDES) as lane:
        eventually(lambda: lane.status()["ready"])
        with concurrent.futures.ThreadPoolExecutor(9) as pool:
            taken = list(pool.map(lambda one: lane.post(one[0], one[2], camera=one[1]), told))
        assert all(one["reads"] == 1 and one["faults"] == 0 for one in taken), taken
        eventually(lambda: len(lane.alerts()) == len(plates))
        found = {alert["reading"]["plate"].upper(): (alert["list"], alert["grade"], alert["reading"]["camera"]) for alert in lane.alerts()}
        for plate, (engine, camera, _, where, shown) in zip(plates, told):
            assert found[plate] == (lists[where], "full", shown), (engine, camera)
