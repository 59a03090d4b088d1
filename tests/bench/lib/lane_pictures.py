"""lane_images: what a lane service holds with pictures in flight, and when more is thrown at it than it takes."""
import base64
import os
import random
import socket
import threading

from lane_engines import ENTRIES, MIB, PER_S, PREFIX, STRIDE, USER, Lanes, Traffic, field, prepare
from feeder import Connection, feed
from made_up import plate
from lane_messages import group, request
from report import Figure, say
from sealing import jpeg, segment

LANE = "reader/north/3"
PICTURE = 165_000  # at most
CROWD = 32
LARGE = 3_900_000
HUGE = 50_000_000


def picture():
    """A JPEG of nearly PICTURE bytes, some of which are no pixels."""
    small = jpeg(1920, 1080)
    padding = b"".join(segment(0xed, bytes(60_000)) for _ in range((PICTURE - len(small)) // 60_000))
    return jpeg(1920, 1080, middle=padding)


class Shover(threading.Thread):
    """Sends SIZE bytes of a message with a picture that is none, as fast as they are taken; what it was answered does not matter."""

    def __init__(self, port, size):
        super().__init__()
        self.port, self.size, self.answer = port, size, b""

    def run(self):
        body = b'{"data_type": "alpr_group", "vehicle_crop_jpeg": "' + b"/9j/" * (self.size // 4) + b'"}'
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as stream:
                stream.sendall(b"POST /engines/rekor HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
                stream.sendall(body)
                self.answer = stream.recv(4096)
        except OSError:
            self.answer = self.answer or b"closed"


def shove(port, count, size):
    """The statuses."""
    crowd = [Shover(port, size) for _ in range(count)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    return sorted({one.answer.split(b" ")[1].decode() if one.answer.startswith(b"HTTP") else "closed" for one in crowd})


def with_pictures(lanes, seconds):
    """Each message has a picture, one in three is a hit, which takes it along and keeps it for the officer; milliseconds to the alerts."""
    text, port, source = base64.b64encode(picture()).decode(), lanes.services[0].port, random.Random(3)
    schedule = []
    for number in range(seconds * PER_S):
        listed = plate(number * STRIDE % ENTRIES, PREFIX) if number % 3 == 0 else None
        truth = listed or plate(source.randrange(10 ** 8), "Q4")
        schedule.append((number / PER_S, 0, request(group([(truth, 93.5)], f"p{number}", 0, text), port), listed))
    connection = Connection(port)
    took = feed(schedule, [connection], lanes.outputs)
    connection.socket.close()
    return [1000 * one for one in took]


def lane_images(stage):
    house = prepare(stage)
    house.platesieve("list", "recipients", "--as", USER, "bench-engines", "--cert", house.pki / "evidence/customs.1.pem")
    lanes = Lanes(house, [LANE])
    service, (bare, port) = lanes.services[0], stage.bare_plain(40)
    alerts = sorted(with_pictures(lanes, 3 if stage.quick else 20))
    flight = field(service.pid, "VmHWM")
    statuses = {size: shove(service.port, CROWD if size == LARGE else 4, size) for size in (LARGE, HUGE)}
    shove(port, CROWD, LARGE)
    # It serves on: some more, that were not there before.
    connection = Connection(service.port)
    feed([(moment, 0, message, None) for moment, _, message, _ in Traffic(seed=9).schedule([service.port], 1)], [connection], [])
    connection.socket.close()
    (now, most), = lanes.memory()
    say(f"  20 messages a second with pictures of {len(picture()) // 1000} kB: alerts after {alerts[len(alerts) // 2]:.1f} ms in the middle, {flight / MIB:.1f} MiB; "
        f"then {CROWD} of {LARGE / 1e6:.1f} MB at one time ({', '.join(statuses[LARGE])}) and 4 of {HUGE / 1e6:.0f} MB ({', '.join(statuses[HUGE])}): "
        f"{most / MIB:.1f} MiB at the most, {now / MIB:.1f} afterwards; load {os.getloadavg()[0]:.1f}")
    yield Figure("lane_images", most / MIB, "MiB", "bare microhttpd, the same crowd", field(bare.pid, "VmHWM") / MIB, "<= 64 MiB", lambda figure: most <= 64 * MIB)
    stage.end(bare)
    lanes.end()
