"""Lists as agencies have them: other separators, encodings, columns, dates; profiles; fixed width; what is wrong in them."""
import csv
import datetime
import gzip
import itertools
import json
import os
import re
import stat
import unicodedata

import pytest

import plates
from fake import Client, Epoch, Fake
from house import TOP, eventually
from meddler import Meddler

PROGRAM = os.environ.get("PLATESIEVE_BUILD", str(TOP / "build")) + "/platesieve"
ANA = "agency/customs/ana"


def partial_plates_hit(house, tmp_path, name):
    """Partial plates on a list at `similar` of a real gate: what fits them hits, at its grade, and nothing else does."""
    house.platesieve("--as", ANA, "list", "create", name, "--category", "stolen", "--grade", "similar")
    file = tmp_path / "partial.csv"
    file.write_text("plate,jurisdiction,reference\nXX81??,NL,P1\nXX4?4Z,NL,P2\nXX4444Y,NL,P3\n")
    summary = json.loads(house.platesieve("--as", ANA, "list", "push", name, file, "--json").stdout)
    assert summary["entries"] == 3
    house.wait_live(name, summary["revision"])
    reads = [("XX8100", "NL", "full"), ("xx-81o0", "NL", "full"), ("XX81YZ", "DE", "plate"), ("XXBI77", "NL", "similar"), ("XX81WW", "", "plate"),
             ("XX4747", "NL", None), ("XX474Z", "NL", "full"), ("XX4742", "NL", "similar"), ("XX4444Y", "NL", "full"), ("XX8200", "NL", None),
             ("XX8100Y", "NL", None), ("XX810", "NL", None), ("YX8100", "NL", None), ("XX44Z", "NL", None)]
    text = "plate,jurisdiction\n" + "".join(f"{plate},{where}\n" for plate, where, _ in reads)
    done = house.platesieve("--as", "reader/north/1", "lane", "--json", text=text, code=None)
    found = {line["line"]: [alert["grade"] for alert in line["alerts"] if alert["list"] == name]
             for line in map(json.loads, done.stdout.splitlines()) if "alerts" in line}
    assert [found.get(number, []) for number in range(2, len(reads) + 2)] == [[grade] if grade else [] for _, _, grade in reads]
    named = lambda: {one["reference"] for one in map(json.loads, house.platesieve("--as", ANA, "hits", "--json", "--all", "--list", name)  # noqa: E731
                                                     .stdout.splitlines()) if "reference" in one}
    eventually(lambda: named() == {"P1", "P2", "P3"})


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    return Client(tmp_path_factory.mktemp("imports"), PROGRAM)


@pytest.fixture
def fake(client):
    server = Fake(client.pki)
    client.point_at(server)
    server.make_list("stolen")
    yield server
    client.run("list", "profile", "stolen", "--delete")
    server.stop()


def write(client, text, encoding="utf-8"):
    path = client.folder / "list.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def standing(fake):
    return list(fake.lists["stolen"]["standing"].values())


def listed(fake, *candidates, grade="plate"):
    """Which of CANDIDATES, (plate, jurisdiction), stand on the list with just their tokens."""
    epoch = fake.epochs[0]
    tokens = [entry["tokens"][epoch.id] for entry in standing(fake)]
    grades = plates.grades_from(grade)
    return [one for one in candidates
            if {key: value for key, value in plates.list_tokens(epoch.key, *one, grades, "stolen", "customs").items() if value} in tokens]


def push(client, text, *options, code=0, verb="push", encoding="utf-8"):
    """(remarks as (line, remark), summary)"""
    *remarks, summary = client.json("list", verb, "stolen", write(client, text, encoding), *options, code=code)
    return [(one["line"], one["remark"]) for one in remarks], summary


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


# -- fixed width -------------------------------------------------------------------------------------------------------------------

def ncic(plate="QQ77QQ7", state="NY", kind="V", number="123456789", date="20200102", year="2036", plate_type="PC", rest="2011FORDTAUSDBLU"):
    """A line of the extract, as the layout in the reference data has it."""
    return f"{kind}{number:9}QQ0000000{date:8}{plate:10}{state:2}{year:4}{plate_type:2}{rest}"


FIXED = ["--format", "ncic"]


def test_national_hot_files(client, fake):
    lines = [ncic(), ncic("qq 88", "NB", number="000000002", date="00000000"), ncic("QQ99", "ON", "P", "000000003", rest=""),
             ncic("QQ11", "PQ", "W", "000000004", year="NX", plate_type="PE")]
    for end in ("\n", "\r\n", "\r"):
        push(client, end.join(lines) + end, *FIXED)
        assert len(listed(fake, ("QQ77QQ7", "US-NY"), ("QQ88", "US-NE"), ("QQ99", "CA-ON"), ("QQ11", "CA-QC"))) == len(standing(fake)) == 4
    assert [entry.get("effective") for entry in standing(fake)] == ["2020-01-02T00:00:00.000Z", None, "2020-01-02T00:00:00.000Z", "2020-01-02T00:00:00.000Z"]
    assert all("expires" not in entry for entry in standing(fake))
    push(client, "\n".join(lines), *FIXED, "--years", "1", "--time-zone", "America/New_York")
    assert [entry.get("expires") for entry in standing(fake)] == ["2038-01-01T05:00:00.000Z"] * 3 + [None]
    references = [entry["reference"] for entry in standing(fake)]
    push(client, "\n".join(lines[::-1]), *FIXED, "--full")
    assert [entry["reference"] for entry in standing(fake)] == references[::-1]  # made of the record's number


def test_layout_is_that_of_the_reference_data(shared):
    """The table in client/import/fixed_ncic.c has the places that the reference data says."""
    path = shared / "data/ncic_layout.csv"
    if not path.exists():
        pytest.skip(f"no {path}")
    wanted = {row["field"]: (int(row["start0"]), row["end_exclusive"]) for row in csv.DictReader(path.open()) if row["format"] == "ncic"}
    text = (TOP / "client/import/fixed_ncic.c").read_text()
    for column, field in (("EFFECTIVE", "incident_date_yyyymmdd"), ("PLATE", "plate"), ("JURISDICTION", "plate_state"), ("YEAR", "plate_year")):
        start, end = wanted[field][0], int(wanted[field][1])
        assert f"[IMPORT_{column}] = {{ {start}, {end - start} }}" in text
    assert f"#define TYPE_FIRST {wanted['plate_type_LIT'][0]} " in text


@pytest.mark.parametrize("line, reason, code", [
    ("HDR20261122 NCIC EXTRACT FOR THE STATE OF NOWHERE", "no-record", 0), ("TRL000000003" + " " * 40, "no-record", 0), (ncic(number="12345678"), "no-record", 0),
    (ncic(kind="G"), "no-plate", 0), (ncic(kind="B"), "no-plate", 0), (ncic(kind="A"), "no-plate", 0), (ncic(kind="S"), "no-plate", 0),
    (ncic(plate_type="NP"), "no-plate", 0), (ncic(plate=""), "no-plate", 0), (ncic(plate="UNKNOWN"), "placeholder", 3), (ncic(plate="----"), "empty", 3),
    ("EOF", "line-length", 3), (ncic()[:38], "line-length", 3), ("x" * 70000, "line-too-long", 3), (ncic(date="20201302"), "time", 3), (ncic(date="2020  02"), "time", 3),
    (ncic(plate="QQ\u00e977", number="000000002"), None, 0), (ncic(plate="QQ7\0"), "zero-byte", 3), (ncic(date="20990101", year="2036"), "time", 3)], ids=itertools.count())
def test_lines_of_a_hot_file_that_are_no_plates(client, fake, line, reason, code):
    """Counted by reason; the rest goes on, and what is no fault of the file is none."""
    report = client.folder / "report.csv"
    remarks, summary = push(client, "\n".join([ncic("QQ1"), line, "", ncic("QQ2", number="000000009"), "\x1a"]), *FIXED, "--years", "9", "--report", report, code=code)
    assert summary["entries"] == (2 if reason else 3) and remarks == ([(2, reason)] if code else [])
    assert {**summary["unusable_by_reason"], **summary["left_out_by_reason"]} == ({reason: 1} if reason else {})
    assert report.read_text() == "line,reason\n" + (f"2,{reason}\n" if reason else "")


def test_lines_in_another_encoding(client, fake):
    """EBCDIC has neither our letters nor our line ends: nothing of it is a row, and the list stays."""
    push(client, ncic() + "\n", *FIXED)
    ebcdic = (ncic() * 3000).encode("cp500")
    said = client.run("list", "push", "stolen", write(client, ebcdic), *FIXED, code=1).stderr
    assert "no usable row" in said
    headers = write(client, "HEADER OF AN EXTRACT".ljust(60) + "\n" + "x" * 60 + "\n")
    said = client.run("list", "push", "stolen", headers, *FIXED, code=1).stderr
    assert "no usable row" in said and "2 of 2 rows: no record" in said  # also where rows are left out without a remark
    mixed = ncic("QQ1").encode() + b"\n" + ncic("QQ2").encode("cp500") + b"\n" + ncic("QQ3", number="000000003").encode() + b"\n"
    _, summary = push(client, mixed, *FIXED, code=3)
    assert summary["unusable_by_reason"] == {"not-utf-8": 1} and len(standing(fake)) == 2


def test_columns_of_fixed_width(client, fake):
    text = "0001 QQ-77QQ7  NL 31/12/2036 Zzyzx\n0002 QQ 88     DE            Zzyzx\n0003 QQ99"
    options = ["--format", "fixed", "--column", "plate=6:10", "--column", "jurisdiction=16:2", "--column", "expires=19:10", "--column", "reference=1:4",
               "--date-format", "%d/%m/%Y", "--expiry-day", "included", "--allow-truncated"]
    remarks, _ = push(client, text, *options, code=3)
    assert remarks == [(3, "without-full")] or remarks == [(3, "cut-off")]
    assert len(listed(fake, ("QQ77QQ7", "NL"), ("QQ88", "DE"))) == 2 and standing(fake)[0]["expires"] == "2037-01-01T00:00:00.000Z"
    remarks, _ = push(client, "\u00fc001 QQ77QQ7   NL\nQQ\n0003 QQ99      DE more\n", *options[:8], "--line-length", "17", code=3)
    assert remarks == [(2, "line-length"), (3, "line-length")] and listed(fake, ("QQ77QQ7", "NL"))


# -- files that did not come whole ---------------------------------------------------------------------------------------------------

def last_line(whole):
    """Where the last line of a file begins, in bytes."""
    if isinstance(whole, bytes):
        return len(whole.decode("utf-16").rstrip().rpartition("\n")[0].encode("utf-16")) + 2
    return len(whole.rstrip().rpartition("\nQQ22" if '"' in whole else "\n")[0]) + 1


@pytest.mark.parametrize("whole, options", [
    ("plate,jurisdiction,reference\nQQ1,NL,A\nQQ22,NL,B\nQQ333,DE,C\n", []), ("plate,jurisdiction,x\nQQ1,NL,A\nQQ22,NL,\"b\nb\"\n", []),
    ("plate,jurisdiction,reference\nQQ1,NL,A\nQQ22,NL,B\n".encode("utf-16"), ["--encoding", "utf-16"]),
    ("QQ1;NL;A\nQQ22;NL;B\n", ["--no-header", "--delimiter", ";", "--column", "plate=1", "--column", "jurisdiction=2"]),
    ("\n".join(ncic(f"QQ{number}", number=f"{number:09}") for number in range(3)) + "\n", FIXED)],
    ids=("csv", "quotes", "utf-16", "no-header", "ncic"))
def test_a_file_that_is_cut_off_does_not_shrink_a_list(client, fake, whole, options):
    """Cut in its last line, the list stays as it is; in the last column of that, where it can't be told, there is a word on it."""
    push(client, whole, *options)
    entries = {entry["reference"]: entry["tokens"] for entry in standing(fake)}
    data = whole if isinstance(whole, bytes) else whole.encode()
    cuts = [cut for cut in range(last_line(whole) + 1, len(data) - 1) if cut % 5 == 0 or cut > len(data) - 4]
    refused = 0
    for cut in cuts:
        done = client.run("list", "push", "stolen", write(client, data[:cut]), *options, "--full", "--json", code=None)
        if done.returncode == 0:  # its last line looks whole
            assert len(standing(fake)) == len(entries) and "has no end" in done.stderr
            continue
        assert done.returncode == 1 and "--allow-truncated" in done.stderr
        assert {entry["reference"] for entry in standing(fake)} == set(entries)
        refused += 1
    assert refused >= 1
    *_, summary = client.json("list", "push", "stolen", write(client, data[:cuts[0]]), *options, "--full", "--allow-truncated", code=3)
    assert summary["unusable_by_reason"]["cut-off"] == 1 and len(standing(fake)) == len(entries) - 1


def test_other_commands_take_what_is_there(client, fake):
    """An addition of a file that is cut off adds its whole lines, and says so."""
    remarks, summary = push(client, "plate,jurisdiction\nQQ1,NL\nQQ2", verb="add", code=3)
    assert remarks == [(3, "cut-off")] and summary["entries"] == 1


# -- rows that are broken -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("row, reason", [
    (b"QQ\xe91,NL,x", "not-utf-8"), (b"Q\0Q\0,NL,x", "zero-byte"), (b"QQQQQ00000QQ00000,NL,x", "too-long"), (b",NL,x", "empty"), (b"   ,NL,x", "empty"),
    (b'"",NL,x', "empty"), (b"QQ1,NL,a, b, c", "columns"), (b"Zzyzx, Q.,QQ1,NL", "columns"), (b"QQ3,NL,x,,", None), (b'"QQ,3",NL,"a ""b"" c"', None),
    (b'"QQ3,NL,x', "unfinished-quote"), (b'QQ"3,NL,x', None), (b"1.23E+05,NL,x", "spreadsheet"), (b"18-Sep,NL,x", "spreadsheet"), (b"#N/A,NL,x", "placeholder"),
    (b"QQ3,NL," + b"x" * 70000, "line-too-long"), (b'"QQ\n3",NL,x', "unfinished-quote"), (b"QQ3", None), (b"\xef\xbb\xbfQQ3,NL,x", None)], ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_broken_row_is_reported_and_the_rest_goes_on(client, fake, row, reason, end):
    """In a file with mixed line ends; told by line, never by what stands there."""
    report = client.folder / "report.csv"
    text = b"plate,jurisdiction,remarks" + end + b"QQ1,NL,x\n" + row + end + b"\r\nQQ2,DE,x" + end
    remarks, summary = push(client, text, "--report", report, code=None)
    assert listed(fake, ("QQ1", "NL"), ("QQ2", "DE")) == [("QQ1", "NL"), ("QQ2", "DE")]
    if reason:
        lines = [3, 4] if b"\n" in row else [3]  # also the line that is the rest of a field, and is no row of its own
        assert summary["unusable_by_reason"][reason] == len(lines)
        assert all((line, reason) in remarks and f"{line},{reason}\n" in report.read_text() for line in lines)
    else:
        assert summary["unusable"] == 0 and summary["entries"] == 3
    said = client.run("list", "push", "stolen", write(client, text), code=None)
    assert "Zzyzx" not in said.stdout + said.stderr + report.read_text() and stat.S_IMODE(report.stat().st_mode) == 0o600


# -- partial plates -----------------------------------------------------------------------------------------------------------------

ALPHABET = "0123456789ABCDEFGHIJKLMNPQRSTUVWXYZ"


def fitting(pattern):
    """Canonical plates that a canonical PATTERN fits."""
    plates_ = [""]
    for char in pattern:
        plates_ = [one + other for one in plates_ for other in (ALPHABET if char == "?" else char)]
    return plates_


def expected_of(fake, pattern, jurisdiction, grade):
    """What an entry of PATTERN must have for the first epoch: made plate by plate, and not a token twice."""
    found = {}
    for plate in fitting(pattern):
        made = plates.list_tokens(fake.epochs[0].key, plate, jurisdiction, [one for one in plates.grades_from(grade) if one != "near"], "stolen", "customs")
        for name, tokens in made.items():
            found.setdefault(name, set()).update(tokens)
    return {name: tokens for name, tokens in found.items() if tokens}


@pytest.mark.parametrize("plate, pattern, options", [
    ("qqo1??", "QQ01??", []), ("QQ1?2", "QQ1?2", []), ("?QQ77-7?", "?QQ777?", []), ("QQ\uff1f771", "QQ?771", []), ("Q 7 7 7 ?", "Q777?", []),
    ("QQ1*2_", "QQ1?2", ["--wildcard", "*"]), ("QQ12*", "QQ12", []), ("QQ.1__7", "QQ1??7", ["--wildcard", "_"])])
@pytest.mark.parametrize("grade", ["plate", "similar", "near"])
def test_partial_plates(client, fake, plate, pattern, options, grade):
    fake.make_list("stolen", grade=grade)
    if "?" not in pattern and grade == "near":
        return  # a whole plate has tokens there, too
    _, summary = push(client, f"plate,jurisdiction\n{plate},NL\n", *options, code=3 if grade == "near" else 0)
    entry, = standing(fake)
    wanted = expected_of(fake, pattern, "NL", grade)
    made = entry["tokens"][fake.epochs[0].id]
    assert {name: len(tokens) for name, tokens in made.items()} == {name: len(tokens) for name, tokens in wanted.items()}
    assert {name: set(tokens) for name, tokens in made.items()} == wanted and summary["entries"] == 1
    unknown = pattern.count("?")
    assert len(made["plate"]) == 35 ** unknown and (grade == "plate" or len(made["similar"]) == 27 ** unknown)


@pytest.mark.parametrize("plate, reason", [
    ("QQ1???", "partial"), ("??QQ77?", "partial"), ("QQ1??", "partial-short"), ("??", "partial-short"), ("A?", "partial-short"),
    ("QQ7777777777?", "too-long"), ("QQQQQ00000QQ0000?", "too-long"), ("1234567.0?", None), ("?QQ777777777?", "too-long")])
def test_partial_plates_that_say_too_little(client, fake, plate, reason):
    remarks, _ = push(client, f"plate,jurisdiction\n{plate},NL\nQQ1,NL\n", code=3 if reason else 0)
    assert remarks == ([(2, reason)] if reason else [])


def test_partial_plates_among_others(client, fake):
    """In their order, in several epochs, with rows before and behind; found again by plate to be removed."""
    fake.epochs.append(Epoch("20260102T000000Z", "coming"))
    rows = "".join(f"QQ{number:03d}{'??' if number % 40 == 7 else 'X'},{'' if number % 80 == 7 else 'NL'},\n" for number in range(200))
    _, summary = push(client, "plate,jurisdiction,reference\n" + rows, code=3)
    assert summary["entries"] == 200 and summary["partial"] == 5 and summary["without_full"] == 3 and summary["repeated"] == 0
    for epoch in fake.epochs:
        counts = [len(entry["tokens"][epoch.id]["plate"]) for entry in standing(fake)]
        assert counts == [1225 if number % 40 == 7 else 1 for number in range(200)]
        assert [("full" in entry["tokens"][epoch.id]) for entry in standing(fake)] == [number % 80 != 7 for number in range(200)]
        assert set(standing(fake)[47]["tokens"][epoch.id]["full"]) == {
            plates.list_tokens(epoch.key, one, "NL", ["full"], "stolen", "customs")["full"][0] for one in fitting("QQ047??")}
    push(client, "plate,jurisdiction\nqq-047??,NL\nQQ048X,NL\n", verb="remove")
    assert len(standing(fake)) == 198 and sum(len(entry["tokens"][epoch.id]["plate"]) == 1225 for entry in standing(fake)) == 4


def test_eight_epochs_of_a_partial_plate_are_one_line(client, fake):
    fake.make_list("stolen", grade="similar")
    fake.epochs += [Epoch(f"2026010{day}T000000Z", "coming") for day in range(2, 9)]
    push(client, "plate,jurisdiction\nQQ77??,NL\n")
    entry, = standing(fake)
    assert len(entry["tokens"]) == 8 and all([len(grades[name]) for name in ("full", "plate", "similar")] == [1225, 1225, 729]
                                             for grades in entry["tokens"].values())
    assert 800_000 < max(len(body) for body in fake.bodies) < 1 << 20


def test_reads_that_fit_a_partial_plate_hit(installation, tmp_path):
    """Through the real daemons, under the suite that key servers use unless told otherwise; test_suite_hmac.py has the other one."""
    partial_plates_hit(installation, tmp_path, "partial-voprf")


def test_a_partial_plate_goes_on_where_a_key_server_broke_off(installation, tmp_path):
    """Some answers get lost.  Nothing of what was evaluated is asked for again, and the entry is whole."""
    house, name, answered = installation, "partial-breaks", []

    def meddle(method, path, status, value):
        if method != "POST" or status != 200:
            return value
        answered.append(path)
        return (503, "busy") if len(answered) % 20 == 10 else value

    house.platesieve("--as", ANA, "list", "create", name, "--category", "stolen")
    file = tmp_path / "partial.csv"
    file.write_text("plate,jurisdiction,reference\nXX5500,NL,P0\nXX55??,NL,P1\nXX5501,NL,P2\n")
    keys = Meddler(house)
    keys.meddle = meddle
    try:
        summary = json.loads(house.platesieve("--as", ANA, "list", "push", name, file, "--json", env={"PLATESIEVE_KEYS": keys.url}).stdout)
    finally:
        keys.stop()
    lost = len(answered) // 20 + 1
    asked = [(path, len(json.loads(body)["blinded"])) for (method, path), body in zip(keys.asked, keys.bodies) if method == "POST"]
    for epoch in summary["epochs"]:
        elements = sum(count for path, count in asked if epoch in path)
        assert 2454 <= elements <= 2454 + 64 * lost, (elements, lost)
    house.wait_live(name, summary["revision"])
    for plate in ("XX5500", "XX5577", "XX55ZZ", "XX5501"):
        alerts = [alert for alert in house.check(plate, "NL").get("alerts", []) if alert["list"] == name]
        assert len(alerts) == (2 if plate in ("XX5500", "XX5501") else 1) and alerts[0]["grade"] == "full", plate


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


# -- real files -----------------------------------------------------------------------------------------------------------------------

DAMAGED = (r"\d+\.0", r".*\d\.00+", r"\d+(\.\d*)?[eE]\+\d+", r"\d{1,2}-(MONTH)(-\d{2,4})?", r"(MONTH)-\d{2,4}")
MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
NO_PLATE = {"N/A", "N/S", "N.A.", "#N/A", "#NAME?", "#REF!", "#VALUE!", "#NULL!", "(BLANK)", "(NULL)"}
NO_PLATE_WORDS = {"BLANKPLATE", "N0PLATE", "N0PLATES", "N0LICENSE", "UNKN0WN", "UNREADABLE", "N0TREAD"}


def judge(raw):
    """(reason why RAW is no plate, or None; its canonical form), written without a look at the client."""
    text = raw.strip(" \t\r\n\v\f")
    if not text:
        return "empty", None
    if any(re.fullmatch(pattern.replace("MONTH", MONTHS), text, re.S) for pattern in DAMAGED):
        return "spreadsheet", None
    if text.upper() in NO_PLATE:
        return "placeholder", None
    pieces = text.replace("\uff1f", "?").split("?")
    canonical = "?".join(plates.canonical(piece) or "" for piece in pieces)
    letters = sum(unicodedata.normalize("NFKC", char).isascii() and char.isalnum() for char in text)
    if len(canonical) > 12 or not canonical:
        return ("too-long" if letters else "empty"), None
    if len(pieces) > 3:
        return "partial", None
    if len(pieces) > 1 and len(canonical.replace("?", "")) < 4:
        return "partial-short", None
    return ("placeholder", None) if canonical in NO_PLATE_WORDS else (None, canonical)


def is_time(text, formats):
    """Nothing, or a date in one of FORMATS; no formats: any."""
    for one in formats if text.strip() else []:
        try:
            return datetime.datetime.strptime(text, one) is not None
        except ValueError:
            pass
    return not text.strip() or not formats


def counted(rows, known, formats):
    """What a push of ROWS, (plate, jurisdiction, date), must count."""
    reasons, entries, without_full = {}, {}, 0
    for plate, where, date in rows:
        reason, canonical = judge(plate)
        reason = reason or (None if is_time(date, formats) else "time")
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
            continue
        where = where.strip().upper() if where.strip().upper() in known else ""
        if (canonical, where) not in entries:
            without_full += not where
        entries[canonical, where] = entries.get((canonical, where), 0) + 1
    return {"rows": len(rows), "entries": len(entries), "repeated": sum(entries.values()) - len(entries), "without_full": without_full,
            "unusable_by_reason": reasons}


@pytest.mark.parametrize("name, columns, formats", [
    ("plates_distinct.csv.gz", ("plate", "jurisdiction"), []), ("reads_nyc.csv", ("plate", "state", "issue_date"), ["%m/%d/%Y"]),
    ("reads_nyc.csv", ("plate", "state", "issue_date"), ["%m/%d/%Y", "%Y-%m-%dT%H:%M:%S.000"])])
def test_real_files(client, fake, shared, name, columns, formats):
    """Hundreds of thousands of plates as people typed and spreadsheets left them, each counted as somebody else counts it."""
    path = shared / "data" / name
    if not path.exists():
        pytest.skip(f"no {path}")
    text = (gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()).decode()
    options = ["--column", "effective=issue_date", "--date-format", " | ".join(formats), "--time-zone", "America/New_York"] if formats else []
    rows = [(*(row[column] for column in columns), *[""] * (3 - len(columns))) for row in csv.DictReader(text.splitlines())]
    known = {row["code"] for table in ("usps_state", "canada_post_province")
             for row in csv.DictReader((shared / f"data/jurisdictions/{table}.csv").read_text().splitlines())}
    report = client.folder / "report.csv"
    file = write(client, text)
    *_, summary = client.json("list", "push", "stolen", file, "--codes", "usps", "--column", f"plate={columns[0]}", "--column", f"jurisdiction={columns[1]}",
                              *options, "--report", report, code=3, timeout=300)
    wanted = counted(rows, known, formats)
    assert {key: summary[key] for key in wanted} == wanted and len(standing(fake)) == wanted["entries"]
    told = {}
    with report.open(encoding="ascii") as lines:
        for row in csv.DictReader(lines):
            told[row["reason"]] = told.get(row["reason"], 0) + 1
    told_as = {**wanted["unusable_by_reason"], "without-full": wanted["without_full"], "repeated": wanted["repeated"]}
    assert told == {reason: count for reason, count in told_as.items() if count}
