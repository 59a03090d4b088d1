"""A receiver of webhooks, over HTTPS, that behaves as it is told."""
import base64
import hashlib
import hmac
import http.server
import json
import ssl
import subprocess
import threading
import time


def make_certificate(folder):
    """(file of certificate, file of key) for localhost, signed by itself."""
    certificate, key = folder / "receiver.pem", folder / "receiver.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


def verified(secret, headers, body):
    """The check of docs/agencies.md."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(mac).decode()
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return fresh and any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split(" "))


class Receiver:
    """Takes deliveries on a port of its own; BEHAVE is what it does with each: 200, another status, "hang", "large", "close"."""

    def __init__(self, certificate, key, port=0):
        self.behave, self.deliveries, self.seen, self.secret = 200, [], [], None
        self.certificate, self.key, self.server = certificate, key, None
        self.port = port
        self.start()

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.take(self)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def url(self, path="/hits"):
        return f"https://localhost:{self.port}{path}"

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.seen.append((handler.path, handler.headers.get("webhook-id"), self.behave))
        behave = self.behave
        if behave == "hang":
            time.sleep(60)
            return
        if behave == "close":
            handler.close_connection = True
            return
        if behave == "large":
            handler.send_response(200)
            handler.send_header("Content-Length", str(10 ** 9))
            handler.end_headers()
            try:
                for _ in range(1000):
                    handler.wfile.write(b"x" * 10000)
            except OSError:
                pass
            handler.close_connection = True
            return
        if behave == 200:
            self.deliveries.append((dict(handler.headers), body))
        handler.send_response(behave)
        if behave in (301, 302, 307):
            handler.send_header("Location", self.url("/elsewhere"))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def bodies(self):
        return [json.loads(body) for _, body in self.deliveries]

    def hits(self):
        return [hit["hit"] for body in self.bodies() for hit in body["data"]["hits"]]

    def cursors(self):
        return [int(hit["cursor"]) for body in self.bodies() for hit in body["data"]["hits"]]
