"""docs/reader-integration.md, "An adapter of your own in an hour": what it says to write is written here, built into a platesieve, and its test runs."""
import base64
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

import readings
import test_engines

TOP = Path(__file__).resolve().parents[2]
BUILD = test_engines.BUILD
DOCUMENT = (TOP / "docs/reader-integration.md").read_text()
CHAPTER = DOCUMENT[DOCUMENT.index("## An adapter of your own"):]


def block(language, text=CHAPTER):
    return re.search(rf"^```{language}\n(.*?)^```", text, re.M | re.S)[1]


def make_variables(*names):
    """What the Makefile of the build folder knows."""
    lines = "".join(f"\t@echo 'variable: $({name})'\n" for name in names)
    done = subprocess.run(["make", "-s", "-C", str(BUILD), "-f", "-", "say-variables"], input=f"include Makefile\nsay-variables:\n{lines}", capture_output=True,
                          text=True, check=True)
    return [shlex.split(line)[1:] for line in done.stdout.splitlines() if line.startswith("variable:")]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """A platesieve with one adapter more: its file and the lines that the document names."""
    folder = tmp_path_factory.mktemp("ninth")
    (folder / "client/engines").mkdir(parents=True)
    for name, old, new in (("adapters.h", "engine_verkada;", "engine_verkada, engine_kestrel;"), ("engine.c", "&engine_hikvision,", "&engine_hikvision, &engine_kestrel,")):
        text = (TOP / "client/engines" / name).read_text()
        assert text.count(old) == 1
        (folder / "client/engines" / name).write_text(text.replace(old, new))
    (folder / "client/engines/kestrel.c").write_text(block("c"))
    preprocessor, flags, more, libraries = make_variables("DEFS", "AM_CPPFLAGS", "CLIENT_CFLAGS", "CLIENT_LIBS")
    sanitizer = ["-fsanitize=address,undefined"] if "#define PLATESIEVE_SANITIZER 1" in (BUILD / "config.h").read_text() else []
    for name in ("engine", "kestrel"):
        subprocess.run(["cc", *preprocessor, f"-I{folder}", f"-I{BUILD}", f"-I{TOP}", *flags, *more, *sanitizer, "-Wall", "-Wextra", "-Werror", "-c",
                        f"{folder}/client/engines/{name}.c", "-o", f"{folder}/{name}.o"], cwd=BUILD, check=True)
    subprocess.run(["./libtool", "--silent", "--tag=CC", "--mode=link", "cc", "-static", *sanitizer, "-o", str(folder / "platesieve"), str(folder / "engine.o"),
                    str(folder / "kestrel.o"), "client/platesieve-main.o", *libraries], cwd=BUILD, check=True)
    return folder


def test_its_own_test_passes(program, monkeypatch):
    monkeypatch.setattr(test_engines, "BUILD", program)
    names = vars(test_engines) | {}
    exec(compile(block("python"), "docs/reader-integration.md", "exec"), names)  # pylint: disable=exec-used
    tests = [value for name, value in names.items() if name.startswith("test_kestrel")]
    assert len(tests) == 2
    for test in tests:
        test()


def test_the_message_of_the_document(program, monkeypatch):
    monkeypatch.setattr(test_engines, "BUILD", program)
    told = test_engines.take("kestrel", block("json").encode(), now_ms=test_engines.NOW_MS)
    assert len(told["reads"][0]["candidates"]) == 2 and told["faults"] == {"image": 1}  # "..."
    test_engines.give_the_rest("kestrel", json.loads(block("json")), [])


def test_the_plain_message_of_the_document():
    chapter = DOCUMENT[DOCUMENT.index("## Anything else"):]
    read = test_engines.take("plain", block("json", chapter).encode(), now_ms=test_engines.NOW_MS)["reads"][0]
    assert test_engines.spellings(read) == {"QQ00QQ0": 0.97, "QQ88QQ0": 0.41}
    assert (read["jurisdiction"], read["region_confidence"], read["camera"], read["ids"]) == ("US-TX", 0.8, "north-1", 1)


def test_the_template_of_the_document():
    """As a camera fills it in, and as one sends it that knows none of its names."""
    chapter = DOCUMENT[DOCUMENT.index("### A camera with a template"):DOCUMENT.index("## An adapter of your own")]
    template = block("json", chapter)
    values = {"plate": "QQ00QQ0", "confidence": "97", "country": "NLD", "date": "2026-11-22T12:00:00.250+01:00", "overviewimage": base64.b64encode(readings.JPEG).decode()}
    filled = re.sub(r"\$(\w+)\$", lambda name: values[name[1]], template)
    told = test_engines.take("plain", filled.encode(), now_ms=readings.iso_ms("2026-11-22T11:00:02Z"))
    read = told["reads"][0]
    assert test_engines.spellings(read) == {"QQ00QQ0": 0.97} and told["faults"] == {}
    assert (read["jurisdiction"], read["camera"], read["picture"]) == ("NL", "gate-1", len(readings.JPEG))
    assert test_engines.seen(read) == readings.iso_ms("2026-11-22T11:00:00.250Z")
    assert test_engines.take("plain", template.encode())["reads"][0]["candidates"] == []


def test_the_names_that_genetec_sends():
    """Each row of the document's table is a whole read."""
    chapter = DOCUMENT[DOCUMENT.index("## Genetec"):DOCUMENT.index("## Hikvision")]
    picture = base64.b64encode(readings.JPEG).decode()
    values = {"PlateRead": "qq00 qq0", "Plate": "qq00 qq0", "Timestamp": "2026-11-03T13:05:38.000", "ReadTimeUtc": "2026-11-03T13:05:38Z", "DateUtc": "03/11/2026",
              "UTCDate": "2026:11:03", "TimeUtc": "13:05:38", "UTCTime": "13:05:38.000", "Id": "a-1", "Guid": "a-1", "ReferenceReadId": "a-1", "SourceUrl": "Sharp 1",
              "CameraName": "Sharp 1", "LprCameraName": "Lpr Camera", "State": "TX", "PlateStateProvince": "TX", "ConfidenceScore": "97", "Confidence": "0.97",
              "ContextImage": picture, "PlateImage": picture[:40], "Attributes": {"Vehicle Color": "White"},
              "PlateAnalytics": [{"Key": "State Name", "Score": 0.9, "Value": "TX"}, {"Key": "Confidence Score", "Score": 1.0, "Value": "97"}]}
    rows = re.findall(r"^\| [^|`]*\| (`.*) \|$", chapter, re.M)
    assert len(rows) == 3
    for row in rows:
        message = {name: values[name] for name in re.findall(r"`(\w+)`", row) if name not in ("Key", "Value", "Score", "Context")}
        told = test_engines.take("genetec", json.dumps(message).encode(), now_ms=1793711138000 + 5000)
        read = told["reads"][0]
        assert test_engines.spellings(read) == {"QQ00QQ0": 0.97} and told["faults"] == {}, row
        assert (read["jurisdiction"], read["camera"], test_engines.seen(read), read["ids"], read["picture"]) == ("US-TX", "Sharp 1", 1793711138000, 1, len(readings.JPEG))
    assert readings.iso_ms("2026-11-03T13:05:38Z") == 1793711138000
