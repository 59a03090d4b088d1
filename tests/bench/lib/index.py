"""index_lookup, index_load, index_bytes_per_slot: the index in memory, alone and as the gate loads it from PostgreSQL."""
import json
import re
import subprocess
import time

from made_up import plate, write_list
from process import Failure, wait_until
from report import Figure, median, say
from stage import OPEN_EPOCH, anonymous_bytes

LIST = "bench-load"
SLOTS_PER_ENTRY = 3  # full, plate, similar


# -- index_lookup --------------------------------------------------------------------------------------------------------------------------

def index_lookup(stage):
    slots = 1_000_000 if stage.quick else 10_000_000
    done = subprocess.run([str(stage.programs / "tests/bench/index_bench"), "--json", "--slots", str(slots)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"index_bench failed: {done.stderr.strip()}")
    told = json.loads(done.stdout)
    say(f"  {slots:,} slots: {told['lookup_ns']:.0f} ns one after the other, {told['lookup_prefetched_ns']:.0f} ns in batches with prefetch (as a "
        f"check does it); {told['bytes_per_slot']:.2f} bytes a slot, {told['entry_bytes_per_entry']:.2f} an entry; "
        f"{told['add_s']:.2f} s to add them all, {told['add_single_us']:.1f} µs to add one more")
    yield Figure("index_lookup", told["lookup_ns"], "ns", "bsearch in a sorted array", told["bsearch_ns"])


# -- many slots in PostgreSQL ----------------------------------------------------------------------------------------------------------------

def insert_slots(stage, name, slots):
    """Entries and slots beside those of the revision of list NAME, as if it had been pushed with them: made up in SQL, because it is the
    loading, or the looking up, that is measured.  The gate is stopped meanwhile."""
    entries = -(-slots // SLOTS_PER_ENTRY)
    key = "hashint8extended(n, 0)"
    numbers = f"(SELECT n FROM generate_series(1::bigint, {entries}) AS n ORDER BY n / 30000, {key}) AS m"  # as parts leave them
    where = f"(SELECT r.list, r.segment FROM revisions r JOIN lists l ON l.number = r.list WHERE l.id = '{name}' AND r.state = 1) AS r"
    packed = " || ".join(f"substr(h, {16 * grade + 1}, 16) || int8send(n) || '\\x0{grade}'" for grade in range(SLOTS_PER_ENTRY))
    began = time.monotonic()
    stage.psql_script(f"""
        SET search_path = platesieve;
        SET synchronous_commit = off;
        BEGIN;
        INSERT INTO entries (key, list, segment, part, reference)
            SELECT {key}, r.list, r.segment, 1, 'made-up-' || n FROM {numbers}, {where};
        INSERT INTO slots (entry, segment, part, epoch, count, near, packed)
            SELECT {key}, r.segment, 1, ({OPEN_EPOCH}), {SLOTS_PER_ENTRY}, false, {packed}
            FROM {numbers}, LATERAL (SELECT sha512(int8send(n)) AS h OFFSET 0) AS hashed, {where};
        UPDATE lists SET entries = entries + {entries} WHERE id = '{name}';
        UPDATE list_epochs SET slots = slots + {entries * SLOTS_PER_ENTRY} WHERE list = (SELECT number FROM lists WHERE id = '{name}');
        COMMIT;
        CHECKPOINT;
        ANALYZE slots, entries;
    """)
    say(f"  {entries:,} entries and {entries * SLOTS_PER_ENTRY:,} slots made in SQL in {time.monotonic() - began:.1f} s")
    seal(stage, name)
    return entries * SLOTS_PER_ENTRY


def seal(stage, name):
    """A gate loads nothing that gates did not make, unless its operator vouches for it."""
    began = time.monotonic()
    done = subprocess.run([str(stage.programs / "platesieved"), "reseal", "--config", str(stage.installation.folder / "etc/gate.conf"),
                           f"customs/{name}"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"reseal failed: {done.stderr.strip()}")
    say(f"  sealed by the operator in {time.monotonic() - began:.1f} s")


def rows_of_slots(stage):
    return int(stage.psql("SELECT coalesce(sum(count), 0) FROM platesieve.slots")[0][0])


class Loaded:
    """A gate with many slots, and no others: an installation of its own.  Made once for all figures that want it."""

    def __init__(self, stage):
        stage.fresh()
        self.house = stage.installation
        wanted = 600_000 if stage.quick else 10_000_000
        path = stage.folder / "load.csv"
        write_list(path, 1, "Q8")
        stage.list_create(LIST, "similar")
        stage.list_push(LIST, path)
        self.house.stop(("gate",))
        insert_slots(stage, LIST, wanted - rows_of_slots(stage))
        self.rows = rows_of_slots(stage)
        self.start_s = []

    def start_gate(self):
        """Starts the gate; seconds until it says that it is ready, with every slot."""
        began = time.monotonic()
        self.house.start(("gate",))
        if not wait_until(lambda: self.house.ready().get("ready"), 120, 0.01):
            raise Failure("the gate does not get ready")
        self.start_s.append(time.monotonic() - began)
        told = self.index()["slots"]
        if told < self.rows:
            raise Failure(f"the gate loaded {told:,} of {self.rows:,} slots")
        if self.house.check(plate(0, "Q8"))["answer"] != "hit":
            raise Failure("a listed plate is clear")

    def stop_gate(self):
        self.house.stop(("gate",))
        self.house.forget_connections()

    def index(self):
        """slots, bytes, entries, entries_bytes: as the gate counts them."""
        return self.house.get("/v1/status", "operator/gate/olga").json()["index"]


def loaded(stage):
    if not stage.loaded:
        stage.loaded = Loaded(stage)
        stage.loaded.start_gate()
    return stage.loaded


def index_load(stage):
    state = loaded(stage)
    copies = []
    for _ in range(1 if stage.quick else min(stage.pairs, 3)):
        state.stop_gate()
        copies.append(stage.psql_client("\\copy (SELECT entry, segment, packed FROM platesieve.slots) TO '/dev/null' WITH (FORMAT binary)"))
        state.start_gate()
        say(f"  {state.rows:,} slots: ready {state.start_s[-1]:.2f} s after the gate's start; psql's COPY of them to /dev/null {copies[-1]:.2f} s")
    starts = state.start_s[-len(copies):]
    yield Figure("index_load", median(starts), "s", "psql COPY to /dev/null", median(copies), "<= 10 s", lambda figure: figure.value <= 10)


# -- index_bytes_per_slot ------------------------------------------------------------------------------------------------------------------------

def redis_bytes_per_member(stage, count):
    """What a set of as many random members of 16 bytes takes in Redis."""
    redis, port = stage.redis()
    used = lambda: int(re.search(r"used_memory:(\d+)", stage.redis_says(port, "INFO", "memory"))[1])  # noqa: E731
    before = used()
    stage.redis_says(port, "EVAL", "for i = 1, tonumber(ARGV[1]) do redis.call('SADD', KEYS[1], string.sub(redis.sha1hex(i), 1, 16)) end",
                     "1", "slots", count)
    per_member = (used() - before) / count
    stage.end(redis)
    return per_member


def index_bytes_per_slot(stage):
    state = loaded(stage)
    told, grown = state.index(), anonymous_bytes(state.house.gate.pid()) - stage.empty_bytes
    redis = redis_bytes_per_member(stage, 200_000 if stage.quick else 1_000_000)
    resident = (grown - told["entries_bytes"]) / told["slots"]
    say(f"  {told['slots']:,} slots, {told['entries']:,} entries: the gate counts {told['bytes'] / told['slots']:.2f} bytes a slot and "
        f"{told['entries_bytes'] / max(1, told['entries']):.2f} an entry; its process grew by {grown / 1e6:.0f} MB since it was empty, "
        f"which without the entries is {resident:.2f} bytes a slot")
    yield Figure("index_bytes_per_slot", resident, "bytes", "Redis set", redis, "<= 32", lambda figure: figure.value <= 32)
