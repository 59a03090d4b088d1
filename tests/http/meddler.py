"""A key server (or gate) that can't be trusted: it passes questions on to the real one, as the same identity, writes down what it was sent, and
meddles with the answers."""
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

import plates


class Meddler:
    """`meddle` is None or a function (method, path, status, json) -> json | "cut" | "hang" | (status, problem's name)."""

    def __init__(self, house, node="node/keys-1", real=None):
        self.house, self.real, self.meddle, self.asked, self.bodies = house, real or house.keys_url, None, [], []
        self.heads = []
        self.wait_s = 0.0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(*house.certificate(node))
        context.load_verify_locations(str(house.ca))
        context.verify_mode = ssl.CERT_REQUIRED
        meddler, self.local, self.ended = self, threading.local(), threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self):
                meddler.answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_arguments):  # pylint: disable=arguments-differ
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.handle_error = lambda *_: None
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def count(self, part):
        return sum(part in path for _, path in self.asked)

    # -- one question -----------------------------------------------------------------------------------------------------------

    def session(self, handler):
        """One for each connection, as the identity at its other end."""
        if not hasattr(self.local, "session"):
            uris = [value for kind, value in handler.connection.getpeercert()["subjectAltName"] if kind == "URI"]
            self.local.session = self.house.session(uris[0].split("/", 3)[3])
        return self.local.session

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.asked.append((handler.command, handler.path))
        self.bodies.append(body)
        self.heads.append(str(handler.headers).encode())
        time.sleep(self.wait_s)
        try:
            real = self.session(handler).request(handler.command, self.real + handler.path, data=body or None, timeout=30,
                                                 headers={"Content-Type": "application/json" if body else None,
                                                          **{name: handler.headers[name] for name in ("Content-Type", "Platesieve-Key-Ids")
                                                             if name in handler.headers}})
            status, value = real.status_code, real.json() if real.content else None
        except requests.ConnectionError:
            handler.close_connection = True
            return
        if self.meddle:
            value = self.meddle(handler.command, handler.path, status, value)
        if value == "hang":
            self.ended.wait(60)
        if value in ("hang", "cut"):
            handler.close_connection = True
            return
        if isinstance(value, tuple):
            status, value = value[0], {"type": f"https://platesieve.example/problems/{value[1]}", "title": "No", "status": value[0], "detail": "."}
        data = json.dumps(value).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


def on_evaluate(change):
    """A meddle that changes answers of POST /v1/epochs/{id}/evaluate alone."""
    return lambda method, path, status, value: change(value) if method == "POST" and status == 200 else value


def flip(text, bit=0):
    """base64url TEXT with one bit of its bytes changed."""
    data = bytearray(plates.bytes64(text))
    data[bit // 8] ^= 1 << bit % 8
    return plates.text64(bytes(data))
