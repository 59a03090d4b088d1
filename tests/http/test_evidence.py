"""Evidence: who may open a picture is the agency's word, and nobody else's; what arrives is sealed, and to exactly those."""
import json
import time

import pytest

import plates
from house import assert_problem, eventually

ANA, EVA, BEN, LANE = "agency/customs/ana", "agency/customs/eva", "agency/marshals/ben", "reader/north/1"
CMS = {"Content-Type": "application/cms"}


def recipients(house, name, *argv, user=ANA, code=0, certs=("evidence/customs.1.pem",)):
    files = [word for cert in certs for word in ("--cert", house.pki / cert)]
    done = house.platesieve("list", "recipients", "--as", user, "--json", name, *files, *argv, code=code)
    return json.loads(done.stdout) if code == 0 else done


def header_of(house, name, user=ANA):
    answer = house.get(f"/v1/lists/{name}/header", user)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/cms", answer.text
    return answer.content


def alert(house, plate, **options):
    return house.check(plate, **options)["alerts"][0]


# -- headers ----------------------------------------------------------------------------------------------------------------


def test_a_header_is_signed_shown_and_taken_away(installation):
    name = installation.listed("QQ3001E")
    assert installation.list_object(name)["header"] is None and "header" not in alert(installation, "QQ3001E")
    told = recipients(installation, name, "--days", "7")
    assert told["recipients"][0]["name"] == "evidence/customs/1" and told["signed_by"] == ANA and told["shared_with"] == []
    assert installation.list_object(name)["header"] == told["header"]
    assert eventually(lambda: alert(installation, "QQ3001E").get("header")) == told["header"]
    answer = installation.get(f"/v1/headers/{told['header']}", LANE)
    assert answer.status_code == 200 and answer.content == header_of(installation, name)
    shown = json.loads(installation.platesieve("list", "recipients", "--as", ANA, "--json", name).stdout)
    assert shown == told
    assert installation.platesieve("list", "recipients", "--as", ANA, "--json", name, "--none").returncode == 0
    eventually(lambda: "header" not in alert(installation, "QQ3001E"))
    assert installation.list_object(name)["header"] is None
    assert "no pictures" in installation.platesieve("list", "recipients", "--as", ANA, name).stdout
    assert installation.get(f"/v1/headers/{told['header']}", LANE).status_code == 200  # for a picture that is under way


def test_a_header_never_goes_back(installation):
    name = installation.new_list()
    first = recipients(installation, name)
    old = header_of(installation, name)
    second = recipients(installation, name)
    assert second["serial"] > first["serial"] and second["header"] != first["header"]
    assert_problem(installation.put(f"/v1/lists/{name}/header", ANA, old, headers=CMS), 409, "serial")
    assert installation.put(f"/v1/lists/{name}/header", EVA, header_of(installation, name), headers=CMS).status_code == 204
    installation.delete(f"/v1/lists/{name}/header", ANA)
    assert_problem(installation.put(f"/v1/lists/{name}/header", ANA, old, headers=CMS), 409, "serial")


def test_a_header_is_of_its_list_and_its_agency(installation):
    name, other, theirs = installation.new_list(), installation.new_list(), installation.new_list(BEN)
    recipients(installation, name)
    signed = header_of(installation, name)
    assert_problem(installation.put(f"/v1/lists/{other}/header", ANA, signed, headers=CMS), 422, "header")
    assert_problem(installation.put(f"/v1/lists/{theirs}/header", BEN, signed, headers=CMS), 422, "header")
    assert_problem(installation.put(f"/v1/lists/{name}/header", BEN, signed, headers=CMS), 422, "header")
    assert_problem(installation.get(f"/v1/lists/{name}/header", BEN), 404)
    assert_problem(installation.get(f"/v1/lists/{name}/header", LANE), 403)
    assert_problem(installation.get("/v1/headers/" + plates.text64(bytes(32)), LANE), 404)
    assert_problem(installation.get("/v1/headers/x", LANE), 404)
    for changed in (signed[:-1], signed + b"\0", signed[:700] + bytes([signed[700] ^ 1]) + signed[701:], b"\xff\xd8\xff\xe0"):
        assert_problem(installation.put(f"/v1/lists/{name}/header", ANA, changed, headers=CMS), 422, "header")
    assert_problem(installation.put(f"/v1/lists/{name}/header", ANA, bytes(49153), headers=CMS), 413)
    assert_problem(installation.put(f"/v1/lists/{name}/header", ANA, b"{}", headers={"Content-Type": "application/json"}), 415)


def test_recipients_are_the_agencys_own(installation):
    """The client refuses; so does a gate that is asked by another client, which tests/unit/evidence_test.c shows."""
    name = installation.new_list()
    for certs in (("evidence/marshals.1.pem",), ("agency/customs.ana.pem",), ("reader/north.1.pem",),
                  ("evidence/customs.1.pem", "evidence/marshals.1.pem"), ("evidence/customs.1.pem", "evidence/customs.1.pem")):
        assert "no lane would take this" in recipients(installation, name, certs=certs, code=1).stderr
    told = recipients(installation, name, "--share-with", "marshals", certs=("evidence/customs.1.pem", "evidence/marshals.1.pem"))
    assert told["shared_with"] == ["marshals"] and len(told["recipients"]) == 2
    recipients(installation, name, "--none", code=2)
    assert "not a certificate" in recipients(installation, name, certs=("ca/crl.pem",), code=1).stderr


def test_a_header_by_a_user_who_was_revoked(installation):
    """Signed while she was one; put by another when she is no more."""
    installation.issue("agency/customs/ida")
    name = installation.new_list()
    recipients(installation, name, user="agency/customs/ida")
    signed = header_of(installation, name)
    assert installation.put(f"/v1/lists/{name}/header", ANA, signed, headers=CMS).status_code == 204
    installation.run("platesieve", "ca", "revoke", "--pki", installation.pki, "agency/customs/ida")
    time.sleep(0.5)
    assert_problem(installation.put(f"/v1/lists/{name}/header", ANA, signed, headers=CMS), 422, "header")
    done = installation.platesieve("list", "recipients", "--as", ANA, name, env={"PLATESIEVE_CRL": str(installation.crl)}, code=1)
    assert "sign it anew" in done.stderr
    assert recipients(installation, name)["signed_by"] == ANA


def test_a_header_ends_with_its_certificates(installation):
    installation.run("platesieve", "ca", "issue", "--pki", installation.pki, "evidence/customs/short", "--days", "2")
    name = installation.new_list()
    told = recipients(installation, name, certs=("evidence/customs.1.pem", "evidence/customs.short.pem"))
    assert told["expires"] == min(one["expires"] for one in told["recipients"])
    with pytest.raises(AssertionError):
        recipients(installation, name, "--days", "401")
