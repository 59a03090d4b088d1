"""The scripts and the README: what can be said of them without running them."""
import re
import shutil
import subprocess

import pytest

from house import TOP


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


def test_readme_leads_somewhere():
    text = (TOP / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (TOP / target).exists(), target
    for folder in re.findall(r"^\| `([^`]+)/`", text, re.M):
        assert (TOP / folder).is_dir(), folder
    for command in set(re.findall(r"\b((?:deploy|tests)/[a-z]+)\b", text)):
        assert (TOP / command).exists(), command


def test_packages_are_known_names():
    done = subprocess.run([str(TOP / "deploy/packages"), "list", "build", "run", "test", "bench"], capture_output=True, text=True, check=False)
    names = done.stdout.split()
    assert done.returncode == 0 and len(names) == len(set(names)) > 20
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) for name in names)
    assert subprocess.run([str(TOP / "deploy/packages"), "install", "nonsense"], capture_output=True, check=False).returncode == 2
