"""Evidence: who may open a picture is the agency's word, and nobody else's; what arrives is sealed, and to exactly those."""
import contextlib
import hashlib
import json
import os
import socket
import ssl
import threading
import time

import pytest
import requests

import plates
from house import assert_problem, eventually, now_text
from sealing import exif_gps, jpeg, openssl, seal, sign_header

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


def test_no_header_bars_all_that_come_after_it(installation):
    name = installation.new_list()
    for serial in (2 ** 63 - 1, time.time_ns(), int((time.time() + 600) * 1000)):
        late = sign_header(installation.pki, list=name, serial=serial)
        assert_problem(installation.put(f"/v1/lists/{name}/header", ANA, late, headers=CMS), 422, "header")
    early = sign_header(installation.pki, list=name, serial=int((time.time() + 2) * 1000))
    assert installation.put(f"/v1/lists/{name}/header", ANA, early, headers=CMS).status_code == 204
    recipients(installation, name)


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


# -- sealed pictures at the gate ----------------------------------------------------------------------------------------------


def send(house, hit, data, identity=LANE, kind="application/cms"):
    return house.post(f"/v1/hits/{hit}/evidence", identity, data=data, headers={"Content-Type": kind})


def made_hit(house, plate, identity=LANE, **fields):
    """A list with a header and a hit on it, stored: (list, hit's id)."""
    name = house.listed(plate, **fields)
    recipients(house, name)
    hit = alert(house, plate, identity=identity)["hit"]
    house.wait_hits(1, name)
    return name, hit


PICTURE = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + bytes(range(256)) * 40 + b"\xff\xd9"


def test_a_sealed_picture_reaches_its_agency(installation, tmp_path):
    name, hit = made_hit(installation, "QQ3101E")
    sealed = seal(installation, PICTURE)
    answer = send(installation, hit, sealed)
    assert answer.status_code == 201 and answer.json() == {"piece": 1, "sha256": hashlib.sha256(sealed).hexdigest()}, answer.text
    again = send(installation, hit, sealed)
    assert again.status_code == 200 and again.json() == answer.json()
    shown = installation.get(f"/v1/hits/{hit}/evidence", ANA).json()
    assert [(one["piece"], one["size"], one["sha256"], one["recipients"]) for one in shown["evidence"]] == \
           [(1, len(sealed), answer.json()["sha256"], ["evidence/customs/1"])]
    assert installation.hits(name)[0]["evidence"] == 1
    fetched = installation.get(f"/v1/hits/{hit}/evidence/1", ANA)
    assert fetched.content == sealed and fetched.headers["Content-Type"] == "application/cms"
    (tmp_path / "sealed").write_bytes(fetched.content)
    key = installation.pki / "evidence/customs.1"
    assert openssl("cms", "-decrypt", "-inform", "DER", "-binary", "-in", str(tmp_path / "sealed"), "-recip", f"{key}.pem", "-inkey",
                   f"{key}.key") == PICTURE
    for number in (0, 2, 5, "x"):
        assert_problem(installation.get(f"/v1/hits/{hit}/evidence/{number}", ANA), 404)
    for user in (BEN, LANE):
        assert_problem(installation.get(f"/v1/hits/{hit}/evidence", user), 404 if user == BEN else 403)
        assert_problem(installation.get(f"/v1/hits/{hit}/evidence/1", user), 404 if user == BEN else 403)


def test_at_most_a_few_pieces(installation):
    _, hit = made_hit(installation, "QQ3102E")
    for number in range(1, 5):
        assert send(installation, hit, seal(installation, PICTURE)).json()["piece"] == number
    assert_problem(send(installation, hit, seal(installation, PICTURE)), 409, "too-many")


def test_a_lane_learns_nothing_of_others(installation):
    """Another lane's hit, a covert one, none: the same answer, to the byte."""
    _, hit = made_hit(installation, "QQ3103E")
    covert = installation.listed("QQ3104E", covert=True)
    recipients(installation, covert)
    installation.check("QQ3104E")
    hidden = installation.wait_hits(1, covert)[0]["hit"]
    eventually(lambda: installation.get("/v1/status", "auditor/ines").json()["spool"]["depth"] == 0)
    sealed = seal(installation, PICTURE)
    answers = [send(installation, *asked) for asked in
               ((hit, sealed, "reader/north/2"), (hit, sealed, "reader/south/1"), (hidden, sealed), (plates.text64(bytes(16)), sealed), ("x", sealed))]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}
    assert_problem(send(installation, hit, sealed, ANA), 403)


def test_what_is_not_sealed_is_refused(installation, tmp_path):
    _, hit = made_hit(installation, "QQ3105E")
    (tmp_path / "picture").write_bytes(PICTURE)
    ana = installation.pki / "agency/customs.ana"
    signed = openssl("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-in", str(tmp_path / "picture"), "-signer", f"{ana}.pem", "-inkey", f"{ana}.key")
    data = openssl("cms", "-data_create", "-binary", "-outform", "DER", data=PICTURE)
    for readable in (PICTURE, b"\x89PNG\r\n\x1a\n" + bytes(500), signed, data):
        assert_problem(send(installation, hit, readable), 422, "readable")
    sealed = seal(installation, PICTURE)
    shell = sealed[:-len(PICTURE) - 18] + PICTURE + sealed[-18:]  # the picture itself where its ciphertext was
    assert len(shell) == len(sealed)
    assert_problem(send(installation, hit, shell), 422, "readable")
    for form in (sealed[:-1], sealed + b"\0", b"", b"x", sealed[:40], seal(installation, PICTURE, outform="PEM"),
                 seal(installation, PICTURE, options=()), seal(installation, PICTURE, cipher="aes-128-gcm"),
                 seal(installation, PICTURE, cipher="aes-256-cbc"), seal(installation, PICTURE, options=("-keyopt", "ecdh_kdf_md:sha512"))):
        assert_problem(send(installation, hit, form), 422, "not-sealed")
    assert_problem(send(installation, hit, sealed, kind="application/json"), 415)
    assert_problem(send(installation, hit, sealed, kind="image/jpeg"), 415)
    assert_problem(send(installation, hit, bytes((1 << 20) + 1)), 413)
    with pytest.raises(requests.ConnectionError):  # 16 MiB are not even read to their end
        send(installation, hit, bytes(16 << 20))
    assert installation.get(f"/v1/hits/{hit}/evidence", ANA).json()["evidence"] == []
    assert send(installation, hit, sealed).status_code == 201


def test_recipients_are_exactly_those_of_the_header(installation):
    name, hit = made_hit(installation, "QQ3106E")
    own, theirs = "evidence/customs.1", "evidence/marshals.1"
    for certs in ((theirs,), (own, theirs), (own, own), ("reader/north.1",), ("node/gate-1",)):
        assert_problem(send(installation, hit, seal(installation, PICTURE, certs)), 422, "recipients")
    recipients(installation, name, "--share-with", "marshals", certs=(f"{own}.pem", f"{theirs}.pem"))
    assert send(installation, hit, seal(installation, PICTURE, (theirs, own))).status_code == 201
    shown = installation.get(f"/v1/hits/{hit}/evidence", ANA).json()["evidence"][0]
    assert shown["recipients"] == ["evidence/customs/1", "evidence/marshals/1"]
    assert send(installation, hit, seal(installation, PICTURE)).status_code == 201  # by the header that was replaced just now
    installation.delete(f"/v1/lists/{name}/header", ANA)
    installation.sql(f"UPDATE platesieve.headers SET replaced_at = now() - interval '1 h' WHERE list = (SELECT number FROM platesieve.lists WHERE id = '{name}')")
    assert_problem(send(installation, hit, seal(installation, PICTURE)), 422, "recipients")


def test_no_header_no_picture(installation):
    name = installation.listed("QQ3107E")
    hit = alert(installation, "QQ3107E")["hit"]
    installation.wait_hits(1, name)
    assert_problem(send(installation, hit, seal(installation, PICTURE)), 422, "recipients")


def test_too_late(installation):
    name, hit = made_hit(installation, "QQ3108E")
    sealed = seal(installation, PICTURE)
    assert send(installation, hit, sealed).status_code == 201
    installation.sql(f"UPDATE platesieve.hits SET recorded_at = now() - interval '601 s' WHERE list = (SELECT number FROM platesieve.lists WHERE id = '{name}')")
    assert_problem(send(installation, hit, seal(installation, PICTURE)), 410, "late")
    assert send(installation, hit, sealed).status_code == 200  # a retry of what is there


def test_a_header_in_the_database_that_is_not_the_agencys(installation):
    """Whoever holds the database can't name a recipient."""
    name, hit = made_hit(installation, "QQ3109E")
    other = installation.new_list(BEN)
    recipients(installation, other, user=BEN, certs=("evidence/marshals.1.pem",))
    installation.sql("UPDATE platesieve.headers h SET der = o.der FROM platesieve.headers o, platesieve.lists a, platesieve.lists b "
                     f"WHERE a.id = '{name}' AND b.id = '{other}' AND h.list = a.number AND o.list = b.number")
    assert_problem(send(installation, hit, seal(installation, PICTURE, ("evidence/marshals.1",))), 422, "recipients")
    assert_problem(send(installation, hit, seal(installation, PICTURE)), 422, "recipients")


def test_a_misread_takes_its_pictures_along(installation):
    name, hit = made_hit(installation, "QQ3110E")
    sealed = seal(installation, PICTURE)
    assert send(installation, hit, sealed).status_code == 201
    count = f"SELECT count(*) FROM platesieve.evidence e JOIN platesieve.lists l ON l.number = e.list WHERE l.id = '{name}'"
    assert installation.one(count) == "1"
    assert installation.put(f"/v1/hits/{hit}/verdict", ANA, json.dumps({"verdict": "misread", "action": "none"}),
                            headers={"Content-Type": "application/json"}).status_code in (200, 204)
    assert installation.one(count) == "0"
    assert_problem(installation.get(f"/v1/hits/{hit}/evidence", ANA), 410, "erased")
    assert_problem(installation.get(f"/v1/hits/{hit}/evidence/1", ANA), 410, "erased")
    assert_problem(send(installation, hit, sealed), 404)


def test_a_read_counted_on_a_hit_brings_a_picture_too(installation):
    name, hit = made_hit(installation, "QQ3111E")
    assert alert(installation, "QQ3111E")["hit"] == hit
    eventually(lambda: installation.hits(name)[0]["count"] == 2)
    assert send(installation, hit, seal(installation, PICTURE)).status_code == 201
    assert installation.hits(name)[0]["evidence"] == 1


def test_while_the_hit_waits_in_the_spool(installation):
    """The database is held: the hit can't drain, and the lane is told to come again."""
    name = installation.listed("QQ3112E")
    recipients(installation, name)
    eventually(lambda: "header" in alert(installation, "QQ3112E"))
    installation.wait_hits(1, name)
    sealed = seal(installation, PICTURE)
    with held(installation):
        hit = alert(installation, "QQ3112E", identity="reader/north/2")["hit"]
        answer = send(installation, hit, sealed, "reader/north/2")
        assert_problem(answer, 503, "spooled")
        assert int(answer.headers["Retry-After"]) >= 1
    assert eventually(lambda: send(installation, hit, sealed, "reader/north/2").status_code == 201)


@contextlib.contextmanager
def held(house):
    """Nobody can store a hit for two seconds."""
    thread = threading.Thread(target=house.sql, args=("BEGIN; LOCK TABLE platesieve.agencies IN EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT",))
    thread.start()
    eventually(lambda: house.one("SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND granted AND relation = 'platesieve.agencies'::regclass") == "1")
    yield
    thread.join()


def test_rights(installation):
    """Who may only view sees that there are pictures, and fetches none."""
    _, hit = made_hit(installation, "QQ3113E")
    installation.issue("agency/customs/vic")
    installation.platesieve("registry", "add", "--as", "operator/gate/olga", "agency/customs/vic", "--rights", "view")
    time.sleep(0.6)
    assert_problem(installation.get(f"/v1/hits/{hit}/evidence", "agency/customs/vic"), 403, "right")
    assert installation.get(f"/v1/hits/{hit}", "agency/customs/vic").json()["evidence"] == 0


# -- from lane to agency ------------------------------------------------------------------------------------------------------


def lane_sends(house, plate, path, *argv, identity=LANE, **options):
    done = house.platesieve("lane", "--as", identity, "--codes", "usps", "--json", *argv, text=f"plate,state,image\n{plate},TX,{path}\n", **options)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return next(one for one in told if "picture" in one)


def test_from_the_lane_to_the_agency(installation, tmp_path):
    name = installation.listed("QQ3201E")
    recipients(installation, name)
    eventually(lambda: "header" in alert(installation, "QQ3201E", identity="reader/south/1"))
    (tmp_path / "in.jpg").write_bytes(jpeg(middle=exif_gps()))
    told = lane_sends(installation, "QQ3201E", tmp_path / "in.jpg")
    assert told["picture"] == "stored" and told["list"] == name
    hit = next(one for one in installation.hits(name) if one["hit"] == told["hit"])
    assert hit["evidence"] == 1 and (hit["site"], hit["lane"]) == ("north", "1")
    assert told["hit"] + " picture" in installation.platesieve("hits", "--as", ANA, "--list", name).stdout
    out = tmp_path / "out.jpg"
    old = os.umask(0)
    done = installation.platesieve("hits", "evidence", "--as", ANA, "--json", told["hit"], "-o", out)
    os.umask(old)
    assert json.loads(done.stdout)["size"] == len(out.read_bytes()) and out.stat().st_mode & 0o777 == 0o600
    opened = out.read_bytes()
    assert opened.startswith(b"\xff\xd8") and opened.endswith(b"\xff\xd9") and b"Exif" not in opened
    sealed = tmp_path / "sealed"
    installation.platesieve("hits", "evidence", "--as", ANA, told["hit"], "-o", sealed, "--sealed")
    key = installation.pki / "evidence/customs.1"
    assert openssl("cms", "-decrypt", "-inform", "DER", "-binary", "-in", str(sealed), "-recip", f"{key}.pem", "-inkey", f"{key}.key") == opened
    shown = installation.platesieve("hits", "evidence", "--as", ANA, told["hit"]).stdout
    assert "sealed to evidence/customs/1" in shown and shown.startswith("1 ")
    # the gate and its database hold nothing of the picture
    for part in ("gate", "db"):
        assert opened[40:140] not in everything(installation.folder / part)


def everything(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_is_no_picture_is_said(installation, tmp_path):
    _, hit = made_hit(installation, "QQ3299E")
    assert send(installation, hit, seal(installation, b"MZ" + bytes(4000))).status_code == 201
    ask = ("hits", "evidence", "--as", ANA, hit)
    assert "CAUTION" in installation.platesieve(*ask, "-o", tmp_path / "x", code=3).stderr
    assert (tmp_path / "x").read_bytes() == b"MZ" + bytes(4000)
    installation.platesieve(*ask, "-o", "-", code=2)


def test_a_key_that_does_not_fit(installation, tmp_path):
    name, hit = made_hit(installation, "QQ3202E")
    send(installation, hit, seal(installation, PICTURE))
    theirs, own = installation.pki / "evidence/marshals.1", installation.pki / "evidence/customs.1"
    ask = ("hits", "evidence", "--as", ANA, hit, "-o", tmp_path / "x")
    done = installation.platesieve(*ask, "--key", f"{theirs}.key", "--cert", f"{theirs}.pem", code=1)
    serial = openssl("x509", "-in", f"{own}.pem", "-noout", "-serial").decode().strip().partition("=")[2].lower()
    assert "none of 1 key fits" in done.stderr and serial in done.stderr and not (tmp_path / "x").exists()
    assert "can't be opened" in installation.platesieve(*ask, "--key", f"{theirs}.key", "--cert", f"{own}.pem", code=1).stderr
    assert "no key and certificate" in installation.platesieve(*ask, "--key", f"{own}.pem", "--cert", f"{own}.key", code=1).stderr
    installation.platesieve(*ask, "--key", f"{own}.key", code=2)
    installation.platesieve(*ask, "--piece", 2, code=5)
    installation.platesieve("hits", "evidence", "--as", BEN, hit, "-o", tmp_path / "x", code=5)
    installation.platesieve(*ask)
    assert (tmp_path / "x").read_bytes() == PICTURE
    assert name


def test_flipped_bits(installation, tmp_path):
    """A database that changes a stored picture is noticed by whoever opens it."""
    name, hit = made_hit(installation, "QQ3203E")
    send(installation, hit, seal(installation, PICTURE))
    installation.sql(f"UPDATE platesieve.evidence SET cms = set_byte(cms, 3000, get_byte(cms, 3000) # 1) "
                     f"WHERE list = (SELECT number FROM platesieve.lists WHERE id = '{name}')")
    done = installation.platesieve("hits", "evidence", "--as", ANA, hit, "-o", tmp_path / "x", code=1)
    assert "damaged" in done.stderr and not (tmp_path / "x").exists()


def test_two_agencies_open_what_is_shared(installation, tmp_path):
    """Sealed to both, fetched by the partner while the share is in force, each with its own key."""
    name = installation.listed("QQ3204E")
    recipients(installation, name, "--share-with", "marshals", certs=("evidence/customs.1.pem", "evidence/marshals.1.pem"))
    share = f"/v1/lists/{name}/shares/marshals"
    installation.platesieve("list", "share", "--as", ANA, name, "--with", "marshals", "--until", now_text(86400))
    hit = alert(installation, "QQ3204E")["hit"]
    installation.wait_hits(1, name)
    assert send(installation, hit, seal(installation, PICTURE, ("evidence/customs.1", "evidence/marshals.1"))).status_code == 201
    for user in (ANA, BEN):
        assert "sealed to evidence/customs/1 evidence/marshals/1" in installation.platesieve("hits", "evidence", "--as", user, hit).stdout
        installation.platesieve("hits", "evidence", "--as", user, hit, "-o", tmp_path / "x")
        assert (tmp_path / "x").read_bytes() == PICTURE
    assert installation.get(f"/v1/hits/{hit}", BEN).json()["evidence"] == 1
    assert installation.delete(share, ANA).status_code == 204
    for path in ("", "/1"):
        assert_problem(installation.get(f"/v1/hits/{hit}/evidence{path}", BEN), 404)
    assert installation.get(f"/v1/hits/{hit}/evidence/1", ANA).status_code == 200


def test_a_share_alone_opens_nothing(installation, tmp_path):
    """The partner fetches what is sealed to the owner alone, and is told that it can't open it."""
    name = installation.listed("QQ3206E")
    recipients(installation, name)
    installation.platesieve("list", "share", "--as", ANA, name, "--with", "marshals", "--until", now_text(86400))
    hit = alert(installation, "QQ3206E")["hit"]
    installation.wait_hits(1, name)
    assert send(installation, hit, seal(installation, PICTURE)).status_code == 201
    done = installation.platesieve("hits", "evidence", "--as", BEN, hit, "-o", tmp_path / "x", code=1)
    assert "none of 1 key fits" in done.stderr and "it is sealed to the certificate with serial" in done.stderr and not (tmp_path / "x").exists()


@pytest.mark.slow
def test_slow_uploads_are_ended(installation):
    """A body that drips is cut off in time, and its memory is free again: a whole one passes meanwhile."""
    name, hit = made_hit(installation, "QQ3205E")
    context = ssl.create_default_context(cafile=str(installation.ca))
    context.load_cert_chain(*installation.certificate(LANE))
    begin, slow = time.monotonic(), []
    for _ in range(20):
        one = context.wrap_socket(socket.create_connection(("127.0.0.1", installation.asked["ports"]["gate"])), server_hostname="127.0.0.1")
        one.sendall(f"POST /v1/hits/{hit}/evidence HTTP/1.1\r\nHost: x\r\nContent-Type: application/cms\r\nContent-Length: {1 << 20}\r\n\r\n".encode())
        slow.append(one)
    assert send(installation, hit, seal(installation, PICTURE)).status_code == 201
    while slow and time.monotonic() - begin < 45:
        for one in list(slow):
            try:
                one.sendall(b"0")
            except OSError:
                slow.remove(one)
        time.sleep(0.5)
    assert not slow and 20 < time.monotonic() - begin < 45
    assert name
