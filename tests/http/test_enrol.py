"""Enrolment: a device comes to its certificate by a code that was carried by hand, and neither a stranger nor the gate in between gets
anything from it."""
import json
import os
import re
import signal
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from enrol import Device, Serving, code_bytes, code_for, end, issued, leave, mac, make_csr, state_of, stranger, waiting
from house import TOP, assert_problem, eventually
from plates import bytes64, text64
from wire import Wire

INSTALLATION = {}
LANE = "reader/north/7"


@pytest.fixture
def name(request):
    """A name of the test's own."""
    return "reader/south/" + re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-")


@pytest.fixture
def device(installation, tmp_path, name):
    return Device(installation, tmp_path / "device", name)


def approve(house, *names, code=0):
    return house.platesieve("ca", "approve", *names, code=code)


def wait_for_requests(house, count=1):
    return eventually(lambda: (lambda found: found if len(found) >= count else None)(waiting(house)))


def judged(house, csr, tag, *names, code=None):
    """Leaves a request, has it judged, and returns what became of it and what was said."""
    answer = leave(house, csr, tag)
    assert answer.status_code == 202, answer.text
    said = approve(house, *names, code=code)
    return state_of(house, answer.json()["id"]), said


def blocks(document, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (TOP / "docs" / document).read_text(), re.M | re.S)


def listed(house, plate):
    """PLATE is on a list that is live."""
    file = house.folder / f"{plate}.csv"
    file.write_text(f"plate,jurisdiction,reference\n{plate},NL,x\n", encoding="ascii")
    made = f"of-{plate.lower()}"
    house.platesieve("--as", "agency/customs/ana", "list", "create", made, "--category", "stolen")
    house.platesieve("--as", "agency/customs/ana", "list", "push", made, file)
    house.wait_live(made, house.list_object(made)["revision"])


# -- the whole way -----------------------------------------------------------------------------------------------------------------


def test_a_new_lane(installation, device, name):
    """Code, device, authority; then its own registration, and it reads."""
    code = code_for(installation, name)
    child = device.start(code)
    wait_for_requests(installation)
    assert f"signed {name}" in approve(installation).stdout
    out, err = end(child)
    assert f"enrolled {name} until" in out
    assert "platesieve registry add " + name in err  # who holds a good certificate is not admitted yet
    assert device.holds_a_pair()
    certificate = device.certificate()
    assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.UniformResourceIdentifier) == [f"spiffe://platesieve.local/{name}"]
    days = (certificate.not_valid_after - certificate.not_valid_before).days
    assert days == 30
    assert os.stat(device.files[1]).st_mode & 0o777 == 0o600
    left = {file.name for file in device.base.parent.iterdir()}
    assert {one for one in left if not one.endswith(".lock")} == {device.base.name + ".pem", device.base.name + ".key"}

    listed(installation, "QQ00QQ7")
    done = device.lane("QQ00QQ7")
    assert done.returncode == 5 and "unregistered" in done.stderr
    installation.register(name)
    eventually(lambda: '"hits":1' in device.lane("QQ00QQ7", "--json").stdout.replace(" ", ""))
    assert "has enrolled" in device.run(None).stdout  # the same command again does no harm


def test_the_authority_serves(installation, device, name):
    with Serving(installation) as serving:
        device.run(code_for(installation, name))
        serving.said(f"signed {name}")
    assert device.holds_a_pair()
    assert name in installation.platesieve("ca", "list").stdout


def test_no_code_and_no_key_on_the_way(installation, device, name):
    """What the gate sees and keeps holds neither; nor does the code reach the device's disk."""
    code = code_for(installation, name)
    with Serving(installation):
        device.run(code)
    secret = code_bytes(code)
    for needle in (code, code.replace("-", ""), secret.hex(), text64(secret)):
        for folder in (device.folder, installation.folder / "gate", installation.folder / "log"):
            for file in folder.rglob("*"):
                assert not file.is_file() or needle.encode() not in file.read_bytes(), file
    assert secret.hex() in (installation.pki / "ca/codes").read_text()
    assert os.stat(installation.pki / "ca/codes").st_mode & 0o777 == 0o600


def test_openssl_and_hmac_are_enough(installation, name, tmp_path):
    """A reader maker's own means: the script of docs/reader-integration.md."""
    code = code_for(installation, name)
    script = next(one for one in blocks("reader-integration.md", "sh") if "request.sh" in one)
    (tmp_path / "request.sh").write_text(script)
    body = subprocess.run(["bash", "request.sh", code_bytes(code).hex(), f"spiffe://platesieve.local/{name}"], cwd=tmp_path, check=True,
                          capture_output=True).stdout
    with stranger(installation) as session:
        answer = session.post(installation.url("/v1/enrolments"), data=body, headers={"Content-Type": "application/json"}, timeout=10)
    assert answer.status_code == 202, answer.text
    approve(installation)
    state = state_of(installation, answer.json()["id"])
    assert issued(state).subject.rfc4514_string() == f"CN={name},O=platesieve.local"  # the authority's words, not the request's
    key = serialization.load_pem_private_key((tmp_path / "reader.key").read_bytes(), None)
    assert issued(state).public_key().public_numbers() == key.public_key().public_numbers()


# -- codes -------------------------------------------------------------------------------------------------------------------------


def test_codes_are_noticed_when_mistyped(installation, device, name):
    code = code_for(installation, name)
    other = "Z" if code[5] != "Z" else "Y"
    for typed in (code[:5] + other + code[6:], code[:-1], code + "0", "", "U" + code[1:]):
        done = device.run(typed, exit_code=1)
        assert "platesieve ca code" in done.stderr
    assert waiting(installation) == []
    with Serving(installation):
        device.run(" " + code.lower().replace("0", "o").replace("1", "l").replace("-", " "))
    assert device.holds_a_pair()


def test_a_code_works_once(installation, device, name, tmp_path):
    code = code_for(installation, name)
    with Serving(installation):
        device.run(code)
    second = Device(installation, tmp_path / "second", name)
    child = second.start(code)
    wait_for_requests(installation)
    assert "somebody else has the code" in approve(installation, code=6).stderr
    assert "used before" in end(child, 5)[1]
    assert not os.path.exists(second.files[0])


def test_the_same_request_again_is_the_same_certificate(installation, name):
    """Nobody gains by replaying it, and a device whose answer got lost does not need another code."""
    code = code_bytes(code_for(installation, name))
    csr, _ = make_csr(name)
    first, _ = judged(installation, csr, mac(code, csr), code=0)
    eventually(lambda: leave(installation, csr, mac(code, csr)).status_code in (200, 202))
    installation.stop(("gate",))
    installation.start(("gate",))
    installation.forget_connections()
    second, said = judged(installation, csr, mac(code, csr), code=0)
    assert second["certificate"] == first["certificate"] and "signed again" in said.stdout
    assert sum(name in line for line in installation.platesieve("ca", "list").stdout.splitlines()) == 1


def test_a_revoked_certificate_is_not_given_again(installation, name):
    code = code_bytes(code_for(installation, name))
    csr, _ = make_csr(name)
    assert judged(installation, csr, mac(code, csr), code=0)[0]["state"] == "signed"
    installation.platesieve("ca", "revoke", name)
    installation.stop(("gate",))
    installation.start(("gate",))
    installation.forget_connections()
    state, _ = judged(installation, csr, mac(code, csr), code=3)
    assert state["refused"] == "certificate"


def test_a_code_is_not_good_again_when_its_certificate_has_ended(installation, name):
    """Not even for the same key: a short-lived certificate, which may have been revoked, does not bring the code back."""
    code = code_bytes(code_for(installation, name))
    csr, _ = make_csr(name)
    answer = leave(installation, csr, mac(code, csr)).json()
    installation.platesieve("ca", "approve", "--lifetime", "1s")
    assert state_of(installation, answer["id"])["state"] == "signed"
    installation.stop(("gate",))
    installation.start(("gate",))
    installation.forget_connections()
    time.sleep(1.5)
    for _ in range(2):  # the second time its file is gone
        assert judged(installation, csr, mac(code, csr), code=3)[0]["refused"] == "certificate"
    other, _ = make_csr(name)
    assert judged(installation, other, mac(code, other), code=6)[0]["refused"] == "code-used"


def test_a_break_while_signing(installation, name):
    """The certificate is in the index, the code is not marked yet: the same certificate goes out, and the code is used up."""
    code = code_bytes(code_for(installation, name))
    codes = installation.pki / "ca/codes"
    before = codes.read_text()
    csr, _ = make_csr(name)
    first, _ = judged(installation, csr, mac(code, csr), code=0)
    codes.write_text(before)
    installation.stop(("gate",))
    installation.start(("gate",))
    installation.forget_connections()
    second, _ = judged(installation, csr, mac(code, csr), code=0)
    assert second["certificate"] == first["certificate"]
    other, _ = make_csr(name)
    assert judged(installation, other, mac(code, other), code=6)[0]["refused"] == "code-used"


def test_an_expired_code(installation, name):
    """By the authority's clock alone: it is made there, and ends there."""
    code = code_bytes(code_for(installation, name, "--minutes", "1"))
    file = installation.pki / "ca/codes"
    lines = file.read_text().splitlines()
    aged = [re.sub(r"\t20\d\d-[^\t]*Z\t-", "\t2026-01-01T00:00:00.000Z\t-", line) if line.startswith(name + "\t") else line for line in lines]
    recent = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 1))
    file.write_text("\n".join(line.replace("2026-01-01T00:00:00.000Z", recent) for line in aged) + "\n")
    csr, _ = make_csr(name)
    state, said = judged(installation, csr, mac(code, csr), code=3)
    assert state["refused"] == "code-expired" and "expired" in said.stderr


def test_a_new_code_ends_the_old_one(installation, name):
    old = code_bytes(code_for(installation, name))
    done = installation.platesieve("ca", "code", name, "--json")
    assert "does not work any more" in done.stderr
    csr, _ = make_csr(name)
    assert judged(installation, csr, mac(old, csr), code=3)[0]["refused"] == "code-expired"


@pytest.mark.parametrize("bad", ("node/gate-9", "reader/north", "reader/north/1/2", "boss/x"))
def test_names_without_codes(installation, bad):
    installation.platesieve("ca", "code", bad, code=2)


# -- a gate, or anybody, that meddles --------------------------------------------------------------------------------------------------


def test_a_guessed_code(installation, name):
    """An alarm; and the code stays good for the device."""
    code = code_bytes(code_for(installation, name))
    csr, _ = make_csr(name)
    state, said = judged(installation, csr, mac(os.urandom(16), csr), code=6)
    assert state["refused"] == "code" and "ALARM" in said.stderr and "guessed" in said.stderr
    assert judged(installation, csr, mac(code, csr), code=0)[0]["state"] == "signed"


def test_a_gate_that_swaps_the_request(installation, name):
    """The gate puts its own key in the place of the device's, under the device's MAC."""
    code = code_bytes(code_for(installation, name))
    csr, _ = make_csr(name)
    swapped, _ = make_csr(name)
    state, said = judged(installation, swapped, mac(code, csr), code=6)
    assert state["refused"] == "code" and "changed it" in said.stderr
    assert judged(installation, csr, mac(code, csr), code=0)[0]["state"] == "signed"


def test_another_name(installation, name):
    """The code of one name does not make a certificate for another, open code or not."""
    code = code_bytes(code_for(installation, name))
    csr, _ = make_csr("reader/north/99")
    state, said = judged(installation, csr, mac(code, csr), code=6)
    assert state["refused"] == "code" and "code of another name" in said.stderr
    nobody, _ = make_csr("reader/north/98")
    state, said = judged(installation, nobody, mac(os.urandom(16), nobody), code=3)
    assert "no code is open" in said.stderr and "ALARM" not in said.stderr


def several(name):
    uri = f"spiffe://platesieve.local/{name}"
    return [x509.UniformResourceIdentifier(uri), x509.UniformResourceIdentifier(uri.replace("reader", "node"))]


@pytest.mark.parametrize("case", ("rsa", "p-384", "none", "two", "and a host", "foreign", "unsigned"))
def test_requests_that_are_never_signed(installation, name, case):
    """Even under a right code: only one name, of our domain, and a key on P-256 that signed the request."""
    code = code_bytes(code_for(installation, name))
    if case in ("rsa", "p-384"):
        key = rsa.generate_private_key(65537, 2048) if case == "rsa" else ec.generate_private_key(ec.SECP384R1())
        csr, _ = make_csr(name, key)
    elif case == "foreign":
        csr, _ = make_csr(name, domain="elsewhere.example")
    elif case == "unsigned":
        csr = bytearray(make_csr(name)[0])
        csr[-1] ^= 1
        csr = bytes(csr)
    else:
        names = {"none": [], "two": several(name), "and a host": [several(name)[0], x509.DNSName("localhost")]}[case]
        csr, _ = make_csr(name, names=names)
    state, _ = judged(installation, csr, mac(code, csr), code=3)
    assert state["refused"] == "request"
    csr, _ = make_csr(name)
    assert judged(installation, csr, mac(code, csr), code=0)[0]["state"] == "signed"  # the code was not burnt


def test_other_roles_only_by_name(installation):
    """`ca serve` and a plain `ca approve` sign readers; an agency's certificate is signed when its name is said."""
    name = f"agency/customs/new-{os.getpid()}"
    code = code_bytes(code_for(installation, name))
    csr, _ = make_csr(name)
    with Serving(installation) as serving:
        answer = leave(installation, csr, mac(code, csr))
        serving.said(f"waits {name}")
    assert state_of(installation, answer.json()["id"])["state"] == "waiting"
    assert "signed" not in approve(installation, code=0).stdout
    assert f"signed {name}" in approve(installation, name).stdout
    assert state_of(installation, answer.json()["id"])["state"] == "signed"


def test_a_gate_that_sends_another_certificate(installation, device, name):
    """The device takes none that is not for its key, its name and from its authority."""
    code = code_for(installation, name)
    child = device.start(code)
    request = wait_for_requests(installation)[0]
    other = x509.load_pem_x509_certificate((installation.pki / "reader/north.1.pem").read_bytes())
    answer = installation.request("PUT", f"/v1/enrolments/{request['id']}", "operator/gate/olga", json={"certificate": text64(other.public_bytes(Encoding.DER))})
    assert answer.status_code == 204
    assert "ALARM" in end(child, 6)[1]
    assert not os.path.exists(device.files[0])


# -- breaks ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", (signal.SIGKILL, signal.SIGINT))
def test_the_device_is_stopped_halfway(installation, device, name, how):
    """It goes on with the same key and the same request, and needs no code for that."""
    child = device.start(code_for(installation, name))
    first = wait_for_requests(installation)[0]
    child.send_signal(how)
    err = end(child, 130 if how == signal.SIGINT else -how)[1]
    assert how == signal.SIGKILL or "goes on from here" in err
    child = device.start()
    eventually(lambda: "under way" in (os.read(child.stderr.fileno(), 4096).decode() if child.stderr else ""))
    again = wait_for_requests(installation)
    assert [one["csr"] for one in again] == [first["csr"]]
    approve(installation)
    end(child)
    assert device.holds_a_pair()


def test_the_gate_is_restarted_halfway(installation, device, name):
    child = device.start(code_for(installation, name))
    first = wait_for_requests(installation)[0]
    installation.stop(("gate",))
    time.sleep(1)
    assert child.poll() is None
    installation.start(("gate",))
    installation.forget_connections()
    again = eventually(lambda: waiting(installation), 20)
    assert again[0]["csr"] == first["csr"] and again[0]["id"] != first["id"]
    approve(installation)
    end(child)


def test_a_break_between_certificate_and_key(installation, device, name):
    """The certificate is in its place, the key is not: the next start finishes that."""
    with Serving(installation):
        device.run(code_for(installation, name))
    os.rename(device.files[1], f"{device.base}.key.new")
    assert "has enrolled" in device.run(None).stdout
    assert device.holds_a_pair()


def test_the_authority_is_away(installation, device, name):
    """The device says that nobody has signed, and a later start goes on."""
    done = device.run(code_for(installation, name), "--wait", "0", exit_code=1)
    assert "nobody has signed yet" in done.stderr
    with Serving(installation):
        device.run(None)
    assert device.holds_a_pair()


def test_a_gate_that_is_away_is_waited_for(installation, device, name):
    """By the authority, which goes on with the others; and by the device, which leaves its request at another."""
    gone = "https://127.0.0.1:1"
    device.gates = f"{gone},{installation.gate_url}"
    with Serving(installation, gates=f"{gone},{installation.gate_url}") as serving:
        device.run(code_for(installation, name))
        serving.said("no answer from the gate")
    assert device.holds_a_pair()


def test_one_at_a_time(installation, device, name):
    child = device.start(code_for(installation, name))
    wait_for_requests(installation)
    assert "another program" in device.run(None, exit_code=1).stderr
    approve(installation)
    end(child)


# -- the waiting room ----------------------------------------------------------------------------------------------------------------


def test_garbage(installation):
    csr, _ = make_csr("reader/north/1")
    good = {"csr": text64(csr), "mac": text64(bytes(32))}
    bad = [b"", b"[]", b"{", b'{"csr":1,"mac":2}', b"\xff" * 100]
    with stranger(installation) as session:
        for body in bad:
            answer = session.post(installation.url("/v1/enrolments"), data=body, headers={"Content-Type": "application/json"}, timeout=10)
            assert answer.status_code in (400, 411), answer.text
        for fields in ({"mac": text64(bytes(31))}, {"csr": text64(b"")}, {"csr": "***"}, {"extra": 1}, {"csr": text64(bytes(1025))}, {"mac": None}):
            answer = session.post(installation.url("/v1/enrolments"), json={**good, **fields}, timeout=10)
            assert_problem(answer, 400, "bad-field")
        answer = session.post(installation.url("/v1/enrolments"), json={**good, "csr": text64(os.urandom(300))}, timeout=10)
        assert_problem(answer, 422, "certificate")
        answer = session.post(installation.url("/v1/enrolments"), json={**good, "csr": "A" * 5000}, timeout=10)
        assert_problem(answer, 413, "body-too-large")
    assert waiting(installation) == []


def test_answers_are_checked(installation):
    csr, _ = make_csr("reader/north/97")
    found = leave(installation, csr, bytes(32)).json()["id"]
    path = f"/v1/enrolments/{found}"
    for body, status in (({}, 400), ({"certificate": "", "refused": "x"}, 400), ({"refused": "Not one word"}, 400), ({"refused": ""}, 400),
                         ({"certificate": text64(b"no certificate")}, 422), ({"certificate": text64(bytes(1537))}, 400)):
        assert installation.request("PUT", path, "node/ca", json=body).status_code == status, body
    assert installation.request("PUT", path, "node/ca", json={"refused": "code"}).status_code == 204
    assert_problem(installation.request("PUT", path, "node/ca", json={"refused": "code"}), 409, "answered")
    assert_problem(installation.request("PUT", "/v1/enrolments/" + "A" * 22, "node/ca", json={"refused": "code"}), 404, "not-found")


def test_the_waiting_room_is_full(new_installation):
    """One address fills its share and no more; renewals find room; the authority's refusals make room again."""
    house = new_installation()
    csrs = [make_csr(f"reader/north/{number}")[0] for number in range(30)]
    statuses = []
    for csr in csrs[:17]:
        statuses.append(leave(house, csr, bytes(32)).status_code)
    assert statuses == [202] * 16 + [503]
    assert len(waiting(house)) == 16
    old = x509.load_pem_x509_certificate((house.pki / "reader/north.1.pem").read_bytes())
    body = {"csr": text64(csrs[20]), "certificate": text64(old.public_bytes(Encoding.DER)), "signature": text64(bytes(70))}
    assert house.post("/v1/enrolments", "reader/north/1", body).status_code == 202
    house.platesieve("ca", "approve", code=6)
    assert waiting(house) == []
    time.sleep(1)
    assert leave(house, csrs[17], bytes(32)).status_code == 202


# -- strangers -----------------------------------------------------------------------------------------------------------------------


def routes(house):
    told = subprocess.run([str(house.programs / "platesieved"), "--routes"], capture_output=True, text=True, check=True).stdout
    return [line.split() for line in told.splitlines()]


def test_strangers_reach_nothing_else(installation):
    """Every route but two is as forbidden as one that does not exist, and each connection ends with its answer."""
    open_ones = set()
    for method, path, roles in [*routes(installation), ["GET", "/v1/nothing", "-"], ["DELETE", "/livez", "-"], ["PATCH", "/", "-"]]:
        time.sleep(0.1)
        with Wire(installation, timeout=10) as wire:
            answer = wire.ask(method, path.replace("{}", "a"), b"{}" if method in ("POST", "PUT") else b"")
            assert answer[1]["connection"] == "close" and wire.ended()
        if answer[0] != 403:
            open_ones.add((method, path))
            assert "stranger" in roles.split(",")
    assert open_ones == {("POST", "/v1/enrolments"), ("GET", "/v1/enrolments/{}")}


def test_strangers_are_few_and_brief(new_installation):
    """However many stand at the door, lanes get through; and who lingers is shown out."""
    house = new_installation()
    crowd = []
    began = time.monotonic()
    try:
        for _ in range(8):
            wire = Wire(house, timeout=20)
            wire.send(b"POST /v1/enrolments HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000\r\n\r\n{")
            crowd.append(wire)
        with pytest.raises(OSError):
            with Wire(house, timeout=10) as wire:
                assert wire.ask("GET", "/v1/enrolments/a") is not None
                raise AssertionError("a ninth was let in")
        assert house.get("/v1/lane", "reader/north/1").status_code == 200
        for wire in crowd:
            wire.socket.settimeout(20)
            assert wire.ended()
        assert 4 < time.monotonic() - began < 9
    finally:
        for wire in crowd:
            wire.socket.close()
    assert house.metrics()["platesieve_strangers_total"] == 8


def test_strangers_come_at_a_rate(new_installation):
    """No more than 32 at once and 8 a second come in from one address."""
    house = new_installation()
    turned_away, began = 0, time.monotonic()
    for _ in range(80):
        try:
            with Wire(house, timeout=10) as wire:
                assert wire.ask("GET", "/v1/enrolments/a")[0] == 404
        except OSError:
            turned_away += 1
    assert 80 - turned_away <= 32 + 8 * (time.monotonic() - began) + 1
    assert house.get("/v1/lane", "reader/north/1").status_code == 200
    time.sleep(1.5)
    with Wire(house, timeout=10) as wire:
        assert wire.ask("GET", "/v1/enrolments/a")[0] == 404


def test_without_the_setting_nobody_gets_in(new_installation):
    """As everywhere else: no certificate, no handshake.  Renewals do not depend on it."""
    house = new_installation({"gate.gate.enrolment": "no"})
    with pytest.raises(OSError):
        with Wire(house, timeout=10) as wire:
            assert wire.ask("GET", "/v1/enrolments/a") is not None
    device = Device(house, house.folder / "device", LANE)
    done = device.run(code_for(house, LANE), "--wait", "0", exit_code=4)
    assert "enrolment" in done.stderr
    answer = house.get("/v1/enrolments/a", "reader/north/1")
    assert_problem(answer, 404, "not-found")


def test_only_the_authority_and_operators_collect(installation):
    for identity in ("reader/north/1", "agency/customs/ana", "auditor/ines"):
        assert_problem(installation.get("/v1/enrolments", identity), 403, "forbidden")
        assert_problem(installation.request("PUT", "/v1/enrolments/a", identity, json={"refused": "code"}), 403, "forbidden")
    other = f"node/other-{os.getpid()}"
    installation.platesieve("ca", "issue", other)
    installation.run("platesieved", "register", "--config", installation.folder / "etc/gate.conf", other)
    eventually(lambda: "unregistered" not in installation.get("/livez", other).text)
    assert_problem(installation.get("/v1/enrolments", other), 403, "forbidden")
    for identity in ("node/ca", "operator/gate/olga"):
        assert waiting(installation, identity) == []


# -- clocks --------------------------------------------------------------------------------------------------------------------------

SHIFT = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long shift(void) { const char *text = getenv("SHIFT_S"); return text ? atol(text) : 0; }
int clock_gettime(clockid_t id, struct timespec *now)
{
    int code = (int)syscall(SYS_clock_gettime, id, now);
    if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return code;
}
time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    """Environment in which a program's clock is off by so many seconds."""
    folder = tmp_path_factory.mktemp("clock")
    (folder / "shift.c").write_text(SHIFT)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "shift.so", folder / "shift.c"], check=True)
    return lambda seconds: {"LD_PRELOAD": str(folder / "shift.so"), "SHIFT_S": str(seconds)}


@pytest.mark.parametrize("seconds", (-3600, 3600))
def test_a_device_whose_clock_is_an_hour_off(installation, device, name, shifted, seconds):
    """It enrols, and is told."""
    with Serving(installation):
        done = device.run(code_for(installation, name), env=shifted(seconds))
    assert re.search("clock is (59|60) minutes " + ("behind" if seconds < 0 else "ahead"), done.stderr), done.stderr
    assert device.holds_a_pair()
    installation.register(name)
    eventually(device.is_admitted)


@pytest.mark.parametrize("seconds", (-3600, 3600))
def test_an_authority_whose_clock_is_an_hour_off(installation, device, name, shifted, seconds):
    """Codes begin and end by its own clock; what it signs is good elsewhere at once."""
    code = installation.platesieve("ca", "code", name, env=shifted(seconds)).stdout.strip()
    child = device.start(code)
    wait_for_requests(installation)
    installation.platesieve("ca", "approve", env=shifted(seconds))
    end(child)
    installation.register(name)
    eventually(device.is_admitted)


def test_a_device_whose_clock_is_years_off(installation, device, name, shifted):
    done = device.run(code_for(installation, name), "--wait", "0", exit_code=4, env=shifted(-10 * 365 * 86400))
    assert "is the clock right" in done.stderr


# -- renewal -------------------------------------------------------------------------------------------------------------------------


def sign_renewal(key, csr):
    return key.sign(b"platesieve/1/renew\0" + csr, ec.ECDSA(hashes.SHA256()))


class Holder:
    """A lane with a certificate that was made by hand, for requests by hand."""

    def __init__(self, house, name, lifetime="40s"):
        self.house, self.name = house, name
        code = code_bytes(code_for(house, name))
        csr, self.key = make_csr(name)
        answer = leave(house, csr, mac(code, csr)).json()
        house.platesieve("ca", "approve", "--lifetime", lifetime)
        self.der = bytes64(state_of(house, answer["id"])["certificate"])

    def renewal(self, csr, signature=None, certificate=None, as_="reader/north/1"):
        """Leaves a renewal under the identity AS_ (the gate does not judge it), and has it judged."""
        body = {"csr": text64(csr), "certificate": text64(certificate or self.der), "signature": text64(signature or sign_renewal(self.key, csr))}
        answer = self.house.post("/v1/enrolments", as_, body)
        assert answer.status_code == 202, answer.text
        said = self.house.platesieve("ca", "approve", code=None)
        return self.house.get(f"/v1/enrolments/{answer.json()['id']}", as_).json(), said


def test_renewals_are_judged(installation, name):
    """The old key vouches for the new one; for another name, another signature, or a second time it does not."""
    holder = Holder(installation, name)
    csr, _ = make_csr(name)
    swapped, _ = make_csr(name)
    other, _ = make_csr("reader/north/1")
    state, said = holder.renewal(swapped, sign_renewal(holder.key, csr))
    assert state["refused"] == "request" and said.returncode == 6 and "changed it" in said.stderr
    state, said = holder.renewal(other)
    assert state["refused"] == "request" and "another name" in said.stderr
    state, said = holder.renewal(csr, certificate=x509_der(installation, "reader/north/1"))
    assert state["refused"] == "request" and said.returncode == 6
    state, said = holder.renewal(csr)
    assert state["state"] == "signed" and said.returncode == 0
    assert holder.renewal(csr)[0]["certificate"] == state["certificate"]
    state, said = holder.renewal(swapped)
    assert state["refused"] == "renewed" and "somebody else has the old key" in said.stderr


def x509_der(house, identity):
    return x509.load_pem_x509_certificate(open(house.certificate(identity)[0], "rb").read()).public_bytes(Encoding.DER)


def test_nothing_is_renewed_that_is_revoked_expired_or_young(installation, name):
    csr, _ = make_csr(name)
    young = Holder(installation, name, "30d")
    assert young.renewal(csr)[0]["refused"] == "early"
    installation.platesieve("ca", "revoke", name)
    state, said = young.renewal(csr)
    assert state["refused"] == "certificate" and "revoked" in said.stderr
    short = Holder(installation, name, "2s")
    time.sleep(2.5)
    state, said = short.renewal(csr)
    assert state["refused"] == "certificate" and "expired" in said.stderr


def test_enrol_renew(installation, device, name):
    """By a timer: nothing while there is time, the next certificate in the last third."""
    installation.register(name)
    with Serving(installation, "--lifetime", "20s"):
        device.run(code_for(installation, name))
        first = device.certificate()
        assert device.run(None, "--renew").stdout.startswith("good ")
        time.sleep(7)
        assert device.run(None, "--renew").stdout.startswith("renewed ")
    second = device.certificate()
    assert second.serial_number != first.serial_number and second.not_valid_after > first.not_valid_after
    assert second.public_key().public_numbers() != first.public_key().public_numbers()
    assert device.holds_a_pair()


def test_a_renewed_pair_that_is_not_taken_is_not_put_in_place(installation, device, name):
    """The gate refuses the new pair (here: the name was taken out meanwhile): the old one stays."""
    installation.register(name)
    with Serving(installation, "--lifetime", "20s"):
        device.run(code_for(installation, name))
        time.sleep(7)
        child = device.start(None, "--renew")
        request = wait_for_requests(installation)[0]
        before = device.certificate().serial_number
        assert request["from"] == name
        installation.unregister(name, daemons=("gate",))
        assert end(child, None)[0] == ""
    assert device.certificate().serial_number == before and device.holds_a_pair()


class Lane:
    """`platesieve lane` of a device, with rows as they come."""

    def __init__(self, device):
        argv = [str(device.house.programs / "platesieve"), "lane", "--json", "--gate", device.house.gate_url, "--keys", device.house.keys_url,
                "--pki", str(device.pki), "--parallel", "2"]
        self.out, self.err = device.folder / "lane.out", device.folder / "lane.err"  # a pipe would fill
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=out, stderr=err, text=True, env=device.environment())
        self.child.stdin.write("plate,jurisdiction\n")
        self.reads = 0

    def read(self, plate):
        self.child.stdin.write(f"{plate},NL\n")
        self.child.stdin.flush()
        self.reads += 1

    def end(self):
        self.child.stdin.close()
        code, err = self.child.wait(30), self.err.read_text()
        return code, [json.loads(line) for line in self.out.read_text().splitlines()], err


def test_a_lane_renews_while_it_reads(installation, device, name):
    """Over two ends of its certificate, without losing a read; every pair that it had on disk was one."""
    listed(installation, "QQ00QQ8")
    installation.register(name)
    with Serving(installation, "--lifetime", "9s") as serving:
        device.run(code_for(installation, name))
        ends, serials = device.certificate().not_valid_after, set()
        lane = Lane(device)
        deadline = time.monotonic() + 60
        while device.certificate().not_valid_before < ends:  # the one in use began when the first had ended
            lane.read("QQ00QQ8")
            serials.add(device.certificate().serial_number)
            assert time.monotonic() < deadline and lane.child.poll() is None, (lane.err.read_text(), serving.text())
            time.sleep(0.05)
        code, told, err = lane.end()
    assert code == 0, err
    summary = next(line["summary"] for line in told if "summary" in line)
    assert summary["reads"] == lane.reads and summary["hits"] == lane.reads, (summary, err)
    assert len(serials) >= 3 and err.count("renewed the certificate") >= 3
    assert device.holds_a_pair()
    names = [line for line in installation.platesieve("ca", "list").stdout.splitlines() if name in line]
    assert len(names) >= 4


def test_a_lane_whose_certificate_nobody_renews(installation, device, name):
    """It says so, goes on while it can, and does not take long to stop."""
    listed(installation, "QQ00QQ9")
    installation.register(name)
    with Serving(installation, "--lifetime", "12s"):
        device.run(code_for(installation, name))
    lane = Lane(device)
    lane.read("QQ00QQ9")
    time.sleep(14)
    began = time.monotonic()
    _, _, err = lane.end()
    assert time.monotonic() - began < 5
    assert "was not renewed yet" in err


def test_a_break_within_a_renewal(installation, device, name):
    """Stopped between certificate and key: the lane finds both again by itself."""
    listed(installation, "QQ00QQ6")
    installation.register(name)
    with Serving(installation):
        device.run(code_for(installation, name))
    os.rename(device.files[1], f"{device.base}.key.new")
    with open(device.files[1], "w", encoding="ascii") as old:
        old.write(open(installation.certificate("reader/north/1")[1], encoding="ascii").read())
    eventually(lambda: '"hits":1' in device.lane("QQ00QQ6", "--json").stdout.replace(" ", ""))
    assert device.holds_a_pair()
