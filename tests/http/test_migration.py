"""What an older schema held is there after `platesieved migrate`."""
import hashlib
import json
import uuid

from house import TOP

OLD = ["0001_lists.sql", "0002_hits.sql", "0003_epoch_end.sql"]


def old_schema(house):
    """A database as the first release left it."""
    house.cluster.start()
    house.cluster.psql(file=TOP / "schema/roles.sql", database="postgres")
    house.cluster.database()
    script = ["CREATE SCHEMA platesieve", "SET search_path = platesieve",
              "CREATE TABLE migrations (version int PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"]
    for number, name in enumerate(OLD, 1):
        text = (TOP / "schema" / name).read_text()
        script += [text, f"INSERT INTO migrations VALUES ({number}, '{name}', '\\x{hashlib.sha256(text.encode()).hexdigest()}')"]
    house.cluster.psql(";\n".join(script), user="platesieve_owner")


def store(house, number, days_ago, hit=None, hours=0):
    """One sighting of list NUMBER, under a new id or counting on HIT; returns its id."""
    name = uuid.uuid4()
    house.cluster.psql(f"""SELECT platesieve.day_prepare((now() - interval '{days_ago} days')::date);
        SELECT platesieve.sightings_store(ARRAY['{name}'::uuid], ARRAY['{hit or name}'::uuid], ARRAY[now() - interval '{days_ago} days {hours} hours'],
        ARRAY[1::bigint], ARRAY[{number}], ARRAY[1], ARRAY[1], ARRAY[0], ARRAY[1::smallint], ARRAY[0::smallint], ARRAY[false], ARRAY[false],
        ARRAY[0.5::real], ARRAY['north'], ARRAY['1'])""", user="platesieve_gate")
    return name


def test_hits_move_to_their_days(new_installation):
    """Hits by the day on which they were seen go to the day on which they must be gone; the agency's pages show the same as before."""
    house = new_installation(start=False)
    house.cluster.make()
    house.save()
    old_schema(house)
    house.sql("INSERT INTO platesieve.agencies VALUES ('customs', 0)")
    short, long = (int(house.sql(
        "INSERT INTO platesieve.lists (agency, id, category, instruction, sites, priority, grade, covert, cooldown_s, retention_days, age_limit_s,"
        f" cap_tokens, version, created_by) VALUES ('customs', '{name}', 'x', '', '{{}}', 1, 1, false, 300, {days}, 1, 1, 1, 'x') RETURNING number")[0][0])
        for name, days in (("short", 2), ("long", 90)))
    kept = [store(house, long, 80), store(house, short, 0), store(house, long, 1)]
    store(house, long, 1, hit=kept[2], hours=1)
    gone = store(house, short, 40)
    assert house.one("SELECT count(*) FROM platesieve.hits") == "4"
    columns = "id, hit, seen_at, list"
    before = house.sql(f"SELECT {columns} FROM platesieve.sightings WHERE hit <> '{gone}' ORDER BY 1")
    rows = house.sql(f"SELECT to_jsonb(h) FROM platesieve.hits h WHERE id <> '{gone}' ORDER BY cursor")

    house.stop(("db",))
    (house.folder / "db/made").write_text("platesieve\n")
    house.start()
    assert house.sql(f"SELECT {columns} FROM platesieve.sightings ORDER BY 1") == before and len(before) == 4
    moved = house.sql("SELECT to_jsonb(h) - 'drop_on' FROM platesieve.hits h ORDER BY cursor")
    before_rows = [json.loads(row[0]) for row in rows]
    assert [{name: value for name, value in json.loads(row[0]).items() if name in before_rows[0]} for row in moved] == before_rows
    days = house.sql("SELECT h.drop_on - (h.seen_at AT TIME ZONE 'UTC')::date - l.retention_days FROM platesieve.hits h"
                     " JOIN platesieve.lists l ON l.number = h.list")
    assert days == [["1"]] * 3
    assert house.one("SELECT count(*) FROM platesieve.sightings s JOIN platesieve.hits h ON h.id = s.hit AND h.drop_on = s.drop_on") == "4"
    assert house.sql("SELECT relname FROM pg_class WHERE relname ~ '(by_seen|^(hits|sightings)_[0-9])'") == []
    assert [hit["count"] for hit in house.hits()] == [1, 1, 2]
