"""What tests of imports share: a client beside a gate that is none, and what stands on its list after a push."""
import contextlib
import os

import plates
from fake import Fake
from house import TOP

PROGRAM = os.environ.get("PLATESIEVE_BUILD", str(TOP / "build")) + "/platesieve"
ANA = "agency/customs/ana"


@contextlib.contextmanager
def faked(client):
    """A gate that CLIENT talks to, with the list `stolen`."""
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
