"""GET /v1/lane and POST /v1/checks as a lane meets them: the good, and every kind of bad body."""
import copy
import json
import socket
import ssl
import time
import uuid

import pytest
import requests

import plates
from house import assert_problem, now_text

READER = "reader/north/1"


@pytest.fixture(scope="module")
def listed(installation):
    """A list at `near` with one plate, so that the lane wants all grades."""
    return installation.listed("QQ41HX7", "US-TX", grade="near", category="abduction", instruction="Call.", priority=90)


def post(installation, body, identity=READER):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return installation.post("/v1/checks", identity, data=data, headers={"Content-Type": "application/json"})


def body_of(installation, plate="QQ99ZZ9", jurisdiction="US-TX", **options):
    lane = installation.lane(READER)
    return installation.check_body(lane, [installation.read(lane, plate, jurisdiction, **options)])


# -- the good -------------------------------------------------------------------------------------------------------------------


def test_lane(installation, listed):
    lane = installation.lane(READER)
    assert lane["site"] == "north" and lane["lane"] == "1"
    assert len(lane["policy"]) == 16
    assert lane["grades"] == ["full", "plate", "similar", "near"]
    epochs = installation.epochs()
    assert [(one["id"], one["key_id"], one["suite"]) for one in lane["epochs"]] == [(one["id"], one["key_id"], "voprf-ristretto255-sha512") for one in epochs]
    assert plates.hashlib.sha256(plates.bytes64(epochs[0]["public_key"])).digest()[:16] == plates.bytes64(epochs[0]["key_id"])
    assert lane["degraded"] is False and lane["candidates_max"] >= 8 and lane["reads_max"] >= 64


def test_hit_says_what_the_lane_needs(installation, listed):
    answer = installation.check("QQ41HX7", "US-TX")
    assert answer["answer"] == "hit"
    alert = next(one for one in answer["alerts"] if one["list"] == listed)
    assert (alert["agency"], alert["category"], alert["priority"], alert["grade"], alert["candidate"]) == ("customs", "abduction", 90, "full", 0)
    assert alert["instruction"] == "Call." and alert["revision"] == 1 and 0 <= alert["age_s"] < 600 and alert["verify"] is False
    # the tag proves that the agency listed this very plate
    epoch = alert["epoch"]
    proof = plates.prf(installation.prf(epoch), "full", "US-TX", "QQ41HX7")[16:32]
    assert plates.bytes64(alert["tag"]) == plates.tag(proof, listed, "customs")


@pytest.mark.parametrize("plate, jurisdiction, grade", [
    ("qq 41-hx7", "US-TX", "full"), ("QQ41HX7", "US-NM", "plate"), ("QQ41HX7", "", "plate"), ("QQ4IHX7", "US-TX", "similar"), ("DQ41HX7", "", "similar"),
    ("QQ41HY7", "US-TX", "near"), ("QQ41HX77", "US-TX", "near"), ("QQ41HX", "US-TX", "near"), ("Q41HX7", "US-TX", "near"),
])
def test_strongest_grade(installation, listed, plate, jurisdiction, grade):
    alerts = installation.check(plate, jurisdiction)["alerts"]
    assert [one["grade"] for one in alerts if one["list"] == listed] == [grade]


@pytest.mark.parametrize("plate", ["QQ41YY7", "QQ4177HX", "XQ41HX", "Q", "ZZZ9999"])
def test_clear(installation, listed, plate):
    assert installation.check(plate) .keys() == {"read_id", "answer"}
    assert installation.check(plate)["answer"] == "clear"


def test_right_reading_is_the_second_candidate(installation, listed):
    answer = installation.check("ZZZ9999", "US-TX", others=(("QQ41HX7", "US-TX"),))
    assert [(one["candidate"], one["grade"]) for one in answer["alerts"] if one["list"] == listed] == [(1, "full")]


def test_many_reads_answered_in_order(installation, listed):
    lane = installation.lane(READER)
    reads = [installation.read(lane, "QQ41HX7" if number % 7 == 3 else f"ZZZ{number:04d}") for number in range(lane["reads_max"])]
    answer = post(installation, installation.check_body(lane, reads))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [one["read_id"] for one in told["answers"]] == [one["read_id"] for one in reads]
    assert [one["answer"] for one in told["answers"]] == ["hit" if number % 7 == 3 else "clear" for number in range(len(reads))]
    assert told["policy"] == lane["policy"] and told["degraded"] is False
    mine = next(one for one in told["lists"] if one["list"] == listed)
    assert (mine["agency"], mine["revision"]) == ("customs", 1)


def test_no_answer_carries_a_token(installation, listed):
    body = body_of(installation, "QQ41HX7")
    text = post(installation, body).text
    for candidate in body["reads"][0]["candidates"]:
        for tokens in candidate["tokens"]:
            for token in [tokens["full"], tokens["plate"], tokens["similar"], *tokens["near"]]:
                assert token not in text


def test_lists_only_count_at_their_sites(installation, listed):
    south = installation.listed("QQ51SS1", sites=["south"])
    everywhere = installation.listed("QQ51SS1")
    at_north = {one["list"] for one in installation.check("QQ51SS1", identity="reader/north/1")["alerts"]}
    at_south = {one["list"] for one in installation.check("QQ51SS1", identity="reader/south/1")["alerts"]}
    assert south not in at_north and everywhere in at_north
    assert {south, everywhere} <= at_south


def test_covert_is_clear_to_the_lane_in_the_same_bytes(installation, listed):
    name = installation.listed("QQ61CC1", user="agency/marshals/ben", covert=True)
    lane = installation.lane(READER)
    covert = post(installation, installation.check_body(lane, [installation.read(lane, "QQ61CC1", read_id="A" * 22)]))
    clear = post(installation, installation.check_body(lane, [installation.read(lane, "QQ61CC2", read_id="A" * 22)]))
    strip = {"age_s": 0}
    def plain(answer):
        told = answer.json()
        told["lists"] = [one | strip for one in told["lists"]]
        return told
    assert covert.status_code == clear.status_code == 200
    assert plain(covert) == plain(clear)
    assert len(covert.content) == len(clear.content)
    assert {key.lower(): value for key, value in covert.headers.items() if key.lower() != "date"} == \
           {key.lower(): value for key, value in clear.headers.items() if key.lower() != "date"}
    assert name not in covert.text
    hits = installation.wait_hits(1, name, "agency/marshals/ben")
    assert hits[0]["covert"] is True


# -- the bad --------------------------------------------------------------------------------------------------------------------


def change(path, value):
    """A change of the body: PATH leads to a member, VALUE replaces it (None: it is left out)."""
    def apply(body):
        place = body
        for step in path[:-1]:
            place = place[step]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        return body
    return apply


READ, CANDIDATE = ("reads", 0), ("reads", 0, "candidates", 0)
TOKENS = (*CANDIDATE, "tokens", 0)
BAD_FIELDS = {
    "no policy": change(("policy",), None), "policy a number": change(("policy",), 7), "unknown member": change(("extra",), 1),
    "no reads": change(("reads",), None), "reads an object": change(("reads",), {}), "no epochs": change(("epochs",), None),
    "read_id too short": change((*READ, "read_id"), "AAAA"), "read_id not base64url": change((*READ, "read_id"), "+" * 22),
    "no seen_at": change((*READ, "seen_at"), None), "seen_at in words": change((*READ, "seen_at"), "yesterday"),
    "seen_at without zone": change((*READ, "seen_at"), "2026-11-22T01:30:43.123"), "month 13": change((*READ, "seen_at"), "2026-13-01T00:00:00.000Z"),
    "again in words": change((*READ, "again"), "yes"), "again of a candidate": change((*CANDIDATE, "again"), True),
    "no candidates": change((*READ, "candidates"), []), "a plate in clear": change((*READ, "plate"), "ZZZ9999"),
    "confidence 1.5": change((*CANDIDATE, "confidence"), 1.5), "confidence text": change((*CANDIDATE, "confidence"), "high"),
    "confidence missing": change((*CANDIDATE, "confidence"), None), "confidence negative": change((*CANDIDATE, "confidence"), -0.1),
    "tokens missing": change((*CANDIDATE, "tokens"), None),
    "token too short": change((*TOKENS, "plate"), "A" * 21), "token too long": change((*TOKENS, "plate"), "A" * 23), "token empty": change((*TOKENS, "plate"), ""),
    "token not base64url": change((*TOKENS, "plate"), "!" * 22), "token padded": change((*TOKENS, "plate"), "A" * 22 + "=="),
    "token a number": change((*TOKENS, "plate"), 5), "unknown grade": change((*TOKENS, "fuzzy"), "A" * 22),
    "near not an array": change((*TOKENS, "near"), "A" * 22), "near too many": change((*TOKENS, "near"), ["A" * 22] * 26),
    "near token too short": change((*TOKENS, "near"), ["A" * 10]),
}


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_bad_field(installation, listed, name):
    body = BAD_FIELDS[name](body_of(installation))
    problem = assert_problem(post(installation, body), 400, "bad-field")
    for secret in ("yesterday", "fuzzy", "ZZZ9999", "+++"):
        assert secret not in json.dumps(problem)


def test_too_many_reads_and_candidates(installation, listed):
    lane = installation.lane(READER)
    read = installation.read(lane, "ZZZ9999")
    many = [{**read, "read_id": plates.text64(uuid.uuid4().bytes)} for _ in range(lane["reads_max"] + 1)]
    assert_problem(post(installation, installation.check_body(lane, many)), 400, "bad-field")
    wide = copy.deepcopy(read)
    wide["candidates"] *= lane["candidates_max"] + 1
    assert_problem(post(installation, installation.check_body(lane, [wide])), 400, "bad-field")
    assert_problem(post(installation, installation.check_body(lane, [])), 400, "bad-field")


BAD_JSON = {
    "empty": b"", "not JSON": b"plate=ZZZ9999", "cut off": b'{"policy": "abc", "epochs": [', "two values": b"{} {}", "trailing": b"{}]",
    "duplicate member": b'{"policy": "x", "policy": "y"}', "deep": b"[" * 5000 + b"]" * 5000, "invalid UTF-8": b'{"policy": "\xff\xfe"}',
    "a comment": b'{} // hello', "NUL": b'{"policy": "a\x00b"}', "bare word": b"nil", "deep object": b'{"reads":' * 200 + b"1" + b"}" * 200,
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json(installation, listed, name):
    answer = post(installation, BAD_JSON[name])
    problem = assert_problem(answer, 400)
    assert problem["type"].rpartition("/")[2] in ("bad-json", "bad-field", "bad-length")
    assert b"ZZZ9999" not in answer.content and b"hello" not in answer.content


@pytest.mark.parametrize("where", ["read", "tokens", "top"])
def test_duplicate_members_anywhere(installation, listed, where):
    text = json.dumps(body_of(installation))
    old, new = {"read": ('"seen_at"', f'"seen_at": "{now_text()}", "seen_at"'), "tokens": ('"plate"', '"plate": "' + "A" * 22 + '", "plate"'),
                "top": ('"policy"', '"policy": "0000000000000000", "policy"')}[where]
    answer = assert_problem(post(installation, text.replace(old, new, 1).encode()), 400)
    assert answer["type"].rpartition("/")[2] in ("bad-json", "bad-field")


def test_every_truncation_is_refused(installation, listed):
    whole = json.dumps(body_of(installation)).encode()
    for size in range(1, len(whole), 37):
        assert_problem(post(installation, whole[:size]), 400)


def test_times_out_of_range(installation, listed):
    assert_problem(post(installation, body_of(installation, seen_s=-90000)), 422, "time")
    assert_problem(post(installation, body_of(installation, seen_s=400)), 422, "time")
    assert post(installation, body_of(installation, seen_s=-80000)).status_code == 200
    assert post(installation, body_of(installation, seen_s=200)).status_code == 200


def test_policy_is_asked_for_again(installation, listed):
    other = body_of(installation)
    other["epochs"][0]["id"] = "20200101T000000Z"
    assert_problem(post(installation, other), 409, "policy")
    fewer = body_of(installation)
    fewer["epochs"], fewer["reads"][0]["candidates"][0]["tokens"] = [], []
    assert post(installation, fewer).status_code in (400, 409)
    for grade in ("plate", "similar", "near"):
        lacking = body_of(installation)
        del lacking["reads"][0]["candidates"][0]["tokens"][0][grade]
        assert_problem(post(installation, lacking), 409, "policy")


def test_full_may_be_absent_and_near_empty(installation, listed):
    body = body_of(installation, "Q1", "")
    assert "full" not in body["reads"][0]["candidates"][0]["tokens"][0]
    assert body["reads"][0]["candidates"][0]["tokens"][0]["near"] == []
    assert post(installation, body).status_code == 200


def test_wrong_key_is_no_clear(installation, listed):
    body = body_of(installation)
    body["epochs"][0]["key_id"] = "A" * 22
    assert_problem(post(installation, body), 409, "key-id")


def test_body_too_large(installation, listed):
    assert_problem(post(installation, b'{"policy": "' + b"a" * (300 * 1024) + b'"}'), 413, "body-too-large")


# -- on the wire ----------------------------------------------------------------------------------------------------------------


class Wire:
    """A TLS connection that says exactly what it is told."""

    def __init__(self, installation, identity=READER):
        context = ssl.create_default_context(cafile=str(installation.ca))
        context.load_cert_chain(*installation.certificate(identity))
        raw = socket.create_connection(("127.0.0.1", installation.asked["ports"]["gate"]), 10)
        self.tls = context.wrap_socket(raw, server_hostname="localhost")
        self.tls.settimeout(45)

    def say(self, data):
        self.tls.sendall(data)
        return self

    def hear(self):
        """All until the other side closes, or one whole answer."""
        heard = b""
        try:
            while True:
                piece = self.tls.recv(65536)
                if not piece:
                    return heard
                heard += piece
                head, end, rest = heard.partition(b"\r\n\r\n")
                if end:
                    sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                    if sizes and len(rest) >= int(sizes[0].split(b":")[1]):
                        return heard
        except (ConnectionError, ssl.SSLError):
            return heard
        finally:
            self.tls.close()


HEAD = b"POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_chunked_body(installation, listed):
    heard = Wire(installation).say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n").hear()
    assert heard.startswith(b"HTTP/1.1 400 ") and b"problems/bad-length" in heard


def test_chunked_and_length(installation, listed):
    heard = Wire(installation).say(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}").hear()
    assert heard.startswith(b"HTTP/1.1 400 ")


def test_two_lengths(installation, listed):
    heard = Wire(installation).say(HEAD + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}").hear()
    assert heard.startswith(b"HTTP/1.1 400 ")


def test_no_length(installation, listed):
    heard = Wire(installation).say(HEAD + b"\r\n").hear()
    assert heard.startswith((b"HTTP/1.1 411 ", b"HTTP/1.1 400 "))


def test_body_that_stops_half_way(installation, listed):
    """The gate lets go of it in time, and others are served meanwhile."""
    wire = Wire(installation).say(HEAD + b'Content-Length: 5000\r\n\r\n{"policy": "')
    begin = time.monotonic()
    assert installation.check("ZZZ9999")["answer"] == "clear"
    assert time.monotonic() - begin < 5
    heard = wire.hear()
    assert b"HTTP/1.1 200" not in heard
    assert time.monotonic() - begin < 40
    broken = Wire(installation).say(HEAD + b'Content-Length: 5000\r\n\r\n{"policy": "')
    broken.tls.close()
    assert installation.check("ZZZ9999")["answer"] == "clear"


def test_connection_is_kept(installation, listed):
    """No handshake for each check."""
    session = installation.session(READER)
    lane = installation.lane(READER)
    for _ in range(5):
        answer = session.post(installation.url("/v1/checks"), json=installation.check_body(lane, [installation.read(lane, "ZZZ9999")]), timeout=10)
        assert answer.status_code == 200 and answer.headers.get("Connection", "").lower() != "close"
    pool = session.get_adapter("https://").poolmanager.connection_from_url(installation.gate_url)
    assert pool.num_connections == 1


# -- who may ask ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identity, why", [("agency/customs/ana", "forbidden"), ("operator/gate/olga", "forbidden"), ("auditor/ines", "forbidden"),
                                           ("operator/keys/kim", "unregistered"), ("node/gate-1", "unregistered")])
def test_only_readers_check(installation, listed, identity, why):
    assert_problem(installation.get("/v1/lane", identity), 403, why)
    assert_problem(installation.post("/v1/checks", identity, {}), 403, why)


@pytest.mark.parametrize("method, path", [("GET", "/v1/lists"), ("GET", "/v1/hits"), ("GET", "/v1/status"), ("GET", "/metrics")])
def test_readers_do_nothing_else(installation, listed, method, path):
    assert_problem(installation.request(method, path, READER), 403, "forbidden")


@pytest.mark.parametrize("identity", ["evidence/customs/1", None])
def test_not_admitted(installation, listed, identity):
    """Who may not log in gets nowhere: the handshake fails, or the answer is 403."""
    try:
        answer = installation.session(identity).get(installation.url("/v1/lane"), timeout=10)
    except requests.exceptions.SSLError:
        return
    except requests.exceptions.ConnectionError:
        return
    assert_problem(answer, 403)


def test_unknown_paths_and_methods(installation, listed):
    assert_problem(installation.get("/v1/nothing-here", READER), 404, "not-found")
    answer = installation.get("/v1/checks", READER)
    assert_problem(answer, 405, "method")
    assert answer.headers["Allow"] == "POST"
    assert_problem(installation.get("/v1/lane?plate=ZZZ9999", READER), 400, "bad-query")
    assert "ZZZ9999" not in installation.get("/v1/lane?plate=ZZZ9999", READER).text
    long = installation.get("/v1/lane?" + "a" * 5000, READER)
    assert long.status_code in (414, 431)
