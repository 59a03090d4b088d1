"""A wire between a client and a server that a test can cut, hold, make long, and join again."""
import contextlib
import selectors
import socket
import threading
import time


class Relay:
    """Forwards connections to 127.0.0.1:PORT while it is `open`; closed, it refuses new ones and cuts those that there are."""

    def __init__(self, port, delay_s=0):
        """DELAY_S: what comes from the server comes so much later."""
        self.target, self.delay_s, self.open, self.ending = port, delay_s, True, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs, self.lock = [], threading.Lock()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def run(self):
        with contextlib.suppress(OSError):
            while not self.ending:
                client, _ = self.listener.accept()
                if not self.open:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.target))
                with self.lock:
                    self.pairs.append((client, server))
                threading.Thread(target=self.pump, args=(client, server), daemon=True).start()

    def pump(self, client, server):
        other = {client: server, server: client}
        with selectors.DefaultSelector() as selector, contextlib.suppress(OSError, ValueError), client, server:
            for one in other:
                selector.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)
                    if not data:
                        return
                    if key.fileobj is server:
                        time.sleep(self.delay_s)
                    other[key.fileobj].sendall(data)

    def cut(self):
        self.open = False
        with self.lock:
            for pair in self.pairs:
                for one in pair:
                    with contextlib.suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
            self.pairs.clear()

    def join(self):
        self.open = True

    def stop(self):
        self.ending = True
        self.cut()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextlib.contextmanager
def relay_to(port, delay_s=0):
    relay = Relay(port, delay_s)
    try:
        yield relay
    finally:
        relay.stop()
