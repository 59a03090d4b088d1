"""Enrolment: a device comes to its certificate by a code that was carried by hand, and neither a stranger nor the gate in between gets
anything from it."""
import os
import re
import signal
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from enrol import (Device, Serving, approve, ask, certificate_of, code_bytes, code_for, end, issued, judged, leave, listed, mac, make_csr,
                   state_of, wait_for_requests, waiting)
from house import TOP, eventually
from plates import text64


def blocks(document, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (TOP / "docs" / document).read_text(), re.M | re.S)


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
    """A reader maker's own means: the script of docs/embedding.md."""
    code = code_for(installation, name)
    script = next(one for one in blocks("embedding.md", "sh") if "request.sh" in one)
    (tmp_path / "request.sh").write_text(script)
    body = subprocess.run(["bash", "request.sh", code_bytes(code).hex(), f"spiffe://platesieve.local/{name}"], cwd=tmp_path, check=True,
                          capture_output=True).stdout
    answer = ask(installation, "POST", "/v1/enrolments", data=body, headers={"Content-Type": "application/json"})
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


def test_a_node_is_told_where_its_certificate_comes_from(installation, tmp_path):
    node = Device(installation, tmp_path / "node", "node/gate-9")
    assert "ca issue" in node.run(None, exit_code=2).stderr
    assert not node.pki.exists()


def test_a_name_that_has_the_same_files(installation, tmp_path):
    """What is there stays, and the code is good elsewhere."""
    first, second = (Device(installation, tmp_path / "both", name) for name in ("reader/south.east/1", "reader/south/east.1"))
    with Serving(installation):
        first.run(code_for(installation, first.name))
        before = first.certificate()
        code = code_for(installation, second.name)
        for more in ((), ("--again",)):
            assert first.name in second.run(code, *more, exit_code=1).stderr
            assert first.certificate() == before and first.holds_a_pair()
        Device(installation, tmp_path / "elsewhere", second.name).run(code)


def test_another_authority_in_the_folder_is_said(installation, device, name):
    """It stays, as others may use it; who enrols is told why other commands don't trust the gate."""
    installation.run("platesieve", "ca", "init", "--pki", device.pki)
    before = (device.pki / "ca/ca.pem").read_bytes()
    with Serving(installation):
        done = device.run(code_for(installation, name))
    assert "not the certificate of this authority" in done.stderr
    assert (device.pki / "ca/ca.pem").read_bytes() == before


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
    answer = installation.request("PUT", f"/v1/enrolments/{request['id']}", "operator/gate/olga", json={"certificate": text64(certificate_of(installation, "reader/north/1"))})
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
