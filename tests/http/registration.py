"""What the tests of registration share."""
import itertools
import os
import subprocess
import time

from installation import PROGRAMS, TRUST_DOMAIN
from wire import authority, make_certificate

ANA, READER, OLGA, KIM, INES = "agency/customs/ana", "reader/north/1", "operator/gate/olga", "operator/keys/kim", "auditor/ines"
# Profiles for lanes, and one for agencies.
QUOTAS = {f"{daemon}.quota {figure}": "1000000" for daemon in ("gate", "keys") for figure in ("busy.reads_a_day", "other.reads_a_day", "bulk.tokens")}
OPERATOR = {"gate": OLGA, "keys": KIM}
numbers = itertools.count(1)


def fresh(role="reader/fresh"):
    """A name that nobody has registered."""
    return f"{role}/{os.getpid()}-{next(numbers)}"


def stranger(house, name):
    """A good certificate for NAME, which is registered nowhere."""
    house.run("platesieve", "ca", "issue", "--pki", house.pki, name)
    return name


def forged(house, tmp_path, name):
    """The same for a name that the CA's command would not take."""
    folder = tmp_path / str(next(numbers))
    folder.mkdir()
    return make_certificate(folder, authority(house), [f"spiffe://{TRUST_DOMAIN}/{name}"])


def routes(house, server):
    told = subprocess.run([str(house.programs / PROGRAMS[server]), "--routes"], capture_output=True, text=True, check=True).stdout
    return [tuple(line.split()[:2]) for line in told.splitlines()]


def path_of(name):
    return f"/v1/identities/{name}"


def names(house, server):
    answer = house.get("/v1/identities", OPERATOR[server], server=server)
    assert answer.status_code == 200, answer.text
    return {one["name"]: one for one in answer.json()["identities"]}


def registry(house, server):
    return house.folder / f"registry/{server}.conf"


def command(house, server, *argv, code=0):
    """The daemon's own command, on its machine."""
    done = subprocess.run([str(house.programs / PROGRAMS[server]), argv[0], "--config", str(house.folder / f"etc/{server}.conf"), *argv[1:]],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def gone_within(wire, seconds=1.0):
    """Asks on until it is refused; the answer that refused it."""
    began = time.monotonic()
    while (answer := wire.ask("GET", "/livez"))[0] == 200:
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return answer
