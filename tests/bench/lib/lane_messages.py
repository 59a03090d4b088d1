"""Messages of an engine, made up, as bytes of HTTP."""
import json


def group(candidates, number, seen_ms, picture=""):
    """A final group as Rekor's agent posts it, with CANDIDATES [(plate, confidence of 100)], 4 kB without a picture."""
    some = [{"plate": plate, "confidence": confidence, "matches_template": 0} for plate, confidence in candidates]
    names = [{"name": f"made_up-{place}", "confidence": 90.0 / (place + 1)} for place in range(10)]
    frames = [f"BENCHBENCHBENCHBENCHBENCHBENCHBENCHBENCH-1-{number}-{place}" for place in range(6)]
    best = {**some[0], "region": "us-tx", "region_confidence": 90, "plate_index": 0, "requested_topn": 10, "processing_time_ms": 52.1,
            "plate_crop_jpeg": "", "coordinates": [{"x": x, "y": y} for x, y in ((3274, 187), (3485, 192), (3480, 311), (3266, 306))], "candidates": some}
    return {"data_type": "alpr_group", "version": 2, "is_preview": False, "agent_type": "alprd", "agent_version": "2.7.101", "country": "us",
            "agent_uid": "BENCHBENCHBENCHBENCHBENCHBENCHBENCHBENCH", "camera_id": 1, "epoch_start": seen_ms, "epoch_end": seen_ms + 500, "frame_start": 0,
            "frame_end": 72, "best_uuid": frames[0], "uuids": frames, "plate_indexes": [0] * len(frames), "best_plate_number": candidates[0][0],
            "best_confidence": candidates[0][1], "best_region": "us-tx", "best_region_confidence": 90, "best_image_height": 2160, "best_image_width": 4096,
            "vehicle": {kind: names for kind in ("color", "make", "make_model", "body_type", "year", "orientation")}, "travel_direction": 85.5,
            "candidates": some, "best_plate": best, "vehicle_crop_jpeg": picture}


def request(message, port, path="/engines/rekor"):
    """The bytes of a POST of MESSAGE."""
    body = json.dumps(message).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body
