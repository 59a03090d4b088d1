"""What a person reads out of an engine's message: written again from the makers' documents, with nothing of the lane's own code.

A reading is a list of vehicles.  Each names the places in the message that its plates stand at, so that a test can say which of them must survive
when something else in the message is broken."""
import json
import xml.etree.ElementTree
from datetime import datetime, timezone

import plates


def at(message, path):
    """What stands at PATH; None: nothing."""
    for step in path:
        try:
            message = message[step]
        except (KeyError, IndexError, TypeError):
            return None
    return message


def fraction(value, scale):
    """A confidence, 0 to 1: certain where none is stated, 0 where what is stated is none."""
    if value is None:
        return 1.0
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    return number / scale if 0 <= number <= scale else 0.0


class Vehicle:
    def __init__(self, message, scale, camera="", seen_ms=0, region="", preview=False):
        self.message, self.scale = message, scale
        self.camera, self.seen_ms, self.region, self.preview = camera, seen_ms, region, preview
        self.places = []  # (path of the plate, path of its confidence)

    def add(self, plate, confidence):
        if at(self.message, plate) is not None:
            self.places.append((plate, confidence))
        return self

    def candidates(self):
        """{canonical text: confidence}: each spelling once, with the best of its confidences."""
        best = {}
        for plate, confidence in self.places:
            raw = at(self.message, plate)
            text = plates.canonical(raw) if isinstance(raw, str) else None
            if text is not None:
                best[text] = max(best.get(text, 0.0), fraction(at(self.message, confidence), self.scale))
        return best


def iso_ms(text):
    """RFC 3339 or "2021-11-23 17:56:47.896406", UTC where it does not say."""
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return 0
    when = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
    return int(when.timestamp() * 1000)


# -- one for each engine ---------------------------------------------------------------------------------------------------


def rekor_results(message):
    vehicles = []
    for i, result in enumerate(message["results"]):
        here = ("results", i)
        vehicle = Vehicle(message, 100, str(message.get("camera_id", "")), message.get("epoch_time", 0), result.get("region", ""))
        for j in range(len(result.get("candidates", []))):
            vehicle.add((*here, "candidates", j, "plate"), (*here, "candidates", j, "confidence"))
        vehicles.append(vehicle.add((*here, "plate"), (*here, "confidence")))
    return vehicles


def rekor_group(message, here=()):
    group = at(message, here)
    vehicle = Vehicle(message, 100, str(group.get("camera_id", "")), group.get("epoch_start", 0), group.get("best_region", ""), group.get("is_preview", False))
    for base in (here, (*here, "best_plate")):
        for j in range(len(at(message, (*base, "candidates")) or [])):
            vehicle.add((*base, "candidates", j, "plate"), (*base, "candidates", j, "confidence"))
    vehicle.add((*here, "best_plate_number"), (*here, "best_confidence"))
    return [vehicle.add((*here, "best_plate", "plate"), (*here, "best_plate", "confidence"))]


def rekor(message):
    kind = message.get("data_type")
    if kind == "alpr_results":
        return rekor_results(message)
    if kind == "alpr_group":
        return rekor_group(message)
    return rekor_group(message, ("group",)) if kind == "alpr_alert" or (kind is None and "group" in message) else []


def platerecognizer(message):
    base = ("data",) if "data" in message else ()
    inner = at(message, base)
    vehicles = []
    for i, result in enumerate(inner["results"]):
        here = (*base, "results", i)
        region = result.get("region") or {}
        vehicle = Vehicle(message, 1, inner.get("camera_id") or "", iso_ms(inner.get("timestamp", "")), region.get("code", ""))
        plate = result.get("plate")
        if isinstance(plate, dict):  # vehicle mode
            vehicle.region = (plate["props"].get("region") or [{}])[0].get("value", "")
            for j in range(len(plate["props"]["plate"])):
                vehicle.add((*here, "plate", "props", "plate", j, "value"), (*here, "plate", "props", "plate", j, "score"))
        else:
            for j in range(len(result.get("candidates", []))):
                vehicle.add((*here, "candidates", j, "plate"), (*here, "candidates", j, "score"))
            vehicle.add((*here, "plate"), (*here, "score"))
        vehicles.append(vehicle)
    return vehicles


def frigate(message):
    if message.get("type") == "lpr":
        return [Vehicle(message, 1, message["camera"], int(message["timestamp"] * 1000), preview=True).add(("plate",), ("score",))]
    if "frigate_event_id" in message:
        return [Vehicle(message, 1, message["camera_name"], iso_ms(message["start_time"])).add(("plate_number",), ("score",))]
    after = message["after"]
    plate, score = ("after", "recognized_license_plate"), ("after", "recognized_license_plate_score")
    if isinstance(at(message, plate), list):
        plate, score = (*plate, 0), (*plate, 1)
    vehicle = Vehicle(message, 1, after["camera"], int(after["frame_time"] * 1000), preview=message["type"] != "end").add(plate, score)
    return [vehicle] if vehicle.places else []


def verkada(message):
    if message.get("webhook_type") != "lpr":
        return []
    data = message["data"]
    vehicle = Vehicle(message, 1, data["camera_id"], data.get("detected") or data["created"] * 1000, data.get("license_plate_state", ""))
    return [vehicle.add(("data", "license_plate_number"), ("data", "confidence"))]


def axis(message):
    vehicle = Vehicle(message, 1, message["sensorProviderID"], int(message["capture_timestamp"]), message["plateCountry"], message["carState"] != "lost")
    for name in ("plateUTF8", "plateUnicode", "plateText", "plateASCII"):
        vehicle.add((name,), ("plateConfidence",))
    return [vehicle]


def genetec(message):
    if "PlateRead" in message:
        vehicle = Vehicle(message, 100, message["SourceUrl"], iso_ms(message["Timestamp"]))
        keys = [one["Key"] for one in message["PlateAnalytics"]]
        return [vehicle.add(("PlateRead",), ("PlateAnalytics", keys.index("Confidence Score"), "Value"))]
    when = datetime.strptime(f"{message['DateUtc']} {message['TimeUtc']}", "%d/%m/%Y %H:%M:%S").replace(tzinfo=timezone.utc)
    vehicle = Vehicle(message, 100, message["CameraName"], int(when.timestamp() * 1000), message["State"])
    return [vehicle.add(("Plate",), ("ConfidenceScore",))]


def unifi(message):
    triggers = message["alarm"]["triggers"]
    return [Vehicle(message, 1, one["device"], one["timestamp"]).add(("alarm", "triggers", i, "value"), ("alarm", "triggers", i, "confidence"))
            for i, one in enumerate(triggers) if one["key"] == "license_plate_unknown"]


def dahua(message):
    picture = message["Picture"]
    vehicle = Vehicle(message, 100, picture["SnapInfo"]["DeviceID"], iso_ms(picture["SnapInfo"]["AccurateTime"].replace(" ", "T") + "Z"), picture["Plate"]["Region"])
    return [vehicle.add(("Picture", "Plate", "PlateNumber"), ("Picture", "Plate", "Confidence"))]


def hikvision(message):
    """MESSAGE is the XML as a nested dictionary: flat()."""
    if message["eventType"] != "ANPR":
        return []
    vehicle = Vehicle(message, 100, message["channelName"], iso_ms(message["dateTime"]))
    return [vehicle.add(("ANPR", "licensePlate"), ("ANPR", "confidenceLevel")).add(("ANPR", "originalLicensePlate"), ("ANPR", "confidenceLevel"))]


def flat(text):
    """XML as {name: text or {...}}, without the names' space; of elements of one name the first."""
    def inside(element):
        if len(element) == 0:
            return (element.text or "").strip()
        out = {}
        for child in element:
            out.setdefault(child.tag.rpartition("}")[2], inside(child))
        return out
    return inside(xml.etree.ElementTree.fromstring(text))


READERS = {"rekor": rekor, "platerecognizer": platerecognizer, "frigate": frigate, "verkada": verkada, "axis": axis, "genetec": genetec, "hikvision": hikvision,
           "unifi": unifi, "dahua": dahua}


def reading(engine, body):
    """The vehicles in BODY (bytes) of ENGINE."""
    return READERS[engine](flat(body.decode()) if engine == "hikvision" else json.loads(body))


# A picture: what a JPEG begins with, a comment, one grey pixel.
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000fffe0202") + b"made up " * 64 + bytes.fromhex(
    "ffdb004300" + "01" * 64 + "ffc0000b080001000101011100ffc40014000100000000000000000000000000000000ffc40014100100000000000000000000000000000000"
    "ffda0008010100003f003fffd9")
