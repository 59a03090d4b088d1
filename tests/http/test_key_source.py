"""The key server's master key and the gate's state key: from a file, a systemd credential, a PKCS#11 token (SoftHSM)."""
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

import softhsm
from conftest import make_house, remove_house
from memory import found
from test_residue import needs_root

PIN = "geheim-4711-nobody-guesses"
SPY = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so"
SETTING = {"keys": "master_key", "gate": "state_key"}
PROGRAM = {"keys": "platesieve-keyd", "gate": "platesieved"}
ANOTHER_KEY = {"keys": (1, "sealed under another master key"), "gate": (2, "can't be opened: another key")}
both = pytest.mark.parametrize("daemon", ["keys", "gate"])


def write_pin(path, text=PIN, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture(scope="module")
def hsm(tmp_path_factory):
    """A token `house` with both daemons' keys, a token `other` with keys of the same names, and the PIN's file."""
    if not Path(softhsm.MODULE).exists() or not shutil.which("pkcs11-tool"):
        pytest.skip("softhsm2 and opensc are not installed")
    hsm = softhsm.SoftHsm(tmp_path_factory.mktemp("hsm"))
    for token in ("house", "other"):
        hsm.token(token, PIN)
        for label in SETTING.values():
            hsm.key(token, PIN, label)
    hsm.pin = write_pin(hsm.folder / "pin")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(hsm.conf)
    yield hsm
    os.environ.pop("SOFTHSM2_CONF")
    if before is not None:
        os.environ["SOFTHSM2_CONF"] = before


def settings(hsm):
    return {f"{'keys.keyd' if daemon == 'keys' else 'gate.gate'}.{name}": softhsm.uri("house", name, hsm.pin) for daemon, name in SETTING.items()}


def program(house, daemon, *words, value=None, env=None, timeout=20, folder=None):
    """The daemon by hand, with another value of its key's setting, or another state folder; returns the ended process."""
    conf = (house.folder / f"etc/{daemon}.conf").read_text()
    if value:
        conf = re.sub(rf"^{SETTING[daemon]} = .*$", lambda _: f"{SETTING[daemon]} = {value}", conf, flags=re.M)
    if folder:
        conf = re.sub(r"^state_dir = .*$", f"state_dir = {folder}", conf, flags=re.M)
    path = house.folder / "etc/by-hand.conf"
    path.write_text(conf)
    return subprocess.run([str(house.programs / PROGRAM[daemon]), *words, "--config", str(path)], capture_output=True, text=True, timeout=timeout,
                          check=False, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})


def refused(house, daemon, code, said, **how):
    done = program(house, daemon, **how)
    assert done.returncode == code and said in done.stderr, (done.returncode, done.stderr)
    assert PIN not in done.stderr and "serves on" not in done.stderr
    assert f"{SETTING[daemon]}: " in done.stderr or said in ANOTHER_KEY[daemon][1]


def spied(log):
    """The environment in which pkcs11-spy writes all calls to LOG.  (It forgets 16 bytes, which a build with sanitizers minds.)"""
    return {"PKCS11SPY": softhsm.MODULE, "PKCS11SPY_OUTPUT": str(log), "ASAN_OPTIONS": "detect_leaks=0"}


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock"}


@pytest.fixture(scope="module")
def stopped(hsm, request):
    """An installation whose state was made under the token's keys, not running."""
    house = make_house(settings(hsm), start=False)
    request.addfinalizer(lambda: remove_house(house))
    for daemon in SETTING:
        house.register_all(daemon)
        assert program(house, daemon, "init").returncode == 0
    return house


# -- a token -----------------------------------------------------------------------------------------------------------------


def test_an_installation_on_a_token(hsm, new_installation):
    """Both daemons start from it, are restarted and killed, and have their state each time."""
    house = new_installation(settings(hsm))
    name = house.listed("QQ7001T")
    keys = {one["id"]: one["key_id"] for one in house.epochs(("coming", "open"))}
    for how in ("stop", "kill"):
        for part in (house.gate, house.keys):
            getattr(part, how)()
        house.start(("keys", "gate"))
        house.forget_connections()
        assert {one["id"]: one["key_id"] for one in house.epochs(("coming", "open"))}.items() >= keys.items()
        house.wait_live(name, 1)
        assert house.check("QQ7001T")["answer"] == "hit"
        assert house.check("ZZZ7001")["answer"] == "clear"


@needs_root
def test_nothing_of_the_pin_stays_in_memory(hsm, new_installation):
    house = new_installation(settings(hsm), start=False)
    if "#define PLATESIEVE_SANITIZER 1" in (house.programs / "config.h").read_text():
        pytest.skip("a build with sanitizers has its own free(), and terabytes of shadow to search")
    house.start(("keys",))
    pid = house.keys.pid()
    assert found(pid, {"name": b"keys-1"}), "the search itself must find what is there"
    assert found(pid, {"pin": PIN.encode()}) == {}


@both
def test_the_token_may_be_taken_away_after_the_start(hsm, stopped, daemon):
    """One session, one PIN, nothing taken out, and everything given back before the daemon serves."""
    log = hsm.folder / f"{daemon}.spy"
    if not Path(SPY).exists():
        pytest.skip("pkcs11-spy is not installed")
    value = softhsm.uri("house", SETTING[daemon], hsm.pin, SPY)
    # init over a state that stands does not come to the token; a folder of its own does
    done = program(stopped, daemon, "init", value=value, env=spied(log),
                   folder=hsm.folder / f"{daemon}-state")
    assert done.returncode == 0, done.stderr
    calls = re.findall(r"^\d+: (C_\w+)", log.read_text(), re.M)
    for once in ("C_Initialize", "C_OpenSession", "C_Login", "C_SignInit", "C_Sign", "C_CloseSession", "C_Finalize"):
        assert calls.count(once) == 1, (once, calls)
    assert calls[-1] == "C_Finalize" or calls[-2:] == ["C_Finalize", "C_GetFunctionList"]
    assert "CKA_VALUE " not in log.read_text()


@both
def test_another_tokens_key_opens_nothing_and_harms_nothing(hsm, stopped, daemon):
    before = contents(stopped.folder / daemon)
    code, said = ANOTHER_KEY[daemon]
    refused(stopped, daemon, code, said, value=softhsm.uri("other", SETTING[daemon], hsm.pin))
    done = program(stopped, daemon, "init", value=softhsm.uri("other", SETTING[daemon], hsm.pin))
    assert done.returncode == 1 and "already" in done.stderr
    assert contents(stopped.folder / daemon) == before


def test_one_token_key_gives_each_daemon_a_key_of_its_own(hsm, stopped, tmp_path):
    """The same key on the token for both: the labels differ, so neither opens the other's files."""
    for daemon in SETTING:
        assert program(stopped, daemon, "init", value=softhsm.uri("house", "master_key", hsm.pin), folder=tmp_path / daemon).returncode == 0
    code, said = ANOTHER_KEY["gate"]
    refused(stopped, "gate", code, said, value=softhsm.uri("house", "master_key", hsm.pin))


@both
def test_pins(hsm, stopped, tmp_path, daemon):
    before = contents(stopped.folder / daemon)
    where = tmp_path / "pin"

    def with_pin(code, said, source=None):
        value = softhsm.uri("house", SETTING[daemon], where)
        refused(stopped, daemon, code, said, value=value.replace(f"file:{where}", source) if source else value)

    with_pin(2, "No such file")
    write_pin(where, PIN[:-1] + "x")
    with_pin(2, "refuses the PIN; it is not tried again")
    for empty in ("", "\n"):
        write_pin(where, empty)
        with_pin(2, "not empty")
    write_pin(where, f"{PIN}\n{PIN}\n")
    with_pin(2, "the only line")
    write_pin(where, "1" * 5000)
    with_pin(2, "too long")
    write_pin(where, mode=0o640)
    with_pin(2, "chmod 600")
    with_pin(2, "pin-source= can only be", source="|cat /etc/passwd")
    refused(stopped, daemon, 2, "the token wants a PIN",
            value=softhsm.uri("house", SETTING[daemon], where).replace(f"?pin-source=file:{where}&", "?"))
    refused(stopped, daemon, 2, "pin-value", value=softhsm.uri("house", SETTING[daemon], where) + f"&pin-value={PIN}")
    assert contents(stopped.folder / daemon) == before

    write_pin(where, f"{PIN}\n")  # with its end of line, and as a credential: right
    done = program(stopped, daemon, "init", value=softhsm.uri("house", SETTING[daemon], where).replace(f"file:{where}", "credential:pin"),
                   env={"CREDENTIALS_DIRECTORY": str(tmp_path)}, folder=tmp_path / "state")
    assert done.returncode == 0, done.stderr


@both
def test_a_wrong_pin_is_tried_once(hsm, stopped, tmp_path, daemon):
    if not Path(SPY).exists():
        pytest.skip("pkcs11-spy is not installed")
    write_pin(tmp_path / "pin", "wrong-wrong")
    done = program(stopped, daemon, value=softhsm.uri("house", SETTING[daemon], tmp_path / "pin", SPY),
                   env=spied(tmp_path / "spy"))
    assert done.returncode == 2 and "wrong-wrong" not in done.stderr
    log = (tmp_path / "spy").read_text()
    assert len(re.findall(r"^\d+: C_Login", log, re.M)) == 1 and "CKR_PIN_INCORRECT" in log and len(re.findall(r"^\d+: C_Finalize", log, re.M)) == 1


@both
def test_tokens_and_keys_that_will_not_do(hsm, stopped, daemon):
    before = contents(stopped.folder / daemon)
    mixed = f"mixed-{daemon}"
    hsm.token(mixed, PIN)
    hsm.key(mixed, PIN, "loose", "--extractable", "--usage-sign")
    hsm.key(mixed, PIN, "aes", "--sensitive", kind="AES:32")
    hsm.key(mixed, PIN, "narrow", "--sensitive", "--usage-sign", "--allowed-mechanisms", "SHA512-HMAC")
    for identity in ("01", "02"):
        hsm.key(mixed, PIN, "twice", identity=identity)

    def with_key(code, said, label, **more):
        refused(stopped, daemon, code, said, value=softhsm.uri(mixed, label, hsm.pin, **more))

    with_key(2, "would give its key out", "loose")
    with_key(2, "not a CKK_GENERIC_SECRET", "aes")
    with_key(2, "several keys", "twice")
    code, said = ANOTHER_KEY[daemon]
    with_key(code, said, "twice", more=";id=%02")
    with_key(2, "pkcs11-tool --module", "missing")
    with_key(2, "module-path can't be used", "twice", module="/usr/lib/nowhere.so")
    refused(stopped, daemon, 1, "no token is there", value=softhsm.uri("nowhere", "twice", hsm.pin))
    refused(stopped, daemon, 2, "several tokens", value=softhsm.uri("house", SETTING[daemon], hsm.pin).replace("token=house;", ""))
    with_key(2, "lacks a mechanism that is needed: CKM_SHA256_HMAC", "narrow")
    hsm.tokens.rename(hsm.folder / "away")
    hsm.tokens.mkdir(mode=0o700)
    try:
        refused(stopped, daemon, 1, "no token is there", value=softhsm.uri("house", SETTING[daemon], hsm.pin))
    finally:
        hsm.tokens.rmdir()
        (hsm.folder / "away").rename(hsm.tokens)
    assert contents(stopped.folder / daemon) == before


@both
def test_init_makes_the_key_on_the_token_when_told_to(hsm, stopped, tmp_path, daemon):
    label = f"made-{daemon}"
    value = softhsm.uri("house", label, hsm.pin, more=";id=%0a%0b")
    state = tmp_path / "state"
    done = program(stopped, daemon, "init", value=value, folder=state)
    assert done.returncode == 2 and "init --make-key" in done.stderr and not state.exists()
    assert program(stopped, daemon, "init", "--make-key", value=value, folder=state).returncode == 0
    told = hsm.tool("house", PIN, "--list-objects", "--type", "secrkey").split("Secret Key Object")
    made = next(one for one in told if label in one)
    assert "Generic secret length 32" in made and "never extractable" in made and "0a0b" in made
    again = program(stopped, daemon, "init", "--make-key", value=value, folder=tmp_path / "second")
    assert again.returncode == 0 and hsm.keys("house", PIN).count(label) == 1  # there already: taken
    before = contents(state)
    late = program(stopped, daemon, "init", "--make-key", value=value.replace(label, "late"), folder=state)
    assert late.returncode == 1 and "late" not in hsm.keys("house", PIN) and contents(state) == before
    done = program(stopped, daemon, "run", "--make-key", value=value)
    assert done.returncode == 2 and "--make-key goes with init" in done.stderr


@both
def test_a_module_that_p11_kit_has_registered(hsm, stopped, tmp_path, daemon):
    """Without module-path, any registered module may have the token; Debian's softhsm2 registers its own."""
    if "softhsm" not in "".join(path.read_text() for path in Path("/usr/share/p11-kit/modules").glob("*.module")):
        pytest.skip("SoftHSM is not registered with p11-kit")
    done = program(stopped, daemon, "init", value=softhsm.uri("house", SETTING[daemon], hsm.pin, module=None), folder=tmp_path / "state")
    assert done.returncode == 0, done.stderr


@both
def test_a_token_that_hangs_can_be_left(stopped, tmp_path, daemon):
    """No call of PKCS#11 has a time limit: SIGTERM ends the daemon all the same."""
    os.mkfifo(tmp_path / "module.so")  # loading it waits for a writer that never comes
    conf = (stopped.folder / f"etc/{daemon}.conf").read_text()
    path = tmp_path / "daemon.conf"
    path.write_text(re.sub(rf"^{SETTING[daemon]} = .*$", f"{SETTING[daemon]} = pkcs11:object=k?module-path={tmp_path}/module.so", conf, flags=re.M))
    with subprocess.Popen([str(stopped.programs / PROGRAM[daemon]), "--config", str(path)], stdin=subprocess.DEVNULL) as hanging:
        time.sleep(0.5)
        assert hanging.poll() is None
        hanging.terminate()
        assert hanging.wait(5) == -signal.SIGTERM


# -- a credential, a file --------------------------------------------------------------------------------------------------


def test_an_installation_on_credentials(new_installation, tmp_path, monkeypatch):
    """As systemd hands them over: a folder of mode 0500, files of mode 0400."""
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    for name in SETTING.values():
        (folder / name).write_bytes(secrets.token_bytes(32))
        (folder / name).chmod(0o400)
    folder.chmod(0o500)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    house = new_installation({"keys.keyd.master_key": "credential:master_key", "gate.gate.state_key": "credential:state_key"})
    name = house.listed("QQ7002T")
    for part in (house.gate, house.keys):
        part.kill()
    house.start(("keys", "gate"))
    house.forget_connections()
    house.wait_live(name, 1)
    assert house.check("QQ7002T")["answer"] == "hit"
    house.stop(("keys", "gate"))

    for daemon, key in SETTING.items():
        path, right = folder / key, (folder / key).read_bytes()
        before = contents(house.folder / daemon)
        for wrong, said in ((right[:31], "exactly 32 bytes"), (right + b"\n", "too long"), (b"", "exactly 32 bytes")):
            path.unlink()
            path.write_bytes(wrong)
            path.chmod(0o400)
            refused(house, daemon, 2, said)
        path.chmod(0o404)
        refused(house, daemon, 2, "may be read by others")
        path.unlink()
        refused(house, daemon, 2, "No such file")
        assert program(house, daemon, "init", folder=tmp_path / f"new-{daemon}").returncode == 2 and not path.exists()
        path.write_bytes(bytes(32))
        path.chmod(0o400)
        refused(house, daemon, *ANOTHER_KEY[daemon])
        refused(house, daemon, 2, "no credentials", env={"CREDENTIALS_DIRECTORY": ""})
        assert contents(house.folder / daemon) == before


@both
def test_files(stopped, tmp_path, daemon):
    """`init` makes one; what is not a key is refused and left alone."""
    path = tmp_path / "a.key"
    assert program(stopped, daemon, "init", value=f"file:{path}", folder=tmp_path / "state").returncode == 0
    assert path.stat().st_mode & 0o7777 == 0o600 and path.stat().st_size == 32
    refused(stopped, daemon, *ANOTHER_KEY[daemon], value=f"file:{path}")
    right = path.read_bytes()
    for wrong, said in ((right[:31], "exactly 32 bytes"), (right * 2, "too long")):
        path.write_bytes(wrong)
        refused(stopped, daemon, 2, said, value=f"file:{path}")
    path.write_bytes(right)
    path.chmod(0o640)
    refused(stopped, daemon, 2, "chmod 600", value=f"file:{path}")
    refused(stopped, daemon, 2, "No such file", value=f"file:{tmp_path}/none.key")
    refused(stopped, daemon, 2, "what belongs here: file:PATH, credential:NAME or pkcs11:", value=str(path))
    # over a state that stands no key is made: it would be another than the one that opens it
    done = program(stopped, daemon, "init", value=f"file:{tmp_path}/new.key")
    assert done.returncode == 1 and "already" in done.stderr and not (tmp_path / "new.key").exists()
