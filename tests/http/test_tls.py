"""Who gets in: certificates that are good, and every kind that is not; revocation while a connection is open."""
import datetime
import os
import socket
import ssl
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from house import eventually
from registration import command
from wire import DAY, Wire, authority, make_authority, make_certificate, problem

READER = "reader/north/1"
SECOND = datetime.timedelta(seconds=1)


@pytest.fixture(scope="module")
def domain(installation):
    """The URI of a name in the installation's trust domain."""
    conf = (installation.folder / "etc/gate.conf").read_text()
    name = next(line.split("=")[1].strip() for line in conf.splitlines() if line.startswith("trust_domain"))
    return f"spiffe://{name}/"


def refused(installation, files=None, server="gate", **context_options):
    """The handshake fails, or (TLS 1.3: the server judges after the client is done) the connection ends without an answer."""
    try:
        with Wire(installation, files=files, server=server, timeout=10) as wire:
            return wire.ask("GET", "/livez") is None
    except (ssl.SSLError, ConnectionError, BrokenPipeError):
        return True


@pytest.mark.parametrize("server", ("gate", "keys"))
def test_good_certificate(installation, server):
    with Wire(installation, READER, server) as wire:
        assert wire.ask("GET", "/livez")[0] == 200
        assert wire.socket.version() == "TLSv1.3"


def test_no_certificate(installation):
    """A key server ends the handshake; a gate that takes requests for first certificates lets in for these alone (test_enrol.py)."""
    assert refused(installation, server="keys")
    with Wire(installation, timeout=10) as wire:
        assert problem(wire.ask("GET", "/livez")) == (403, "forbidden")
        assert wire.ended()


def test_old_protocol(installation):
    context = ssl.create_default_context(cafile=str(installation.ca))
    context.load_cert_chain(*installation.certificate(READER))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with socket.create_connection(("127.0.0.1", installation.asked["ports"]["gate"]), timeout=10) as raw:
            context.wrap_socket(raw, server_hostname="localhost")


BAD_NAMES = {
    "none": [],
    "two": ["reader/north/1", "reader/north/2"],
    "evidence": ["evidence/customs/1"],
    "role": ["root/x"],
    "upper case": ["reader/North/1"],
    "part missing": ["reader/north"],
    "part too many": ["reader/north/1/2"],
    "empty part": ["reader//1"],
}


@pytest.mark.parametrize("case", BAD_NAMES)
def test_name(installation, domain, tmp_path, case):
    assert refused(installation, make_certificate(tmp_path, authority(installation), [domain + name for name in BAD_NAMES[case]]))


@pytest.mark.parametrize("uri", ("spiffe://elsewhere.example/reader/north/1", "https://platesieve.example/reader/north/1"))
def test_foreign_name(installation, tmp_path, uri):
    assert refused(installation, make_certificate(tmp_path, authority(installation), [uri]))


def test_unknown_authority_of_the_same_name(installation, domain, tmp_path):
    assert refused(installation, make_certificate(tmp_path, make_authority(), [domain + READER]))


def test_signed_by_a_client(installation, domain, tmp_path):
    """Somebody whose certificate is good signs another with it."""
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    first = make_certificate(folders[0], authority(installation), [domain + READER])
    from cryptography import x509  # pylint: disable=import-outside-toplevel
    from cryptography.hazmat.primitives import serialization  # pylint: disable=import-outside-toplevel
    issuer = (x509.load_pem_x509_certificate(open(first[0], "rb").read()), serialization.load_pem_private_key(open(first[1], "rb").read(), None))
    second = make_certificate(folders[1], issuer, [domain + "agency/customs/ana"])
    with open(second[0], "ab") as chain, open(first[0], "rb") as signer:
        chain.write(signer.read())
    assert refused(installation, second)


@pytest.mark.parametrize("case", ({"ends": -DAY / 2}, {"begins": DAY / 2}, {"usage": ExtendedKeyUsageOID.SERVER_AUTH}, {"is_ca": True},
                                  {"curve": ec.SECP192R1()}), ids=("expired", "not yet", "for servers", "an authority", "weak"))
def test_unfit(installation, domain, tmp_path, case):
    assert refused(installation, make_certificate(tmp_path, authority(installation), [domain + READER], **case))


def test_made_by_the_same_means_and_good(installation, domain, tmp_path):
    """So that what the tests above refuse is refused for the reason given."""
    with Wire(installation, files=make_certificate(tmp_path, authority(installation), [domain + READER])) as wire:
        assert wire.ask("GET", "/v1/lane")[0] in (200, 503)


@pytest.mark.parametrize("identity, method, path, server", (
    ("agency/customs/ana", "GET", "/v1/lane", "gate"), ("agency/customs/ana", "POST", "/v1/checks", "gate"), (READER, "GET", "/v1/lists", "gate"),
    (READER, "GET", "/v1/hits", "gate"), ("operator/gate/olga", "GET", "/v1/hits", "gate"), (READER, "GET", "/v1/status", "keys"),
    ("node/gate-1", "GET", "/v1/epochs/20010101T000000Z/key", "keys"), ("auditor/ines", "GET", "/v1/epochs/20010101T000000Z/key", "keys")))
def test_role(installation, identity, method, path, server):
    with Wire(installation, identity, server) as wire:
        assert problem(wire.ask(method, path, b"{}" if method == "POST" else b"")) == (403, "forbidden")
        assert wire.ask("GET", "/livez")[0] == 200  # the connection lasts


def test_expires_on_an_open_connection(installation, domain, tmp_path):
    files = make_certificate(tmp_path, authority(installation), [domain + READER], ends=8 * SECOND)
    began = time.monotonic()
    with Wire(installation, files=files) as wire:
        assert wire.ask("GET", "/livez")[0] == 200
        time.sleep(began + 9 - time.monotonic())
        assert problem(wire.ask("GET", "/livez")) == (403, "revoked")
        assert wire.ended()


@pytest.mark.parametrize("server", ("gate", "keys"))
def test_revoked_on_an_open_connection(installation, server):
    name = f"reader/north/revoked-{server}-{os.getpid()}"
    installation.issue(name)
    with Wire(installation, name, server) as wire, Wire(installation, READER, server) as other:
        assert wire.ask("GET", "/livez")[0] == 200
        assert other.ask("GET", "/livez")[0] == 200
        installation.run("platesieve", "ca", "revoke", "--pki", installation.pki, name)
        answer = eventually(lambda: (now := wire.ask("GET", "/livez"))[0] != 200 and now)
        assert problem(answer) == (403, "revoked")
        assert wire.ended()
        assert refused(installation, installation.certificate(name), server)
        assert other.ask("GET", "/livez")[0] == 200  # nobody else is touched


def test_revoked_while_the_body_comes(installation):
    name = f"reader/north/revoked-body-{os.getpid()}"
    installation.issue(name)
    with Wire(installation, name) as wire:
        wire.send(b"POST /v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{")
        installation.run("platesieve", "ca", "revoke", "--pki", installation.pki, name)
        eventually(lambda: refused(installation, installation.certificate(name)))
        wire.send(b"}")
        assert problem(wire.answer()) == (403, "revoked")
        assert wire.ended()


def test_broken_revocation_list_changes_nothing(new_installation):
    """The last good list stays in force; a restart with the broken one fails, and says so."""
    house = new_installation(start=False)
    house.start(("keys",))
    house.issue("reader/north/taken-back")
    older = house.crl.read_bytes()
    house.run("platesieve", "ca", "revoke", "--pki", house.pki, "reader/north/taken-back")
    bad = house.certificate("reader/north/taken-back")
    eventually(lambda: refused(house, bad, "keys"))
    good = house.crl.read_bytes()
    log = house.folder / "log/keys.log"
    for content, why in ((b"garbage", "not a list in PEM form"), (good[:200], "not a list in PEM form"), (older, "older than the one before")):
        house.crl.write_bytes(content)
        eventually(lambda why=why: why in log.read_text())
        assert refused(house, bad, "keys")
        with Wire(house, READER, "keys") as wire:
            assert wire.ask("GET", "/livez")[0] == 200
        house.crl.write_bytes(good)
        time.sleep(0.6)


def make_list(issuer, taken_back, begins, ends):
    """A revocation list in PEM; BEGINS and ENDS from now."""
    now = datetime.datetime.utcnow()
    one = x509.load_pem_x509_certificate(Path(taken_back[0]).read_bytes()).serial_number
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer[0].subject).last_update(now + begins).next_update(now + ends)
    builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(one).revocation_date(now).build())
    return builder.sign(issuer[1], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_revocation_list_out_of_its_time(new_installation):
    """While the daemon runs it is not taken, and the log says why. To start with, one that has expired will do."""
    house = new_installation(start=False)
    house.start(("keys",))
    house.issue("reader/north/taken-back")
    bad, log = house.certificate("reader/north/taken-back"), house.folder / "log/keys.log"
    expired, coming = (-2 * DAY, -DAY), (DAY, 2 * DAY)
    for times, why in ((expired, "it has expired"), (coming, "it begins in the future")):
        for issuer, said in ((authority(house), why), (make_authority(), "its signature is not the CA's")):
            written = len(log.read_text())
            house.crl.write_bytes(make_list(issuer, bad, *times))
            eventually(lambda: "is not usable" in log.read_text()[written:])  # pylint: disable=cell-var-from-loop
            assert f"not usable ({said}" in log.read_text()[written:]
            with Wire(house, READER, "keys") as wire:
                assert wire.ask("GET", "/livez")[0] == 200
    house.stop(("keys",))
    for issuer, times, said in ((make_authority(), expired, "its signature is not the CA's"), (authority(house), coming, "it begins in the future")):
        house.crl.write_bytes(make_list(issuer, bad, *times))
        assert said in command(house, "keys", "run", code=2).stderr
    house.crl.write_bytes(make_list(authority(house), bad, *expired))
    house.start(("keys",))
    assert "warning: the revocation list has expired" in log.read_text()
    assert refused(house, bad, "keys")
    with Wire(house, READER, "keys") as wire:
        assert wire.ask("GET", "/livez")[0] == 200
