"""What camera engines send, for the demo and its tests: a made-up vehicle in the message that each engine would make of it, with the members that matter and
some that do not.  docs/reader-integration.md says what a lane makes of them."""
import base64
import datetime
import hashlib
import json
import xml.sax.saxutils

BOUNDARY = "----demo-7f3a"


def message(passage, number, when, picture):
    """Message NUMBER of PASSAGE (traffic.py), at WHEN (seconds since 1970), with PICTURE (bytes): (path, content type, body)."""
    kind, body = ENGINES[passage.engine](passage, number, when, picture)
    return f"/engines/{passage.engine}", kind, body


def as_json(value):
    return "application/json", json.dumps(value).encode()


def as_form(*parts):
    """multipart/form-data of (name, file name or None, type, bytes)."""
    body = b""
    for name, file, kind, content in parts:
        filename = f'; filename="{file}"' if file else ""
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\nContent-Type: {kind}\r\n\r\n'.encode() + content + b"\r\n"
    return f"multipart/form-data; boundary={BOUNDARY}", body + f"--{BOUNDARY}--\r\n".encode()


def moment(when):
    return datetime.datetime.fromtimestamp(when, datetime.timezone.utc)


def is_last(passage, number):
    return number + 1 == len(passage.looks)


def rekor(passage, number, when, picture):
    """Rekor Scout: a preview of the group as soon as there is one, and the group at its end."""
    candidates = [{"plate": text, "confidence": round(100 * confidence, 2), "matches_template": 0} for text, confidence in passage.looks[number]]
    uuid = hashlib.sha256(f"demo {passage.number}".encode()).hexdigest()[:40].upper()
    region = {"best_region": passage.jurisdiction.lower(), "best_region_confidence": 91} if passage.jurisdiction else {}
    return as_json({"data_type": "alpr_group", "version": 2, "agent_type": "alprd", "is_preview": not is_last(passage, number), "camera_id": 100 + passage.camera,
                    "epoch_start": int(when * 1000), "epoch_end": int(when * 1000) + 400, "frame_start": 7, "frame_end": 19, "country": "us", **region,
                    "best_uuid": f"{uuid}-1", "uuids": [f"{uuid}-{one}" for one in range(number + 2)], "plate_indexes": [0] * (number + 2),
                    "best_plate_number": candidates[0]["plate"], "best_confidence": candidates[0]["confidence"], "candidates": candidates,
                    "vehicle": {"color": [{"name": "white", "confidence": 71.2}]}, "vehicle_crop_jpeg": base64.b64encode(picture).decode()})


def platerecognizer(passage, number, when, picture):
    """Plate Recognizer Stream: a form with the field `json`, plates in lower case, and the frame as a file."""
    texts = [{"plate": text.lower(), "score": confidence} for text, confidence in passage.looks[number]]
    region = {"region": {"code": passage.jurisdiction.lower(), "score": 0.8}} if passage.jurisdiction else {}
    told = {"hook": {"target": "http://127.0.0.1/", "id": f"camera-{passage.camera}", "event": "recognition"},
            "data": {"camera_id": f"camera-{passage.camera}", "filename": "frame.png", "timestamp": moment(when).isoformat(),
                     "results": [{**texts[0], **region, "candidates": texts, "dscore": 0.76, "vehicle": {"score": 0.7, "type": "Sedan"}, "direction": 210}]}}
    return as_form(("json", None, "application/json", json.dumps(told).encode()), ("upload", "frame.png", "image/png", picture))


def frigate(passage, number, when, _picture):
    """Frigate: two updates of a tracked object, and the event of its end; never a picture, never a state."""
    text, confidence = passage.looks[number][0]
    name, camera = f"{1790000000 + passage.number}.5-demo", f"drive_{passage.camera}"
    if not is_last(passage, number):
        return as_json({"type": "lpr", "id": name, "name": None, "plate": text, "score": confidence, "camera": camera, "timestamp": when})
    after = {"id": name, "camera": camera, "frame_time": when, "label": "car", "sub_label": None, "top_score": 0.95, "recognized_license_plate": text,
             "recognized_license_plate_score": confidence}
    return as_json({"type": "end", "before": {**after, "recognized_license_plate": None}, "after": after})


def axis(passage, number, when, picture):
    """AXIS License Plate Verifier: a vehicle is new, updated, lost; as a form with an image."""
    text, confidence = passage.looks[number][0]
    event = {"packetCounter": str(passage.number), "capture_timestamp": str(int(when * 1000)), "datetime": moment(when).strftime("%Y%m%d %H%M%S000"),
             "plateText": text, "plateUTF8": text, "plateASCII": text, "plateConfidence": str(confidence), "plateISO3166-2": passage.jurisdiction,
             "carState": "lost" if is_last(passage, number) else ("new", "update")[number > 0], "carID": str(passage.number), "carMoveDirection": "in",
             "sensorProviderID": f"axis-{passage.camera}"}
    return as_form(("event", None, "application/json", json.dumps(event).encode()), ("image", "image.png", "image/png", picture))


def genetec(passage, number, when, picture):
    """Genetec AutoVu: all values are texts; date and time are apart."""
    text, confidence = passage.looks[number][0]
    return as_json({"CameraName": f"SharpV {passage.camera}", "Plate": text, "State": passage.jurisdiction, "ConfidenceScore": str(round(100 * confidence)),
                    "DateUtc": moment(when).strftime("%d/%m/%Y"), "TimeUtc": moment(when).strftime("%H:%M:%S"), "ContextImage": base64.b64encode(picture).decode(),
                    "Attributes": {"State Name Confidence Score": "88", "Vehicle Color": "White", "Relative Motion": "Moving Away"}})


def hikvision(passage, number, when, picture):
    """Hikvision ANPR: XML, with the picture behind it; the country without the state."""
    text, confidence = passage.looks[number][0]
    alert = (f'<?xml version="1.0" encoding="UTF-8"?>\n<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">'
             f"<channelName>Camera {passage.camera:02d}</channelName><dateTime>{moment(when).isoformat()}</dateTime><eventType>ANPR</eventType>"
             f"<eventState>active</eventState><ANPR><country>0</country><licensePlate>{xml.sax.saxutils.escape(text)}</licensePlate>"
             f"<confidenceLevel>{round(100 * confidence)}</confidenceLevel><direction>forward</direction></ANPR>"
             f"<UUID>{hashlib.sha256(str(passage.number).encode()).hexdigest()}</UUID><countryAbbreviation>NON</countryAbbreviation></EventNotificationAlert>")
    return as_form(("anpr.xml", "anpr.xml", "text/xml", alert.encode()), ("detectionPicture.jpg", "detectionPicture.jpg", "image/jpeg", picture))


def verkada(passage, number, when, _picture):
    text, confidence = passage.looks[number][0]
    return as_json({"webhook_type": "lpr", "webhook_id": f"demo-{passage.number}", "created_at": int(when),
                    "data": {"camera_id": f"verkada-{passage.camera}", "created": int(when), "detected": int(when * 1000), "license_plate_number": text,
                             "confidence": confidence, "license_plate_state": passage.jurisdiction.lower() or None, "image_url": "https://example.invalid/"}})


def plain(passage, number, when, picture):
    """Platesieve's own, for all other cameras."""
    return as_json({"camera": f"plain-{passage.camera}", "id": str(passage.number), "seen_at": moment(when).isoformat(timespec="milliseconds"),
                    "preview": not is_last(passage, number), "jurisdiction": passage.jurisdiction or None,
                    "candidates": [{"plate": text, "confidence": confidence} for text, confidence in passage.looks[number]],
                    "image": base64.b64encode(picture).decode()})


ENGINES = {one.__name__: one for one in (rekor, platerecognizer, frigate, axis, genetec, hikvision, verkada, plain)}
