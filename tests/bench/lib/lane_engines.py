"""lane_engine: from an engine's message to the officer's alert, at sixteen lane services and 20 messages a second each; and what a service holds in memory."""
import os
import random
import time
from pathlib import Path

from feeder import Connection, Display, Output, feed
from lists import Watch
from made_up import ALPHABET, plate, write_list
from lane_messages import group, request
from process import Failure, wait_until
from report import Figure, median, say
from streams import percentile

MIB = 1 << 20
LANES = 16
PER_S = 20
ENTRIES = 3000
HIT_EACH = 10  # of the messages, one in so many is of a listed plate
STRIDE = 1009  # neighbours in the list are one edit apart: to a lane, one vehicle
PREFIX = "Q5"
USER = "agency/customs/ana"


def field(pid, name):
    """Of a process's memory, in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name + ":"))


class Traffic:
    """Messages of vehicles that were not there before; one in HIT_EACH is listed."""

    def __init__(self, candidates=1, seed=1, listed=True):
        self.source, self.candidates, self.listed, self.some_listed = random.Random(seed), candidates, 0, listed

    def readings(self, truth):
        """TRUTH and misreadings of it, less sure each."""
        readings, confidence = [(truth, 93.5)], 80.0
        while len(readings) < self.candidates:
            at = self.source.randrange(2, len(truth))
            reading = truth[:at] + self.source.choice(ALPHABET) + truth[at + 1:]
            if reading not in dict(readings):
                readings.append((reading, confidence))
                confidence -= 5
        return readings

    def schedule(self, ports, seconds):
        """[(moment, lane, message, listed plate or None)]: one message in each slot of each lane's time, somewhere in it."""
        count, made = int(seconds * PER_S), []
        moments = sorted(((slot + self.source.random()) / PER_S, lane) for lane in range(len(ports)) for slot in range(count))
        begins_ms = int(time.time() * 1000)
        for number, (moment, lane) in enumerate(moments):
            listed = None
            if self.some_listed and number % HIT_EACH == 0:
                listed, self.listed = plate(self.listed * STRIDE % ENTRIES, PREFIX), self.listed + 1
            truth = listed or plate(self.source.randrange(10 ** 8), "Q4")
            message = group(self.readings(truth), f"{self.source.getrandbits(48)}", begins_ms + int(moment * 1000))
            made.append((moment, lane, request(message, ports[lane]), listed))
        return made


class Lanes:
    """Services, whose alerts are read as they come."""

    def __init__(self, house, names, display=False):
        missing = [name for name in names if not Path(house.certificate(name)[0]).exists()]
        if missing:
            house.issue(*missing)
        self.services, self.outputs = [], []
        for name in names:
            shown_on = Display() if display else None
            service = house.lane_service(name, alerts={"display": shown_on.url, "print": "no"} if display else {"json": "yes", "show_plates": "yes"})
            if not display:
                service.out.unlink(missing_ok=True)
                os.mkfifo(service.out)
            self.services.append(service)
            self.outputs.append(shown_on or Output(os.open(service.out, os.O_RDONLY | os.O_NONBLOCK)))
            service.start()
        if not wait_until(lambda: all(service.status()["ready"] for service in self.services), 30, 0.2):
            raise Failure(f"a lane does not get its policy: {self.services[0].said()[-500:]}")
        self.feed(Traffic(seed=0, listed=False), 2)  # each connection has been used once, as it has in a lane that stands there

    def feed(self, traffic, seconds):
        """Milliseconds to each alert, and to each answer."""
        connections = [Connection(service.port) for service in self.services]
        alerts = feed(traffic.schedule([service.port for service in self.services], seconds), connections, self.outputs)
        answers = [took for connection in connections for took in connection.took]
        for connection in connections:
            connection.socket.close()
        return [1000 * one for one in alerts], [1000 * one for one in answers]

    def memory(self):
        """[(resident now, at most so far)], in bytes."""
        return [(field(service.pid, "VmRSS"), field(service.pid, "VmHWM")) for service in self.services]

    def end(self):
        for service, output in zip(self.services, self.outputs):
            if service.stop():
                raise Failure(f"a lane left with an error: {service.said()[-500:]}")
            output.close()
            service.out.unlink()


def feed_bare(port, traffic, seconds):
    """The same messages at the same times to a bare server: milliseconds to each answer."""
    connections = [Connection(port) for _ in range(LANES)]
    feed([(moment, lane, message, None) for moment, lane, message, _ in traffic.schedule([port] * LANES, seconds)], connections, [])
    took = [1000 * one for connection in connections for one in connection.took]
    for connection in connections:
        connection.socket.close()
    return took


def shown(runs):
    return (f"p50 {', '.join(f'{percentile(run, 50):.2f}' for run in runs)} ms, p99 {', '.join(f'{percentile(run, 99):.2f}' for run in runs)} ms")


# (what, site, lanes, candidates): south wants `near`, 18 tokens a candidate, 15 of them its own.
OTHER_WAYS = (("to a display over HTTP", "north", LANES, 1), ("five candidates", "north", 4, 5), ("five candidates", "north", LANES, 5), ("`near`", "south", 4, 1), ("`near`", "south", LANES, 1),
              ("five candidates and `near`", "south", 1, 5))


def other_ways(house, seconds):
    """Measured and said; what the machine has no time for is said as well."""
    for what, site, count, candidates in OTHER_WAYS:
        lanes = Lanes(house, [f"reader/{site}/{number}" for number in range(3, 3 + count)], display="display" in what)
        tokens = PER_S * count * candidates * (18 if site == "south" else 3)
        try:
            alerts, _ = lanes.feed(Traffic(candidates, seed=candidates), seconds)
            told = f"{shown([alerts])} over {len(alerts)} alerts"
        except Failure as failure:
            told = f"more than this machine does ({failure})"
        lanes.end()
        say(f"  {what}, {count} lane{'s' if count > 1 else ''}, {tokens:,} tokens a second: {told}; load {os.getloadavg()[0]:.1f}")


def prepare(stage):
    stage.fresh()
    stage.settings = {**stage.settings, "gate.site south.grades": "full plate similar near"}
    house, path = stage.installation, stage.folder / "engines.csv"
    write_list(path, ENTRIES, PREFIX)
    stage.platesieve("list", "create", "bench-engines", "--category", "bench", "--grade", "similar", "--cooldown", "0", identity=USER)
    stage.list_push("bench-engines", path)
    Watch(stage, ENTRIES - 1, PREFIX).until_hit(15)
    return house


def lane_engine(stage):
    house, seconds = prepare(stage), 3 if stage.quick else 10
    lanes = Lanes(house, [f"reader/north/{number}" for number in range(3, 3 + LANES)])
    bare, port = stage.bare_plain(40)
    traffic, alerts, answers, floor = Traffic(), [], [], []
    for _ in range(1 if stage.quick else min(stage.pairs, 5)):
        floor.append(feed_bare(port, Traffic(seed=2), seconds))
        to_alert, to_answer = lanes.feed(traffic, seconds)
        alerts.append(to_alert)
        answers.append(to_answer)
    say(f"  {len(answers[0])} messages a run, to the alerts of {len(alerts[0])}: {shown(alerts)}; to the answers: {shown(answers)}; "
        f"bare: {shown(floor)}; load {os.getloadavg()[0]:.1f}")
    held = lanes.memory()
    lanes.end()
    if not stage.quick:
        other_ways(house, seconds)
    p50, p99 = (median([percentile(run, percent) for run in alerts]) for percent in (50, 99))
    floor50, floor99 = (median([percentile(run, percent) for run in floor]) for percent in (50, 99))
    yield Figure("lane_engine", p50, "ms", "answer of a bare microhttpd", floor50, "p50 <= 5 ms", lambda figure: p50 <= 5)
    yield Figure("lane_engine_p99", p99, "ms", "answer of a bare microhttpd", floor99, "p99 <= 20 ms", lambda figure: p99 <= 20)
    most, now = max(peak for _, peak in held) / MIB, median([now for now, _ in held]) / MIB
    say(f"  resident without pictures: {now:.1f} MiB in the middle, {most:.1f} at the most")
    yield Figure("lane_memory", most, "MiB", "bare microhttpd", field(bare.pid, "VmHWM") / MIB, "<= 24 MiB", lambda figure: most <= 24)
    stage.end(bare)

