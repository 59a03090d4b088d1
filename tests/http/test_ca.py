"""platesieve ca: certificates that OpenSSL finds good, and good for what their names say."""
import datetime
import os
import stat
import subprocess

import pytest

from fake import Client
from house import TOP

PROGRAM = os.environ.get("PLATESIEVE_BUILD", str(TOP / "build")) + "/platesieve"


@pytest.fixture
def client(tmp_path):
    return Client(tmp_path, PROGRAM)


def openssl(*argv, code=0):
    done = subprocess.run(["openssl", *(str(word) for word in argv)], capture_output=True, text=True, check=False)
    assert code is None or done.returncode == code, done.stderr
    return done.stdout


def describe(certificate):
    return openssl("x509", "-in", certificate, "-noout", "-text")


def test_certificates_say_their_name(client):
    text = describe(client.pki / "reader/north.1.pem")
    assert "URI:spiffe://fake.test/reader/north/1" in text
    assert "CA:FALSE" in text and "X509v3 Basic Constraints: critical" in text
    assert "TLS Web Client Authentication" in text and "TLS Web Server Authentication" not in text
    assert "NIST CURVE: P-256" in text and "X509v3 Subject Key Identifier" in text and "X509v3 Authority Key Identifier" in text
    assert text.count("URI:") == 1 and "DNS:" not in text


def test_of_several_identities_the_names_are_told(client):
    """As they are written everywhere else, and as their certificates have them; a dot belongs to a name."""
    client.run("ca", "issue", "agency/customs/one.two", "agency/customs/ana.b")
    said = client.run("list", "show", code=2, env={"PLATESIEVE_AS": ""}).stderr
    assert "which identity?" in said
    assert {line.strip() for line in said.splitlines() if line.startswith("  --as")} >= {"--as agency/customs/one.two", "--as agency/customs/ana.b"}
    assert not [line for line in said.splitlines() if "agency/customs." in line]


def test_a_node_is_a_server_under_its_hosts(client):
    client.run("ca", "issue", "node/gate-2", "--dns", "gate.example", "--ip", "192.0.2.7")
    text = describe(client.pki / "node/gate-2.pem")
    assert "TLS Web Server Authentication, TLS Web Client Authentication" in text
    for name in ("DNS:localhost", "IP Address:127.0.0.1", "DNS:gate.example", "IP Address:192.0.2.7"):
        assert name in text
    openssl("verify", "-CAfile", client.pki / "ca/ca.pem", "-purpose", "sslserver", client.pki / "node/gate-2.pem")


def test_keys_are_private_and_stay(client):
    key = client.pki / "reader/north.1.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and stat.S_IMODE((client.pki / "ca/ca.key").stat().st_mode) == 0o600
    before = key.read_bytes()
    assert "--force" in client.run("ca", "issue", "reader/north/1", code=1).stderr
    assert key.read_bytes() == before
    client.run("ca", "issue", "reader/north/1", "--force")
    assert key.read_bytes() != before


def test_an_authority_is_made_once(client):
    before = (client.pki / "ca/ca.key").read_bytes()
    client.run("ca", "init", code=1)
    assert (client.pki / "ca/ca.key").read_bytes() == before


def test_revoked_is_on_the_list_and_the_others_are_not(client):
    check = ("verify", "-crl_check", "-CAfile", client.pki / "ca/ca.pem", "-CRLfile", client.pki / "ca/crl.pem")
    openssl(*check, client.pki / "agency/customs.ana.pem")
    assert client.json("ca", "revoke", "agency/customs/ana")[0]["revoked"] == 1
    openssl(*check, client.pki / "agency/customs.ana.pem", code=2)
    openssl(*check, client.pki / "reader/north.1.pem")
    states = {one["name"]: one["state"] for one in client.json("ca", "list")}
    assert states["agency/customs/ana"] == "revoked" and states["reader/north/1"] == "good"
    assert client.json("ca", "revoke", "agency/customs/ana")[0]["revoked"] == 0


def test_one_of_two_certificates_is_revoked_by_serial(client):
    first = next(one for one in client.json("ca", "list") if one["name"] == "reader/north/1")["serial"]
    client.run("ca", "issue", "reader/north/1", "--force")
    client.run("ca", "revoke", "--serial", first)
    assert [one["state"] for one in client.json("ca", "list") if one["name"] == "reader/north/1"] == ["revoked", "good"]


def test_nothing_is_revoked_when_one_name_is_unknown(client):
    client.run("ca", "revoke", "reader/north/1", "reader/nowhere/9", code=1)
    assert all(one["state"] == "good" for one in client.json("ca", "list"))


def test_names_that_no_certificate_may_carry(client):
    for name in ("reader", "reader/north", "reader/north/1/2", "Reader/north/1", "reader/north/", "reader//1", "boss/a", "operator/db/x",
                 "auditor/a/b", "reader/../ca", "node/-x", "node/" + "a" * 49, "agency/customs/ana\n"):
        client.run("ca", "issue", name, code=2)
    assert not (client.pki / "boss").exists()


def test_days_and_the_end_of_the_authority(client, tmp_path):
    other = {"PLATESIEVE_PKI": str(tmp_path / "short")}
    client.run("ca", "init", "--days", "2", env=other)
    issued = client.json("ca", "issue", "auditor/ines", "--days", "300", env=other)[0]
    end = datetime.datetime.fromisoformat(issued["not_after"].replace("Z", "+00:00"))
    assert end - datetime.datetime.now(datetime.timezone.utc) < datetime.timedelta(days=2, minutes=1)


def test_revocation_list_is_signed_again(client):
    before = (client.pki / "ca/crl.pem").read_bytes()
    client.run("ca", "crl", "--days", "9")
    assert (client.pki / "ca/crl.pem").read_bytes() != before
    openssl("crl", "-in", client.pki / "ca/crl.pem", "-CAfile", client.pki / "ca/ca.pem", "-noout")


def test_many_at_a_time_do_not_lose_each_other(client):
    children = [subprocess.Popen([PROGRAM, "ca", "issue", f"reader/south/{number}", "--pki", str(client.pki)], stdout=subprocess.DEVNULL)
                for number in range(8)]
    assert [child.wait() for child in children] == [0] * 8
    assert sum(one["name"].startswith("reader/south/") for one in client.json("ca", "list")) == 8
