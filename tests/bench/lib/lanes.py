"""lane_read: what a read takes at a lane under the second suite: blinded, evaluated with a proof, verified, checked; sixteen lanes at once."""
import json
import os
import random
import subprocess
import threading
import time

from evaluations import voprf_bench
from lists import Watch
from made_up import plate, write_list
from process import Failure
from report import Figure, median, say

LANES = 16
PER_S = 20
TOKENS = 3  # full, plate, similar
ENTRIES = 1000
PREFIX = "Q7"


def identities(house):
    """A registered identity for each lane of one site."""
    names = [f"reader/north/{number}" for number in range(3, 3 + LANES)]
    house.issue(*names)
    return names


class Lane:
    """One `platesieve lane`, fed by hand."""

    def __init__(self, house, identity):
        self.child = subprocess.Popen([str(house.programs / "platesieve"), "--as", identity, "lane", "--json"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                                      env={**os.environ, **house.environment()})
        self.alerts, self.summary, self.said = 0, None, ""
        self.threads = [threading.Thread(target=self.listen), threading.Thread(target=self.collect)]
        for thread in self.threads:
            thread.start()
        self.say("plate,jurisdiction\n")

    def listen(self):
        for line in self.child.stdout:
            told = json.loads(line)
            self.alerts += "alerts" in told
            self.summary = told.get("summary", self.summary)

    def collect(self):
        self.said = self.child.stderr.read()

    def say(self, text):
        self.child.stdin.write(text)
        self.child.stdin.flush()

    def end(self):
        self.child.stdin.close()
        self.child.wait(60)
        for thread in self.threads:
            thread.join()
        if not self.summary or self.summary["unchecked"] or self.child.returncode:
            raise Failure(f"a lane left with code {self.child.returncode}: {self.said.strip()[-500:]}")
        return self.summary


def feed(lanes, seconds, source):
    """Each lane's reads, one in each slot of its time, somewhere in it; one in a hundred is listed.  Their numbers."""
    count = int(seconds * PER_S)
    moments = sorted(((slot + source.random()) / PER_S, lane) for lane in range(len(lanes)) for slot in range(count))
    began, listed = time.monotonic(), 0
    for number, (moment, lane) in enumerate(moments):
        ahead = began + moment - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        hit = number % 100 == 0
        listed += hit
        lanes[lane].say(f"{plate(source.randrange(ENTRIES), PREFIX) if hit else plate(source.randrange(10 ** 8), 'Q6')},US-TX\n")
    return len(moments), listed


def percentile(summaries, percent):
    """Milliseconds, over all lanes' histograms."""
    buckets = sorted(tuple(bucket) for summary in summaries for bucket in summary["latency_ms"]["histogram"])
    total, seen = sum(count for _, count in buckets), 0
    for value, count in buckets:
        seen += count
        if 100 * seen >= percent * total:
            return value
    return 0.0


def run(house, names, seconds, source):
    """(p50, p99, reads) of one run of all lanes."""
    lanes = [Lane(house, name) for name in names]
    time.sleep(0.5)  # they connect before the first read
    fed, listed = feed(lanes, seconds, source)
    summaries = [lane.end() for lane in lanes]
    if sum(summary["reads"] for summary in summaries) != fed or sum(lane.alerts for lane in lanes) != listed:
        raise Failure("not every read was answered, or a listed plate was clear")
    return percentile(summaries, 50), percentile(summaries, 99), fed


def lane_read(stage):
    stage.fresh()
    house, source, seconds = stage.installation, random.Random(1), 3 if stage.quick else 10
    path = stage.folder / "lanes.csv"
    write_list(path, ENTRIES, PREFIX)
    stage.list_create("bench-lanes", "similar")
    stage.list_push("bench-lanes", path)
    Watch(stage, ENTRIES - 1, PREFIX).until_hit(15)
    names = identities(house)
    time.sleep(1)
    alone = run(house, names[:1], seconds, source)
    runs, bare = [], []
    for _ in range(1 if stage.quick else 5):
        told = voprf_bench(stage, 200, batch=TOKENS)
        bare.append((told["blind_us"] + told["finish_us"] + 1e6 / told["evaluate_verified_per_s"]) * TOKENS / 1000)
        runs.append(run(house, names, seconds, source))
    say(f"  {runs[0][2]} reads a run, {TOKENS} tokens each: p50 {', '.join(f'{one[0]:.2f}' for one in runs)} ms, "
        f"p99 {', '.join(f'{one[1]:.2f}' for one in runs)} ms; one lane alone {alone[0]:.2f} and {alone[1]:.2f} ms")
    p50, p99 = median([one[0] for one in runs]), median([one[1] for one in runs])
    yield Figure("lane_read", p50, "ms", "its cryptography alone", median(bare), "p50 <= 3 ms", lambda figure: p50 <= 3)
    yield Figure("lane_read_p99", p99, "ms", "its cryptography alone", median(bare), "p99 <= 10 ms", lambda figure: p99 <= 10)
