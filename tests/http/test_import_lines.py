"""Files of lists as they come: lines of fixed width, files that are cut off, broken rows, and real ones, row by row."""
import csv
import datetime
import gzip
import itertools
import re
import stat
import unicodedata

import pytest

import plates
from fake import Client
from house import TOP
from importing import PROGRAM, faked, listed, push, standing, write


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    return Client(tmp_path_factory.mktemp("imports"), PROGRAM)


@pytest.fixture
def fake(client):
    with faked(client) as server:
        yield server


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
