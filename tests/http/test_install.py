"""What `make install` gives a reader vendor: library, headers and pkg-config file, and nothing else by name."""
import os
import re
import subprocess
from pathlib import Path

import pytest

import installed_tree
import plates
from house import TOP
from installed_tree import pkg_config

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


@pytest.fixture(scope="module", name="installed")
def make_installed(tmp_path_factory):
    """The libraries' part of an installation, under a folder of its own."""
    return installed_tree.install(tmp_path_factory.mktemp("installed"))


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


def declared_in(installed, *headers):
    text = "".join((next(installed.rglob("include/platesieve")) / header).read_text() for header in headers)
    return set(re.findall(r"PLATESIEVE_API[^;(]*?(platesieve_\w+)\(", text))


def shown_by(library):
    listed = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True)
    return {line.split()[2].split("@")[0] for line in listed.stdout.splitlines() if line.split()[1] != "A"}


def test_symbols_are_those_of_the_headers(installed):
    """All functions of the headers are there, and no other name."""
    declared = declared_in(installed, "platesieve.h", "voprf.h", "limits.h")
    assert len(declared) > 25 and shown_by(next(installed.rglob("libplatesieve.so"))) == declared
    assert shown_by(next(installed.rglob("libplatesieve-client.so"))) == declared_in(installed, "client.h")


def test_the_static_library_takes_no_names(installed):
    """A program that links it may have a function called say()."""
    listed = subprocess.run(["nm", "-g", "--defined-only", str(next(installed.rglob("libplatesieve-client.a")))], capture_output=True, text=True, check=True)
    names = {line.split()[2] for line in listed.stdout.splitlines() if len(line.split()) == 3}
    assert declared_in(installed, "client.h") <= names
    assert {name for name in names if not name.startswith(("platesieve_client_", "pscl_"))} == set(), "to be added to client/library/names.h"


def test_the_static_libraries_are_there(installed):
    assert next(installed.rglob("libplatesieve.a")).stat().st_size > 0
    assert {"-lsodium", "-lnettle", "-lutf8proc"} <= set(pkg_config(installed, "--static", "--libs"))
    assert {"-lplatesieve", "-lplatesieve-client", "-lcurl", "-ljansson", "-lssl", "-lcrypto"} <= set(
        pkg_config(installed, "--static", "--libs", name="libplatesieve-client"))


CLIENT = r"""
#include <platesieve/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char heard[4096];

static void say(void *context, const char *line)
{
    (void)context;
    strncat(heard, line, sizeof heard - strlen(heard) - 1);
}

/* Settings that can't be: nothing but the caller's ear hears of it. */
int main(void)
{
    struct platesieve_client_settings settings;
    struct platesieve_client_state state;
    struct platesieve_client *client = NULL;
    enum platesieve_reason reasons[3];

    memset(&settings, 0, sizeof settings);
    reasons[0] = platesieve_client_open(&settings, &client).reason; /* no size */
    settings.size = sizeof settings;
    settings.say = say;
    reasons[1] = platesieve_client_open(&settings, &client).reason;
    settings.gates = "http://example.org";
    settings.keys = "https://example.org";
    settings.certificate = settings.key = settings.ca = "/dev/null";
    reasons[2] = platesieve_client_open(&settings, &client).reason;
    platesieve_client_close(client);
    platesieve_client_renewed(client); /* nothing was opened: these do nothing */
    platesieve_client_read_id(NULL);
    platesieve_client_look(client, NULL);
    memset(&state, 1, sizeof state);
    platesieve_client_look(client, &state);
    if (state.ready || state.gates != 0 || platesieve_client_wait(client, 10) != PLATESIEVE_CLIENT_FAILED) return EXIT_FAILURE;
    return reasons[0] == PLATESIEVE_BAD_ARGUMENT && reasons[1] == PLATESIEVE_BAD_ARGUMENT && reasons[2] == PLATESIEVE_BAD_ARGUMENT &&
           client == NULL && strlen(heard) > 20 ? EXIT_SUCCESS : EXIT_FAILURE;
}
"""


@pytest.mark.parametrize("compiler", [("cc", "-std=c17", "-pedantic"), ("c++", "-x", "c++")], ids=" ".join)
@pytest.mark.parametrize("link", ["shared", "static"])
def test_a_stranger_compiles_against_the_client(installed, tmp_path, compiler, link):
    if is_sanitized():
        pytest.skip("a library with sanitizers wants their runtime in the program")
    (tmp_path / "program.c").write_text(CLIENT)
    flags = pkg_config(installed, "--cflags", "--libs", name="libplatesieve-client")
    if link == "static":  # ours; the libraries beneath stay shared
        flags = pkg_config(installed, "--cflags", name="libplatesieve-client")
        flags += ["-x", "none", *(str(next(installed.rglob(f"lib{name}.a"))) for name in ("platesieve-client", "platesieve"))]
        for name in ("libplatesieve-client", "libplatesieve"):
            described = next(installed.rglob(f"{name}.pc")).read_text()
            flags += subprocess.run(["pkg-config", "--libs", *re.search(r"^Requires\.private: (.*)$", described, re.M)[1].split()],
                                    capture_output=True, text=True, check=True).stdout.split()
            flags += re.search(r"^Libs\.private:(.*)$", described, re.M)[1].split()
    subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", "program.c", "-o", "program", *flags], cwd=tmp_path, check=True)
    library = next(installed.rglob("libplatesieve.so")).parent
    done = subprocess.run(["./program"], cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "LD_LIBRARY_PATH": str(library)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def variable(name):
    """Of the build's Makefile, expanded."""
    done = subprocess.run(["make", "-s", "-C", str(BUILD), "--eval", f"say-it: ; @echo $({name})", "say-it"], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL)
    return done.stdout.strip()


def test_a_lane_has_its_unit_and_an_example(tmp_path):
    """Where systemd looks, with the command's own path; and what the manual copies."""
    subprocess.run(["make", "-C", str(BUILD), "install-systemdsystemunitDATA", "install-dist_docDATA", f"DESTDIR={tmp_path}"], check=True, capture_output=True,
                   stdin=subprocess.DEVNULL)
    unit = (tmp_path / variable("systemdsystemunitdir").lstrip("/") / "platesieve-lane@.service").read_text()
    assert re.findall("^ExecStart=.*", unit, re.M) == [f"ExecStart={variable('bindir')}/platesieve lane --config /etc/platesieve/lane/%i.conf"]
    assert "@bindir@" not in unit
    example = tmp_path / variable("docdir").lstrip("/") / "lane.conf.example"
    assert example.read_text() == (TOP / "deploy/systemd/lane.conf.example").read_text()
    assert "lane.conf.example /etc/platesieve/lane/" in (example.parent / "operations.md").read_text()
