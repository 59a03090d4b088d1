-- Hits, and the sightings that make them.  A sighting is one match of one read with one entry; the first one begins a hit, those within
-- the cooldown raise its count.  The reads counted on stored hits add up to the sightings, always: both are written in one transaction.
--
-- Both tables are partitioned by the day (UTC) of seen_at, so that old days are dropped whole.  A unique key needs the partition
-- column: ids are hashes, and a retry names the same time.  No plate, no token, no slot.

CREATE TABLE hits (
    id           uuid NOT NULL,
    seen_at      timestamptz NOT NULL,              -- of its first sighting
    last_seen_at timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL,
    entry        bigint NOT NULL,                   -- key
    cursor       bigint NOT NULL,                   -- from agencies.hit_cursor
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
    PRIMARY KEY (id, seen_at)
) PARTITION BY RANGE (seen_at);
CREATE INDEX hits_cursor ON hits (agency, cursor);
CREATE INDEX hits_entry ON hits (entry, seen_at);

CREATE TABLE sightings (
    id      uuid NOT NULL,
    hit     uuid NOT NULL,                          -- that it counts on
    seen_at timestamptz NOT NULL,
    list    int NOT NULL,
    PRIMARY KEY (id, seen_at)
) PARTITION BY RANGE (seen_at);

ALTER TABLE hits ENABLE ROW LEVEL SECURITY;
ALTER TABLE hits FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON hits TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON hits FOR SELECT TO platesieve_agency USING (agency = current_setting('app.agency', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON hits TO platesieve_gate;
GRANT SELECT ON hits TO platesieve_agency;

ALTER TABLE sightings ENABLE ROW LEVEL SECURITY;
ALTER TABLE sightings FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON sightings TO platesieve_gate USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON sightings TO platesieve_gate;

-- Makes the partitions of one day, unless they stand.
CREATE FUNCTION day_prepare(day date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = platesieve, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
    parent text;
    name text;
BEGIN
    IF day IS NULL OR day < current_date - 400 OR day > current_date + 14 THEN
        RAISE EXCEPTION 'day out of range' USING ERRCODE = 'PS004';
    END IF;
    FOREACH parent IN ARRAY ARRAY['hits', 'sightings'] LOOP
        name := parent || to_char(day, '_YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtext('platesieve.days'));
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS) '
                       'WITH (fillfactor = %s, autovacuum_vacuum_scale_factor = 0.1)',
                       name, parent, CASE parent WHEN 'hits' THEN 80 ELSE 100 END);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name,
                       day::timestamptz, (day + 1)::timestamptz);
    END LOOP;
END $$;

-- Drops the partitions of one day that is over for every list: longer ago than the longest retention, and no hit of it left.
CREATE FUNCTION day_drop(day date)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = platesieve, pg_temp SET timezone = 'UTC' SET lock_timeout = '500ms' AS $$
DECLARE
    left_over boolean;
BEGIN
    IF day IS NULL OR day > current_date - 3 OR to_regclass('hits' || to_char(day, '_YYYYMMDD')) IS NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('platesieve.days'));
    -- the owner sees no rows of a table with forced security: the partition says how large it is instead
    EXECUTE format('SELECT pg_relation_size(%L) + pg_relation_size(%L) > 0', 'hits' || to_char(day, '_YYYYMMDD'),
                   'sightings' || to_char(day, '_YYYYMMDD')) INTO left_over;
    IF left_over THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I, %I', 'hits' || to_char(day, '_YYYYMMDD'), 'sightings' || to_char(day, '_YYYYMMDD'));
    RETURN true;
END $$;

-- The oldest day that has partitions.
CREATE FUNCTION day_oldest() RETURNS date LANGUAGE sql STABLE SET search_path = platesieve, pg_temp AS $$
    SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD'))
      FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'platesieve.hits'::regclass
$$;

-- Stores sightings (one row of each array is one).  One that is stored already changes nothing.  Returns how many could not be stored
-- because the database does not have their list (restored from an old backup).
--
-- The agencies' rows are locked first, in one order: whatever gates drain at the same time, one agency's hits are stored one after the
-- other, and its cursor never skips one that commits late.  For each sighting that is not stored yet, the hit that it counts on is, in this
-- order: the one it names; the one that the named one was merged into; one of the same entry and lane within the cooldown (begun at a gate
-- that did not know of this one's); a new one under the name it gave.  Raising a hit does not move the cursor.
CREATE FUNCTION sightings_store(ids uuid[], names uuid[], seen timestamptz[], entries bigint[], list_numbers int[], revisions int[],
                                ages int[], cooldowns int[], grades smallint[], candidates smallint[], verifies boolean[],
                                coverts boolean[], confidences real[], sites text[], lanes text[])
RETURNS int LANGUAGE plpgsql SET search_path = platesieve, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    s record;
    target uuid;
    target_seen timestamptz;
    whose text := '';
    young bigint := 0;
BEGIN
    PERFORM FROM agencies WHERE name IN (SELECT agency FROM lists WHERE number = ANY (list_numbers)) ORDER BY name FOR UPDATE;
    FOR s IN
        SELECT u.*, l.agency
          FROM unnest(ids, names, seen, entries, list_numbers, revisions, ages, cooldowns, grades, candidates, verifies, coverts,
                      confidences, sites, lanes) WITH ORDINALITY
               AS u (id, name, seen_at, entry, list, revision, age_s, cooldown_s, grade, candidate, verify, covert, confidence, site, lane, n)
          JOIN lists l ON l.number = u.list
         ORDER BY l.agency, u.n
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM sightings t WHERE t.id = s.id AND t.seen_at >= s.seen_at - interval '2 days'
                                                        AND t.seen_at <= s.seen_at + interval '2 days');
        IF s.agency <> whose THEN
            UPDATE agencies SET hit_cursor = young WHERE name = whose AND hit_cursor <> young;
            whose := s.agency;
            SELECT hit_cursor INTO STRICT young FROM agencies WHERE name = whose;
        END IF;
        SELECT h.id, h.seen_at INTO target, target_seen FROM hits h
         WHERE h.id = s.name AND h.seen_at >= s.seen_at - interval '2 days' AND h.seen_at <= s.seen_at + interval '2 days';
        IF target IS NULL AND s.name <> s.id THEN
            SELECT h.id, h.seen_at INTO target, target_seen FROM sightings t JOIN hits h ON h.id = t.hit
             WHERE t.id = s.name AND t.seen_at >= s.seen_at - interval '2 days' AND t.seen_at <= s.seen_at + interval '2 days'
               AND h.seen_at >= s.seen_at - interval '2 days' AND h.seen_at <= s.seen_at + interval '2 days';
        END IF;
        IF target IS NULL AND s.cooldown_s > 0 THEN
            SELECT h.id, h.seen_at INTO target, target_seen FROM hits h
             WHERE h.entry = s.entry AND h.list = s.list AND h.site = s.site AND h.lane = s.lane
               AND h.seen_at > s.seen_at - make_interval(secs => s.cooldown_s)
               AND h.seen_at < s.seen_at + make_interval(secs => s.cooldown_s)
             ORDER BY h.seen_at <= s.seen_at DESC, abs(extract(epoch FROM h.seen_at - s.seen_at)) LIMIT 1;
        END IF;
        IF target IS NULL THEN
            young := young + 1;
            target := s.name;
            INSERT INTO hits (id, seen_at, last_seen_at, recorded_at, entry, cursor, list, revision, age_s, count, confidence, grade,
                              candidate, verify, covert, agency, site, lane, reference)
            VALUES (s.name, s.seen_at, s.seen_at, clock_timestamp(), s.entry, young, s.list, s.revision, s.age_s, 1, s.confidence, s.grade,
                    s.candidate, s.verify, s.covert, s.agency, s.site, s.lane,
                    coalesce((SELECT e.reference FROM entries e WHERE e.list = s.list AND e.key = s.entry LIMIT 1), ''));
        ELSE
            UPDATE hits h SET count = h.count + 1, last_seen_at = greatest(h.last_seen_at, s.seen_at)
             WHERE h.id = target AND h.seen_at = target_seen;
        END IF;
        INSERT INTO sightings (id, hit, seen_at, list) VALUES (s.id, target, s.seen_at, s.list);
    END LOOP;
    UPDATE agencies SET hit_cursor = young WHERE name = whose AND hit_cursor <> young;
    RETURN (SELECT count(*) FROM unnest(list_numbers) AS u (list) WHERE NOT EXISTS (SELECT FROM lists WHERE number = u.list));
END $$;

-- Erases one bite of hits whose list's retention is over, and of what was seen on them; returns how many rows went.
CREATE FUNCTION expire() RETURNS bigint LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
DECLARE
    n bigint;
    m bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('platesieve.expire')) THEN
        RETURN 0;
    END IF;
    WITH old AS (
        SELECT h.id, h.seen_at FROM lists l
          JOIN hits h ON h.list = l.number AND h.seen_at < now() - make_interval(days => l.retention_days)
         WHERE h.seen_at < now() - make_interval(days => (SELECT min(retention_days) FROM lists)) LIMIT 2000
    )
    DELETE FROM hits h USING old WHERE h.id = old.id AND h.seen_at = old.seen_at;
    GET DIAGNOSTICS n = ROW_COUNT;
    WITH old AS (
        SELECT t.id, t.seen_at FROM lists l
          JOIN sightings t ON t.list = l.number AND t.seen_at < now() - make_interval(days => l.retention_days)
         WHERE t.seen_at < now() - make_interval(days => (SELECT min(retention_days) FROM lists)) LIMIT 2000
    )
    DELETE FROM sightings t USING old WHERE t.id = old.id AND t.seen_at = old.seen_at;
    GET DIAGNOSTICS m = ROW_COUNT;
    RETURN n + m;
END $$;

REVOKE ALL ON FUNCTION day_prepare(date), day_drop(date), day_oldest(), expire(),
    sightings_store(uuid[], uuid[], timestamptz[], bigint[], int[], int[], int[], int[], smallint[], smallint[], boolean[], boolean[],
                    real[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION day_prepare(date), day_drop(date), day_oldest(), expire(),
    sightings_store(uuid[], uuid[], timestamptz[], bigint[], int[], int[], int[], int[], smallint[], smallint[], boolean[], boolean[],
                    real[], text[], text[]) TO platesieve_gate;
