"""evidence_upload: a hundred sealed pictures of 200 kB brought to the gate; evidence_memory: what many large ones at one time cost it."""
import os
import secrets
import threading
import time

import plates
from made_up import plate
from process import Failure
from report import Figure, median, say
from sealing import seal

LANES = ("reader/north/1", "reader/north/2", "reader/south/1", "reader/south/2")
PICTURE = 200_000
LARGEST = (1 << 20) - 4096
PREFIX = "Q7"
CMS = {"Content-Type": "application/cms"}
USER = "agency/customs/ana"


def make_list(house):
    """A list with a header; each read of its one plate is a hit of its own."""
    name = house.listed(plate(0, PREFIX), user=USER, cooldown_s=0)
    house.platesieve("list", "recipients", "--as", USER, name, "--cert", house.pki / "evidence/customs.1.pem")
    return name


def make_hits(house, name, count):
    """[(lane, hit)], all stored."""
    made = []
    for number in range(count):
        lane = LANES[number % len(LANES)]
        read = house.read(house.lane(lane), plate(0, PREFIX), read_id=plates.text64(secrets.token_bytes(16)))
        told = house.post("/v1/checks", lane, house.check_body(house.lane(lane), [read])).json()["answers"][0]
        made.append((lane, next(alert["hit"] for alert in told["alerts"] if alert["list"] == name)))
    deadline = time.monotonic() + 30
    while house.get("/v1/status", "auditor/ines").json()["spool"]["depth"] > 0:
        if time.monotonic() > deadline:
            raise Failure("the hits did not reach the database in time")
        time.sleep(0.05)
    return made


class Lane(threading.Thread):
    """Uploads its pictures one after the other on one connection; what the gate answered."""

    def __init__(self, house, lane, jobs):
        super().__init__()
        self.house, self.jobs, self.session, self.answers, self.trouble = house, jobs, house.session(lane), [], None
        self.session.get(house.url("/livez"), timeout=10)  # the connection stands

    def run(self):
        try:
            for hit, sealed in self.jobs:
                answer = self.session.post(self.house.url(f"/v1/hits/{hit}/evidence"), data=sealed, headers=CMS, timeout=60)
                self.answers.append(answer.status_code)
        except Exception as trouble:  # pylint: disable=broad-except
            self.trouble = trouble


def upload(lanes):
    began = time.monotonic()
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
        if lane.trouble:
            raise Failure(f"a lane failed: {lane.trouble}")
    return time.monotonic() - began


def insert(house, sizes):
    """The yardstick: the same bytes into a table of their own, a transaction each, by one psql."""
    statements = "".join(f"INSERT INTO bench_pictures VALUES ({number}, '\\x{secrets.token_bytes(size).hex()}');\n" for number, size in enumerate(sizes))
    script = house.folder / "bench-pictures.sql"
    script.write_text(statements)
    house.sql("CREATE TABLE IF NOT EXISTS bench_pictures (id int, cms bytea); ALTER TABLE bench_pictures ALTER cms SET STORAGE EXTERNAL; TRUNCATE bench_pictures")
    began = time.monotonic()
    house.cluster.psql(file=script)
    seconds = time.monotonic() - began
    script.unlink()
    return seconds


def evidence_upload(stage):
    house, count, rounds = stage.installation, 12 if stage.quick else 100, 1 if stage.quick else 5
    name, took, inserted = make_list(house), [], []
    for _ in range(rounds):
        hits = make_hits(house, name, count)
        sealed = [seal(house, os.urandom(PICTURE)) for _ in hits]
        jobs = {lane: [(hit, one) for (whose, hit), one in zip(hits, sealed) if whose == lane] for lane in LANES}
        lanes = [Lane(house, lane, mine) for lane, mine in jobs.items()]
        took.append(upload(lanes))
        if any(status != 201 for lane in lanes for status in lane.answers):
            raise Failure("not every picture was stored")
        inserted.append(insert(house, [len(one) for one in sealed]))
    say(f"  {count} pictures of {PICTURE // 1000} kB over {len(LANES)} connections: " + ", ".join(f"{one:.2f}" for one in took) +
        " s; inserted by psql: " + ", ".join(f"{one:.2f}" for one in inserted) + f" s; load {os.getloadavg()[0]:.1f}")
    yield Figure("evidence_upload", median(took), "s", "INSERT of the same bytes", median(inserted), "longest <= 10 s", lambda figure: max(took) <= 10)
    yield from evidence_memory(house, name, 16 if stage.quick else 96)


def peak_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def evidence_memory(house, name, count):
    """So many of nearly a megabyte at one time, each on a connection of its own; some are told to come again, and do."""
    hits = make_hits(house, name, count)
    sealed = seal(house, os.urandom(LARGEST))
    lanes = [Lane(house, lane, [(hit, sealed)]) for lane, hit in hits]
    pid = house.gate.pid()
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the peak begins anew
    before = peak_bytes(pid)
    upload(lanes)
    grown = peak_bytes(pid) - before
    statuses = [status for lane in lanes for status in lane.answers]
    if not set(statuses) <= {201, 503}:
        raise Failure(f"a picture was refused: {sorted(set(statuses))}")
    say(f"  {count} of {LARGEST / 1e6:.1f} MB at one time: {statuses.count(201)} stored at once, {statuses.count(503)} told to come again; "
        f"the gate grew by {grown / 1e6:.0f} MB")
    yield Figure("evidence_memory", grown / 1e6, "MB", "the bodies themselves", count * LARGEST / 1e6, "<= 200 MB", lambda figure: grown <= 200e6)
