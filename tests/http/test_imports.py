"""Lists as agencies have them: other separators, encodings, columns, dates; profiles; and what never leaves the machine."""
import csv
import datetime
import json
import stat

import pytest

import plates
from fake import Client
from importing import ANA, PROGRAM, faked, listed, push, standing, write
from meddler import Meddler


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    return Client(tmp_path_factory.mktemp("imports"), PROGRAM)


@pytest.fixture
def fake(client):
    with faked(client) as server:
        yield server


# -- columns, separators, encodings ------------------------------------------------------------------------------------------------


ROWS = "TAG_NO;OWNER;LIS;Case\nqq-77 qq7;Zzyzx, Q.;NY;K1\n\"QQ;88\";\"says \"\"no\"\"\";NJ;K2\n"
MAPPED = ["--column", "plate=tag_no", "--column", "jurisdiction=LIS", "--column", "reference=Case", "--codes", "usps"]


def test_columns_by_name_with_another_separator(client, fake):
    push(client, ROWS, "--delimiter", ";", *MAPPED)
    assert listed(fake, ("QQ77QQ7", "US-NY"), ("QQ88", "US-NJ")) == [("QQ77QQ7", "US-NY"), ("QQ88", "US-NJ")]


@pytest.mark.parametrize("delimiter, name", [("\t", "tab"), ("|", "|"), (":", ":"), (",", "comma"), (";", "semicolon")])
def test_separators(client, fake, delimiter, name):
    push(client, f"plate{delimiter}jurisdiction\nQQ77QQ7{delimiter}NL\n", "--delimiter", name)
    assert listed(fake, ("QQ77QQ7", "NL"))


def test_columns_by_number(client, fake):
    push(client, "x;NY;QQ77QQ7\ny;NJ;QQ88\n", "--no-header", "--delimiter", ";", "--column", "plate=3", "--column", "jurisdiction=#2", "--codes", "usps")
    assert len(listed(fake, ("QQ77QQ7", "US-NY"), ("QQ88", "US-NJ"))) == len(standing(fake)) == 2
    push(client, "a,a,a\nx,NY,QQ99\n", "--column", "plate=#3", "--column", "jurisdiction=#2", "--codes", "usps")
    assert listed(fake, ("QQ99", "US-NY")) and len(standing(fake)) == 1


def test_only_columns_that_are_mapped_are_read(client, fake):
    """A column that happens to have one of the usual names is none of them, once somebody says which is which."""
    push(client, "tag,state,region,expires\nQQ77QQ7,NL,DE,1999-01-01\n", "--column", "plate=tag", "--column", "jurisdiction=state")
    assert listed(fake, ("QQ77QQ7", "NL")) and "expires" not in standing(fake)[0]


@pytest.mark.parametrize("encoding, options", [
    ("utf-8-sig", []), ("utf-16", ["--encoding", "utf-16"]), ("utf-16-le", ["--encoding", "UTF-16LE"]), ("utf-16-be", ["--encoding", "utf-16be"]),
    ("iso-8859-1", ["--encoding", "iso-8859-1"]), ("cp1252", ["--encoding", "windows-1252"])])
def test_encodings(client, fake, encoding, options):
    text = "Kennzeichen,Länge,Halter\r\nQQ\u00a077,NL,Grünwald\r\nQQ88,DE,Ænima\r\n"
    push(client, text, "--column", "plate=Kennzeichen", "--column", "jurisdiction=Länge", *options, encoding=encoding)
    assert len(listed(fake, ("QQ77", "NL"), ("QQ88", "DE"))) == 2


@pytest.mark.parametrize("data, options, word", [
    ("plate\nQQ1\n".encode("utf-16"), [], "utf-16"), (b"p\0l\0a\0t\0e\0\n\0", ["--encoding", "utf-16"], "byte order mark"),
    (b"\xef\xbb\xbfplate\nQQ1\n", ["--encoding", "windows-1252"], "utf-8"), (b"plate;x\nQQ1;1\n", [], "--delimiter"),
    (b"number,x\nQQ1,1\n", [], "--column"), (b"plate,x\nQQ1,1\n", ["--column", "plate=tag"], "`plate`"),
    (b"plate,x\nQQ1,1\n", ["--column", "plate=plate", "--column", "expires=#7"], "`expires`"), (b"", [], "header"),
    (b"plate,x\nQQ1,1\n", ["--column", "jurisdiction=x"], "plate=")])
def test_files_that_are_read_wrongly_are_refused_with_advice(client, fake, data, options, word):
    done = client.run("list", "push", "stolen", write(client, data), *options, code=1)
    assert word in done.stderr and "QQ1" not in done.stderr and not fake.revisions


@pytest.mark.parametrize("options", [
    ["--column", "plate"], ["--column", "owner=x"], ["--column", "plate=0:3"], ["--column", "plate="], ["--delimiter", "ab"], ["--delimiter", '"'],
    ["--encoding", "ebcdic"], ["--format", "xlsx"], ["--date-format", "%d/%m"], ["--date-format", "%D"], ["--date-format", "%d/%m/%Y %c"],
    ["--date-format", "%d/%m/%Y | %m/%d/%Y"], ["--time-zone", "Mars/Base"], ["--time-zone", "../../etc/passwd"], ["--expiry-day", "maybe"],
    ["--wildcard", "A"], ["--years", "-1"], ["--no-header"], ["--format", "fixed"], ["--format", "ncic", "--codes", "iso"],
    ["--format", "ncic", "--column", "plate=1:2"], ["--column", "plate=1:2"], ["--no-header", "--column", "plate=tag"]])
def test_options_that_make_no_sense(client, fake, options):
    client.run("list", "push", "stolen", write(client, "plate\nQQ1\n"), *options, code=2)
    assert not fake.revisions


# -- a list's profile ---------------------------------------------------------------------------------------------------------------


def test_a_profile_is_kept_shown_and_used(client, fake):
    assert "no profile" in client.run("list", "profile", "stolen").stdout
    saved = client.run("list", "profile", "stolen", "--save", "--delimiter", ";", "--date-format", "%d/%m/%Y", "--time-zone", "America/Chicago",
                       "--expiry-day", "included", "--encoding", "windows-1252", *MAPPED)
    path = client.folder / "state/customs/profile-stolen.ini"
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and text == saved.stdout == client.run("list", "profile", "stolen").stdout
    for line in ("delimiter = semicolon", "plate = tag_no", "date-format = %d/%m/%Y", "time-zone = America/Chicago", "codes = usps"):
        assert line in text.splitlines()
    push(client, ROWS, encoding="cp1252")
    assert len(listed(fake, ("QQ77QQ7", "US-NY"), ("QQ88", "US-NJ"))) == 2
    push(client, "TAG_NO,LIS,Case\nQQ99,NY,K9\n", "--delimiter", ",", verb="add")  # an option on top of it
    assert listed(fake, ("QQ99", "US-NY")) and len(standing(fake)) == 3
    shown = client.json("list", "profile", "stolen")[0]
    assert shown["columns"] == {"plate": "tag_no", "jurisdiction": "LIS", "reference": "Case"} and shown["file"] == str(path.parent / path.name)
    push(client, "plate,jurisdiction\nQQ11,NL\n", "--no-profile")
    assert listed(fake, ("QQ11", "NL"))
    other = client.folder / "other.ini"
    other.write_text("[columns]\nplate = a\njurisdiction = b\n")
    push(client, "a,b\nQQ22,NL\n", "--profile", other)
    assert listed(fake, ("QQ22", "NL"))
    client.run("list", "profile", "stolen", "--delete")
    assert not path.exists()


@pytest.mark.parametrize("text, line", [
    ("[file]\ndelimiter = ;\n", "line 2"), ("[files]\nformat = csv\n", "line 2"), ("[columns]\nowner = OWNER\n", "line 2"), ("nonsense\n", "line 1"),
    ("[file]\nformat = csv\n\n[times]\ndate-format = %m\n", "line 5")])
def test_a_profile_that_can_not_be_read(client, fake, text, line):
    path = client.folder / "bad.ini"
    path.write_text(text)
    done = client.run("list", "push", "stolen", write(client, "plate\nQQ1\n"), "--profile", path, code=2)
    assert line in done.stderr and not fake.revisions


def test_options_of_a_profile_want_save(client, fake):
    client.run("list", "profile", "stolen", "--delimiter", ";", code=2)
    client.run("list", "profile", "stolen", "--save", "--no-header", code=2)
    client.run("list", "profile", "stolen", "--save", "--delete", code=2)
    client.run("list", "profile", "stolen", "--save", "--column", "plate=a;b", code=2)
    assert "no profile" in client.run("list", "profile", "stolen").stdout and not fake.asked


# -- times ----------------------------------------------------------------------------------------------------------------------------


CHICAGO = ["--time-zone", "America/Chicago"]


@pytest.mark.parametrize("value, options, effective, expires", [
    ("2036-07-01", [], "2036-07-01T00:00:00.000Z", "2036-07-01T00:00:00.000Z"),
    ("2036-07-01", ["--expiry-day", "included"], "2036-07-01T00:00:00.000Z", "2036-07-02T00:00:00.000Z"),
    ("2036-07-01", CHICAGO, "2036-07-01T05:00:00.000Z", "2036-07-01T05:00:00.000Z"),
    ("2036-01-31", [*CHICAGO, "--expiry-day", "included"], "2036-01-31T06:00:00.000Z", "2036-02-01T06:00:00.000Z"),
    ("2036-12-31", [*CHICAGO, "--expiry-day", "included"], "2036-12-31T06:00:00.000Z", "2037-01-01T06:00:00.000Z"),
    # the clocks change on that day: it has 25 hours
    ("2036-11-02", [*CHICAGO, "--expiry-day", "included"], "2036-11-02T05:00:00.000Z", "2036-11-03T06:00:00.000Z"),
    # an hour that comes twice
    ("02.11.2036 01:30", [*CHICAGO, "--date-format", "%d.%m.%Y %H:%M"], "2036-11-02T06:30:00.000Z", "2036-11-02T07:30:00.000Z"),
    ("2036-07-01T12:00:00+02:00", CHICAGO, "2036-07-01T10:00:00.000Z", "2036-07-01T10:00:00.000Z"),
    ("01/02/2036", ["--date-format", "%d/%m/%Y"], "2036-02-01T00:00:00.000Z", "2036-02-01T00:00:00.000Z"),
    ("01/02/2036", ["--date-format", "%m/%d/%Y"], "2036-01-02T00:00:00.000Z", "2036-01-02T00:00:00.000Z"),
    ("20360704", ["--date-format", "%Y%m%d"], "2036-07-04T00:00:00.000Z", "2036-07-04T00:00:00.000Z"),
    ("4 Jul 36", ["--date-format", "%d %b %y"], "2036-07-04T00:00:00.000Z", "2036-07-04T00:00:00.000Z"),
    ("07/04/2036 11:05 PM", ["--date-format", "%m/%d/%Y %I:%M %p", "--expiry-day", "included"], "2036-07-04T23:05:00.000Z", "2036-07-04T23:05:00.000Z"),
    ("2036-07-04 10:00 +0530", ["--date-format", "%Y-%m-%d %H:%M %z", *CHICAGO], "2036-07-04T04:30:00.000Z", "2036-07-04T04:30:00.000Z"),
    ("04.07.2036", ["--date-format", "%d.%m.%Y %H:%M | %d.%m.%Y"], "2036-07-04T00:00:00.000Z", "2036-07-04T00:00:00.000Z"),
    ("9999-12-31", [], None, None)])
def test_times(client, fake, value, options, effective, expires):
    """Each value once as `effective`, once as `expires`; what is later than a gate can say never comes."""
    push(client, f"plate,jurisdiction,effective,expires\nQQ1,NL,{value},\nQQ2,NL,,{value}\n", *options, code=0 if effective else 3)
    entries = standing(fake)
    assert [entry.get("effective") for entry in entries if "effective" in entry or effective] == ([effective, None] if effective else [])
    assert entries[-1].get("expires") == expires


@pytest.mark.parametrize("value, options", [
    ("31/02/2036", ["--date-format", "%d/%m/%Y"]), ("07/31/2036", ["--date-format", "%d/%m/%Y"]), ("2036-02-30", []), ("2036-7-1", []),
    ("1/7/2036x", ["--date-format", "%d/%m/%Y"]), ("soon", []), ("2036-07-01 10:00:00", []), ("46205", []), ("00000000", ["--date-format", "%Y%m%d"]),
    ("2036-07-01", ["--date-format", "%d/%m/%Y"])])
def test_what_is_no_time_is_reported(client, fake, value, options):
    remarks, _ = push(client, f"plate,jurisdiction,expires\nQQ1,NL,{value}\nQQ2,NL,\n", *options, code=3)
    assert remarks == [(2, "time")] and len(standing(fake)) == 1


def test_what_has_ended_is_counted_and_left_out(client, fake):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    rows = [f"QQ{days + 50},NL,{today + datetime.timedelta(days=days)}" for days in (-400, -1, 0, 1)]
    report = client.folder / "report.csv"
    remarks, summary = push(client, "plate,jurisdiction,expires\n" + "\n".join(rows) + "\nQQ9,NL,1901-01-01\n", "--report", report)
    assert not remarks and summary["left_out_by_reason"] == {"expired": 4} and summary["unusable"] == 0 and summary["entries"] == 1
    assert [row for row in csv.reader(report.open())] == [["line", "reason"], ["2", "expired"], ["3", "expired"], ["4", "expired"], ["6", "expired"]]
    _, summary = push(client, "plate,jurisdiction,expires\n" + "\n".join(rows) + "\n", "--expiry-day", "included")
    assert summary["entries"] == 2  # today still counts
    _, summary = push(client, "plate,jurisdiction,effective,expires\nQQ1,NL,2036-01-02,2036-01-01\nQQ2,NL,,\n", code=3)
    assert summary["unusable_by_reason"] == {"time": 1}  # it would never count


def test_years_of_plates(client, fake):
    year = datetime.datetime.now(datetime.timezone.utc).year
    rows = f"p,j,y\nQQ1,NL,{year - 2}\nQQ2,NL,{year - 1}\nQQ3,NL,{year}\nQQ4,NL,NX\nQQ5,NL,\n"
    options = ["--column", "plate=p", "--column", "jurisdiction=j", "--column", "year=y"]
    assert push(client, rows, *options)[1]["entries"] == 5
    assert push(client, rows, *options, "--years", "1")[1]["left_out_by_reason"] == {"expired": 1}
    assert [entry.get("expires") for entry in standing(fake)] == [f"{year + 1}-01-01T00:00:00.000Z", f"{year + 2}-01-01T00:00:00.000Z", None, None]


# -- what leaves the machine --------------------------------------------------------------------------------------------------------


PERSONAL = {"Owner": "Quentin Zzyzx-Wobble", "Address": "7 Nowhere Crescent", "Phone": "+1 555 0100 4711", "VIN": "QQQ11QQQ111QQ1111", "Remarks": "owes us money",
            "Agency": "ORI0000QQ"}


def ways_of(secret):
    """SECRET as it might be written somewhere."""
    raw = [secret.encode(), secret.upper().encode(), secret.replace(" ", "").encode(), secret.encode("utf-16-le"), plates.canonical(secret[:12]).encode()]
    return [form for one in raw for form in (one, one.hex().encode(), plates.text64(one).encode()[:-2], plates.text64(b"x" + one).encode()[2:-2],
                                             plates.text64(b"xx" + one).encode()[3:-2])]


@pytest.mark.parametrize("form", ["csv", "fixed"])
def test_personal_columns_never_leave_the_machine(installation, tmp_path, form):
    """All that the client sends, to the gate and to the key server, is written down and searched."""
    house, name = installation, f"personal-{form}"
    house.platesieve("--as", ANA, "list", "create", name, "--category", "stolen")
    row = ["QQ77QQ7", "NL", "case-4711", *PERSONAL.values()]
    if form == "csv":
        text = "\t".join(["Tag", "Where", "Case", *PERSONAL]) + "\n" + "\t".join(row) + "\n"
        options = ["--delimiter", "tab", "--column", "plate=Tag", "--column", "jurisdiction=Where", "--column", "reference=Case"]
    else:
        text = "".join(f"{value:24}" for value in row) + "\n"
        options = ["--format", "fixed", "--column", "plate=1:24", "--column", "jurisdiction=25:24", "--column", "reference=49:24"]
    file = tmp_path / "list.txt"
    file.write_text(text)
    gate, keys = Meddler(house, real=house.url("")), Meddler(house)
    try:
        done = house.platesieve("--as", ANA, "list", "push", name, file, *options, "--json", env={"PLATESIEVE_GATE": gate.url, "PLATESIEVE_KEYS": keys.url})
    finally:
        gate.stop()
        keys.stop()
    assert json.loads(done.stdout)["entries"] == 1 and gate.count("/parts/") == 1 and keys.count("/evaluate") >= 1
    sent = b"\n".join([*gate.heads, *gate.bodies, *keys.heads, *keys.bodies, *(path.encode() for _, path in gate.asked + keys.asked)])
    assert b'"op":"add"' in sent  # what is searched is what was sent
    for secret in [*PERSONAL.values(), "QQ77QQ7", "case-4711"]:
        for way in ways_of(secret):
            assert len(way) < 6 or way not in sent, (secret, way)
    state = b"".join(path.read_bytes() for path in (house.folder / "state/client").rglob("*") if path.is_file())
    for secret in PERSONAL.values():
        assert secret.encode() not in state
    house.wait_live(name, 1)
    assert house.check("QQ77QQ7", "NL")["answer"] == "hit"
