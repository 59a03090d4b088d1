"""docs/reader-integration.md, "A ninth adapter in an hour": what it says to write is written here, built into a platesieve, and its test runs."""
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
CHAPTER = DOCUMENT[DOCUMENT.index("## A ninth adapter"):]


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
    """A platesieve with the ninth adapter: its file and the lines that the document names."""
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


def test_the_template_for_a_sharp():
    """What AutoVu makes of the document's template is understood."""
    chapter = DOCUMENT[DOCUMENT.index("## Genetec"):]
    values = {"#PLATE_READ#": "qq00qq0", "#CUSTOM_FIELDS#{State Name}": "TX", "#CUSTOM_FIELDS#{Confidence Score}": "97", "#CAMERA_NAME#": "Sharp 1",
              "#DATE_UTC#{dd/MM/yyyy}": "03/11/2026", "#TIME_UTC#{HH:mm:ss}": "13:05:38", "#CONTEXT_IMAGE#": "", "#GUID#": "a-1"}
    text = block("json", chapter)
    for name, value in values.items():
        assert text.count(name) == 1
        text = text.replace(name, value)
    read = test_engines.take("genetec", text.encode(), now_ms=1793711138000 + 5000)["reads"][0]
    assert test_engines.spellings(read) == {"QQ00QQ0": 0.97}
    assert (read["jurisdiction"], read["camera"], test_engines.seen(read), read["ids"]) == ("US-TX", "Sharp 1", 1793711138000, 1)
    assert readings.iso_ms("2026-11-03T13:05:38Z") == 1793711138000
