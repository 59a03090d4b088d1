-- Verdicts: what an agency found when it looked at a hit, and what is counted of it.  A misread is erased at once: of the hit stays a stone
-- that says so (its id, its list, its agency, the day on which it goes, how often it was read), of its sightings what tells a retry
-- from a new read.  Counts stay: of a list by day, of an entry by lane.
--
-- All of this is written by platesieve_gate alone, through the functions below; an agency's role reads.
-- Locks are taken in this order: agencies by name, a hit, entry_verdicts, list_days.

ALTER TABLE hits
    ADD COLUMN verdict    smallint NOT NULL DEFAULT 0 CHECK (verdict BETWEEN 0 AND 4), -- none, confirmed, misread, wrong jurisdiction, stale entry
    ADD COLUMN verdict_at timestamptz,
    ADD COLUMN verdict_by text CHECK (octet_length(verdict_by) <= 128),
    ADD COLUMN action     text CHECK (octet_length(action) <= 16);

-- Repeats of a hit, to be found by it; the first sighting of a hit bears its id.
CREATE INDEX sightings_repeats ON sightings (hit) WHERE hit <> id;
GRANT UPDATE (seen_at) ON sightings TO platesieve_gate;

-- What a list's hits of one day (UTC, of seen_at) were.  Outlives them: counts, and nothing else.
CREATE TABLE list_days (
    list      int NOT NULL,
    day       date NOT NULL,
    grade     smallint NOT NULL,
    hits      bigint NOT NULL DEFAULT 0,
    reads     bigint NOT NULL DEFAULT 0,            -- that are counted on hits
    confirmed bigint NOT NULL DEFAULT 0,
    misread   bigint NOT NULL DEFAULT 0,
    wrong     bigint NOT NULL DEFAULT 0,            -- of another jurisdiction
    stale     bigint NOT NULL DEFAULT 0,            -- the entry should have been gone
    corrected bigint NOT NULL DEFAULT 0,            -- verdicts that took the place of another
    PRIMARY KEY (list, day, grade)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Verdicts on the hits of one entry at one lane.  A row ends when the last hit that it counts would have been dropped.
CREATE TABLE entry_verdicts (
    list      int NOT NULL,
    entry     bigint NOT NULL,                      -- key
    site      text NOT NULL,
    lane      text NOT NULL,
    confirmed int NOT NULL DEFAULT 0,
    misread   int NOT NULL DEFAULT 0,
    wrong     int NOT NULL DEFAULT 0,
    stale     int NOT NULL DEFAULT 0,
    ends_on   date NOT NULL,
    PRIMARY KEY (list, entry, site, lane)
) WITH (fillfactor = 80);
CREATE INDEX entry_verdicts_ends ON entry_verdicts (ends_on);

ALTER TABLE list_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE list_days FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON list_days TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON list_days FOR SELECT TO platesieve_agency
    USING (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON list_days TO platesieve_gate;
GRANT SELECT ON list_days TO platesieve_agency;

ALTER TABLE entry_verdicts ENABLE ROW LEVEL SECURITY;
ALTER TABLE entry_verdicts FORCE ROW LEVEL SECURITY;
CREATE POLICY gate ON entry_verdicts TO platesieve_gate USING (true) WITH CHECK (true);
CREATE POLICY own ON entry_verdicts FOR SELECT TO platesieve_agency
    USING (list IN (SELECT number FROM lists WHERE agency = current_setting('app.agency', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON entry_verdicts TO platesieve_gate;
GRANT SELECT ON entry_verdicts TO platesieve_agency;

-- Adds BY_N to the counts of a verdict: of its list's day, and of its entry at its lane.
CREATE FUNCTION verdict_count(its_list int, its_day date, its_grade smallint, its_entry bigint, its_site text, its_lane text, its_end date,
                              its_verdict smallint, by_n int)
RETURNS void LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
BEGIN
    INSERT INTO entry_verdicts AS v (list, entry, site, lane, confirmed, misread, wrong, stale, ends_on)
    VALUES (its_list, its_entry, its_site, its_lane, greatest(0, CASE its_verdict WHEN 1 THEN by_n ELSE 0 END),
            greatest(0, CASE its_verdict WHEN 2 THEN by_n ELSE 0 END), greatest(0, CASE its_verdict WHEN 3 THEN by_n ELSE 0 END),
            greatest(0, CASE its_verdict WHEN 4 THEN by_n ELSE 0 END), its_end)
    ON CONFLICT (list, entry, site, lane) DO UPDATE
       SET confirmed = greatest(0, v.confirmed + CASE its_verdict WHEN 1 THEN by_n ELSE 0 END),
           misread = greatest(0, v.misread + CASE its_verdict WHEN 2 THEN by_n ELSE 0 END),
           wrong = greatest(0, v.wrong + CASE its_verdict WHEN 3 THEN by_n ELSE 0 END),
           stale = greatest(0, v.stale + CASE its_verdict WHEN 4 THEN by_n ELSE 0 END),
           ends_on = greatest(v.ends_on, its_end);
    INSERT INTO list_days AS d (list, day, grade, confirmed, misread, wrong, stale, corrected)
    VALUES (its_list, its_day, its_grade, greatest(0, CASE its_verdict WHEN 1 THEN by_n ELSE 0 END),
            greatest(0, CASE its_verdict WHEN 2 THEN by_n ELSE 0 END), greatest(0, CASE its_verdict WHEN 3 THEN by_n ELSE 0 END),
            greatest(0, CASE its_verdict WHEN 4 THEN by_n ELSE 0 END), greatest(0, - by_n))
    ON CONFLICT (list, day, grade) DO UPDATE
       SET confirmed = greatest(0, d.confirmed + CASE its_verdict WHEN 1 THEN by_n ELSE 0 END),
           misread = greatest(0, d.misread + CASE its_verdict WHEN 2 THEN by_n ELSE 0 END),
           wrong = greatest(0, d.wrong + CASE its_verdict WHEN 3 THEN by_n ELSE 0 END),
           stale = greatest(0, d.stale + CASE its_verdict WHEN 4 THEN by_n ELSE 0 END),
           corrected = d.corrected + greatest(0, - by_n);
END $$;

-- Erases what a hit says; the stone stays until its day.  Times become the beginning of their day: a retry of the same read is still known.
-- The caller has locked the hit.
CREATE FUNCTION hit_erase(its_id uuid, its_drop_on date)
RETURNS void LANGUAGE plpgsql SET search_path = platesieve, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    hanging text;
BEGIN
    -- whatever else hangs on a hit, by its columns hit and drop_on: evidence, and what may come
    FOR hanging IN SELECT name FROM day_tables WHERE name NOT IN ('hits', 'sightings', 'shared_hits') ORDER BY place LOOP
        EXECUTE format('DELETE FROM %I WHERE hit = $1 AND drop_on = $2', hanging) USING its_id, its_drop_on;
    END LOOP;
    UPDATE sightings SET seen_at = date_trunc('day', seen_at) WHERE drop_on = its_drop_on AND (id = its_id OR hit = its_id AND hit <> id);
    UPDATE hits SET seen_at = date_trunc('day', seen_at), last_seen_at = date_trunc('day', seen_at), recorded_at = date_trunc('day', seen_at),
                    entry = 0, revision = 0, age_s = 0, confidence = 0, grade = 0, candidate = 0, verify = false, site = '', lane = '',
                    reference = ''
     WHERE id = its_id AND drop_on = its_drop_on;
END $$;

-- Gives a verdict.  0: done, or said so before; 1: the agency has no such hit; 2: it was erased.
CREATE FUNCTION hit_judge(its_agency text, who text, its_id uuid, its_verdict smallint, its_action text)
RETURNS int LANGUAGE plpgsql SET search_path = platesieve, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    h record;
BEGIN
    SELECT * INTO h FROM hits WHERE id = its_id AND agency = its_agency FOR UPDATE;
    IF NOT found THEN
        RETURN 1;
    END IF;
    IF h.verdict = 2 THEN
        RETURN CASE its_verdict WHEN 2 THEN 0 ELSE 2 END;
    END IF;
    IF h.verdict = its_verdict AND h.action = its_action THEN
        RETURN 0;
    END IF;
    IF h.verdict <> its_verdict THEN
        IF h.verdict <> 0 THEN
            PERFORM verdict_count(h.list, h.seen_at::date, h.grade, h.entry, h.site, h.lane, h.drop_on, h.verdict, -1);
        END IF;
        PERFORM verdict_count(h.list, h.seen_at::date, h.grade, h.entry, h.site, h.lane, h.drop_on, its_verdict, 1);
    END IF;
    UPDATE hits SET verdict = its_verdict, verdict_at = now(), verdict_by = who, action = its_action WHERE id = its_id AND drop_on = h.drop_on;
    IF its_verdict = 2 THEN
        PERFORM hit_erase(its_id, h.drop_on);
    END IF;
    RETURN 0;
END $$;

-- Erases counts that are over; returns how many rows went.
CREATE FUNCTION verdicts_tidy() RETURNS bigint LANGUAGE plpgsql SET search_path = platesieve, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    n bigint;
    m bigint;
BEGIN
    DELETE FROM entry_verdicts WHERE ends_on <= utc_today();
    GET DIAGNOSTICS n = ROW_COUNT;
    DELETE FROM list_days WHERE day < utc_today() - 1830;
    GET DIAGNOSTICS m = ROW_COUNT;
    RETURN n + m;
END $$;

-- sightings_store() of the days, which counts what it stores, and brings nothing back to a stone: a repeat of an erased hit raises its
-- count, and of the repeat stays the day.
CREATE OR REPLACE FUNCTION sightings_store(ids uuid[], names uuid[], seen timestamptz[], entries bigint[], list_numbers int[], revisions int[],
                                ages int[], cooldowns int[], grades smallint[], candidates smallint[], verifies boolean[],
                                coverts boolean[], confidences real[], sites text[], lanes text[], OUT unknown int, OUT late int)
LANGUAGE plpgsql SET search_path = platesieve, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    today date := utc_today();
    days date[];
    stored sighting_place[];
    places hit_place[];                             -- hits that were there, and hits begun here
    begun text[] := '{}';                           -- hits: agency, day, cursor
    begun_on date[] := '{}';
    begun_as bigint[] := '{}';
    raised uuid[] := '{}';                          -- hits: id, day, time of the read
    raised_on date[] := '{}';
    raised_at timestamptz[] := '{}';
    stones uuid[];                                  -- of those raised, the erased
    counted_lists int[] := '{}';                    -- what was stored, for list_days
    counted_days date[] := '{}';
    counted_grades smallint[] := '{}';
    counted_fresh int[] := '{}';
    s record;
    target hit_place;
    whose text := '';
    young bigint := 0;
BEGIN
    PERFORM FROM agencies WHERE name IN (SELECT agency FROM lists WHERE number = ANY (list_numbers)) ORDER BY name FOR UPDATE;
    days := ARRAY(SELECT DISTINCT drop_day(u.list, u.day + near)
                    FROM (SELECT DISTINCT v.list, (v.seen_at AT TIME ZONE 'UTC')::date AS day FROM unnest(list_numbers, seen) AS v (list, seen_at)) u,
                         generate_series(-2, 2) AS near
                   WHERE drop_day(u.list, u.day + near) > today);
    EXECUTE 'SELECT coalesce(array_agg((t.id, t.hit)::sighting_place), ''{}'') FROM sightings t WHERE t.drop_on = ANY ($1) AND t.id = ANY ($2)'
       INTO stored USING days, ids || names;
    EXECUTE 'SELECT coalesce(array_agg((h.id, h.drop_on, h.seen_at, h.entry, h.list, h.site, h.lane)::hit_place), ''{}'') FROM hits h'
            ' WHERE h.drop_on = ANY ($1) AND (h.id = ANY ($2) OR h.entry = ANY ($3) AND h.seen_at >= $4 AND h.seen_at <= $5)'
       INTO places
      USING days, names || ARRAY(SELECT hit FROM unnest(stored)), entries,
            (SELECT min(t) - make_interval(secs => (SELECT max(c) FROM unnest(cooldowns) AS c)) FROM unnest(seen) AS t),
            (SELECT max(t) + make_interval(secs => (SELECT max(c) FROM unnest(cooldowns) AS c)) FROM unnest(seen) AS t);
    late := 0;
    FOR s IN
        SELECT u.*, l.agency, drop_day(u.list, (u.seen_at AT TIME ZONE 'UTC')::date) AS drop_on
          FROM unnest(ids, names, seen, entries, list_numbers, revisions, ages, cooldowns, grades, candidates, verifies, coverts,
                      confidences, sites, lanes) WITH ORDINALITY
               AS u (id, name, seen_at, entry, list, revision, age_s, cooldown_s, grade, candidate, verify, covert, confidence, site, lane, n)
          JOIN lists l ON l.number = u.list
         ORDER BY l.agency, u.n
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM unnest(stored) AS t WHERE t.id = s.id);
        IF s.drop_on <= today THEN
            late := late + 1;
            CONTINUE;
        END IF;
        IF s.agency <> whose THEN
            UPDATE agencies SET hit_cursor = young WHERE name = whose AND hit_cursor <> young;
            whose := s.agency;
            SELECT hit_cursor INTO STRICT young FROM agencies WHERE name = whose;
        END IF;
        SELECT h.* INTO target FROM unnest(places) AS h WHERE h.id = s.name;
        IF target.id IS NULL AND s.name <> s.id THEN
            SELECT h.* INTO target FROM unnest(stored) AS t JOIN unnest(places) AS h ON h.id = t.hit WHERE t.id = s.name;
        END IF;
        IF target.id IS NULL AND s.cooldown_s > 0 THEN
            SELECT h.* INTO target FROM unnest(places) AS h
             WHERE h.entry = s.entry AND h.list = s.list AND h.site = s.site AND h.lane = s.lane
               AND h.seen_at > s.seen_at - make_interval(secs => s.cooldown_s)
               AND h.seen_at < s.seen_at + make_interval(secs => s.cooldown_s)
             ORDER BY h.seen_at <= s.seen_at DESC, abs(extract(epoch FROM h.seen_at - s.seen_at)) LIMIT 1;
        END IF;
        IF target.id IS NULL THEN
            young := young + 1;
            target := (s.name, s.drop_on, s.seen_at, s.entry, s.list, s.site, s.lane);
            INSERT INTO hits (id, seen_at, last_seen_at, recorded_at, entry, cursor, drop_on, list, revision, age_s, count, confidence, grade,
                              candidate, verify, covert, agency, site, lane, reference)
            VALUES (s.name, s.seen_at, s.seen_at, clock_timestamp(), s.entry, young, s.drop_on, s.list, s.revision, s.age_s, 1, s.confidence,
                    s.grade, s.candidate, s.verify, s.covert, s.agency, s.site, s.lane,
                    coalesce((SELECT e.reference FROM entries e WHERE e.list = s.list AND e.key = s.entry LIMIT 1), ''));
            places := array_append(places, target);
            counted_fresh := array_append(counted_fresh, 1);
            begun := array_append(begun, s.agency);
            begun_on := array_append(begun_on, s.drop_on);
            begun_as := array_append(begun_as, young);
        ELSE
            raised := array_append(raised, target.id);
            raised_on := array_append(raised_on, target.drop_on);
            raised_at := array_append(raised_at, s.seen_at);
            counted_fresh := array_append(counted_fresh, 0);
        END IF;
        INSERT INTO sightings (id, hit, seen_at, drop_on, list) VALUES (s.id, target.id, s.seen_at, target.drop_on, s.list);
        stored := array_append(stored, (s.id, target.id)::sighting_place);
        counted_lists := array_append(counted_lists, s.list);
        counted_days := array_append(counted_days, (s.seen_at AT TIME ZONE 'UTC')::date);
        counted_grades := array_append(counted_grades, s.grade);
    END LOOP;
    UPDATE agencies SET hit_cursor = young WHERE name = whose AND hit_cursor <> young;
    IF cardinality(begun) > 0 THEN
        PERFORM feed_note(begun, begun_on, begun_as);
    END IF;
    IF cardinality(raised) > 0 THEN
        EXECUTE 'WITH touched AS (UPDATE hits h SET count = h.count + r.reads,'
                '           last_seen_at = CASE h.verdict WHEN 2 THEN h.last_seen_at ELSE greatest(h.last_seen_at, r.last) END'
                '      FROM (SELECT id, drop_on, count(*) AS reads, max(seen_at) AS last FROM unnest($2, $3, $4) AS u (id, drop_on, seen_at) GROUP BY id, drop_on) r'
                '     WHERE h.drop_on = ANY ($1) AND h.id = r.id AND h.drop_on = r.drop_on RETURNING h.id, h.verdict)'
                ' SELECT coalesce(array_agg(id), ''{}'') FROM touched WHERE verdict = 2'
           INTO stones USING ARRAY(SELECT DISTINCT unnest(raised_on)), raised, raised_on, raised_at;
        IF cardinality(stones) > 0 THEN
            EXECUTE 'UPDATE sightings t SET seen_at = date_trunc(''day'', t.seen_at, ''UTC'')'
                    ' WHERE t.drop_on = ANY ($1) AND t.id = ANY ($2) AND t.hit = ANY ($3)'
              USING ARRAY(SELECT DISTINCT unnest(raised_on)), ids, stones;
        END IF;
    END IF;
    INSERT INTO list_days AS d (list, day, grade, hits, reads)
    SELECT u.list, u.day, u.grade, sum(u.fresh), count(*) FROM unnest(counted_lists, counted_days, counted_grades, counted_fresh) AS u (list, day, grade, fresh)
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (list, day, grade) DO UPDATE SET hits = d.hits + excluded.hits, reads = d.reads + excluded.reads;
    unknown := (SELECT count(*) FROM unnest(list_numbers) AS u (list) WHERE NOT EXISTS (SELECT FROM lists WHERE number = u.list));
END $$;

CREATE OR REPLACE FUNCTION hits_recent(since timestamptz)
RETURNS TABLE (id uuid, entry bigint, list int, revision int, age_s int, cooldown_s int, seen_at timestamptz, grade smallint,
               candidate smallint, covert boolean, verify boolean, confidence real, site text, lane text)
LANGUAGE plpgsql SET search_path = platesieve, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE
        'SELECT h.id, h.entry, h.list, h.revision, h.age_s, l.cooldown_s, h.seen_at, h.grade, h.candidate, h.covert, h.verify, h.confidence,'
        ' h.site, h.lane FROM hits h JOIN lists l ON l.number = h.list WHERE h.drop_on = ANY ($1) AND h.seen_at >= $2 AND h.verdict <> 2 ORDER BY h.seen_at'
        USING ARRAY(SELECT DISTINCT drop_day(l.number, day::date) FROM lists l,
                           generate_series((since AT TIME ZONE 'UTC')::date, utc_today() + 1, interval '1 day') AS day), since;
END $$;

REVOKE ALL ON FUNCTION verdict_count(int, date, smallint, bigint, text, text, date, smallint, int), hit_erase(uuid, date),
    hit_judge(text, text, uuid, smallint, text), verdicts_tidy() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION verdict_count(int, date, smallint, bigint, text, text, date, smallint, int), hit_erase(uuid, date),
    hit_judge(text, text, uuid, smallint, text), verdicts_tidy() TO platesieve_gate;
