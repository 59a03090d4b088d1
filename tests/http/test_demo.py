"""deploy/demo: the figures that it shows are the truth, and it leaves nothing behind."""
import collections
import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import plates
from house import TOP

import engines  # deploy/lib, which house.py has put into the path
import picture
import traffic

DEMO = TOP / "deploy/demo"
PROGRAMS = Path(os.environ.get("PLATESIEVE_BUILD") or TOP / "build").resolve()
GRADES = ("full", "plate", "similar", "near")


def demo(*argv, code=0, timeout=300):
    done = subprocess.run([str(DEMO), *(str(word) for word in argv)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, "PLATESIEVE_BUILD": str(PROGRAMS)}, check=False)
    assert done.returncode == code, (done.returncode, done.stdout[-3000:], done.stderr[-3000:])
    return done


def index_of(lists):
    """{(grade, jurisdiction, text): {(list, reference)}}"""
    index = collections.defaultdict(set)
    for one in lists:
        weakest = one.options[one.options.index("--grade") + 1]
        for plate, jurisdiction, reference in one.entries:
            for grade in plates.grades_from(weakest):
                for text in plates.texts(plate, jurisdiction, grade, "list"):
                    index[grade, *text].add((one.full_name, reference))
    return index


def expected(lists, passages):
    """What must come out, worked out from the lists and what the engines say alone.  Each message asks for what its vehicle was not asked about yet."""
    index = index_of(lists)
    told = {"reads": 0, "cleared": 0, "hits": 0, "again": 0, "matches": 0, "messages": 0, "vehicles": 0, "merged": 0, "unusable": 0, "unchecked": 0,
            "hits_by_grade": dict.fromkeys(GRADES, 0), "hits_by_list": collections.Counter()}
    for passage in passages:
        asked, matched = set(), set()
        for number, look in enumerate(passage.looks):
            told["messages"] += 1
            texts = {plates.canonical(text) for text, _ in look} - {None}
            fresh = texts - asked
            if not texts:
                told["unusable"] += 1
                continue
            asked |= texts
            told["vehicles"] += number == 0
            told["merged"] += not fresh
            if fresh:
                count(told, matches(index, fresh, passage.jurisdiction), number > 0, matched)
    return {**told, "hits_by_list": dict(told["hits_by_list"])}


def matches(index, texts, jurisdiction):
    """{entry: strongest grade}"""
    found = {}
    for grade in GRADES:
        for plate in texts:
            for text in plates.texts(plate, jurisdiction, grade, "lane"):
                for entry in index.get((grade, *text), ()):
                    found.setdefault(entry, grade)
    return found


def count(told, found, again, matched):
    """A vehicle is one read: cleared, or a hit once a look matched (docs/protocol.md, "What is counted").  MATCHED: what its looks before did."""
    told["again" if again else "reads"] += 1
    told["cleared"] += not again
    if found and not matched:
        told["cleared"] -= 1
        told["hits"] += 1
        told["hits_by_grade"][min(found.values(), key=GRADES.index)] += 1
    told["matches"] += len(set(found) - matched)
    told["hits_by_list"].update({name for name, _ in found} - {name for name, _ in matched})
    matched.update(found)


def several_grades(lists, passages):
    """How many vehicles match in one way at one look and in another at another: a hit has the grade of the look that was answered first, which on a
    busy machine need not be the one that was asked first."""
    index = index_of(lists)
    strongest = [{min(found.values(), key=GRADES.index) for look in passage.looks
                  if (found := matches(index, {plates.canonical(text) for text, _ in look} - {None}, passage.jurisdiction))} for passage in passages]
    return sum(len(grades) > 1 for grades in strongest)


def assert_right(told, lists, passages):
    """Returns what is right."""
    right = expected(lists, passages)
    assert {key: told[key] for key in right if key != "hits_by_grade"} == {key: value for key, value in right.items() if key != "hits_by_grade"}
    moved = sum(abs(told["hits_by_grade"][grade] - right["hits_by_grade"][grade]) for grade in GRADES)
    assert sum(told["hits_by_grade"].values()) == told["hits"] and moved <= 2 * several_grades(lists, passages), (told, right)
    return right


def stored_hits(hot_list, passages):
    """How many hits of a list are stored: one for an entry at a lane, within the cooldown."""
    index = index_of([hot_list])
    return len({(passage.lane, entry) for passage in passages for look in passage.looks
                for entry in matches(index, {text for text, _ in look if plates.canonical(text)}, passage.jurisdiction)})


def test_engines_say_what_passes():
    """Each kind of message is understood as it is meant; `platesieve lane try` says so."""
    passages = [next(one for one in traffic.make(300)[1] if one.engine == engine and one.plate) for engine in engines.ENGINES]
    for passage in passages:
        for number, look in enumerate(passage.looks):
            path, kind, body = engines.message(passage, number, time.time(), picture.png(passage.plate))
            done = subprocess.run([str(PROGRAMS / "platesieve"), "lane", "try", "--json", "--type", kind, passage.engine], input=body, capture_output=True, check=False)
            assert path == f"/engines/{passage.engine}" and done.returncode == 0, done.stderr
            read, = json.loads(done.stdout)["reads"]
            assert [one["plate"] for one in read["candidates"]] == [plates.canonical(text) for text, _ in look]
            assert (read["jurisdiction"] or "") == passage.jurisdiction and (read["picture"] is not None) == passage.pictured
            assert str(passage.camera) in read["camera"] and abs(read["candidates"][0]["confidence"] - look[0][1]) < 0.006


@pytest.mark.parametrize("options", [(), ("--suite", "hmac-sha256")], ids=["default", "hmac-sha256"])
def test_figures_are_the_truth(options):
    done = demo("--json", "--count", 600, "--seconds", 5, *options)
    told = json.loads(done.stdout.splitlines()[-1])
    lists, passages = traffic.make(600)
    right = assert_right(told, lists, passages)
    assert set(told) == {*right, "latency_ms", "stored_rows_for_non_matches", "agencies"}
    assert (options[-1] if options else "voprf-ristretto255-sha512") in done.stderr
    assert right["hits"] > 10 and right["reads"] == 600 and right["unusable"] == 3 and right["merged"] > 200 and right["again"] > 20 and {one.engine for one in passages} == set(engines.ENGINES)
    assert told["reads"] == told["cleared"] + told["hits"] and told["vehicles"] == 600
    assert sum(told["hits_by_grade"].values()) == told["hits"] <= sum(told["hits_by_list"].values()) <= told["matches"]
    assert told["stored_rows_for_non_matches"] == 0
    assert 0 < told["latency_ms"]["p50"] <= told["latency_ms"]["p99"]
    assert "customs/stolen" in done.stderr and "marshals/abduction" in done.stderr
    agencies = told["agencies"]
    assert (agencies["shared_before"], agencies["shared_after"]) == (0, 1)
    assert agencies["lane_says"] == ["confirmed"]
    assert agencies["pictures"] == stored_hits(lists[0], [one for one in passages if one.pictured])
    assert lists[2].covert and agencies["covert_hits"] == stored_hits(lists[2], passages)
    assert agencies["opened"]["sha256"] == agencies["opened_by_partner"]["sha256"]
    assert "customs/observed" not in done.stderr[done.stderr.index("alerts as they come"):done.stderr.index("Reads")]


def test_killing_and_corrupting_a_key_server_changes_nothing():
    """But warnings, which name it: the figures are those that the lists and reads give."""
    done = demo("--json", "--count", 500, "--seconds", 10, "--key-servers", 3)
    told = json.loads(done.stdout.splitlines()[-1])
    assert assert_right(told, *traffic.make(500))["hits"] > 3
    assert told["stored_rows_for_non_matches"] == 0
    said = done.stderr
    assert said.index("key server 2 is killed") < said.index("key server 2 is back") < said.index("key server 3 is corrupted")
    assert "the gate says: keys-2 is away" in said and "the gate says: keys-3 is at fault" in said
    assert any("keys-2" in line or "keys-3" in line for line in told["warnings"])  # which two a lane asks first is chance
    assert not any("keys-1" in line and "no answer" not in line for line in told["warnings"])


def test_own_files_keep_and_remove(tmp_path):
    reads, watch = tmp_path / "reads.csv", tmp_path / "watch.csv"
    reads.write_text("plate,state\nZZZ9999,TX\nQQ41HX7,TX\n\u00a0qq41hx7 ,NM\n,TX\nQQ41HX7,99\n1QQFAKE00VIN00017,TX\nQQ41HX7,\n")
    watch.write_text("plate,state\nQQ41HX7,TX\n")
    folder = Path(tempfile.mkdtemp(prefix="platesieve-test-", dir="/tmp")) / "demo"
    try:
        done = demo("--json", "--reads", reads, "--watch", watch, "--codes", "usps", "--keep", "--dir", folder)
        told = json.loads(done.stdout.splitlines()[-1])
        assert (told["reads"], told["cleared"], told["hits"], told["unusable"]) == (5, 1, 4, 2)
        assert told["hits_by_list"] == {"customs/watch": 4}
        assert (told["hits_by_grade"]["full"], told["hits_by_grade"]["plate"]) == (1, 3)
        assert told["stored_rows_for_non_matches"] == 0
        assert str(folder) in done.stderr and "platesieve" in done.stderr
        status = subprocess.run([str(TOP / "deploy/local"), "status", str(folder), "--json"], capture_output=True, text=True, check=False)
        assert json.loads(status.stdout)["running"]
    finally:
        subprocess.run([str(TOP / "deploy/local"), "down", str(folder), "--purge"], check=False, capture_output=True)
    assert not folder.exists()


def processes_of(folder):
    done = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False)
    return done.stdout.split()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_leaves_nothing(number):
    folder = Path(tempfile.mkdtemp(prefix="platesieve-test-", dir="/tmp")) / "demo"
    with subprocess.Popen([str(DEMO), "--dir", str(folder), "--count", "20000", "--seconds", "300"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**os.environ, "PLATESIEVE_BUILD": str(PROGRAMS)},
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler)) as running:  # what started us may ignore it
        for line in running.stdout:
            if "alerts as they come" in line:
                break
        time.sleep(1)
        running.send_signal(number)
        rest = running.stdout.read()
        assert running.wait(60) == 130, rest
    assert not folder.exists()
    assert processes_of(folder) == []
    folder.parent.rmdir()


def test_usage():
    assert "--watch" in demo("--help").stdout
    demo("--reads", "/dev/null", code=2)
    demo("--reads", "/no/such/file", "--watch", "/no/such/file", code=2)


def usable(text):
    """What the lane makes of a plate in a row: damaged by a spreadsheet, or a word that says that there is none."""
    form = plates.canonical(text)
    return form is not None and not re.search(r"[0-9]\.00$", text) and text not in ("BLANKPLATE", "N/S")


def test_real_reads(shared, tmp_path):
    """23,478 reads of New York with 200 of their plates on the list: each read of a listed plate hits, none other does at `full`."""
    source = shared / "data/reads_nyc.csv"
    with open(source, encoding="utf-8", newline="") as file:
        reads = list(csv.DictReader(file))
    assert len(reads) == 23478
    known = [row for row in reads if usable(row["plate"]) and row["state"] in ("NY", "NJ", "PA", "CT", "FL", "TX", "MA")]
    pairs = list(dict.fromkeys((plates.canonical(row["plate"]), row["state"]) for row in known))
    listed = dict(pairs[::len(pairs) // 200][:200])
    assert len(listed) == 200
    watch = tmp_path / "watch.csv"
    with open(watch, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("plate", "state"), *listed.items()])
    begin = time.monotonic()
    told = json.loads(demo("--json", "--reads", source, "--watch", watch, "--codes", "usps", timeout=600).stdout.splitlines()[-1])
    print(f"demo over reads_nyc.csv: {time.monotonic() - begin:.0f} s, {told}", file=sys.stderr)
    fine = [row for row in reads if usable(row["plate"])]
    hits = [row for row in fine if plates.canonical(row["plate"]) in listed]
    full = [row for row in hits if listed[plates.canonical(row["plate"])] == row["state"]]
    assert told["unusable"] == len(reads) - len(fine) > 20
    assert (told["reads"], told["hits"], told["cleared"]) == (len(fine), len(hits), len(fine) - len(hits))
    assert told["hits_by_grade"]["full"] == len(full)
    assert told["hits_by_grade"]["full"] + told["hits_by_grade"]["plate"] == len(hits)
    assert told["stored_rows_for_non_matches"] == 0
