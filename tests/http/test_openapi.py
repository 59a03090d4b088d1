"""schema/openapi.yaml and docs/protocol.md say what the daemons do: the same paths, roles, limits and problems, and real answers fit the
schemas with no member left over."""
import datetime
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import plates
from contract import Contract
from enrol import make_csr
from house import House, eventually, now_text
from sealing import seal
from sse import Events

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PLATESIEVE_BUILD") or TOP / "build").resolve()
# Its own: lists of other files would answer, too.  With a quota profile to change a registration to.
INSTALLATION = {f"{daemon}.quota busy.reads_a_minute": "300" for daemon in ("gate", "keys")}
PROGRAMS = {"gate": "platesieved", "keys": "platesieve-keyd"}
IDENTITIES = {"stranger": None, "reader": "reader/north/1", "agency": "agency/customs/ana", "operator/gate": "operator/gate/olga",
              "operator/keys": "operator/keys/kim", "auditor": "auditor/ines", "node": "node/gate-1"}
DAEMONS = pytest.mark.parametrize("daemon", PROGRAMS)


@pytest.fixture(scope="module")
def contract():
    return Contract()


def routes(daemon):
    """{(METHOD, path): roles} as the program itself says; "plain" among the roles: served on the loopback port too."""
    said = subprocess.run([str(BUILD / PROGRAMS[daemon]), "--routes"], capture_output=True, text=True, check=True, timeout=10).stdout
    table = {}
    for line in said.splitlines():
        method, path, roles = line.split(" ")[:3]
        table[method, path] = {None if role == "plain" else role for role in roles.split(",")}
    return table


# -- the same tables -------------------------------------------------------------------------------------------------------------


@DAEMONS
def test_paths_and_roles_are_those_of_the_daemon(contract, daemon):
    documented = {key: contract.roles(operation) for key, operation in contract.operations(daemon).items()}
    real = routes(daemon)
    assert set(real) == set(documented)
    for key, roles in real.items():
        # An operation of both daemons lists the roles of both.
        assert roles <= documented[key], key
        if len([name for name in PROGRAMS if key in contract.operations(name)]) == 1:
            assert roles == documented[key], key


@DAEMONS
def test_rights_are_those_of_the_daemon(contract, daemon):
    said = subprocess.run([str(BUILD / PROGRAMS[daemon]), "--routes"], capture_output=True, text=True, check=True, timeout=10).stdout
    real = {tuple(words[:2]): set(words[3].split(",")) for words in map(str.split, said.splitlines()) if len(words) > 3}
    documented = {key: set(operation["x-rights"]) for key, operation in contract.operations(daemon).items() if "x-rights" in operation}
    assert real and real == documented


def test_shared_operations_list_no_role_too_many(contract):
    real = {daemon: routes(daemon) for daemon in PROGRAMS}
    for key in set(contract.operations("gate")) & set(contract.operations("keys")):
        assert contract.roles(contract.operations("gate")[key]) == real["gate"][key] | real["keys"][key], key


def test_problems_are_those_of_the_protocol():
    """The table in reason.c and the one in docs/protocol.md name the same problems with the same status."""
    source = (TOP / "server/http/reason.c").read_text()
    coded = {(name, int(status)) for name, status in re.findall(r'\{\s*"([a-z-]+)",\s*([45]\d\d),', source)}
    documented = {(name, int(status)) for name, status in
                  re.findall(r"^\| `([a-z-]+)` \| ([45]\d\d) \|", (TOP / "docs/protocol.md").read_text(), re.M)}
    assert len(coded) > 20
    assert coded - documented == {("settings", 500), ("address-in-use", 500)}  # at start only: no answer carries them
    assert documented <= coded


LIMITS = {
    "EvidencePiece/maximum": "LIMIT_EVIDENCE_PIECES",
    "Checks/properties/epochs/maxItems": "LIMIT_EPOCHS_OPEN",
    "Checks/properties/reads/maxItems": "LIMIT_CHECK_READS",
    "Checks/properties/reads/items/properties/candidates/maxItems": "LIMIT_CHECK_CANDIDATES",
    "Answers/properties/answers/items/properties/alerts/maxItems": "LIMIT_ALERTS",
    "NewList/properties/category/maxLength": "LIMIT_CATEGORY_MAX",
    "NewList/properties/instruction/maxLength": "LIMIT_INSTRUCTION_MAX",
    "NewList/properties/priority/maximum": "LIMIT_PRIORITY",
    "NewList/properties/sites/maxItems": "LIMIT_SITES_PER_LIST",
    "NewList/properties/cooldown_s/maximum": "LIMIT_COOLDOWN_S",
    "NewList/properties/retention_days/maximum": "LIMIT_RETENTION_DAYS",
    "Part/properties/part/maximum": "LIMIT_PARTS",
    "Identities/properties/identities/maxItems": "LIMIT_REGISTERED",
    "RegistryState/properties/names/maximum": "LIMIT_REGISTERED",
    "IdentityName/maxLength": "LIMIT_IDENTITY_MAX",
    "EntryTokens/maxProperties": "LIMIT_ENTRY_EPOCHS",
    "TaggedTokens/maxItems": "LIMIT_ENTRY_TOKENS",
    "Reference/maxLength": "LIMIT_REFERENCE_MAX",
    "Enrolments/properties/enrolments/maxItems": "LIMIT_ENROLMENTS",
    "Hits/properties/hits/maxItems": "LIMIT_PAGE",
    "Flags/properties/flags/maxItems": "LIMIT_FLAGS",
    "Suppressions/properties/days_most/maximum": "LIMIT_SUPPRESS_DAYS",
    "Shares/properties/days_most/maximum": "LIMIT_SHARE_DAYS",
    "Shares/properties/given/maxItems": "LIMIT_SHARES_SHOWN",
    "NewShare/properties/note/maxLength": "LIMIT_NOTE_MAX",
    "Epochs/properties/epochs/maxItems": "LIMIT_EPOCHS_KNOWN",
    "Blinded/properties/blinded/maxItems": "PLATESIEVE_VOPRF_BATCH_MAX",
    "Rotation/properties/reason/maxLength": "LIMIT_ROTATION_REASON_MAX",
}


@pytest.mark.parametrize("where", LIMITS)
def test_limits_are_those_of_the_header(contract, where):
    header = (TOP / "include/platesieve/limits.h").read_text()
    value = contract.document["components"]["schemas"]
    for step in where.split("/"):
        value = value[step]
    assert re.search(rf"^#define {LIMITS[where]} {value}\b", header, re.M), (where, value)


# -- real answers ------------------------------------------------------------------------------------------------------------------


class Caller:
    """Asks the real daemons, and holds what goes and what comes against the document."""

    def __init__(self, house: House, contract: Contract):
        self.house, self.contract = house, contract

    def __call__(self, method, path, role, status, server="gate", body=None, **options):
        identity = IDENTITIES[role]
        if isinstance(body, list):  # the lines of a part
            options |= {"data": "".join(json.dumps(line) + "\n" for line in body), "headers": self.house.key_ids()}
        elif body is not None:
            options["json"] = body
        answer = self.house.request(method, path, identity, server=server, **options)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        if body is not None and status < 300:
            self.contract.check_request(server, method, path, body)
        self.contract.check_answer(server, method, path, answer)
        return answer.json() if answer.content and "json" in answer.headers["Content-Type"] else answer.text

    def plain(self, path, server):
        port = self.house.asked["ports"][f"{server}_metrics"]
        with requests.Session() as session:
            session.trust_env = False
            self.contract.check_answer(server, "GET", path, session.get(f"http://127.0.0.1:{port}{path}", timeout=10))


@pytest.fixture(scope="module")
def ask(installation, contract):
    return Caller(installation, contract)


def keys_answer(ask):
    for role in ("reader", "agency", "node", "operator/keys", "auditor"):
        epochs = ask("GET", "/v1/epochs", role, 200, "keys")["epochs"]
    known = next(epoch for epoch in epochs if epoch["state"] == "open")
    assert known["public_key"]
    for role in ("reader", "agency"):
        ask("POST", f"/v1/epochs/{known['id']}/evaluate", role, 200, "keys", body={"blinded": [known["public_key"]] * 2})
    ask("POST", f"/v1/epochs/{known['id']}/evaluate", "node", 403, "keys", body={"blinded": [known["public_key"]]})
    ask("POST", f"/v1/epochs/{known['id']}/evaluate", "reader", 400, "keys", body={"blinded": []})
    ask("POST", f"/v1/epochs/{known['id']}/evaluate", "reader", 422, "keys", body={"blinded": ["A" * 43]})
    ask("POST", "/v1/epochs/20010101T000000Z/evaluate", "reader", 404, "keys", body={"blinded": [known["public_key"]]})
    ask("GET", f"/v1/epochs/{known['id']}/key", "reader", 404, "keys")
    for role in ("operator/keys", "auditor"):
        ask("GET", "/metrics", role, 200, "keys")
        ask("GET", "/v1/status", role, 200, "keys")
    ask("GET", "/v1/status", "operator/keys", 200, "keys")


def answers_of_hmac(contract, house):
    """A key server whose epochs are of the other suite."""
    ask = Caller(house, contract)
    known = ask("GET", "/v1/epochs", "reader", 200, "keys")["epochs"][0]
    ask("GET", f"/v1/epochs/{known['id']}/key", "reader", 200, "keys")
    ask("GET", f"/v1/epochs/{known['id']}/key", "agency", 200, "keys")
    ask("GET", f"/v1/epochs/{known['id']}/key", "node", 403, "keys")
    ask("POST", f"/v1/epochs/{known['id']}/evaluate", "reader", 404, "keys", body={"blinded": ["A" * 43]})
    ask("GET", "/v1/epochs/20010101T000000Z/key", "reader", 404, "keys")
    ask("POST", "/v1/epochs/rotate", "operator/keys", 200, "keys", body={"destroy": True, "coming": True, "reason": "schemas"})
    ask("POST", "/v1/epochs/rotate", "operator/keys", 409, "keys", body={"opens": known["opens"]})
    ask("POST", "/v1/epochs/rotate", "operator/keys", 400, "keys", body={"opens": "soon"})
    ask("GET", "/v1/epochs", "reader", 200, "keys")
    ask("GET", "/v1/status", "operator/keys", 200, "keys")


def both_answer(ask):
    for server in PROGRAMS:
        for path in ("/livez", "/readyz", "/metrics"):
            ask.plain(path, server)
        ask("GET", "/livez", "reader", 200, server)
        ask("GET", "/readyz", "auditor", 200, server)


def identities_answer(ask):
    for server, operator in (("gate", "operator/gate"), ("keys", "operator/keys")):
        for name in ("reader/contract/1", "auditor/contract"):
            path = f"/v1/identities/{name}"
            ask("PUT", path, operator, 201, server, body={})
            ask("PUT", path, operator, 200, server, body={"quota": "busy" if name.startswith("reader") else "none"})
            ask("PUT", path, operator, 400, server, body={"quota": "Busy"})
            ask("GET", path, "auditor", 200, server)
            ask("DELETE", path, operator, 204, server)
            ask("GET", path, operator, 404, server)
        ask("PUT", "/v1/identities/evidence/customs/1", operator, 422, server, body={})
        ask("DELETE", f"/v1/identities/{IDENTITIES[operator]}", operator, 409, server)
        ask("GET", "/v1/identities", "auditor", 200, server)


def rules_answer(ask, name):
    """Rules that change, by one person and by two; what operators say."""
    path = f"/v1/lists/{name}"
    version = ask("GET", path, "agency", 200)["rules_version"]
    ask("PUT", path, "agency", 200, body={"rules_version": version, "cooldown_s": 60, "instruction": "Read this.", "ends_at": "2098-01-01T00:00:00Z"})
    ask("PUT", path, "agency", 409, body={"rules_version": version, "cooldown_s": 61})
    ask("PUT", path, "agency", 422, body={"rules_version": version + 1, "covert": True})
    ask("PUT", path, "agency", 202, body={"rules_version": version + 1, "covert": True, "ends_at": now_text(86400)})
    request = ask("GET", path, "agency", 200)["waiting"]["request"]
    ask("POST", f"{path}/approval", "agency", 403, body={"request": request})
    ask("DELETE", f"{path}/approval", "agency", 204)
    ask("DELETE", f"{path}/approval", "agency", 404)
    base = f"/v1/agencies/customs/lists/{name}"
    ask("PUT", f"{base}/cap", "operator/gate", 200, body={"tokens": 100000})
    ask("PUT", f"{base}/suspension", "operator/gate", 200, body={"why": "To see."})
    assert ask("GET", path, "agency", 200)["state"] == "suspended"
    eventually(lambda: "suspended" in {one["what"] for one in ask("GET", "/v1/status", "auditor", 200)["alarms"]})
    ask("DELETE", f"{base}/suspension", "operator/gate", 204)


def approved(ask, name):
    """Covert and near lists take two people: the second one's word."""
    request = ask("GET", f"/v1/lists/{name}", "agency", 200)["waiting"]["request"]
    path = f"/v1/lists/{name}/approval"
    answer = ask.house.post(path, "agency/customs/eva", {"request": request})
    assert answer.status_code == 200
    ask.contract.check_answer("gate", "POST", path, answer)


def make_list(ask, name, **fields):
    body = {"list": name, "category": "stolen", **fields}
    ask("POST", "/v1/lists", "agency", 201, body=body)
    ask("POST", "/v1/lists", "agency", 409, body=body)
    ask("POST", "/v1/lists", "agency", 400, body={"list": "x", "category": "stolen", "surprise": 1})
    ask("GET", f"/v1/lists/{name}", "agency", 200)
    ask("GET", "/v1/lists", "agency", 200)
    ask("GET", "/v1/lists", "operator/gate", 200)
    ask("GET", f"/v1/lists/{name}?agency=customs", "auditor", 200)
    ask("GET", "/v1/lists/never-made", "agency", 404)


def push(ask, name, lines):
    path = f"/v1/lists/{name}/revisions"
    dropped = ask("POST", path, "agency", 201, body={"base": 0, "mode": "replace"})["revision"]
    ask("DELETE", f"{path}/{dropped}", "agency", 204)
    revision = ask("POST", path, "agency", 201, body={"base": 0, "mode": "replace"})["revision"]
    ask("PUT", f"{path}/{revision}/parts/1", "agency", 200, body=lines)
    ask("PUT", f"{path}/{revision}/parts/2", "agency", 422, body=[{"op": "add"}])
    ask("GET", f"{path}/{revision}", "agency", 200)
    digest = plates.digest_of_parts(["".join(json.dumps(line) + "\n" for line in lines).encode()])
    commit = {"parts": 1, "entries": len(lines), "sha256": digest}
    ask("POST", f"{path}/{revision}/commit", "agency", 422, body={**commit, "parts": 2})
    ask("POST", f"{path}/{revision}/commit", "agency", 200, body=commit)
    ask("POST", path, "agency", 409, body={"base": 77, "mode": "replace"})
    ask("GET", f"{path}/{revision}", "agency", 200)


def header(ask, name):
    path = f"/v1/lists/{name}/header"
    ask.house.platesieve("list", "recipients", "--as", IDENTITIES["agency"], name, "--cert", ask.house.pki / "evidence/customs.1.pem")
    signed = ask.house.get(path, IDENTITIES["agency"]).content
    ask("GET", path, "agency", 200)
    for status, body in ((204, signed), (422, signed[:-1])):
        ask("PUT", path, "agency", status, data=body, headers={"Content-Type": "application/cms"})
    ask("GET", "/v1/headers/" + ask("GET", f"/v1/lists/{name}", "agency", 200)["header"], "reader", 200)
    ask("GET", "/v1/headers/" + "A" * 43, "reader", 404)
    ask("DELETE", path, "agency", 204)
    ask("GET", path, "agency", 404)
    ask("PUT", path, "agency", 409, data=signed, headers={"Content-Type": "application/cms"})


def evidence(ask, name, hit):
    path = f"/v1/hits/{hit}/evidence"
    ask.house.platesieve("list", "recipients", "--as", IDENTITIES["agency"], name, "--cert", ask.house.pki / "evidence/customs.1.pem")
    sealed = seal(ask.house, bytes(5000))
    for status in (201, 200):
        ask("POST", path, "reader", status, data=sealed, headers={"Content-Type": "application/cms"})
    ask("POST", path, "reader", 422, data=sealed[:-1], headers={"Content-Type": "application/cms"})
    ask("GET", path, "agency", 200)
    ask("GET", path + "/1", "agency", 200)
    ask("GET", path + "/2", "agency", 404)


def check(ask, plate):
    house = ask.house
    lane = ask("GET", "/v1/lane", "reader", 200)
    body = house.check_body(lane, [house.read(lane, plate, "US-TX"), house.read(lane, "QQ11QQ1", "")])
    told = ask("POST", "/v1/checks", "reader", 200, body=body)
    ask("POST", "/v1/checks", "reader", 409, body={**body, "epochs": [{**body["epochs"][0], "id": "20010101T000000Z"}]})
    ask("POST", "/v1/checks", "reader", 400, body={**body, "reads": [{}]})
    return told["answers"]


def lanes_answer(ask):
    counts = {name: 1 for name in ("messages", "reads", "clear", "hits", "alerts", "false_tags", "unusable")}
    report = {"started_at": now_text(-60), "sent_at": now_text(30), "interval_s": 10, "version": "0.1", "waiting": 0, "calibration": {"at": None, "outcome": "none"},
              "totals": {**counts, "unchecked": {why: 1 for why in ("away", "over-quota", "aged", "full", "failed")}}}
    ask("PUT", "/v1/lane/report", "reader", 200, body=report)
    ask("PUT", "/v1/lane/report", "reader", 400, body={**report, "interval_s": 0})
    for role in ("operator/gate", "auditor"):
        assert ask("GET", "/v1/lanes?site=north&state=alarm&limit=1", role, 200)["lanes"]
    ask("GET", "/v1/lanes?state=fine", "auditor", 400)


def enrolments_answer(ask):
    csr, _ = make_csr("reader/north/7")
    for tag in (bytes(32), bytes(31) + b"x"):  # one to be signed, one to be refused
        ask("POST", "/v1/enrolments", "stranger", 202, body={"csr": plates.text64(csr), "mac": plates.text64(tag)})
    own = x509.load_pem_x509_certificate(open(ask.house.certificate("reader/north/1")[0], "rb").read()).public_bytes(Encoding.DER)
    ask("POST", "/v1/enrolments", "reader", 202, body={"csr": plates.text64(csr), "certificate": plates.text64(own), "signature": "AAAA"})
    first, second, _ = ask("GET", "/v1/enrolments", "operator/gate", 200)["enrolments"]
    ask("PUT", f"/v1/enrolments/{first['id']}", "operator/gate", 204, body={"certificate": plates.text64(own)})
    ask("PUT", f"/v1/enrolments/{second['id']}", "operator/gate", 204, body={"refused": "code"})
    ask("PUT", f"/v1/enrolments/{second['id']}", "operator/gate", 409, body={"refused": "code"})
    assert ask("GET", f"/v1/enrolments/{first['id']}", "stranger", 200)["state"] == "signed"
    assert ask("GET", f"/v1/enrolments/{second['id']}", "reader", 200)["state"] == "refused"
    ask("GET", "/v1/enrolments/" + "A" * 22, "stranger", 404)
    ask("GET", "/v1/enrolments", "stranger", 403)


def webhooks_answer(ask):
    """Nothing is delivered: nobody listens there."""
    address = {"url": "https://localhost:1/hits"}
    assert ask("PUT", "/v1/webhooks/contract", "agency", 201, body=address)["secret"]
    ask("PUT", "/v1/webhooks/contract", "agency", 200, body={**address, "after": "0"})
    ask("PUT", "/v1/webhooks/contract", "agency", 422, body={"url": "https://elsewhere.example/"})
    ask("POST", "/v1/webhooks/contract/test", "agency", 202, data=b"")
    assert eventually(lambda: (ask("GET", "/v1/webhooks/contract", "agency", 200)["test"] or {}).get("error")) == "no connection"
    ask("GET", "/v1/webhooks", "agency", 200)
    ask("DELETE", "/v1/webhooks/contract", "agency", 204)
    ask("DELETE", "/v1/webhooks/contract", "agency", 404)


def test_real_answers_fit_the_schemas(ask, contract, installation, new_installation):
    plate = "QQ00QQ0"
    eventually(lambda: installation.ready()["ready"])
    keys_answer(ask)
    house = new_installation({"keys.keyd.suite": "hmac-sha256"}, start=False)
    house.start(("keys",))
    answers_of_hmac(contract, house)
    both_answer(ask)
    enrolments_answer(ask)
    identities_answer(ask)
    make_list(ask, "ruled")
    rules_answer(ask, "ruled")
    make_list(ask, "contract", grade="near", sites=["north"], instruction="Read this.", ends_at=now_text(30 * 86400))
    approved(ask, "contract")
    lines = [json.loads(line) for line in
             installation.entry_lines("contract", [{"plate": plate, "jurisdiction": "US-TX", "reference": "one",
                                                    "effective": "2026-01-01T00:00:00Z", "expires": "2099-01-01T00:00:00Z"}], grade="near")]
    push(ask, "contract", lines)
    installation.wait_live("contract", 1)
    header(ask, "contract")
    assert "near" in ask("GET", "/v1/lane", "reader", 200)["grades"]
    hit, clear = check(ask, plate)
    assert hit["answer"] == "hit"
    assert clear["answer"] == "clear"
    assert hit["alerts"][0]["list"] == "contract"
    eventually(lambda: ask("GET", "/v1/hits?list=contract&limit=1", "agency", 200)["hits"])
    ask("GET", "/v1/hits?limit=0", "agency", 400)
    with Events(installation, IDENTITIES["agency"], after="0") as events:
        contract.check_answer("gate", "GET", "/v1/hits/stream", events.answer)
        for shown in events.wait(1):
            contract.validate({"$ref": "#/components/schemas/Hit"}, shown)
    ask("GET", "/v1/hits/" + hit["alerts"][0]["hit"], "agency", 200)
    evidence(ask, "contract", hit["alerts"][0]["hit"])
    word = f"/v1/hits/{hit['alerts'][0]['hit']}/judgement"
    ask("POST", word, "reader", 200, body={"judgement": "acknowledged", "at": now_text()})
    ask("POST", word, "reader", 200, body={"judgement": "stale-entry", "at": now_text()})
    ask("POST", word, "reader", 422, body={"judgement": "confirmed", "at": now_text(900)})
    ask("POST", word, "reader", 400, body={"judgement": "perhaps", "at": now_text()})
    ask("POST", "/v1/hits/AAAAAAAAAAAAAAAAAAAAAA/judgement", "reader", 404, body={"judgement": "confirmed", "at": now_text()})
    assert ask("GET", "/v1/hits?lane_judgement=stale-entry&list=contract", "agency", 200)["hits"]
    path, now = "/v1/lists/contract/suppressions", datetime.datetime.now(datetime.timezone.utc)
    silent = {"reference": "one", "site": "south", "lane": "1", "until": (now + datetime.timedelta(days=1)).isoformat(timespec="seconds")}
    made = ask("PUT", path, "agency", 200, body=silent)
    ask("PUT", path, "agency", 422, body={**silent, "reference": "none such"})
    ask("GET", path, "agency", 200)
    ask("DELETE", f"{path}/{made['suppression']}", "agency", 204)
    path, until = "/v1/lists/contract/shares/marshals", {"until": (now + datetime.timedelta(days=1)).isoformat(timespec="seconds")}
    ask("PUT", path, "agency", 204, body={**until, "note": "joint patrol", "only_confirmed": True, "verdicts": False})
    ask("PUT", "/v1/lists/contract/shares/nobody", "agency", 422, body=until)
    ask("GET", "/v1/shares", "agency", 200)
    ask("DELETE", path, "agency", 204)
    verdict = f"/v1/hits/{hit['alerts'][0]['hit']}/verdict"
    ask("PUT", verdict, "agency", 200, body={"verdict": "confirmed", "action": "stopped"})
    ask("PUT", verdict, "agency", 400, body={"verdict": "perhaps"})
    ask("GET", "/v1/lists/contract/flags", "agency", 200)
    ask("PUT", verdict, "agency", 200, body={"verdict": "misread"})
    ask("PUT", verdict, "agency", 410, body={"verdict": "confirmed"})
    ask("GET", "/v1/lists/never-made/flags", "agency", 404)
    installation.sql("INSERT INTO platesieve.dropped SELECT current_date, number, 'hits', 1, now() FROM platesieve.lists WHERE id = 'contract'")
    for who in ("agency", "auditor", "operator/gate"):
        assert ask("GET", "/v1/retention", who, 200)["dropped"]
    ask("GET", "/v1/retention?from=2026-11-31", "auditor", 400)
    ask("GET", "/v1/retention?agency=marshals", "agency", 403)
    webhooks_answer(ask)
    lanes_answer(ask)
    for role in ("operator/gate", "auditor"):
        ask("GET", "/v1/status", role, 200)
        ask("GET", "/metrics", role, 200)
    for daemon in PROGRAMS:
        unseen = {(daemon, *key) for key in contract.operations(daemon)} - contract.seen
        assert not unseen, f"never answered 2xx in this test: {unseen}"


@DAEMONS
def test_other_roles_are_refused(ask, contract, daemon):
    """Each operation refuses each role that it does not list, with a problem."""
    real = routes(daemon)
    for (method, template), roles in real.items():
        path = re.sub(r"\{\}", "1", template)
        for role in IDENTITIES:
            if role not in roles and role != "stranger":  # test_enrol.py says what these may not
                body = {} if method in ("POST", "PUT") else None
                answer = ask.house.request(method, path, IDENTITIES[role], server=daemon, **({"json": body} if body is not None else {}))
                assert answer.status_code == 403, (method, path, role)
                contract.check_answer(daemon, method, path, answer)


@DAEMONS
def test_unknown_paths_and_methods(installation, daemon):
    identity = IDENTITIES["auditor"]
    assert installation.request("GET", "/v1/nothing", identity, server=daemon).status_code == 404
    assert installation.request("DELETE", "/livez", identity, server=daemon).status_code == 405


# -- this test's own teeth ---------------------------------------------------------------------------------------------------------


def test_an_undocumented_member_is_noticed(contract):
    contract.validate({"$ref": "#/components/schemas/Ready"}, {"ready": True})
    with pytest.raises(AssertionError):
        contract.validate({"$ref": "#/components/schemas/Ready"}, {"ready": True, "plate": "QQ00QQ0"})
    with pytest.raises(AssertionError):
        contract.validate({"$ref": "#/components/schemas/Lists"}, {"lists": [{"list": "x"}]})


def test_an_undocumented_path_is_noticed(contract):
    with pytest.raises(AssertionError):
        contract.find("gate", "GET", "/v1/nothing")
    with pytest.raises(AssertionError):
        contract.find("gate", "GET", "/v1/hits?plate=1")
    assert contract.find("gate", "GET", "/v1/lists/a/revisions/1")[0] == "/v1/lists/{}/revisions/{}"
