"""A running installation as a test sees it: requests under any identity, the client, the database, and direct speech in the protocol."""
import contextlib
import datetime
import itertools
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import requests

import plates
import sodium

TOP = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("PLATESIEVE_SHARED") or TOP.parent / "shared")
sys.path.insert(0, str(TOP / "deploy/lib"))

from installation import Installation, identity_file  # noqa: E402  pylint: disable=wrong-import-position
from process import wait_until  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import

PROBLEMS = "https://platesieve.example/problems/"
EVALUATE_MAX = 256
SECOND = {"agency/customs/ana": "agency/customs/eva", "agency/customs/eva": "agency/customs/ana", "agency/marshals/ben": "agency/marshals/mia"}
counter = itertools.count(1)


def now_text(offset_s=0.0):
    """RFC 3339 in UTC with milliseconds."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_s)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def eventually(condition, seconds=20.0, step=0.05):
    """What CONDITION() returned once it was true; fails the test after SECONDS."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"did not happen within {seconds} s; last seen: {value!r}"
        time.sleep(step)


def assert_problem(answer, status, name=None):
    """ANSWER is problem+json with that status (and that type)."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith(PROBLEMS) and problem["title"] and problem["detail"]
    if name:
        assert problem["type"] == PROBLEMS + name, problem
    return problem


class Evaluator:
    """The PRF of one epoch of the second suite, as a client of its key server; remembers what it was asked."""

    def __init__(self, house, epoch):
        self.house, self.epoch_id, self.public_key = house, epoch["id"], plates.bytes64(epoch["public_key"])
        self.known = {}

    def __call__(self, messages):
        missing = [one for one in dict.fromkeys(messages) if one not in self.known]
        for at in range(0, len(missing), EVALUATE_MAX):
            batch = missing[at:at + EVALUATE_MAX]
            self.known.update(zip(batch, sodium.evaluate(self.public_key, batch, self.ask)))
        return [self.known[one] for one in messages]

    def ask(self, blinded):
        answer = self.house.post(f"/v1/epochs/{self.epoch_id}/evaluate", "reader/north/1", {"blinded": [plates.text64(one) for one in blinded]},
                                 server="keys")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        return [plates.bytes64(one) for one in told["evaluated"]], plates.bytes64(told["proof"])


class House(Installation):
    """An installation with the means of a test."""

    def __init__(self, folder, template=None):
        """TEMPLATE: what gives a cluster its data, with the schema, when it is first started; None: it is made from nothing, as any other."""
        super().__init__(folder)
        self.template = template
        self.sessions = {}
        self.prfs = {}

    def make_cluster(self):
        if not self.template:
            super().make_cluster()

    def start_db(self, name):
        if not self.cluster.data.exists():
            self.template(self.cluster)
            (self.folder / "db/made").touch()
            self.write_settings()
        super().start_db(name)

    # -- requests -----------------------------------------------------------------------------------------------------------

    def url(self, path, server="gate"):
        return self.url_of(self.key_names[0] if server == "keys" else server) + path

    def certificate(self, identity):
        base = self.pki / identity_file(identity)
        return f"{base}.pem", f"{base}.key"

    def session(self, identity):
        """A new session with IDENTITY's certificate; None: without one."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.ca)
        if identity:
            session.cert = self.certificate(identity)
        return session

    def request(self, method, path, identity, server="gate", **options):
        """One request on a connection that is kept per identity."""
        if identity not in self.sessions:
            self.sessions[identity] = self.session(identity)
        options.setdefault("timeout", 30)
        try:
            return self.sessions[identity].request(method, self.url(path, server), **options)
        except requests.ConnectionError:
            self.sessions.pop(identity).close()  # a daemon was restarted: the kept connection was the old one's
            raise

    def get(self, path, identity, **options):
        return self.request("GET", path, identity, **options)

    def post(self, path, identity, body=None, **options):
        return self.request("POST", path, identity, **({"json": body} if body is not None else {}), **options)

    def put(self, path, identity, data, **options):
        return self.request("PUT", path, identity, data=data, **options)

    def delete(self, path, identity, **options):
        return self.request("DELETE", path, identity, **options)

    def forget_connections(self):
        for session in self.sessions.values():
            session.close()
        self.sessions.clear()

    def metrics(self, server="gate"):
        """{name with labels: value} of a daemon's loopback port."""
        with requests.Session() as session:
            session.trust_env = False
            text = session.get(f"http://127.0.0.1:{self.asked['ports'][server + '_metrics']}/metrics", timeout=10).text
        lines = (line for line in text.splitlines() if line and not line.startswith("#"))
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    def ready(self, server="gate"):
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f"http://127.0.0.1:{self.asked['ports'][server + '_metrics']}/readyz", timeout=10).json()

    # -- programs -----------------------------------------------------------------------------------------------------------

    def platesieve(self, *argv, text=None, code=0, timeout=120, env=None):
        """The client; CODE is the exit code that must come, None: any."""
        done = subprocess.run([str(self.programs / "platesieve"), *(str(word) for word in argv)], input=text, capture_output=True, text=True,
                              timeout=timeout, env={**os.environ, **self.environment(), **(env or {})}, check=False,
                              **({"stdin": subprocess.DEVNULL} if text is None else {}))
        assert code is None or done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done

    def issue(self, *names):
        """Certificates for NAMES, which the daemons admit when this returns."""
        super().issue(*names)
        time.sleep(0.6)  # they look at their registries four times a second

    def sql(self, statement):
        """Rows as lists of texts, as superuser."""
        return self.cluster.psql(statement)

    def one(self, statement):
        return self.sql(statement)[0][0]

    @contextlib.contextmanager
    def without(self, part):
        """PART (gate, keys, db) is stopped for a while."""
        self.stop((part,))
        try:
            yield
        finally:
            self.start((part,))
            self.forget_connections()

    # -- epochs and lists -----------------------------------------------------------------------------------------------------

    def epochs(self, states=("open",)):
        """Of the key server, oldest first."""
        answer = self.get("/v1/epochs", "auditor/ines", server="keys")
        assert answer.status_code == 200, answer.text
        return [epoch for epoch in answer.json()["epochs"] if epoch["state"] in states]

    def epochs_to_push(self):
        """Coming and open ones, once the gate knows them all: it asks once a second."""
        def known():
            wanted = self.epochs(("coming", "open"))
            told = {(one["id"], one["key_id"]) for one in self.get("/v1/status", "auditor/ines").json()["epochs"]}
            return wanted if all((one["id"], one["key_id"]) in told for one in wanted) else None
        return eventually(known)

    def key(self, epoch_id, identity="reader/north/1"):
        """The key of an epoch of hmac-sha256."""
        answer = self.get(f"/v1/epochs/{epoch_id}/key", identity, server="keys")
        assert answer.status_code == 200, answer.text
        return plates.bytes64(answer.json()["key"])

    def prf(self, epoch_id):
        """What plates.py makes tokens with, of an epoch of either suite."""
        if epoch_id not in self.prfs:
            epoch = next(one for one in self.epochs(("coming", "open", "closed", "destroyed")) if one["id"] == epoch_id)
            self.prfs[epoch_id] = self.key(epoch_id) if epoch["suite"] == "hmac-sha256" else Evaluator(self, epoch)
        return self.prfs[epoch_id]

    def new_list(self, user="agency/customs/ana", **fields):
        """Creates a list with a name of its own; returns its name."""
        name = fields.pop("list", None) or f"list-{os.getpid()}-{next(counter)}"
        if fields.get("covert") or fields.get("grade") == "near":
            fields.setdefault("ends_at", now_text(30 * 86400))
        answer = self.post("/v1/lists", user, {"list": name, "category": "stolen", **fields})
        assert answer.status_code == 201, answer.text
        if answer.json()["waiting"]:
            self.approve(name, user)
        return name

    def approve(self, name, user="agency/customs/ana"):
        """The word of the agency's second person on what USER asked for."""
        number = self.list_object(name, user)["waiting"]["request"]
        answer = self.post(f"/v1/lists/{name}/approval", SECOND[user], {"request": number})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def list_object(self, name, user="agency/customs/ana"):
        answer = self.get(f"/v1/lists/{name}", user)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def entry_lines(self, name, entries, user="agency/customs/ana", grade="plate", epochs=None, operation="add"):
        """The lines of a part; ENTRIES: dicts with plate, jurisdiction and optionally reference, effective, expires."""
        agency = user.split("/")[1]
        epochs = epochs if epochs is not None else self.epochs(("coming", "open"))
        lines, grades = [], plates.grades_from(grade)
        every = [message for entry in entries for some in plates.messages_of(entry["plate"], entry.get("jurisdiction", ""), grades, "list").values()
                 for message in some]
        for epoch in epochs:
            plates.outputs(self.prf(epoch["id"]), every)  # in large batches; below they are known
        for number, entry in enumerate(entries):
            line = {"op": operation, "reference": entry.get("reference", f"r{number}-{entry['plate']}")}
            line |= {key: entry[key] for key in ("effective", "expires") if key in entry}
            line["tokens"] = {epoch["id"]: plates.list_tokens(self.prf(epoch["id"]), entry["plate"], entry.get("jurisdiction", ""),
                                                              grades, name, agency) for epoch in epochs}
            lines.append(json.dumps(line))
        return lines

    def key_ids(self, epochs=None):
        epochs = epochs if epochs is not None else self.epochs(("coming", "open"))
        return {"Platesieve-Key-Ids": ", ".join(f"{epoch['id']}={epoch['key_id']}" for epoch in epochs), "Content-Type": "application/jsonl"}

    def open_revision(self, name, mode="replace", user="agency/customs/ana", base=None):
        base = self.list_object(name, user)["revision"] if base is None else base
        answer = self.post(f"/v1/lists/{name}/revisions", user, {"base": base, "mode": mode})
        assert answer.status_code == 201, answer.text
        return answer.json()["revision"]

    def put_part(self, name, revision, number, body, user="agency/customs/ana", headers=None):
        return self.put(f"/v1/lists/{name}/revisions/{revision}/parts/{number}", user, body, headers=headers or self.key_ids())

    def commit(self, name, revision, bodies, entries, user="agency/customs/ana"):
        return self.post(f"/v1/lists/{name}/revisions/{revision}/commit", user,
                         {"parts": len(bodies), "entries": entries, "sha256": plates.digest_of_parts(bodies)})

    def push(self, name, entries, mode="replace", user="agency/customs/ana", grade="plate", remove=(), epochs=None, wait=True):
        """One revision in one part; waits until the gate answers from it, unless told not to."""
        epochs = epochs if epochs is not None else self.epochs_to_push()
        lines = self.entry_lines(name, entries, user, grade, epochs, "tokens" if mode == "tokens" else "add")
        lines += [json.dumps({"op": "remove", "reference": reference}) for reference in remove]
        body = "".join(line + "\n" for line in lines).encode()
        revision = self.open_revision(name, mode, user)
        bodies = [body] if body else []
        for part in bodies:
            answer = self.put_part(name, revision, 1, part, user, self.key_ids(epochs))
            assert answer.status_code == 200, answer.text
        answer = self.commit(name, revision, bodies, len(lines), user)
        assert answer.status_code == 200, answer.text
        if wait:
            self.wait_live(name, answer.json()["revision"], user)
        return answer.json()

    def wait_live(self, name, revision, user="agency/customs/ana", seconds=30):
        """Until the gate answers from that revision."""
        def live():
            lists = {(one["agency"], one["list"]): one["revision"] for one in self.get("/v1/status", "auditor/ines").json()["lists"]}
            return lists.get((user.split("/")[1], name), -1) >= revision
        eventually(live, seconds)

    def listed(self, plate, jurisdiction="US-TX", user="agency/customs/ana", grade="plate", **fields):
        """A new list with this one plate, live; returns its name."""
        name = self.new_list(user, grade=grade, **fields)
        self.push(name, [{"plate": plate, "jurisdiction": jurisdiction, "reference": f"ref-{plate}"}], user=user, grade=grade)
        return name

    # -- the lane -------------------------------------------------------------------------------------------------------------

    def lane(self, identity="reader/north/1"):
        answer = self.get("/v1/lane", identity)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def read(self, lane, plate, jurisdiction="US-TX", read_id=None, seen_s=0.0, confidence=0.9, others=()):
        """One read of a check body; OTHERS are further candidates as (plate, jurisdiction)."""
        def candidate(text, where):
            return {"confidence": confidence,
                    "tokens": [plates.lane_tokens(self.prf(epoch["id"]), text, where, lane["grades"]) for epoch in lane["epochs"]]}
        return {"read_id": read_id or plates.text64(secrets.token_bytes(16)), "seen_at": now_text(seen_s),
                "candidates": [candidate(plate, jurisdiction), *(candidate(*other) for other in others)]}

    def check_body(self, lane, reads):
        return {"policy": lane["policy"], "epochs": [{"id": epoch["id"], "key_id": epoch["key_id"]} for epoch in lane["epochs"]], "reads": reads}

    def check(self, plate, jurisdiction="US-TX", identity="reader/north/1", **options):
        """Checks one plate; returns its answer (status 200 is asserted)."""
        lane = self.lane(identity)
        answer = self.post("/v1/checks", identity, self.check_body(lane, [self.read(lane, plate, jurisdiction, **options)]))
        assert answer.status_code == 200, answer.text
        return answer.json()["answers"][0]

    # -- hits -----------------------------------------------------------------------------------------------------------------

    def hits(self, name=None, user="agency/customs/ana", page=1000):
        """All hits of an agency (of one list), through the API, page by page."""
        found, cursor = [], None
        while True:
            query = {"limit": page, **({"after": cursor} if cursor else {}), **({"list": name} if name else {})}
            answer = self.get("/v1/hits", user, params=query, headers={"Platesieve-Purpose": "test"})
            assert answer.status_code == 200, answer.text
            told = answer.json()
            found += told["hits"]
            cursor = told["cursor"]
            if not told["more"]:
                return found

    def wait_hits(self, count, name=None, user="agency/customs/ana", seconds=30):
        """Until that many hits are in the database."""
        return eventually(lambda: (lambda hits: hits if len(hits) >= count else None)(self.hits(name, user)), seconds)
