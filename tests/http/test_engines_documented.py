"""What a lane understands of engines' messages as their makers' own documents have them, and public programs that receive them: forms that no sample has.

The values are made up; docs/reader-integration.md names the documents."""
import base64
import json

import pytest

import readings
from test_engines import MADE_UP, NOW_MS, form, plain_of, seen, spellings, take


def sharp(*analytics, **members):
    """What a Sharp's HTTP extension posts: "Examples of JSON and XML ALPR events for the SharpV HTTP extension"."""
    return {"ContextCameraName": "Context Camera", "ContextImage": base64.b64encode(readings.JPEG).decode(), "Id": "7f2c-1", "Latitude": 0.0, "Longitude": 0.0,
            "LprCameraName": "Lpr Camera", "PlateImage": "", "PlateRead": "qq00 qq0", "SourceUrl": "SHARPV00001", "Timestamp": "2026-11-22T11:00:00.250",
            "PlateAnalytics": [{"Key": key, "Score": score, "Value": value} for key, score, value in analytics]} | members


def as_sharp_xml(message):
    """The same as XML; of pictures, it is the long one that is worth a test."""
    inside = "".join(f"<PlateAnalytics><Key>{one['Key']}</Key><Score>{one['Score']}</Score><Value>{one['Value']}</Value></PlateAnalytics>"
                     for one in message["PlateAnalytics"])
    rest = "".join(f"<{name}>{value}</{name}>" for name, value in message.items() if name != "PlateAnalytics")
    return f"<Plate>{rest}<PlateAnalytics>{inside}</PlateAnalytics></Plate>".encode()


STATED = (("State Name", 0.88, "TX"), ("Vehicle Type", 1.0, "-"), ("Confidence Score", 1.0, "97"))


@pytest.mark.parametrize("form_of", [lambda message: json.dumps(message).encode(), as_sharp_xml], ids=["json", "xml"])
def test_a_sharp_posts_by_its_http_extension(form_of):
    told = take("genetec", form_of(sharp(*STATED)), now_ms=NOW_MS + 1000)
    read = told["reads"][0]
    assert told["faults"] == {} and spellings(read) == {MADE_UP: 0.97}
    assert (read["jurisdiction"], read["region_confidence"], read["camera"], seen(read), read["ids"]) == ("US-TX", 0.88, "SHARPV00001", NOW_MS, 1)
    assert read["picture"] == len(readings.JPEG)


@pytest.mark.parametrize("analytics,jurisdiction,confidence", [
    ((("State Name", -1.0, "-"), ("Context", 1.0, "US")), None, 1), ((("State Name", 0.9, "GA"), ("Context", 1.0, "US")), "US-GA", 0.9),
    ((("State Name", 0.9, "GA"),), None, 1), ((("State Name", -1.0, "TX"),), "US-TX", 1), ((), None, 1)])
def test_a_sharp_that_does_not_know_the_state(analytics, jurisdiction, confidence):
    """"-" with -1 is none; Georgia is that only in the United States, which is what the camera was told."""
    told = take("genetec", json.dumps(sharp(*analytics)).encode(), now_ms=NOW_MS)
    assert (told["reads"][0]["jurisdiction"], told["reads"][0]["region_confidence"]) == (jurisdiction, confidence)
    assert spellings(told["reads"][0]) == {MADE_UP: 1} and told["faults"].get("region", 0) == (len(analytics) == 1 and jurisdiction is None)


def test_cameras_post_what_security_center_takes():
    """The Third-Party ALPR plugin's reads; AXIS License plate verifier API, "Genetec integration"."""
    body = {"ReferenceReadId": "1802305026703433", "ReferenceCameraId": "AABBCC000001", "Plate": MADE_UP, "Confidence": "0.95", "PlateStateProvince": "Texas",
            "PlateImage": "", "ContextImage": base64.b64encode(readings.JPEG).decode(), "CameraName": "north", "VehicleDirection": "In",
            "ReadTimeUtc": "2026-11-22T11:00:00.250Z"}
    told = take("genetec", json.dumps(body).encode(), now_ms=NOW_MS + 1000)
    read = told["reads"][0]
    assert told["faults"] == {} and spellings(read) == {MADE_UP: 0.95} and read["picture"] == len(readings.JPEG)
    assert (read["jurisdiction"], read["camera"], seen(read), read["ids"]) == ("US-TX", "north", NOW_MS, 1)
    assert spellings(take("genetec", json.dumps(body | {"Confidence": "1"}).encode())["reads"][0]) == {MADE_UP: 1}  # certain, not one of a hundred


def alert(anpr, outside="", space="http://www.hikvision.com/ver20/XMLSchema"):
    return (f'<EventNotificationAlert version="2.0" xmlns="{space}"><macAddress>00:00:5e:00:53:01</macAddress><dateTime>2026-11-22T12:00:00+01:00</dateTime>'
            f"<eventType>ANPR</eventType><ANPR>{anpr}</ANPR><UUID>7f2c-1</UUID>{outside}</EventNotificationAlert>").encode()


@pytest.mark.parametrize("anpr,outside,jurisdiction", [
    ("<country>3</country>", "", "DE"), ("<country>7</country>", "", "PL"), ("<country>253</country><CRIndex>46</CRIndex>", "", "TR"), ("<CRIndex>256</CRIndex>", "", "TW"),
    ("<CRIndex>3</CRIndex>", "<countryAbbreviation>NON</countryAbbreviation>", "DE"), ("<CRIndex>3</CRIndex>", "<countryAbbreviation>POL</countryAbbreviation>", "PL"),
    ("<country>172</country>", "", None), ("<country>0</country>", "", None), ("<country>254</country>", "", None), ("<country>-1</country>", "", None),
    ("<country>1e9</country>", "", None), ("<CRIndex>259</CRIndex>", "", None), ("<country>Poland</country>", "", None), ("<country/>", "", None)])
def test_hikvision_numbers_countries(anpr, outside, jurisdiction):
    """"Intelligent Security API (ANPR) Developer Guide": `CRIndex`, or `country` alone; of the United States nothing is known without the state."""
    told = take("hikvision", alert(f"<licensePlate>{MADE_UP}</licensePlate><confidenceLevel>97</confidenceLevel>{anpr}", outside))
    assert (told["reads"][0]["jurisdiction"], told["faults"].get("region", 0)) == (jurisdiction, 0)


@pytest.mark.parametrize("space", ["http://www.hikvision.com/ver10/XMLSchema", "http://www.std-cgi.com/ver20/XMLSchema", "http://www.isapi.org/ver20/XMLSchema"])
def test_hikvision_has_namespaces(space):
    assert plain_of(take("hikvision", alert(f"<licensePlate>{MADE_UP}</licensePlate><confidenceLevel>92.5</confidenceLevel>", space=space))) == {MADE_UP: 0.925}


def test_hikvision_tells_the_plate_before_its_pictures():
    """`hasMoreData`: the same once more, with the pictures, under the same UUID; umlauts stand in `originalLicensePlate` only."""
    first = f"<licensePlate>{MADE_UP}</licensePlate><originalLicensePlate>{MADE_UP}</originalLicensePlate><confidenceLevel>97</confidenceLevel><hasMoreData>%s</hasMoreData>"
    for said, preview in (("true", True), ("false", False)):
        read = take("hikvision", alert(first % said))["reads"][0]
        assert (read["preview"], read["ids"]) == (preview, 1)


@pytest.mark.parametrize("names,expected", [
    (("licensePlatePicture.jpg", "detectionPicture_1.jpg", "detectionPicture_2.jpg"), 1), (("licensePlatePicture.jpg", "vehiclePicture.jpg"), 1), (("featurePicture.jpg",), 0)])
def test_hikvision_numbers_its_pictures(names, expected):
    parts = [(name, name, "application/octet-stream", readings.JPEG + b"\0" * i) for i, name in enumerate(names)]
    body = alert(f"<licensePlate>{MADE_UP}</licensePlate><confidenceLevel>97</confidenceLevel>")
    told = take("hikvision", *reversed(form(("xml_file", "anpr.xml", "application/octet-stream", body), *parts)))
    assert told["reads"][0]["picture"] == len(readings.JPEG) + expected


def lpv(**members):
    """"JSON file keys description", License plate verifier API."""
    return {"packetCounter": "7", "capture_timestamp": str(NOW_MS), "plateText": MADE_UP, "plateUnicode": MADE_UP, "plateUTF8": MADE_UP, "plateASCII": MADE_UP,
            "plateCountry": "DEU", "plateISO3166-2": "", "plateRegion": "Hannover", "plateConfidence": "0.73", "carState": "new", "carID": "7",
            "sensorProviderID": "north"} | members


@pytest.mark.parametrize("name", ["ImageArray", "imageArray"])
def test_axis_may_put_the_picture_into_its_event(name):
    images = [{"ImageType": "", "ImageFormat": "jpg", "BinaryImage": base64.b64encode(readings.JPEG).decode()}]
    told = take("axis", json.dumps(lpv(**{name: images})).encode(), now_ms=NOW_MS)
    assert (told["reads"][0]["picture"], told["reads"][0]["jurisdiction"], told["faults"]) == (len(readings.JPEG), "DE", {})


@pytest.mark.parametrize("country,state,region,expected,fault", [("USA", "", "Texas", "US-TX", 0), ("USA", "US-GA", "Texas", "US-GA", 0), ("CAN", "", "Québec", "CA-QC", 0),
                                                                   ("USA", "", "", None, 0), ("USA", "", "Hannover", None, 1), ("CZE", "", "Praha", "CZ", 0)])
def test_axis_says_a_state_by_its_name(country, state, region, expected, fault):
    told = take("axis", json.dumps(lpv(plateCountry=country, plateRegion=region) | {"plateISO3166-2": state}).encode(), now_ms=NOW_MS)
    assert (told["reads"][0]["jurisdiction"], told["faults"].get("region", 0)) == (expected, fault)


def test_axis_has_a_heartbeat():
    told = take("axis", b'{"system": {"timestamp": "2026-11-22T11:00:00.000Z"}, "identify": {"platform": "made up"}, "ALPV": {"device_ID": "north", "numberOfReads": "51"}}')
    assert (told["outcome"], told["kind"], told["reads"]) == ("taken", "heartbeat", [])


@pytest.mark.parametrize("members,expected", [
    ({}, {MADE_UP: 0.9}), ({"fuzzy_score": None, "original_plate": "QQ11QQ1"}, {MADE_UP: 0.9, "QQ11QQ1": 0.9}), ({"fuzzy_score": 0.8, "original_plate": "QQ11QQ1"}, {"QQ11QQ1": 0.9})])
def test_a_tool_that_reads_plates_for_frigate(members, expected):
    """frigate_plate_recognizer's `return_topic`: a plate of its own list that is only similar is no reading."""
    body = {"plate_number": MADE_UP, "score": 0.9, "frigate_event_id": "1795345200.25-abcdef", "camera_name": "drive", "start_time": "2026-11-22 11:00:00"} | members
    told = take("frigate", json.dumps(body).encode(), now_ms=NOW_MS)
    read = told["reads"][0]
    assert spellings(read) == expected and (read["camera"], read["ids"], told["kind"], told["faults"]) == ("drive", 1, "plate_recognizer", {})


@pytest.mark.parametrize("event", ["camera.heartbeat", "video.done"])
def test_plate_recognizer_posts_other_things_too(event):
    """Its documents name heartbeats and clips, not what they look like: whatever has a hook and no results."""
    told = take("platerecognizer", json.dumps({"hook": {"target": "x", "id": "camera-1", "event": event}, "data": {"camera_id": "camera-1"}}).encode())
    assert (told["outcome"], told["kind"], told["reads"]) == ("taken", "other", [])


def protect(*triggers, **members):
    """An alarm of UniFi Protect; triggers are (key, value)."""
    return json.dumps({"alarm": {"name": "Plates", "sources": [{"device": "AABBCC000001", "type": "include"}], "triggers": [
        {"device": "AABBCC000001", "key": key, "value": value, "group": {"name": value}, "zones": {"zone": [1]}, "eventId": "7f2c-1", "timestamp": NOW_MS}
        for key, value in triggers]} | members, "timestamp": NOW_MS + 1000}).encode()


def test_unifi():
    told = take("unifi", protect(("license_plate_unknown", "qq00 qq0"), thumbnail="data:image/jpeg;base64," + base64.b64encode(readings.JPEG).decode()), now_ms=NOW_MS + 2000)
    read = told["reads"][0]
    assert (told["faults"], told["kind"]) == ({}, "alarm") and spellings(read) == {MADE_UP: 1}
    assert (read["jurisdiction"], read["camera"], seen(read), read["ids"], read["picture"]) == (None, "AABBCC000001", NOW_MS, 1, len(readings.JPEG))


@pytest.mark.parametrize("triggers,expected", [
    ([("license_plate_known", "QQ11QQ1"), ("license_plate_of_interest", "QQ11QQ1")], ["QQ11QQ1"]),  # one vehicle
    ([("license_plate_unknown", MADE_UP), ("license_plate_unknown", "QQ11QQ1")], [MADE_UP, "QQ11QQ1"]),  # two, in one event
    ([("license_plate_known", "Mother"), ("license_plate_of_interest", "Mother")], []),  # a name
    ([("vehicle", None), ("person", ""), ("motion", 42)], []), ([("license_plate_unknown", "QQQQ")], ["QQQQ"]), ([], [])])
def test_unifi_tells_names_and_other_things_too(triggers, expected):
    told = take("unifi", protect(*triggers), now_ms=NOW_MS)
    assert told["outcome"] == "taken" and [one["plate"] for read in told["reads"] for one in read["candidates"]] == [text.replace("O", "0") for text in expected]


def test_unifi_without_an_alarm_is_unknown():
    assert take("unifi", b'{"events": []}')["outcome"] == take("unifi", b'{"alarm": {"name": "a"}}')["outcome"] == "unknown"


def dahua(plate=MADE_UP, picture=None, **members):
    """What a Dahua camera posts to /NotificationInfo/TollgateInfo."""
    return {"Picture": {"Plate": {"PlateNumber": plate, "PlateColor": "White", "PlateType": "Normal", "Confidence": 97, "IsExist": True, "Channel": 0,
                                  "BoundingBox": [1, 2, 3, 4], "Region": "NLD"} | members,
                        "Vehicle": {"VehicleColor": "Black", "VehicleType": "SaloonCar", "VehicleSign": "Unknown"},
                        "SnapInfo": {"AccurateTime": "2026-11-22 11:00:00.250", "SnapTime": "2026-11-22 11:00:00", "DeviceID": "7f2c-1", "Direction": "Obverse", "LanNo": 1,
                                     "SnapAddress": "", "DefenceCode": "abc", "TriggerSource": "Video"},
                        "CutoutPic": {"Content": picture or "", "PicName": f"{plate}-1.jpg"}, "VehiclePic": {"Content": picture or "", "PicName": "2.jpg"},
                        "NormalPic": {"Content": picture or "", "PicName": "3.jpg"}}}


def seen_by_dahua(message, now="2026-11-22T11:00:02Z"):
    return take("dahua", json.dumps(message).encode(), now_ms=readings.iso_ms(now))


def test_dahua():
    told = seen_by_dahua(dahua("qq00 qq0", base64.b64encode(readings.JPEG).decode()))
    read = told["reads"][0]
    assert (told["faults"], told["kind"]) == ({}, "read") and spellings(read) == {MADE_UP: 0.97}
    assert (read["jurisdiction"], read["camera"], read["ids"], read["picture"]) == ("NL", "7f2c-1", 1, len(readings.JPEG))
    assert seen(read) == readings.iso_ms("2026-11-22T11:00:00.250Z")
    whole = dahua()
    del whole["Picture"]["SnapInfo"]["AccurateTime"]
    assert seen(seen_by_dahua(whole)["reads"][0]) == readings.iso_ms("2026-11-22T11:00:00Z")
    assert spellings(seen_by_dahua(dahua()["Picture"])["reads"][0]) == {MADE_UP: 0.97}  # without what is around it


@pytest.mark.parametrize("confidence,expected", [(95, 0.95), (100, 1), ("88", 0.88), (101, 1), (255, 1), ("200", 1), (None, 1)])
def test_dahua_does_not_say_what_its_confidence_is_of(confidence, expected):
    """Of 100, it seems; 0 to 255 is documented, and says nothing that could be told from it."""
    told = seen_by_dahua(dahua(Confidence=confidence))
    assert spellings(told["reads"][0]) == {MADE_UP: expected} and told["faults"] == {}


@pytest.mark.parametrize("plate,members", [("", {"IsExist": False}), ("Unlicensed", {}), ("unknown", {})])
def test_dahua_of_vehicles_without_a_plate(plate, members):
    told = seen_by_dahua(dahua(plate, **members))
    assert told["outcome"] == "taken" and [read["candidates"] for read in told["reads"]] == [[]]


@pytest.mark.parametrize("message,kind", [({"Active": "keepAlive", "DeviceID": "7f2c-1"}, "heartbeat"), ({"Active": True, "DeviceID": "7f2c-1"}, "heartbeat"),
                                          ({"DeviceName": "a", "DeviceModel": "b", "Manufacturer": "c", "DeviceID": "7f2c-1"}, "other")])
def test_dahua_says_that_it_is_there(message, kind):
    told = seen_by_dahua(message)
    assert (told["outcome"], told["kind"], told["reads"]) == ("taken", kind, [])


def test_dahua_that_is_not_dahua():
    assert seen_by_dahua({"Events": []})["outcome"] == seen_by_dahua({"Picture": {"Name": "a"}})["outcome"] == "unknown"


def test_rekor_passed_on_by_its_receivers():
    """OpenAlprWebhookProcessor passes a group on inside an object whose data_type is null."""
    group = {"data_type": "alpr_group", "version": 2, "best_plate_number": MADE_UP, "best_confidence": 91.5, "best_region": "us-tx", "camera_id": 7, "epoch_start": NOW_MS,
             "best_uuid": "a-1", "uuids": ["a-1"], "candidates": [{"plate": MADE_UP, "confidence": 91.5, "matches_template": 0}]}
    for around in ({"data_type": None, "version": 0, "alert_list": None, "plate_number": None}, {}):
        told = take("rekor", json.dumps(around | {"group": group}).encode(), now_ms=NOW_MS)
        assert (told["kind"], told["faults"]) == ("alpr_group", {}) and spellings(told["reads"][0]) == {MADE_UP: 0.915}
        assert (told["reads"][0]["jurisdiction"], told["reads"][0]["camera"]) == ("US-TX", "7")


def test_rekor_tries_its_webhooks():
    told = take("rekor", b'{"openalpr_webhook": "test"}')
    assert (told["outcome"], told["kind"], told["reads"]) == ("taken", "test", [])
    assert take("rekor", b'{"group": []}')["outcome"] == take("rekor", b'{"data_type": "weather", "group": {}}')["outcome"] == "unknown"
