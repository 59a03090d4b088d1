"""Feeds messages to many lanes at their times and notes when each was answered, and when its alert came out: one thread, so that nothing waits for another."""
import gc
import json
import os
import selectors
import socket
import time

from process import Failure


class Connection:
    """To one lane's listener, kept open; answers come in order."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent, self.got, self.took = [], b"", []

    def send(self, message):
        """The clock starts when the last byte is handed over."""
        self.socket.sendall(message[:-1])
        began = time.monotonic()
        self.socket.sendall(message[-1:])
        self.sent.append(began)
        return began

    def read(self, now, _selector):
        piece = self.socket.recv(65536)
        if not piece:
            raise Failure("a lane closed its connection")
        self.got += piece
        while b"\r\n\r\n" in self.got:
            head, rest = self.got.split(b"\r\n\r\n", 1)
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            if len(rest) < length:
                return
            if not head.startswith(b"HTTP/1.1 200 "):
                raise Failure(f"a message was answered {head.splitlines()[0].decode(errors='replace')}: {rest[:300].decode(errors='replace')}")
            self.got = rest[length:]
            self.took.append(now - self.sent[len(self.took)])


class Output:
    """A lane's standard output, a pipe: lines of JSON, one an alert; when the alert of each plate came."""

    def __init__(self, pipe):
        self.pipe, self.got, self.came = pipe, b"", {}

    def read(self, now, _selector):
        self.got += os.read(self.pipe, 1 << 20)
        *lines, self.got = self.got.split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "reading" in told:
                self.came.setdefault(told["reading"]["plate"], now)

    def close(self):
        os.close(self.pipe)


class Display:
    """A local display, which a lane posts its alerts to on a connection that stays open; when the alert of each plate came."""

    def __init__(self):
        self.pipe, self.came = socket.create_server(("127.0.0.1", 0)), {}
        self.url = f"http://127.0.0.1:{self.pipe.getsockname()[1]}/alert"

    def read(self, _now, selector):
        stream, _ = self.pipe.accept()
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(stream, selectors.EVENT_READ, Post(self, stream))

    def close(self):
        self.pipe.close()


class Post:
    """One connection to a display."""

    def __init__(self, display, stream):
        self.display, self.stream, self.got = display, stream, b""

    def read(self, now, selector):
        piece = self.stream.recv(65536)
        if not piece:
            selector.unregister(self.stream)
            self.stream.close()
        self.got += piece
        while b"\r\n\r\n" in self.got:
            head, rest = self.got.split(b"\r\n\r\n", 1)
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            if len(rest) < length:
                return
            self.display.came.setdefault(json.loads(rest[:length])["reading"]["plate"], now)
            self.got = rest[length:]
            self.stream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def feed(schedule, connections, outputs, patience_s=10):
    """SCHEDULE [(moment, lane, message, plate or None)], moments in seconds from now; PLATE: the alert that is to come.  Returns the seconds of each alert, in
    the order of the schedule."""
    selector, wanted = selectors.DefaultSelector(), []
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    for output in outputs:
        selector.register(output.pipe, selectors.EVENT_READ, output)

    def look(seconds):
        for key, _ in selector.select(max(0, seconds)):
            key.data.read(time.monotonic(), selector)

    gc.collect()
    gc.disable()
    began = time.monotonic()
    for moment, lane, message, plate in schedule:
        while (ahead := began + moment - time.monotonic()) > 0:
            look(ahead)
        sent = connections[lane].send(message)
        if plate:
            wanted.append((lane, plate, sent))
        look(0)
    gc.enable()

    def missing():
        return [1 for lane, plate, _ in wanted if plate not in outputs[lane].came] or [1 for one in connections if len(one.took) < len(one.sent)]
    deadline = time.monotonic() + patience_s
    while missing() and time.monotonic() < deadline:
        look(0.1)
    selector.close()
    if missing():
        raise Failure(f"{len(missing())} of {len(wanted)} alerts, or answers, did not come")
    return [outputs[lane].came[plate] - sent for lane, plate, sent in wanted]
