"""A local display as an officer's screen has it: takes alerts over HTTP and remembers them."""
import contextlib
import http.server
import json
import socket
import threading
import time


class Screen:
    """Listens on PORT (0: any).  `alerts`: what was posted; `connections`: how often somebody connected; `refuse`: answer 503 to so many;
    `hangs`: take what comes, and answer nothing until it is False again."""

    def __init__(self, port=0):
        screen = self
        self.alerts, self.connections, self.refuse, self.hangs = [], 0, 0, False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                screen.connections += 1
                screen.open.append(self.connection)

            def do_HEAD(self):  # pylint: disable=invalid-name
                screen.wait()
                self.send_error(501)

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                screen.wait()
                refused, screen.refuse = screen.refuse > 0, max(0, screen.refuse - 1)
                if not refused:
                    screen.alerts.append(json.loads(body))
                self.send_response(503 if refused else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        self.open = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.server.server_address[1]

    def wait(self):
        while self.hangs:
            time.sleep(0.01)

    def close(self):
        self.hangs = False
        self.server.shutdown()
        self.server.server_close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
