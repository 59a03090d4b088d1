"""A proxy in front of a lane, as the document sets one up: nginx with the server that stands there, its addresses and files put in place of the examples."""
import contextlib
import shutil
import socket
import subprocess

from house import eventually

AROUND = """\
daemon off;
{user}worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 32; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{server}
}}
"""


def nginx():
    """The program; None: it is not installed."""
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Proxy:
    """Runs nginx on a free port in FOLDER with SERVER, the text of a server block; PLACES: {what stands there: what shall}, each of which must be there."""

    def __init__(self, folder, server, places):
        self.folder, self.port = folder, free_port()
        for old, new in {**places, "192.0.2.10:8556": f"127.0.0.1:{self.port}"}.items():
            assert old in server, f"the document does not have {old} any more"
            server = server.replace(old, str(new))
        user = "user root;\n" if folder.stat().st_uid == 0 else ""  # a test's folder is its owner's alone
        (folder / "nginx.conf").write_text(AROUND.format(user=user, folder=folder, server=server))
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen([nginx(), "-e", str(self.folder / "early.log"), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        eventually(self.answers)
        return self

    def answers(self):
        assert self.process.poll() is None, self.said()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        return False

    def said(self):
        return "".join(file.read_text() for file in (self.folder / "early.log", self.folder / "error.log") if file.exists())

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
