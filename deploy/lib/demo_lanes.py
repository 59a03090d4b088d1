"""The demo's lanes: services that camera engines speak to over HTTP, and, for reads of one's own, `platesieve lane` with rows on standard input."""
import contextlib
import heapq
import http.client
import json
import os
import subprocess
import threading
import time

import engines
from process import Failure, tail, wait_until

LATER_S = 0.2  # between two messages of one vehicle


class RowLane:
    """Rows of a file; each alert is handed to EACH as it comes."""

    def __init__(self, installation, identity, codes, feed, each):
        self.identity, self.summary, self.messages = identity, {}, []
        self.child = subprocess.Popen([str(installation.programs / "platesieve"), "lane", "--as", identity, "--codes", codes, "--json", "--show-plates"],
                                      stdin=feed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env={**os.environ, **installation.environment()})
        self.threads = [threading.Thread(target=self.listen, args=(each,)), threading.Thread(target=self.collect)]
        for thread in self.threads:
            thread.start()

    def listen(self, each):
        for line in self.child.stdout:
            told = json.loads(line)
            self.summary = told.get("summary", self.summary)
            for alert in told.get("alerts", ()):
                each(self.identity, {**alert, "plate": told.get("plate", ""), "jurisdiction": told.get("jurisdiction")})

    def collect(self):
        self.messages = [line.rstrip("\n") for line in self.child.stderr]

    def settle(self):
        """Waits until all is said and answered."""
        self.child.wait()

    def end(self):
        code = self.child.wait()
        for thread in self.threads:
            thread.join()
        if code not in (0, 3):
            raise Failure(f"lane {self.identity} left with code {code}: " + "\n".join(self.messages[-5:]))

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def figures(self):
        return {name: self.summary[name] for name in ("unusable", "unchecked")}

    def latency(self):
        """p50 and p99 in milliseconds, from putting a request on the wire to its whole answer."""
        return self.summary["latency_ms"]


class ServiceLane:
    """A service, and what its cameras say to it."""

    def __init__(self, installation, identity, each):
        self.identity, self.each, self.messages, self.status = identity, each, [], {}
        self.service = installation.lane_service(identity, alerts={"json": "yes", "show_plates": "yes"})
        self.service.start()
        self.feeder, self.failure, self.over = None, None, threading.Event()
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()

    def running(self):
        return self.service.process.poll() is None

    def listen(self):
        """Hands on alerts as they are printed."""
        with open(self.service.out, encoding="utf-8") as out:
            begun, last = "", False
            while not last:
                last = self.over.wait(0.02)  # and once more: it has ended
                begun += out.read()
                *lines, begun = begun.split("\n")
                for line in lines:
                    told = json.loads(line)
                    self.each(self.identity, {**told, **told["reading"]})

    # -- what its cameras see ---------------------------------------------------------------------------------------------------

    def feed(self, passages, when, picture_of):
        """Sends the messages of PASSAGES from now on, from a thread: the first of each WHEN(passage) seconds after the beginning, the others later."""
        self.feeder = threading.Thread(target=self.send, args=(passages, when, picture_of, time.monotonic()))
        self.feeder.start()

    def send(self, passages, when, picture_of, begin):
        due = [(when(passage) + number * LATER_S, passage.number, number, passage) for passage in passages for number in range(len(passage.looks))]
        heapq.heapify(due)
        try:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)) as connection:
                while due and not self.over.wait(max(0.0, begin + due[0][0] - time.monotonic())):
                    _, _, number, passage = heapq.heappop(due)
                    path, kind, body = engines.message(passage, number, time.time(), picture_of(passage))
                    connection.request("POST", path, body, {"Content-Type": kind})
                    answer = connection.getresponse()
                    if answer.status != 200:
                        raise Failure(f"a message of {passage.engine} is answered with {answer.status}")
                    answer.read()
        except (OSError, http.client.HTTPException, Failure) as failure:
            self.failure = failure

    # -- its end ------------------------------------------------------------------------------------------------------------------

    def wait(self, condition, seconds, what):
        """Until CONDITION(its status); Failure says that it is not WHAT."""
        def look():
            self.status = self.service.status()
            return condition(self.status)
        if not (self.running() and wait_until(look, seconds, 0.05)):
            raise Failure(f"lane {self.identity} {what}: {self.failure or ''}\n{tail(self.service.log)}")

    def settle(self):
        """Waits until all is said and answered."""
        def done(status):
            looks = [status["counts"][name] for name in ("reads", "again")]
            return all(one["asked"] == one["clear"] + one["hits"] + sum(one["unchecked"].values()) for one in looks)
        self.feeder.join()
        self.wait(lambda status: self.failure is None and done(status), 60, "does not come to an end")

    def judge(self, hit, judgement):
        """What the officer there says of an alert; waits until the gate was told."""
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", f"/alerts/{hit}/judgement", json.dumps({"judgement": judgement}), {"Content-Type": "application/json"})
            connection.getresponse().read()
        self.wait(lambda _: any(one["hit"] == hit and one["told"] == "done" for one in self.service.get("/alerts")["alerts"]), 20,
                  "can't say what it makes of an alert")

    def wait_pictures(self, count):
        """Until COUNT pictures of its hits are sealed and uploaded, or given up."""
        self.wait(lambda status: status["alerts"]["pictures"]["delivered"] + status["alerts"]["pictures"]["lost"] >= count, 20, "does not upload its pictures")

    def end(self):
        code = self.service.stop()
        self.stop()
        self.messages = self.service.said().splitlines()
        if code != 0:
            raise Failure(f"lane {self.identity} left with code {code}: {tail(self.service.log)}")

    def stop(self):
        self.service.kill()
        self.over.set()
        for thread in (self.feeder, self.listener):
            if thread is not None:
                thread.join()

    # -- what came of it ------------------------------------------------------------------------------------------------------------

    def figures(self):
        """Messages; vehicles; merged: messages that told nothing new of their vehicle; unusable; unchecked: looks that no gate answered."""
        counts = self.status["counts"]
        looks = counts["looks"]
        return {"messages": counts["messages"], "vehicles": looks["new"], "merged": looks["known"], "unusable": looks["nothing"] + looks["caption"],
                "unchecked": sum(sum(counts[name]["unchecked"].values()) for name in ("reads", "again"))}

    def latency(self):
        """p50 and p99 in milliseconds, from the last byte of a message to its alert."""
        return self.status["latency_ms"]["alert"]
