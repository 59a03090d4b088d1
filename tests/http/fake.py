"""A gate and a key server that do what a test tells them: for the client's tests, and for what no honest gate would do.

They speak TLS 1.3 with certificates of a CA that the client itself made, keep tokens in clear, and write down what they were asked."""
import hashlib
import json
import os
import secrets
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import plates
from house import now_text


text64, bytes64 = plates.text64, plates.bytes64


class Problem(Exception):
    def __init__(self, status, name, retry_after=None, **members):
        super().__init__(name)
        self.status, self.name, self.retry_after, self.members = status, name, retry_after, members


class Epoch:
    def __init__(self, name, state="open"):
        self.id, self.state, self.key = name, state, secrets.token_bytes(32)
        self.key_id, self.suite = text64(plates.key_id(self.key)), "hmac-sha256"

    def described(self):
        return {"id": self.id, "number": 1, "suite": self.suite, "key_id": self.key_id, "opens": "2026-01-01T00:00:00.000Z",
                "closes": "2036-01-01T00:00:00.000Z", "destroyed": "2036-01-01T01:00:00.000Z", "state": self.state}


class Fake:
    """Both servers in one, on one port.  `faults` is a list of functions (method, path) -> None | Problem | "cut" that are asked first."""

    def __init__(self, pki, node="node/gate-1"):
        self.epochs = [Epoch("20260101T000000Z")]
        self.grades = ["full", "plate"]
        self.policy = "0123456789abcdef"
        self.lists, self.revisions, self.hits = {}, {}, []
        self.asked, self.bodies, self.faults = [], [], []
        self.forge = None        # (read, alerts) -> alerts
        self.mangle = None       # answer -> answer, of a check
        self.unchecked = []
        self.header = None       # what alerts name: DER; of every list
        self.headers = {}        # id -> DER
        self.evidence = []       # (hit, CMS), as they came
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        base = f"{pki}/{node}"
        context.load_cert_chain(f"{base}.pem", f"{base}.key")
        context.load_verify_locations(f"{pki}/ca/ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                fake.answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_arguments):  # pylint: disable=arguments-differ
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.handle_error = lambda *_: None
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    # -- HTTP -----------------------------------------------------------------------------------------------------------------

    def answer(self, handler):
        size = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(size)
        path, _, query = handler.path.partition("?")
        self.asked.append((handler.command, handler.path))
        self.bodies.append(body)
        for fault in list(self.faults):
            found = fault(handler.command, path)
            if found == "cut":
                handler.close_connection = True
                handler.connection.close()
                return
            if found:
                self.reply(handler, found.status, self.problem(found), "application/problem+json", found.retry_after)
                return
        try:
            status, value = self.route(handler.command, path.strip("/").split("/")[1:], query, body, handler)
            self.reply(handler, status, value)
        except Problem as problem:
            self.reply(handler, problem.status, self.problem(problem), "application/problem+json")

    @staticmethod
    def problem(problem):
        return {"type": f"https://platesieve.example/problems/{problem.name}", "title": f"Title of {problem.name}", "status": problem.status,
                "detail": "Some advice.", **problem.members}

    @staticmethod
    def reply(handler, status, value, kind="application/json", retry_after=None):
        data = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/cms" if isinstance(value, bytes) else kind)
        handler.send_header("Content-Length", str(len(data)))
        if retry_after is not None:
            handler.send_header("Retry-After", str(retry_after))
        handler.end_headers()
        handler.wfile.write(data)

    def route(self, method, parts, query, body, handler):  # pylint: disable=too-many-return-statements,too-many-arguments
        if parts == ["epochs"]:
            return 200, {"now": now_text(), "epochs": [epoch.described() for epoch in self.epochs]}
        if parts[0] == "epochs":
            epoch = next((one for one in self.epochs if one.id == parts[1]), None)
            if epoch is None:
                raise Problem(404, "not-found")
            return 200, {"id": epoch.id, "suite": "hmac-sha256", "key_id": epoch.key_id, "key": text64(epoch.key)}
        if parts == ["lane"]:
            return 200, self.lane()
        if parts == ["checks"]:
            return 200, self.check(json.loads(body))
        if parts == ["hits"]:
            return 200, self.page(dict(part.split("=") for part in query.split("&")))
        if parts[0] == "headers" and parts[1] in self.headers:
            return 200, self.headers[parts[1]]
        if parts[0] == "hits" and parts[2:] == ["evidence"] and method == "POST":
            self.evidence.append((parts[1], body))
            return 201, {"piece": 1, "sha256": hashlib.sha256(body).hexdigest()}
        if parts[0] == "lists":
            return self.list_route(method, parts[1:], body, handler)
        raise Problem(404, "not-found")

    # -- the lane ---------------------------------------------------------------------------------------------------------------

    def open_epochs(self):
        return [epoch for epoch in self.epochs if epoch.state == "open"]

    def lane(self):
        return {"policy": self.policy, "site": "north", "lane": "1", "now": now_text(), "degraded": False,
                "epochs": [epoch.described() for epoch in self.open_epochs()], "grades": self.grades, "candidates_max": 8, "reads_max": 64,
                "seen_age_max_s": 86400, "seen_ahead_max_s": 300}

    def check(self, request):
        if request["policy"] != self.policy or {one["id"] for one in request["epochs"]} != {one.id for one in self.open_epochs()}:
            raise Problem(409, "policy")
        answers = [self.check_read(request["epochs"], read) for read in request["reads"]]
        answer = {"policy": self.policy, "degraded": False, "lists": [], "unchecked": self.unchecked, "answers": answers}
        return self.mangle(answer) if self.mangle else answer

    def check_read(self, epochs, read):
        alerts = []
        for name, one in self.lists.items():
            for grade in plates.GRADES[::-1]:
                found = self.look_up(one, epochs, read["candidates"][0]["tokens"], grade)
                if found:
                    alerts.append(self.alert(name, one, grade, *found))
                    break
        if self.forge:
            alerts = self.forge(read, alerts)
        return {"read_id": read["read_id"], "answer": "hit", "alerts": alerts} if alerts else {"read_id": read["read_id"], "answer": "clear"}

    @staticmethod
    def look_up(one, epochs, tokens, grade):
        """(epoch, tag) of the first entry that has one of these tokens."""
        for epoch, by_grade in zip(epochs, tokens):
            given = by_grade.get(grade, [])
            for token in [given] if isinstance(given, str) else given:
                for entry in one["standing"].values():
                    for tagged in entry["tokens"].get(epoch["id"], {}).get(grade, []):
                        if bytes64(tagged)[:16] == bytes64(token):
                            return epoch["id"], bytes64(tagged)[16:]
        return None

    def put_header(self, der):
        """Alerts name it from now on, and it is given out by its id."""
        self.header = text64(hashlib.sha256(der).digest())
        self.headers[self.header] = der

    def alert(self, name, one, grade, epoch, tag):
        return {**({"header": self.header} if self.header else {}), "hit": text64(secrets.token_bytes(16)), "list": name, "agency": one["agency"], "category": one["category"], "priority": 50,
                "grade": grade, "candidate": 0, "epoch": epoch, "tag": text64(tag), "instruction": one["instruction"], "revision": 1,
                "age_s": 3, "calibration": False, "verify": False}

    # -- lists --------------------------------------------------------------------------------------------------------------------

    def described(self, name):
        one = self.lists[name]
        covered = {epoch.id: bool(one["standing"]) and all(epoch.id in entry["tokens"] for entry in one["standing"].values())
                   for epoch in self.epochs}
        return {"list": name, **{key: value for key, value in one.items() if key != "standing"}, "entries": len(one["standing"]),
                "epochs": [{"id": key, "covered": value} for key, value in covered.items()]}

    def make_list(self, name, agency="customs", **members):
        self.lists[name] = {"agency": agency, "category": "stolen", "priority": 50, "grade": "plate", "covert": False, "sites": [],
                            "cooldown_s": 300, "retention_days": 30, "instruction": "", "age_limit_s": 86400, "cap_tokens": 50000000,
                            "suspended": False, "revision": 0, "committed_at": None, "standing": {}, **members}

    def list_route(self, method, parts, body, handler):
        if not parts and method == "POST":
            wanted = json.loads(body)
            name = wanted.pop("list")
            if name in self.lists:
                raise Problem(409, "list-exists")
            self.make_list(name, **wanted)
            return 201, self.described(name)
        if not parts:
            return 200, {"lists": [self.described(name) for name in self.lists]}
        if parts[0] not in self.lists:
            raise Problem(404, "not-found")
        if len(parts) == 1:
            return 200, self.described(parts[0])
        return self.revision_route(method, parts[0], parts[2:], body, handler)

    def revision_route(self, method, name, parts, body, handler):
        if not parts:
            wanted, number = json.loads(body), len(self.revisions) + 1
            if wanted["base"] != self.lists[name]["revision"]:
                raise Problem(409, "base")
            self.revisions[number] = {**wanted, "list": name, "state": "open", "parts": {}}
            return 201, {"revision": number, **wanted}
        number = int(parts[0])
        if number not in self.revisions:
            raise Problem(404, "not-found")
        revision = self.revisions[number]
        if method == "DELETE":
            del self.revisions[number]
            return 204, None
        if parts[1:2] == ["parts"]:
            return 200, self.take_part(revision, int(parts[2]), body, handler.headers)
        if parts[1:] == ["commit"]:
            return 200, self.commit(name, number, revision, json.loads(body))
        return 200, {"revision": number, "base": revision["base"], "mode": revision["mode"], "state": revision["state"],
                     "parts": [{"part": key, "lines": part.count(b"\n"), "sha256": hashlib.sha256(part).hexdigest()}
                               for key, part in sorted(revision["parts"].items())]}

    def take_part(self, revision, number, body, headers):
        assert len(body) <= 4 << 20 and headers["Content-Type"] == "application/jsonl"
        announced = dict(pair.strip().split("=") for pair in headers.get("Platesieve-Key-Ids", "").split(",") if pair.strip())
        known = {epoch.id: epoch.key_id for epoch in self.epochs if epoch.state in ("open", "coming")}
        for line in body.splitlines():
            for epoch in json.loads(line).get("tokens", {}):
                if announced.get(epoch) is None or announced[epoch] != known.get(epoch):
                    raise Problem(409, "key-id")
        revision["parts"][number] = body
        return {"part": number, "lines": body.count(b"\n"), "sha256": hashlib.sha256(body).hexdigest()}

    def commit(self, name, number, revision, wanted):
        one, parts = self.lists[name], [revision["parts"][key] for key in sorted(revision["parts"])]
        digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
        lines = [json.loads(line) for part in parts for line in part.splitlines()]
        if (len(parts), len(lines), digest) != (wanted["parts"], wanted["entries"], wanted["sha256"]):
            raise Problem(422, "parts")
        if revision["state"] == "open":
            standing = {} if revision["mode"] == "replace" else dict(one["standing"])
            assert len({line["reference"] for line in lines}) == len(lines)
            for line in lines:
                if line["op"] == "remove":
                    standing.pop(line["reference"], None)
                elif line["op"] == "tokens":
                    standing[line["reference"]]["tokens"].update(line["tokens"])
                else:
                    standing[line["reference"]] = line
            one.update(standing=standing, revision=number, committed_at="2026-01-01T00:00:00.000Z")
            revision["state"] = "committed"
        return self.described(name)

    # -- hits -----------------------------------------------------------------------------------------------------------------------

    def page(self, query):
        begin, limit = int(query.get("after", "0")), int(query["limit"])
        end = min(len(self.hits), begin + limit)
        return {"hits": self.hits[begin:end], "cursor": str(end), "more": end < len(self.hits)}


class Client:
    """`platesieve` with a CA and identities of its own, pointed at a Fake."""

    def __init__(self, folder, program):
        self.folder, self.program, self.pki = folder, program, folder / "pki"
        self.urls = {}
        self.run("ca", "init", "--trust-domain", "fake.test")
        self.run("ca", "issue", "node/gate-1", "reader/north/1", "agency/customs/ana", "evidence/customs/1",
                 "evidence/customs/2", "evidence/marshals/1", "operator/gate/olga", "auditor/ines")

    def run(self, *argv, text=None, code=0, env=None, timeout=60):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PLATESIEVE_")}
        done = subprocess.run([str(self.program), *(str(word) for word in argv)], input=text, capture_output=True, timeout=timeout, check=False,
                              env={**clean, "PLATESIEVE_PKI": str(self.pki), "PLATESIEVE_STATE": str(self.folder / "state"), **self.urls,
                                   **(env or {})}, **({"stdin": subprocess.DEVNULL} if text is None else {}),
                              text=not isinstance(text, bytes))
        assert code is None or done.returncode == code, (done.returncode, done.stdout[-3000:], done.stderr[-3000:])
        return done

    def json(self, *argv, **options):
        """What --json printed: a list of objects."""
        return [json.loads(line) for line in self.run(*argv, "--json", **options).stdout.splitlines()]

    def point_at(self, *fakes):
        self.urls = {"PLATESIEVE_GATE": ",".join(fake.url for fake in fakes), "PLATESIEVE_KEYS": fakes[0].url}
