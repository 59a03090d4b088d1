"""What `make install` gives a reader vendor: library, headers and pkg-config file, and nothing else by name."""
import os
import re
import subprocess
from pathlib import Path

import pytest

import plates
from house import TOP

BUILD = Path(os.environ.get("PLATESIEVE_BUILD") or TOP / "build").resolve()
PROGRAM = r"""
#include <platesieve/platesieve.h>
#include <stdio.h>

int main(void)
{
    struct platesieve_plate plate;
    struct platesieve_jurisdiction texas;
    struct platesieve_message message;
    struct platesieve_token token;
    struct platesieve_prf *prf;
    const uint8_t key[PLATESIEVE_KEY_BYTES] = { 1 };
    size_t count;

    if (platesieve_failed(platesieve_init()) || platesieve_failed(platesieve_plate_canonicalise("zz-oo 99q", 9, &plate)) ||
        platesieve_failed(platesieve_jurisdiction_map(PLATESIEVE_CODES_USPS, "TX", 2, &texas)) ||
        platesieve_failed(platesieve_messages(&plate, &texas, PLATESIEVE_FULL, PLATESIEVE_SIDE_LANE, &message, &count)) ||
        platesieve_failed(platesieve_prf_create(PLATESIEVE_HMAC_SHA256, key, &prf)) ||
        platesieve_failed(platesieve_prf_evaluate(prf, &message, count, &token)))
        return 1;
    for (size_t i = 0; i < sizeof token.token; i++)
        printf("%02x", token.token[i]);
    platesieve_prf_destroy(prf);
    return 0;
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The library's part of an installation, under a folder of its own."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(["make", "-C", str(BUILD), "install-libLTLIBRARIES", "install-pkgincludeHEADERS", "install-pkgconfigDATA", f"DESTDIR={folder}"],
                   check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return folder


def pkg_config(folder, *options):
    found = next(folder.rglob("libplatesieve.pc"))
    environment = {**os.environ, "PKG_CONFIG_PATH": str(found.parent), "PKG_CONFIG_SYSROOT_DIR": str(folder)}
    done = subprocess.run(["pkg-config", *options, "libplatesieve"], capture_output=True, text=True, check=True, env=environment)
    return done.stdout.split()


def is_sanitized():
    return "#define PLATESIEVE_SANITIZER 1" in (BUILD / "config.h").read_text()


@pytest.mark.parametrize("compiler", [("cc", "-std=c17", "-pedantic"), ("cc", "-std=gnu17"), ("c++", "-x", "c++")], ids=" ".join)
def test_a_stranger_compiles_against_it(installed, tmp_path, compiler):
    if is_sanitized():
        pytest.skip("a library with sanitizers wants their runtime in the program")
    (tmp_path / "program.c").write_text(PROGRAM)
    subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", "program.c", "-o", "program", *pkg_config(installed, "--cflags", "--libs")],
                   cwd=tmp_path, check=True)
    library = next(installed.rglob("libplatesieve.so")).parent
    done = subprocess.run(["./program"], cwd=tmp_path, capture_output=True, text=True, check=True, env={**os.environ, "LD_LIBRARY_PATH": str(library)})
    assert done.stdout == plates.prf(b"\1" + bytes(31), "full", "US-TX", "ZZ0099Q")[:16].hex()


def test_symbols_are_those_of_the_header(installed):
    """All functions of the headers are there, and no other name."""
    header = "".join(path.read_text() for path in installed.rglob("include/platesieve/*.h"))
    declared = set(re.findall(r"PLATESIEVE_API[^;(]*?(platesieve_\w+)\(", header))
    listed = subprocess.run(["nm", "-D", "--defined-only", str(next(installed.rglob("libplatesieve.so")))], capture_output=True, text=True, check=True)
    shown = {line.split()[2].split("@")[0] for line in listed.stdout.splitlines() if line.split()[1] != "A"}
    assert len(declared) > 25 and shown == declared


def test_the_static_library_is_there(installed):
    assert next(installed.rglob("libplatesieve.a")).stat().st_size > 0
    assert {"-lsodium", "-lnettle", "-lutf8proc"} <= set(pkg_config(installed, "--static", "--libs"))
