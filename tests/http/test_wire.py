"""What is sent badly: lengths, encodings, half bodies, slow heads, wrong methods and paths.  Each gets its problem, or its end, and the next
request on the connection is none the worse."""
import concurrent.futures
import socket
import time

import pytest
import requests

from wire import Wire, problem

READER, ANA = "reader/north/1", "agency/customs/ana"


@pytest.fixture
def wire(installation):
    with Wire(installation, READER) as connection:
        yield connection


def lasts(wire):
    return wire.ask("GET", "/livez")[0] == 200


@pytest.mark.parametrize("headers", (["Transfer-Encoding: chunked"], ["Transfer-Encoding: identity"], ["Transfer-Encoding: chunked", "Content-Length: 2"],
                                     ["Content-Length: 2", "Content-Length: 2"], ["Content-Length: 2", "Content-Length: 7"]), ids=str)
def test_length_is_not_clear(wire, headers):
    assert problem(wire.ask("POST", "/v1/checks", b"2\r\n{}\r\n0\r\n\r\n", headers)) == (400, "bad-length")
    assert wire.ended()  # nobody knows where the next request would begin


@pytest.mark.parametrize("length", ("-1", "2x", "0x2", "99999999999999999999"))
def test_length_is_no_number(wire, length):
    wire.send(f"POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{{}}".encode())
    answer = wire.answer()
    assert answer is None or answer[0] in (400, 413)


def test_no_length(wire):
    assert problem(wire.ask("POST", "/v1/checks")) == (411, "no-length")
    assert lasts(wire)


def test_body_where_none_belongs(wire):
    assert problem(wire.ask("GET", "/v1/lane", b"{}")) == (400, "bad-length")
    assert lasts(wire)


def is_told(wire, kind):
    return problem(wire.ask("POST", "/v1/checks", b"{}", [f"Content-Type: {kind}"]))


@pytest.mark.parametrize("kind", ("text/plain", "application/x-www-form-urlencoded", "application/json5", "application/jso", "multipart/form-data"))
def test_another_kind_of_content(wire, kind):
    assert is_told(wire, kind) == (415, "media-type")
    assert lasts(wire)


@pytest.mark.parametrize("kind", ("application/json", "Application/JSON; charset=utf-8", "application/jsonl"))
def test_kinds_of_content_that_are_taken(wire, kind):
    assert is_told(wire, kind) == (400, "bad-field")
    assert lasts(wire)


@pytest.mark.parametrize("size", (256 * 1024 + 1, 5 * 1024 * 1024))
def test_too_large_is_told_after_the_body(wire, size):
    assert problem(wire.ask("POST", "/v1/checks", b"x" * size)) == (413, "body-too-large")
    assert lasts(wire)


def test_far_too_large_is_told_at_once(wire):
    wire.send(b"POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1099511627776\r\n\r\n")
    assert problem(wire.answer()) == (413, "body-too-large")


def test_refused_before_the_body_is_sent(wire):
    wire.send(b"POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n")
    assert problem(wire.answer()) == (413, "body-too-large")


def test_whole_body_of_the_largest_size(wire):
    assert problem(wire.ask("POST", "/v1/checks", b" " * 256 * 1024))[0] == 400
    assert lasts(wire)


@pytest.mark.parametrize("path, expected", (
    ("/", (404, "not-found")), ("/v1", (404, "not-found")), ("/v1/checks/", (404, "not-found")), ("//v1/lane", (404, "not-found")),
    ("/v1/../v1/lane", (404, "not-found")), ("/v1/lane%00", (404, "not-found")), ("/v1/lane?" + "a" * 2048, (414, "url-too-long")),
    ("/" + "a" * 2048, (414, "url-too-long"))), ids=lambda value: str(value)[:24])
def test_paths(wire, path, expected):
    assert problem(wire.ask("GET", path)) == expected
    assert lasts(wire)


@pytest.mark.parametrize("method, path, allow", (("GET", "/v1/checks", "POST"), ("PUT", "/v1/lane", "GET, HEAD"), ("PATCH", "/v1/lists", "GET, HEAD, POST"),
                                                 ("OPTIONS", "/livez", "GET, HEAD")))
def test_methods(wire, method, path, allow):
    answer = wire.ask(method, path, b"{}" if method == "PUT" else b"")
    assert problem(answer) == (405, "method")
    assert {word.strip() for word in answer[1]["allow"].split(",")} == set(allow.split(", "))
    assert lasts(wire)


def test_head(wire):
    wire.send(b"HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    text = b""
    while text.count(b"HTTP/1.1 200") < 2 or not text.endswith(b"}"):
        text += wire.socket.recv(65536)
    assert text.count(b"alive") == 1


def test_nothing_is_echoed(wire):
    for request in (("GET", "/secretpath1"), ("POST", "/v1/checks", b"secretbody1"), ("GET", "/livez", b"", ["X-Secret: secrethead1", "Expect: secret1"])):
        status, headers, body = wire.ask(*request)
        assert "secret" not in f"{status}{headers}{body}"


def test_many_requests_in_one_go(wire):
    wire.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" * 300)
    assert all(wire.answer()[0] == 200 for _ in range(300))


def test_byte_by_byte(wire):
    for byte in b"POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}":
        wire.send(bytes([byte]))
    assert wire.answer()[0] in (400, 409, 503)
    assert lasts(wire)


def test_half_a_body_and_gone(installation):
    for _ in range(50):
        with Wire(installation, READER) as wire:
            wire.send(b"POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
    with Wire(installation, READER) as wire:
        assert lasts(wire)


def test_http_1_0_and_connection_close(installation):
    for text in (b"GET /livez HTTP/1.0\r\n\r\n", b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):
        with Wire(installation, READER) as wire:
            wire.send(text)
            assert wire.answer()[0] == 200
            assert wire.ended()


def test_plain_port_serves_little_and_only_to_loopback_names(installation):
    port = installation.asked["ports"]["gate_metrics"]
    with requests.Session() as session:
        session.trust_env = False
        for path, host, status in (("/livez", None, 200), ("/livez", f"localhost:{port}", 200), ("/v1/lane", None, 404), ("/v1/status", None, 404),
                                   ("/metrics", "evil.example", 403), ("/metrics", "localhost.evil.example", 403)):
            answer = session.get(f"http://127.0.0.1:{port}{path}", headers={"Host": host} if host else {}, timeout=10)
            assert answer.status_code == status, (path, host)


# -- time ------------------------------------------------------------------------------------------------------------------------------


def seconds_until_the_end(installation, act):
    """How long a connection lasts on which ACT goes on."""
    with Wire(installation, READER) as wire:
        began = time.monotonic()
        try:
            act(wire)
            assert wire.answer() is None
        except OSError:  # the end, seen while sending
            pass
        return time.monotonic() - began


def half_body(wire):
    wire.send(b"POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")


def dripped_head(wire):
    wire.send(b"GET /livez HTTP/1.1\r\nX: ")
    for _ in range(120):
        wire.send(b"y")
        time.sleep(0.5)


def dripped_second_head(wire):
    assert wire.ask("GET", "/livez")[0] == 200
    time.sleep(0.5)
    dripped_head(wire)


def silence_instead_of_a_handshake(installation):
    with socket.create_connection(("127.0.0.1", installation.asked["ports"]["gate"]), timeout=60) as raw:
        began = time.monotonic()
        assert raw.recv(1) == b""
        return time.monotonic() - began


@pytest.mark.slow
def test_nobody_may_take_for_ever(installation):
    """Half a minute from a request's first byte to its last, however busily bytes drip in; ten seconds for a handshake."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        slow = {act.__name__: pool.submit(seconds_until_the_end, installation, act) for act in (half_body, dripped_head, dripped_second_head)}
        silent = pool.submit(silence_instead_of_a_handshake, installation)
        assert 8 < silent.result() < 14
        took = {name: one.result() for name, one in slow.items()}
    assert 25 < took["half_body"] < 36
    assert 25 < took["dripped_head"] < 36
    assert 25 < took["dripped_second_head"] < 40
