"""docs/first-day.md from its first command to its last, as it stands: two people with accounts of their own, the authority, the operators, a lane."""
import os
import pty
import re
import shutil
import signal
import subprocess
import threading

import pytest

from enrol import wait_for_requests
from house import TOP, eventually
from sealing import exif_gps, jpeg

PAGE = (TOP / "docs/first-day.md").read_text()
PEOPLE = ("ana", "eva", "authority", "operator", "lab")
TRIAL = "QQ00QQ0"


def blocks(title):
    """[(words after the language, text)] of the blocks under that step of the page."""
    section = re.search(rf"^## (?:\d+\. )?{re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]
    return [(words.split(), text) for words, text in re.findall(r"^```(.*?)\n(.*?)^```", section, re.M | re.S)]


class Day:
    """The people of the page, and what stands under their hands."""

    def __init__(self, house, folder):
        self.house, self.folder, self.children, self.done = house, folder, [], []
        self.safe = folder / "safe"
        for name in PEOPLE:
            (folder / name).mkdir()
        for name in ("ana", "eva"):
            (folder / name / "platesieve").mkdir()
            shutil.copy(house.ca, folder / name / "platesieve/ca.pem")
        self.safe.mkdir()
        self.replaced = {"https://gate.example.org:8443": house.gate_url, "https://keys.example.org:8444": house.keys_url, "/media/safe": str(self.safe)}

    def home(self, who, *path):
        return (self.folder / who).joinpath(*path)

    def command(self, who, text):
        """An account of the agency knows what the page gave it, and nothing else; the others have what is theirs."""
        self.done.append((who, text))
        for there, here in self.replaced.items():
            text = text.replace(there, here)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PLATESIEVE_")}
        environment |= {"HOME": str(self.home(who)), "PATH": f"{self.house.programs}:{os.environ['PATH']}"}
        if who not in ("ana", "eva"):
            environment |= self.house.environment()
        return {"args": ["bash", "-c", f"set -uo pipefail; umask 077; [ ! -f ~/.profile ] || . ~/.profile\nset -e\n{text}"], "env": environment,
                "cwd": self.home(who), "text": True}

    def run(self, who, text, code=0, typed=None):
        """(stdout, stderr); with TYPED on a terminal, where that is typed."""
        master, slave = pty.openpty() if typed else (None, subprocess.DEVNULL)
        try:
            if typed:
                os.write(master, f"{typed}\n".encode())
            done = subprocess.run(**self.command(who, text), stdin=slave, capture_output=True, timeout=120, check=False)
        finally:
            for descriptor in (master, slave):
                if typed:
                    os.close(descriptor)
        assert done.returncode == code, (who, text, done.returncode, done.stdout, done.stderr)
        return done.stdout, done.stderr

    def do(self, block, **options):
        """A block of the page, by whom the page says."""
        return self.run(block[0][1], block[1], **options)

    def start(self, who, text, **options):
        child = subprocess.Popen(**self.command(who, text), **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
                                 start_new_session=True)
        self.children.append(child)
        return child

    def end(self):
        for child in self.children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.communicate()

    def enrol(self, code, ask, approve):
        """Two blocks, of which the first waits for the second."""
        child = self.start(ask[0][1], ask[1])
        child.stdin.write(f"{code}\n")
        child.stdin.flush()
        wait_for_requests(self.house)
        assert "signed " in self.do(approve)[0]
        out, err = child.communicate(timeout=30)
        assert child.returncode == 0, err
        return out


@pytest.fixture
def day(installation, tmp_path):
    house = Day(installation, tmp_path)
    installation.issue("reader/lab/1")
    # What the installation has from the beginning does not count: the page's people come from outside.
    installation.unregister("agency/customs/ana", "agency/customs/eva")
    yield house
    house.end()


class Followed:
    """A program that goes on, and its lines as they come."""

    def __init__(self, child):
        self.child, self.lines = child, []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\n"))

    def with_text(self, text):
        return eventually(lambda: next((line for line in self.lines if text in line), None))


def test_the_whole_day(day):
    names = given(day)
    certificates(day, names)
    first_list(day)
    recipients(day)
    second_person(day)
    hit = tried(day)
    judged(day, hit)
    shared(day)
    silent(day)
    tomorrow(day)
    done = "".join(text for _, text in day.done)
    for words, text in re.findall(r"^```sh (.*?)\n(.*?)^```", PAGE, re.M | re.S):
        assert "systemd" in words or re.sub(r"^HIT=A+$", f"HIT={hit}", text, flags=re.M) in done, text
    assert "no `NO TOKENS`" in PAGE and "NO TOKENS" not in day.run("ana", "platesieve list show stolen")[0]


def given(day):
    """{name: code} after the steps 1 and 2."""
    codes, registered = blocks("What you are given, and by whom")
    printed = day.do(codes)[0].split()
    told = day.do(registered)[0]
    assert told.count("registered agency/customs/ana") == 2 and told.count("registered agency/customs/eva") == 2  # at the gate and the key server
    (who, environment), = blocks("Say where everything is")
    for name in who[1:]:
        day.run(name, environment)
    return dict(zip(re.findall(r"^platesieve ca code .* (\S+)$", codes[1], re.M), printed, strict=True))


def certificates(day, codes):
    *pairs, (who, look) = blocks("Get your certificates")
    assert len(pairs) == 6
    for ask, approve in zip(pairs[::2], pairs[1::2]):
        name = re.search(r"enrol (\S+)", ask[1])[1]
        assert f"enrolled {name} until" in day.enrol(codes[name], ask, approve)
    for name in who[1:]:
        day.run(name, look)
    made = day.home("eva", "platesieve/pki/evidence/customs.1")
    assert os.stat(f"{made}.key").st_mode & 0o777 == 0o600 and not day.home("ana", "platesieve/pki/evidence").exists()
    shutil.copy(f"{made}.pem", day.home("ana", "platesieve"))


def first_list(day):
    day.do(blocks("Make the first list")[0])
    (_, file), profile = blocks("Say what your file is like")
    day.home("ana", "platesieve/lists/stolen.csv").write_text(file, encoding="cp1252")
    day.do(profile)
    out, err = day.do(blocks("Push it")[0], code=3)
    assert "4 entries from 7 rows" in out
    assert re.findall(r"^(\d+),", day.home("ana", "platesieve/remarks.csv").read_text(), re.M) == ["4", "5", "6", "7"]
    explained = re.findall(r"^\| (``?)(.+?)\1 \|", PAGE[PAGE.index("| remark |"):PAGE.index("`remarks.csv` has")], re.M)
    assert len(explained) == 4
    for _, remark in explained:
        assert remark in out + err, (remark, out, err)
    shown = day.do(blocks("Look at what is in force")[0])[0]
    assert "customs/stolen: 4 entries" in shown and "covered" in shown and "NO TOKENS" not in shown
    day.house.wait_live("stolen", 1)


def recipients(day):
    """What two people must have lies at both, and what one must have at one."""
    for block in blocks("Keep copies of two keys"):
        day.do(block)
    assert {path.name for path in (day.safe / "platesieve/evidence").iterdir()} >= {"customs.1.key", "customs.1.pem"}
    shown = day.do(blocks("Say who may open pictures")[0])[0]
    assert "evidence/customs/1" in shown and "signed by agency/customs/ana" in shown


def second_person(day):
    """Nothing is in force until she says so."""
    ask, approve = blocks("A list that takes two people")
    out, err = day.do(ask)
    assert "NOT IN FORCE" in out and "WAITING" in out and "second person" in err
    day.run(ask[0][1], approve[1], code=5, typed="y")  # not by herself
    assert seen_at_the_lab(day, "QQ85TV3") == 0
    out, _ = day.do(approve, typed="y")
    assert "grave: approved, and in force" in out
    assert "NOT IN FORCE" not in day.run("ana", "platesieve list show grave")[0]
    eventually(lambda: seen_at_the_lab(day, "QQ85TV3") == 1)
    for who, command, there in (("ana", "platesieve list set stolen --priority 80", "priority: 50 -> 80"),
                                ("ana", "platesieve list set grave --ends 60d", "second person"), ("eva", "platesieve list refuse grave", "nothing waits"),
                                ("ana", "platesieve list set grave --ends now", "ends_at")):
        assert command.removeprefix("platesieve ") in PAGE and there in "".join(day.run(who, command)), command
    eventually(lambda: seen_at_the_lab(day, "QQ85TV3") == 0)
    assert ", ENDED" in day.run("ana", "platesieve list show grave")[0]


def seen_at_the_lab(day, plate):
    """How many alerts there are."""
    return day.run("lab", f"printf 'plate,state\\n{plate},TX\\n' | platesieve lane --as reader/lab/1 --codes usps")[0].count("ALERT")


def tried(day):
    """The hit's id."""
    (who, follow), lane, (_, evidence) = blocks("Try it out")
    child = day.start(who[1], f"exec {follow}", stdin=subprocess.DEVNULL)
    followed = Followed(child)
    day.home("lab", "trial.jpg").write_bytes(jpeg(middle=exif_gps()))
    eventually(lambda: day.house.metrics()["platesieve_streams"] > 0)
    out, err = day.do(lane)
    assert out.count("ALERT") == 1 and "Stop. Look at plate and vehicle" in out and TRIAL in out
    assert re.search(r"picture sealed .* and stored", err)
    line = followed.with_text("trial")
    assert "stolen" in line and "lab/1" in line
    hit = id_in(line)
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 0
    out, _ = day.run("eva", with_id(evidence, hit))
    assert "sealed to evidence/customs/1" in out
    opened = day.home("eva", "platesieve/trial.jpg")
    day.run("ana", f"platesieve hits evidence {hit}", code=5)  # she has no right to
    assert opened.read_bytes().startswith(b"\xff\xd8") and b"Exif" not in opened.read_bytes()
    return hit


def with_id(text, hit):
    """TEXT, with the id that was copied from the screen."""
    return re.sub(r"^HIT=A+$", f"HIT={hit}", text, flags=re.M) if "HIT=" in text else f"HIT={hit}\n{text}"


def judged(day, hit):
    (who, confirmed), (_, misread) = blocks("Say what it was")
    out, _ = day.run(who[1], with_id(confirmed, hit))
    assert f"{hit}" in out and "confirmed" in out
    _, err = day.run(who[1], with_id(misread, hit), code=5)
    assert "erased" in err
    assert hit not in day.run("ana", "platesieve hits --all")[0]


def shared(day):
    """The partner sees what is confirmed, and nothing after the end."""
    begin, end = blocks("Share with a partner")
    shutil.copy(day.house.pki / "evidence/marshals.1.pem", day.home("ana", "platesieve/marshals.1.pem"))
    out, _ = day.do(begin)
    assert "marshals sees the hits of stolen" in out and "evidence/marshals/1" in out and "joint patrol" in out
    assert "customs/stolen" in day.house.platesieve("--as", "agency/marshals/ben", "list", "shares").stdout
    assert seen_at_the_lab(day, "QQ41HX7") == 1
    hit, = eventually(lambda: ids(day, "case 1"))
    theirs = ("--as", "agency/marshals/ben", "hits", "--all")
    assert hit not in day.house.platesieve(*theirs).stdout
    day.run("eva", f"platesieve hits verdict {hit} confirmed")
    told = eventually(lambda: next((line for line in day.house.platesieve(*theirs).stdout.splitlines() if "shared by customs" in line), None))
    assert "case 1" not in told
    day.do(end)
    assert "shared by customs" not in day.house.platesieve(*theirs).stdout
    assert "evidence/marshals" not in day.run("ana", "platesieve list recipients stolen")[0]


def id_in(line):
    return re.search(r"(?<!\S)[\w-]{22}(?!\S)", line)[0]


def ids(day, reference):
    return [id_in(line) for line in day.run("ana", "platesieve hits --list stolen --all")[0].splitlines() if reference in line]


def silent(day):
    flags, suppress = blocks("When an entry raises false alarms")
    day.do(flags)
    out, _ = day.do(suppress)
    assert "north/1" in out and "until" in out and "raises hits again" in out


def tomorrow(day):
    """The service's own command, and a new file moved into place."""
    (_, unit), (_, _systemd), renew = blocks("See to it that tomorrow works")
    (day.folder / "platesieve-stolen.service").write_text(unit)
    if shutil.which("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", day.folder / "platesieve-stolen.service"], capture_output=True, text=True, check=False)
        assert "Unknown" not in done.stderr, done.stderr
    home = str(day.home("ana"))
    settings = day.home("ana", re.search(r"^EnvironmentFile=%h/(\S+)$", unit, re.M)[1])
    start = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].replace("%h", home)
    environment = dict(line.split("=", 1) for line in settings.read_text().splitlines())
    assert environment["PLATESIEVE_PKI"] == f"{home}/platesieve/pki" and environment["PLATESIEVE_GATE"] == day.house.gate_url
    child = day.start("ana", f"exec {start}", stdin=subprocess.DEVNULL)
    watch = Followed(child)
    watch.with_text("stolen:")
    file = day.home("ana", "platesieve/lists/stolen.csv")
    file.with_suffix(".new").write_text("".join(line for line in file.read_text(encoding="cp1252").splitlines(True) if ";trial;" not in line), encoding="cp1252")
    file.with_suffix(".new").replace(file)
    watch.with_text("1 removed")
    assert "customs/stolen: 3 entries" in day.run("ana", "platesieve list show stolen")[0]
    child.terminate()
    assert child.wait(20) == 0
    day.do(renew)  # it is new: nothing is asked for
