"""deploy/demo: one installation, its lists, its reads, and what is left of them."""
import argparse
import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import agencies
import picture
import traffic
from census import Census
from demo_lanes import RowLane, ServiceLane
from installation import SUITES, TOP, Installation
from process import Failure, wait_until
from trouble import Trouble

GRADES = ("full", "plate", "similar", "near")
SECOND = {"agency/customs/ana": "agency/customs/eva", "agency/marshals/ben": "agency/marshals/mia"}  # of the same agency


def options_of(argv):
    parser = argparse.ArgumentParser(prog="deploy/demo")
    parser.add_argument("--reads", type=Path, metavar="FILE")
    parser.add_argument("--watch", type=Path, metavar="FILE")
    parser.add_argument("--codes", choices=("iso", "ncic", "aamva", "usps"))
    parser.add_argument("--grade", choices=GRADES, default="plate")
    parser.add_argument("--count", type=int, default=1000, metavar="N")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S")
    parser.add_argument("--suite", choices=SUITES, default=SUITES[0])
    parser.add_argument("--key-servers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--dir", type=Path, metavar="DIR")
    options = parser.parse_args(argv)
    if bool(options.reads) != bool(options.watch):
        parser.error("--reads and --watch go together")
    for file in (options.reads, options.watch):
        if file and not os.access(file, os.R_OK):
            parser.error(f"can't read {file}")
    if options.key_servers == 3 and options.suite != SUITES[0]:
        parser.error(f"keys are shared under {SUITES[0]} only")
    if options.count < 1 or options.seconds < 0:
        parser.error("--count is at least 1, --seconds at least 0")
    return options


class Demo:
    def __init__(self, options):
        self.options = options
        self.folder = options.dir or Path(tempfile.mkdtemp(prefix="platesieve-demo-", dir="/tmp"))
        self.installation = Installation(self.folder)
        self.lanes, self.alerts, self.trouble = [], [], None
        self.agencies, self.pictures = agencies.Agencies(self.client, self.installation), self.folder / "client/pictures"
        self.printing = threading.Lock()

    def say(self, text=""):
        with self.printing:
            print(text, file=sys.stderr if self.options.json else sys.stdout, flush=True)

    # -- the lists ----------------------------------------------------------------------------------------------------------

    def client(self, *argv, remarks=False):
        """Runs `platesieve` to its end; with REMARKS, exit code 3 (rows kept without `full`, or unusable) is fine."""
        done = subprocess.run([str(self.installation.programs / "platesieve"), *(str(word) for word in argv)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env={**os.environ, **self.installation.environment()}, check=False)
        if done.returncode and not (remarks and done.returncode == 3):
            raise Failure(f"platesieve {argv[0]} {argv[1]} left with code {done.returncode}: {done.stderr.strip()}")
        return done

    def make_list(self, owner, name, options, file, codes):
        special = {"--covert", "near"} & set(options)  # these end, and take two people
        ends = ["--ends", "30d"] if special and "--ends" not in options else []
        self.client("list", "create", "--as", owner, *options, *ends, name)
        if special:
            self.client("list", "approve", "--as", SECOND[owner], name, "--yes")
        done = self.client("list", "push", "--as", owner, "--codes", codes, name, file, remarks=True)
        for line in done.stderr.splitlines() if done.returncode else ():
            self.say(f"               {line}")

    def push_lists(self):
        """Returns the names (agency/list) of what was pushed."""
        if self.options.watch:
            self.make_list("agency/customs/ana", "watch", ["--category", "watch", "--grade", self.options.grade], self.options.watch,
                           self.options.codes or "iso")
            names = ["customs/watch"]
        else:
            for one in self.lists:
                file = self.folder / "client" / f"{one.name}.csv"
                with open(file, "w", encoding="utf-8", newline="") as out:
                    csv.writer(out).writerows([("plate", "jurisdiction", "reference"), *one.entries])
                self.make_list(one.owner, one.name, one.options, file, "iso")
            names = [one.full_name for one in self.lists]
        wait_until(lambda: all(name in self.live() for name in names), 30)
        for name in names:
            if name not in self.live():
                raise Failure(f"the gate does not know {name} after 30 s")
            grade = self.options.grade if self.options.watch else next(one.options[3] for one in self.lists if one.full_name == name)
            covert = any(one.covert for one in self.lists if one.full_name == name)
            self.say(f"  list         {name}: {self.live()[name]['entries']} entries, grade {grade}{', covert' if covert else ''}")
        return names

    def live(self):
        """{agency/list: state} of the lists that the gate answers from."""
        return {f"{one['agency']}/{one['list']}": one for one in self.installation.auditor_status()["lists"] if one["revision"] > 0}

    # -- the reads ----------------------------------------------------------------------------------------------------------

    def alert(self, identity, alert):
        """One alert of a lane."""
        self.alerts.append((identity, alert))
        where, name = identity.split("/", 1)[1], f"{alert['agency']}/{alert['list']}"
        plate = f"{alert.get('plate', '')} {alert.get('jurisdiction') or ''}".strip()
        words = f"“{alert['instruction']}”" if alert.get("instruction") else ""
        engine = f"{alert['engine']:<16} " if "engine" in alert else ""
        self.say(f"  {time.strftime('%H:%M:%S')}  {where:<8} {engine}{alert['grade']:<8} {name:<18} {plate:<14} {words}".rstrip())

    def take_pictures(self):
        """What the cameras took: of each listed vehicle one, and one that stands for all others."""
        self.pictures.mkdir()
        listed = {plate for one in self.lists for plate, _, _ in one.entries}
        self.picture_of = {plate: picture.png(plate) for plate in ("", *sorted(listed))}
        for plate, png in self.picture_of.items():
            (self.pictures / f"{plate or 'other'}.png").write_bytes(png)

    def services(self):
        """Lanes as services, and what their engines say, spread over --seconds."""
        for identity in traffic.LANES:
            self.lanes.append(ServiceLane(self.installation, identity, self.alert))
        for lane in self.lanes:
            lane.feed([one for one in self.passages if one.lane == lane.identity],
                      lambda one: self.options.seconds * one.number / len(self.passages),
                      lambda one: self.picture_of.get(one.plate, self.picture_of[""]))

    def happens(self, text):
        self.say(f"  {time.strftime('%H:%M:%S')}  {text}")

    def run_lanes(self):
        if self.options.reads:
            with open(self.options.reads, "rb") as feed:
                self.lanes = [RowLane(self.installation, "reader/north/1", self.options.codes or "iso", feed, self.alert)]
        else:
            self.services()
        begin = time.monotonic()
        if self.options.key_servers == 3:
            self.trouble = Trouble(self.installation, self.options.seconds, self.happens)
            self.trouble.start()
        for lane in self.lanes:
            lane.settle()
        took = time.monotonic() - begin
        self.officer()
        for lane in self.lanes if self.lists else ():
            lane.wait_pictures(len(self.pictured(lane.identity)))
        for lane in self.lanes:
            lane.end()
        if self.trouble:
            self.trouble.end()
        return took

    def pictured(self, lane=None):
        """Hits on the list with recipients for pictures, of which an engine sent one (at LANE)."""
        return {alert["hit"] for identity, alert in self.alerts if alert["list"] == agencies.LIST and alert["image"] and lane in (None, identity)}

    def officer(self):
        """Somebody at a lane looks at an alert, and says that it is right."""
        seen = next(((identity, alert["hit"]) for identity, alert in self.alerts if alert["list"] == agencies.LIST), None) if self.lists else None
        for lane in self.lanes:
            if seen and lane.identity == seen[0]:
                lane.judge(seen[1], "confirmed")

    # -- what is left -------------------------------------------------------------------------------------------------------

    def run(self):
        self.lists, self.passages = ([], []) if self.options.reads else traffic.make(self.options.count)
        begin = time.monotonic()
        self.installation.prepare({}, {"keys.keyd.suite": self.options.suite}, self.options.key_servers)
        self.installation.start()
        servers = "key server" if self.options.key_servers == 1 else "three key servers that share their keys"
        self.say(f"  installation {self.folder}: PostgreSQL, CA, {servers} ({self.options.suite}), gate ({time.monotonic() - begin:.1f} s)")
        self.push_lists()
        if self.lists:
            self.take_pictures()
            self.agencies.prepare()
        census = Census(self.installation)
        before = census.take()
        self.say(f"  reads        {self.options.reads or f'{self.options.count} made-up vehicles over {self.options.seconds:g} s'}; alerts as they come:")
        took = self.run_lanes()
        if not wait_until(lambda: self.installation.auditor_status()["spool"]["depth"] == 0, 30, 0.1):
            raise Failure("the spool does not drain")
        checks, stored = self.installation.auditor_status()["checks"], census.compare(before, census.take())
        if self.lists:
            self.agencies.sealed_everywhere(len(self.pictured()))
            self.agencies.look(self.pictures)
        return self.result(checks, stored, took)

    def result(self, checks, stored, took):
        """The figures of the last line, and those for people."""
        figures = {name: checks[name] for name in ("reads", "cleared", "hits", "again", "matches", "hits_by_list", "hits_by_grade")}
        for lane in self.lanes:
            for name, value in lane.figures().items():
                figures[name] = figures.get(name, 0) + value
        figures["latency_ms"] = {name: max(lane.latency()[name] for lane in self.lanes) for name in ("p50", "p99")}
        figures["stored_rows_for_non_matches"] = stored["rows_for_non_matches"]
        if self.lists:
            figures["agencies"] = self.agencies.figures
        if self.trouble:
            figures["warnings"] = self.warnings()
        self.tell(figures, checks, stored, took)
        return figures

    def warnings(self):
        """What lanes said of key servers, each server by its name."""
        said = sorted({line for lane in self.lanes for line in lane.messages if "key server" in line})
        for name in self.installation.key_names:
            said = [line.replace(self.installation.url_of(name), name) for line in said]
        return said

    def tell(self, figures, checks, stored, took):
        share = f"{100 * figures['hits'] / figures['reads']:.2f} %" if figures["reads"] else "-"
        where = f"in {took:.1f} s, on {len(self.lanes)} lane{'s' if len(self.lanes) > 1 else ''}"
        engines = len({one.engine for one in self.passages})
        slowest = "from the last byte of a message to its alert, on the slowest lane" if self.lists else "from a request to its answer"
        rows = [
            *((("Messages", f"{figures['messages']:,}", f"of {engines} kinds of camera engines, {where}"),
               ("Vehicles", f"{figures['vehicles']:,}", f"{figures['merged']:,} messages told nothing new of theirs; {figures['again']:,} times a later look was asked about"))
              if self.lists else ()),
            ("Reads", f"{figures['reads']:,}", "one a vehicle, however often it was looked at" if self.lists else where),
            ("Cleared", f"{figures['cleared']:,}", "nothing is left of them but this count"),
            ("Hits", f"{figures['hits']:,}", f"{share} of the reads; {figures['matches']:,} matches of a read and an entry"
             + (f"; {checks['covert']} of them covert: the lane was told clear" if checks["covert"] else "")),
            *((f"  {name}", f"{figures['hits_by_grade'].get(name, 0):,}", "") for name in GRADES),
            *((f"  {name}", f"{count:,}", "") for name, count in sorted(figures["hits_by_list"].items())),
            ("Unusable", f"{figures['unusable']:,}", "no plate in them"),
            ("Unchecked", f"{figures['unchecked']:,}", "reads that no gate answered"),
            ("Latency", f"{figures['latency_ms']['p50']:.2f} ms", f"at the 50th percentile, {figures['latency_ms']['p99']:.2f} ms at the 99th: {slowest}"),
        ]
        self.say("")
        for name, value, words in rows:
            self.say(f"  {name:<22} {value:>9}  {words}".rstrip())
        if self.trouble:
            self.say("")
            self.say("  What the lanes said of it")
            for line in figures["warnings"]:
                self.say(f"    {line}")
        self.say("")
        self.say("  Stored now, about whom")
        if stored["hits"]:
            self.say(f"    per hit              {stored['hit_rows'] / figures['hits']:>9.1f} rows, "
                     f"{stored['hit_bytes'] / figures['hits']:.0f} bytes: list, entry, lane, time, grade; no plate")
        lost = figures["stored_rows_for_non_matches"]
        self.say(f"    per non-match        {lost / max(1, figures['cleared']):>9.1f} rows, 0 bytes" if lost == 0 else
                 f"    for non-matches      {lost:>9} rows that no listed entry explains")
        self.say(f"    not yet in the database {self.installation.auditor_status()['spool']['depth']:>6} rows in the gate's spool")
        self.agencies.tell(self.say)

    def look_around(self):
        self.say(f"""
  It still runs.  To look around:
    . {self.folder}/env
    platesieve --as agency/customs/ana hits
    platesieve --as operator/gate/olga status
    {TOP}/deploy/local status {self.folder}
    {TOP}/deploy/local down {self.folder} --purge      (stops and removes it)""")

    def close(self, keep):
        """Ends what still runs and, unless it is kept, takes the installation away."""
        for lane in self.lanes:
            lane.stop()
        if self.trouble:
            self.trouble.over.set()
            self.trouble.join()
        if keep or not self.installation.exists():
            return
        self.installation.stop()
        self.installation.cluster.remove_socket()
        shutil.rmtree(self.folder, ignore_errors=True)


def interrupted(_number, _frame):
    raise KeyboardInterrupt


def main():
    os.umask(0o077)
    options = options_of(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    demo, keep, code = Demo(options), False, 1
    try:
        figures = demo.run()
        keep, code = options.keep, 0
        if keep:
            demo.look_around()
    except Failure as failure:
        demo.say(f"demo: {failure}")
    except KeyboardInterrupt:
        demo.say("demo: interrupted")
        code = 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        demo.close(keep)
    if code == 0 and options.json:
        print(json.dumps(figures))
    return code


if __name__ == "__main__":
    sys.exit(main())
