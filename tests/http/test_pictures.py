"""platesieve lane: the picture of a verified hit, stripped, sealed to whom the agency signed for, and to nobody that a gate names."""
import contextlib
import ctypes
import datetime
import json
import os
import struct
import subprocess
import time

import pytest

import plates
from fake import Client, Fake, Problem
from house import SHARED, TOP
from memory import found
from sealing import chunk, chunks, exif_gps, jpeg, png, png_pixels, segment, segments, sign_header, time_text, unseal
from test_lane import list_plates

PROGRAM = os.environ.get("PLATESIEVE_BUILD", str(TOP / "build")) + "/platesieve"
HIT, OTHER, CLEAR = "QQ00QQ0", "QQ11QQ1", "QQ22QQ2"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One authority for all tests of this file: certificates take longer than anything else here."""
    client = Client(tmp_path_factory.mktemp("pki"), PROGRAM)
    client.run("ca", "issue", "agency/marshals/ben")
    return client


@pytest.fixture
def client(made, tmp_path):
    made.folder, made.urls = tmp_path, {}
    return made


@pytest.fixture
def fake(client):
    server = Fake(client.pki)
    client.point_at(server)
    server.make_list("stolen", instruction="Stop it")
    list_plates(server, (HIT, "US-NY"), (OTHER, ""))
    server.put_header(sign_header(client.pki))
    yield server
    server.stop()


def lane(client, *reads, code=0, argv=(), **options):
    """READS: (plate, file); returns what became of the pictures, and the summary."""
    text = "plate,state,image\n" + "".join(f"{plate},NY,{path}\n" for plate, path in reads)
    told = client.json("lane", "--codes", "usps", *argv, text=text, code=code, **options)
    return [one for one in told if "picture" in one], told[-1]["summary"]


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture-QQ00QQ0.jpg"
    path.write_bytes(jpeg(middle=exif_gps() + segment(0xfe, b"taken by nobody") + segment(0xe2, b"ICC_PROFILE\0" + bytes(300)), end=b"a preview" * 50))
    return path


# -- what is sealed -----------------------------------------------------------------------------------------------------------


def test_the_picture_of_a_hit_is_sealed_and_uploaded(client, fake, picture):
    told, summary = lane(client, (HIT, picture), (CLEAR, picture))
    assert [(one["line"], one["picture"], one["agency"], one["list"], one["recipients"]) for one in told] == [(2, "stored", "customs", "stolen", 1)]
    assert summary["pictures"] == {"stored": 1} and summary["alarms"] == 0
    (hit, cms), = fake.evidence
    assert hit == told[0]["hit"] and len(cms) == told[0]["size"]
    opened = unseal(client.pki, cms)
    assert set(segments(opened)) <= {0xe0, 0xdb, 0xc0, 0xc4}  # JFIF's own, tables and the frame
    for trace in (b"Exif", b"nobody", b"ICC", b"preview", struct.pack(">II", 48, 1)):
        assert trace not in opened
    assert not any(b"JFIF" in body or b"QQ00QQ0" in body for body in fake.bodies)


def test_an_officer_is_told(client, fake, picture):
    done = client.run("lane", "--codes", "usps", text=f"plate,state,image\n{HIT},NY,{picture}\n{OTHER},NY,/nowhere\n")
    assert "line 2: picture sealed to 1 certificate of customs/stolen and stored" in done.stderr
    assert "line 3: NO PICTURE for customs/stolen: its file can't be read" in done.stderr
    assert "ALERT" in done.stdout and str(picture) not in done.stderr + done.stdout


def test_a_png_keeps_its_pixels_alone(client, fake, tmp_path):
    pixels = os.urandom(40 * 30 * 3)
    path = tmp_path / "one.png"
    path.write_bytes(png(40, 30, pixels, chunk(b"tEXt", b"Comment\0where it was") + chunk(b"eXIf", exif_gps()[10:]) + chunk(b"tIME", bytes(7)), b"and more"))
    lane(client, (HIT, path))
    opened = unseal(client.pki, fake.evidence[0][1])
    assert set(chunks(opened)) == {b"IHDR", b"IDAT", b"IEND"} and png_pixels(opened) == pixels


def test_sealed_to_each_recipient(client, fake, picture):
    fake.put_header(sign_header(client.pki, recipients=("evidence/customs.1", "evidence/customs.2", "evidence/marshals.1"), shared_with=["marshals"]))
    told, _ = lane(client, (HIT, picture))
    assert told[0]["recipients"] == 3
    assert len({unseal(client.pki, fake.evidence[0][1], name) for name in ("evidence/customs.1", "evidence/customs.2", "evidence/marshals.1")}) == 1


def test_a_read_without_a_hit_opens_no_file(client, fake, picture):
    with opened_in(picture.parent) as names:
        lane(client, (CLEAR, picture))
        lane(client, (CLEAR, picture.parent / "not-there.jpg"))
    assert picture.name not in names
    with opened_in(picture.parent) as names:
        lane(client, (HIT, picture))
    assert picture.name in names


def test_no_file_is_opened_for_a_false_tag_or_a_list_without_header(client, fake, picture):
    fake.forge = lambda read, alerts: [{**alert, "tag": "AAAAAAAAAAA"} for alert in alerts]
    with opened_in(picture.parent) as names:
        lane(client, (HIT, picture), code=6)
        fake.forge, fake.header = None, None
        told, summary = lane(client, (HIT, picture))
    assert picture.name not in names and not fake.evidence
    assert told[0]["picture"] == "not-wanted" and summary["pictures"] == {"not-wanted": 1}


@contextlib.contextmanager
def opened_in(folder):
    """Names of files in FOLDER that anybody opened, from inotify."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    assert descriptor >= 0 and libc.inotify_add_watch(descriptor, str(folder).encode(), 0x20) >= 0  # IN_OPEN

    found = set()
    yield found
    with contextlib.suppress(BlockingIOError):
        while True:
            data, at = os.read(descriptor, 65536), 0
            while at < len(data):
                size = struct.unpack_from("iIII", data, at)[3]
                found.add(data[at + 16:at + 16 + size].rstrip(b"\0").decode())
                at += 16 + size
    os.close(descriptor)


# -- whom it is not sealed to -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("meddle", [
    {"signer": "node/gate-1", "recipients": ("node/gate-1",)},
    {"signer": "node/gate-1"},
    {"signer": "agency/marshals.ben"},
    {"signer": "agency/marshals.ben", "recipients": ("evidence/marshals.1",), "agency": "marshals"},
    {"recipients": ("evidence/marshals.1",)},
    {"recipients": ("evidence/customs.1", "evidence/marshals.1")},
    {"recipients": ("evidence/customs.1", "node/gate-1")},
    {"list": "wanted"},
    {"serial": 0},
    {"recipients": ("evidence/customs.1",), "more": True},
], ids=["its own", "by itself", "by another agency", "of another agency", "to a stranger", "a stranger too", "itself too", "another list", "no serial", "another member"])
def test_a_gate_can_name_no_recipient(client, fake, picture, meddle):
    fake.put_header(sign_header(client.pki, **meddle))
    told, summary = lane(client, (HIT, picture), code=6)
    assert told[0]["picture"] == "alarm" and summary["alarms"] == 1 and summary["hits"] == 1
    assert not fake.evidence
    done = client.run("lane", "--codes", "usps", text=f"plate,state,image\n{HIT},NY,{picture}\n", code=6)
    assert "ALARM" in done.stderr and "Nothing was sealed" in done.stderr and "ALERT" in done.stdout


def test_a_header_that_is_not_the_one_named(client, fake, picture):
    fake.headers[fake.header] = sign_header(client.pki, recipients=("evidence/customs.2",))
    told, _ = lane(client, (HIT, picture), code=6)
    assert told[0]["picture"] == "alarm" and not fake.evidence


def test_a_header_rolled_back(client, fake, picture):
    old = sign_header(client.pki, serial=100, recipients=("evidence/customs.2",))
    fake.put_header(sign_header(client.pki, serial=200))
    seen = []

    def forge(_read, alerts):
        seen.append(1)
        if len(seen) == 2:
            fake.put_header(old)
            return [{**alert, "header": fake.header} for alert in alerts]
        return alerts

    fake.forge = forge
    told, summary = lane(client, (HIT, picture), (OTHER, picture), code=6, argv=("--batch", "1", "--rate", "4"))
    assert sorted((one["line"], one["picture"]) for one in told) == [(2, "stored"), (3, "alarm")] and summary["alarms"] == 1
    assert len(fake.evidence) == 1 and unseal(client.pki, fake.evidence[0][1])


def test_an_expired_header(client, fake, picture):
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=2)
    fake.put_header(sign_header(client.pki, signed_at=time_text(past), expires=time_text(past + datetime.timedelta(days=1))))
    told, summary = lane(client, (HIT, picture))
    assert told[0]["picture"] == "header-expired" and summary["alarms"] == 0 and not fake.evidence


def test_a_header_by_somebody_who_was_revoked(client, fake, picture):
    client.run("ca", "issue", "agency/customs/ida")
    fake.put_header(sign_header(client.pki, signer="agency/customs.ida"))
    assert lane(client, (HIT, picture))[0][0]["picture"] == "stored"
    client.run("ca", "revoke", "agency/customs/ida")
    crl = {"PLATESIEVE_CRL": str(client.pki / "ca/crl.pem")}
    told, _ = lane(client, (HIT, picture), code=6, env=crl)
    assert told[0]["picture"] == "alarm" and len(fake.evidence) == 1


# -- what can't be sealed -----------------------------------------------------------------------------------------------------


def test_what_is_no_picture(client, fake, tmp_path):
    files = {"none.jpg": (None, "missing"), "text.jpg": (b"hello", "no-image"), "empty.jpg": (b"", "no-image"), "cut.jpg": (jpeg()[:-60], "no-image"),
             "head.jpg": (jpeg()[:30], "no-image"), "huge.jpg": (jpeg() + bytes(16 << 20), "too-large"), "cut.png": (png()[:200], "no-image"),
             "bomb.png": (png(middle=b"").replace(struct.pack(">II", 64, 48), struct.pack(">II", 60000, 60000)), "no-image"),
             "noise.png": (png(700, 600, os.urandom(700 * 600 * 3)), "too-large"), "wide.jpg": (jpeg().replace(struct.pack(">HH", 48, 64), b"\x30\0\x30\0"), "too-large")}
    for name, (data, outcome) in files.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        told, summary = lane(client, (HIT, tmp_path / name))
        assert (told[0]["picture"], summary["hits"], summary["alarms"]) == (outcome, 1, 0), name
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero", "x" * 300):
        assert lane(client, (HIT, path))[0][0]["picture"] == "missing"
    assert lane(client, (HIT, ""))[0][0]["picture"] == "none"
    assert not fake.evidence


def test_pictures_with_places_in_them(client, fake):
    """The reference pictures: none keeps its metadata."""
    folder = SHARED / "data/images"
    if not folder.is_dir():
        pytest.skip(f"no reference pictures at {folder}")
    for path in sorted(folder.glob("*.jpg")):
        fake.evidence.clear()
        assert lane(client, (HIT, path))[0][0]["picture"] == "stored", path.name
        opened = unseal(client.pki, fake.evidence[0][1])
        assert not {0xe1, 0xe2, 0xed, 0xfe} & set(segments(opened)) and b"Exif" not in opened and b"http://ns.adobe.com" not in opened


def test_no_place_for_a_library_to_find(client, fake, picture):
    image = pytest.importorskip("PIL.Image", reason="python3-pil is not installed: what is left is looked for by marker only")
    lane(client, (HIT, picture))
    (picture.parent / "opened.jpg").write_bytes(unseal(client.pki, fake.evidence[0][1]))
    before, after = image.open(picture), image.open(picture.parent / "opened.jpg")
    assert before.getexif().get_ifd(0x8825) and not after.getexif()
    assert before.tobytes() == after.tobytes()


# -- getting it there ---------------------------------------------------------------------------------------------------------


def on_evidence(*faults):
    """The first uploads meet these."""
    left = list(faults)
    return lambda method, path: left.pop(0) if path.endswith("/evidence") and left else None


def test_tries_again_while_the_hit_is_in_the_spool(client, fake, picture):
    fake.faults.append(on_evidence(Problem(503, "spooled", 1), "cut", Problem(404, "not-found"), Problem(429, "over-quota", 1)))
    begin = time.monotonic()
    told, _ = lane(client, (HIT, picture))
    assert told[0]["picture"] == "stored" and len(fake.evidence) == 1 and time.monotonic() - begin > 2


def test_an_alert_does_not_wait_for_its_picture(client, fake, picture):
    """The upload hangs; alerts of later reads come meanwhile, and the end does not wait for ever."""
    fake.faults.append(lambda method, path: time.sleep(4) if path.endswith("/evidence") else None)
    begin = time.monotonic()
    told, summary = lane(client, (HIT, picture), (OTHER, picture), argv=("--batch", "1", "--picture-wait", "1"))
    assert summary["hits"] == 2 and summary["latency_ms"]["p99"] < 1000 and time.monotonic() - begin < 12
    assert {one["picture"] for one in told} <= {"stored", "given-up"} and "given-up" in summary["pictures"]


def test_another_gate_takes_it(client, fake, picture):
    second = Fake(client.pki)
    second.epochs, second.lists, second.headers, second.header = fake.epochs, fake.lists, fake.headers, fake.header
    try:
        client.urls["PLATESIEVE_GATE"] = f"{fake.url},{second.url}"
        fake.faults.append(lambda method, path: "cut" if path.endswith("/evidence") else None)
        told, _ = lane(client, (HIT, picture))
        assert told[0]["picture"] == "stored" and len(second.evidence) == 1 and not fake.evidence
    finally:
        second.stop()


@pytest.mark.parametrize("problem,outcome", [((410, "late"), "late"), ((409, "too-many"), "enough"), ((422, "recipients"), "refused")])
def test_a_gate_that_does_not_take_it(client, fake, picture, problem, outcome):
    fake.faults.append(lambda method, path: Problem(*problem) if path.endswith("/evidence") else None)
    told, summary = lane(client, (HIT, picture))
    assert told[0]["picture"] == outcome and summary["pictures"] == {outcome: 1}
    assert told[0].get("problem") == (problem[1] if outcome == "refused" else None)


def test_more_than_can_wait_are_said(client, fake, picture):
    """Nothing gets through: some wait, the others are given up at once, and memory does not grow."""
    fake.faults.append(lambda method, path: Problem(503, "busy", 1) if path.endswith("/evidence") else None)
    told, summary = lane(client, *[(HIT, picture)] * 200, argv=("--picture-wait", "0"))
    assert len(told) == 200 and summary["pictures"]["too-many"] >= 100 and set(summary["pictures"]) == {"too-many", "given-up"}


def test_each_agency_gets_its_own(client, fake, picture):
    """One read on the lists of two agencies: two pictures, each sealed to one of them."""
    fake.make_list("grave", agency="marshals")
    tokens = {epoch.id: plates.list_tokens(epoch.key, HIT, "US-NY", ("full", "plate"), "grave", "marshals") for epoch in fake.epochs}
    fake.lists["grave"]["standing"][HIT] = {"tokens": tokens}
    own, theirs = fake.header, sign_header(client.pki, signer="agency/marshals.ben", recipients=("evidence/marshals.1",), agency="marshals", list="grave")
    fake.put_header(theirs)
    fake.forge = lambda read, alerts: [{**alert, "header": fake.header if alert["list"] == "grave" else own} for alert in alerts]
    told, _ = lane(client, (HIT, picture))
    assert sorted((one["agency"], one["picture"]) for one in told) == [("customs", "stored"), ("marshals", "stored")]
    sealed = dict(fake.evidence)
    for one in told:
        mine, other = ("evidence/customs.1", "evidence/marshals.1")[::1 if one["agency"] == "customs" else -1]
        assert unseal(client.pki, sealed[one["hit"]], mine)
        assert cannot_unseal(client.pki, sealed[one["hit"]], other)


def cannot_unseal(pki, cms, name):
    with pytest.raises(AssertionError):
        unseal(pki, cms, name)
    return True


# -- what stays in memory -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads the memory of a process that hides it")
@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_nothing_of_a_picture_stays_in_memory(client, fake, tmp_path, kind):
    """Neither the file, nor what was sealed, nor pixels, once the picture is said to be stored; the lane runs on."""
    pixels = os.urandom(200 * 100 * 3)
    place = os.urandom(200)
    path = tmp_path / "the-picture"
    path.write_bytes(png(200, 100, pixels, chunk(b"tEXt", b"Comment\0" + place)) if kind == "png" else jpeg(800, 600, segment(0xe5, place)))
    file = path.read_bytes()
    with subprocess.Popen([PROGRAM, "lane", "--codes", "usps", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, "PLATESIEVE_PKI": str(client.pki), **client.urls}) as process:
        process.stdin.write(f"plate,state,image\n{HIT},NY,{path}\n".encode())
        process.stdin.flush()
        while json.loads(process.stdout.readline()).get("picture") != "stored":
            pass
        opened = unseal(client.pki, fake.evidence[0][1])
        patterns = {"metadata": place[:64], "file": file[-400:-360], "sealed picture": opened[-400:-360], "middle of it": opened[len(opened) // 2:][:40]}
        patterns |= {f"pixels of row {row}": pixels[row * 600:row * 600 + 48] for row in range(0, 100, 9)} if kind == "png" else {}
        time.sleep(0.3)
        seen = found(process.pid, patterns)
        process.stdin.close()
        assert process.wait(20) == 0
    assert not seen
