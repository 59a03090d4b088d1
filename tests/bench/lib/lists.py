"""list_push and entry_to_live: how long until what an agency has said is true at a lane."""
import json
import os
import resource
import threading
import time

from evaluations import voprf_bench
from index import loaded
from made_up import plate, write_list
from plates import digest_of_parts
from process import Failure
from report import Figure, median, say

USER = "agency/customs/ana"


class Watch:
    """Asks for one plate again and again, on one kept connection, and says when the first `hit` came."""

    def __init__(self, stage, number, prefix):
        house = stage.installation
        self.session = house.session("reader/north/1")
        self.house, self.lane = house, house.lane()
        self.plate = plate(number, prefix)
        self.house.read(self.lane, self.plate)  # its tokens are known from now on

    def hit(self):
        """Whether the plate is listed now; a gate without a list that covers the site has nothing to say yet."""
        body = self.house.check_body(self.lane, [self.house.read(self.lane, self.plate)])
        answer = self.session.post(self.house.url("/v1/checks"), json=body, timeout=10)
        if answer.status_code in (409, 503):
            self.lane = self.house.lane()
            return False
        if answer.status_code != 200:
            raise Failure(f"a check was answered {answer.status_code}")
        return answer.json()["answers"][0]["answer"] == "hit"

    def until_hit(self, seconds, pause=0.001):
        """The moment (time.monotonic) of the first hit; asks every PAUSE seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.hit():
                return time.monotonic()
            time.sleep(pause)
        raise Failure(f"an entry was not live after {seconds} s")


# -- list_push ---------------------------------------------------------------------------------------------------------------------------

def copy_of_slots(stage, name):
    """Seconds that PostgreSQL takes to COPY the list's slot rows into a table like theirs: what any way of storing them must take."""
    path = stage.folder / "slots.copy"
    of_list = f"SELECT s.* FROM platesieve.slots s JOIN platesieve.revisions r USING (segment) JOIN platesieve.lists l ON l.number = r.list WHERE l.id = '{name}'"
    stage.psql_client(f"\\copy ({of_list}) TO '{path}' WITH (FORMAT binary)")
    stage.psql("CREATE TABLE bench_copy (LIKE platesieve.slots)")
    try:
        took = stage.psql_client(f"\\copy bench_copy FROM '{path}' WITH (FORMAT binary)")
        return took, int(stage.psql("SELECT count(*) FROM bench_copy")[0][0])
    finally:
        stage.psql("DROP TABLE bench_copy")
        path.unlink()


def list_push(stage):
    count = 30_000 if stage.quick else 1_000_000
    stage.fresh(suite="hmac-sha256")
    path = stage.folder / "push.csv"
    pushes, copies = [], []
    for turn in range(1 if stage.quick else min(stage.pairs, 3)):
        name, prefix = f"bench-push-{turn}", f"Q{turn}"
        write_list(path, count, prefix)
        stage.list_create(name, "plate")
        watch = Watch(stage, count - 1, prefix)
        if watch.hit():
            raise Failure("a plate was listed before it was pushed")
        began = time.monotonic()
        told = stage.list_push(name, path)
        pushes.append(watch.until_hit(60) - began)
        took, rows = copy_of_slots(stage, name)
        copies.append(took)
        say(f"  {count:,} entries: {pushes[-1]:.2f} s until a hit on the last one ({told:.2f} s until the client was done); "
            f"COPY of its {rows:,} rows: {took:.2f} s")
    path.unlink()
    stage.fresh()
    yield Figure("list_push", median(pushes), "s", "psql COPY of the rows", median(copies), "<= 60 s", lambda figure: figure.value <= 60)


# -- list_tokenise -----------------------------------------------------------------------------------------------------------------------

def cpu_s(pid):
    """Processor time of a process, its threads included, in seconds."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def list_tokenise(stage):
    """A key server evaluates each token: three an entry (full, plate, similar) for each epoch, the open one and the coming one."""
    stage.fresh()
    count, took, bare, name, path = 3000 if stage.quick else 100_000, [], [], "bench-tokenise", stage.folder / "tokenise.csv"
    write_list(path, count, "Q5")
    stage.list_create(name, "similar")
    keys = stage.installation.keys.pid()
    for _ in range(1 if stage.quick else 2):
        bare.append(voprf_bench(stage, 20)["scalarmult_per_s"])
        keys_s, own_s = cpu_s(keys), resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(stage.list_push(name, path))
        keys_s, after_s = cpu_s(keys) - keys_s, resource.getrusage(resource.RUSAGE_CHILDREN)
        bare.append(voprf_bench(stage, 20)["scalarmult_per_s"])
        info = stage.installation.list_object(name)
        tokens, epochs = 3 * count * len(info["epochs"]), len(info["epochs"])
        client_s = after_s.ru_utime + after_s.ru_stime - own_s.ru_utime - own_s.ru_stime
        say(f"  {count:,} entries for {epochs} epochs, {tokens:,} tokens: {took[-1]:.1f} s, {tokens / took[-1]:,.0f} /s; processor time a token: "
            f"client {client_s * 1e6 / tokens:.0f} µs, key server {keys_s * 1e6 / tokens:.0f} µs")
    Watch(stage, count - 1, "Q5").until_hit(30)
    path.unlink()
    floor = 3 * tokens / median(bare) / len(os.sched_getaffinity(0))
    yield Figure("list_tokenise", median(took), "s", "3 scalarmult a token on all cores", floor, "<= 90 s", lambda figure: figure.value <= 90)


# -- entry_to_live -------------------------------------------------------------------------------------------------------------------------

def add_by_protocol(stage, name, number, prefix):
    """Adds an entry in three requests; returns the moment at which the commit was answered."""
    house = stage.installation
    lines = house.entry_lines(name, [{"plate": plate(number, prefix), "jurisdiction": "US-TX"}], USER)
    body = "".join(line + "\n" for line in lines).encode()
    revision = house.open_revision(name, "change", USER)
    house.put_part(name, revision, 1, body, USER)
    answer = house.post(f"/v1/lists/{name}/revisions/{revision}/commit", USER,
                        {"parts": 1, "entries": 1, "sha256": digest_of_parts([body])})
    if answer.status_code != 200:
        raise Failure(f"a commit was answered {answer.status_code}")
    return time.monotonic()


def add_by_command(stage, name, number, prefix):
    """Adds an entry by `platesieve list add`; returns the moment at which the command began."""
    path = stage.folder / "one.csv"
    path.write_text(f"plate,jurisdiction\n{plate(number, prefix)},US-TX\n", encoding="ascii")
    began = time.monotonic()
    stage.platesieve("list", "add", name, path, "--codes", "iso", identity=USER)
    return began


def to_live_ms(stage, name, add, number, prefix):
    """Milliseconds from what ADD returns to the first hit; the lane asks all the while."""
    watch, seen = Watch(stage, number, prefix), {}
    if watch.hit():
        raise Failure("a plate was listed before it was added")

    def look():
        try:
            seen["hit"] = watch.until_hit(20)
        except Failure as failure:
            seen["failure"] = failure
    looking = threading.Thread(target=look)
    looking.start()
    try:
        since = add(stage, name, number, prefix)
    finally:
        looking.join()
        watch.session.close()
    if "failure" in seen:
        raise seen["failure"]
    return max(0.0, seen["hit"] - since) * 1e3


def inserts_ms(stage, count):
    """One row and one sync each, as psql's \\timing tells them."""
    stage.psql("CREATE TABLE bench_insert (number bigint PRIMARY KEY, at timestamptz)")
    try:
        script = "\\timing on\n" + "".join(f"INSERT INTO bench_insert VALUES ({number}, now());\n" for number in range(count))
        told = stage.psql_script(script)
        return [float(line.split()[1]) for line in told.splitlines() if line.startswith("Time:")]
    finally:
        stage.psql("DROP TABLE bench_insert")


def entry_to_live(stage):
    turns, name, prefix = 4 if stage.quick else 15, "bench-live", "Q9"
    loaded(stage)  # beside ten million others
    stage.list_create(name, "plate")
    inserts = inserts_ms(stage, turns)
    commits = [to_live_ms(stage, name, add_by_protocol, number, prefix) for number in range(turns)]
    commands = [to_live_ms(stage, name, add_by_command, turns + number, prefix) for number in range(turns)]
    inserts += inserts_ms(stage, turns)
    for label, values in (("from the commit's answer", commits), ("from the start of `list add`", commands), ("insert with fsync", inserts)):
        say(f"  {label}: median {median(values):.1f} ms, longest {max(values):.1f} ms ({json.dumps([round(value, 1) for value in values])})")
    yield Figure("entry_to_live", median(commands), "ms", "insert with fsync", median(inserts), "longest <= 1000 ms",
                 lambda figure: max(commands + commits) <= 1000)
