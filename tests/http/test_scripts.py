"""The scripts and the README: what can be said of them without running them."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from conftest import LONG
from house import TOP

PROGRAMS = Path(os.environ.get("PLATESIEVE_BUILD") or TOP / "build").resolve()


def scripts():
    """Every file of the checkout that begins as a shell script."""
    listed = [path for folder in ("deploy", "tests", ".ci") for path in (TOP / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [path for path in [TOP / "bootstrap", *listed] if re.match(rb"#!.*\b(sh|bash)\b", path.read_bytes()[:64])]


@pytest.mark.parametrize("path", scripts(), ids=lambda path: str(path.relative_to(TOP)))
def test_shellcheck(path):
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    text = path.read_text()
    assert re.search(r"^set -eu", text, re.M), "it goes on after an error"


def test_long_files_are_there():
    """Those that begin first, by name."""
    assert [name for name in LONG if not Path(__file__).with_name(f"test_{name}.py").exists()] == []


def test_readme_leads_somewhere():
    text = (TOP / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (TOP / target).exists(), target
    for folder in re.findall(r"^\| `([^`]+)/`", text, re.M):
        assert (TOP / folder).is_dir(), folder
    for command in set(re.findall(r"\b((?:deploy|tests)/[a-z]+)\b", text)):
        assert (TOP / command).exists(), command


def test_readme_by_hand():
    """The commands of "Use it by hand", as they stand there."""
    text = (TOP / "README.md").read_text()
    block = text[text.index("## Use it by hand"):text.index("## Build it by hand")]
    folder = tempfile.mkdtemp(prefix="platesieve-test-", dir="/tmp")
    script = "\n".join(line[4:] for line in block.splitlines() if line.startswith("    ")).replace("/tmp/mine", f"{folder}/mine")
    script = script.replace("platesieve hits", "sleep 2; platesieve hits")  # nobody types as fast as the spool drains
    assert script.count("platesieve") > 5
    try:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=TOP, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              env={**os.environ, "PLATESIEVE_BUILD": str(PROGRAMS)}, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert "QQ4IHX7" in done.stdout and "1 hits" in done.stderr and "case-1" in done.stdout
    finally:
        subprocess.run([str(TOP / "deploy/local"), "down", f"{folder}/mine", "--purge"], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def test_the_bench_tells_its_figures():
    """Its modules stand beside those of deploy/lib and tests/http, which must not have their names."""
    done = subprocess.run([str(TOP / "tests/bench/run"), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"  {name} " in done.stdout for name in ("check_single", "lane_read", "lane_engine", "lane_images", "list_push"))


def test_packages_are_known_names():
    done = subprocess.run([str(TOP / "deploy/packages"), "list", "build", "run", "test", "bench"], capture_output=True, text=True, check=False)
    names = done.stdout.split()
    assert done.returncode == 0 and len(names) == len(set(names)) > 20
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) for name in names)
    assert subprocess.run([str(TOP / "deploy/packages"), "install", "nonsense"], capture_output=True, check=False).returncode == 2


@pytest.mark.parametrize("program", ["platesieve", "platesieved", "platesieve-keyd"])
def test_programs_say_their_version_and_their_options(program):
    version = subprocess.run([PROGRAMS / program, "--version"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", version)
    assert "Usage:" in subprocess.run([PROGRAMS / program, "--help"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("folder, makefile", [("tests/http", "tests/local.mk"), ("deploy/lib", "deploy/local.mk")])
def test_the_tarball_has_all(folder, makefile):
    """`make dist` takes what is named."""
    named = set((TOP / makefile).read_text().split())
    there = {f"{folder}/{path.name}" for path in (TOP / folder).iterdir() if path.suffix in (".py", ".mjs")}
    assert there and there - named == set()


@pytest.mark.parametrize("script", ["schema/embed.awk", "client/alerts/embed.awk"])
def test_what_is_embedded_is_embedded_byte_for_byte(script, tmp_path):
    text = "a \\d \\\\ \\n \"quoted\" ??= & %s\n\n\\\n"
    path = tmp_path / "0001_made_up.sql"
    path.write_text(text)
    made = subprocess.run(["awk", "-f", TOP / script, path], capture_output=True, text=True, check=True).stdout
    strings = re.findall(r'^    "((?:[^"\\]|\\.)*)"$', made, re.M)
    assert re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], "".join(strings)) == text
