"""Server-sent events as a client sees them (WHATWG HTML, "Server-sent events")."""
import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
import urllib.parse


class Answer:
    """What tests ask of an answer of requests."""

    def __init__(self, response):
        self.status_code, self.headers = response.status, response.headers
        self.text = response.read().decode() if response.status != 200 else None

    def json(self):
        return json.loads(self.text)


def connect(house, identity, at):
    """A connection to the gate at a URL, under IDENTITY, whose socket can be shut from another thread."""
    context = ssl.create_default_context(cafile=str(house.ca))
    context.load_cert_chain(*house.certificate(identity))
    url = urllib.parse.urlsplit(at or house.gate_url)
    return http.client.HTTPSConnection(url.hostname, url.port, timeout=60, context=context)


def follow(house, *arguments, **query):
    """Events, as soon as there is room: those that were closed a moment ago may still count."""
    for _ in range(40):
        events = Events(house, *arguments, **query)
        if events.answer.status_code == 200:
            return events
        assert events.answer.status_code == 503, events.answer.text
        events.close()
        time.sleep(0.1)
    raise AssertionError("no room for a stream")


class Events:
    """One open stream, read by a thread of its own: `hits` as (id, object), comments, and the last id, as a browser keeps it."""

    def __init__(self, house, identity="agency/customs/ana", at=None, last_id=None, **query):
        self.connection = connect(house, identity, at)
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id is not None else {})}
        self.connection.request("GET", "/v1/hits/stream" + ("?" + urllib.parse.urlencode(query) if query else ""), headers=headers)
        self.socket = self.connection.sock
        response = self.connection.getresponse()
        self.answer = Answer(response)
        self.hits, self.comments, self.arrived = [], [], []
        self.last_id, self.retry_ms = last_id, None
        self.ended, self.cut = threading.Event(), None
        self.thread = threading.Thread(target=self.read, args=(response,), daemon=True)
        if self.answer.status_code == 200:
            self.thread.start()

    def read(self, response):
        try:
            self.take(iter(response.readline, b""))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.cut = error
        self.ended.set()

    def take(self, lines):
        data, kind, identity = [], "message", None
        for raw in lines:
            line = raw.decode().rstrip("\n")
            if not line:
                if identity is not None:
                    self.last_id = identity
                if data:
                    assert kind == "hit", kind
                    self.arrived.append(time.time())
                    self.hits.append((int(identity), json.loads("\n".join(data))))
                data, kind, identity = [], "message", None
                continue
            if line.startswith(":"):
                self.comments.append(line[1:].strip())
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name == "event":
                kind = value
            elif name == "id":
                identity = value
            elif name == "retry":
                self.retry_ms = int(value)

    def wait(self, count, seconds=20):
        """The first COUNT hits, when they are here."""
        assert self.answer.status_code == 200, self.answer.text
        deadline = time.monotonic() + seconds
        while len(self.hits) < count:
            assert time.monotonic() < deadline, f"{len(self.hits)} of {count} hits (last id {self.last_id}, {self.comments}, {self.arrived[-1:]}) within {seconds} s; ended: {self.ended.is_set()}, {self.cut}"
            time.sleep(0.01)
        return [hit for _, hit in self.hits]

    def wait_end(self, seconds=20):
        assert self.ended.wait(seconds), f"still open after {seconds} s"

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self.thread.ident is not None:
            self.thread.join(10)
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
