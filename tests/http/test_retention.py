"""Retention: what must be gone is unreadable from that moment on, then in no table at all, and what went is told in counts."""
import contextlib
import datetime
import json
import os
import threading
import time

from house import eventually

ANA, INES, OLGA = "agency/customs/ana", "auditor/ines", "operator/gate/olga"
DAY_S = 86400
TABLES = """SELECT c.oid::regclass, CASE c.relkind WHEN 't' THEN 'encode(t.chunk_data, ''hex'')' ELSE 't::text' END
              FROM pg_class c WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence <> 't' ORDER BY 1"""


@contextlib.contextmanager
def later(shifted, days):
    """What is started meanwhile believes that it is so many days later."""
    environment = shifted(days * DAY_S)
    os.environ.update(environment)
    try:
        yield
    finally:
        for name in environment:
            del os.environ[name]


def traces(house, ids):
    """Tables, partitions and catalogs of the whole database that hold one of IDS in a row, as a uuid or among bytes: {id: [table]}."""
    pattern = "|".join([*ids, *(one.replace("-", "") for one in ids)])
    found = {one: [] for one in ids}
    tables = house.sql(TABLES)
    assert len(tables) > 100
    for table, text in tables:
        for row, in house.sql(f"SELECT DISTINCT m[1] FROM {table} t, regexp_matches({text}, '({pattern})', 'g') AS m"):
            found[next(one for one in ids if row.replace("-", "") == one.replace("-", ""))].append(table)
    return found


def identifiers(house, name):
    """Ids of hits and sightings of a list."""
    of_list = f"WHERE list = (SELECT number FROM platesieve.lists WHERE id = '{name}')"
    rows = house.sql(f"SELECT id FROM platesieve.hits {of_list} UNION SELECT id FROM platesieve.sightings {of_list}")
    return sorted({row[0] for row in rows})


def readable(house):
    return {row[0] for row in house.cluster.psql("SELECT DISTINCT l.id FROM platesieve.hits h JOIN platesieve.lists l ON l.number = h.list",
                                                 user="platesieve_gate")}


def race_to_drop(house, day):
    """Two gates at once."""
    said = []
    threads = [threading.Thread(target=lambda: said.append(house.cluster.psql(f"SELECT platesieve.day_drop('{day}')", user="platesieve_gate")[0][0]))
               for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


def test_what_is_over_is_gone_everywhere(new_installation, shifted):
    house = new_installation()
    plates = {1: "QQ00QQ1", 2: "QQ00QQ2", 90: "QQ00QQ9"}
    names = {days: house.listed(plate, retention_days=days) for days, plate in plates.items()}
    for plate in plates.values():
        assert house.check(plate)["answer"] == "hit"
        assert house.check(plate)["answer"] == "hit"  # within the cooldown: a read more on the same hit
    hits = {days: house.wait_hits(1, name)[0] for days, name in names.items()}
    assert "a statement failed" not in (house.folder / "log/gate.log").read_text()  # their partitions are made on demand
    for name in names.values():
        eventually(lambda name=name: house.hits(name)[0]["count"] == 2)
    today = datetime.date.fromisoformat(house.one("SELECT current_date"))
    ids = {days: identifiers(house, name) for days, name in names.items()}
    assert all(len(some) == 2 for some in ids.values())
    house.sql("INSERT INTO platesieve.evidence (hit, drop_on, list, agency, piece, header, sha256, recipients, cms, uploaded_at)"
              " SELECT id, drop_on, list, agency, 1, decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), '{evidence/customs/1}', '\\x00', now()"
              f" FROM platesieve.hits WHERE id IN ('{ids[1][0]}', '{ids[1][1]}')")

    # three days later: nobody has dropped anything yet, and nobody can read what is over
    house.stop(("gate", "db"))
    house.forget_connections()
    due = {days: str(today + datetime.timedelta(days=days + 1)) for days in plates}
    with later(shifted, 3):
        house.start(("db",))
    assert readable(house) == {names[90]}
    assert house.one("SELECT count(*) FROM platesieve.hits") == "3"
    assert race_to_drop(house, due[1]) == ["f", "t"]
    assert house.sql("SELECT what, rows FROM platesieve.dropped ORDER BY 1") == [["evidence", "1"], ["hits", "1"], ["sightings", "2"]]

    # a gate whose clock is late drops nothing; what is over is unreadable and told as overdue
    house.start(("gate",), ready=False)
    time.sleep(7)
    report = house.get("/v1/retention", ANA, params={"from": str(today), "to": due[90]}).json()
    assert [(one["day"], one["list"], one["hits"], one["reads"], one["evidence"], one["other"]) for one in report["dropped"]] == \
        [(due[1], names[1], 1, 2, 1, 0)]
    assert due[2] in report["overdue"] and report["next"] is None
    assert [hit["list"] for hit in house.hits()] == [names[90]]
    assert house.get(f"/v1/hits/{hits[2]['hit']}", ANA).status_code == 404
    said = house.platesieve("--as", ANA, "report", "retention", "--from", today, "--to", due[90]).stdout
    assert names[1] in said and f"OVERDUE: what had to be gone on {due[2]}" in said
    house.stop(("gate", "db"))
    house.forget_connections()

    # the database is away at midnight, and comes back
    with later(shifted, 3):
        house.daemons["gate"].start(wait=False)
        time.sleep(1)
        house.start(("db",))
    eventually(lambda: house.one("SELECT count(*) FROM platesieve.dropped WHERE what = 'hits'") == "2", 30)
    told = eventually(lambda: (lambda answer: answer.json() if answer.status_code == 200 else None)(house.get("/v1/retention", INES)), 30)
    assert [(one["list"], one["day"]) for one in told["dropped"]] == [(names[1], due[1]), (names[2], due[2])] and told["overdue"] == []
    assert [hit["list"] for hit in house.hits()] == [names[90]]

    # it is in no table; a control: what is kept is found
    found = traces(house, ids[1] + ids[2] + ids[90])
    assert all(found[one] == [] for one in ids[1] + ids[2]), found
    assert all(found[one] for one in ids[90])
    assert house.sql("SELECT relname FROM pg_class WHERE relname ~ '_until_[0-9]{8}$' AND right(relname, 8) <= to_char(current_date, 'YYYYMMDD')") == []

    # a covert list is not told to operators
    assert len(house.get("/v1/retention", OLGA).json()["dropped"]) == 2
    house.sql(f"UPDATE platesieve.lists SET covert = true, ends_at = now() + interval '9 days' WHERE id = '{names[2]}'")
    assert [one["list"] for one in house.get("/v1/retention", OLGA).json()["dropped"]] == [names[1]]
    assert len(house.get("/v1/retention", INES).json()["dropped"]) == 2
    lines = house.platesieve("--json", "--as", INES, "report", "retention", "--from", due[2], "--to", due[2]).stdout.splitlines()
    assert [one["list"] for one in json.loads(lines[0])["dropped"]] == [names[2]]
    assert house.get("/v1/retention", "agency/marshals/ben").json()["dropped"] == []
