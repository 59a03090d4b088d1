"""check_single: one read of one candidate with three tokens a request, 64 connections, against a million slots."""
from index import insert_slots, rows_of_slots
from lists import Watch
from made_up import write_list
from process import Failure
from profiling import profile
from report import Figure, median, say

GRADES = 3  # full, plate, similar: the tokens of a read, and the slots of an entry
SET = "slots"


PUSHED = 1000  # entries


def load_slots(stage, slots):
    """A list whose entries make SLOTS slots: the first of them through the front door."""
    path = stage.folder / "checks.csv"
    write_list(path, PUSHED)
    stage.list_create("bench-checks", "similar")
    stage.list_push("bench-checks", path)
    path.unlink()
    stage.installation.stop(("gate",))
    stage.installation.forget_connections()
    insert_slots(stage, "bench-checks", slots - PUSHED * GRADES)
    stage.installation.start(("gate",))
    Watch(stage, PUSHED - 1, "QQ").until_hit(15)
    if rows_of_slots(stage) < slots:
        raise Failure("the slots are not there")


def fill_redis(stage, port):
    """The same slots as members of one set; their number."""
    slots = list({slot for packed in stage.slot_rows() for slot in packed})
    path = stage.folder / "redis.commands"
    with open(path, "wb") as file:
        for start in range(0, len(slots), 1000):
            part = slots[start:start + 1000]
            file.write(b"*%d\r\n$4\r\nSADD\r\n$%d\r\n%s\r\n" % (len(part) + 2, len(SET), SET.encode()))
            file.write(b"".join(b"$16\r\n" + slot + b"\r\n" for slot in part))
    with open(path, "rb") as file:
        stage.redis_says(port, "--pipe", stdin=file)
    path.unlink()
    if stage.redis_says(port, "SCARD", SET) != str(len(slots)):
        raise Failure("Redis did not take all slots")
    return len(slots)


def median_of(runs, what):
    return median([run[what] for run in runs])


def describe(name, runs):
    middle = sorted(runs, key=lambda run: run["per_s"])[len(runs) // 2]
    latency = middle["latency_us"]
    say(f"  {name}: {median_of(runs, 'per_s'):,.0f} /s ({', '.join(format(run['per_s'], ',.0f') for run in runs)}); "
        f"p50 {latency['p50']:.0f} µs, p99 {latency['p99']:.0f} µs; processor time a request: server {median_of(runs, 'server_cpu_us'):.1f} µs, "
        f"generator {median_of(runs, 'own_cpu_us'):.1f} µs")


def say_shares(runs):
    """What a machine that is shared changes least.  Where others leave a server less than it could use, the ratio of what it answers goes down to this one."""
    ours, theirs = (median_of(runs[name], "server_cpu_us") for name in ("checks", "static"))
    say(f"  gate to microhttpd by the servers' processor time alone: {theirs / ours:.2f}")


def check_single(stage):
    load_slots(stage, 60_000 if stage.quick else 1_000_000)
    gate_port, gate_pid = stage.installation.asked["ports"]["gate"], stage.installation.gate.pid()
    lane = stage.folder / "lane.json"
    lane.write_text(stage.load("checks", gate_port, "--show-lane"))
    first = stage.load("checks", gate_port, "--lane", lane, seconds=0.3)
    bare, bare_port = stage.bare(first["answer_bytes"])
    redis, redis_port = stage.redis()
    say(f"  {fill_redis(stage, redis_port):,} slots in Redis as well")
    servers = [("checks", gate_port, ("--lane", lane), gate_pid), ("static", bare_port, ("--lane", lane), bare.pid),
               ("redis", redis_port, ("--set", SET), redis.pid)]
    runs = {name: [] for name, *_ in servers}
    for turn in range(stage.pairs):
        for name, port, more, pid in servers if turn % 2 == 0 else reversed(servers):
            runs[name].append(stage.load(name, port, *more, pid=pid))
    if stage.profile:
        profile(stage, gate_pid, lambda: stage.load("checks", gate_port, "--lane", lane))
    stage.end(bare)
    stage.end(redis)
    for name, label in (("checks", "gate"), ("static", "microhttpd"), ("redis", "redis")):
        describe(label, runs[name])
    pairs = [ours["per_s"] / theirs["per_s"] for ours, theirs in zip(runs["checks"], runs["static"])]
    say(f"  gate to microhttpd, turn by turn: {median(pairs):.2f} in the middle ({min(pairs):.2f} to {max(pairs):.2f})")
    say_shares(runs)
    rate = {name: median([run["per_s"] for run in results]) for name, results in runs.items()}
    yield Figure("check_single", rate["checks"], "1/s", "microhttpd", rate["static"], "ratio >= 0.75", lambda figure: figure.ratio >= 0.75)
    yield Figure("check_single", rate["checks"], "1/s", "redis", rate["redis"])
