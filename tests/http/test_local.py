"""deploy/local: a whole installation in a folder."""
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from house import TOP, eventually

LOCAL = TOP / "deploy/local"
PROGRAMS = Path(os.environ.get("PLATESIEVE_BUILD") or TOP / "build").resolve()
SMALL = ("--set", "db.shared_buffers=32MB")


def local(*argv, code=0, prefix=(), program=LOCAL, programs=PROGRAMS):
    done = subprocess.run([*prefix, str(program), *(str(word) for word in argv)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, env={**os.environ, "PLATESIEVE_BUILD": str(programs)}, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def status(folder, code=0, **options):
    return json.loads(local("status", folder, "--json", code=code, **options).stdout)


def ready(folder, **options):
    """Status once both daemons say that they are ready."""
    def both():
        told = status(folder, **options)
        return told if told["gate"]["ready"] and told["keys"]["ready"] else None
    return eventually(both, 20, 0.2)


def in_shell(folder, script):
    """SCRIPT in a shell that has read DIR/env and nothing else."""
    done = subprocess.run(["/bin/sh", "-euc", f'. "$1/env"; {script}', "sh", str(folder)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, env={"PATH": "/usr/bin:/bin"}, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


@pytest.fixture
def folder():
    """A path that does not exist yet; whatever comes to run there is stopped."""
    base = Path(tempfile.mkdtemp(prefix="platesieve-test-", dir="/tmp"))
    path = base / "house"
    yield path
    if (path / "local.json").exists():
        local("down", path, "--purge")
    shutil.rmtree(base, ignore_errors=True)


def test_up_down_and_up_again(folder):
    local("up", folder, *SMALL)
    first = ready(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    secret = [*folder.glob("pki/*/*.key"), *folder.glob("secrets/*")]
    assert len(secret) >= 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    for role in ("reader", "agency", "evidence", "operator", "auditor"):
        assert list((folder / "pki" / role).glob("*.pem")), role
    assert len({path.name.split(".")[0] for path in (folder / "pki/agency").glob("*.pem")}) >= 2
    assert "runs already" in local("up", folder).stderr

    # DIR/env is all that the client and curl need
    assert "list" in in_shell(folder, "platesieve list create --as agency/customs/ana --category stolen --json env-list")
    told = in_shell(folder, 'curl -sS --fail --cacert "$PLATESIEVE_CA" --cert "$PLATESIEVE_PKI/agency/customs.ana.pem" '
                            '--key "$PLATESIEVE_PKI/agency/customs.ana.key" "$PLATESIEVE_GATE/v1/lists"')
    assert [one["list"] for one in json.loads(told)["lists"]] == ["env-list"]
    assert json.loads(in_shell(folder, 'curl -sS --fail --cacert "$PLATESIEVE_CA" --cert "$PLATESIEVE_PKI/reader/north.1.pem" '
                                       '--key "$PLATESIEVE_PKI/reader/north.1.key" "$PLATESIEVE_KEYS/v1/epochs"'))["epochs"]

    local("down", folder)
    stopped = status(folder, code=3)
    assert not stopped["gate"]["running"] and not stopped["keys"]["running"] and not stopped["db"]["running"]
    assert "nothing runs" in local("down", folder).stderr
    local("up", folder)
    again = ready(folder)
    assert (again["gate"]["url"], again["keys"]["url"]) == (first["gate"]["url"], first["keys"]["url"])
    assert "env-list" in in_shell(folder, "platesieve list show --as agency/customs/ana --json")
    socket_folder = again["db"]["socket"]
    local("down", folder, "--purge")
    assert not folder.exists() and not os.path.exists(socket_folder)


def test_long_path_and_closed_folder(folder):
    """A socket's path ends at 107 bytes, and PostgreSQL runs as another user than root: neither may matter."""
    folder.parent.chmod(0o700)
    deep = folder / ("long-" * 12) / "with a space, a 'quote' and a $"
    deep.mkdir(parents=True, mode=0o700)
    house = deep / ("h" * 60)
    assert len(str(house)) > 150
    try:
        local("up", house, *SMALL)
        ready(house)
        assert "now" in in_shell(house, 'curl -sS --fail --cacert "$PLATESIEVE_CA" --cert "$PLATESIEVE_PKI/reader/north.1.pem" '
                                        '--key "$PLATESIEVE_PKI/reader/north.1.key" "$PLATESIEVE_KEYS/v1/epochs"')
    finally:
        local("down", house, "--purge")


def test_two_side_by_side(folder):
    other = folder.with_name("other")
    try:
        local("up", folder, *SMALL)
        local("up", other, *SMALL)
        one, two = ready(folder), ready(other)
        assert len({one["gate"]["url"], one["keys"]["url"], two["gate"]["url"], two["keys"]["url"]}) == 4
        in_shell(folder, "platesieve list create --as agency/customs/ana --category stolen only-here")
        assert "only-here" not in in_shell(other, "platesieve list show --as agency/customs/ana --json")
        local("down", folder)
        assert status(other)["running"]
    finally:
        local("down", other, "--purge")


def readable_copy(base):
    """What deploy/local needs, where any user can read it."""
    shutil.copytree(TOP / "deploy", base / "deploy")
    shutil.copytree(TOP / "schema", base / "schema")
    (base / "build").mkdir()
    for name in ("platesieve", "platesieved", "platesieve-keyd"):
        shutil.copy2(PROGRAMS / name, base / "build" / name)
    subprocess.run(["chmod", "-R", "a+rX", str(base)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user (the other tests ran as an ordinary one)")
def test_as_ordinary_user(tmp_path_factory):
    base = Path(tempfile.mkdtemp(prefix="platesieve-test-", dir="/tmp"))
    try:
        base.chmod(0o755)
        readable_copy(base)
        nobody = pwd.getpwnam("nobody")
        home = base / "home"
        home.mkdir(mode=0o700)
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        who = {"prefix": ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
                          "env", f"HOME={home}"), "program": base / "deploy/local", "programs": base / "build"}
        house = home / "house"
        local("up", house, *SMALL, **who)
        told = ready(house, **who)
        for name in ("gate", "keys", "db"):
            assert os.stat(f"/proc/{told[name]['pid']}").st_uid in (nobody.pw_uid, 0)  # 0: of a process that hides its memory
            real = Path(f"/proc/{told[name]['pid']}/status").read_text()
            assert f"Uid:\t{nobody.pw_uid}\t" in real
        local("down", house, **who)
        assert not status(house, code=3, **who)["running"]
        local("up", house, **who)
        ready(house, **who)
        local("down", house, "--purge", **who)
        assert not house.exists()
    finally:
        shutil.rmtree(base, ignore_errors=True)


def test_given_port_is_taken(folder):
    """A clear message, and nothing keeps running."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        done = local("up", folder, "--gate-port", number, *SMALL, code=1)
        assert str(number) in done.stderr and "in use" in done.stderr
        told = status(folder, code=3)
        assert not any(told[name]["running"] for name in ("gate", "keys", "db"))
    local("up", folder)
    assert ready(folder)["gate"]["url"] == f"https://127.0.0.1:{number}"


def test_folder_of_somebody_else(folder):
    folder.mkdir()
    (folder / "thesis.tex").write_text("do not touch")
    done = local("up", folder, code=1)
    assert "holds something else" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]
    assert "holds no installation" in local("down", folder, code=1).stderr


def test_usage():
    assert local("up", code=2).stderr
    assert local("up", "/tmp/never", "--set", "gate.near=1", code=2).stderr
    assert local("up", "/tmp/never", "--gate-port", "70000", code=2).stderr


def test_down_spares_a_stranger_under_an_old_pid(folder):
    """After a crash the recorded pid may be anybody's."""
    local("up", folder, "--no-start")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        (folder / "run/gate.pid").write_text(json.dumps({"pid": stranger.pid, "start": [1, "platesieved"], "boot": boot}))
        local("down", folder)
        assert stranger.poll() is None
        stranger.kill()


def test_settings_hold(folder):
    local("up", folder, *SMALL, "--set", "gate.lists.cap_tokens=1234", "--epoch-length", "3600", "--epoch-overlap", "60")
    ready(folder)
    assert json.loads(in_shell(folder, "platesieve list create --as agency/customs/ana --category stolen --json one"))["cap_tokens"] == 1234
    assert "runs: stop it" in local("up", folder, "--set", "gate.lists.cap_tokens=99", code=1).stderr
    local("down", folder)
    local("up", folder, "--set", "gate.lists.cap_tokens=99")
    ready(folder)
    assert json.loads(in_shell(folder, "platesieve list create --as agency/customs/ana --category stolen --json two"))["cap_tokens"] == 99


def test_the_other_suite(folder):
    """By configuration, and back; epochs that stand keep theirs."""
    def suites():
        script = 'curl -sS --cacert "$PLATESIEVE_CA" --cert "$PLATESIEVE_PKI/auditor/ines.pem" --key "$PLATESIEVE_PKI/auditor/ines.key" "$PLATESIEVE_KEYS/v1/epochs"'
        return [epoch["suite"] for epoch in json.loads(in_shell(folder, script))["epochs"]]

    local("up", folder, *SMALL, "--suite", "hmac-sha256")
    ready(folder)
    assert set(suites()) == {"hmac-sha256"}
    local("down", folder)
    local("up", folder, "--suite", "voprf-ristretto255-sha512", "--epochs-ahead", "2")
    ready(folder)
    assert suites()[-1] == "voprf-ristretto255-sha512" and suites()[0] == "hmac-sha256"
    assert "invalid choice" in local("up", folder, "--suite", "md5", code=2).stderr


def test_parts_one_by_one(folder):
    local("up", folder, *SMALL)
    ready(folder)
    local("stop", folder, "gate")
    told = status(folder, code=3)
    assert not told["gate"]["running"] and told["keys"]["running"] and told["db"]["running"]
    local("start", folder, "gate")
    first = ready(folder)["keys"]["pid"]
    local("restart", folder, "keys")
    assert ready(folder)["keys"]["pid"] != first


def test_port_taken_between_choice_and_use(new_installation):
    """Another program is quicker: other ports are taken, and the certificates, the settings and DIR/env follow."""
    house = new_installation(start=False)
    with socket.socket() as quicker:
        quicker.bind(("127.0.0.1", 0))
        quicker.listen()
        taken = quicker.getsockname()[1]
        house.asked["ports"]["gate"] = house.asked["ports"]["keys_metrics"] = taken
        house.save()
        house.start()
        assert house.readiness("gate")[0] and taken not in house.asked["ports"].values()
        assert house.gate_url in (house.folder / "env").read_text()
        assert house.get("/v1/lists", "agency/customs/ana").status_code == 200


def test_daemon_that_hangs_is_killed(new_installation):
    house = new_installation()
    house.keys.send(signal.SIGSTOP)
    assert house.keys.stop(1) == "killed"
    assert house.keys.pid() is None
