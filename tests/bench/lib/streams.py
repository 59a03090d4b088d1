"""hit_stream: from a lane's answer until the hit is on its agency's stream, with twenty agencies following and 10,000 hits a minute."""
import os
import secrets
import subprocess
import threading
import time

import plates
from made_up import plate
from process import Failure
from report import Figure, say
from sse import Events

AGENCIES = 20
PER_MINUTE = 10_000
READS = 8  # in one request: so many at a time is what the rate of a busy site's readers comes to
LANES = ("reader/north/1", "reader/north/2")
POLL_S = 0.05
PREFIX = "Q8"


class Database:
    """The yardstick: the same hits fetched straight from PostgreSQL, by one connection that asks again and again for what is new."""

    def __init__(self, house):
        self.child = subprocess.Popen(["/usr/lib/postgresql/15/bin/psql", "-X", "-q", "-A", "-t", "-h", house.cluster.socket, "-U", "postgres", "-d",
                                       "platesieve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", start_new_session=True)
        self.seen, self.after, self.ending = {}, "-infinity", threading.Event()
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def ask(self):
        """A little back in time: what began earlier may be committed later."""
        self.child.stdin.write(f"SELECT id, recorded_at FROM platesieve.hits WHERE recorded_at > '{self.after}'::timestamptz - interval '2 seconds';\n\\echo end\n")
        self.child.stdin.flush()
        for line in self.child.stdout:
            if line == "end\n":
                return
            identity, recorded = line.rstrip("\n").split("|")
            self.seen.setdefault(identity.replace("-", ""), time.time())
            self.after = max(self.after.replace("-infinity", ""), recorded)

    def follow(self):
        while not self.ending.is_set():
            self.ask()
            time.sleep(POLL_S)

    def end(self):
        self.ending.set()
        self.thread.join()
        self.child.stdin.close()
        self.child.wait(10)


class Lane(threading.Thread):
    """Sends its share of the reads at their times, and notes when each hit was acknowledged."""

    def __init__(self, house, identity, every_s, seconds, offset):
        super().__init__()
        self.house, self.lane, self.session = house, house.lane(identity), house.session(identity)
        self.every_s, self.seconds, self.offset = every_s, seconds, offset
        self.reads = [house.read(self.lane, plate(number, PREFIX)) for number in range(AGENCIES)]
        self.acknowledged, self.trouble = {}, None

    def send(self, number):
        reads = [{**self.reads[(number * READS + i) % AGENCIES], "read_id": plates.text64(secrets.token_bytes(16))} for i in range(READS)]
        answer = self.session.post(self.house.url("/v1/checks"), json=self.house.check_body(self.lane, reads), timeout=30)
        now = time.time()
        for told in answer.json()["answers"]:
            for alert in told["alerts"]:
                self.acknowledged[plates.bytes64(alert["hit"]).hex()] = (alert["agency"], now)

    def run(self):
        began, number = time.monotonic() + self.offset, 0
        try:
            while number * self.every_s < self.seconds:
                ahead = began + number * self.every_s - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
                self.send(number)
                number += 1
        except Exception as trouble:  # pylint: disable=broad-except
            self.trouble = trouble


def agencies(house):
    """So many agencies, each with a list of one plate."""
    users = [f"agency/bench-{number}/ana" for number in range(AGENCIES)]
    house.issue(*users)
    for number, user in enumerate(users):
        house.listed(plate(number, PREFIX), user=user, cooldown_s=0)
    return users


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def check_order(user, events, acknowledged):
    """Each of the agency's hits once, in order of the cursor."""
    cursors = [cursor for cursor, _ in events.hits]
    got = [plates.bytes64(hit["hit"]).hex() for _, hit in events.hits]
    wanted = {identity for identity, (agency, _) in acknowledged.items() if agency == user.split("/")[1]}
    if cursors != sorted(set(cursors)) or len(got) != len(set(got)) or set(got) != wanted:
        raise Failure(f"{user}: {len(got)} hits on the stream, {len(set(got))} of them different, of {len(wanted)}")


def collect(streams, acknowledged, database):
    """Until everything has arrived everywhere, or ten seconds are over."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (sum(len(events.hits) for events in streams.values()) < len(acknowledged)
                                           or len(database.seen.keys() & acknowledged.keys()) < len(acknowledged)):
        time.sleep(0.1)


def run(house, users, seconds):
    """Seconds from acknowledgement, on the stream and in the database, of each hit."""
    streams = {user: Events(house, user) for user in users}
    database = Database(house)
    time.sleep(1)
    rate = PER_MINUTE / 60 / READS / len(LANES)
    lanes = [Lane(house, identity, 1 / rate, seconds, number / rate / len(LANES)) for number, identity in enumerate(LANES)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
        if lane.trouble:
            raise Failure(f"a lane failed: {lane.trouble}")
    acknowledged = {identity: told for lane in lanes for identity, told in lane.acknowledged.items()}
    collect(streams, acknowledged, database)
    database.end()
    for user, events in streams.items():
        check_order(user, events, acknowledged)
        events.close()
    arrived = {plates.bytes64(hit["hit"]).hex(): when for events in streams.values()
               for (_, hit), when in zip(events.hits, events.arrived)}
    if not acknowledged.keys() <= database.seen.keys():
        raise Failure("not every hit was in the database in time")
    return ([arrived[identity] - when for identity, (_, when) in acknowledged.items()],
            [database.seen[identity] - when for identity, (_, when) in acknowledged.items()])


def hit_stream(stage):
    stage.fresh()
    house, seconds = stage.installation, 4 if stage.quick else 60
    users = agencies(house)
    streamed, fetched = run(house, users, seconds)
    load = os.getloadavg()[0]
    say(f"  {len(streamed)} hits in {seconds} s, {AGENCIES} streams, each hit once and in order; p50 {1000 * percentile(streamed, 50):.0f} ms, "
        f"p99 {1000 * percentile(streamed, 99):.0f} ms, longest {1000 * max(streamed):.0f} ms; straight from PostgreSQL {1000 * percentile(fetched, 50):.0f}, "
        f"{1000 * percentile(fetched, 99):.0f} and {1000 * max(fetched):.0f} ms; load {load:.1f}")
    p99 = 1000 * percentile(streamed, 99)
    yield Figure("hit_stream_p99", p99, "ms", "one poller of PostgreSQL", 1000 * percentile(fetched, 99), "<= 1000 ms", lambda figure: p99 <= 1000)
    yield Figure("hit_stream", 1000 * percentile(streamed, 50), "ms", "one poller of PostgreSQL", 1000 * percentile(fetched, 50))
