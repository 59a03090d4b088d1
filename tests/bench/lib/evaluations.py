"""evaluate_batch, evaluate_verified: the second suite in process, and over HTTP as a key server serves it.  Both per core: by processor time."""
import json
import subprocess

import plates
import ristretto
from house import House
from process import Failure
from report import Figure, median, say

BATCH = 64
CONNECTIONS = 8  # enough to keep every worker busy
READER = "reader/north/1"


def voprf_bench(stage, rounds, batch=BATCH):
    done = subprocess.run([str(stage.programs / "tests/bench/voprf_bench"), "--rounds", str(rounds), "--batch", str(batch)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"voprf_bench failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def evaluate_batch(stage):
    runs = [voprf_bench(stage, 10 if stage.quick else 40) for _ in range(1 if stage.quick else 5)]
    told = {name: median([run[name] for run in runs]) for name in runs[0]}
    say(f"  with a proof {told['evaluate_verified_per_s']:,.0f} /s; a client: {told['blind_us']:.0f} µs to blind, {told['finish_us']:.0f} µs to verify "
        f"and take off the blind, {told['finish_shares_us']:.0f} µs where two servers of three answered")
    yield Figure("evaluate_batch", told["evaluate_per_s"], "1/s", "crypto_scalarmult_ristretto255", told["scalarmult_per_s"], "ratio >= 0.85",
                 lambda figure: figure.ratio >= 0.85)


class Service:
    """A key server of the second suite, one batch of blinded elements, and what it must be evaluated to."""

    def __init__(self, stage):
        self.house = House(stage.folder / "evaluations")
        self.house.prepare({}, {})
        self.house.start(("keys",))
        epoch = self.house.epochs()[0]
        self.path = f"/v1/epochs/{epoch['id']}/evaluate"
        self.body, self.begins = stage.folder / "blinded.json", stage.folder / "evaluated.json"
        blinded = [ristretto.blind(f"made up {number}".encode(), 2 + number) for number in range(BATCH)]
        self.body.write_text(json.dumps({"blinded": [plates.text64(one) for one in blinded]}, separators=(",", ":")))
        answer = self.house.post(self.path, READER, server="keys", data=self.body.read_bytes())
        evaluated = [plates.bytes64(one) for one in answer.json().get("evaluated", ())]
        if not ristretto.verify(plates.bytes64(epoch["public_key"]), blinded, evaluated, plates.bytes64(answer.json().get("proof", ""))):
            raise Failure("the key server's proof is wrong")
        self.begins.write_text(answer.text[:answer.text.index("]") + 1])  # the proof, behind it, is another one each time

    def load(self, stage):
        return stage.load("post", self.house.asked["ports"]["keys"], "--path", self.path, "--body", self.body, "--begins", self.begins,
                          "--connections", CONNECTIONS, pid=self.house.keys.pid(), house=self.house)

    def end(self):
        self.house.forget_connections()
        self.house.stop()


def evaluate_verified(stage):
    service = Service(stage)
    runs, alone = [], []
    try:
        for _ in range(stage.pairs):
            alone.append(voprf_bench(stage, 5)["evaluate_verified_per_s"])
            runs.append(service.load(stage))
    finally:
        service.end()
    each = [BATCH * 1e6 / run["server_cpu_us"] for run in runs]
    say(f"  batches of {BATCH} on {CONNECTIONS} connections: {median([run['per_s'] for run in runs]) * BATCH:,.0f} elements /s in all, beside the "
        f"generator; {median([run['server_cpu_us'] for run in runs]):,.0f} µs of processor time a batch; "
        f"p50 {median([run['latency_us']['p50'] for run in runs]) / 1000:.1f} ms, p99 {median([run['latency_us']['p99'] for run in runs]) / 1000:.1f} ms")
    yield Figure("evaluate_verified", median(each), "1/s", "the same in process", median(alone), ">= 9,000 /s", lambda figure: figure.value >= 9000)
