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

import picture
import traffic
from agencies import Agencies
from census import Census
from installation import SUITES, TOP, Installation
from process import Failure, wait_until
from trouble import Trouble

GRADES = ("full", "plate", "similar", "near")
SECOND = {"agency/customs/ana": "agency/customs/eva", "agency/marshals/ben": "agency/marshals/mia"}  # of the same agency
AGENCIES = ("agency/customs/ana", "agency/marshals/ben")


def options_of(argv):
    parser = argparse.ArgumentParser(prog="deploy/demo")
    parser.add_argument("--reads", type=Path, metavar="FILE")
    parser.add_argument("--watch", type=Path, metavar="FILE")
    parser.add_argument("--codes", choices=("iso", "ncic", "aamva", "usps"))
    parser.add_argument("--grade", choices=GRADES, default="plate")
    parser.add_argument("--count", type=int, default=2000, metavar="N")
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


class Lane:
    """One `platesieve lane`, fed line by line; its alerts are handed to EACH as they come, its summary is kept."""

    def __init__(self, installation, identity, codes, feed, each):
        self.identity, self.summary, self.messages, self.remarks = identity, {}, [], []
        self.child = subprocess.Popen([str(installation.programs / "platesieve"), "lane", "--as", identity, "--codes", codes, "--json", "--show-plates"],
                                      stdin=feed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env={**os.environ, **installation.environment()})
        self.threads = [threading.Thread(target=self.listen, args=(each,)), threading.Thread(target=self.collect)]
        for thread in self.threads:
            thread.start()

    def listen(self, each):
        for line in self.child.stdout:
            told = json.loads(line)
            if "summary" in told:
                self.summary = told["summary"]
            elif "alerts" in told:
                each(self.identity, told)
            elif "remark" in told:
                self.remarks.append(told)

    def collect(self):
        self.messages = [line.rstrip("\n") for line in self.child.stderr]

    def end(self):
        """Waits until it has done all; returns its exit code."""
        if self.child.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.child.stdin.close()
        code = self.child.wait()
        for thread in self.threads:
            thread.join()
        return code

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


class Demo:
    def __init__(self, options):
        self.options = options
        self.folder = options.dir or Path(tempfile.mkdtemp(prefix="platesieve-demo-", dir="/tmp"))
        self.installation = Installation(self.folder)
        self.lanes, self.alerts, self.trouble = [], 0, None
        self.agencies, self.pictures = Agencies(self.client, self.installation), self.folder / "client/pictures"
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

    def alert(self, identity, told):
        """One line of a lane's JSON: a read that hit."""
        for alert in told.get("alerts", ()):
            self.alerts += 1
            where = identity.split("/", 1)[1]
            plate = f"{told.get('plate', '')} {told.get('jurisdiction') or ''}".strip()
            words = f"“{alert['instruction']}”" if alert.get("instruction") else ""
            self.say(f"  {time.strftime('%H:%M:%S')}  {where:<8} {alert['grade']:<8} {alert['agency']}/{alert['list']:<12} {plate:<16} {words}".rstrip())

    def take_pictures(self):
        """What the cameras took: of each listed vehicle one, and one that stands for all others."""
        self.pictures.mkdir()
        listed = {plate for one in self.lists for plate, _, _ in one.entries}
        for plate in ("", *sorted(listed)):
            (self.pictures / f"{plate or 'other'}.png").write_bytes(picture.png(plate))
        self.picture_of = {plate: self.pictures / f"{plate}.png" for plate in listed}

    def made_up(self):
        """Feeds the made-up reads to their lanes, spread over --seconds."""
        self.lanes = [Lane(self.installation, identity, "iso", subprocess.PIPE, self.alert) for identity in traffic.LANES]
        by_name = {lane.identity: lane.child.stdin for lane in self.lanes}
        for feed in by_name.values():
            feed.write("plate,jurisdiction,image\n")
        begin = time.monotonic()
        for number, read in enumerate(self.reads):
            ahead = begin + self.options.seconds * number / len(self.reads) - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            try:
                csv.writer(by_name[read.lane], lineterminator="\n").writerow(
                    (read.plate, read.jurisdiction, self.picture_of.get(read.vehicle, self.pictures / "other.png")))
                by_name[read.lane].flush()
            except BrokenPipeError:
                return  # that lane has ended; why, it says itself

    def happens(self, text):
        self.say(f"  {time.strftime('%H:%M:%S')}  {text}")

    def run_lanes(self):
        begin = time.monotonic()
        if self.options.key_servers == 3:
            self.trouble = Trouble(self.installation, self.options.seconds, self.happens)
            self.trouble.start()
        if self.options.reads:
            with open(self.options.reads, "rb") as feed:
                self.lanes = [Lane(self.installation, "reader/north/1", self.options.codes or "iso", feed, self.alert)]
        else:
            self.made_up()
        codes = {lane.identity: lane.end() for lane in self.lanes}
        took = time.monotonic() - begin
        if self.trouble:
            self.trouble.end()
        for lane in self.lanes:
            if codes[lane.identity] not in (0, 3):
                raise Failure(f"lane {lane.identity} left with code {codes[lane.identity]}: " + "\n".join(lane.messages[-5:]))
        return took

    # -- what is left -------------------------------------------------------------------------------------------------------

    def run(self):
        self.lists, self.reads = ([], []) if self.options.reads else traffic.make(self.options.count)
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
        self.say(f"  reads        {self.options.reads or f'{self.options.count} made-up ones over {self.options.seconds:g} s'}; alerts as they come:")
        took = self.run_lanes()
        if not wait_until(lambda: self.installation.auditor_status()["spool"]["depth"] == 0, 30, 0.1):
            raise Failure("the spool does not drain")
        checks, stored = self.installation.auditor_status()["checks"], census.compare(before, census.take())
        if self.lists:
            self.agencies.sealed_everywhere(sum(lane.summary["pictures"].get("stored", 0) for lane in self.lanes))
            self.agencies.look(self.pictures)
        return self.result(checks, stored, took)

    def result(self, checks, stored, took):
        """The figures of the last line, and those for people."""
        figures = {name: checks[name] for name in ("reads", "cleared", "hits", "hits_by_list", "hits_by_grade")}
        figures["unusable"] = sum(lane.summary["unusable"] for lane in self.lanes)
        figures["latency_ms"] = latency([lane.summary for lane in self.lanes])
        figures["stored_rows_for_non_matches"] = stored["rows_for_non_matches"]
        if self.lists:
            figures["agencies"] = self.agencies.figures
        if self.trouble:
            figures["unchecked"] = sum(lane.summary["unchecked"] for lane in self.lanes)
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
        rows = [
            ("Reads", f"{figures['reads']:,}", f"in {took:.1f} s, on {len(self.lanes)} lane{'s' if len(self.lanes) > 1 else ''}"),
            ("Cleared", f"{figures['cleared']:,}", "nothing is left of them but this count"),
            ("Hits", f"{figures['hits']:,}", f"{share} of the reads, repeats included"
             + (f"; {checks['covert']} of them covert: the lane was told clear" if checks["covert"] else "")),
            *((f"  {name}", f"{figures['hits_by_grade'].get(name, 0):,}", "") for name in GRADES),
            *((f"  {name}", f"{count:,}", "") for name, count in sorted(figures["hits_by_list"].items())),
            ("Unusable rows", f"{figures['unusable']:,}", "no plate in them"),
            ("Latency", f"{figures['latency_ms']['p50']:.2f} ms", f"at the 50th percentile, {figures['latency_ms']['p99']:.2f} ms at the 99th"),
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


def latency(summaries):
    """p50 and p99 in milliseconds over the checks of all lanes: from putting a request on the wire to its whole answer."""
    buckets = sorted(tuple(bucket) for summary in summaries for bucket in summary["latency_ms"]["histogram"])
    total = sum(count for _, count in buckets)

    def percentile(percent):
        seen = 0
        for value, count in buckets:
            seen += count
            if 100 * seen >= percent * total:
                return round(value, 3)
        return 0.0
    return {"p50": percentile(50), "p99": percentile(99)}


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
