"""`platesieve token` against the shell lines of docs/protocol.md, against the worked example, and against the design written again in Python."""
import json
import os
import random
import re
import subprocess
from pathlib import Path

import pytest

import plates
from house import TOP

PROGRAM = Path(os.environ.get("PLATESIEVE_BUILD") or TOP / "build").resolve() / "platesieve"
KEY = bytes(range(32))
PROTOCOL = (TOP / "docs/protocol.md").read_text()
CHAPTER = PROTOCOL[PROTOCOL.index("## From plate to slot"):PROTOCOL.index("## The second suite")]


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("token") / "epoch.key"
    path.write_bytes(KEY)
    return path


def run(*argv, code=0, text=""):
    done = subprocess.run([str(PROGRAM), "token", *(os.fsencode(word) if isinstance(word, str) else word for word in argv)],
                          input=text.encode(), capture_output=True, check=False)
    assert done.returncode == code, (done.returncode, done.stderr)
    return done


def tokens(key_file, grade, plate, jurisdiction, *options, **more):
    return run("--epoch-key", str(key_file), "--grade", grade, *options, "--", plate, jurisdiction, **more).stdout.decode().split()


def expected(grade, plate, jurisdiction, side):
    return sorted(plates.prf(KEY, grade, *pair)[:16].hex() for pair in plates.texts(plate, jurisdiction, grade, side))


def shell(script, folder):
    """Runs SCRIPT with a plain POSIX shell and only the system's programs."""
    done = subprocess.run(["sh", "-eu", "-c", script], cwd=folder, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"})
    return done.stdout.split()


def test_shell_lines_of_the_documentation(tmp_path):
    """The documented lines run as they stand and print what the commands beside them print."""
    singles, near = re.findall(r"^```sh\n(.*?)^```", CHAPTER, re.S | re.M)
    key_file = tmp_path / "epoch.key"
    assert shell(singles, tmp_path) == [token for grade, jurisdiction in (("full", "US-TX"), ("plate", "US-TX"), ("similar", ""))
                                        for token in tokens(key_file, grade, "zz-oo 99q", jurisdiction)]
    assert key_file.read_bytes() == KEY
    functions = singles[:singles.index("token full")]
    assert shell(functions + near, tmp_path) == tokens(key_file, "near", "zz-oo 99q", "", "--side", "lane")


def test_worked_example(key_file):
    """Each value of the table in docs/protocol.md."""
    table = {name.strip(): re.findall(r"`([^`]*)`", values) for name, values in re.findall(r"^\| ([^|]+) \| (`.*`) \|$", CHAPTER, re.M)}
    full = plates.prf(KEY, "full", "US-TX", "ZZ0099Q")
    token, proof = full[:16], full[16:]
    tag = plates.tag(proof, "stolen", "customs")
    pepper = bytes(range(32, 64))
    assert table["canonical"] == [plates.canonical("zz-oo 99q")] and table["folded"] == [plates.folded("ZZ0099Q")]
    assert table["message, `full`"] == [plates.message("full", "US-TX", "ZZ0099Q").hex()]
    assert table["PRF"] == [full.hex()] and table["proof key"] == [proof.hex()]
    assert table["token, `full`"] == [token.hex()] == tokens(key_file, "full", "zz-oo 99q", "US-TX")
    assert table["token on the wire"] == [plates.text64(token)]
    assert table["key id"] == [plates.key_id(KEY).hex()]
    assert table["tag"] == [tag.hex()] and table["token and tag on the wire"] == [plates.text64(token + tag)]
    assert table["slot"] == [plates.hmac.digest(pepper, b"20261122T000000Z\0" + token, "sha256")[:16].hex()]
    for grade in ("plate", "similar"):
        assert table[f"token, `{grade}`"] == tokens(key_file, grade, "zz-oo 99q", "US-TX")
    for side in ("lane", "list"):
        texts = table[f"texts, `near`, {side}"]
        assert texts == sorted(plates.near("2200990", side))
        assert sorted(plates.prf(KEY, "near", "", text)[:16].hex() for text in texts) == tokens(key_file, "near", "zz-oo 99q", "", "--side", side)


@pytest.mark.parametrize("grade", plates.GRADES)
def test_equal_to_the_design_in_python(key_file, grade):
    """Made-up plates in many scripts; seeded."""
    source = random.Random(f"20261122 {grade}")
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZqdilzsbgo -.·\u00a0ＡＢ１２АВЕКМНОРСТУХавекδΑΒΕΖΗΙΚΜΝΟΡΤΥΧÉẞıﬁⅧ京\u0301\u200b"
    made = 0
    while made < 40:
        plate = "".join(source.choice(alphabet) for _ in range(source.randint(1, 14)))
        side = source.choice(("lane", "list"))
        form = plates.canonical(plate)
        if form and (grade != "near" or len(form) >= 4):
            assert tokens(key_file, grade, plate, "ca-on", "--side", side) == expected(grade, plate, "CA-ON", side), plate
            made += 1
        else:
            tokens(key_file, grade, plate, "ca-on", code=3)


def test_code_sets(key_file):
    for codes, code, iso in (("ncic", "NB", "US-NE"), ("usps", "nb", "CA-NB"), ("aamva", " NB ", "CA-NB"), ("ncic", "NE", "NL"), ("iso", "PR", "US-PR")):
        assert tokens(key_file, "full", "QQ00QQ0", code, "--codes", codes) == expected("full", "QQ00QQ0", iso, "lane")


def test_json(key_file):
    done = run("--json", "--epoch-key", str(key_file), "--grade", "near", "--side", "list", "QQ00QQ0", "")
    assert json.loads(done.stdout) == {"grade": "near", "tokens": expected("near", "QQ00QQ0", "", "list")}


def test_plate_from_standard_input(key_file):
    assert tokens(key_file, "plate", "-", "", text=" qq00-qq0\r\n") == expected("plate", "QQ00QQ0", "", "lane")
    tokens(key_file, "plate", "-", "", text="", code=3)
    tokens(key_file, "plate", "-", "", text="Q" + " " * 256, code=3)


@pytest.mark.parametrize("grade,plate,jurisdiction", [
    ("plate", "QQ00QQ0QQ00QQ", "US-TX"), ("plate", "", "US-TX"), ("plate", "--", "US-TX"), ("plate", b"QQ00\xc2", "US-TX"), ("plate", b"QQ00\xa0QQ0", "US-TX"),
    ("near", "QQ0", ""), ("full", "QQ00QQ0", ""), ("full", "QQ00QQ0", "US"), ("full", "QQ00QQ0", "ZZ"),
])
def test_no_such_grade(key_file, grade, plate, jurisdiction):
    """Exit code 3, a reason, no token, no echo."""
    done = run("--epoch-key", str(key_file), "--grade", grade, "--", plate, jurisdiction, code=3)
    assert done.stdout == b"" and done.stderr.startswith(b"platesieve: ") and b"QQ00" not in done.stderr


def test_jurisdiction_that_the_grade_does_not_use(key_file):
    """An unmapped code is the unknown jurisdiction: said, and no reason to fail below `full`."""
    done = run("--epoch-key", str(key_file), "--grade", "plate", "QQ00QQ0", "XX")
    assert done.stdout.decode().split() == expected("plate", "QQ00QQ0", "", "lane") and b"jurisdiction" in done.stderr


def test_usage(key_file):
    key = ("--epoch-key", str(key_file))
    for argv in (("QQ00QQ0", ""), (*key, "QQ00QQ0", ""), (*key, "--grade", "plate", "QQ00QQ0"), (*key, "--grade", "nearly", "QQ00QQ0", ""),
                 (*key, "--grade", "near", "--side", "gate", "QQ00QQ0", ""), (*key, "--grade", "full", "--codes", "fips", "QQ00QQ0", "48"),
                 (*key, "--grade", "plate", "QQ00QQ0", "", "more"), ("--grade", "plate", "QQ00QQ0", "")):
        done = run(*argv, code=2)
        assert done.stdout == b"" and b"QQ00" not in done.stderr


def test_key_file(tmp_path):
    path = tmp_path / "key"
    for size in (0, 31, 33, 64):
        path.write_bytes(bytes(size))
        assert b"32 raw bytes" in run("--epoch-key", str(path), "--grade", "plate", "QQ00QQ0", "", code=1).stderr
    run("--epoch-key", str(tmp_path / "absent"), "--grade", "plate", "QQ00QQ0", "", code=1)
    run("--epoch-key", str(tmp_path), "--grade", "plate", "QQ00QQ0", "", code=1)
