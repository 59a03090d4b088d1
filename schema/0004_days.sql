-- Hits by the day on which they must be gone.  Until now hits and sightings lay by the day on which they were seen, and were erased row by
-- row, which leaves dead rows behind.  From now on each carries `drop_on`, the day (UTC) at whose beginning it must be gone, is partitioned
-- by it, and goes with its partition: for every list on time, whatever retentions the others have.
--
--   drop_on = UTC day on which the hit's first read was seen + the list's retention on that day + 1
--
-- A sighting, and whatever else hangs on a hit, carries the hit's drop_on, and so goes with it, from every table, in one transaction.
-- Tables that do are named in day_tables: they have the columns `drop_on date` (the partition key) and `list int`, and day_prepare() and
-- day_drop() make and drop their partitions.  A later migration adds one by day_table_add().

-- What day it is.  statement_timestamp(), so that a long transaction sees midnight pass; stable, so that partitions are pruned by it.
CREATE FUNCTION utc_today() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE RETURN (statement_timestamp() AT TIME ZONE 'UTC')::date;

-- The retention that a list had on a day.  A change counts from the next day (UTC) on, or from the one after when that is near enough for
-- a fast clock to have seen it already: so one list and one day of a read always give the same drop_on, and a retry is looked for where it was stored.
CREATE TABLE retentions (
    list  int NOT NULL REFERENCES lists ON DELETE CASCADE,
    since date NOT NULL,
    days  int NOT NULL,
    PRIMARY KEY (list, since)
);
ALTER TABLE retentions ENABLE ROW LEVEL SECURITY;
ALTER TABLE retentions FORCE ROW LEVEL SECURITY;
CREATE POLICY keeper ON retentions TO platesieve_owner USING (true) WITH CHECK (true);
CREATE POLICY gate ON retentions FOR SELECT TO platesieve_gate USING (true);
GRANT SELECT ON retentions TO platesieve_gate;

CREATE FUNCTION retention_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = platesieve, pg_temp AS $$
DECLARE
    from_day date := '-infinity';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        from_day := ((clock_timestamp() + interval '1 hour') AT TIME ZONE 'UTC')::date + 1;
    END IF;
    INSERT INTO retentions VALUES (NEW.number, from_day, NEW.retention_days) ON CONFLICT (list, since) DO UPDATE SET days = excluded.days;
    RETURN NULL;
END $$;
CREATE TRIGGER retention_first AFTER INSERT ON lists FOR EACH ROW EXECUTE FUNCTION retention_note();
CREATE TRIGGER retention_next AFTER UPDATE OF retention_days ON lists FOR EACH ROW
    WHEN (OLD.retention_days IS DISTINCT FROM NEW.retention_days) EXECUTE FUNCTION retention_note();

ALTER TABLE lists NO FORCE ROW LEVEL SECURITY;
INSERT INTO retentions SELECT number, '-infinity', retention_days FROM lists;
ALTER TABLE lists FORCE ROW LEVEL SECURITY;

-- The day at whose beginning what was read for a list on SEEN_DAY must be gone; null for a list that is not there.
CREATE FUNCTION drop_day(list_number int, seen_day date) RETURNS date LANGUAGE sql STABLE
RETURN (SELECT seen_day + r.days + 1 FROM retentions r WHERE r.list = list_number AND r.since <= seen_day ORDER BY r.since DESC LIMIT 1);

-- -- the tables -----------------------------------------------------------------------------------------------------------------------------

DROP FUNCTION day_prepare(date), day_drop(date), day_oldest(), expire();
DROP FUNCTION sightings_store(uuid[], uuid[], timestamptz[], bigint[], int[], int[], int[], int[], smallint[], smallint[], boolean[], boolean[],
                              real[], text[], text[]);
DROP INDEX hits_cursor, hits_entry;
ALTER TABLE hits RENAME TO hits_by_seen;
ALTER TABLE sightings RENAME TO sightings_by_seen;
ALTER INDEX hits_pkey RENAME TO hits_by_seen_pkey;
ALTER INDEX sightings_pkey RENAME TO sightings_by_seen_pkey;

CREATE TABLE hits (
    id           uuid NOT NULL,
    seen_at      timestamptz NOT NULL,              -- of its first sighting
    last_seen_at timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL,
    entry        bigint NOT NULL,                   -- key
    cursor       bigint NOT NULL,                   -- from agencies.hit_cursor
    drop_on      date NOT NULL,
    list         int NOT NULL,
    revision     int NOT NULL,
    age_s        int NOT NULL,
    count        int NOT NULL,
    confidence   real NOT NULL,
    grade        smallint NOT NULL,
    candidate    smallint NOT NULL,
    verify       boolean NOT NULL,
    covert       boolean NOT NULL,
    agency       text NOT NULL,
    site         text NOT NULL,
    lane         text NOT NULL,
    reference    text NOT NULL,
    PRIMARY KEY (id, drop_on)
) PARTITION BY RANGE (drop_on);
CREATE INDEX hits_cursor ON hits (agency, cursor);
CREATE INDEX hits_entry ON hits (agency, entry, seen_at);

CREATE TABLE sightings (
    id      uuid NOT NULL,
    hit     uuid NOT NULL,                          -- that it counts on
    seen_at timestamptz NOT NULL,
    drop_on date NOT NULL,                          -- the hit's
    list    int NOT NULL,
    PRIMARY KEY (id, drop_on)
) PARTITION BY RANGE (drop_on);

-- What passes its retention can't be read from that moment on, by anybody, even when the partition is dropped late.  The owner counts what
-- it drops.
ALTER TABLE hits ENABLE ROW LEVEL SECURITY;
ALTER TABLE hits FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON hits TO platesieve_gate USING (drop_on > utc_today()) WITH CHECK (drop_on > utc_today());
CREATE POLICY own ON hits FOR SELECT TO platesieve_agency
    USING (agency = current_setting('app.agency', true) AND drop_on > utc_today());
CREATE POLICY keeper ON hits FOR SELECT TO platesieve_owner USING (true);
GRANT SELECT, INSERT, UPDATE ON hits TO platesieve_gate;
GRANT SELECT ON hits TO platesieve_agency;

ALTER TABLE sightings ENABLE ROW LEVEL SECURITY;
ALTER TABLE sightings FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON sightings TO platesieve_gate USING (drop_on > utc_today()) WITH CHECK (drop_on > utc_today());
CREATE POLICY keeper ON sightings FOR SELECT TO platesieve_owner USING (true);
GRANT SELECT, INSERT ON sightings TO platesieve_gate;

-- -- days -------------------------------------------------------------------------------------------------------------------------------------

CREATE TABLE day_tables (
    place int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,   -- in this order they are locked
    name  text NOT NULL UNIQUE CHECK (name ~ '^[a-z_]{1,40}$'),
    fill  int NOT NULL CHECK (fill BETWEEN 10 AND 100)    -- fillfactor: below 100 where rows are changed in place
);
INSERT INTO day_tables (name, fill) VALUES ('sightings', 100), ('hits', 80);

-- Where an agency's feed lies: which of its cursors hits under a day have.  So a page of the feed, which is in the order of cursors, is looked
-- for in the few partitions that can hold it, not in all of them; and the first cursor there is after another one is told without any.
CREATE TABLE feed_days (
    agency  text NOT NULL REFERENCES agencies,
    drop_on date NOT NULL,
    first   bigint NOT NULL,
    last    bigint NOT NULL,
    PRIMARY KEY (agency, drop_on)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
ALTER TABLE feed_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_days FORCE ROW LEVEL SECURITY;
CREATE POLICY keeper ON feed_days TO platesieve_owner USING (true) WITH CHECK (true);
CREATE POLICY gate ON feed_days TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON feed_days FOR SELECT TO platesieve_agency
    USING (agency = current_setting('app.agency', true) AND drop_on > utc_today());
GRANT SELECT, INSERT, UPDATE ON feed_days TO platesieve_gate;
GRANT SELECT ON feed_days TO platesieve_agency;

-- Notes that these agencies have these cursors under these days.  The agencies' rows are locked by the caller.
CREATE FUNCTION feed_note(agencies text[], days date[], cursors bigint[]) RETURNS void LANGUAGE sql SET search_path = platesieve, pg_temp AS $$
    INSERT INTO feed_days SELECT u.agency, u.day, min(u.cursor), max(u.cursor) FROM unnest(agencies, days, cursors) AS u (agency, day, cursor) GROUP BY 1, 2
    ON CONFLICT ON CONSTRAINT feed_days_pkey DO UPDATE SET first = least(feed_days.first, excluded.first), last = greatest(feed_days.last, excluded.last)
$$;

-- What was dropped: counts.  Nothing here says which hit, whose entry or where.
CREATE TABLE dropped (
    day        date NOT NULL,                       -- drop_on of all of it
    list       int NOT NULL REFERENCES lists,
    what       text NOT NULL,                       -- name of the table
    rows       bigint NOT NULL,
    dropped_at timestamptz NOT NULL,
    PRIMARY KEY (day, list, what)
);
CREATE INDEX dropped_list ON dropped (list, day);
ALTER TABLE dropped ENABLE ROW LEVEL SECURITY;
ALTER TABLE dropped FORCE ROW LEVEL SECURITY;
CREATE POLICY keeper ON dropped TO platesieve_owner USING (true) WITH CHECK (true);
CREATE POLICY own ON dropped FOR SELECT TO platesieve_agency USING (list IN (SELECT number FROM lists));
GRANT SELECT ON dropped TO platesieve_agency;

CREATE FUNCTION day_partition(parent text, day date) RETURNS text LANGUAGE sql IMMUTABLE
RETURN parent || '_until_' || to_char(day, 'YYYYMMDD');

-- Makes the partitions of what must be gone on DAY, unless they stand.  ATTACH takes a weaker lock than CREATE ... PARTITION OF: reads
-- and stores go on.
CREATE FUNCTION day_prepare(day date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = platesieve, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
    parent day_tables;
    name text;
BEGIN
    IF day IS NULL OR day <= utc_today() OR day > utc_today() + 3700 THEN
        RAISE EXCEPTION 'day out of range' USING ERRCODE = 'PS004';
    END IF;
    FOR parent IN SELECT * FROM day_tables ORDER BY place LOOP
        name := day_partition(parent.name, day);
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtext('platesieve.days'));
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE) '
                       'WITH (fillfactor = %s, autovacuum_vacuum_scale_factor = 0.1)', name, parent.name, parent.fill);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent.name, name, day, day + 1);
    END LOOP;
END $$;

-- The days that have partitions.
CREATE FUNCTION days_standing() RETURNS SETOF date LANGUAGE sql STABLE SET search_path = platesieve, pg_temp AS $$
    SELECT DISTINCT to_date(right(c.relname, 8), 'YYYYMMDD')
      FROM day_tables t
      JOIN pg_catalog.pg_inherits i ON i.inhparent = ('platesieve.' || t.name)::regclass
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
$$;

-- The days that reads of yesterday to a week ahead would need, of all lists, and that have no partition yet.
CREATE FUNCTION days_needed() RETURNS SETOF date LANGUAGE sql STABLE SET search_path = platesieve, pg_temp AS $$
    SELECT DISTINCT drop_day(l.number, utc_today() + ahead) FROM lists l, generate_series(-1, 7) AS ahead
     WHERE drop_day(l.number, utc_today() + ahead) > utc_today()
    EXCEPT SELECT days_standing()
    ORDER BY 1
$$;

-- Days that are over and still stand.
CREATE FUNCTION days_over() RETURNS SETOF date LANGUAGE sql STABLE SET search_path = platesieve, pg_temp AS $$
    SELECT day FROM days_standing() AS day WHERE day <= utc_today() ORDER BY 1
$$;

-- Drops what must be gone on DAY, from all tables at once, and notes how much that was.  False when there was nothing to drop, or
-- another gate is at it.  Gives up after half a second behind a long read or an unfinished store: the caller comes back.
CREATE FUNCTION day_drop(day date)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = platesieve, pg_temp SET timezone = 'UTC' SET lock_timeout = '500ms' AS $$
DECLARE
    parent text;
    parents text[] := ARRAY(SELECT t.name FROM day_tables t WHERE to_regclass(day_partition(t.name, day)) IS NOT NULL ORDER BY t.place);
BEGIN
    IF day IS NULL OR day > utc_today() THEN
        RAISE EXCEPTION 'day % is not over', day USING ERRCODE = 'PS003';
    END IF;
    IF cardinality(parents) = 0 OR NOT pg_try_advisory_xact_lock(hashtext('platesieve.days')) THEN
        RETURN false;
    END IF;
    FOREACH parent IN ARRAY parents LOOP    -- waits for stores that began before midnight; readers go on
        CONTINUE WHEN to_regclass(day_partition(parent, day)) IS NULL;
        EXECUTE format('LOCK TABLE %I IN SHARE MODE', day_partition(parent, day));
        EXECUTE format('INSERT INTO dropped SELECT drop_on, list, %L, count(*), clock_timestamp() FROM %I WHERE drop_on = %L GROUP BY drop_on, list '
                       'ON CONFLICT ON CONSTRAINT dropped_pkey DO UPDATE SET rows = dropped.rows + excluded.rows, dropped_at = excluded.dropped_at',
                       parent, parent, day);
    END LOOP;
    FOREACH parent IN ARRAY parents LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I', day_partition(parent, day));
    END LOOP;
    DELETE FROM feed_days WHERE drop_on <= day;
    RETURN true;
END $$;

-- For migrations: one more table that hangs on hits, with partitions for the days that stand.
CREATE FUNCTION day_table_add(parent text, fill int) RETURNS void LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
BEGIN
    INSERT INTO day_tables (name, fill) VALUES (parent, fill);
    PERFORM day_prepare(day) FROM days_standing() AS day WHERE day > utc_today();
END $$;

-- For storing (0012_sharing.sql).
CREATE TYPE hit_place AS (id uuid, drop_on date, seen_at timestamptz, entry bigint, list int, site text, lane text);
CREATE TYPE sighting_place AS (id uuid, hit uuid);

REVOKE ALL ON FUNCTION retention_note(), drop_day(int, date), day_partition(text, date), day_prepare(date), days_standing(), days_needed(),
    days_over(), day_drop(date), day_table_add(text, int), feed_note(text[], date[], bigint[]) FROM PUBLIC;
GRANT SELECT ON day_tables TO platesieve_gate;
GRANT EXECUTE ON FUNCTION drop_day(int, date), day_prepare(date), days_standing(), days_needed(), days_over(), day_drop(date),
    feed_note(text[], date[], bigint[]) TO platesieve_gate;

-- -- what was there -----------------------------------------------------------------------------------------------------------------------------
-- Moved over, but for what is past its retention.

ALTER TABLE hits_by_seen NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sightings_by_seen NO FORCE ROW LEVEL SECURITY;
ALTER TABLE hits NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sightings NO FORCE ROW LEVEL SECURITY;
SELECT day_prepare(day) FROM (SELECT DISTINCT drop_day(list, (seen_at AT TIME ZONE 'UTC')::date) AS day FROM hits_by_seen
                              UNION SELECT DISTINCT drop_day(list, (seen_at AT TIME ZONE 'UTC')::date) FROM sightings_by_seen) d WHERE day > utc_today();
INSERT INTO hits (id, seen_at, last_seen_at, recorded_at, entry, cursor, drop_on, list, revision, age_s, count, confidence, grade,
                  candidate, verify, covert, agency, site, lane, reference)
SELECT id, seen_at, last_seen_at, recorded_at, entry, cursor, d.drop_on, list, revision, age_s, count, confidence, grade,
       candidate, verify, covert, agency, site, lane, reference
  FROM hits_by_seen, LATERAL (SELECT drop_day(list, (seen_at AT TIME ZONE 'UTC')::date) AS drop_on) d WHERE d.drop_on > utc_today();
SELECT feed_note(array_agg(agency), array_agg(drop_on), array_agg(cursor)) FROM hits;
INSERT INTO sightings (id, hit, seen_at, drop_on, list)
SELECT t.id, t.hit, t.seen_at, d.drop_on, t.list
  FROM sightings_by_seen t LEFT JOIN hits_by_seen h ON h.id = t.hit,
       LATERAL (SELECT drop_day(t.list, (coalesce(h.seen_at, t.seen_at) AT TIME ZONE 'UTC')::date) AS drop_on) d WHERE d.drop_on > utc_today();
ALTER TABLE hits FORCE ROW LEVEL SECURITY;
ALTER TABLE sightings FORCE ROW LEVEL SECURITY;
DROP TABLE hits_by_seen, sightings_by_seen;
